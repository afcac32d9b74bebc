//! Every scene in every language, by its snapshot; what each must do for any seed; and what an ordinary viewer makes of
//! the captures.

use super::*;
use std::process::Command;

fn every() -> impl Iterator<Item = (&'static Scene, Lang)> {
    scenes::ALL.iter().flat_map(|scene| Lang::ALL.map(|lang| (scene, lang)))
}

fn shown(scene: &Scene, lang: Lang, seed: u64) -> String {
    text(scene, &perform(scene, lang, seed), 100, false)
}

#[test]
fn every_scene_is_what_it_was_in_every_language() {
    for (scene, lang) in every() {
        insta::assert_snapshot!(format!("{}-{lang}", scene.name), shown(scene, lang, 1));
    }
}

#[test]
fn every_scene_keeps_its_width_and_is_the_same_twice() {
    for (scene, lang) in every() {
        for (seed, columns) in [(1, 100), (2, 80)] {
            let text = text(scene, &perform(scene, lang, seed), columns, false);
            assert_eq!(
                text,
                self::text(scene, &perform(scene, lang, seed), columns, false),
                "{}",
                scene.name
            );
            for line in text.lines() {
                assert!(scene::width(line) <= columns, "{} {lang}: {line}", scene.name);
            }
        }
    }
}

#[test]
fn every_scene_goes_by_its_script_for_any_seed() {
    for scene in scenes::ALL {
        for seed in [0, 3, 4, 5, 6, 7, 8, u64::MAX] {
            let text = shown(scene, Lang::En, seed);
            for bad in ["NOT EQUAL", "CHANGED", "BROKEN", "AND MORE", "?!"] {
                assert!(!text.contains(bad), "{} with seed {seed}: {bad}\n{text}", scene.name);
            }
        }
    }
}

#[test]
fn colours_are_all_that_a_terminal_adds() {
    for scene in scenes::ALL {
        let stage = perform(scene, Lang::En, 1);
        let colours = text(scene, &stage, 100, true);
        assert!(colours.contains('\u{1b}'));
        assert_eq!(anstream::adapter::strip_str(&colours).to_string(), text(scene, &stage, 100, false));
    }
}

#[test]
fn every_line_of_json_is_an_object_that_says_what_happened() {
    for scene in scenes::ALL {
        let stage = perform(scene, Lang::Ko, 1);
        let mut sent = 0;
        for (ladder, entry) in (stage.ladders(100, false).iter())
            .flat_map(|(ladder, entries)| entries.iter().map(move |entry| (ladder, entry)))
        {
            let line = trace::json::line(entry, &ladder.hosts, ladder.origin, Lang::Ko);
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            let event = object["event"].as_str().unwrap();
            assert!(object["at"].is_u64() && event != "other", "{line}");
            let id = object["id"].as_str().unwrap_or("an_id");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(id != "other" && id.chars().all(plain), "{line}");
            sent += usize::from(event == "sent");
        }
        assert!(sent > 0, "{}", scene.name);
    }
}

/// The states that a side of a scene's last ladder went through, by the RFC's names.
fn states(name: &str, seed: u64, side: usize) -> Vec<&'static str> {
    let stage = perform(find(name, Lang::En).unwrap(), Lang::En, seed);
    let (_, entries) = stage.ladders(100, false).pop().unwrap();
    let mut states = Vec::new();
    for entry in entries {
        if let trace::Entry::Host {
            host,
            what: stack::Trace::Tcp { note: tcp::Note::State { from, to, .. }, .. },
        } = entry
            && host == side
        {
            if states.last() != Some(&from.name()) {
                states.push(from.name());
            }
            states.push(to.name());
        }
    }
    states
}

/// Covers: RFC 9293 9293-E30, 9293-E33, MUST-10, MUST-13
#[test]
fn each_side_goes_through_the_states_that_the_rfc_draws() {
    for (name, client, server) in [
        (
            "handshake",
            "CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSED",
            "LISTEN SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED",
        ),
        (
            "three-segment-close",
            "CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSED",
            "LISTEN SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED",
        ),
        (
            "lost-last-ack",
            "CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSED",
            "LISTEN SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED",
        ),
        (
            "simultaneous-open",
            "CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED",
            "CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED",
        ),
        (
            "simultaneous-close",
            "CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT CLOSED",
            "LISTEN SYN-RECEIVED ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT CLOSED",
        ),
        ("self-connect", "CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT CLOSED", ""),
        ("refused", "CLOSED SYN-SENT CLOSED", ""),
        (
            "old-duplicate-syn",
            "CLOSED SYN-SENT ESTABLISHED",
            "LISTEN SYN-RECEIVED LISTEN SYN-RECEIVED ESTABLISHED",
        ),
        ("blind-reset", "CLOSED SYN-SENT ESTABLISHED", "LISTEN SYN-RECEIVED ESTABLISHED CLOSED"),
        ("silence", "CLOSED SYN-SENT ESTABLISHED CLOSED", "LISTEN SYN-RECEIVED ESTABLISHED"),
    ] {
        for seed in [1, 9] {
            assert_eq!(states(name, seed, 0).join(" "), client, "{name}, left, seed {seed}");
            assert_eq!(states(name, seed, 1).join(" "), server, "{name}, right, seed {seed}");
        }
    }
}

/// Whether tshark can be asked. Without it these tests say nothing, and say so.
fn tshark() -> bool {
    let there = Command::new("tshark").arg("--version").output().is_ok_and(|out| out.status.success());
    if !there {
        assert!(std::env::var_os("HANDFAST_NO_SKIP").is_none(), "tshark is missing");
        eprintln!("SKIPPED: tshark is missing, so no capture was looked at");
    }
    there
}

fn ask(path: &std::path::Path, args: &[&str]) -> String {
    let checks = ["tcp.check_checksum:TRUE", "udp.check_checksum:TRUE", "ip.check_checksum:TRUE"];
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path);
    for check in checks {
        command.args(["-o", check]);
    }
    let out = command.args(args).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn captured(scene: &Scene, lang: Lang) -> std::path::PathBuf {
    let file = format!("handfast-{}-{}-{lang}.pcapng", std::process::id(), scene.name);
    let path = std::env::temp_dir().join(file);
    capture::write(&path, &perform(scene, lang, 1)).unwrap();
    path
}

#[test]
fn captures_have_no_malformed_packet_and_no_bad_checksum() {
    if !tshark() {
        return;
    }
    let fields = ["_ws.malformed", "tcp.checksum.status", "udp.checksum.status", "ip.checksum.status"];
    let mut args = vec!["-T", "fields"];
    for field in fields {
        args.extend(["-e", field]);
    }
    for scene in scenes::ALL {
        let path = captured(scene, Lang::En);
        let told = ask(&path, &args);
        assert!(told.lines().count() >= 2, "{} tells nothing", scene.name);
        assert_eq!(told.lines().count(), perform(scene, Lang::En, 1).packets().len(), "{}", scene.name);
        for (n, line) in told.lines().enumerate() {
            let told: Vec<&str> = line.split('\t').collect();
            // 1 is "good". What an ICMP error quotes is cut, and cannot be summed: 2, or nothing.
            let good =
                told[0].is_empty() && told[1..].iter().all(|sums| sums.split(',').all(|sum| sum != "0"));
            assert!(good, "{}, packet {}: {line}", scene.name, n + 1);
            assert!(line.contains('1'), "{}, packet {}: nothing was summed", scene.name, n + 1);
        }
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn tshark_tells_the_same_handshake_and_shows_our_reasons() {
    if !tshark() {
        return;
    }
    let path = captured(&scenes::ALL[0], Lang::Ko);
    let flow = ask(&path, &["-q", "-z", "flow,tcp,network"]);
    let flags: Vec<&str> = flow.lines().filter(|line| line.contains("Seq = ")).collect();
    for (n, words) in [
        (0, "SYN"),
        (1, "SYN, ACK"),
        (2, "ACK"),
        (3, "PSH, ACK - Len: 14"),
        (7, "FIN, ACK"),
        (8, "ACK"),
        (9, "PSH, ACK - Len: 18"),
        (11, "FIN, ACK"),
        (12, "ACK"),
    ] {
        assert!(flags[n].contains(words), "{n}: {words}\n{flow}");
    }
    let comments = ask(&path, &["-T", "fields", "-e", "frame.comment", "-e", "frame.interface_name"]);
    let first = comments.lines().next().unwrap();
    assert!(first.contains("연결을 연다") && first.contains("클라이언트"), "{comments}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn an_unknown_scene_is_told_with_the_nearest_one() {
    for (asked, near) in [
        ("handshak", "handshake"),
        ("lost", "lost-syn"),
        ("LOST_SYN_AK", "lost-syn-ack"),
        ("tcpvsudp", "tcp-vs-udp"),
    ] {
        let error = find(asked, Lang::En).err().unwrap();
        assert!(error.is::<Usage>());
        assert!(error.to_string().contains(&format!("'{near}'")), "{error}");
    }
    assert!(!find("\u{1b}[2J", Lang::Ko).err().unwrap().to_string().contains('\u{1b}'));
    assert_eq!(find("Zero_Window", Lang::En).unwrap().name, "zero-window");
}

#[test]
fn a_capture_that_cannot_be_written_is_an_error() {
    let stage = perform(&scenes::ALL[0], Lang::En, 1);
    assert!(capture::write(std::path::Path::new("/nowhere/at/all"), &stage).is_err());
    if std::path::Path::new("/dev/full").exists() {
        let error = capture::write(std::path::Path::new("/dev/full"), &stage).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}

/// The whole command shall take less than a second: virtual time costs only its steps.
#[test]
fn the_first_scene_takes_few_steps() {
    let mut stage = perform(&scenes::ALL[0], Lang::En, 1);
    assert!(stage.world().steps() < 1_000);
}
