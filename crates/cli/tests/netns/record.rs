//! What `--record` writes, `handfast replay` runs again: every packet the same.

use crate::support::{Server, TempDir, in_namespace, run, succeed};
use rustix::process::Signal;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const HANDFAST: &str = env!("CARGO_BIN_EXE_handfast");
const CONNECTIONS: usize = 1_000;
/// So many of them at a time.
const AT_ONCE: usize = 250;

/// Asks for a file on a connection of its own; gives the octets of the answer.
fn get() -> usize {
    let mut stream = TcpStream::connect("10.111.0.2:80").unwrap();
    stream.write_all(b"GET /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer.len()
}

fn replay(file: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let file = file.to_str().unwrap();
    let output = run(HANDFAST, ["replay", file].iter().chain(arguments));
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

/// The number before a word.
fn count(said: &str, word: &str) -> u64 {
    let words: Vec<_> = said.split_whitespace().collect();
    let at = words.iter().position(|other| other.trim_end_matches([',', ';']) == word).expect(said);
    words[at - 1].parse().expect(said)
}

#[test]
fn a_thousand_connections_with_loss_are_replayed_packet_by_packet() {
    in_namespace("record::a_thousand_connections_with_loss_are_replayed_packet_by_packet", &[], || {
        let dir = TempDir::new();
        dir.file("file", 20_000);
        let path = dir.path("run.hfr");
        let record = path.to_str().unwrap();
        let mut server = Server::start(&dir, &["--loss", "2%", "--record", record]);
        let left = AtomicUsize::new(CONNECTIONS);
        let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while take() {
                        assert!(get() > 20_000);
                    }
                });
            }
        });
        server.signal(Signal::INT);
        let recorded = server.wait_for("recorded");
        let (status, errors) = server.wait();
        assert!(status.success(), "{status}: {errors}");
        println!("{recorded}");
        assert!(count(&recorded, "frames") > 4_000, "{recorded}");

        let (code, said) = replay(&path, &[]);
        println!("{said}");
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with("equal: "), "{said}");
        assert_eq!(count(&said, "inputs"), count(&recorded, "inputs"));
        assert_eq!(count(&said, "frames"), count(&recorded, "frames"));

        // As far as it goes, when it was cut; not at all where it is damaged.
        let octets = fs::read(&path).unwrap();
        let part = dir.path("part.hfr");
        fs::write(&part, &octets[..octets.len() / 2]).unwrap();
        let (code, said) = replay(&part, &[]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("was cut") && count(&said, "frames") > 1_000, "{said}");
        let mut damaged = octets;
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(&part, &damaged).unwrap();
        let (code, said) = replay(&part, &[]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("damaged") && count(&said, "frames") > 1_000, "{said}");
    });
}

#[test]
fn a_recording_is_drawn_listed_and_made_a_capture() {
    in_namespace("record::a_recording_is_drawn_listed_and_made_a_capture", &["tshark", "curl"], || {
        let dir = TempDir::new();
        dir.file("file", 5_000);
        let path = dir.path("run.hfr");
        let mut server =
            Server::start(&dir, &["--tap", "hf0", "--record", path.to_str().unwrap(), "--record-payload"]);
        succeed("curl", ["-sS", "-o", "/dev/null", "http://10.111.0.2/file"]);
        server.signal(Signal::INT);
        let recorded = server.wait_for("recorded");
        assert!(server.wait().0.success());

        let (code, said) = replay(&path, &["--ladder"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("SYN") && said.contains("ESTABLISHED") && said.contains("equal: "), "{said}");
        let (code, sooner) = replay(&path, &["--until", "0"]);
        assert_eq!(code, Some(0), "{sooner}");
        assert!(count(&sooner, "inputs") < count(&recorded, "inputs"), "{sooner}");

        let (code, said) = replay(&path, &["--ladder", "--json"]);
        assert_eq!(code, Some(0), "{said}");
        let last: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert_eq!(last["event"], "replayed");
        assert_eq!((&last["equal"], &last["end"]), (&true.into(), &"whole".into()));
        assert!(said.lines().count() > 20, "{said}");

        let pcap = dir.path("run.pcapng");
        let pcap = pcap.to_str().unwrap();
        let (code, said) = replay(&path, &["--pcap", pcap]);
        assert_eq!(code, Some(0), "{said}");
        let seen = ["-r", pcap, "-Y", "http.response", "-T", "fields", "-e", "http.response.code"];
        assert_eq!(succeed("tshark", seen).trim(), "200");
    });
}

#[test]
fn a_full_disk_ends_the_recording_and_is_told_and_serving_goes_on() {
    in_namespace(
        "record::a_full_disk_ends_the_recording_and_is_told_and_serving_goes_on",
        &["mount", "curl"],
        || {
            let dir = TempDir::new();
            let sha = dir.file("file", 3_000_000);
            let small = dir.path("small");
            fs::create_dir(&small).unwrap();
            let small = small.to_str().unwrap();
            succeed("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small]);
            let record = format!("{small}/run.hfr");
            let mut server = Server::start(&dir, &["--record", &record, "--offloads", "off"]);
            for _ in 0..3 {
                let got = dir.path("got");
                succeed("curl", ["-sS", "-o", got.to_str().unwrap(), "http://10.111.0.2/file"]);
                assert_eq!(crate::support::sha256_of(&got), sha);
            }
            let (status, errors) = server.end(Signal::INT);
            assert_eq!(status.code(), Some(1), "{errors}");
            assert!(errors.contains("recording to") && errors.contains("disk is full"), "{errors}");
            assert!(errors.contains("can be replayed"), "{errors}");
            // What is there is whole up to where it was cut.
            let (code, said) = replay(Path::new(&record), &[]);
            assert_eq!(code, Some(0), "{said}");
            assert!(said.contains("was cut"), "{said}");
            succeed("umount", [small]);
        },
    );
}

#[test]
fn what_is_no_recording_is_told() {
    let dir = TempDir::new();
    dir.file("file", 100);
    let (code, said) = replay(&dir.path("file"), &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("it is not a recording"), "{said}");
    let (code, said) = replay(&dir.path("nothing"), &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("No such file"), "{said}");
}
