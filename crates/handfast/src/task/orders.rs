//! No wake-up is lost, in whatever order threads run: shuttle runs each body under many random schedules, and a thread
//! that would wait for ever is a failure.
//!
//! ```text
//!   RUSTFLAGS="--cfg handfast_shuttle" cargo test -p handfast --lib orders          300 schedules of each kind
//!   HANDFAST_SCHEDULES=100000 RUSTFLAGS=… cargo test --release -p handfast --lib orders
//! ```
//!
//! The stacks talk to themselves, so that nothing happens outside of the scheduler's sight: neither descriptors nor time
//! may wake anybody here. What is tried is our lock, our flags and our bell; tokio's own parts are taken to be right.
//!
//! That such a search finds what it is for is shown by mistakes made on purpose, each of which has to be found.

use super::{Next, Turner};
use crate::device::memory::{self, Wired};
use crate::shared::{Inner, STREAM, Shared, Side, Socket};
use crate::sync::{Bell, Mistake};
use crate::{Stack, TcpListener, TcpStream, UdpSocket};
use shuttle::future::block_on;
use shuttle::thread;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Runs `body` under random schedules, and under schedules with few but chosen changes of thread.
fn in_every_order(body: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("HANDFAST_SCHEDULES").map_or(300, |count| count.parse().unwrap());
    let body = Arc::new(body);
    let same = Arc::clone(&body);
    shuttle::check_random(move || same(), schedules);
    shuttle::check_pct(move || body(), schedules, 3);
}

/// A stack with a thread that turns it. Its device's other end is there, and silent.
struct Turned {
    stack: Stack,
    turner: thread::JoinHandle<()>,
    _silent: Wired,
}

impl Turned {
    fn new() -> Self {
        let (device, silent) = memory::wired(memory::Config::default()).unwrap();
        let builder = Stack::builder().device(device).address("10.0.0.1/24".parse().unwrap());
        let (stack, turner, bell) = builder.seed([7; 32]).build_to_be_turned().unwrap();
        Self { stack, turner: thread::spawn(move || turn(turner, &bell)), _silent: silent }
    }

    fn connected(&self) -> (TcpListener, TcpStream, TcpStream) {
        block_on(async {
            let listener = TcpListener::bind_on(&self.stack, "127.0.0.1:80").await.unwrap();
            let near = TcpStream::connect_on(&self.stack, "127.0.0.1:80").await.unwrap();
            let far = listener.accept().await.unwrap().0;
            (listener, far, near)
        })
    }

    /// All is let go of: who turns must notice.
    fn end(self) {
        drop(self.stack);
        self.turner.join().unwrap();
    }
}

/// As [`Turner::run`], but that only the bell ends a sleep.
fn turn(mut turner: Turner, bell: &Bell) {
    loop {
        match turner.turn(false) {
            Next::Over => break,
            Next::Now => thread::yield_now(),
            Next::Sleep { .. } => bell.wait(),
        }
    }
    turner.done = true;
}

#[test]
fn who_reads_is_woken_by_what_is_written_and_by_its_end() {
    in_every_order(|| {
        let turned = Turned::new();
        let (_listener, mut far, mut near) = turned.connected();
        let reader = thread::spawn(move || {
            block_on(async move {
                let mut got = Vec::new();
                far.read_to_end(&mut got).await.unwrap();
                got
            })
        });
        block_on(async {
            for octet in 0..3 {
                near.write_all(&[octet]).await.unwrap();
            }
            near.shutdown().await.unwrap();
        });
        assert_eq!(reader.join().unwrap(), [0, 1, 2]);
        drop((_listener, near));
        turned.end();
    });
}

#[test]
fn who_writes_is_woken_when_there_is_room_again() {
    in_every_order(|| {
        let turned = Turned::new();
        let (_listener, mut far, mut near) = turned.connected();
        // Until no more goes in: whoever writes the rest waits for the reader.
        let mut filled = 0;
        block_on(poll_fn(|context| {
            let mut write = pin!(near.write(&[7; 50_000]));
            match write.as_mut().poll(context) {
                Poll::Ready(count) => filled += count.unwrap(),
                Poll::Pending => return Poll::Ready(()),
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        let writer = thread::spawn(move || block_on(async move { near.write_all(&[7; 100]).await }));
        block_on(async {
            let mut buffer = vec![0; 1 << 20];
            let mut left = filled + 100;
            while left > 0 {
                left -= far.read(&mut buffer).await.unwrap();
            }
        });
        writer.join().unwrap().unwrap();
        drop((_listener, far));
        turned.end();
    });
}

#[test]
fn of_several_that_accept_one_that_gives_up_takes_no_wake_up_along() {
    in_every_order(|| {
        let turned = Turned::new();
        let listener = block_on(TcpListener::bind_on(&turned.stack, "127.0.0.1:80")).unwrap();
        let listener = Arc::new(listener);
        let gives_up = thread::spawn({
            let listener = Arc::clone(&listener);
            move || {
                let mut accept = Box::pin(async move { listener.accept().await.map(drop) });
                block_on(poll_fn(|context| Poll::Ready(accept.as_mut().poll(context).is_ready())))
            }
        });
        let stays = thread::spawn({
            let listener = Arc::clone(&listener);
            move || block_on(async { listener.accept().await.map(drop) }).unwrap()
        });
        let near: Vec<_> =
            (0..2).map(|_| block_on(TcpStream::connect_on(&turned.stack, "127.0.0.1:80")).unwrap()).collect();
        gives_up.join().unwrap();
        stays.join().unwrap();
        drop((near, listener));
        turned.end();
    });
}

#[test]
fn datagrams_wake_whoever_waits_for_them_on_both_sides() {
    in_every_order(|| {
        let turned = Turned::new();
        let bind = |at: &str| block_on(UdpSocket::bind_on(&turned.stack, at)).unwrap();
        let (one, two) = (bind("127.0.0.1:1"), bind("127.0.0.1:2"));
        let echo = thread::spawn(move || {
            block_on(async {
                let (mut buffer, mut back) = ([0; 8], 0);
                while back < 2 {
                    let (count, from) = two.recv_from(&mut buffer).await.unwrap();
                    two.send_to(&buffer[..count], from).await.unwrap();
                    back += 1;
                }
            });
        });
        block_on(async {
            for _ in 0..2 {
                one.send_to(b"ping", "127.0.0.1:2").await.unwrap();
                one.recv_from(&mut [0; 8]).await.unwrap();
            }
        });
        echo.join().unwrap();
        drop(one);
        turned.end();
    });
}

#[test]
fn a_close_rouses_who_turns_and_tells_whoever_waits() {
    in_every_order(|| {
        let turned = Turned::new();
        let (_listener, mut far, near) = turned.connected();
        let waits = thread::spawn(move || block_on(async move { far.read(&mut [0; 8]).await }));
        let stack = turned.stack.clone();
        let closes = thread::spawn(move || block_on(stack.close(Duration::ZERO)));
        let error = waits.join().unwrap().unwrap_err().kind();
        assert!(
            matches!(
                error,
                ErrorKind::NotConnected | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
            ),
            "{error}"
        );
        assert_eq!(closes.join().unwrap().aborted, 2);
        drop((_listener, near));
        turned.end();
    });
}

#[test]
fn the_last_connection_that_ends_rouses_who_turns_and_all_who_wait_for_the_end_are_told() {
    in_every_order(two_close);
}

fn two_close() {
    let turned = Turned::new();
    let (listener, far, near) = turned.connected();
    let closing = [turned.stack.clone(), turned.stack.clone()]
        .map(|stack| thread::spawn(move || block_on(stack.close(Duration::from_secs(3600)))));
    let ends = thread::spawn(move || drop(far));
    drop((near, listener));
    ends.join().unwrap();
    for closed in closing {
        assert_eq!(closed.join().unwrap().aborted, 0);
    }
    turned.end();
}

#[test]
#[should_panic(expected = "deadlock")]
fn that_only_one_of_those_who_wait_is_woken_is_found() {
    Mistake::WakesOne.during(|| in_every_order(two_close));
}

#[test]
#[should_panic(expected = "deadlock")]
fn that_a_sleep_is_noted_too_late_is_found() {
    Mistake::SleepsUnseen.during(|| in_every_order(two_close));
}

/// As [`Shared::wait_for`] is not: it looks under the lock, and begins to wait only when it has taken it again.
async fn look_and_then_wait<R>(
    shared: &Shared,
    socket: Socket,
    mut attempt: impl FnMut(&mut Inner) -> Poll<R>,
) -> R {
    poll_fn(|context| {
        let done = shared.call(|inner, _| attempt(inner));
        if done.is_pending() {
            shared.call(|inner, _| inner.wait(socket, Side::Read, STREAM, context.waker()));
        }
        done
    })
    .await
}

#[test]
#[should_panic(expected = "deadlock")]
fn that_who_waits_is_noted_too_late_is_found() {
    in_every_order(|| {
        let turned = Turned::new();
        let bind = |at: &str| block_on(UdpSocket::bind_on(&turned.stack, at)).unwrap();
        let (one, two) = (bind("127.0.0.1:1"), bind("127.0.0.1:2"));
        let waits = thread::spawn(move || {
            let (shared, id) = (two.end.stack.shared_arc(), two.end.id);
            block_on(look_and_then_wait(&shared, Socket::Udp(id), |inner| {
                inner.host().udp_receive(id).map_or(Poll::Pending, Poll::Ready)
            }))
        });
        block_on(one.send_to(b"ping", "127.0.0.1:2")).unwrap();
        assert_eq!(waits.join().unwrap().data.len(), 4);
        drop(one);
        turned.end();
    });
}
