//! Who turns, how often, and what is left at the end.

use crate::device::{Capabilities, Counters, Device, Frame, Instant, Medium, memory};
use crate::shared::Shared;
use crate::{Stack, TcpListener, TcpStream, UdpSocket};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

const SERVER: &str = "10.0.0.1:80";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn two_on_threads(config: memory::Config) -> (Stack, Stack) {
    let (left, right) = memory::wired(config).unwrap();
    let build = |device, address: &str| {
        Stack::builder().device(device).address(address.parse().unwrap()).build_on_thread().unwrap()
    };
    (build(left, "10.0.0.1/24"), build(right, "10.0.0.2/24"))
}

/// Datagrams there and back on stacks of their own: time passes, and work is done, elsewhere.
async fn something_elsewhere() {
    let (a, b) = two_on_threads(memory::Config::default());
    let far = UdpSocket::bind_on(&a, "10.0.0.1:7").await.unwrap();
    let near = UdpSocket::bind_on(&b, "0.0.0.0:0").await.unwrap();
    let mut buffer = [0; 8];
    for _ in 0..200 {
        near.send_to(b"ping", "10.0.0.1:7").await.unwrap();
        let (_, from) = far.recv_from(&mut buffer).await.unwrap();
        far.send_to(b"pong", from).await.unwrap();
        near.recv_from(&mut buffer).await.unwrap();
    }
}

fn turns(stack: &Stack) -> u64 {
    stack.shared().lock().turns
}

async fn connected(server: &Stack, client: &Stack) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind_on(server, SERVER).await.unwrap();
    let near = TcpStream::connect_on(client, SERVER).await.unwrap();
    (listener.accept().await.unwrap().0, near)
}

/// Waits on this thread until all of the stack is gone, and whoever else held on to it.
fn is_gone(shared: &Arc<Shared>) -> bool {
    let inner = shared.lock();
    inner.over && inner.waiting() == 0 && inner.driver.devices().count() == 0 && inner.belongings.is_empty()
}

#[test]
fn an_idle_stack_is_never_turned() {
    let runtime = runtime();
    runtime.block_on(async {
        let (server, client) = two_on_threads(memory::Config::default());
        let (mut far, mut near) = connected(&server, &client).await;
        for _ in 0..50 {
            near.write_all(b"ping").await.unwrap();
            far.read_exact(&mut [0; 4]).await.unwrap();
        }
        // What the last octets still ask for: a delayed ACK, an alarm that was set before.
        let asleep = |stack: &Stack| stack.shared().lock().asleep_until == Instant::FAR;
        while !(asleep(&server) && asleep(&client)) {
            something_elsewhere().await;
        }
        let before = (turns(&server), turns(&client));
        let open = [server.host(|host| host.tcp_counts()), client.host(|host| host.tcp_counts())];
        assert!(open.iter().all(|counts| counts.connections == 1));
        for _ in 0..5 {
            something_elsewhere().await;
        }
        assert_eq!(before, (turns(&server), turns(&client)), "nobody had anything to do");
    });
}

/// A device that takes and gives nothing, on a descriptor that is writable all the time.
struct Stuck {
    fd: OwnedFd,
    offered: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
}

impl Device for Stuck {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
    fn receive(&mut self, _: Instant, _: &mut Vec<Frame>) -> io::Result<usize> {
        if self.broken.load(Ordering::SeqCst) { Err(io::Error::other("unplugged")) } else { Ok(0) }
    }
    fn transmit(&mut self, _: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        self.offered.fetch_add(usize::from(!frames.is_empty()), Ordering::SeqCst);
        Ok(0)
    }
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }
    fn counters(&self) -> Counters {
        Counters::default()
    }
}

fn stuck() -> (Stuck, Arc<AtomicUsize>, Arc<AtomicBool>) {
    // One end of a pair of sockets, whose peer lives on in the other descriptor of the same file.
    let (fd, peer) = std::os::unix::net::UnixDatagram::pair().unwrap();
    std::mem::forget(peer);
    let (offered, broken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    (Stuck { fd: fd.into(), offered: Arc::clone(&offered), broken: Arc::clone(&broken) }, offered, broken)
}

#[test]
fn a_device_that_takes_nothing_is_not_asked_over_and_over() {
    let runtime = runtime();
    for on_thread in [true, false] {
        runtime.block_on(async {
            let (device, offered, _) = stuck();
            let builder = Stack::builder().device(device).address("10.0.0.1/24".parse().unwrap());
            let stack = if on_thread { builder.build_on_thread() } else { builder.build() }.unwrap();
            let socket = UdpSocket::bind_on(&stack, "10.0.0.1:9").await.unwrap();
            socket.send_to(b"for nobody", "10.0.0.2:9").await.unwrap();
            for _ in 0..5 {
                something_elsewhere().await;
            }
            assert!(offered.load(Ordering::SeqCst) <= 8, "{} times in vain", offered.load(Ordering::SeqCst));
            assert!(turns(&stack) <= 8, "turned {} times", turns(&stack));
        });
    }
}

#[test]
fn a_stack_of_several_devices_goes_on_when_one_of_them_breaks() {
    let runtime = runtime();
    runtime.block_on(async {
        let (left, right) = memory::wired(memory::Config::default()).unwrap();
        let (device, _, broken) = stuck();
        let client = Stack::builder()
            .device(device)
            .address("10.9.0.1/24".parse().unwrap())
            .device(left)
            .address("10.0.0.2/24".parse().unwrap())
            .build()
            .unwrap();
        let server = Stack::builder().device(right).address("10.0.0.1/24".parse().unwrap()).build().unwrap();
        let (mut far, mut near) = connected(&server, &client).await;
        broken.store(true, Ordering::SeqCst);
        for _ in 0..3 {
            near.write_all(b"still here?").await.unwrap();
            far.read_exact(&mut [0; 11]).await.unwrap();
            far.write_all(b"yes").await.unwrap();
            near.read_exact(&mut [0; 3]).await.unwrap();
        }
        assert_eq!(client.shared().lock().driver.devices().count(), 1);
    });
}

#[test]
fn neighbours_find_each_other_on_ethernet() {
    let capabilities = Capabilities { medium: Medium::Ethernet, ..Capabilities::default() };
    let (server, client) = two_on_threads(memory::Config { capabilities, ..memory::Config::default() });
    runtime().block_on(async {
        let (mut far, mut near) = connected(&server, &client).await;
        near.write_all(b"over Ethernet").await.unwrap();
        far.read_exact(&mut [0; 13]).await.unwrap();
        assert!(client.host(|host| host.counters().arp_in_replies) > 0, "it was asked for");
    });
}

#[test]
fn what_was_written_outlives_its_runtime_and_whoever_waits_is_told() {
    let (left, right) = memory::wired(memory::Config::default()).unwrap();
    let server =
        Stack::builder().device(left).address("10.0.0.1/24".parse().unwrap()).build_on_thread().unwrap();
    let dying = runtime();
    let client = {
        let _entered = dying.enter();
        Stack::builder().device(right).address("10.0.0.2/24".parse().unwrap()).build().unwrap()
    };
    let shared = client.shared_arc();
    let (mut far, mut near) = dying.block_on(connected(&server, &client));
    // More than the peer has room for: most of it waits here when the runtime goes.
    let sent = vec![7u8; 200_000];
    let written = dying.block_on(async {
        let mut written = 0;
        while let Ok(Ok(count)) = tokio::time::timeout(Duration::ZERO, near.write(&sent)).await {
            written += count;
        }
        written
    });
    assert!(near.status().queued > 0);
    let local: SocketAddr = near.local_addr().unwrap();

    let (told, waiting) = mpsc::channel();
    let elsewhere = std::thread::spawn(move || {
        runtime().block_on(async {
            told.send(()).unwrap();
            let error = near.read(&mut [0; 8]).await.unwrap_err();
            let again = near.write(b"more").await.unwrap_err();
            (error.kind(), error.to_string(), again.kind())
        })
    });
    waiting.recv().unwrap();
    drop(dying);
    let (kind, text, again) = elsewhere.join().unwrap();
    assert_eq!((kind, again), (ErrorKind::NotConnected, ErrorKind::NotConnected));
    assert!(text.contains("runtime"), "{text}");

    // The peer gets all of it, and the end.
    let got = runtime().block_on(async {
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert_eq!(far.peer_addr().unwrap(), local);
        drop(far);
        got
    });
    assert_eq!(got.len(), written);
    assert!(got.iter().all(|&octet| octet == 7));
    assert_eq!(client.blocking_close(Duration::from_secs(60)).aborted, 0);
    assert!(is_gone(&shared));
    assert_eq!(shared.lock().driver.host().tcp_counts().connections, 0);
}

#[test]
fn a_stack_on_a_thread_serves_several_runtimes_and_survives_each() {
    let (server, client) = two_on_threads(memory::Config::default());
    let (first, second) = (runtime(), runtime());
    let (mut far, mut near) = first.block_on(connected(&server, &client));
    first.spawn({
        let client = client.clone();
        async move {
            let socket = UdpSocket::bind_on(&client, "0.0.0.0:9").await.unwrap();
            socket.recv_from(&mut [0; 8]).await
        }
    });
    first.block_on(tokio::task::yield_now());
    drop(first);
    second.block_on(async {
        near.write_all(b"from another").await.unwrap();
        far.read_exact(&mut [0; 12]).await.unwrap();
        // The task that was dropped with its runtime has let go of its port.
        UdpSocket::bind_on(&client, "0.0.0.0:9").await.unwrap();
    });
    let (of_server, of_client) = (server.shared_arc(), client.shared_arc());
    drop((far, near));
    assert_eq!(client.blocking_close(Duration::from_secs(60)).aborted, 0);
    assert_eq!(server.blocking_close(Duration::from_secs(60)).aborted, 0);
    assert!(is_gone(&of_server) && is_gone(&of_client));
}

#[test]
fn reset_all_ends_connections_and_nothing_else() {
    let (server, client) = two_on_threads(memory::Config::default());
    runtime().block_on(async {
        let (mut far, near) = connected(&server, &client).await;
        assert_eq!(client.reset_all(), 1);
        assert_eq!(far.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        drop((far, near));
        let (mut far, mut near) = connected(&server, &client).await;
        near.write_all(b"again").await.unwrap();
        far.read_exact(&mut [0; 5]).await.unwrap();
    });
}

#[test]
fn futures_that_are_dropped_leave_no_waker() {
    let (server, client) = two_on_threads(memory::Config::default());
    runtime().block_on(async {
        let listener = TcpListener::bind_on(&server, SERVER).await.unwrap();
        let socket = UdpSocket::bind_on(&client, "0.0.0.0:9").await.unwrap();
        let near = TcpStream::connect_on(&client, SERVER).await.unwrap();
        let far = listener.accept().await.unwrap().0;
        let (mut buffer, mut other) = ([0; 8], [0; 8]);
        for _ in 0..3 {
            tokio::select! {
                biased;
                _ = listener.accept() => unreachable!(),
                _ = socket.recv_from(&mut other) => unreachable!(),
                _ = far.peek(&mut buffer) => unreachable!(),
                _ = client.quiet() => unreachable!(),
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(server.shared().lock().waiting(), 0);
        assert_eq!(client.shared().lock().waiting(), 0);
        drop((near, far));
    });
}
