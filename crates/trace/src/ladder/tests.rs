//! Ladders of events made by hand.

use super::*;
use crate::sample::{ACK, CLIENT, ISS, Log, handshake, syn_options};
use device::impair::{Lost, What};
use env::{Duration, Instant};
use stack::trace::Content;
use stack::{Drop, InterfaceId, Trace};
use std::net::SocketAddr;
use tcp::{Cause, Note, State, Why};
use wire::SeqNum;
use wire::tcp::{Flags, Options, SackBlock};

/// The ladder, of which no line may be too wide.
trait Drawn {
    fn draw(&self, lang: Lang) -> String;
}

impl Drawn for Log {
    fn draw(&self, lang: Lang) -> String {
        let text = Ladder::new(Settings { lang, ..Settings::default() }).draw(&self.entries);
        for line in text.lines() {
            assert!(crate::text::width(line) <= 100, "{} columns: {line}", crate::text::width(line));
        }
        text
    }
}
#[test]
fn a_handshake_is_three_rows_with_both_sides_states() {
    insta::assert_snapshot!(handshake().draw(Lang::En));
}

#[test]
fn the_same_in_korean() {
    insta::assert_snapshot!(handshake().draw(Lang::Ko));
}

#[test]
fn losses_corruption_copies_and_silence_are_seen() {
    let mut log = handshake();
    let data = Log::packet(0, Flags::PSH | ACK, 1, 1, 100, Options::NONE);
    let id = log.sent(30, 0, &data, Why::Data);
    log.link(30, 0, id, What::Lost(Lost::Chance));
    let again = log.sent(1030, 0, &data, Why::RetransmissionTimeout(1));
    log.link(1030, 0, again, What::Corrupted { bit: 293 });
    log.link(1030, 0, again, What::Queued { delay: Duration::from_millis(10) });
    log.received(1040, 1, again, &data);
    log.dropped(1040, 1, again, Drop::TcpChecksum);
    let again = log.sent(3030, 0, &data, Why::RetransmissionTimeout(2));
    log.link(3030, 0, again, What::Duplicated);
    log.received(3040, 1, again, &data);
    let ack = Log::packet(1, ACK, 1, 101, 0, Options::NONE);
    log.carried(3040, 1, ack.clone(), Why::QuickAck);
    log.received(3041, 1, again, &data);
    let mut sack = Options::NONE;
    sack.sack.push(SackBlock {
        start: SeqNum::new(ISS[0]).add_octets(1),
        end: SeqNum::new(ISS[0]).add_octets(101),
    });
    log.carried(3041, 1, Log::packet(1, ACK, 1, 101, 0, sack), Why::Duplicate);
    insta::assert_snapshot!(log.draw(Lang::En));
}

trait AddOctets {
    fn add_octets(self, octets: u32) -> Self;
}

impl AddOctets for SeqNum {
    fn add_octets(self, octets: u32) -> Self {
        self + octets
    }
}

#[test]
fn packets_that_cross_are_drawn_where_they_leave_and_where_they_arrive() {
    let mut log = Log::new();
    let syn = [0, 1].map(|from| Log::packet(from, Flags::SYN, 0, 0, 0, syn_options()));
    let mut ids = [0; 2];
    for side in [0, 1] {
        log.state(0, side, State::Closed, State::SynSent, Cause::Call("OPEN"));
        ids[side] = log.sent(0, side, &syn[side], Why::OpensConnection);
    }
    let syns = ids;
    for side in [0, 1] {
        log.received(10, side, syns[1 - side], &syn[1 - side]);
        log.state(10, side, State::SynSent, State::SynReceived, Cause::Arrived("SYN"));
        let answer = Log::packet(side, Flags::SYN | ACK, 0, 1, 0, Options::NONE);
        ids[side] = log.sent(10, side, &answer, Why::AnswersSyn);
    }
    for side in [0, 1] {
        let answer = Log::packet(1 - side, Flags::SYN | ACK, 0, 1, 0, Options::NONE);
        log.received(20, side, ids[1 - side], &answer);
        log.state(20, side, State::SynReceived, State::Established, Cause::Arrived("ACK"));
    }
    insta::assert_snapshot!(log.draw(Lang::En));
}

#[test]
fn an_overtaken_packet_is_two_rows_and_its_overtaker_is_one() {
    let mut log = handshake();
    let first = Log::packet(0, ACK, 1, 1, 1000, Options::NONE);
    let second = Log::packet(0, Flags::PSH | ACK, 1001, 1, 500, Options::NONE);
    let one = log.sent(30, 0, &first, Why::Data);
    log.link(30, 0, one, What::Reordered);
    let two = log.sent(30, 0, &second, Why::Data);
    log.received(40, 1, two, &second);
    log.received(50, 1, one, &first);
    insta::assert_snapshot!(log.draw(Lang::En));
}

#[test]
fn what_nobody_here_sent_comes_from_elsewhere_and_what_never_arrived_is_on_its_way() {
    let mut log = handshake();
    let forged = Log::packet(0, Flags::RST, 5000, 0, 0, Options::NONE);
    log.received(35, 1, 0, &forged);
    log.carried(
        35,
        1,
        Log::packet(1, ACK, 1, 1, 0, Options::NONE),
        Why::ChallengeAck(tcp::ChallengeTo::Reset),
    );
    log.sent(50, 0, &Log::packet(0, Flags::FIN | ACK, 1, 1, 0, Options::NONE), Why::Closes);
    insta::assert_snapshot!(log.draw(Lang::En));
}

#[test]
fn rows_that_differ_in_numbers_only_are_counted() {
    let mut log = handshake();
    for n in 0..20u32 {
        let at = 30 + u64::from(n);
        log.carried(at, 0, Log::packet(0, ACK, 1 + n * 1000, 1, 1000, Options::NONE), Why::Data);
    }
    let text = log.draw(Lang::En);
    assert!(text.contains("⋮ 17 more like this"), "{text}");
    assert_eq!(text.matches("len=1000").count(), 3);
    assert!(log.draw(Lang::Ko).contains("⋮ 이런 것 17개 더"));
}

#[test]
fn a_timer_that_sends_nothing_is_a_row_of_its_own_after_a_silence() {
    let mut log = handshake();
    log.state(60_030, 0, State::TimeWait, State::Closed, Cause::Timeout("2MSL"));
    log.entries.push(Entry::Said {
        at: Instant::from_millis(60_030),
        host: Some(1),
        text: "bye\u{7}".into(),
    });
    let text = log.draw(Lang::En);
    assert!(text.contains("60 s later"), "{text}");
    assert!(
        text.contains("60.030  CLOSED       │ • twice the maximum segment lifetime has passed"),
        "{text}"
    );
    assert!(text.contains("bye\u{fffd} •"), "{text}");
}

#[test]
fn a_host_that_talks_to_itself_is_drawn_on_both_sides() {
    let mut log = Log::new();
    log.interface = InterfaceId::LOOPBACK;
    let own = |flags, seq, ack| {
        let mut packet = Log::packet(0, flags, seq, ack, 0, Options::NONE);
        packet.dst = packet.src;
        if let Content::Tcp { dst_port, src_port, header, .. } = &mut packet.content {
            *dst_port = *src_port;
            header.ack = SeqNum::new(ISS[0]) + ack;
        }
        packet
    };
    let local: SocketAddr = CLIENT.parse().unwrap();
    let state = |log: &mut Log, from, to, cause| {
        let at = Instant::ZERO;
        let what = Trace::Tcp { at, local, remote: local, note: Note::State { at, from, to, cause } };
        log.entries.push(Entry::Host { host: 0, what });
    };
    state(&mut log, State::Closed, State::SynSent, Cause::Call("OPEN"));
    let syn = own(Flags::SYN, 0, 0);
    let id = log.sent(0, 0, &syn, Why::OpensConnection);
    log.received(0, 0, id, &syn);
    state(&mut log, State::SynSent, State::SynReceived, Cause::Arrived("SYN"));
    let answer = own(Flags::SYN | ACK, 0, 1);
    let id = log.sent(0, 0, &answer, Why::AnswersSyn);
    log.received(0, 0, id, &answer);
    state(&mut log, State::SynReceived, State::Established, Cause::Arrived("ACK"));
    insta::assert_snapshot!(log.draw(Lang::En));
}

#[test]
fn every_width_is_kept() {
    let log = handshake();
    for width in [0, 80, 90, 100, 120, 500] {
        let text = Ladder::new(Settings { width, ..Settings::default() }).draw(&log.entries);
        let limit = width.clamp(80, 160);
        assert!(text.lines().all(|line| crate::text::width(line) <= limit), "{text}");
    }
}
