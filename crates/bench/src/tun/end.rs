//! The stack's end of a stream over a TUN: one connection, one thread, and what it cost.

use super::{Direction, Ended, PORT};
use crate::BenchError;
use crate::stack::{Stack, Waits};
use driver::Clock;
use env::Duration;

/// Octets in one write and one read of a stream.
const CHUNK: usize = 256 << 10;

/// So long nothing may come before the run is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Listens, says `ready`, takes one connection, and streams: for `lasting` if it sends, else until the peer ends.
pub(super) fn run<S: Stack + Waits>(
    mut stack: S,
    clock: Clock,
    direction: Direction,
    lasting: Duration,
    ready: impl FnOnce(),
) -> Result<Ended, BenchError> {
    stack.listen(clock.now(), PORT, 1)?;
    ready();
    let mut patience = clock.now() + PATIENCE;
    let id = loop {
        let now = clock.now();
        stack.turn(now)?;
        if let Some(id) = stack.accept() {
            break id;
        }
        if now > patience {
            return Err(BenchError::Stalled { stack: S::NAME, doing: "waiting for its peer" });
        }
        stack.wait(now, patience)?;
    };
    let spent = super::cpu();
    let began = clock.now();
    let mut buffer = vec![b'h'; CHUNK];
    let (mut octets, mut closed) = (0u64, false);
    loop {
        let now = clock.now();
        stack.turn(now)?;
        let mut moved = 0;
        if direction == Direction::FromStack && !closed {
            if now.since(began) < lasting {
                while let sent @ 1.. = stack.send(now, id, &buffer)? {
                    moved += sent;
                }
            } else {
                stack.close(now, id)?;
                (closed, moved) = (true, 1);
            }
        } else {
            while let read @ 1.. = stack.receive(now, id, &mut buffer)? {
                octets += read as u64;
                moved += read;
            }
            if stack.is_finished(now, id) {
                if !closed {
                    stack.close(now, id)?;
                }
                stack.flush(now)?;
                break;
            }
        }
        if moved > 0 {
            patience = now + PATIENCE;
            stack.flush(now)?;
        } else if now > patience {
            return Err(BenchError::Stalled { stack: S::NAME, doing: "streaming" });
        }
        stack.wait(now, patience)?;
    }
    let (time, cpu) = (clock.now().since(began), super::cpu().saturating_sub(spent));
    // The peer's last ACK, or its repeated FIN, still finds somebody.
    let end = clock.now() + Duration::from_millis(20);
    while clock.now() < end {
        let now = clock.now();
        stack.turn(now)?;
        stack.wait(now, end)?;
    }
    Ok(Ended { octets, time, cpu, congestion: None })
}
