//! What goes wrong is told in words that help, and by the exit code.

use crate::support::{HANDFAST, Server, TempDir, in_namespace, run, sha256_of, succeed, there};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// `handfast serve` fails with this code, says all of `words`, and nothing else happens.
fn fails(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn what_is_asked_wrongly_is_told_before_anything_is_done() {
    let dir = TempDir::new();
    let path = dir.path("");
    let path = path.to_str().unwrap();
    let asked = |arguments: &[&str]| run(HANDFAST, ["serve"].iter().chain(arguments));
    fails(&asked(&[]), 2, &["<DIR>"]);
    fails(&asked(&[path, "--addr", "10.0.0.1"]), 2, &["--addr", "10.0.0.1/24"]);
    fails(&asked(&[path, "--addr", "10.0.0.1/33"]), 2, &["--addr"]);
    fails(&asked(&[path, "--addr", "10.0.0.255/24"]), 2, &["belong to no host"]);
    fails(&asked(&[path, "--addr6", "10.0.0.1/24"]), 2, &["not an IPv6 address"]);
    let apart = [path, "--addr", "10.9.0.2/24", "--host-addr", "10.111.0.1/24"];
    fails(&asked(&apart), 2, &["10.111.0.1/24", "not in the kernel's network"]);
    fails(&asked(&[path, "--addr", "10.9.0.1/24", "--host-addr", "10.9.0.1/24"]), 2, &["both"]);
    fails(&asked(&[path, "--tap", "hf0", "--tun", "hf0"]), 2, &["cannot be used"]);
    fails(&asked(&[path, "--link", "loss=2"]), 2, &["--link", "share"]);
    fails(&asked(&[path, "--port", "0"]), 2, &["--port"]);
    fails(&asked(&[path, "--port", "65536"]), 2, &["--port"]);
    fails(&asked(&[path, "--mtu", "575"]), 2, &["--mtu"]);
    fails(&asked(&[path, "--mtu", "1279", "--addr6", "fd00::2/64"]), 2, &["1280"]);
    fails(&asked(&[path, "--tun", "a name that is too long"]), 2, &["no interface can be called"]);
    for name in ["%d", "hf%d", "''", ""] {
        fails(&asked(&[path, "--tun", name]), 2, &["no interface can be called"]);
    }
    for option in ["--tun", "--tap"] {
        fails(&asked(&[path, option, "averyveryverylongname1"]), 2, &["no interface can be called", "15"]);
    }
    fails(&asked(&[path, "--port", "-1"]), 2, &["--port", "-1 is not in"]);
    fails(&asked(&["/no/such/directory"]), 1, &["/no/such/directory", "No such file"]);
    fails(&asked(&["/etc/hostname"]), 1, &["/etc/hostname", "Not a directory"]);
}

#[test]
fn what_stands_in_the_way_is_told_with_what_to_do() {
    in_namespace(
        "trouble::what_stands_in_the_way_is_told_with_what_to_do",
        &["setpriv", "mount", "ip"],
        || {
            let dir = TempDir::new();
            let path = dir.path("");
            let path = path.to_str().unwrap();
            // Two want one name.
            let server = Server::start(&dir, &[]);
            fails(&run(HANDFAST, ["serve", path]), 1, &["hf0", "in use by another process"]);
            drop(server);
            succeed("ip", ["link", "add", "hf0", "type", "bridge"]);
            fails(&run(HANDFAST, ["serve", path]), 1, &["hf0", "no plain TUN"]);
            succeed("ip", ["link", "delete", "hf0"]);
            // Two services want one port.
            fails(&run(HANDFAST, ["serve", path, "--tcp-echo", "80"]), 1, &["port 80", "in use"]);
            let twice = ["serve", path, "--udp-echo", "7", "--udp-echo", "7"];
            fails(&run(HANDFAST, twice), 1, &["UDP port 7", "in use"]);
            // A capture that cannot be made.
            fails(
                &run(HANDFAST, ["serve", path, "--pcap", "/no/such/file"]),
                1,
                &["cannot record to /no/such/file"],
            );
            // No right to it. The program lies where nobody else may look, so it is run from a descriptor.
            let nobody = Command::new("setpriv")
                .args([
                    "--reuid=65534",
                    "--regid=65534",
                    "--clear-groups",
                    "--no-new-privs",
                    HANDFAST,
                    "serve",
                    "/",
                ])
                .output()
                .unwrap();
            if nobody.status.code() == Some(1) {
                fails(&nobody, 1, &["no permission", "root"]);
            } else {
                let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
                assert!(said.contains("setpriv"), "only setpriv itself may have failed: {said}");
            }
            // No such device.
            succeed("mount", ["-t", "tmpfs", "none", "/dev/net"]);
            fails(&run(HANDFAST, ["serve", path]), 1, &["/dev/net/tun", "modprobe tun"]);
        },
    );
}

#[test]
fn a_full_disk_ends_the_capture_and_not_the_serving() {
    in_namespace("trouble::a_full_disk_ends_the_capture_and_not_the_serving", &["curl", "mount"], || {
        let dir = TempDir::new();
        let hash = dir.file("big", 5_000_000);
        std::fs::create_dir(dir.path("small")).unwrap();
        let small = dir.path("small");
        succeed("mount", ["-t", "tmpfs", "-o", "size=1m", "none", small.to_str().unwrap()]);
        let capture = small.join("capture.pcapng");
        let mut server = Server::start(&dir, &["--pcap", capture.to_str().unwrap()]);
        let got = dir.path("got");
        succeed("curl", ["-sS", "-m", "60", "-o", got.to_str().unwrap(), "http://10.111.0.2/big"]);
        assert_eq!(sha256_of(&got), hash);
        let (status, said) = server.end(Signal::INT);
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("No space left on device") && said.contains("is not complete"), "{said}");
        succeed("umount", [small.to_str().unwrap()]);
    });
}

#[test]
fn a_capture_is_read_by_others_without_complaint() {
    in_namespace("trouble::a_capture_is_read_by_others_without_complaint", &["curl", "tshark"], || {
        let dir = TempDir::new();
        dir.file("big", 1_000_000);
        let capture = dir.path("capture.pcapng");
        let capture = capture.to_str().unwrap();
        let mut server = Server::start(&dir, &["--pcap", capture]);
        succeed("curl", ["-sS", "-m", "60", "-o", "/dev/null", "http://10.111.0.2/big"]);
        let (status, said) = server.end(Signal::TERM);
        assert_eq!(status.code(), Some(0), "{said}");
        let tshark = |arguments: &[&str]| {
            let checked = ["-r", capture, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
            succeed("tshark", checked.iter().chain(arguments))
        };
        // 1 is good. Only what we send: the kernel leaves checksums to the device, which is us.
        let bad = "_ws.malformed || (ip.src == 10.111.0.2 && !(tcp.checksum.status == 1))";
        assert_eq!(tshark(&["-Y", &format!("({bad}) && tcp")]), "");
        let comments = tshark(&[
            "-Y",
            "tcp.flags.syn == 1 && tcp.flags.ack == 1",
            "-T",
            "fields",
            "-e",
            "frame.comment",
        ]);
        assert_eq!(comments.trim(), "answers SYN");
    });
}

#[test]
fn the_live_ladder_shows_each_packet_with_its_reason() {
    in_namespace("trouble::the_live_ladder_shows_each_packet_with_its_reason", &["curl"], || {
        let dir = TempDir::new();
        dir.file("small", 100);
        let mut server = Server::start(&dir, &["--trace"]);
        succeed("curl", ["-sS", "-m", "60", "-o", "/dev/null", "http://10.111.0.2/small"]);
        for part in ["SYN-RECEIVED", "answers SYN", "ESTABLISHED", "CLOSED"] {
            server.wait_for(part);
        }
        assert_eq!(server.end(Signal::INT).0.code(), Some(0));
    });
}

#[test]
fn ctrl_c_ends_cleanly_and_leaves_nothing_behind() {
    in_namespace("trouble::ctrl_c_ends_cleanly_and_leaves_nothing_behind", &[], || {
        let dir = TempDir::new();
        dir.file("big", 64 << 20);
        // Nothing under way: a success.
        let mut server = Server::start(&dir, &[]);
        assert!(there("hf0"));
        let (status, said) = server.end(Signal::INT);
        assert_eq!((status.code(), said.as_str(), there("hf0")), (Some(0), "", false));

        // A connection between two requests is ended in good order, at once.
        let mut server = Server::start(&dir, &[]);
        let mut idle = TcpStream::connect("10.111.0.2:80").unwrap();
        idle.write_all(b"HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            idle.read_exact(&mut octet).unwrap();
            head.push(octet[0]);
        }
        server.signal(Signal::INT);
        assert_eq!(idle.read(&mut [0; 9]).unwrap(), 0);
        drop(idle);
        assert_eq!((server.wait().0.code(), there("hf0")), (Some(0), false));

        // A download that does not go on is cut: an interruption.
        let mut server = Server::start(&dir, &[]);
        let mut download = TcpStream::connect("10.111.0.2:80").unwrap();
        download.write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        download.read_exact(&mut [0; 1000]).unwrap();
        server.signal(Signal::INT);
        let (status, said) = server.wait();
        assert_eq!((status.code(), there("hf0")), (Some(130), false), "{said}");
        let ended = download.read_to_end(&mut Vec::new());
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);

        // So is an upload; nothing of it is left.
        let mut server = Server::start(&dir, &[]);
        let mut upload = TcpStream::connect("10.111.0.2:80").unwrap();
        upload
            .write_all(b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
            .unwrap();
        let mut go_on = [0; 12];
        upload.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100");
        upload.write_all(b"half of it").unwrap();
        let (status, said) = server.end(Signal::INT);
        assert_eq!(status.code(), Some(130), "{said}");
        let left: Vec<_> =
            std::fs::read_dir(dir.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["big"]);
    });
}

#[test]
fn an_interface_of_any_name_has_the_address_that_it_was_given() {
    in_namespace("trouble::an_interface_of_any_name_has_the_address_that_it_was_given", &["ip"], || {
        succeed("ip", ["tuntap", "add", "dev", "p0", "mode", "tun"]);
        succeed("ip", ["addr", "add", "10.111.5.1/24", "dev", "p0"]);
        succeed("ip", ["link", "set", "p0", "up"]);
        let line = ["ping", "10.111.5.1", "-c", "1", "--tun", "p0", "--addr", "10.111.5.2/24"];
        fails(&run(HANDFAST, line.into_iter().chain(["--host-addr", "10.111.5.1/24"])), 0, &[]);
    });
}

#[test]
fn ctrl_c_ends_a_command_that_waits_for_an_address() {
    in_namespace("trouble::ctrl_c_ends_a_command_that_waits_for_an_address", &["ip"], || {
        succeed("ip", ["link", "add", "br0", "type", "bridge"]);
        succeed("ip", ["link", "set", "br0", "up"]);
        // Nobody lends addresses there.
        let child = Command::new(HANDFAST)
            .args(["ping", "--tap", "hf1", "--bridge", "br0", "10.0.0.1"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !there("hf1") {
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        fails(&child.wait_with_output().unwrap(), 130, &["interrupted before"]);
        assert!(!there("hf1"));
    });
}

#[test]
fn an_interface_of_somebody_is_left_as_it_was() {
    in_namespace("trouble::an_interface_of_somebody_is_left_as_it_was", &["ip"], || {
        let dir = TempDir::new();
        succeed("ip", ["tuntap", "add", "dev", "hfP", "mode", "tun"]);
        succeed("ip", ["addr", "add", "10.111.0.1/24", "dev", "hfP"]);
        succeed("ip", ["link", "set", "hfP", "up", "mtu", "1400"]);
        // Who has no carrier has no IPv6 address of its own yet: only what people gave counts.
        let given = || {
            let shown = succeed("ip", ["-o", "addr", "show", "dev", "hfP", "scope", "global"]);
            let routes = succeed("ip", ["route", "show", "10.111.0.0/24"]);
            let lines =
                shown.lines().map(|line| line.split_whitespace().nth(3).unwrap_or_default().to_owned());
            (lines.collect::<Vec<_>>(), routes.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        };
        let before = given();
        let mut server = Server::start(&dir, &["--tun", "hfP"]);
        assert!(given().0.iter().any(|address| address.starts_with("fd00:111::1")));
        let (status, said) = server.end(Signal::INT);
        assert_eq!(status.code(), Some(0), "{said}");
        assert_eq!(given(), before);
        assert_eq!(device::netlink::Netlink::open().unwrap().link("hfP").unwrap().mtu, 1400);
    });
}

/// On Ethernet IPv4 is answered at once, and IPv6 only after a second or two of probing: nobody may find ports closed
/// that are to be open then.
#[test]
fn whoever_finds_a_server_on_a_tap_finds_its_ports_open() {
    in_namespace("trouble::whoever_finds_a_server_on_a_tap_finds_its_ports_open", &[], || {
        let dir = TempDir::new();
        let mut server = Server::begin(&dir, &["--tap", "hf0", "--tcp-echo", "7", "--udp-echo", "7"]);
        for port in [80, 7] {
            // Until there is somebody: there is no interface yet, or nobody who answers ARP.
            while let Err(why) = TcpStream::connect(("10.111.0.2", port)) {
                let nobody = matches!(why.kind(), ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable);
                assert!(nobody, "port {port}: {why}");
                std::thread::yield_now();
            }
        }
        let asking = UdpSocket::bind("0.0.0.0:0").unwrap();
        asking.connect("10.111.0.2:7").unwrap();
        asking.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        asking.send(b"there?").unwrap();
        assert_eq!(asking.recv(&mut [0; 9]).unwrap(), 6);
        server.wait_for("Ctrl-C ends");
        let (status, said) = server.end(Signal::INT);
        assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    });
}

#[test]
fn a_link_that_goes_down_under_get_is_told_and_waited_for() {
    in_namespace("trouble::a_link_that_goes_down_under_get_is_told_and_waited_for", &[], || {
        let dir = TempDir::new();
        let hash = dir.file("big", 2_000_000);
        let port = crate::web::serve(&dir.path(""));
        let url = format!("http://10.111.1.1:{port}/big");
        for json in [false, true] {
            let got = dir.path("got");
            // Slow enough that it is still under way when the link goes.
            let mut get = Command::new(HANDFAST)
                .args(["get", &url, "-o"])
                .arg(&got)
                .args(["--link", "rate=8mbit"])
                .args(json.then_some("--json"))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut netlink = device::netlink::Netlink::open().unwrap();
            while std::fs::metadata(&got).map_or(0, |about| about.len()) == 0 {
                std::thread::yield_now();
            }
            netlink.set_down("hf1").unwrap();
            let (down, up) = if json {
                (r#""event":"link","interface":"hf1","up":false"#, r#""up":true"#)
            } else {
                ("waiting for the link hf1", "hf1 is up again")
            };
            let said: Box<dyn Read> = match json {
                true => Box::new(get.stdout.take().unwrap()),
                false => Box::new(get.stderr.take().unwrap()),
            };
            let mut lines = BufReader::new(said).lines().map_while(Result::ok);
            let first = lines.next().unwrap();
            assert!(first.contains(down), "{first}");
            netlink.set_up("hf1").unwrap();
            let second = lines.next().unwrap();
            assert!(second.contains(up), "{second}");
            let rest: Vec<String> = lines.collect();
            assert!(get.wait().unwrap().success(), "{rest:?}");
            assert_eq!(sha256_of(&got), hash);
            std::fs::remove_file(&got).unwrap();
        }
    });
}
