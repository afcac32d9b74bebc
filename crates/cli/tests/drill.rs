//! `handfast drill` as people run it: what it says of scripts that pass, fail, can't be played, and aren't scripts.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of scripts, which goes when this does.
struct Scripts(PathBuf);

impl Scripts {
    fn new(test: &str, scripts: &[(&str, &str)]) -> Self {
        let dir = std::env::temp_dir().join(format!("handfast-drill-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        for (name, text) in scripts {
            std::fs::write(dir.join(name), text).unwrap();
        }
        Self(dir)
    }

    fn drill(&self, args: &[&str]) -> Output {
        drill(&self.0, args)
    }
}

impl Drop for Scripts {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn drill(path: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    command.arg("drill").arg(path).args(args);
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

/// A server that has accepted, and what comes then.
fn server(rest: &str) -> String {
    format!(
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.1 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
{rest}"
    )
}

fn all_kinds(test: &str) -> Scripts {
    let scripts = [
        ("a-good.pkt", server("+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1\n")),
        ("b-bad.pkt", server("+0 write(4, ..., 100) = 100\n+0 > . 1:101(100) ack 1\n")),
        ("c-beyond.pkt", server("+0 splice(4, 0, 5, 0, 8192, 0) = 8192\n")),
        ("d-none.pkt", "0 socket(\n".to_owned()),
        ("e-not-one.txt", "this is no script".to_owned()),
    ];
    let scripts: Vec<_> = scripts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Scripts::new(test, &scripts)
}

#[test]
fn a_line_a_script_and_the_counts_and_a_failure_fails_the_command() {
    let scripts = all_kinds("lines");
    let output = scripts.drill(&[]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    let dir = scripts.0.display();
    let line =
        |start: &str| told.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{told}"));
    assert_eq!(line("ok"), format!("ok    {dir}/a-good.pkt  v4"));
    assert_eq!(
        line("FAIL"),
        format!("FAIL  {dir}/b-bad.pkt:9:1  v4  a packet is another than the script expects")
    );
    assert!(line("        expected").ends_with("0.200000 > . 1:101(100) ack 1"));
    assert!(line("        actual").contains("0.200000 > P. 1:101(100) ack 1 win "));
    assert_eq!(line("        PSH"), "        PSH       expected not set, was set");
    assert!(
        line("skip").contains("c-beyond.pkt:8:1  v4  because splice is an interface of another system's own")
    );
    assert!(told.contains("d-none.pkt:1:"), "{told}");
    assert_eq!(told.lines().last(), Some("1 passed, 2 failed, 1 skipped"));
    assert!(!told.contains('\u{1b}'), "colours are for terminals");
    // The failed one is drawn up to where it failed; the good one isn't.
    assert_eq!(told.matches("SYN,ACK").count(), 1, "{told}");
}

#[test]
fn what_passes_alone_is_well_on_every_kind_of_address() {
    let scripts = all_kinds("addresses");
    let output = drill(&scripts.0.join("a-good.pkt"), &["--ip", "all", "--strict", "--exact"]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}");
    let ends: Vec<&str> = told.lines().filter_map(|line| line.rsplit("  ").next()).collect();
    assert_eq!(ends, ["v4", "v6", "mapped", "3 passed, 0 failed, 0 skipped"]);
    let drawn = text(&drill(&scripts.0.join("a-good.pkt"), &["--ladder"]).stdout);
    assert!(drawn.contains("ESTABLISHED"), "{drawn}");
}

#[test]
fn programs_get_an_object_a_line_and_captures_are_written() {
    let scripts = all_kinds("json");
    let captures = scripts.0.join("captures");
    let output = scripts.drill(&["--json", "--pcap", captures.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<_> = lines.iter().filter_map(|line| line["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["ok", "fail", "skip", "fail"]);
    assert_eq!(lines[1]["line"], 9);
    assert_eq!(lines[1]["at"], 200_000_000);
    assert_eq!(lines[1]["differences"][0]["field"], "PSH");
    assert_eq!(
        lines[4],
        serde_json::json!({ "passed": 1, "failed": 2, "skipped": 1, "differing": 0, "stale": 0 })
    );
    let files: Vec<_> = std::fs::read_dir(&captures).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4);
    let good = files.iter().find(|file| file.to_string_lossy().ends_with("a-good-v4.pcapng")).unwrap();
    let shown = Command::new(env!("CARGO_BIN_EXE_handfast")).arg("explain").arg(good).output().unwrap();
    assert!(text(&shown.stdout).contains("SYN,ACK"));
}

#[test]
fn options_of_the_command_line_hold_for_every_script_and_win() {
    let size = "+0 getsockopt(4, SOL_TCP, TCP_MAXSEG, [SIZE], [4]) = 0\n";
    let script = format!("--mtu=1400\n{}", server(size).replace("<mss 1000,", "<mss 1460,"));
    let scripts = Scripts::new("options", &[("size.pkt", &script)]);
    let ends = |args: &[&str]| text(&scripts.drill(args).stdout).lines().last().map(str::to_owned);
    let passed = Some("1 passed, 0 failed, 0 skipped".to_owned());
    assert_eq!(ends(&["--option", "define=SIZE=1360"]), passed);
    assert_eq!(ends(&["--option", "define=SIZE=960", "--option=--mtu=1000"]), passed);
    assert_ne!(ends(&["--option", "define=SIZE=1360", "--option", "mtu=1000"]), passed);
    let skipped = Some("0 passed, 0 failed, 1 skipped".to_owned());
    assert_eq!(ends(&["--option", "define=SIZE=1360", "--option", "frobnicate"]), skipped);
    for wrong in ["", "=1", "two words=1", "define", "define=SIZE"] {
        assert_eq!(scripts.drill(&["--option", wrong]).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn a_script_that_is_meant_to_fail_is_well_when_it_does() {
    let fails = server("// Failure: so it says\n+0 write(4, ..., 100) = 99\n");
    let passes = server("// Failure: so it says\n+0 write(4, ..., 100) = 100\n");
    let scripts = Scripts::new("meant", &[("fails.pkt", &fails), ("passes.pkt", &passes)]);
    let told = text(&scripts.drill(&[]).stdout);
    assert!(told.starts_with("ok "), "{told}");
    assert!(told.contains("passes.pkt:9:1  v4  the script says that this fails, and it didn't"), "{told}");
}

#[test]
fn what_cannot_be_is_said_before_anything_is_played() {
    let scripts = Scripts::new("wrong", &[]);
    let empty = scripts.drill(&[]);
    assert_eq!(empty.status.code(), Some(1));
    assert!(text(&empty.stderr).contains("there is no script (*.pkt)"));
    let missing = drill(&scripts.0.join("nowhere"), &[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("cannot read"));
}

#[test]
fn a_name_that_nobody_has_fails_and_what_is_skipped_may_fail_too() {
    let scripts =
        [("typo.pkt", server("+0 lissten(4, 1) = 0\n")), ("skip.pkt", server("+0 splice(4) = 1\n"))];
    let scripts: Vec<_> = scripts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let scripts = Scripts::new("typo", &scripts);
    let typo = drill(&scripts.0.join("typo.pkt"), &[]);
    assert_eq!(typo.status.code(), Some(1));
    let told = text(&typo.stdout);
    assert!(told.contains("typo.pkt:8:4: nobody knows a call `lissten`"), "{told}");
    assert!(told.contains("8 | +0 lissten(4, 1) = 0") && told.contains("|    ^^^^^^^\n"), "{told}");
    let skip = scripts.0.join("skip.pkt");
    assert_eq!(drill(&skip, &[]).status.code(), Some(0));
    assert_eq!(drill(&skip, &["--no-skip"]).status.code(), Some(1));
}

#[test]
fn what_code_prints_is_told_of_scripts_that_pass_and_that_fail() {
    let printing = |rest: &str| server(&format!("+0 %{{ print('cwnd', tcpi_snd_cwnd) }}%\n{rest}"));
    let (good, bad) = (printing(""), printing("+0 write(4, ..., 1) = 2\n"));
    let scripts = Scripts::new("print", &[("good.pkt", &good), ("bad.pkt", &bad)]);
    let told = text(&scripts.drill(&[]).stdout);
    assert_eq!(told.matches("        print: cwnd 10\n").count(), 2, "{told}");
    let told = text(&scripts.drill(&["--json"]).stdout);
    assert_eq!(told.matches(r#""printed":"cwnd 10\n""#).count(), 2, "{told}");
}

#[test]
fn a_script_that_says_it_holds_loosely_is_played_so_and_it_is_told() {
    let more = "+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1\n+.1 < . 1:1(0) ack 101 win 257\n+0 close(4) = 0\n";
    let loose = format!("// loose: its end is shown elsewhere\n{}", server(more));
    let scripts = Scripts::new("loose", &[("a-loose.pkt", &loose), ("b-strict.pkt", &server(more))]);
    let output = scripts.drill(&["--strict"]);
    let told = text(&output.stdout);
    assert!(told.contains("a-loose.pkt  v4  loosely: its end is shown elsewhere\n"), "{told}");
    assert!(told.contains("FAIL") && told.ends_with("1 passed, 1 failed, 0 skipped\n"), "{told}");
    assert!(scripts.drill(&[]).status.success());
}

#[test]
fn addresses_that_calls_write_are_compared() {
    let name = |port: u16| {
        format!(r#"{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr("192.168.0.1")}}"#)
    };
    let asks = |port, length| server(&format!("+0 getsockname(4, {}, [{length}]) = 0\n", name(port)));
    let (good, port, length) = (asks(8080, 16), asks(8081, 16), asks(8080, 99));
    let scripts = [("a.pkt", good.as_str()), ("b.pkt", &port), ("c.pkt", &length)];
    let scripts = Scripts::new("names", &scripts);
    let told = text(&scripts.drill(&[]).stdout);
    assert!(told.contains("address  expected 192.168.0.1:8081, was 192.168.0.1:8080"), "{told}");
    assert!(told.contains("length of the address  expected 99, was 16"), "{told}");
    assert!(told.ends_with("1 passed, 2 failed, 0 skipped\n"), "{told}");
    let told = text(&drill(&scripts.0.join("a.pkt"), &["--ip", "mapped"]).stdout);
    assert!(told.starts_with("ok"), "{told}");
}
