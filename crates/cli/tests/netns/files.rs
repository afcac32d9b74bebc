//! Programs of this machine use `handfast serve`.

use crate::support::{Server, TempDir, in_namespace, run, sha256, sha256_of, succeed};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

const MEGABYTES_100: usize = 100_000_000;

/// Covers: RFC 792 792-1; RFC 4443 4443-16
#[test]
fn pings_are_answered() {
    in_namespace("files::pings_are_answered", &["ping"], || {
        let dir = TempDir::new();
        let _server = Server::start(&dir, &[]);
        for address in ["10.111.0.2", "fd00:111::2"] {
            // The largest that fits one packet, and one that has to be fragmented.
            for size in ["0", "56", "1452", "5000"] {
                let said = succeed("ping", ["-c", "3", "-i", "0.01", "-W", "5", "-s", size, address]);
                assert!(said.contains("3 received, 0% packet loss"), "{said}");
            }
        }
    });
}

#[test]
fn curl_fetches_and_uploads_100_megabytes_over_both_ip_versions() {
    in_namespace("files::curl_fetches_and_uploads_100_megabytes_over_both_ip_versions", &["curl"], || {
        let dir = TempDir::new();
        let hash = dir.file("big", MEGABYTES_100);
        let _server = Server::start(&dir, &[]);
        let got = dir.path("got");
        for url in ["http://10.111.0.2/", "http://[fd00:111::2]/"] {
            let speed = "-w%{http_code} %{speed_download} %{speed_upload}";
            let fetched = succeed(
                "curl",
                ["-sS", "-g", "-m", "120", speed, "-o", got.to_str().unwrap(), &format!("{url}big")],
            );
            assert!(fetched.starts_with("200 "), "{fetched}");
            assert_eq!(sha256_of(&got), hash, "fetched from {url}");
            let stored = succeed(
                "curl",
                [
                    "-sS",
                    "-g",
                    "-m",
                    "120",
                    speed,
                    "-o",
                    "/dev/null",
                    "-T",
                    got.to_str().unwrap(),
                    &format!("{url}up"),
                ],
            );
            assert!(stored.starts_with("201 ") || stored.starts_with("200 "), "{stored}");
            assert_eq!(sha256_of(dir.path("up")), hash, "uploaded to {url}");
            println!("{url}: {}", rate(&fetched, 1) + ", " + &rate(&stored, 2));
            std::fs::remove_file(&got).unwrap();
        }
    });
}

/// What curl says of its speed, in Mbit/s.
fn rate(said: &str, word: usize) -> String {
    let octets: f64 = said.split(' ').nth(word).and_then(|n| n.parse().ok()).unwrap_or(0.0);
    format!("{:.0} Mbit/s {}", octets * 8.0 / 1e6, if word == 1 { "down" } else { "up" })
}

#[test]
fn parts_of_a_file_are_what_was_asked_for() {
    in_namespace("files::parts_of_a_file_are_what_was_asked_for", &["curl"], || {
        let dir = TempDir::new();
        dir.file("file", 1_000_000);
        let whole = std::fs::read(dir.path("file")).unwrap();
        let _server = Server::start(&dir, &["--port", "8080"]);
        let url = "http://10.111.0.2:8080/file";
        for (range, part) in [
            ("0-0", &whole[..1]),
            ("999999-", &whole[999_999..]),
            ("-1000", &whole[999_000..]),
            ("250000-749999", &whole[250_000..750_000]),
        ] {
            let output = run("curl", ["-sS", "-m", "60", "-w", "%{stderr}%{http_code}", "-r", range, url]);
            assert_eq!(String::from_utf8_lossy(&output.stderr), "206", "{range}");
            assert!(output.stdout == part, "{range}");
        }
        let beyond =
            run("curl", ["-sS", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", "-r", "1000000-", url]);
        assert_eq!(beyond.stdout, b"416");
        // A download that was cut goes on where it stopped.
        let half = dir.path("half");
        std::fs::write(&half, &whole[..300_000]).unwrap();
        succeed("curl", ["-sS", "-m", "60", "-C", "-", "-o", half.to_str().unwrap(), url]);
        assert!(std::fs::read(&half).unwrap() == whole);
        let head = succeed("curl", ["-sS", "-m", "60", "-I", url]);
        assert!(head.contains("content-length: 1000000"), "{head}");
    });
}

#[test]
fn nothing_outside_the_directory_is_served_or_written() {
    in_namespace("files::nothing_outside_the_directory_is_served_or_written", &["curl"], || {
        let dir = TempDir::new();
        std::os::unix::fs::symlink("/etc/passwd", dir.path("link")).unwrap();
        std::fs::create_dir(dir.path("sub")).unwrap();
        let _server = Server::start(&dir, &[]);
        let status = |arguments: &[&str], path: &str| {
            let url = format!("http://10.111.0.2{path}");
            let fixed = ["-sS", "-m", "60", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}"];
            succeed("curl", fixed.iter().chain(arguments).chain(&[url.as_str()]))
        };
        for path in ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/sub/..%2f..%2fetc/passwd", "/link"] {
            assert_eq!(status(&[], path), "403", "{path}");
        }
        assert_eq!(status(&[], "/none"), "404");
        assert_eq!(status(&[], "/sub"), "301");
        assert_eq!(status(&[], "/sub/"), "200");
        assert_eq!(status(&["-T", "/etc/hostname"], "/../escaped"), "403");
        assert_eq!(status(&["-T", "/etc/hostname"], "/none/file"), "409");
        assert_eq!(status(&["-T", "/etc/hostname"], "/sub"), "409");
        assert_eq!(status(&["-X", "DELETE"], "/sub/"), "405");
        assert_eq!(status(&["-F", "a=b"], "/form"), "415");
        assert!(!dir.path("form").exists() && !dir.path("../escaped").exists());
    });
}

/// Covers: RFC 9293 MUST-12
#[test]
fn nc_half_closes_and_hears_the_answer_after_its_fin() {
    in_namespace("files::nc_half_closes_and_hears_the_answer_after_its_fin", &["nc"], || {
        let dir = TempDir::new();
        let hash = dir.file("file", 9_000_000);
        let _server = Server::start(&dir, &["--tcp-digest", "8", "--tcp-echo", "7"]);
        for address in ["10.111.0.2", "fd00:111::2"] {
            let nc = |port: &str| {
                let file = std::fs::File::open(dir.path("file")).unwrap();
                // -N: FIN when the input ends.
                let nc =
                    Command::new("nc").args(["-N", address, port]).stdin(Stdio::from(file)).output().unwrap();
                assert!(nc.status.success(), "{}", String::from_utf8_lossy(&nc.stderr));
                nc.stdout
            };
            // The server says nothing before the FIN: all of its answer flows after it.
            let answer = String::from_utf8(nc("8")).unwrap();
            assert_eq!(answer, format!("9000000 octets, SHA-256 {hash}\n"));
            // Here both directions are full when the FIN comes.
            assert_eq!(sha256(&nc("7")), hash);
        }
    });
}

#[test]
fn a_port_where_nobody_listens_says_refused() {
    in_namespace("files::a_port_where_nobody_listens_says_refused", &["curl", "nc"], || {
        let dir = TempDir::new();
        let _server = Server::start(&dir, &[]);
        for address in ["10.111.0.2", "fd00:111::2"] {
            let nc = run("nc", ["-v", "-w", "10", address, "81"]);
            let said = String::from_utf8_lossy(&nc.stderr);
            assert!(!nc.status.success() && said.to_lowercase().contains("refused"), "{said}");
            let to: SocketAddr = (address.parse::<std::net::IpAddr>().unwrap(), 81).into();
            assert_eq!(TcpStream::connect(to).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
            // UDP hears of it by ICMP.
            let own = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(own).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            socket.connect(to).unwrap();
            socket.send(b"is anybody there?").unwrap();
            assert_eq!(socket.recv(&mut [0; 9]).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
        }
        let curl = run("curl", ["-sS", "-m", "10", "http://10.111.0.2:81/"]);
        assert_eq!(curl.status.code(), Some(7), "{}", String::from_utf8_lossy(&curl.stderr));
    });
}

/// Covers: RFC 768 768-10
#[test]
fn datagrams_of_every_size_are_echoed() {
    in_namespace("files::datagrams_of_every_size_are_echoed", &[], || {
        let dir = TempDir::new();
        let _server = Server::start(&dir, &["--udp-echo", "7"]);
        for (own, to) in [("0.0.0.0:0", "10.111.0.2:7"), ("[::]:0", "[fd00:111::2]:7")] {
            let socket = UdpSocket::bind(own).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            socket.connect(to).unwrap();
            let mut sent = vec![0; 65_507];
            env::Rng::seeded(7).fill(&mut sent);
            let mut got = vec![0; 70_000];
            for len in [0, 1, 1472, 1473, 9_000, 65_507] {
                assert_eq!(socket.send(&sent[..len]).unwrap(), len);
                let count = socket.recv(&mut got).unwrap();
                assert!(got[..count] == sent[..len], "{len} octets to {to}: {count} came back");
            }
        }
    });
}

#[test]
fn a_file_that_shrinks_while_it_is_served_ends_the_connection_and_sends_nothing_wrong() {
    in_namespace(
        "files::a_file_that_shrinks_while_it_is_served_ends_the_connection_and_sends_nothing_wrong",
        &[],
        || {
            const LEN: usize = 64 << 20;
            let dir = TempDir::new();
            dir.file("file", LEN);
            let whole = std::fs::read(dir.path("file")).unwrap();
            let mut server = Server::start(&dir, &[]);
            let mut stream = TcpStream::connect("10.111.0.2:80").unwrap();
            stream.write_all(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut octet = [0];
                stream.read_exact(&mut octet).unwrap();
                head.push(octet[0]);
            }
            let head = String::from_utf8(head).unwrap();
            assert!(
                head.starts_with("HTTP/1.1 200") && head.contains(&format!("content-length: {LEN}")),
                "{head}"
            );
            // All buffers together hold far less than the file: most of it is not read yet.
            std::fs::OpenOptions::new().write(true).open(dir.path("file")).unwrap().set_len(1 << 20).unwrap();
            let mut got = Vec::new();
            let ended = stream.read_to_end(&mut got);
            println!("{} of {LEN} octets, then {ended:?}", got.len());
            assert!(got.len() < LEN && got == whole[..got.len()]);
            server.wait_for("shorter");
        },
    );
}
