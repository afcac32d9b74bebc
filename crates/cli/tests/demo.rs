//! The command as people run it: what it prints, what it says when asked wrongly, and that the chapter quotes it truly.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn handfast(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    command.args(args).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn run(args: &[&str]) -> Output {
    handfast(args).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A name for a file that only this test has.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("handfast-{}-{name}", std::process::id()))
}

/// The blocks of a chapter that quote the command: what was run, and what it is said to print.
fn quotes(chapter: &str) -> Vec<(String, Vec<String>)> {
    let mut quotes = Vec::new();
    let mut lines = chapter.lines();
    while let Some(line) = lines.next() {
        if line != "```text" {
            continue;
        }
        let Some(command) = lines.next().and_then(|line| line.strip_prefix("$ handfast ")) else { continue };
        let printed: Vec<String> =
            lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
        quotes.push((command.to_owned(), printed));
    }
    quotes
}

/// Numbers and their room aside, what a line says.
fn words(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_digit() && !c.is_whitespace() && *c != '─').collect()
}

/// With `HANDFAST_WRITE_DOCS=1` a quote that differs in numbers only is written anew.
#[test]
fn the_chapter_quotes_what_the_command_prints() {
    for file in ["docs/the-two-handshakes.md", "docs/the-two-handshakes.ko.md"] {
        let path = root().join(file);
        let mut chapter = std::fs::read_to_string(&path).unwrap();
        let quotes = quotes(&chapter);
        assert!(quotes.len() >= 12, "{file}: {} quotes", quotes.len());
        for (command, quoted) in quotes {
            let args: Vec<&str> = command.split(' ').collect();
            let out = run(&args);
            assert!(out.status.success(), "{file}: {command}");
            let printed = text(&out.stdout);
            let printed: Vec<&str> = printed.lines().collect();
            assert!(!quoted.is_empty(), "{file}: {command}");
            if printed.windows(quoted.len()).any(|lines| lines == quoted) {
                continue;
            }
            let said: Vec<String> = quoted.iter().map(|line| words(line)).collect();
            let alike = printed
                .windows(quoted.len())
                .find(|lines| lines.iter().map(|line| words(line)).eq(said.iter().cloned()));
            let write = std::env::var_os("HANDFAST_WRITE_DOCS").is_some();
            let Some(lines) = alike.filter(|_| write) else {
                panic!("{file} quotes `handfast {command}` with:\n{}", quoted.join("\n"));
            };
            chapter = chapter.replace(&quoted.join("\n"), &lines.join("\n"));
            std::fs::write(&path, &chapter).unwrap();
        }
    }
}

#[test]
fn it_needs_no_terminal_and_writes_no_colours_into_a_pipe() {
    let out = run(&["demo"]);
    assert!(out.status.success());
    let shown = text(&out.stdout);
    assert!(shown.contains("SYN-RECEIVED") && !shown.contains('\u{1b}'));
    assert_eq!(text(&out.stderr), "");
    assert_eq!(text(&run(&["demo", "handshake", "--seed", "1"]).stdout), shown);
    let other = text(&run(&["demo", "--seed", "2"]).stdout);
    assert_ne!(other, shown);
}

#[test]
fn what_the_sender_reckons_is_drawn_on_request() {
    let plain = text(&run(&["demo", "lost-data"]).stdout);
    let more = text(&run(&["demo", "lost-data", "--estimates"]).stdout);
    assert!(more.contains("SRTT 20 ms") && !plain.contains("SRTT"), "{more}");
    assert!(more.lines().count() > plain.lines().count());
}

/// Ctrl-C in the middle of a file that never ends.
#[cfg(unix)]
#[test]
fn an_interrupted_transfer_says_what_had_arrived_and_ends_with_130() {
    let capture = scratch("interrupted.pcapng");
    let mut command = handfast(&["demo", "transfer", "--file", "/dev/zero", "--rate", "1mbit", "--pcap"]);
    command.arg(&capture).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // It has begun once it has recorded something.
    while !std::fs::metadata(&capture).is_ok_and(|about| about.len() > 100_000) {
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let out = child.wait_with_output().unwrap();
    std::fs::remove_file(&capture).unwrap();
    assert_eq!(out.status.code(), Some(130), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("interrupted"), "{}", text(&out.stdout));
}

#[test]
fn json_is_a_line_each() {
    let out = run(&["demo", "refused", "--json", "--lang", "ko"]);
    for line in text(&out.stdout).lines() {
        assert!(line.starts_with("{\"") && line.ends_with('}'), "{line}");
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let list = text(&run(&["demo", "--list", "--json"]).stdout);
    let names: Vec<serde_json::Value> =
        list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(names.iter().any(|scene| scene["name"] == "lost-syn"), "{list}");
    let list = text(&run(&["demo", "--list"]).stdout);
    for scene in ["handshake", "lost-last-ack", "tcp-vs-udp", "transfer"] {
        assert!(list.contains(scene), "{list}");
    }
}

#[test]
fn what_was_asked_wrongly_ends_with_2_and_says_what_would_be_right() {
    for (args, says) in [
        (&["demo", "handshale"][..], "did you mean 'handshake'?"),
        (&["demo", "--lang", "fr"], "possible values: en, ko"),
        (&["demo", "--seed=-1"], "invalid"),
        (&["demo", "--seed", "-1"], "from 0 to 18446744073709551615"),
        (&["demo", "--seed", "18446744073709551616"], "from 0 to 18446744073709551615"),
        (&["sim", "swarm", "--seeds", "0"], "from 1 to"),
        (&["sim", "swarm", "--seeds", "x"], "from 1 to"),
        (&["sim", "swarm", "--seed", "-1"], "from 0 to"),
        (&["demo", "transfer"], "--file"),
        (&["demo", "transfer", "--file", "x", "--loss", "200%"], "percent"),
        (&["demo", "transfer", "--file", "x", "--loss", "-1"], "percent"),
        (&["demo", "transfer", "--file", "x", "--delay", "-5ms"], "unit"),
        (&["demo", "transfer", "--file", "x", "--rate", "0mbit"], "more than 0"),
        (&["demo", "transfer", "--file", "x", "--rate", "99999999999999999999gbit"], "less than"),
        (&["demo", "transfer", "--file", "x", "--delay", "5"], "unit"),
        (&["dance"], "unrecognized subcommand"),
    ] {
        let out = run(args);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
}

#[test]
fn what_did_not_work_ends_with_1_and_the_scene_is_shown_all_the_same() {
    let out = run(&["demo", "transfer", "--file", "/nowhere/at/all"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("cannot read /nowhere/at/all"));
    let out = run(&["demo", "transfer", "--file", "/"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("directory"));

    let mut bad = vec![scratch("none").join("a.pcapng")];
    if Path::new("/dev/full").exists() {
        bad.push("/dev/full".into());
    }
    for path in bad {
        let path = path.to_str().unwrap();
        let out = run(&["demo", "--pcap", path]);
        assert_eq!(out.status.code(), Some(1), "{path}");
        assert!(text(&out.stderr).contains("cannot record to"), "{path}");
        assert!(text(&out.stdout).contains("TIME-WAIT"), "{path}");
    }
}

#[test]
fn a_full_disk_ends_the_recording_of_a_transfer_and_not_the_transfer() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let file = scratch("to-carry");
    std::fs::write(&file, vec![7; 300_000]).unwrap();
    let out = run(&["demo", "transfer", "--file", file.to_str().unwrap(), "--pcap", "/dev/full"]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stdout).contains("equal: every octet"), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("cannot record to /dev/full"));
}

#[test]
fn a_transfer_compares_both_ends() {
    let file = scratch("whole");
    std::fs::write(&file, (0..500_000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    let path = file.to_str().unwrap();
    let args = ["--loss", "5%", "--reorder", "2%", "--duplicate", "1%", "--corrupt", "0.1%", "--seed", "3"];
    let once = run(&[&["demo", "transfer", "--file", path][..], &args].concat());
    let twice = run(&[&["demo", "transfer", "--file", path][..], &args].concat());
    std::fs::remove_file(&file).unwrap();
    assert!(once.status.success(), "{}", text(&once.stdout));
    assert_eq!(text(&once.stdout), text(&twice.stdout));
    assert_eq!(text(&once.stderr), "");
}

/// What `head` does: read a line and go away.
#[test]
fn whoever_stops_reading_early_is_no_failure() {
    let mut child = handfast(&["demo", "syn-flood", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(64, child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(line.contains("\"scene\""), "{line}");
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn a_swarm_is_summed_up_and_the_same_twice() {
    let args = ["sim", "swarm", "--seeds", "20", "--seed", "5", "--json"];
    let summary = |threads| {
        let out = run(&[&args[..], &["--threads", threads]].concat());
        let mut summary: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(out.status.code(), Some(0), "{summary}");
        summary["runs_per_second"].take();
        summary
    };
    let once = summary("1");
    assert_eq!(once["runs"], 20);
    assert!(once["connections"].as_u64() > Some(0));
    assert_eq!(once, summary("2"));

    let out = run(&["sim", "swarm", "--seeds", "1", "--seed", "5", "--ladder"]);
    assert!(out.status.success());
    assert!(text(&out.stdout).contains("everything held"));
    for wrong in [&["--seeds", "0"][..], &["--seeds", "2", "--ladder"], &["--seed", "18446744073709551615"]] {
        assert_eq!(run(&[&["sim", "swarm"], wrong].concat()).status.code(), Some(2), "{wrong:?}");
    }
}

/// Ctrl-C in the middle of worlds without end.
#[cfg(unix)]
#[test]
fn an_interrupted_swarm_says_what_it_found_and_ends_with_130() {
    let mut command = handfast(&["sim", "swarm", "--seeds", "1000000000", "--threads", "2"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Before it watches for Ctrl-C it would just die: its threads come after that.
    let threads = format!("/proc/{}/task", child.id());
    while std::fs::read_dir(&threads).is_ok_and(|threads| threads.count() < 4) {
        std::thread::yield_now();
    }
    if !Path::new(&threads).exists() {
        child.kill().unwrap(); // No /proc here: nothing tells when it watches.
        child.wait().unwrap();
        return;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130), "{}", text(&out.stderr));
    let said = text(&out.stdout);
    assert!(said.contains("interrupted") && said.contains("seeds             0 to "), "{said}");
}

/// Every scene, counter and row that the brief's table names exists.
#[test]
fn the_table_of_the_brief_names_what_there_is() {
    let page = std::fs::read_to_string(root().join("docs/brief.md")).unwrap();
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && line.contains(" | ")).skip(1).collect();
    assert_eq!(rows.len(), 53);
    let list = text(&run(&["demo", "--list"]).stdout);
    let scenes: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let counters = std::fs::read_to_string(root().join("crates/stack/src/counters.rs")).unwrap();
    for (n, row) in rows.iter().enumerate() {
        assert!(row.starts_with(&format!("| {} | ", n + 1)), "{row}");
        let shown = row.trim_end_matches('|').rsplit(" | ").next().unwrap();
        for name in shown.split('`').skip(1).step_by(2) {
            let word = name.split(' ').next().unwrap();
            let known = scenes.contains(&word)
                || word.starts_with("--")
                || word.contains("::")
                || ["win", "SYN_RCV"].contains(&word)
                || (word.contains('_') && counters.contains(word));
            assert!(known, "row {}: {name}", n + 1);
        }
        assert_eq!(row.contains("**No**"), [3, 23, 32, 34, 38, 43].contains(&(n + 1)), "{row}");
    }
}
