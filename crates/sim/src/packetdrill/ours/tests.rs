//! Sockets by Linux's contracts, each by a script of its own.

use super::Ours;
use crate::packetdrill::play::{Rules, play};
use crate::packetdrill::report::Verdict;
use crate::packetdrill::script::parse;
use crate::packetdrill::subject::IpVersion;
use std::collections::BTreeMap;

const ACCEPTED: &str = "\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
";

fn verdict(version: IpVersion, script: &str) -> Verdict {
    let parsed = parse(script, &BTreeMap::new()).unwrap_or_else(|why| panic!("{why}\n{script}"));
    play(&parsed, &mut Ours::new(1), &Rules { version, ..Rules::default() }).verdict
}

/// After a connection was accepted, over each kind of address.
fn passes(rest: &str) {
    for version in IpVersion::ALL {
        assert_eq!(verdict(version, &format!("{ACCEPTED}{rest}")), Verdict::Passed, "{version:?}\n{rest}");
    }
}

#[test]
fn octets_are_read_and_written_and_the_end_is_told() {
    passes(
        "+0 write(4, ..., 500) = 500\n+0 > P. 1:501(500) ack 1\n+.01 < P. 1:11(10) ack 501 win 257\n+0 > . 501:501(0) ack 11\n\
         +0 ioctl(4, SIOCINQ, [10]) = 0\n+0 recv(4, ..., 4, MSG_PEEK) = 4\n+0 read(4, ..., 100) = 10\n\
         +0 recv(4, ..., 100, MSG_DONTWAIT) = -1 EAGAIN\n+0 < F. 11:11(0) ack 501 win 257\n* > . 501:501(0) ack 12\n\
         +0 read(4, ..., 100) = 0\n",
    );
}

#[test]
fn what_a_script_says_wrong_fails_it() {
    for rest in
        ["+0 read(4, ..., 100) = 10\n", "+0 write(4, ..., 500) = 400\n", "+0 shutdown(9, SHUT_WR) = 0\n"]
    {
        let told =
            verdict(IpVersion::V4, &format!("{ACCEPTED}+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n{rest}"));
        assert!(!matches!(told, Verdict::Passed), "{rest}");
    }
}

#[test]
fn a_reset_is_told_once_and_leaves_what_had_come() {
    passes(
        "+0 < P. 1:11(10) ack 1 win 257\n+0 > . 1:1(0) ack 11\n+0 < R. 11:11(0) ack 1 win 0\n+0 read(4, ..., 100) = 10\n\
         +0 write(4, ..., 1) = -1 ECONNRESET\n+0 write(4, ..., 1) = -1 EPIPE\n+0 read(4, ..., 100) = 0\n",
    );
}

#[test]
fn null_pointers_and_bad_lengths_are_told_apart() {
    passes(
        "+0 write(4, NULL, 10) = -1 EFAULT\n+0 setsockopt(4, SOL_TCP, TCP_NODELAY, NULL, 4) = -1 EFAULT\n\
         +0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 2) = -1 EINVAL\n+0 setsockopt(4, SOL_TCP, TCP_KEEPCNT, [0], 4) = -1 EINVAL\n\
         +0 bind(4, ..., ...) = -1 EINVAL\n+0 connect(4, ..., ...) = -1 EISCONN\n+0 accept(4, ..., ...) = -1 EINVAL\n",
    );
}

#[test]
fn a_cork_holds_what_fills_no_segment_until_it_is_drawn() {
    passes(
        "+0 setsockopt(4, SOL_TCP, TCP_CORK, [1], 4) = 0\n+0 write(4, ..., 40) = 40\n+.05 write(4, ..., 40) = 40\n\
         +.01 setsockopt(4, SOL_TCP, TCP_CORK, [0], 4) = 0\n+0 > P. 1:81(80) ack 1\n",
    );
}

#[test]
fn a_waiting_read_returns_when_octets_come() {
    passes("+0...0.2 read(4, ..., 100) = 10\n+.2 < P. 1:11(10) ack 1 win 257\n+0 > . 1:1(0) ack 11\n");
}

#[test]
fn poll_says_what_would_not_wait() {
    passes(
        "+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1\n+0 < P. 1:11(10) ack 1 win 257\n+0 > . 1:1(0) ack 11\n\
         +0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN|POLLOUT}], 1, 0) = 1\n",
    );
}

#[test]
fn a_handshake_that_nobody_answers_ends_after_its_retries() {
    let script = "\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_TCP, TCP_SYNCNT, [1], 4) = 0
+0...3 connect(3, ..., ...) = -1 ETIMEDOUT
+0 > S 0:0(0) <...>
+1 > S 0:0(0) <...>
";
    assert_eq!(verdict(IpVersion::V4, script), Verdict::Passed);
}

#[test]
fn interfaces_that_are_linuxs_own_skip_a_script_and_say_so() {
    let rest = "+0 setsockopt(4, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0\n";
    let Verdict::Skipped { because, .. } = verdict(IpVersion::V4, &format!("{ACCEPTED}{rest}")) else {
        panic!("it is not skipped")
    };
    assert!(because.contains("SO_ZEROCOPY"), "{because}");
}

#[test]
fn tcp_info_is_told_in_packets() {
    passes(
        "+0 write(4, ..., 2000) = 2000\n+0 > P. 1:2001(2000) ack 1\n\
         +0 %{ assert tcpi_unacked == 2 and tcpi_snd_mss == 1000 and tcpi_state == TCP_ESTABLISHED }%\n",
    );
}
