//! Many connections: one after the other, and at once; and what is left of them afterwards.

use crate::kernel::{KERNELS, OURS, at, with};
use crate::support::in_namespace;
use handfast::{HostConfig, ListenConfig, Stack, TcpConfig, TcpListener, TcpStream};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const IN_SEQUENCE: usize = 10_000;
const AT_ONCE: usize = 1_000;

/// TIME-WAIT lasts a tenth of a second here, and not a minute: that it ends is what is asked.
fn config() -> HostConfig {
    let tcp = TcpConfig::default().msl(Duration::from_millis(50)).unwrap();
    HostConfig { tcp, ..HostConfig::default() }
}

/// More descriptors than a process has by custom.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let wanted = 3 * AT_ONCE as u64;
    assert!(now.maximum.is_none_or(|most| most >= wanted), "no {wanted} descriptors: {now:?}");
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: now.maximum }).unwrap();
}

/// Echoes each connection's octets until its end.
async fn echo(stack: &Stack, address: SocketAddr) {
    let config = ListenConfig { backlog: AT_ONCE, syn_queue: AT_ONCE, ..ListenConfig::default() };
    let listener = TcpListener::bind_with(stack, address, config).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                // A connection that fails is seen by its other end.
                if tokio::io::copy(&mut read, &mut write).await.is_ok() {
                    let _: Result<(), _> = stream.shutdown().await;
                }
            });
        }
    });
}

/// One octet there and back.
fn ask(stream: &mut std::net::TcpStream, octet: u8) {
    stream.write_all(&[octet]).unwrap();
    let mut got = [0];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, [octet]);
}

/// Waits until nothing is left of any connection.
async fn empty(stack: &Stack) {
    loop {
        let counts = stack.host(|host| host.tcp_counts());
        if (counts.connections, counts.half_open, counts.pending, counts.time_wait) == (0, 0, 0, 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await; // `with` ends the wait when it takes too long.
    }
}

/// Runs what blocks, beside the stack.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[test]
fn ten_thousand_connections_of_the_kernel_one_after_the_other() {
    let name = "crowds::ten_thousand_connections_of_the_kernel_one_after_the_other";
    in_namespace(name, &[], || {
        with(config(), |stack| async move {
            for address in OURS {
                let to = at(address, 7);
                echo(&stack, to).await;
                beside(move || {
                    for n in 0..IN_SEQUENCE / 2 {
                        let mut stream = std::net::TcpStream::connect(to).unwrap();
                        ask(&mut stream, n as u8);
                    }
                })
                .await;
            }
            empty(&stack).await;
        });
    });
}

#[test]
fn ten_thousand_connections_of_ours_one_after_the_other() {
    let name = "crowds::ten_thousand_connections_of_ours_one_after_the_other";
    in_namespace(name, &[], || {
        with(config(), |stack| async move {
            for address in KERNELS {
                let listener = std::net::TcpListener::bind(at(address, 0)).unwrap();
                let to = listener.local_addr().unwrap();
                thread::spawn(move || {
                    for stream in listener.incoming() {
                        let mut stream = stream.unwrap();
                        let mut octets = Vec::new();
                        stream.read_to_end(&mut octets).unwrap();
                        stream.write_all(&octets).unwrap();
                    }
                });
                for n in 0..IN_SEQUENCE / 2 {
                    // We close first: TIME-WAIT is ours.
                    let mut stream = TcpStream::connect_on(&stack, to).await.unwrap();
                    stream.write_all(&[n as u8]).await.unwrap();
                    stream.shutdown().await.unwrap();
                    let mut got = Vec::new();
                    stream.read_to_end(&mut got).await.unwrap();
                    assert_eq!(got, [n as u8]);
                }
            }
            let counted = stack.host(|host| host.counters().tcp_active_opens);
            assert_eq!(counted, IN_SEQUENCE as u64);
            empty(&stack).await;
        });
    });
}

#[test]
fn a_thousand_connections_at_once_each_way() {
    in_namespace("crowds::a_thousand_connections_at_once_each_way", &[], || {
        raise_descriptors();
        with(config(), |stack| async move {
            let to = at(OURS[0], 7);
            echo(&stack, to).await;
            let kernels = beside(move || {
                let mut all: Vec<_> =
                    (0..AT_ONCE).map(|_| std::net::TcpStream::connect(to).unwrap()).collect();
                all.iter_mut().zip(0..).for_each(|(stream, n)| ask(stream, n as u8));
                all
            })
            .await;
            assert_eq!(stack.host(|host| host.tcp_counts().connections), AT_ONCE);
            beside(move || drop(kernels)).await;

            let listener = std::net::TcpListener::bind(at(KERNELS[1], 0)).unwrap();
            // The kernel's own limit of those that wait to be accepted is below a thousand: it takes them as they come.
            let to = listener.local_addr().unwrap();
            let accepting = thread::spawn(move || {
                let all: Vec<_> = (0..AT_ONCE).map(|_| listener.accept().unwrap().0).collect();
                for mut stream in &all {
                    let mut octet = [0];
                    stream.read_exact(&mut octet).unwrap();
                    stream.write_all(&octet).unwrap();
                }
                all
            });
            let opening: Vec<_> = (0..AT_ONCE)
                .map(|_| {
                    let stack = stack.clone();
                    tokio::spawn(async move { TcpStream::connect_on(&stack, to).await.unwrap() })
                })
                .collect();
            let mut ours = Vec::new();
            for stream in opening {
                ours.push(stream.await.unwrap());
            }
            for (stream, n) in ours.iter_mut().zip(0..) {
                stream.write_all(&[n as u8]).await.unwrap();
            }
            for (stream, n) in ours.iter_mut().zip(0..) {
                assert_eq!(stream.read_u8().await.unwrap(), n as u8);
            }
            drop(accepting.join().unwrap());
            drop(ours);
            empty(&stack).await;
        });
    });
}
