//! Programs that others wrote, against our sockets.

use crate::kernel::{OURS, at, with};
use crate::support::{HANDFAST, Server, TempDir, in_namespace, succeed};
use handfast::{HostConfig, Stack, TcpListener, TcpStream};
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

/// Runs a program beside the stack.
async fn run(program: &'static str, arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    tokio::task::spawn_blocking(move || succeed(program, &arguments)).await.unwrap()
}

#[test]
fn wrk_has_no_failure_against_serve() {
    in_namespace("programs::wrk_has_no_failure_against_serve", &["wrk"], || {
        let dir = TempDir::new();
        dir.file("small", 1_000);
        let _server = Server::start(&dir, &[]);
        for host in ["10.111.0.2", "[fd00:111::2]"] {
            let said = succeed("wrk", ["-t1", "-c100", "-d2s", &format!("http://{host}/small")]);
            println!("{said}");
            assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
            let requests = said.lines().find_map(|line| line.trim().split_once(" requests in"));
            assert!(requests.is_some_and(|(count, _)| count.parse::<u64>().unwrap() > 100), "{said}");
        }
    });
}

/// A server of as much of Redis' protocol as its benchmark speaks: PING, SET, GET and INCR.
async fn redis(stack: &Stack) {
    let listener = TcpListener::bind_on(stack, at(OURS[0], 6379)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
}

async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut stored = Vec::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut words = Vec::new();
        match line.trim().strip_prefix('*') {
            // "PING" by itself.
            None => words.push(line.trim().as_bytes().to_vec()),
            Some(count) => {
                for _ in 0..count.parse::<usize>().map_err(std::io::Error::other)? {
                    let mut length = String::new();
                    read.read_line(&mut length).await?;
                    let length = length.trim().trim_start_matches('$').parse::<usize>();
                    let mut word = vec![0; length.map_err(std::io::Error::other)? + 2];
                    read.read_exact(&mut word).await?;
                    word.truncate(word.len() - 2);
                    words.push(word);
                }
            }
        }
        match words[0].to_ascii_uppercase().as_slice() {
            b"PING" => write.write_all(b"+PONG\r\n").await?,
            b"SET" => {
                stored = words.swap_remove(2);
                write.write_all(b"+OK\r\n").await?;
            }
            b"GET" => {
                let head = format!("${}\r\n", stored.len()).into_bytes();
                write.write_all(&[&head[..], &stored, b"\r\n"].concat()).await?;
            }
            _ => write.write_all(b"-ERR not here\r\n").await?,
        }
    }
}

#[test]
fn redis_benchmark_runs_against_our_sockets() {
    in_namespace("programs::redis_benchmark_runs_against_our_sockets", &["redis-benchmark"], || {
        with(HostConfig::default(), |stack| async move {
            redis(&stack).await;
            for extra in [["-P", "1"], ["-P", "16"]] {
                let fixed =
                    ["-h", OURS[0], "-t", "ping,set,get", "-n", "10000", "-c", "50", "-d", "1000", "--csv"];
                let said = run("redis-benchmark", &[&fixed[..], &extra].concat()).await;
                println!("{said}");
                for test in ["PING_INLINE", "PING_MBULK", "SET", "GET"] {
                    let row = said.lines().find_map(|line| line.strip_prefix(&format!("\"{test}\",\"")));
                    let rate =
                        row.and_then(|row| row.split('"').next()).map(|rate| rate.parse::<f64>().unwrap());
                    assert!(rate.is_some_and(|rate| rate > 0.0), "{test} is not in {said}");
                }
            }
        });
    });
}

/// What comes at our port goes on, by our sockets, to the kernel's, and back.
async fn relay(stack: &Stack, port: u16, to: &'static str) {
    let listener = TcpListener::bind_on(stack, at(OURS[0], port)).await.unwrap();
    let stack = stack.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let stack = stack.clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect_on(&stack, at(to, port)).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
}

#[test]
fn iperf3_measures_through_our_sockets_both_ways() {
    in_namespace("programs::iperf3_measures_through_our_sockets_both_ways", &["iperf3"], || {
        with(HostConfig::default(), |stack| async move {
            relay(&stack, 5201, "10.111.0.1").await;
            for way in [&[][..], &["-R"]] {
                let mut server = Command::new("iperf3")
                    .args(["-s", "-1", "-B", "10.111.0.1", "--forceflush"])
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                // It listens as soon as it says so.
                let mut said = std::io::BufReader::new(server.stdout.take().unwrap());
                let mut line = String::new();
                while !line.contains("listening") {
                    line.clear();
                    assert_ne!(std::io::BufRead::read_line(&mut said, &mut line).unwrap(), 0, "it ended");
                }
                let fixed = ["-c", OURS[0], "-n", "50M", "-P", "2", "--json"];
                let report = run("iperf3", &[&fixed[..], way].concat()).await;
                let report: serde_json::Value = serde_json::from_str(&report).unwrap();
                let end = &report["end"]["sum_received"];
                println!("iperf3 {way:?}: {end}");
                assert!(report["error"].is_null(), "{report}");
                assert!(end["bytes"].as_u64().is_some_and(|octets| octets >= 40_000_000), "{end}");
                tokio::task::spawn_blocking(move || {
                    said.read_to_end(&mut Vec::new()).unwrap();
                    assert!(server.wait().unwrap().success());
                })
                .await
                .unwrap();
            }
        });
    });
}

/// A letter at a time, as people type, with an answer to each before the next.
#[test]
fn a_dialogue_of_single_letters_never_waits_for_more() {
    in_namespace("programs::a_dialogue_of_single_letters_never_waits_for_more", &[], || {
        with(HostConfig::default(), |stack| async move {
            let listener = TcpListener::bind_on(&stack, at(OURS[0], 22)).await.unwrap();
            let typing = tokio::task::spawn_blocking(|| {
                let mut stream = std::net::TcpStream::connect(at(OURS[0], 22)).unwrap();
                stream.set_nodelay(true).unwrap();
                for n in 0..2_000u32 {
                    let letter = [b'a' + (n % 26) as u8];
                    stream.write_all(&letter).unwrap();
                    let mut shown = [0; 4];
                    stream.read_exact(&mut shown).unwrap();
                    assert_eq!(shown, [b'[', letter[0], b']', b'\n']);
                }
            });
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut letters = 0;
            loop {
                let mut letter = [0];
                if stream.read(&mut letter).await.unwrap() == 0 {
                    break;
                }
                // In pieces: Nagle's algorithm would hold the second back.
                stream.write_all(&[b'[', letter[0]]).await.unwrap();
                stream.write_all(b"]\n").await.unwrap();
                letters += 1;
            }
            typing.await.unwrap();
            assert_eq!(letters, 2_000);
        });
    });
}

#[test]
fn nc_of_others_and_ours_understand_each_other() {
    in_namespace("programs::nc_of_others_and_ours_understand_each_other", &["nc", "sh"], || {
        let dir = TempDir::new();
        let hash = dir.file("file", 5_000_000);
        let file = || Stdio::from(std::fs::File::open(dir.path("file")).unwrap());
        // Theirs listens at the kernel's address, which is there once ours is: so ours is tried until it is.
        let theirs =
            Command::new("nc").args(["-l", "-N", "9000"]).stdin(file()).stdout(Stdio::piped()).spawn();
        let theirs = theirs.unwrap();
        // Both outputs are read at once: neither may hold the other up.
        let theirs = std::thread::spawn(|| theirs.wait_with_output().unwrap());
        let ours = loop {
            let ours = Command::new(HANDFAST)
                .args(["nc", "-N", "10.111.1.1", "9000"])
                .stdin(file())
                .output()
                .unwrap();
            // Refused: the other one does not listen yet.
            if ours.status.code() != Some(4) {
                break ours;
            }
        };
        assert!(ours.status.success(), "{}", String::from_utf8_lossy(&ours.stderr));
        assert_eq!(crate::support::sha256(&ours.stdout), hash);
        let theirs = theirs.join().unwrap();
        assert_eq!(crate::support::sha256(&theirs.stdout), hash);
    });
}
