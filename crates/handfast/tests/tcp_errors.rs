//! Why a connection could not be opened, or was given up, as the kind of error that a program expects. The other end is a
//! hand, or nobody.

use handfast::device::{Capabilities, Device, Medium, memory};
use handfast::{HostConfig, Stack, TcpConfig, TcpListener, TcpStream};
use std::collections::VecDeque;
use std::future::Future;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wire::{Frame, Head, Protocol, icmpv4, ipv4};

/// Far longer than anything here takes: a test that hangs shall fail.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it hangs")
}

fn client(device: impl Device + Send + 'static, tcp: TcpConfig) -> Stack {
    let config = HostConfig { tcp, ..HostConfig::default() };
    Stack::builder().device(device).address("10.0.0.2/24".parse().unwrap()).config(config).build().unwrap()
}

/// Answers the first packet that comes with an ICMP error that quotes it.
async fn answer(mut wire: impl Device, code: icmpv4::Unreachable) {
    let mut frames = Vec::new();
    while frames.is_empty() {
        tokio::task::yield_now().await;
        wire.receive(env::Instant::ZERO, &mut frames).unwrap();
    }
    let packet = frames[0].to_vec();
    let body = icmpv4::Repr::DestinationUnreachable { code, quoted: &packet }.emit();
    let (router, ours) = (Ipv4Addr::new(10, 0, 0, 254), Ipv4Addr::new(10, 0, 0, 2));
    let mut head = Head::new();
    ipv4::Repr::new(router, ours, Protocol::ICMP).prepend_to(&mut head, body.len()).unwrap();
    let bytes = [head.as_slice(), &body].concat();
    let len = bytes.len();
    let mut out = VecDeque::from([Frame::received(bytes.into(), len, env::Instant::ZERO)]);
    wire.transmit(env::Instant::ZERO, &mut out).unwrap();
    assert!(out.is_empty());
    // Nobody closes the wire before the answer is read.
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn what_routers_and_hosts_say_while_connecting_is_the_error() {
    for (code, kind) in [
        (icmpv4::Unreachable::Net, ErrorKind::NetworkUnreachable),
        (icmpv4::Unreachable::Host, ErrorKind::HostUnreachable),
        (icmpv4::Unreachable::Port, ErrorKind::ConnectionRefused),
        (icmpv4::Unreachable::Protocol, ErrorKind::ConnectionRefused),
        (icmpv4::Unreachable::Prohibited, ErrorKind::HostUnreachable),
    ] {
        soon(async {
            let (left, right) = memory::wired(memory::Config::default()).unwrap();
            let client = client(left, TcpConfig::default());
            let error = tokio::select! {
                opened = TcpStream::connect_on(&client, "10.0.0.1:80") => opened.map(drop).unwrap_err(),
                () = answer(right, code) => unreachable!(),
            };
            assert_eq!(error.kind(), kind, "{code:?}: {error}");
            client.quiet().await.unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn a_host_that_no_neighbour_answers_for_is_unreachable() {
    soon(async {
        let capabilities = Capabilities { medium: Medium::Ethernet, ..Capabilities::default() };
        let (left, _nobody) =
            memory::wired(memory::Config { capabilities, ..memory::Config::default() }).unwrap();
        let client = client(left, TcpConfig::default());
        let error = TcpStream::connect_on(&client, "10.0.0.1:80").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable, "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_says_nothing_times_out() {
    soon(async {
        let (left, _nobody) = memory::wired(memory::Config::default()).unwrap();
        let client = client(left, TcpConfig::default().syn_timeout(Duration::from_secs(1)));
        let error = TcpStream::connect_on(&client, "10.0.0.1:80").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        client.quiet().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn without_a_route_the_network_is_unreachable_at_once() {
    let (left, _nobody) = memory::wired(memory::Config::default()).unwrap();
    let client = client(left, TcpConfig::default());
    let error = soon(TcpStream::connect_on(&client, "[2001:db8::1]:80")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable, "{error}");
}

#[tokio::test]
async fn what_lingers_too_long_is_reset_though_nobody_waits_for_it() {
    soon(async {
        let (left, _other_end) = memory::wired(memory::Config::default()).unwrap();
        let stack = client(left, TcpConfig::default());
        let listener = TcpListener::bind_on(&stack, "10.0.0.2:80").await.unwrap();
        let near = TcpStream::connect_on(&stack, "10.0.0.2:80").await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        // Until both buffers are full: the rest cannot be delivered, for nobody reads.
        let mut refused = 0;
        while refused < 2 {
            match near.try_write(&[1; 65_536]) {
                Ok(_) => refused = 0,
                Err(why) => {
                    assert_eq!(why.kind(), ErrorKind::WouldBlock);
                    refused += 1;
                    for _ in 0..64 {
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
        near.set_linger(Some(Duration::from_secs(1))).unwrap();
        drop(near); // at once
        assert_ne!(stack.host(|host| host.tcp_counts().connections), 0);
        far.ready(tokio::io::Interest::ERROR).await.unwrap();
        // What had come is read first.
        let mut came = Vec::new();
        let end = far.read_to_end(&mut came).await.unwrap_err();
        assert_eq!((came.is_empty(), end.kind()), (false, ErrorKind::ConnectionReset));
        assert_eq!(far.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        drop(far);
        stack.quiet().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn chunks_go_both_ways_without_a_copy_and_as_they_fit() {
    soon(async {
        let (left, _other_end) = memory::wired(memory::Config::default()).unwrap();
        let stack = client(left, TcpConfig::default().send_buffer(100_000).unwrap());
        let listener = TcpListener::bind_on(&stack, "10.0.0.2:80").await.unwrap();
        let near = TcpStream::connect_on(&stack, "10.0.0.2:80").await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let sent = bytes::Bytes::from((0..3_000_000u32).map(|n| (n % 253) as u8).collect::<Vec<_>>());
        let writer = {
            let mut sent = sent.clone();
            async move {
                // Nobody reads yet: both buffers fill up.
                let why = loop {
                    match near.try_write_bytes(&mut sent) {
                        Ok(count) => assert!(count <= 100_000, "{count}"),
                        Err(why) => break why,
                    }
                };
                assert_eq!((why.kind(), sent.is_empty()), (ErrorKind::WouldBlock, false));
                let (_read, mut write) = near.into_split();
                write.write_bytes(sent).await.unwrap();
                write.shutdown().await.unwrap();
                write.write_bytes(bytes::Bytes::new()).await.unwrap();
                assert_eq!(write.write_bytes("x".into()).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            }
        };
        let reader = async move {
            let (mut read, _write) = far.into_split();
            assert!(read.read_chunk(0).await.unwrap().is_empty());
            let mut got = Vec::new();
            loop {
                let chunk = read.read_chunk(50_000).await.unwrap();
                assert!(chunk.len() <= 50_000);
                if chunk.is_empty() {
                    break got;
                }
                got.extend_from_slice(&chunk);
            }
        };
        let ((), got) = tokio::join!(writer, reader);
        assert!(got == sent);
    })
    .await;
}
