//! What an attacker who cannot see may not achieve (RFC 5961), and what belongs elsewhere (RFC 9293 §3.5.2, §3.10.7).

use crate::lone::{Lone, Peer, line, ms};
use env::Duration;
use handfast_tcp::{ConnectionError, Event, State, TcpConfig, Why};
use wire::tcp::Flags;

const ACK: Flags = Flags::ACK;

/// Covers: RFC 5961 5961-4; RFC 9293 9293-E6, 9293-E5
#[test]
fn in_syn_sent_a_reset_counts_only_if_it_acknowledges_the_syn() {
    let mut lone = Lone::opening(TcpConfig::default());
    lone.sent();
    for (flags, ack) in
        [(Flags::RST, 0), (Flags::RST | ACK, 0), (Flags::RST | ACK, 2), (Flags::RST | ACK, 1 << 31)]
    {
        lone.arrives(flags, 0, ack, 0, 0);
        assert_eq!((lone.sent(), lone.tcp.state()), (vec![], State::SynSent), "{flags} {ack}");
    }
    lone.arrives(Flags::RST | ACK, 0, 1, 0, 0);
    lone.sent();
    assert_eq!(lone.events, [Event::Closed(Some(ConnectionError::Refused))]);
}

/// The peer's user closed while our data were on the way, as clients of a load generator do: its FIN and our data cross, the
/// data meet nobody, and the RST that they draw has the number that they acknowledged, the FIN's own. That lies behind the
/// window and is dropped; what we send next, be it the ACK of the FIN or a retransmission, draws the one that counts.
///
/// Covers: RFC 5961 5961-1, 5961-3; RFC 9293 MUST-12
#[test]
fn a_reset_at_the_fin_that_our_data_crossed_is_dropped_and_our_next_segment_draws_the_one_that_counts() {
    for ack_of_fin_arrives in [true, false] {
        let mut lone = Lone::plain();
        lone.write(1_000);
        assert_eq!(lone.sent(), ["PSH,ACK 1:1001 ack 1"]);
        lone.arrives(Flags::FIN | ACK, 1, 1, 65_535, 0);
        assert_eq!(lone.sent(), ["ACK 1001:1001 ack 2"], "at once: it is what draws the next RST");
        lone.arrives(Flags::RST, 1, 0, 0, 0);
        assert_eq!((lone.sent(), lone.tcp.state()), (vec![], State::CloseWait));
        if !ack_of_fin_arrives {
            let at = lone.tcp.poll_timeout().expect("octets are unacknowledged");
            assert!(at.since(lone.now) <= Duration::from_secs(1), "and not for long");
            let again: Vec<_> =
                lone.advance(at.since(lone.now)).iter().map(|(_, transmit)| line(transmit)).collect();
            assert_eq!(again, ["PSH,ACK 1:1001 ack 2"]);
        }
        lone.events.clear();
        lone.arrives(Flags::RST, 2, 0, 0, 0);
        lone.sent();
        assert_eq!(lone.events, [Event::Closed(Some(ConnectionError::Reset))]);
    }
}

/// Covers: RFC 5961 5961-6; RFC 9293 MUST-12
#[test]
fn a_syn_is_challenged_wherever_it_lies() {
    let mut lone = Lone::plain();
    for seq in [0_u32, 1, 2, 5_000, 1 << 30, 1 << 31, u32::MAX] {
        for flags in [Flags::SYN, Flags::SYN | ACK] {
            lone.now += Duration::from_secs(1);
            lone.arrives(flags, seq, 1, 5_000, 0);
            assert_eq!(lone.sent(), ["ACK 1:1 ack 1"], "{flags} at {seq}");
            assert_eq!(lone.tcp.state(), State::Established);
        }
    }
}

/// Covers: RFC 5961 5961-9
#[test]
fn the_rate_of_challenges_is_the_users() {
    let config = TcpConfig::default().challenge_acks(3);
    let mut lone = Lone::established(config, &Peer::plain());
    for _ in 0..2 {
        lone.now += Duration::from_secs(1);
        let answered = (0..100).filter(|_| {
            lone.arrives(Flags::RST, 2, 0, 0, 0);
            !lone.sent().is_empty()
        });
        assert_eq!(answered.count(), 3);
    }
}

/// Covers: RFC 5961 5961-11, 5961-12, 5961-13; RFC 9293 MAY-12, 9293-E16
#[test]
fn an_ack_counts_from_the_largest_window_ever_seen_behind_snd_una_to_snd_nxt() {
    // The largest window is neither the first nor the last: 100, 5,000 and 200 octets, shifted by one.
    let accepted = |offset: i32| {
        let peer = Peer { scale: Some(1), window: 1_000, ..Peer::plain() };
        let mut lone = Lone::established(TcpConfig::default(), &peer);
        for window in [50, 2_500, 1_500] {
            lone.arrives(ACK, 1, 1, window, 0);
        }
        lone.write(3_000);
        assert_eq!(lone.sent().len(), 3);
        lone.acked(3_001);
        lone.arrives(ACK, 1, 3_001, 100, 0);
        lone.write(100);
        lone.sent();
        lone.now += ms(5);
        lone.arrives(ACK, 1, 3_001_u32.wrapping_add_signed(offset), 100, 7);
        let answer = lone.transmits().pop().unwrap();
        assert!(!answer.segment.has(Flags::RST));
        lone.tcp.readable() == 7
    };
    // acked() above offers 65,535 octets, shifted by one: that is the largest.
    let largest = 65_535 * 2;
    assert!(accepted(-largest) && accepted(0) && accepted(100));
    assert!(!accepted(-largest - 1) && !accepted(101));
}

/// Every synchronised state, made by a script.
fn in_state(state: State) -> Lone {
    let mut lone = Lone::plain();
    let closes = |lone: &mut Lone| {
        lone.tcp.close(lone.now).unwrap();
        lone.sent();
    };
    match state {
        State::Established => {}
        State::FinWait1 => closes(&mut lone),
        State::FinWait2 => {
            closes(&mut lone);
            lone.arrives(ACK, 1, 2, 60_000, 0);
        }
        State::CloseWait => lone.arrives(Flags::FIN | ACK, 1, 1, 60_000, 0),
        State::Closing => {
            closes(&mut lone);
            lone.arrives(Flags::FIN | ACK, 1, 1, 60_000, 0);
        }
        State::LastAck => {
            lone.arrives(Flags::FIN | ACK, 1, 1, 60_000, 0);
            closes(&mut lone);
        }
        State::TimeWait => {
            closes(&mut lone);
            lone.arrives(Flags::FIN | ACK, 1, 2, 60_000, 0);
        }
        _ => {}
    }
    lone.sent();
    assert_eq!(lone.tcp.state(), state);
    lone.events.clear();
    lone
}

const SYNCHRONIZED: [State; 7] = [
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
];

/// Covers: RFC 9293 9293-E47, 9293-E30, 9293-E33
#[test]
fn what_is_unacceptable_draws_an_empty_ack_and_never_a_reset_in_any_synchronised_state() {
    for state in SYNCHRONIZED {
        for (flags, seq, ack, octets) in [
            (ACK, 1_u32 << 20, 1, 10),
            (ACK, 0, 1, 0),
            (ACK, u32::MAX - 50, 1, 10),
            (ACK, 3, 900, 5),
            (ACK, 2, 1 << 31, 5),
        ] {
            let mut lone = in_state(state);
            assert_eq!(lone.tcp.status().state, Some(state));
            lone.arrives(flags, seq, ack, 60_000, octets);
            let sent = lone.transmits();
            assert!(sent.len() <= 1, "{state} {seq} {ack}");
            for transmit in &sent {
                let header = &transmit.segment.header;
                assert_eq!(
                    (header.flags, transmit.segment.payload.len()),
                    (ACK, 0),
                    "{state}: {}",
                    line(transmit)
                );
            }
            assert_eq!(lone.tcp.state(), state);
        }
    }
}

/// Covers: RFC 9293 9293-E13, 9293-E12; RFC 1337 1337-1
#[test]
fn a_reset_is_an_error_only_while_the_user_still_expects_something() {
    for state in SYNCHRONIZED {
        let mut lone = in_state(state);
        let next = lone.tcp.status().rcv_nxt;
        let mut rst = lone.segment(Flags::RST, 0, 0, 0, 0);
        rst.header.seq = if state == State::TimeWait { rst.header.seq + 2 } else { next };
        lone.handle(rst);
        assert_eq!(lone.sent(), [] as [&str; 0]);
        let told: Vec<_> = match state {
            State::TimeWait => vec![],
            State::Closing | State::LastAck => vec![Event::Closed(None)],
            _ => vec![Event::Closed(Some(ConnectionError::Reset))],
        };
        assert_eq!(lone.events, told, "{state}");
    }
}

/// Covers: RFC 9293 9293-E29, MUST-12
#[test]
fn abort_tells_the_peer_where_it_may_still_wait_and_the_user_once() {
    for state in SYNCHRONIZED {
        let mut lone = in_state(state);
        lone.tcp.abort(lone.now);
        let resets = lone.transmits();
        let expected = !matches!(state, State::Closing | State::LastAck | State::TimeWait);
        assert_eq!(resets.len(), usize::from(expected), "{state}");
        assert!(resets.iter().all(|transmit| transmit.segment.has(Flags::RST)));
        assert_eq!(lone.tcp.state(), State::Closed);
        assert_eq!(lone.events.len(), 1, "{state}: {:?}", lone.events);
        lone.events.clear();
        lone.tcp.abort(lone.now);
        lone.tcp.release(lone.now);
        lone.pass(Duration::from_secs(1_000));
        assert!(lone.events.is_empty() && lone.tcp.poll_timeout().is_none());
    }
}

/// Covers: RFC 9293 MAY-1
#[test]
fn who_is_let_go_of_ends_in_bounded_time_from_every_state() {
    for state in SYNCHRONIZED {
        let mut lone = in_state(state);
        lone.tcp.release(lone.now);
        lone.tcp.release(lone.now);
        lone.advance(Duration::from_secs(700));
        assert_eq!(lone.tcp.state(), State::Closed, "{state}");
        let ends = lone.events.iter().filter(|event| matches!(event, Event::Closed(_)));
        assert_eq!(ends.count(), 1, "{state}: {:?}", lone.events);
        assert_eq!((lone.tcp.poll_timeout(), lone.tcp.held()), (None, 0));
    }
    let mut opening = Lone::opening(TcpConfig::default());
    opening.sent();
    opening.tcp.release(opening.now);
    opening.pass(Duration::from_secs(700));
    assert_eq!(opening.events, [Event::Closed(None)]);
    // Syns have crossed, and then the peer is silent.
    for abort in [false, true] {
        let mut crossed = Lone::opening(TcpConfig::default());
        crossed.sent();
        crossed.arrives(Flags::SYN, 0, 0, 60_000, 0);
        assert_eq!(crossed.sent(), ["SYN,ACK 0:0 ack 1"]);
        if abort {
            crossed.tcp.abort(crossed.now);
            assert_eq!(crossed.sent(), ["RST,ACK 1:1 ack 1"]);
        } else {
            crossed.tcp.release(crossed.now);
            let sent = crossed.advance(Duration::from_secs(700));
            assert!(sent.iter().all(|(_, transmit)| !transmit.segment.has(Flags::FIN)));
        }
        assert_eq!((crossed.tcp.state(), crossed.tcp.poll_timeout()), (State::Closed, None));
        let ends = crossed.events.iter().filter(|event| matches!(event, Event::Closed(Some(_))));
        assert_eq!(ends.count(), 1);
    }
}

/// Two closing ends, with data both ways and every set of losses among the first eight segments.
///
/// Covers: RFC 9293 9293-E19, 9293-E21, 9293-E22, 9293-E24, 9293-E39, 9293-E48, 9293-E43
#[test]
fn both_close_at_once_with_data_and_all_of_it_arrives_whatever_is_lost_at_first() {
    use crate::pair::Pair;
    for lost in 0..256_u64 {
        for simultaneous in [false, true] {
            let mut pair = Pair::established();
            pair.keep = Box::new(move |n, _| n > 8 || lost & (1 << (n - 1)) == 0);
            let (left, right) = (vec![1; 4_000], vec![2; 3_000]);
            pair.write(true, &left);
            pair.write(false, &right);
            let now = pair.now;
            pair.a.tcp().close(now).unwrap();
            if !simultaneous {
                pair.settle(ms(25));
            }
            let now = pair.now;
            pair.b.tcp().close(now).unwrap();
            pair.settle(Duration::from_secs(400));
            assert!(pair.b.received == left && pair.a.received == right, "{lost:b}");
            assert_eq!((pair.a.state(), pair.b.state()), (State::Closed, State::Closed), "{lost:b}");
            assert!(pair.a.has(Event::Closed(None)) && pair.b.has(Event::Closed(None)), "{lost:b}");
            assert!(pair.seen.iter().all(|seen| seen.segment.has(ACK) && !seen.segment.has(Flags::RST)));
        }
    }
}

/// Covers: RFC 9293 9293-E26, MUST-10
#[test]
fn close_while_syns_cross_sends_what_was_written_and_then_the_fin() {
    use crate::pair::Pair;
    for data in [&b""[..], b"written before"] {
        let mut pair = Pair::default();
        pair.open_both();
        pair.step();
        assert_eq!(pair.a.state(), State::SynReceived);
        pair.write(true, data);
        let now = pair.now;
        pair.a.tcp().close(now).unwrap();
        pair.settle(ms(200));
        assert_eq!((pair.a.state(), pair.b.state()), (State::FinWait2, State::CloseWait));
        assert_eq!(pair.b.received, data);
    }
}

/// Covers: RFC 9293 MUST-25, MUST-26, MUST-29, SHLD-12, MAY-5, MAY-6
#[test]
fn an_answered_probe_begins_a_new_idle_time_and_a_garbage_octet_is_a_choice() {
    use handfast_tcp::KeepAlive;
    for garbage_octet in [false, true] {
        let probing = KeepAlive {
            idle: Duration::from_secs(100),
            interval: Duration::from_secs(10),
            probes: 4,
            garbage_octet,
        };
        let config = TcpConfig::default().keep_alive(Some(probing)).unwrap();
        let mut lone = Lone::established(config, &Peer::plain());
        lone.pass(Duration::from_secs(99));
        let begin = lone.now;
        let probes = lone.advance(Duration::from_secs(25));
        let at: Vec<_> = probes.iter().map(|(at, _)| at.since(begin).as_secs()).collect();
        assert_eq!(at, [1, 11, 21]);
        for (_, probe) in &probes {
            assert!(matches!(probe.why, Why::KeepAliveProbe(_)));
            assert_eq!(line(probe), if garbage_octet { "ACK 0:1 ack 1" } else { "ACK 0:0 ack 1" });
        }
        lone.acked(1);
        lone.pass(Duration::from_secs(99));
        let probes = lone.advance(Duration::from_secs(60));
        assert_eq!(probes.len(), 5, "four, and the RST");
        assert_eq!(lone.events.last(), Some(&Event::Closed(Some(ConnectionError::TimedOut))));
    }
    // Off unless asked for.
    Lone::plain().pass(Duration::from_secs(100 * 86_400));
}

/// Covers: RFC 9293 MUST-24, MUST-29
#[test]
fn a_long_silence_before_probing_is_asked_for_is_no_unanswered_probe() {
    use handfast_tcp::KeepAlive;
    let mut lone = Lone::plain();
    lone.pass(Duration::from_secs(86_400));
    lone.tcp.set_keep_alive(Some(KeepAlive::default())).unwrap();
    assert_eq!(lone.advance(Duration::from_secs(74)).len(), 1, "the peer gets time to answer");
    lone.acked(1);
    lone.pass(Duration::from_secs(7_000));
    // A host that slept through all of its deadlines asks before it gives up, too.
    lone.now += Duration::from_secs(86_400);
    assert_eq!(lone.advance(Duration::from_secs(74)).len(), 1);
    lone.acked(1);
    assert_eq!(lone.tcp.state(), State::Established);
}
