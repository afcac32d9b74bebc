//! Sockets of two stacks that are joined by memory.

use handfast::device::impair::{Impaired, Profile};
use handfast::device::memory;
use handfast::{ListenConfig, Stack, State, TcpListener, TcpStream, UdpSocket};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SERVER: &str = "10.0.0.1:80";

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Far longer than anything here takes: a test that hangs shall fail.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it hangs")
}

fn two() -> (Stack, Stack) {
    let (left, right) = memory::wired(memory::Config::default()).unwrap();
    let build = |device, last: u8| {
        Stack::builder()
            .device(device)
            .address(format!("10.0.0.{last}/24").parse().unwrap())
            .address(format!("fd00::{last}/64").parse().unwrap())
            .build()
            .unwrap()
    };
    (build(left, 1), build(right, 2))
}

/// A connection: the server's end, the client's end.
async fn connected(server: &Stack, client: &Stack) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind_on(server, addr(SERVER)).await.unwrap();
    let near = TcpStream::connect_on(client, addr(SERVER)).await.unwrap();
    let (far, peer) = listener.accept().await.unwrap();
    assert_eq!((peer, far.peer_addr().unwrap()), (near.local_addr().unwrap(), near.local_addr().unwrap()));
    assert_eq!(far.local_addr().unwrap(), addr(SERVER));
    (far, near)
}

/// Octets in which every position differs from its neighbours in its own way.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()).take(len).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn megabytes_go_both_ways_at_once_unchanged() {
    soon(async {
        let (server, client) = two();
        let (far, near) = connected(&server, &client).await;
        let sent = pattern(8 << 20);
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        for stream in [far, near] {
            let (mut read, mut write) = stream.into_split();
            let out = sent.clone();
            writes.push(tokio::spawn(async move {
                write.write_all(&out).await.unwrap();
                write.shutdown().await.unwrap();
            }));
            reads.push(tokio::spawn(async move {
                let mut got = Vec::new();
                read.read_to_end(&mut got).await.unwrap();
                got
            }));
        }
        for read in reads {
            assert!(read.await.unwrap() == sent);
        }
        for write in writes {
            write.await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_that_loses_reorders_and_corrupts_changes_nothing() {
    soon(async {
        let (left, right) = memory::wired(memory::Config::default()).unwrap();
        let bad: Profile = "delay=2ms,loss=2%,reorder=2%/4ms,duplicate=1%,corrupt=0.5%".parse().unwrap();
        let server = Stack::builder().device(left).address("10.0.0.1/24".parse().unwrap()).build().unwrap();
        let impaired = Impaired::new(right, bad.clone(), bad, 7);
        let client =
            Stack::builder().device(impaired).address("10.0.0.2/24".parse().unwrap()).build().unwrap();
        let (mut far, mut near) = connected(&server, &client).await;
        let sent = pattern(300_000);
        let out = sent.clone();
        let writer = tokio::spawn(async move {
            near.write_all(&out).await.unwrap();
            near.shutdown().await.unwrap();
            near
        });
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert!(got == sent);
        drop(writer.await.unwrap());
    })
    .await;
}

/// Covers: RFC 9293 MUST-12
#[tokio::test]
async fn data_flows_back_for_as_long_as_one_likes_after_a_half_close() {
    soon(async {
        let (server, client) = two();
        let (mut far, mut near) = connected(&server, &client).await;
        near.write_all(b"that is all").await.unwrap();
        near.shutdown().await.unwrap();
        let mut heard = String::new();
        far.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "that is all");
        assert_eq!(far.status().state, Some(State::CloseWait));
        assert_eq!(near.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        near.shutdown().await.unwrap();
        for n in 0..3u8 {
            far.write_all(&[n; 10_000]).await.unwrap();
            let mut got = vec![0; 10_000];
            near.read_exact(&mut got).await.unwrap();
            assert!(got.iter().all(|&octet| octet == n));
        }
        far.shutdown().await.unwrap();
        assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_abort_is_a_reset_to_the_peer() {
    soon(async {
        let (server, client) = two();
        let (mut far, near) = connected(&server, &client).await;
        near.abort();
        assert_eq!(far.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0, "it is told once");
        assert_eq!(far.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        client.quiet().await.unwrap();
    })
    .await;
}

/// Covers: RFC 9293 SHLD-3
#[tokio::test]
async fn what_was_left_unread_is_told_by_a_reset_and_what_was_written_is_delivered() {
    soon(async {
        let (server, client) = two();
        let (mut far, near) = connected(&server, &client).await;
        far.write_all(b"never read").await.unwrap();
        near.peek(&mut [0; 1]).await.unwrap();
        drop(near);
        assert_eq!(far.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);

        let (mut far, mut near) = connected(&server, &client).await;
        let sent = pattern(100_000);
        near.write_all(&sent).await.unwrap();
        drop((near, client)); // Not even the stack has an owner any more.
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert!(got == sent);
    })
    .await;
}

#[tokio::test]
async fn both_ip_versions_are_taken_by_one_listener_and_each_peer_shows_its_own() {
    soon(async {
        let (server, client) = two();
        let both = ListenConfig { dual_stack: true, ..ListenConfig::default() };
        let listener = TcpListener::bind_with(&server, addr("[::]:80"), both).await.unwrap();
        for to in ["10.0.0.1:80", "[fd00::1]:80"] {
            let near = TcpStream::connect_on(&client, addr(to)).await.unwrap();
            let (far, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, near.local_addr().unwrap());
            assert_eq!(far.local_addr().unwrap(), addr(to));
        }
    })
    .await;
}

#[tokio::test]
async fn a_name_without_a_resolver_is_an_error_that_says_what_to_do() {
    soon(async {
        let (server, client) = two();
        let _listener = TcpListener::bind_on(&server, addr(SERVER)).await.unwrap();
        let why = TcpStream::connect_on(&client, "server.example:80").await.unwrap_err();
        assert_eq!(why.kind(), ErrorKind::Unsupported);
        let text = why.to_string();
        assert!(
            ["server.example", "Stack::set_resolver", "hickory"].iter().all(|part| text.contains(part)),
            "{text}"
        );
        let why = UdpSocket::bind_on(&client, "server.example:0").await.unwrap_err();
        assert_eq!(why.kind(), ErrorKind::Unsupported);
        let why = handfast::blocking::TcpListener::bind_on(&client, "server.example:0").unwrap_err();
        assert_eq!(why.kind(), ErrorKind::Unsupported);

        struct Known;
        impl handfast::Resolve for Known {
            fn resolve<'a>(&'a self, name: &'a str) -> handfast::Resolving<'a> {
                let known = (name == "server.example").then(|| vec![addr(SERVER).ip()]);
                Box::pin(std::future::ready(known.ok_or_else(|| ErrorKind::NotFound.into())))
            }
        }
        client.set_resolver(Known);
        let near = TcpStream::connect_on(&client, "server.example:80").await.unwrap();
        assert_eq!(near.peer_addr().unwrap(), addr(SERVER));
        let why = TcpStream::connect_on(&client, "nobody.example:80").await.unwrap_err();
        assert_eq!(why.kind(), ErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_stack_reaches_itself() {
    soon(async {
        let (server, _client) = two();
        for to in ["127.0.0.1:80", "[::1]:80", SERVER] {
            let listener = TcpListener::bind_on(&server, addr(to)).await.unwrap();
            let mut near = TcpStream::connect_on(&server, addr(to)).await.unwrap();
            let (mut far, _) = listener.accept().await.unwrap();
            let sent = pattern(1_000_000);
            let out = sent.clone();
            tokio::spawn(async move { near.write_all(&out).await.unwrap() });
            let mut got = Vec::new();
            far.read_to_end(&mut got).await.unwrap();
            assert!(got == sent, "{to}");
        }
    })
    .await;
}

#[tokio::test]
async fn several_tasks_accept_at_once_and_one_that_gives_up_takes_nothing_along() {
    soon(async {
        let (server, client) = two();
        let listener = Arc::new(TcpListener::bind_on(&server, addr(SERVER)).await.unwrap());
        // Polled once, then dropped: its waker is gone, and no connection with it.
        let gives_up = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
        assert!(gives_up.is_err());
        let accepts: Vec<_> = (0..5)
            .map(|_| {
                let listener = Arc::clone(&listener);
                tokio::spawn(async move { listener.accept().await.unwrap().1 })
            })
            .collect();
        tokio::task::yield_now().await;
        let mut near = Vec::new();
        for _ in 0..5 {
            near.push(TcpStream::connect_on(&client, addr(SERVER)).await.unwrap());
        }
        let mut peers = Vec::new();
        for accept in accepts {
            peers.push(accept.await.unwrap());
        }
        peers.sort();
        let mut expected: Vec<_> = near.iter().map(|stream| stream.local_addr().unwrap()).collect();
        expected.sort();
        assert_eq!(peers, expected);
    })
    .await;
}

#[tokio::test]
async fn a_connect_that_is_dropped_leaves_nothing_behind() {
    soon(async {
        let (left, _nobody) = memory::wired(memory::Config::default()).unwrap();
        let client = Stack::builder().device(left).address("10.0.0.2/24".parse().unwrap()).build().unwrap();
        let gives_up =
            tokio::time::timeout(Duration::ZERO, TcpStream::connect_on(&client, addr(SERVER))).await;
        assert!(gives_up.is_err());
        client.quiet().await.unwrap();
        assert_eq!(client.host(|host| host.tcp_counts().connections), 0);
    })
    .await;
}

/// Covers: RFC 768 768-10
#[tokio::test]
async fn datagrams_of_every_size_come_back_as_they_went() {
    soon(async {
        let (server, client) = two();
        for (to, own, most) in [("10.0.0.1:7", "0.0.0.0:0", 65_507), ("[fd00::1]:7", "[::]:0", 65_527)] {
            let echo = UdpSocket::bind_on(&server, addr(to)).await.unwrap();
            let answering = tokio::spawn(async move {
                let mut buffer = vec![0; 65_535];
                loop {
                    let (count, from) = echo.recv_from(&mut buffer).await.unwrap();
                    echo.send_to(&buffer[..count], from).await.unwrap();
                }
            });
            let mine = UdpSocket::bind_on(&client, addr(own)).await.unwrap();
            mine.connect(addr(to)).await.unwrap();
            let mut buffer = vec![0; 65_535];
            for len in [0, 1, 1472, 1473, most] {
                let sent = pattern(len);
                assert_eq!(mine.send(&sent).await.unwrap(), len);
                let count = mine.recv(&mut buffer).await.unwrap();
                assert!(buffer[..count] == sent, "{len} octets to {to}, {count} back");
            }
            assert_eq!(mine.send(&vec![0; most + 1]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
            answering.abort();
        }
    })
    .await;
}

#[tokio::test]
async fn a_receive_that_is_dropped_loses_no_datagram() {
    soon(async {
        let (server, client) = two();
        let bound = UdpSocket::bind_on(&server, addr("10.0.0.1:9")).await.unwrap();
        assert!(tokio::time::timeout(Duration::ZERO, bound.datagram()).await.is_err());
        let mine = UdpSocket::bind_on(&client, addr("0.0.0.0:0")).await.unwrap();
        mine.send_to(b"late", addr("10.0.0.1:9")).await.unwrap();
        assert_eq!(bound.datagram().await.unwrap().data.to_vec(), b"late");
        drop(bound);
        UdpSocket::bind_on(&server, addr("10.0.0.1:9")).await.expect("the port is free again");
    })
    .await;
}

#[tokio::test]
async fn closing_waits_for_what_was_written_and_resets_what_does_not_end() {
    soon(async {
        let (server, client) = two();
        let (mut far, near) = connected(&server, &client).await;
        // Nobody closes this one: it has to be reset.
        assert_eq!(client.clone().close(Duration::from_millis(10)).await.aborted, 1);
        assert_eq!(far.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let gone = near.peek(&mut [0; 8]).await.unwrap_err();
        assert_eq!(
            (gone.kind(), gone.to_string()),
            (ErrorKind::NotConnected, "the stack is closed".to_owned())
        );
        assert_eq!(
            TcpStream::connect_on(&client, addr(SERVER)).await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        drop(far);
        assert_eq!(server.close(Duration::from_secs(30)).await.aborted, 0);
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_is_told_when_the_stack_is_closed() {
    soon(async {
        let (server, client) = two();
        let listener = TcpListener::bind_on(&server, addr(SERVER)).await.unwrap();
        let socket = UdpSocket::bind_on(&server, addr("10.0.0.1:9")).await.unwrap();
        let accepting = tokio::spawn(async move { listener.accept().await.map(drop) });
        let receiving = tokio::spawn(async move { socket.datagram().await.map(drop) });
        tokio::task::yield_now().await;
        server.close(Duration::ZERO).await;
        for waiting in [accepting, receiving] {
            assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::NotConnected);
        }
        drop(client);
    })
    .await;
}

/// A task that ends when its last waker does, and owns a socket until then.
struct Owner(#[expect(dead_code)] TcpStream);

impl std::task::Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_waker_that_owns_a_socket_may_be_dropped_by_the_stack() {
    let (over, said) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (server, client) = two();
            let (far, _near) = connected(&server, &client).await;
            let (other, _nears) = connected(&server, &client).await;
            let waker = std::task::Waker::from(Arc::new(Owner(other)));
            assert!(far.poll_read_ready(&mut std::task::Context::from_waker(&waker)).is_pending());
            drop(waker);
            // Another task takes its place: the first is over, and its socket with it.
            let nobody = std::task::Waker::noop();
            assert!(far.poll_read_ready(&mut std::task::Context::from_waker(nobody)).is_pending());
        });
        over.send(()).unwrap();
    });
    said.recv_timeout(Duration::from_secs(60)).expect("the stack waits for itself");
}

#[test]
fn what_comes_during_an_attempt_is_tried_again_though_it_looks_as_before() {
    let (left, right) = memory::wired(memory::Config::default()).unwrap();
    let build = |device, address: &str| {
        Stack::builder().device(device).address(address.parse().unwrap()).build_on_thread().unwrap()
    };
    let (server, client) = (build(left, "10.0.0.1/24"), build(right, "10.0.0.2/24"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (far, near) = connected(&server, &client).await;
        assert_eq!(near.try_write(&[1; 10]).unwrap(), 10);
        let mut attempts = 0;
        let attempt = || {
            attempts += 1;
            if attempts == 2 {
                return Ok(());
            }
            assert_eq!(far.try_read(&mut [0; 10]).unwrap(), 10);
            assert_eq!(near.try_write(&[2; 10]).unwrap(), 10);
            while far.status().readable < 10 {
                std::thread::yield_now();
            }
            Err(std::io::ErrorKind::WouldBlock.into())
        };
        let tried = far.async_io(tokio::io::Interest::READABLE, attempt);
        tokio::time::timeout(Duration::from_secs(60), tried).await.expect("nobody tried again").unwrap();
    });
}
