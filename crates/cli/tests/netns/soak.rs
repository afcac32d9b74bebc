//! Churn in real time: the kernel opens, uses, aborts and forgets connections; at the end all is as it began.
//!
//! `HANDFAST_SOAK_SECONDS=600 cargo test -p handfast-cli --test netns soak` churns for ten minutes.

use crate::support::in_namespace;
use env::Rng;
use handfast::{HostConfig, KeepAlive, ListenConfig, Stack, TcpConfig, TcpListener, TcpStream};
use rustix::net::sockopt::set_socket_linger;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const AT: [&str; 2] = ["10.111.0.2:80", "[fd00:111::2]:80"];
/// Connections that are opened when no time is given.
const SHORT: u64 = 2_000;

fn config() -> TcpConfig {
    let (idle, interval) = (Duration::from_secs(2), Duration::from_secs(1));
    let keep_alive = KeepAlive { idle, interval, probes: 2, ..KeepAlive::default() };
    // TIME-WAIT lasts for two of these.
    let config = TcpConfig::default().keep_alive(Some(keep_alive)).unwrap();
    config.msl(Duration::from_secs(1)).unwrap()
}

/// One life of a connection of the kernel's, by chance; whether it could be opened: the kernel may be out of ports.
fn live(rng: &mut Rng) -> bool {
    let at = AT[rng.below(2) as usize];
    let mut stream = match std::net::TcpStream::connect(at) {
        Ok(stream) => stream,
        Err(why) if why.kind() == std::io::ErrorKind::AddrNotAvailable => return false,
        Err(why) => panic!("{at}: {why}"),
    };
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let text = vec![b'x'; 1 + rng.below(100_000) as usize];
    match rng.below(6) {
        // Used: what comes back is what was sent.
        0 | 1 => {
            let mut both = stream.try_clone().unwrap();
            let sent = text.len();
            let writer = std::thread::spawn(move || {
                both.write_all(&text).unwrap();
                both.shutdown(std::net::Shutdown::Write).unwrap();
            });
            let mut back = Vec::new();
            stream.read_to_end(&mut back).unwrap();
            writer.join().unwrap();
            assert_eq!(back.len(), sent);
        }
        // Aborted with data under way.
        2 => {
            set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
            drop(stream.write(&text));
        }
        // Closed with data unread: the kernel resets it.
        3 => drop(stream.write(&text)),
        // The server closes first: TIME-WAIT is ours.
        4 => {
            stream.write_all(b"!").unwrap();
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        }
        // Half-closed at once.
        _ => stream.shutdown(std::net::Shutdown::Write).unwrap(),
    }
    true
}

/// A process that has a connection open, and is killed.
fn killed() {
    let nc =
        Command::new("nc").args(["10.111.0.2", "80"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = nc.unwrap();
    child.stdin.as_mut().unwrap().write_all(b"and then").unwrap();
    let mut back = [0; 8];
    child.stdout.as_mut().unwrap().read_exact(&mut back).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; 16 << 10];
    // However the peer ends it.
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if buffer[0] == b'!' || stream.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn churn_leaves_nothing_behind() {
    in_namespace("soak::churn_leaves_nothing_behind", &["nc"], || {
        // The kernel's own TIME-WAIT must not end the run.
        std::fs::write("/proc/sys/net/ipv4/tcp_tw_reuse", "1").unwrap();
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535").unwrap();
        let seconds = std::env::var("HANDFAST_SOAK_SECONDS").ok().map(|text| text.parse::<u64>().unwrap());
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let host = HostConfig { tcp: config(), ..HostConfig::default() };
        let builder = Stack::builder().tun("hf4").config(host);
        let ends = ["10.111.0.1/24", "fd00:111::1/64", "10.111.0.2/24", "fd00:111::2/64"];
        let [one, two, three, four] = ends.map(|end| end.parse().unwrap());
        let builder = builder.host_address(one).host_address(two).address(three).address(four);
        let stack = builder.build_on_thread().unwrap();
        let listening = stack.clone();
        let (bound, ready) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let serving = async move {
                let config = ListenConfig { dual_stack: true, backlog: 1024, ..ListenConfig::default() };
                let all = "[::]:80".parse().unwrap();
                let listener = TcpListener::bind_with(&listening, all, config).await.unwrap();
                bound.send(()).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::task::spawn_local(echo(stream));
                }
            };
            tokio::task::LocalSet::new().block_on(&runtime, serving);
        });
        ready.recv().unwrap();
        // Everything has been used once before it is measured.
        let mut rng = Rng::seeded(7);
        (0..200).for_each(|_| assert!(live(&mut rng)));
        killed();
        let held = |stack: &Stack| stack.host(|host| (host.tcp_counts(), host.budget().held()));
        let settle = |stack: &Stack| {
            let patience = Instant::now() + Duration::from_secs(120);
            loop {
                let (counts, _) = held(stack);
                if counts.connections + counts.half_open + counts.time_wait == 0 {
                    return;
                }
                assert!(Instant::now() < patience, "never over: {counts:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        settle(&stack);
        let before = (held(&stack), descriptors());
        let memory = resident();

        let (opened, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let peers: Vec<_> = (0..8)
            .map(|seed| {
                let (opened, over) = (Arc::clone(&opened), Arc::clone(&over));
                std::thread::spawn(move || {
                    let mut rng = Rng::seeded(seed);
                    while !over.load(Ordering::Relaxed) {
                        opened.fetch_add(live(&mut rng).into(), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let goes_on = || match until {
            Some(until) => Instant::now() < until,
            None => opened.load(Ordering::Relaxed) < SHORT,
        };
        while goes_on() {
            killed();
        }
        over.store(true, Ordering::Relaxed);
        peers.into_iter().for_each(|peer| peer.join().unwrap());
        settle(&stack);
        let after = (held(&stack), descriptors());
        let grown = resident().saturating_sub(memory);
        println!("{} connections; {grown} octets more in memory", opened.load(Ordering::Relaxed));
        assert_eq!(before, after, "tables, memory held for peers, descriptors");
        assert!(grown < 24 << 20, "{grown} octets more in memory after {opened:?} connections");
        assert_eq!(stack.blocking_close(Duration::from_secs(5)).aborted, 0);
        server.join().unwrap();
    });
}
