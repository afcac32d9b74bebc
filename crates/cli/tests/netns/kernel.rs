//! The kernel's sockets and ours, without programs between: who is reset, who is refused, who opens.

use crate::support::in_namespace;
use handfast::{HostConfig, Stack, TcpListener, TcpStream};
use rustix::net::sockopt::set_socket_linger;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) const OURS: [&str; 2] = ["10.111.0.2", "fd00:111::2"];
pub(crate) const KERNELS: [&str; 2] = ["10.111.0.1", "fd00:111::1"];

pub(crate) fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// Runs `test` with a stack of ours on a TUN.
fn with_stack<F: Future<Output = ()>>(test: impl FnOnce(Stack) -> F) {
    with(HostConfig::default(), test);
}

/// The same with settings.
pub(crate) fn with<F: Future<Output = ()>>(config: HostConfig, test: impl FnOnce(Stack) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cidr = |address: &str| {
            let prefix = if address.contains(':') { 64 } else { 24 };
            format!("{address}/{prefix}").parse().unwrap()
        };
        let builder = Stack::builder().config(config).tun("hf1");
        let builder = OURS.into_iter().fold(builder, |builder, address| builder.address(cidr(address)));
        let builder =
            KERNELS.into_iter().fold(builder, |builder, address| builder.host_address(cidr(address)));
        let stack = builder.build().unwrap();
        let limit = Duration::from_secs(120);
        tokio::time::timeout(limit, test(stack)).await.expect("it hangs");
    });
}

/// A connection that the kernel opened: its end, and ours.
async fn accepted(listener: &TcpListener, to: SocketAddr) -> (std::net::TcpStream, TcpStream) {
    let connecting = thread::spawn(move || std::net::TcpStream::connect(to).unwrap());
    let (ours, peer) = listener.accept().await.unwrap();
    let kernels = connecting.join().unwrap();
    assert_eq!(peer, kernels.local_addr().unwrap());
    kernels.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    (kernels, ours)
}

/// Covers: RFC 9293 SHLD-3
#[test]
fn an_aborted_connection_says_reset_on_both_sides() {
    in_namespace("kernel::an_aborted_connection_says_reset_on_both_sides", &[], || {
        with_stack(|stack| async move {
            for address in OURS {
                let to = at(address, 80);
                let listener = TcpListener::bind_on(&stack, to).await.unwrap();
                // We abort.
                let (mut kernels, ours) = accepted(&listener, to).await;
                ours.abort();
                let read = thread::spawn(move || kernels.read(&mut [0; 9]).unwrap_err().kind());
                assert_eq!(read.join().unwrap(), ErrorKind::ConnectionReset);
                // The kernel aborts.
                let (kernels, mut ours) = accepted(&listener, to).await;
                set_socket_linger(&kernels, Some(Duration::ZERO)).unwrap();
                drop(kernels);
                assert_eq!(ours.read(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
                // Told once; what follows is a broken pipe, as with the kernel.
                assert_eq!(ours.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
                // We go and leave something unread.
                let (mut kernels, ours) = accepted(&listener, to).await;
                kernels.write_all(b"unread").unwrap();
                ours.peek(&mut [0; 1]).await.unwrap();
                drop(ours);
                let read = thread::spawn(move || kernels.read(&mut [0; 9]).unwrap_err().kind());
                assert_eq!(read.join().unwrap(), ErrorKind::ConnectionReset);
            }
        });
    });
}

/// Covers: RFC 9293 MUST-12
#[test]
fn we_half_close_and_the_kernel_goes_on_sending() {
    in_namespace("kernel::we_half_close_and_the_kernel_goes_on_sending", &[], || {
        with_stack(|stack| async move {
            for address in OURS {
                let to = at(address, 80);
                let listener = TcpListener::bind_on(&stack, to).await.unwrap();
                let (mut kernels, mut ours) = accepted(&listener, to).await;
                ours.write_all(b"that is all").await.unwrap();
                ours.shutdown().await.unwrap();
                let sending = thread::spawn(move || {
                    let mut heard = String::new();
                    kernels.read_to_string(&mut heard).unwrap(); // our FIN
                    for n in 0..100u8 {
                        kernels.write_all(&[n; 10_000]).unwrap();
                    }
                    heard
                });
                let mut got = Vec::new();
                ours.read_to_end(&mut got).await.unwrap();
                assert_eq!(sending.join().unwrap(), "that is all");
                assert_eq!(got.len(), 1_000_000);
                assert!(got.chunks(10_000).zip(0..).all(|(part, n)| part.iter().all(|&octet| octet == n)));
            }
        });
    });
}

#[test]
fn we_open_connections_to_the_kernel_or_are_refused() {
    in_namespace("kernel::we_open_connections_to_the_kernel_or_are_refused", &[], || {
        with_stack(|stack| async move {
            for address in KERNELS {
                let refused = TcpStream::connect_on(&stack, at(address, 81)).await.unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

                let listener = std::net::TcpListener::bind(at(address, 0)).unwrap();
                let to = listener.local_addr().unwrap();
                let echoing = thread::spawn(move || {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut octets = Vec::new();
                    stream.read_to_end(&mut octets).unwrap();
                    stream.write_all(&octets).unwrap();
                });
                let mut sent = vec![0; 3_000_000];
                env::Rng::seeded(3).fill(&mut sent);
                let mut stream = TcpStream::connect_on(&stack, to).await.unwrap();
                stream.write_all(&sent).await.unwrap();
                stream.shutdown().await.unwrap();
                let mut got = Vec::new();
                stream.read_to_end(&mut got).await.unwrap();
                assert!(got == sent);
                echoing.join().unwrap();
            }
        });
    });
}

#[test]
fn when_the_interface_is_deleted_whoever_waits_is_told() {
    in_namespace("kernel::when_the_interface_is_deleted_whoever_waits_is_told", &[], || {
        with_stack(|stack| async move {
            let listener = TcpListener::bind_on(&stack, at(OURS[0], 80)).await.unwrap();
            let (_kernels, mut ours) = accepted(&listener, at(OURS[0], 80)).await;
            device::netlink::Netlink::open().unwrap().delete_link("hf1").unwrap();
            let told = ours.read(&mut [0; 9]).await.unwrap_err().to_string();
            assert!(told.contains("hf1"), "{told}");
            assert!(listener.accept().await.is_err());
        });
    });
}
