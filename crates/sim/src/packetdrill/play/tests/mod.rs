//! Scripts played against a host that does little: what the player itself compares, waits for and refuses.

mod small;

use super::{Rules, play};
use crate::packetdrill::report::{Failure, Outcome, Verdict};
use crate::packetdrill::script::parse;
use crate::packetdrill::subject::IpVersion;
use small::Small;
use std::collections::BTreeMap;

/// The handshake that scripts begin with.
const ACCEPTED: &str = "
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.1 < S 5:5(0) win 1000 <mss 1000>
+0 > S. 77:77(0) ack 6 <mss 1460>
+.1 < . 1:1(0) ack 1 win 1000
+0 accept(3, ..., ...) = 4
";

fn outcome(text: &str, rules: Rules) -> Outcome {
    let script = parse(text, &BTreeMap::new()).unwrap_or_else(|error| panic!("{}", error.in_file("test")));
    play(&script, &mut Small::default(), &rules)
}

/// After the handshake, under the usual rules.
fn after(text: &str) -> Verdict {
    outcome(&format!("{ACCEPTED}{text}"), Rules::default()).verdict
}

fn failure(verdict: Verdict) -> Failure {
    match verdict {
        Verdict::Failed(failure) => *failure,
        other => panic!("{other:?}"),
    }
}

/// Field, expected, actual.
fn differences(verdict: Verdict) -> Vec<(&'static str, String, String)> {
    let found = failure(verdict).differences.into_iter();
    found.map(|found| (found.field, found.expected, found.actual)).collect()
}

fn one(field: &'static str, expected: &str, actual: &str) -> Vec<(&'static str, String, String)> {
    vec![(field, expected.to_owned(), actual.to_owned())]
}

#[test]
fn numbers_count_from_each_sides_own_beginning_on_every_kind_of_address() {
    let text = format!("{ACCEPTED}+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1\n");
    for version in IpVersion::ALL {
        for strict in [false, true] {
            let isn = if strict { u32::MAX - 5 } else { 0 };
            let outcome = outcome(&text, Rules { version, strict, exact: true, isn });
            assert_eq!(outcome.verdict, Verdict::Passed, "{version:?}");
            assert_eq!(outcome.exchange.len(), 4);
            let first = outcome.exchange[0].packet[0] >> 4;
            assert_eq!(first, if version == IpVersion::V6 { 6 } else { 4 });
        }
    }
}

#[test]
fn several_packets_may_make_one_line_and_one_packet_is_one_with_strict_segments() {
    let text = "+0 write(4, ..., 2500) = 2500\n+0 > P. 1:2501(2500) ack 1\n";
    assert_eq!(after(text), Verdict::Passed);
    let strict = format!("--strict_segments\n{ACCEPTED}{text}");
    let found = differences(outcome(&strict, Rules::default()).verdict);
    assert!(found.contains(&("length", "2500".to_owned(), "1000".to_owned())), "{found:?}");
    let odd = after("+0 write(4, ..., 1500) = 1500\n+0 > P. 1:2001(2000) ack 1\n");
    assert_eq!(differences(odd), one("length of the next packet", "1000", "500"));
}

#[test]
fn what_differs_is_named() {
    let psh = after("+0 write(4, ..., 100) = 100\n+0 > . 1:101(100) ack 1\n");
    assert_eq!(differences(psh), one("PSH", "not set", "set"));
    let ack = after("+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 2\n");
    assert_eq!(differences(ack), one("ack", "2", "1"));
    let window = after("+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1 win 7\n");
    assert_eq!(differences(window), one("window", "7", "65535"));
    let ecn = after("+0 write(4, ..., 100) = 100\n+0 > [ect0] P. 1:101(100) ack 1\n");
    assert_eq!(differences(ecn), one("ecn", "ect0", "noecn"));
    let options = after("+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1 <nop,nop,TS val 1 ecr 2>\n");
    assert_eq!(differences(options), one("options", "<nop,nop,TS val 1 ecr 2>", "none"));
    let any = after("+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1 <...>\n");
    assert_eq!(any, Verdict::Passed);
}

#[test]
fn a_packet_has_its_time_and_a_tolerance() {
    let data = "+0 < P. 1:101(100) ack 1 win 1000\n";
    let at = |time: &str| after(&format!("{data}{time} > . 1:1(0) ack 101\n"));
    for time in ["+.04", "+.044", "+.036", "+.03~+.05", "*", "0.24", "0.1~0.24"] {
        assert_eq!(at(time), Verdict::Passed, "{time}");
    }
    for (time, told) in [("+.03", "0.230000"), ("+.05", "0.250000"), ("+.05~+.1", "0.250000~0.300000")] {
        assert_eq!(differences(at(time)), one("time", told, "0.240000"), "{time}");
    }
    let exact = Rules { exact: true, ..Rules::default() };
    let text = |time: &str| format!("{ACCEPTED}{data}{time} > . 1:1(0) ack 101\n");
    assert_eq!(outcome(&text("+.04"), exact).verdict, Verdict::Passed);
    assert_eq!(differences(outcome(&text("+.041"), exact).verdict), one("time", "0.241000", "0.240000"));
    let wide = format!("--tolerance_usecs=20000\n{}", text("+.03"));
    assert_eq!(outcome(&wide, Rules::default()).verdict, Verdict::Passed);
}

#[test]
fn a_packet_that_does_not_come_and_one_that_nobody_asked_for() {
    let missing = failure(after("+0 > . 1:1(0) ack 1\n"));
    assert_eq!(missing.expected.as_deref(), Some("0.200000 > . 1:1(0) ack 1"));
    assert_eq!(missing.actual.as_deref(), Some("nothing"));
    assert!(missing.what.contains("didn't leave until 2.200000"), "{}", missing.what);
    let text = format!("{ACCEPTED}+0 write(4, ..., 100) = 100\n");
    assert_eq!(outcome(&text, Rules::default()).verdict, Verdict::Passed);
    let strict = Rules { strict: true, ..Rules::default() };
    let unexpected = failure(outcome(&text, strict).verdict);
    assert!(unexpected.what.contains("doesn't expect"), "{}", unexpected.what);
    assert_eq!(unexpected.actual.as_deref(), Some("0.200000 > P. 1:101(100) ack 1 win 65535"));
}

#[test]
fn a_call_that_blocks_goes_on_beside_what_follows() {
    let read = |until: &str| {
        after(&format!(
            "+0...{until} read(4, ..., 1000) = 100\n+.2 < P. 1:101(100) ack 1 win 1000\n+.04 > . 1:1(0) ack 101\n"
        ))
    };
    assert_eq!(read("0.200"), Verdict::Passed);
    assert!(failure(read("0.100")).what.contains("returned at 0.400000, and should at 0.300000"));
    let never = failure(after("+0...0.1 read(4, ..., 1000) = 100\n"));
    assert!(never.what.contains("didn't return"), "{}", never.what);
    // Said to return at once, it may block until something else makes it return; here nothing does.
    let ever = failure(after("+0 read(4, ..., 1000) = 100\n"));
    assert_eq!(ever.what, "`read(4, ..., 1000)` didn't return until 600.200000");
}

#[test]
fn timestamps_are_told_in_the_scripts_own_clock() {
    let text = |echo: &str| {
        format!(
            "--tcp_ts_tick_usecs=1000
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 bind(3, ..., ...) = 0
            +0 listen(3, 1) = 0
            +.1 < S 0:0(0) win 1000 <mss 1000,nop,nop,TS val 500 ecr 0>
            +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 100 ecr 500>
            +.1 < . 1:1(0) ack 1 win 1000 <nop,nop,TS val 600 ecr {echo}>
            +0 accept(3, ..., ...) = 4
            +0 write(4, ..., 100) = 100
            +0 > P. 1:101(100) ack 1 <nop,nop,TS val 200 ecr 600>"
        )
    };
    let strict = Rules { strict: true, ..Rules::default() };
    assert_eq!(outcome(&text("100"), strict).verdict, Verdict::Passed);
    assert!(
        failure(outcome(&text("101"), strict).verdict).what.contains("nothing is known of the timestamp 101")
    );
    let scaled = format!("--tcp_ts_ecr_scaled\n{}", text("101"));
    assert_eq!(outcome(&scaled, strict).verdict, Verdict::Passed);
    let wrong = text("100").replace("TS val 200 ecr 600", "TS val 240 ecr 600");
    assert_eq!(differences(outcome(&wrong, strict).verdict), one("TS val", "240", "200"));
    let echo = text("100").replace("TS val 200 ecr 600", "TS val 200 ecr 601");
    assert_eq!(differences(outcome(&echo, strict).verdict), one("TS ecr", "601", "600"));
    assert_eq!(outcome(&echo, Rules::default()).verdict, Verdict::Passed);
}

#[test]
fn what_a_host_can_not_do_skips_the_script_and_says_why() {
    let because = |verdict| match verdict {
        Verdict::Skipped { because, .. } => because,
        other => panic!("{other:?}"),
    };
    assert!(because(after("+0 splice(4, 0, 5, 0, 8192, 0) = 8192\n")).contains("`splice` is a call"));
    assert!(because(after("+0 setsockopt(4, SOL_TCP, TCP_MYSTERY, [1], 4) = 0\n")).contains("TCP_MYSTERY"));
    assert!(because(after("+0 shutdown(4, SHUT_WR) = 0\n")).contains("small hosts"));
    assert!(because(after("+0 `reboot`\n")).contains("reboot"));
    let v6 = outcome(&format!("--ip_version=ipv6\n{ACCEPTED}"), Rules::default());
    assert!(because(v6.verdict).contains("ipv6 only"));
    let option = outcome("--frobnicate=1\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", Rules::default());
    assert!(because(option.verdict).contains("--frobnicate"));
}

#[test]
fn a_descriptor_that_the_script_never_had_is_nobodys() {
    assert_eq!(after("+0 close(9) = -1 EBADF (Bad file descriptor)\n"), Verdict::Passed);
    // The newest has the name; a second socket of one name is a slip.
    assert_eq!(after("+0 accept(3, ..., ...) = 4\n"), Verdict::Passed);
    let twice = failure(after("+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4\n"));
    assert!(twice.what.contains("two descriptors 4"), "{}", twice.what);
}

#[test]
fn a_host_that_never_stops_is_a_failure_and_not_a_hang() {
    let script = format!("{ACCEPTED}+10 > . 9:9(0) ack 1\n");
    let script = parse(&script, &BTreeMap::new()).unwrap();
    let mut raving = Small::default();
    raving.raving = true;
    let outcome = play(&script, &mut raving, &Rules::default());
    assert!(failure(outcome.verdict).what.contains("it never ends"));
}

#[test]
fn a_window_that_shrinks_fails_strict_rules_only() {
    let script = format!("{ACCEPTED}+0 < P. 1:101(100) ack 1 win 1000\n+.04 > . 1:1(0) ack 101\n");
    let script = parse(&script, &BTreeMap::new()).unwrap();
    let verdict = |shrinking, strict| {
        let mut small = Small::default();
        small.shrinking = shrinking;
        play(&script, &mut small, &Rules { strict, ..Rules::default() }).verdict
    };
    assert_eq!([verdict(true, false), verdict(false, true)], [Verdict::Passed, Verdict::Passed]);
    let found = differences(verdict(true, true));
    assert_eq!(found, one("right edge of the window", "not withdrawn", "64435 octets less"));
}

#[test]
fn a_wrong_checksum_fails_strict_rules_only() {
    let script = parse(ACCEPTED, &BTreeMap::new()).unwrap();
    let verdict = |mangling, strict| {
        let mut small = Small::default();
        small.mangling = mangling;
        play(&script, &mut small, &Rules { strict, ..Rules::default() }).verdict
    };
    assert_eq!([verdict(true, false), verdict(false, true)], [Verdict::Passed, Verdict::Passed]);
    assert_eq!(differences(verdict(true, true)), one("TCP", "a right checksum", "a wrong one"));
}
