//! What two stacks do while they are measured, in one thread.
//!
//! ```text
//!    client ── turn ──► link ──► turn ── server         nothing waits: each has its turn as long as anything moves
//! ```

use crate::BenchError;
use crate::stack::Stack;
use driver::Clock;
use env::{Duration, Instant};

/// The port of whatever serves.
pub(crate) const PORT: u16 = 5201;

/// Octets in one write and one read of a stream.
const CHUNK: usize = 64 << 10;

/// Idle connections that are opened together: few enough that no queue between the stacks overflows.
const GROUP: usize = 250;

/// Octets that a stream moves at least, however long that takes: less says nothing.
const LEAST: u64 = 4 << 20;

/// So long nothing may move before a run is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two stacks at the ends of one link.
pub(crate) struct Pair<S> {
    pub(crate) clock: Clock,
    pub(crate) client: S,
    pub(crate) server: S,
}

/// A connection's names: the client's and the server's.
pub(crate) type Both<S> = (<S as Stack>::Id, <S as Stack>::Id);

/// A stream as it was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streamed {
    /// Octets that the reader got.
    pub(crate) octets: u64,
    /// Frames that the writer sent.
    pub(crate) frames: u64,
    /// How long it took.
    pub(crate) time: Duration,
}

/// What a stream's user writes from and reads into.
struct Buffers {
    data: Vec<u8>,
    into: Vec<u8>,
}

impl Buffers {
    fn new() -> Self {
        Self { data: vec![b'h'; CHUNK], into: vec![0; CHUNK] }
    }
}

impl<S: Stack> Pair<S> {
    /// Opens a connection, the listener being there already; gives both ends.
    pub(crate) fn open(&mut self) -> Result<Both<S>, BenchError> {
        let id = self.client.connect(self.clock.now(), PORT)?;
        let began = self.clock.now();
        loop {
            self.turn()?;
            if self.client.is_established(id)
                && let Some(accepted) = self.server.accept()
            {
                return Ok((id, accepted));
            }
            self.patience(began, "opening a connection")?;
        }
    }

    /// Opens `count` connections, has one octet go each way on each, and leaves them idle.
    pub(crate) fn open_idle(&mut self, count: usize) -> Result<Vec<Both<S>>, BenchError> {
        let mut pairs = Vec::with_capacity(count);
        while pairs.len() < count {
            let group = GROUP.min(count - pairs.len());
            let opened = self.open_group(group)?;
            pairs.extend(opened);
        }
        Ok(pairs)
    }

    fn open_group(&mut self, count: usize) -> Result<Vec<Both<S>>, BenchError> {
        const DOING: &str = "opening idle connections";
        let began = self.clock.now();
        let clients: Vec<_> =
            (0..count).map(|_| self.client.connect(began, PORT)).collect::<Result<_, _>>()?;
        let mut servers = Vec::with_capacity(count);
        while servers.len() < count {
            self.turn()?;
            servers.extend(std::iter::from_fn(|| self.server.accept()));
            self.patience(began, DOING)?;
        }
        let mut octet = [0];
        for &client in &clients {
            self.client.send(began, client, b"x")?;
        }
        let mut answered = 0;
        while answered < count {
            self.turn()?;
            let now = self.clock.now();
            for &server in &servers {
                if self.server.receive(now, server, &mut octet)? > 0 {
                    self.server.send(now, server, &octet)?;
                }
            }
            for &client in &clients {
                answered += self.client.receive(now, client, &mut octet)?;
            }
            self.patience(began, DOING)?;
        }
        self.turn()?;
        Ok(clients.into_iter().zip(servers).collect())
    }

    /// Streams from client to server for `lasting`, after a start that is not counted.
    pub(crate) fn stream(&mut self, lasting: Duration) -> Result<Streamed, BenchError> {
        let both = self.open()?;
        let mut buffers = Buffers::new();
        let mut now = self.clock.now();
        let (mut moved, mut seen) = (now, 0);
        // Until the windows are open.
        let start = now + lasting / 8;
        let mut counted: Option<(Instant, u64)> = None;
        let mut octets = 0;
        let mut frames = 0;
        loop {
            octets += self.stream_turn(now, both, &mut buffers)?;
            now = self.clock.now();
            match counted {
                None if now >= start => {
                    (octets, frames) = (0, self.client.frames());
                    counted = Some((now, octets));
                    (moved, seen) = (now, octets);
                }
                Some((since, _)) if now.since(since) >= lasting && octets >= LEAST => {
                    let frames = self.client.frames() - frames;
                    return Ok(Streamed { octets, frames, time: now.since(since) });
                }
                _ => {}
            }
            if octets != seen {
                (moved, seen) = (now, octets);
            } else if now.since(moved) > PATIENCE {
                return Err(BenchError::Stalled { stack: S::NAME, doing: "streaming" });
            }
        }
    }

    /// Streams `count` octets from client to server, or a few more.
    pub(crate) fn stream_octets(&mut self, count: u64) -> Result<u64, BenchError> {
        let both = self.open()?;
        let mut buffers = Buffers::new();
        let mut octets = 0;
        let began = self.clock.now();
        while octets < count {
            let now = self.clock.now();
            octets += self.stream_turn(now, both, &mut buffers)?;
            if octets == 0 {
                self.patience(began, "streaming")?;
            }
        }
        Ok(octets)
    }

    /// The client writes all it may, the server reads all there is: how much that was.
    fn stream_turn(
        &mut self,
        now: Instant,
        (from, to): Both<S>,
        buffers: &mut Buffers,
    ) -> Result<u64, BenchError> {
        while self.client.send(now, from, &buffers.data)? > 0 {}
        self.client.flush(now)?;
        self.server.turn(now)?;
        let mut octets = 0;
        loop {
            let read = self.server.receive(now, to, &mut buffers.into)?;
            if read == 0 {
                break;
            }
            octets += read as u64;
        }
        self.server.flush(now)?;
        self.client.turn(now)?;
        Ok(octets)
    }

    /// Sends one octet to and fro, `count` times, and says how long all of it took.
    pub(crate) fn round_trips(&mut self, (from, to): Both<S>, count: u32) -> Result<Duration, BenchError> {
        let mut octet = [0];
        let began = self.clock.now();
        for _ in 0..count {
            let now = self.clock.now();
            self.client.send(now, from, b"x")?;
            self.client.flush(now)?;
            loop {
                let now = self.clock.now();
                self.server.turn(now)?;
                if self.server.receive(now, to, &mut octet)? > 0 {
                    self.server.send(now, to, &octet)?;
                    self.server.flush(now)?;
                }
                self.client.turn(now)?;
                if self.client.receive(now, from, &mut octet)? > 0 {
                    break;
                }
                self.patience(began, "sending an octet to and fro")?;
            }
        }
        Ok(self.clock.now().since(began))
    }

    /// Opens connections one after the other, has one octet go each way, and closes them; says how long all took.
    pub(crate) fn connections(&mut self, count: u32) -> Result<Duration, BenchError> {
        const DOING: &str = "opening and closing connections";
        let mut octet = [0];
        let began = self.clock.now();
        for _ in 0..count {
            let (client, server) = self.open()?;
            let now = self.clock.now();
            self.client.send(now, client, b"x")?;
            self.client.flush(now)?;
            self.server.turn(now)?;
            while self.server.receive(now, server, &mut octet)? == 0 {
                self.turn()?;
                self.patience(began, DOING)?;
            }
            self.server.send(now, server, &octet)?;
            self.server.flush(now)?;
            self.client.turn(now)?;
            while self.client.receive(now, client, &mut octet)? == 0 {
                self.turn()?;
                self.patience(began, DOING)?;
            }
            self.client.close(now, client)?;
            self.client.flush(now)?;
            self.server.turn(now)?;
            while !self.server.is_finished(now, server) {
                self.turn()?;
                self.patience(began, DOING)?;
            }
            self.server.close(now, server)?;
            self.server.flush(now)?;
            self.client.turn(now)?;
            while !self.client.is_finished(now, client) {
                self.turn()?;
                self.patience(began, DOING)?;
            }
            self.server.turn(now)?;
            self.client.forget(now, client);
            self.server.forget(now, server);
        }
        Ok(self.clock.now().since(began))
    }

    /// Gives each its turn.
    pub(crate) fn turn(&mut self) -> Result<(), BenchError> {
        let now = self.clock.now();
        self.client.turn(now)?;
        self.server.turn(now)?;
        self.client.turn(now)
    }

    fn patience(&self, began: Instant, doing: &'static str) -> Result<(), BenchError> {
        // Some of this is quadratic in one of the stacks.
        if self.clock.now().since(began) > PATIENCE * 6 {
            return Err(BenchError::Stalled { stack: S::NAME, doing });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory;

    /// What every stack must do before it is worth measuring.
    fn all_traffic_runs<S: Stack>(mut pair: Pair<S>) {
        pair.server.listen(pair.clock.now(), PORT, 300).unwrap();
        let open = pair.open_idle(299).unwrap();
        assert_eq!(open.len(), 299);
        assert!(open.iter().all(|(client, _)| pair.client.is_established(*client)));
        let both = *open.last().unwrap();
        let before = pair.client.frames() + pair.server.frames();
        pair.round_trips(both, 50).unwrap();
        assert!(pair.client.frames() + pair.server.frames() - before >= 100, "each octet needs a segment");
        pair.connections(1).unwrap();
    }

    fn a_stream_counts_what_it_moves<S: Stack>(mut pair: Pair<S>, trains: bool) {
        pair.server.listen(pair.clock.now(), PORT, 1).unwrap();
        let streamed = pair.stream(Duration::from_millis(20)).unwrap();
        let each = streamed.octets as f64 / streamed.frames as f64;
        assert!(streamed.octets > 0 && streamed.frames > 0);
        if trains {
            assert!(each > 8.0 * 1460.0, "{each} octets a frame");
        } else {
            // What was on its way when counting began was sent before.
            assert!((1000.0..=1600.0).contains(&each), "{each} octets a frame");
        }
    }

    #[test]
    fn ours_does_all_that_is_measured() {
        all_traffic_runs(memory::ours(false, 4096).unwrap());
        a_stream_counts_what_it_moves(memory::ours(false, 256 << 10).unwrap(), false);
        a_stream_counts_what_it_moves(memory::ours(true, 256 << 10).unwrap(), true);
    }

    #[test]
    fn smoltcp_does_all_that_is_measured() {
        all_traffic_runs(memory::theirs(false, 4096).unwrap());
        a_stream_counts_what_it_moves(memory::theirs(false, 256 << 10).unwrap(), false);
        a_stream_counts_what_it_moves(memory::theirs(true, 256 << 10).unwrap(), true);
    }
}
