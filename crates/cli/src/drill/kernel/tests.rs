//! Scripts played against this machine's kernel.

use super::Kernel;
use sim::packetdrill::play::{Rules, play};
use sim::packetdrill::report::Verdict;
use sim::packetdrill::script::parse;
use sim::packetdrill::subject::IpVersion;
use std::collections::BTreeMap;
use std::io::Write as _;

/// What becomes of a script, in each IP version; `None`, loudly, where there is no kernel to be had.
fn verdicts(text: &str) -> Option<[Verdict; 3]> {
    if let Err(why) = device::namespace::Namespace::new() {
        assert_ne!(std::env::var("HANDFAST_NO_SKIP").as_deref(), Ok("1"), "no kernel to test: {why}");
        // Not `eprintln`, which the test runner swallows when a test passes.
        let line = format!("SKIPPED: scripts against the kernel: {why}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    }
    let script = parse(text, &BTreeMap::new()).unwrap();
    Some(IpVersion::ALL.map(|version| {
        let mut kernel = Kernel::new(std::env::temp_dir()).unwrap();
        play(&script, &mut kernel, &Rules { version, ..Rules::default() }).verdict
    }))
}

/// A busy machine is late.
const OPTIONS: &str = "--tolerance_usecs=500000\n";

const HANDSHAKE: &str = "
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0  > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0  accept(3, ..., ...) = 4
";

fn after_the_handshake(rest: &str) -> String {
    format!("{OPTIONS}{HANDSHAKE}{rest}")
}

#[test]
fn the_kernel_accepts_reads_writes_and_closes() {
    let text = after_the_handshake(
        "
+0  < P. 1:11(10) ack 1 win 257
+0  > . 1:1(0) ack 11
+0  read(4, ..., 100) = 10
+0  write(4, ..., 500) = 500
+0  > P. 1:501(500) ack 11
+.1 < . 11:11(0) ack 501 win 257
+0  %{ assert tcpi_state == 1 and tcpi_bytes_acked == 500, tcpi_bytes_acked }%
+0  close(4) = 0
+0  > F. 501:501(0) ack 11
+0  < F. 11:11(0) ack 502 win 257
+0  > . 502:502(0) ack 12
",
    );
    for verdict in verdicts(&text).into_iter().flatten() {
        assert_eq!(verdict, Verdict::Passed);
    }
}

#[test]
fn a_call_that_blocks_returns_when_what_it_waits_for_comes() {
    let text = after_the_handshake(
        "
+0...0.1 read(4, ..., 100) = 10
+.1 < P. 1:11(10) ack 1 win 257
+0  > . 1:1(0) ack 11
+0  read(9, ..., 100) = -1 EBADF (Bad file descriptor)
",
    );
    for verdict in verdicts(&text).into_iter().flatten() {
        assert_eq!(verdict, Verdict::Passed);
    }
}

#[test]
fn what_the_kernel_does_not_do_fails_the_script() {
    let text = after_the_handshake("+0 > R. 1:1(0) ack 1\n");
    for verdict in verdicts(&text).into_iter().flatten() {
        assert!(matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    }
}

#[test]
fn a_command_that_fails_fails_the_script() {
    let text = format!("{OPTIONS}`sysctl -q -w net.ipv4.tcp_no_such_thing=1`\n{HANDSHAKE}");
    for verdict in verdicts(&text).into_iter().flatten() {
        let Verdict::Failed(failure) = &verdict else { panic!("{verdict:?}") };
        assert!(failure.what.contains("tcp_no_such_thing"), "{}", failure.what);
    }
}

#[test]
fn settings_are_the_scripts_own() {
    let settings = "`sysctl -q net.ipv4.tcp_sack=0; sysctl -q net.ipv4.tcp_rmem=\"4096 500000 15000000\"`";
    let handshake = HANDSHAKE.replace("<...>", "<mss 1460,nop,wscale 8>");
    let text = format!("{OPTIONS}{settings}\n{handshake}");
    let [v4, ..] = match verdicts(&text) {
        Some(verdicts) => verdicts,
        None => return,
    };
    assert_eq!(v4, Verdict::Passed);
    let global = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_sack").unwrap();
    assert_eq!(global.trim(), "1", "this machine's own setting is as it was");
}
