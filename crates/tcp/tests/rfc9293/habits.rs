//! Habits of other stacks that a user may choose, and what they change: ACKs that wait for answers, pieces of half a window,
//! probes without an octet, segments without timestamps; and what is so for everybody (§3.6.1, §3.8.6; RFC 3042, 8985).

use crate::lone::{IRS, ISS, Lone, Peer, by_the_book, line, ms};
use handfast_tcp::{Congestion, State, TcpConfig, Why};
use wire::tcp::{Flags, SackBlock, SackBlocks};

const ACK: Flags = Flags::ACK;

fn sacking() -> Peer {
    Peer { sack: true, ..Peer::plain() }
}

impl Lone {
    /// A duplicate ACK whose one SACK block is `start..end`.
    fn sacks(&mut self, ack: u32, start: u32, end: u32) {
        let mut segment = self.segment(ACK, 1, ack, 65_535, 0);
        let mut blocks = SackBlocks::NONE;
        assert!(blocks.push(SackBlock { start: ISS + start, end: ISS + end }));
        segment.header.options.sack = blocks;
        segment.arrived = self.now;
        self.handle(segment);
    }

    fn lines(&mut self, time: u64) -> Vec<String> {
        self.advance(ms(time)).iter().map(|(_, transmit)| line(transmit)).collect()
    }
}

/// Covers: RFC 9293 SHLD-18, MUST-40; RFC 5681 5681-28
#[test]
fn acks_wait_for_answers_once_one_was_given_and_no_longer_when_none_comes() {
    let mut lone = Lone::established(by_the_book().answers_carry_acks(true), &Peer::plain());
    lone.arrives(ACK, 1, 1, 65_535, 100);
    assert_eq!(lone.sent(), ["ACK 1:1 ack 101"], "the first is acknowledged at once");
    lone.write(10);
    assert_eq!(lone.sent(), ["PSH,ACK 1:11 ack 101"]);
    lone.arrives(ACK, 101, 11, 65_535, 100);
    assert!(lone.sent().is_empty());
    lone.write(10);
    assert_eq!(lone.sent(), ["PSH,ACK 11:21 ack 201"], "it travels with the answer");
    lone.arrives(ACK, 201, 21, 65_535, 100);
    assert_eq!(lone.lines(40), ["ACK 21:21 ack 301"], "it has waited in vain");
    lone.arrives(ACK, 301, 21, 65_535, 100);
    assert_eq!(lone.sent(), ["ACK 21:21 ack 401"]);
}

/// Covers: RFC 9293 SHLD-18
#[test]
fn the_ack_of_a_fin_may_travel_with_ours() {
    let mut lone = Lone::established(by_the_book().answers_carry_acks(true), &Peer::plain());
    lone.arrives(ACK, 1, 1, 65_535, 100);
    lone.sent();
    lone.arrives(ACK | Flags::FIN, 101, 1, 65_535, 0);
    assert!(lone.sent().is_empty());
    lone.tcp.close(lone.now).unwrap();
    assert_eq!(lone.sent(), ["FIN,ACK 1:1 ack 102"]);
    // By default each FIN is acknowledged at once.
    let mut lone = Lone::plain();
    lone.arrives(ACK, 1, 1, 65_535, 100);
    lone.sent();
    lone.arrives(ACK | Flags::FIN, 101, 1, 65_535, 0);
    assert_eq!(lone.sent(), ["ACK 1:1 ack 102"]);
}

/// Covers: RFC 9293 MUST-60, MUST-61
#[test]
fn pieces_of_half_a_window_are_pushed_at_their_end() {
    let config = TcpConfig::default().pacing(false).least_train(10).half_window_pieces(true);
    let mut lone = Lone::established(config, &Peer { window: 8_000, ..Peer::plain() });
    lone.write(12_000);
    let pushed = |lone: &mut Lone| {
        let sent = lone.sent();
        sent.iter().filter(|line| line.starts_with("PSH")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(pushed(&mut lone), ["PSH,ACK 3001:4001 ack 1", "PSH,ACK 7001:8001 ack 1"]);
    lone.arrives(ACK, 1, 8_001, 8_000, 0);
    assert_eq!(pushed(&mut lone), ["PSH,ACK 11001:12001 ack 1"]);
}

/// Covers: RFC 9293 MUST-60
#[test]
fn a_piece_is_pushed_at_its_end_though_segments_go_one_at_a_time() {
    let config = by_the_book().pacing(false).least_train(1).half_window_pieces(true).initial_window(1);
    let mut lone = Lone::established(config, &Peer { window: 8_000, ..Peer::plain() });
    lone.write(12_000);
    assert_eq!(lone.sent(), ["ACK 1:1001 ack 1"]);
    // The piece that was being sent was filled up again: the next four segments are one.
    lone.arrives(ACK, 1, 1_001, 8_000, 0);
    assert_eq!(lone.sent(), ["ACK 1001:2001 ack 1", "ACK 2001:3001 ack 1"]);
    lone.arrives(ACK, 1, 2_001, 8_000, 0);
    assert_eq!(lone.sent(), ["ACK 3001:4001 ack 1", "PSH,ACK 4001:5001 ack 1"]);
}

/// Covers: RFC 9293 MUST-35, MUST-37, SHLD-29
#[test]
fn a_shut_window_may_be_probed_without_an_octet() {
    let mut lone = Lone::established(by_the_book().window_probe_octet(false), &Peer::plain());
    lone.write(1_000);
    lone.sent();
    lone.arrives(ACK, 1, 1_001, 0, 0);
    lone.write(500);
    let probes = lone.advance(ms(2_000));
    assert!(probes.len() >= 2);
    for (_, probe) in &probes {
        assert_eq!(line(probe), "ACK 1000:1000 ack 1");
        assert!(matches!(probe.why, Why::WindowProbe(_)), "{:?}", probe.why);
    }
    lone.acked(1_001);
    assert_eq!(lone.sent(), ["PSH,ACK 1001:1501 ack 1"]);
}

/// Covers: RFC 7323 7323-14
#[test]
fn a_segment_without_its_timestamp_is_dropped_unless_those_are_taken() {
    let taken = |lacking: bool| {
        let config = by_the_book().lacking_timestamps(lacking);
        let mut lone = Lone::established(config, &Peer::stamping());
        lone.stamps = false;
        lone.arrives(ACK, 1, 1, 65_535, 100);
        lone.tcp.status().rcv_nxt.wrapping_since(IRS)
    };
    assert_eq!((taken(false), taken(true)), (1, 101));
}

/// Covers: RFC 7323 7323-20
#[test]
fn a_number_that_was_never_sent_makes_no_timestamp_good() {
    let mut lone = Lone::established(by_the_book(), &Peer::stamping());
    let mut forged = lone.segment(ACK, 1, 9_999, 65_535, 0);
    if let Some(stamps) = &mut forged.header.options.timestamps {
        stamps.value += 1_000_000;
    }
    lone.handle(forged);
    lone.sent();
    lone.arrives(ACK, 1, 1, 65_535, 100);
    assert_eq!(lone.sent(), ["ACK 1:1 ack 101"], "else PAWS would drop what the peer sends");
}

/// Covers: RFC 3042 3042-1; RFC 5681 5681-19, 5681-20
#[test]
fn with_sack_a_duplicate_ack_lets_out_what_it_tells_of_and_no_window_grows() {
    let mut lone = Lone::established(by_the_book(), &sacking());
    lone.write(15_000);
    assert_eq!(lone.sent().len(), 10);
    lone.pass(ms(10));
    lone.sacks(1, 1_001, 2_001);
    assert_eq!(lone.sent(), ["ACK 10001:11001 ack 1"]);
    lone.sacks(1, 1_001, 3_001);
    assert_eq!(lone.sent(), ["ACK 11001:12001 ack 1"]);
    assert_eq!(lone.tcp.status().cwnd, 10_000);
}

/// Covers: RFC 3042 3042-1
#[test]
fn without_sack_what_duplicates_told_of_is_not_told_again() {
    let mut lone = Lone::established(TcpConfig::default().pacing(false).doubt_peers(false), &Peer::plain());
    lone.write(20_000);
    assert_eq!(lone.sent().len(), 10);
    (0..2).for_each(|_| lone.acked(1));
    assert_eq!(lone.sent().len(), 2);
    lone.acked(3_001);
    assert_eq!(lone.tcp.status().cwnd, 11_000);
}

/// Covers: RFC 5681 5681-1; RFC 8985 8985-13
#[test]
fn a_fin_alone_does_not_wait_for_cwnd_and_is_what_a_probe_repeats() {
    let mut lone = Lone::established(by_the_book(), &sacking());
    lone.write(10_000);
    assert_eq!(lone.sent().len(), 10);
    lone.tcp.close(lone.now).unwrap();
    assert_eq!(lone.sent(), ["FIN,ACK 10001:10001 ack 1"]);
    let first = lone.advance(ms(60)).first().map(|(_, transmit)| (line(transmit), transmit.why));
    assert_eq!(first, Some(("FIN,ACK 10001:10001 ack 1".into(), Why::LossProbe { new: false })));
}

/// Covers: RFC 8985 8985-11
#[test]
fn how_long_a_lone_segment_is_waited_for_follows_what_peers_are_said_to_delay() {
    let first = |delay: u64| {
        let config = by_the_book().peer_ack_delay(ms(delay)).unwrap();
        let mut lone = Lone::established(config, &sacking());
        lone.write(100);
        let began = lone.now;
        lone.advance(ms(400)).get(1).map(|(at, _)| at.since(began))
    };
    // Two round trips of 10 ms before it; and never after the RTO.
    assert_eq!((first(50), first(100), first(500)), (Some(ms(70)), Some(ms(120)), Some(ms(210))));
    assert!(TcpConfig::default().peer_ack_delay(ms(501)).is_err());
}

/// Covers: RFC 9293 MUST-20; RFC 6298 6298-13
#[test]
fn a_syn_may_be_sent_again_a_few_times_before_its_timeout_doubles() {
    let times = |linear: u8| {
        let mut lone = Lone::opening(TcpConfig::default().syn_linear_timeouts(linear));
        let began = lone.now;
        let sent = lone.advance(ms(8_000));
        sent.iter().map(|(at, _)| at.since(began).as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(times(0), [0, 1, 3, 7]);
    assert_eq!(times(2), [0, 1, 2, 3, 5]);
}

/// Covers: RFC 9293 SHLD-3; RFC 5961 5961-1
#[test]
fn the_rst_for_data_that_nobody_reads_stands_where_the_peer_is() {
    let mut lone = Lone::plain();
    lone.tcp.close(lone.now).unwrap();
    lone.tcp.release(lone.now);
    assert_eq!(lone.sent(), ["FIN,ACK 1:1 ack 1"]);
    // Our FIN is still on its way: at SND.NXT the peer would challenge a RST.
    lone.arrives(ACK, 1, 1, 65_535, 100);
    assert_eq!(lone.sent(), ["RST 1:1"]);
    assert_eq!(lone.tcp.state(), State::Closed);
}

/// Ten segments a train at least, and a window that an ACK of many segments opens in full.
fn fast() -> TcpConfig {
    by_the_book().congestion(Congestion::Cubic).pacing(false).least_train(10)
}

/// Covers: RFC 5681 5681-1
#[test]
fn a_short_train_waits_for_the_next_ack_where_trains_are_to_be_full() {
    let after = |full: bool| {
        let config = fast().full_trains(full);
        let mut lone = Lone::established(config, &Peer::plain());
        lone.write(60_000);
        assert_eq!(lone.sent().len(), 10);
        lone.pass(ms(20));
        lone.acked(10_001);
        assert_eq!(lone.sent().len(), 20, "the next ACK is a round trip away");
        lone.pass(ms(20));
        lone.acked(17_001);
        let first = lone.sent().len();
        lone.acked(26_001);
        (first, lone.sent().len())
    };
    assert_eq!(after(false), (14, 16), "what may go goes");
    assert_eq!(after(true), (10, 20), "ten are a train, four are none");
}
