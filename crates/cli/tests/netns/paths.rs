//! What is in the way: a hop that takes less, hosts that are not there, ports that nobody has.

use crate::kernel::{KERNELS, OURS, at, with};
use crate::support::{Server, TempDir, full, in_namespace, sha256_of, succeed};
use handfast::{HostConfig, Stack, TcpConfig, TcpListener, TcpStream, UdpSocket};
use rustix::process::Signal;
use std::io::{ErrorKind, Read as _, Write as _};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn ip(line: &str) {
    succeed("ip", line.split(' '));
}

/// This namespace ─1500─ one ─1300─ two ─1500─ end.
fn build_path() {
    // Names of namespaces are files there; nobody else sees ours.
    succeed("mount", ["-t", "tmpfs", "none", "/run"]);
    let spaces = ["one", "two", "end"];
    spaces.iter().for_each(|space| ip(&format!("netns add {space}")));
    ip("link add a0 type veth peer name a1 netns one");
    ip("-n one link add b0 type veth peer name b1 netns two");
    ip("-n two link add c0 type veth peer name c1 netns end");
    for (space, link, v4, v6) in [
        ("", "a0", "10.1.0.1/24", "fd01::1/64"),
        ("-n one ", "a1", "10.1.0.2/24", "fd01::2/64"),
        ("-n one ", "b0", "10.2.0.1/24", "fd02::1/64"),
        ("-n two ", "b1", "10.2.0.2/24", "fd02::2/64"),
        ("-n two ", "c0", "10.3.0.1/24", "fd03::1/64"),
        ("-n end ", "c1", "10.3.0.2/24", "fd03::2/64"),
    ] {
        ip(&format!("{space}addr add {v4} dev {link}"));
        ip(&format!("{space}addr add {v6} dev {link} nodad"));
        ip(&format!("{space}link set {link} up"));
        if link.starts_with('b') {
            ip(&format!("{space}link set {link} mtu 1300"));
        }
    }
    for (space, to, v4, v6) in [
        ("", "default", "10.1.0.2", "fd01::2"),
        ("-n one ", "default", "10.2.0.2", "fd02::2"),
        ("-n two ", "default", "10.2.0.1", "fd02::1"),
        ("-n end ", "default", "10.3.0.1", "fd03::1"),
    ] {
        ip(&format!("{space}route add {to} via {v4}"));
        ip(&format!("{space}-6 route add {to} via {v6}"));
    }
    ip("-n one route add 10.111.0.0/16 via 10.1.0.1");
    ip("-n one -6 route add fd00:111::/32 via fd01::1");
    let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";
    succeed("sh", ["-c", forward]);
    for space in ["one", "two"] {
        succeed("ip", ["netns", "exec", space, "sh", "-c", forward]);
    }
}

#[test]
fn a_hop_that_takes_less_is_found_by_both_sides() {
    let tools = ["ip", "curl", "tshark", "mount"];
    in_namespace("paths::a_hop_that_takes_less_is_found_by_both_sides", &tools, || {
        build_path();
        let dir = TempDir::new();
        let hash = dir.file("big", 8 << 20);
        let path = |name: &str| dir.path(name).to_str().unwrap().to_owned();
        for (host, version) in [("10.111.0.2", "ip"), ("fd00:111::2", "ipv6")] {
            let capture = path("capture");
            // Without offloads, so that what is in the capture is what is on the path.
            let mut server = Server::start(&dir, &["--pcap", &capture, "--offloads", "off"]);
            let url = if version == "ip" { format!("http://{host}/") } else { format!("http://[{host}]/") };
            let curl = |arguments: &[&str]| {
                let inside = ["netns", "exec", "end", "curl", "-sSgf", "-m", "300"];
                succeed("ip", inside.iter().chain(arguments))
            };
            curl(&["-o", &path("got"), &format!("{url}big")]);
            assert_eq!(sha256_of(dir.path("got")), hash, "from {host}");
            curl(&["-T", &path("big"), &format!("{url}up")]);
            assert_eq!(sha256_of(dir.path("up")), hash, "to {host}");
            std::fs::remove_file(dir.path("up")).unwrap();
            // The kernel at the end knows it, too.
            let known = succeed("ip", ["-n", "end", "route", "get", host]);
            assert!(known.contains("mtu 1300"), "{known}");
            let (status, said) = server.end(Signal::INT);
            assert_eq!(status.code(), Some(0), "{said}");

            // We were told once or a few times, and then kept to it.
            let tshark = |filter: &str, field: &str| {
                let said = succeed("tshark", ["-r", &capture, "-Y", filter, "-T", "fields", "-e", field]);
                said.lines().map(|line| line.trim().parse::<u64>().unwrap()).collect::<Vec<_>>()
            };
            let told = if version == "ip" { "icmp.type == 3 && icmp.code == 4" } else { "icmpv6.type == 2" };
            let told = tshark(told, "frame.number");
            assert!((1..=20).contains(&told.len()), "{} messages: too big", told.len());
            let large = format!("{version}.src == {host} && tcp && frame.len > 1300");
            let large = tshark(&large, "frame.number");
            let late = large.iter().filter(|&&number| number > told[told.len() - 1]).count();
            assert!(!large.is_empty() && late == 0, "{} larger than the hop, {late} late", large.len());
        }
    });
}

/// A stack that gives up soon.
fn hasty() -> HostConfig {
    let tcp = TcpConfig::default().syn_timeout(Duration::from_secs(2));
    HostConfig { tcp, ..HostConfig::default() }
}

#[test]
fn who_does_not_answer_is_a_time_out_on_both_sides() {
    in_namespace("paths::who_does_not_answer_is_a_time_out_on_both_sides", &["ip", "sh"], || {
        with(hasty(), |stack| async move {
            // Swallowed in silence.
            succeed(
                "sh",
                ["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv4/tcp_syn_retries"],
            );
            ip("link add deep type veth peer name deeper");
            ip("link set deep up");
            ip("link set deeper up");
            ip("addr add 10.99.0.1/24 dev deep");
            ip("neigh add 10.99.0.2 lladdr 02:00:00:00:00:01 dev deep");
            let ours = TcpStream::connect_on(&stack, at("10.99.0.2", 80)).await.unwrap_err();
            assert_eq!(ours.kind(), ErrorKind::TimedOut, "{ours}");
            // On our network, but nobody's: a stack is no router, and says nothing.
            let to = at("10.111.0.99", 80);
            let kernels = tokio::task::spawn_blocking(move || std::net::TcpStream::connect(to).unwrap_err());
            assert_eq!(kernels.await.unwrap().kind(), ErrorKind::TimedOut);
        });
    });
}

#[test]
fn hosts_that_are_not_there_are_unreachable_on_both_sides() {
    in_namespace("paths::hosts_that_are_not_there_are_unreachable_on_both_sides", &["ip"], || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stack = Stack::builder()
                .tap("hf1")
                .address("10.111.0.2/24".parse().unwrap())
                .host_address("10.111.0.1/24".parse().unwrap())
                .gateway("10.111.0.1".parse().unwrap())
                .build()
                .unwrap();
            // Nobody answers on the link.
            let ours = TcpStream::connect_on(&stack, at("10.111.0.77", 80)).await.unwrap_err();
            assert_eq!(ours.kind(), ErrorKind::HostUnreachable, "{ours}");
            let to = at("10.111.0.78", 80);
            let kernels = tokio::task::spawn_blocking(move || std::net::TcpStream::connect(to).unwrap_err());
            assert_eq!(kernels.await.unwrap().kind(), ErrorKind::HostUnreachable);
        });
    });
}

#[test]
fn a_network_without_a_route_is_told_at_once() {
    in_namespace("paths::a_network_without_a_route_is_told_at_once", &["sh"], || {
        with(HostConfig::default(), |stack| async move {
            succeed("sh", ["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
            // The kernel passes on for us, and has no way there: an ICMP error.
            let socket = UdpSocket::bind_on(&stack, "0.0.0.0:0").await.unwrap();
            socket.connect("10.222.0.1:9").await.unwrap();
            socket.send(b"is there a way?").await.unwrap();
            let why = socket.recv(&mut [0; 9]).await.unwrap_err();
            assert_eq!(why.kind(), ErrorKind::NetworkUnreachable, "{why}");
        });
    });
}

#[test]
fn datagrams_of_every_size_go_to_the_kernel_and_a_port_that_nobody_has_refuses() {
    let name = "paths::datagrams_of_every_size_go_to_the_kernel_and_a_port_that_nobody_has_refuses";
    in_namespace(name, &[], || {
        with(HostConfig::default(), |stack| async move {
            for (ours, kernels) in OURS.into_iter().zip(KERNELS) {
                let echo = std::net::UdpSocket::bind(at(kernels, 0)).unwrap();
                let to = echo.local_addr().unwrap();
                thread::spawn(move || {
                    let mut buffer = vec![0; 70_000];
                    while let Ok((count, from)) = echo.recv_from(&mut buffer) {
                        echo.send_to(&buffer[..count], from).unwrap();
                    }
                });
                let socket = UdpSocket::bind_on(&stack, at(ours, 0)).await.unwrap();
                socket.connect(to).await.unwrap();
                let mut sent = vec![0; 65_507];
                env::Rng::seeded(7).fill(&mut sent);
                let mut got = vec![0; 70_000];
                for len in [0, 1, 1472, 1473, 9_000, 65_507] {
                    assert_eq!(socket.send(&sent[..len]).await.unwrap(), len);
                    let count = socket.recv(&mut got).await.unwrap();
                    assert!(got[..count] == sent[..len], "{len} octets to {to}: {count} came back");
                }
                socket.connect(at(kernels, 9)).await.unwrap();
                socket.send(b"is anybody there?").await.unwrap();
                let why = socket.recv(&mut got).await.unwrap_err();
                assert_eq!(why.kind(), ErrorKind::ConnectionRefused, "{why}");
            }
        });
    });
}

/// Covers: RFC 9293 MUST-12
#[test]
fn a_half_open_connection_waits_for_as_long_as_it_takes() {
    // Thirty seconds on an ordinary clock are for the long run; the short one has them on virtual time.
    let hold = Duration::from_secs(if full() { 30 } else { 0 });
    in_namespace("paths::a_half_open_connection_waits_for_as_long_as_it_takes", &[], move || {
        with(HostConfig::default(), move |stack| async move {
            for address in OURS {
                let listener = TcpListener::bind_on(&stack, at(address, 80)).await.unwrap();
                let to = at(address, 80);
                let kernels = thread::spawn(move || {
                    let mut stream = std::net::TcpStream::connect(to).unwrap();
                    stream.write_all(b"the question").unwrap();
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).unwrap();
                    answer
                });
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut question = String::new();
                stream.read_to_string(&mut question).await.unwrap();
                tokio::time::sleep(hold).await;
                stream.write_all(format!("{question}, answered").as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                assert_eq!(kernels.join().unwrap(), "the question, answered");
            }
        });
    });
}
