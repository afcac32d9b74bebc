//! What a user who goes on writing keeps back: more that follows a write, and a cork (§3.7.4, §3.8.6.2.1, §3.9.1.2).

use crate::lone::{Lone, Peer, by_the_book, line, ms};
use handfast_tcp::SendFlags;
use wire::Payload;

impl Lone {
    fn write_more(&mut self, octets: usize) {
        let flags = SendFlags { more: true, ..SendFlags::default() };
        let taken = self.tcp.send(self.now, Payload::copy_of(&vec![7; octets]), flags);
        assert_eq!(taken, Ok(octets));
    }
}

#[test]
fn what_more_follows_waits_until_it_has_come_and_is_pushed_then() {
    let mut lone = Lone::plain();
    lone.write_more(100);
    lone.write_more(160);
    assert!(lone.sent().is_empty());
    lone.pass(ms(50));
    lone.write(40);
    assert_eq!(lone.sent(), ["PSH,ACK 1:301 ack 1"]);
}

#[test]
fn whole_segments_do_not_wait_and_the_rest_does_until_an_ack() {
    let mut lone = Lone::plain();
    lone.write_more(3_100);
    assert_eq!(lone.sent(), ["ACK 1:1001 ack 1", "ACK 1001:2001 ack 1", "PSH,ACK 2001:3001 ack 1"]);
    lone.acked(3_001);
    // Nothing more came: it goes, and is not pushed, for the user did not ask for that.
    assert_eq!(lone.sent(), ["ACK 3001:3101 ack 1"]);
}

#[test]
fn a_held_piece_goes_after_a_timeout() {
    let mut lone = Lone::plain();
    lone.write_more(40);
    let sent: Vec<_> = lone.advance(ms(300)).iter().map(|(_, transmit)| line(transmit)).collect();
    assert_eq!(sent, ["PSH,ACK 1:41 ack 1"]);
}

#[test]
fn a_cork_holds_whatever_is_acknowledged_until_it_is_drawn() {
    let mut lone = Lone::plain();
    lone.tcp.set_cork(true);
    lone.write(1_040);
    assert_eq!(lone.sent(), ["ACK 1:1001 ack 1"]);
    lone.acked(1_001);
    assert!(lone.sent().is_empty());
    lone.pass(ms(50));
    lone.tcp.set_cork(false);
    assert_eq!(lone.sent(), ["PSH,ACK 1001:1041 ack 1"]);
}

#[test]
fn switching_nagle_off_lets_a_held_piece_go_once() {
    let mut lone = Lone::plain();
    lone.tcp.set_cork(true);
    lone.write(80);
    lone.tcp.set_nagle(false);
    assert_eq!(lone.sent(), ["PSH,ACK 1:81 ack 1"]);
    lone.write(80);
    assert!(lone.sent().is_empty());
}

#[test]
fn a_cork_keeps_no_fin() {
    let mut lone = Lone::plain();
    lone.tcp.set_cork(true);
    lone.write(80);
    lone.tcp.close(lone.now).unwrap();
    assert_eq!(lone.sent(), ["FIN,PSH,ACK 1:81 ack 1"]);
}

/// Covers: RFC 5681 5681-27
#[test]
fn a_window_that_was_idle_is_kept_only_where_that_was_asked_for() {
    let after = |restart: bool| {
        let mut lone = Lone::established(by_the_book().idle_restart(restart), &Peer::plain());
        for _ in 0..2 {
            lone.write(10_000);
            lone.sent();
            lone.pass(ms(10));
            let all = lone.tcp.status().snd_nxt.wrapping_since(crate::lone::ISS);
            lone.acked(all);
        }
        lone.pass(ms(5_000));
        lone.write(40_000);
        lone.sent().len()
    };
    assert_eq!(after(true), 10);
    assert!(after(false) > 10);
}

/// Covers: RFC 8985 8985-13
#[test]
fn the_tail_is_probed_unless_that_is_switched_off() {
    let first = |probes: bool| {
        let peer = Peer { sack: true, ..Peer::plain() };
        let mut lone = Lone::established(by_the_book().loss_probe(probes), &peer);
        lone.write(3_000);
        lone.sent();
        lone.advance(ms(1_000)).first().map(|(_, transmit)| transmit.why)
    };
    assert!(matches!(first(true), Some(handfast_tcp::Why::LossProbe { new: false })));
    assert_eq!(first(false), Some(handfast_tcp::Why::RetransmissionTimeout(1)));
}

/// Covers: RFC 9293 SHLD-7
#[test]
fn a_small_piece_waits_for_whole_segments_unless_told_to_look_at_small_ones_alone() {
    let sent = |alone: bool| {
        let mut lone = Lone::established(by_the_book().small_segments_alone(alone), &Peer::plain());
        lone.write(1_040);
        let first = lone.sent().len();
        lone.write(40);
        (first, lone.sent().len())
    };
    assert_eq!(sent(false), (1, 0));
    // The piece goes with the segment; what is written then waits for the piece.
    assert_eq!(sent(true), (2, 0));
}

#[test]
fn without_pacing_whatever_the_window_allows_leaves_at_once_in_short_trains() {
    let config = handfast_tcp::TcpConfig::default().pacing(false);
    let mut lone = Lone::established(config, &Peer::plain());
    for _ in 0..3 {
        lone.write(30_000);
        lone.sent();
        lone.now += ms(10);
        let all = lone.tcp.status().snd_nxt.wrapping_since(crate::lone::ISS);
        lone.acked(all);
    }
    let (before, now) = (lone.tcp.status().in_flight, lone.now);
    let pushed = lone.transmits();
    assert_eq!(before, 0);
    let trains = pushed.iter().filter(|t| t.segment.has(wire::tcp::Flags::PSH)).count();
    assert!(pushed.len() >= 20 && trains >= pushed.len() / 10, "{trains} of {}", pushed.len());
    assert_eq!(now, lone.now);
}
