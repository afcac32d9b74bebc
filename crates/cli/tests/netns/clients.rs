//! `get`, `put`, `nc`, `ping` and `resolve`: what they do, what they say, and how they end.

use crate::support::{HANDFAST, Server, TempDir, in_namespace, run, sha256, sha256_of, succeed, there};
use crate::{dns, web};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};

fn handfast(arguments: &[&str]) -> Output {
    run(HANDFAST, arguments)
}

/// It ends with this code, and says all of `words`.
fn ends(arguments: &[&str], code: i32, words: &[&str]) -> String {
    let output = handfast(arguments);
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: {word:?} is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    said.into_owned()
}

/// The JSON object of this event among the lines.
fn event(said: &str, name: &str) -> Value {
    let all =
        said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
    all.into_iter().find(|line| line["event"] == name).unwrap_or_else(|| panic!("no {name} in {said}"))
}

#[test]
fn two_commands_without_any_option_meet() {
    in_namespace("clients::two_commands_without_any_option_meet", &[], || {
        let dir = TempDir::new();
        let hash = dir.file("file", 3_000_000);
        let _server = Server::start(&dir, &["--tcp-echo", "7"]);
        let elsewhere = TempDir::new();
        let got = elsewhere.path("got");
        let got = got.to_str().unwrap();
        for host in ["10.111.0.2", "[fd00:111::2]"] {
            ends(&["get", &format!("http://{host}/file"), "-o", got], 0, &["3000000 octets"]);
            assert_eq!(sha256_of(got), hash, "by way of {host}");
            ends(&["put", got, &format!("http://{host}/")], 0, &["201", "3000000 octets"]);
            assert_eq!(sha256_of(dir.path("got")), hash);
            std::fs::remove_file(dir.path("got")).unwrap();
            ends(
                &["ping", host.trim_matches(['[', ']']), "-c", "2", "-i", "0.01"],
                0,
                &["2 received, 0% lost"],
            );
        }
        // Nothing is left of them.
        assert!(there("hf0") && !there("hf1"));
    });
}

#[test]
fn get_follows_resumes_and_ends_with_a_code_that_says_why() {
    in_namespace("clients::get_follows_resumes_and_ends_with_a_code_that_says_why", &[], || {
        let dir = TempDir::new();
        let hash = dir.file("file", 1_000_000);
        let port = web::serve(&dir.path(""));
        let url = |path: &str| format!("http://10.111.1.1:{port}/{path}");
        let got = dir.path("got");
        let got = got.to_str().unwrap();
        // Standard output has the file, and nothing else.
        let output = handfast(&["get", &url("file")]);
        assert_eq!((output.status.code(), sha256(&output.stdout)), (Some(0), hash.clone()));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let output = handfast(&["get", &url("file"), "-o", "-", "--json", "--stats"]);
        assert_eq!((output.status.code(), sha256(&output.stdout)), (Some(0), hash.clone()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(event(&said, "got")["octets"], 1_000_000, "{said}");
        assert_eq!(event(&said, "counters")["counters"]["tcp_active_opens"], 1, "{said}");
        // Redirections.
        ends(&["get", &url("sent-to/file"), "-o", got], 0, &["1000000 octets"]);
        assert_eq!(sha256_of(got), hash);
        ends(&["get", &url("round"), "-o", got], 7, &["more than 10 redirections"]);
        // The rest of a file.
        let whole = std::fs::read(dir.path("file")).unwrap();
        std::fs::write(got, &whole[..400_000]).unwrap();
        let said = ends(&["get", &url("file"), "-o", got, "-C", "--json"], 0, &[]);
        let told = event(&said, "got");
        assert_eq!((&told["octets"], &told["whole"]), (&600_000.into(), &1_000_000.into()), "{said}");
        assert_eq!(sha256_of(got), hash);
        ends(&["get", &url("file"), "-o", got, "-C"], 0, &["here already"]);
        assert_eq!(sha256_of(got), hash);
        // What goes wrong; what was there stays.
        ends(&["get", &url("nothing"), "-o", got], 7, &["404"]);
        assert_eq!(sha256_of(got), hash);
        ends(&["get", &url("cut"), "-o", got], 6, &["after 100 octets", "-C"]);
        ends(&["get", &url("slow"), "-o", got, "-m", "1"], 5, &["1 s"]);
        ends(&["get", "http://10.111.1.1:9/", "-o", got], 4, &["refused"]);
        ends(&["get", "http://nowhere.example/", "-o", got], 3, &["--dns", "--resolve"]);
        ends(&["get", "https://10.111.1.1/"], 2, &["https"]);
        ends(&["get", &url("file"), "-C"], 2, &["--output"]);
        ends(&["get", &url("file"), "-o", "/no/such/directory/file"], 1, &["/no/such/directory/file"]);
        ends(&["get", "-I", &url("file")], 7, &["405"]);
        let by_name = format!("http://www.example:{port}/file");
        ends(&["get", &by_name, "--resolve", "www.example:10.111.1.1", "-o", got], 0, &["1000000 octets"]);
        // Nobody reads on: no fault of ours.
        let mut child =
            Command::new(HANDFAST).args(["get", &url("file")]).stdout(Stdio::piped()).spawn().unwrap();
        let mut some = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        assert_eq!((some, child.wait().unwrap().code()), (whole[..10].try_into().unwrap(), Some(0)));
        assert!(!there("hf1"));
    });
}

#[test]
fn put_takes_files_and_streams() {
    in_namespace("clients::put_takes_files_and_streams", &[], || {
        let dir = TempDir::new();
        let hash = dir.file("file", 1_000_000);
        let port = web::serve(&dir.path(""));
        let url = |path: &str| format!("http://10.111.1.1:{port}/{path}");
        let file = dir.path("file");
        let file = file.to_str().unwrap();
        ends(&["put", file, &url("up")], 0, &["201", "1000000 octets"]);
        assert_eq!(sha256_of(dir.path("up")), hash);
        let child = Command::new(HANDFAST)
            .args(["put", "-", &url("streamed"), "--json"])
            .stdin(std::fs::File::open(file).unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert_eq!(event(&said, "put")["octets"], 1_000_000);
        assert_eq!(sha256_of(dir.path("streamed")), hash);
        ends(&["put", "-", &url("")], 2, &["name"]);
        ends(&["put", "/no/such/file", &url("x")], 1, &["/no/such/file"]);
        ends(&["put", "/tmp", &url("x")], 1, &["directory"]);
        // A server that wants none of it.
        let server_dir = TempDir::new();
        let _server = Server::start(&server_dir, &["--read-only"]);
        ends(&["put", file, "http://10.111.0.2/"], 7, &["405"]);
        assert!(!web::has(&server_dir.path(""), "none"));
    });
}

/// A command that runs until it is told to end.
fn start(arguments: &[&str], input: Stdio) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = Command::new(HANDFAST)
        .args(arguments)
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap());
    (child, said)
}

/// The address that `nc -l` says it listens at.
fn listens_at(said: &mut impl std::io::BufRead, v6: bool) -> String {
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let all = line.trim().strip_prefix("listening at ").unwrap_or_else(|| panic!("{line}"));
    let mut at = all.split(" (").next().unwrap().split(" and ");
    let at = if v6 { at.nth(1) } else { at.next() };
    at.unwrap().rsplit_once(':').unwrap().0.trim_matches(['[', ']']).to_owned()
}

#[test]
fn nc_carries_both_ways_at_once_and_closes_by_halves() {
    in_namespace("clients::nc_carries_both_ways_at_once_and_closes_by_halves", &[], || {
        let dir = TempDir::new();
        let (left, right) = (dir.file("left", 5_000_000), dir.file("right", 7_000_000));
        let file = |name: &str| Stdio::from(std::fs::File::open(dir.path(name)).unwrap());
        for v6 in [false, true] {
            // Both send at once, far more than all buffers hold: neither may wait for the other to be done.
            let (near, mut said) = start(&["nc", "-l", "-N", "9000"], file("left"));
            let at = listens_at(&mut said, v6);
            let (far, _said) = start(&["nc", "-N", &at, "9000"], file("right"));
            // Both are read at once, too.
            let near = std::thread::spawn(|| near.wait_with_output().unwrap());
            let far = far.wait_with_output().unwrap();
            let near = near.join().unwrap();
            assert_eq!((near.status.code(), far.status.code()), (Some(0), Some(0)));
            assert_eq!((sha256(&near.stdout), sha256(&far.stdout)), (right.clone(), left.clone()));
        }
        // The answer comes after our FIN.
        let _server = Server::start(&dir, &["--tcp-digest", "8", "--udp-echo", "7"]);
        let (digest, _said) = start(&["nc", "-N", "10.111.0.2", "8"], file("left"));
        let answer = digest.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout), format!("5000000 octets, SHA-256 {left}\n"));
        // Datagrams.
        let (mut echo, _said) = start(&["nc", "-u", "-w", "1", "10.111.0.2", "7"], Stdio::piped());
        echo.stdin.take().unwrap().write_all(b"hello\n").unwrap();
        let echoed = echo.wait_with_output().unwrap();
        assert_eq!((echoed.status.code(), &echoed.stdout[..]), (Some(0), &b"hello\n"[..]));
        // Ports.
        let said = ends(&["nc", "-z", "10.111.0.2", "1-100"], 0, &["8 TCP open", "80 TCP open"]);
        assert_eq!(said.lines().count(), 2, "{said}");
        ends(&["nc", "-z", "-v", "10.111.0.2", "81"], 4, &["81 TCP refused"]);
        ends(&["nc", "-z", "-u", "-w", "5", "10.111.0.2", "7"], 0, &["7 UDP open"]);
        ends(&["nc", "-z", "-u", "10.111.0.2", "9"], 4, &["no open port"]);
        // Nobody comes; nothing passes.
        ends(&["nc", "-l", "-w", "1", "9000"], 5, &["nobody came"]);
        ends(&["nc", "-w", "1", "10.111.0.2", "80"], 5, &["nothing passed"]);
        ends(&["nc", "10.111.0.2", "81"], 4, &["refused"]);
        ends(&["nc", "-N", "-u", "10.111.0.2", "9"], 0, &[]);
    });
}

#[test]
fn nc_keeps_listening_and_ctrl_c_takes_everything_back() {
    in_namespace("clients::nc_keeps_listening_and_ctrl_c_takes_everything_back", &[], || {
        let (child, mut said) = start(&["nc", "-l", "-k", "9000", "--stats"], Stdio::null());
        let at = listens_at(&mut said, false);
        let name = "hf1";
        assert!(there(name));
        for text in ["one ", "two ", "three"] {
            let mut stream = std::net::TcpStream::connect((at.as_str(), 9000)).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            // The other end has seen our FIN, and has closed, too.
            assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
        }
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(130), &b"one two three"[..]));
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("tcp_passive_opens"), "{rest}");
        assert!(!there(name));
    });
}

#[test]
fn ping_tells_round_trips_and_what_is_in_the_way() {
    in_namespace("clients::ping_tells_round_trips_and_what_is_in_the_way", &["sh"], || {
        for to in ["10.111.1.1", "fd00:111:0:1::1"] {
            for size in ["0", "56", "1452", "5000"] {
                let said = ends(&["ping", to, "-c", "3", "-i", "0.01", "-s", size, "--json"], 0, &[]);
                let summary = event(&said, "summary");
                assert_eq!((&summary["sent"], &summary["received"]), (&3.into(), &3.into()), "{said}");
                assert!(summary["ms"]["min"].as_f64() <= summary["ms"]["max"].as_f64(), "{said}");
                let reply = event(&said, "reply");
                assert_eq!((reply["octets"].to_string().as_str(), &reply["data"]), (size, &"same".into()));
            }
        }
        ends(
            &["ping", "10.222.0.1", "-c", "1", "-i", "0.01"],
            4,
            &["10.111.1.1 says: the network is unreachable"],
        );
        ends(
            &["ping", "10.111.1.77", "-c", "2", "-i", "0.01", "-W", "0.2"],
            5,
            &["100% lost", "does not answer"],
        );
        let lossy =
            ["ping", "10.111.1.1", "-c", "40", "-i", "0.002", "-W", "0.2", "--loss", "50%", "--json", "-q"];
        let said = ends(&lossy, 0, &[]);
        let received = event(&said, "summary")["received"].as_u64().unwrap();
        assert!((1..40).contains(&received), "{said}");
        // The summary, and the interface goes. Ctrl-C is how it is meant to end.
        for (signal, exit) in [(Signal::INT, 0), (Signal::TERM, 130)] {
            let mut child = Command::new(HANDFAST)
                .args(["ping", "10.111.1.1", "-i", "0.01"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut said = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            assert!(line.contains("seq=1"), "{line}");
            kill_process(Pid::from_child(&child), signal).unwrap();
            let mut rest = String::new();
            said.read_to_string(&mut rest).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(exit), "{signal:?}");
            assert!(rest.contains(" sent, ") && rest.contains("round trips"), "{rest}");
        }
        assert!(!there("hf1"));
    });
}

#[test]
fn names_are_asked_of_the_server_that_was_named_and_nobody_else() {
    in_namespace("clients::names_are_asked_of_the_server_that_was_named_and_nobody_else", &["ip"], || {
        succeed("ip", ["addr", "add", "10.53.0.1/32", "dev", "lo"]);
        dns::serve("10.53.0.1:53".parse().unwrap());
        let at = "@10.53.0.1";
        let said = ends(&["resolve", "host.example", at], 0, &["No Error", "10.111.1.1", "fd00:111:0:1::1"]);
        assert!(said.contains("with authority"), "{said}");
        let short = ends(&["resolve", "web.example", "A", at, "--short"], 0, &[]);
        assert_eq!(short, "host.example.\n10.111.1.1\n");
        assert_eq!(ends(&["resolve", "-x", "10.111.1.1", at, "-s"], 0, &[]), "host.example.\n");
        let said = ends(&["resolve", "large.example", "TXT", at, "--json"], 0, &[]);
        let answer = event(&said, "answer");
        assert_eq!((&answer["over"], answer["answers"].as_array().unwrap().len()), (&"TCP".into(), 20));
        let said = ends(&["resolve", "host.example", "A", at, "--tcp", "--json"], 0, &[]);
        assert_eq!(event(&said, "answer")["over"], "TCP");
        ends(&["resolve", "none.example", at], 3, &["no name none.example"]);
        ends(&["resolve", "host.example", "MX", at], 3, &["no record"]);
        // Whatever one family comes to, the other's answer counts.
        ends(&["resolve", "only4.example", at], 0, &["10.111.1.1", "Query Refused"]);
        ends(&["resolve", "only6.example", at], 0, &["fd00:111:0:1::1", "Server Failure"]);
        let impatient = ["resolve", "quiet4.example", at, "-w", "1", "--tries", "1"];
        ends(&impatient, 0, &["10.111.1.1"]);
        ends(&["resolve", "refused.example", at], 7, &["Refused"]);
        for name in ["only4.example", "only6.example", "quiet4.example"] {
            ends(&["ping", name, "-c", "1", "--dns", "10.53.0.1"], 0, &["1 received"]);
        }
        ends(&["ping", "refused.example", "-c", "1", "--dns", "10.53.0.1"], 7, &["Refused"]);
        ends(&["get", "http://host.example/", "--dns", "10.53.0.1:54"], 4, &["nobody is at the port"]);
        ends(&["ping", "fe80::1%hf0"], 2, &["not supported"]);
        ends(&["resolve", "host.example", "@10.53.0.1:54"], 4, &["nobody is at the port"]);
        ends(
            &["resolve", "host.example", "@10.111.1.77", "-w", "0.3", "--tries", "1"],
            5,
            &["does not answer"],
        );
        ends(&["resolve", "host.example"], 2, &["@SERVER"]);

        let dir = TempDir::new();
        let hash = dir.file("file", 100_000);
        let port = web::serve(&dir.path(""));
        let output = handfast(&["get", &format!("http://web.example:{port}/file"), "--dns", "10.53.0.1"]);
        assert_eq!((output.status.code(), sha256(&output.stdout)), (Some(0), hash));
        ends(&["get", "http://none.example/", "--dns", "10.53.0.1"], 3, &["there is no such name"]);
        ends(&["ping", "host.example", "-c", "1", "--dns", "10.53.0.1"], 0, &["1 received"]);
    });
}

#[test]
fn on_a_bridge_a_command_is_given_an_address_or_takes_one() {
    let name = "clients::on_a_bridge_a_command_is_given_an_address_or_takes_one";
    in_namespace(name, &["dnsmasq", "ip", "curl"], || {
        for line in ["link add br0 type bridge", "addr add 10.77.0.1/24 dev br0", "link set br0 up"] {
            succeed("ip", line.split(' '));
        }
        let dir = TempDir::new();
        let hash = dir.file("file", 1_000_000);
        let got = dir.path("got");
        let server = Server::start(&dir, &["--tap", "hf0", "--bridge", "br0", "--addr", "10.77.0.2/24"]);
        succeed("curl", ["-sSf", "-m", "60", "-o", got.to_str().unwrap(), "http://10.77.0.2/file"]);
        assert_eq!(sha256_of(&got), hash);
        drop(server);
        let _lender = crate::autoconfigure::Dnsmasq::start(&dir, "br0");
        let asked = ["ping", "10.77.0.1", "--tap", "hf1", "--bridge", "br0", "-c", "2", "-i", "0.01"];
        ends(&asked, 0, &["2 received, 0% lost"]);
        assert!(!there("hf1"));
        ends(
            &["ping", "10.77.0.1", "--tap", "hf1", "--bridge", "no", "--addr", "10.77.0.9/24"],
            1,
            &["bridge no"],
        );
    });
}

#[test]
fn traces_and_captures_go_beside_the_data() {
    in_namespace("clients::traces_and_captures_go_beside_the_data", &["tshark"], || {
        let dir = TempDir::new();
        let hash = dir.file("file", 100_000);
        let port = web::serve(&dir.path(""));
        let capture = dir.path("capture");
        let capture = capture.to_str().unwrap();
        let url = format!("http://10.111.1.1:{port}/file");
        let output = handfast(&["get", &url, "--trace", "--pcap", capture]);
        assert_eq!((output.status.code(), sha256(&output.stdout)), (Some(0), hash.clone()));
        let said = String::from_utf8_lossy(&output.stderr);
        for part in ["SYN-SENT", "ESTABLISHED"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains('\u{1b}'), "colours, and no terminal");
        let comments =
            succeed("tshark", ["-r", capture, "-Y", "tcp.flags.syn == 1", "-T", "fields", "-e", "tcp.flags"]);
        assert_eq!(comments.split_whitespace().count(), 2, "{comments}");
        let output = handfast(&["get", &url, "--trace", "--json"]);
        assert_eq!(sha256(&output.stdout), hash);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(event(&said, "sent")["host"], "handfast");
        assert_eq!(event(&said, "got")["octets"], 100_000);
    });
}

#[test]
fn shells_and_readers_get_their_pages() {
    for (shell, part) in
        [("bash", "_handfast"), ("zsh", "#compdef handfast"), ("fish", "complete -c handfast")]
    {
        ends(&["completions", shell], 0, &[part, "ping"]);
    }
    ends(&["man"], 0, &[".TH handfast 1"]);
    let dir = TempDir::new();
    let pages = dir.path("man");
    ends(&["man", pages.to_str().unwrap()], 0, &["manual pages are in", pages.to_str().unwrap()]);
    for page in ["handfast.1", "handfast-get.1", "handfast-nc.1", "handfast-serve.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".SH"), "{page}");
    }
    // Every command teaches by example, and says how it ends.
    for command in ["serve", "get", "put", "nc", "ping", "resolve"] {
        ends(&[command, "--help"], 0, &["Examples:", "sudo handfast", "Exit codes:", "--tun", "--json"]);
    }
}
