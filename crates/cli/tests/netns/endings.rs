//! How commands end: asked once, asked twice, with their terminal gone, or by what the other end had to say.

use crate::support::{HANDFAST, Server, TempDir, in_namespace, run, succeed};
use crate::{autoconfigure, dns};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Far longer than a reset takes to come.
const HANGS: Duration = Duration::from_secs(60);

/// Asks for a file of which no more is read than its first octets.
fn begin(path: &str) -> TcpStream {
    let mut stream = TcpStream::connect("10.111.0.2:80").unwrap();
    stream.set_read_timeout(Some(HANGS)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    stream
}

/// Whether the rest of a stream ends by a RST.
fn is_reset(mut stream: TcpStream) -> bool {
    std::io::copy(&mut stream, &mut std::io::sink())
        .is_err_and(|why| why.kind() == ErrorKind::ConnectionReset)
}

/// The recording can be run again, to its end.
fn is_whole(recording: &str) -> bool {
    let output = run(HANDFAST, ["replay", recording]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said.starts_with("equal: ") && !said.contains("cut")
}

#[test]
fn who_is_asked_twice_to_end_resets_what_is_left_and_tells_all_there_is_to_tell() {
    let name = "endings::who_is_asked_twice_to_end_resets_what_is_left_and_tells_all_there_is_to_tell";
    in_namespace(name, &[], || {
        let dir = TempDir::new();
        dir.file("big", 50_000_000);
        let recording = dir.path("run.hfr");
        let recording = recording.to_str().unwrap();
        let mut server = Server::start(&dir, &["--stats", "--record", recording]);
        let stream = begin("/big");
        server.signal(Signal::INT);
        // It has heard us once nobody is let in any more.
        while TcpStream::connect("10.111.0.2:80").is_ok() {}
        server.signal(Signal::INT);
        assert!(is_reset(stream));
        server.wait_for("tcp_passive_opens");
        server.wait_for("recorded");
        let (status, errors) = server.wait();
        assert_eq!(status.code(), Some(130), "{errors}");
        assert!(errors.ends_with("cut 1 connection off\n"), "{errors}");
        assert!(is_whole(recording));
    });
}

#[test]
fn a_terminal_that_is_closed_and_a_sigterm_are_answered_as_ctrl_c_is() {
    let name = "endings::a_terminal_that_is_closed_and_a_sigterm_are_answered_as_ctrl_c_is";
    in_namespace(name, &[], || {
        for signal in [Signal::HUP, Signal::TERM, Signal::INT] {
            let dir = TempDir::new();
            dir.file("file", 1_000);
            let recording = dir.path("run.hfr");
            let recording = recording.to_str().unwrap();
            let mut server = Server::start(&dir, &["--stats", "--record", recording]);
            drop(begin("/file"));
            server.wait_for("/file 200");
            server.signal(signal);
            server.wait_for("tcp_passive_opens");
            server.wait_for("recorded");
            let (status, errors) = server.wait();
            assert!(matches!(status.code(), Some(0 | 130)), "{signal:?}: {status} {errors}");
            assert!(is_whole(recording), "{signal:?}");
        }
    });
}

#[test]
fn who_asks_once_is_told_what_is_waited_for_and_what_was_cut_off() {
    in_namespace("endings::who_asks_once_is_told_what_is_waited_for_and_what_was_cut_off", &[], || {
        let dir = TempDir::new();
        dir.file("big", 50_000_000);
        // Beside one that has the first numbers: addresses that were asked for are enough.
        let _other = Server::start(&dir, &[]);
        let arguments = ["--tun", "hf8", "--addr", "10.8.0.2/24"];
        let mut server = Server::start(&dir, &arguments);
        let mut named = TcpStream::connect("10.8.0.2:80").unwrap();
        named.write_all(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        named.read_exact(&mut [0; 100]).unwrap();
        drop(TcpStream::connect("[fd00:111:0:8::2]:80").unwrap());
        let (status, errors) = server.end(Signal::INT);
        assert_eq!(status.code(), Some(130), "{errors}");
        let told: Vec<_> = errors.lines().collect();
        assert!(told[0].contains("waiting up to 3 s for 1 connection; Ctrl-C again"), "{errors}");
        assert!(told[1].ends_with("cut 1 connection off"), "{errors}");
        assert!(is_reset(named));
    });
}

#[test]
fn the_log_names_what_was_asked_for_by_who_went_away() {
    in_namespace("endings::the_log_names_what_was_asked_for_by_who_went_away", &[], || {
        let dir = TempDir::new();
        dir.file("big", 50_000_000);
        for json in [false, true] {
            let mut server = Server::start(&dir, if json { &["--json"] } else { &[] });
            // With most of the answer unread, the kernel resets.
            drop(begin("/big?x"));
            let said = server.wait_for(if json { r#""event":"trouble""# } else { "GET /big: " });
            if json {
                let said: serde_json::Value = serde_json::from_str(&said).unwrap();
                assert_eq!((&said["method"], &said["path"]), (&"GET".into(), &"/big".into()), "{said}");
            }
        }
    });
}

#[test]
fn an_upload_that_is_refused_early_tells_what_the_server_said() {
    in_namespace("endings::an_upload_that_is_refused_early_tells_what_the_server_said", &[], || {
        let dir = TempDir::new();
        dir.file("big", 20_000_000);
        let listener = TcpListener::bind("[::]:8001").unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.read_exact(&mut [0; 50]).unwrap();
                stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 8\r\n\r\ntoo big\n").unwrap();
                // What it has not read makes the kernel send a RST behind the answer.
            }
        });
        let file = dir.path("big");
        for _ in 0..3 {
            let output = run(HANDFAST, ["put", file.to_str().unwrap(), "http://10.111.1.1:8001/x"]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(7), "{said}");
            assert!(said.contains("413") && said.contains("too big"), "{said}");
        }
    });
}

#[test]
fn an_upload_that_is_interrupted_is_reset_and_tells_what_was_acknowledged() {
    let name = "endings::an_upload_that_is_interrupted_is_reset_and_tells_what_was_acknowledged";
    in_namespace(name, &[], || {
        let dir = TempDir::new();
        dir.file("big", 50_000_000);
        let listener = TcpListener::bind("[::]:8001").unwrap();
        let file = dir.path("big");
        let child = Command::new(HANDFAST)
            .args(["put", file.to_str().unwrap(), "http://10.111.1.1:8001/x"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(HANGS)).unwrap();
        stream.read_exact(&mut [0; 100_000]).unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        let figure = said.split(" octets of the request were acknowledged").next().unwrap_or_default();
        let figure: u64 = figure.rsplit(' ').next().unwrap_or_default().parse().unwrap();
        assert!((100_000..50_000_000).contains(&figure), "{said}");
        assert!(is_reset(stream), "{said}");
    });
}

#[test]
fn where_nobody_lends_an_address_it_is_said_what_is_waited_for() {
    in_namespace("endings::where_nobody_lends_an_address_it_is_said_what_is_waited_for", &["ip"], || {
        for line in ["link add br0 type bridge", "addr add 10.77.0.1/24 dev br0", "link set br0 up"] {
            succeed("ip", line.split(' '));
        }
        let mut child = Command::new(HANDFAST)
            .args(["ping", "10.77.0.1", "--tap", "hf1", "--bridge", "br0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        assert!(line.contains("waiting for somebody on hf1") && line.contains("--addr"), "{line}");
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
    });
}

#[test]
fn names_are_asked_of_the_servers_that_the_network_tells_of() {
    in_namespace(
        "endings::names_are_asked_of_the_servers_that_the_network_tells_of",
        &["dnsmasq", "ip"],
        || {
            for line in [
                "link add br0 type bridge",
                "addr add 10.77.0.1/24 dev br0",
                "addr add 10.77.0.53/24 dev br0",
                "addr add fd00:77::1/64 dev br0 nodad",
                "link set br0 up",
            ] {
                succeed("ip", line.split(' '));
            }
            dns::serve("10.77.0.53:53".parse().unwrap());
            let dir = TempDir::new();
            let _lender = autoconfigure::Dnsmasq::start(&dir, "br0");
            let said = succeed(
                HANDFAST,
                ["resolve", "host.example", "A", "--short", "--tap", "hf1", "--bridge", "br0"],
            );
            assert_eq!(said, "10.111.1.1\n");
        },
    );
}

#[test]
fn what_came_of_it_is_said_after_the_last_packet() {
    in_namespace("endings::what_came_of_it_is_said_after_the_last_packet", &[], || {
        let dir = TempDir::new();
        dir.file("file", 10_000);
        let _server = Server::start(&dir, &[]);
        let got = TempDir::new();
        let got = got.path("got");
        let said =
            succeed(HANDFAST, ["get", "http://10.111.0.2/file", "--trace", "-o", got.to_str().unwrap()]);
        let last = said.lines().last().unwrap_or_default();
        assert!(last.contains("10000 octets in"), "{said}");
        assert!(said.lines().filter(|line| line.contains("FIN")).count() >= 2, "{said}");
        let said = succeed(HANDFAST, ["ping", "10.111.0.2", "-c", "1", "--trace"]);
        let last = said.lines().rev().take(2).collect::<Vec<_>>();
        assert!(last[0].starts_with("round trips") && last[1].contains("1 received"), "{said}");
    });
}

#[test]
fn errors_are_objects_where_objects_are_asked_for() {
    in_namespace("endings::errors_are_objects_where_objects_are_asked_for", &[], || {
        for (arguments, exit, part) in [
            (&["get", "http://10.111.1.1:9/", "--json"][..], 4, "refused"),
            (&["get", "--json"], 2, "<URL>"),
            (&["get", "http://10.111.1.1:9/", "-o", "/nodir/x", "--json"], 1, "/nodir/x"),
            (&["resolve", "a..b", "@10.0.0.1", "--json"], 2, "dots"),
            (&["ping", "10.111.1.1", "--json", "--congestion", "no"], 2, "cubic"),
            (&["explain", "/nodir/x", "--json"], 1, "/nodir/x"),
        ] {
            let output = run(HANDFAST, arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            let said: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
            assert_eq!((&said["event"], &said["exit"]), (&"failed".into(), &exit.into()), "{said}");
            assert!(said["text"].as_str().unwrap().contains(part), "{said}");
            assert_eq!(output.status.code(), Some(exit), "{arguments:?}");
        }
    });
}
