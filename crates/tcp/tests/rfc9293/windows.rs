//! The peer's window: scaled, pulled back, shut, probed (RFC 9293 §3.8.6; RFC 7323 §2).

use crate::lone::{ISS, Lone, Peer, line, ms};
use env::Duration;
use handfast_tcp::{State, TcpConfig, Why};
use wire::tcp::Flags;

const ACK: Flags = Flags::ACK;

fn scaled(shift: u8) -> Peer {
    Peer { scale: Some(shift), ..Peer::plain() }
}

/// Covers: RFC 7323 7323-3, 7323-4, 7323-6, 7323-7
#[test]
fn the_peers_shift_widens_its_windows_and_ours_narrows_our_fields() {
    let config = TcpConfig::default().receive_buffer(500_000).unwrap();
    let mut lone = Lone::opening(config.clone());
    let syn = lone.transmits().remove(0).segment.header;
    assert_eq!(
        (syn.options.window_scale, syn.window.raw()),
        (Some(3), 65_535),
        "a SYN's window is not scaled"
    );

    let mut lone = Lone::established(config, &Peer { window: 900, ..scaled(7) });
    assert_eq!(lone.tcp.status().snd_wnd, 900, "nor is that of a SYN,ACK");
    lone.write(5_000);
    assert_eq!(lone.sent(), ["ACK 1:901 ack 1"]);
    lone.arrives(ACK, 1, 901, 10, 0);
    assert_eq!(lone.tcp.status().snd_wnd, 1_280);
    lone.arrives(ACK, 1, 901, 16, 0);
    assert_eq!(lone.tcp.status().snd_wnd, 2_048);
    let ours = lone.transmits().remove(0).segment.header.window.raw();
    assert!((500_000 - (1 << 3)..=500_000).contains(&(u32::from(ours) << 3)), "{ours}");
}

/// Covers: RFC 7323 7323-1, 7323-5, 7323-6, 7323-8
#[test]
fn a_shift_above_14_counts_as_14_and_none_means_none_for_both() {
    for (shift, window) in
        [(Some(14), 3 << 14), (Some(15), 3 << 14), (Some(255), 3 << 14), (Some(0), 3), (None, 3)]
    {
        let mut lone = Lone::established(TcpConfig::default(), &Peer { scale: shift, ..Peer::plain() });
        lone.arrives(ACK, 1, 1, 3, 0);
        assert_eq!(lone.tcp.status().snd_wnd, window, "{shift:?}");
        lone.arrives(ACK, 1, 1, 3, 10);
        let ours = lone.transmits().remove(0).segment.header.window.raw();
        // A buffer of 1 MiB needs a shift of 5, or is told as far as 16 bits go.
        assert_eq!(ours > 1 << 15, shift.is_none(), "{ours}");
    }
}

/// Covers: RFC 9293 MUST-1
#[test]
fn a_window_of_all_ones_is_not_negative() {
    let mut lone = Lone::plain();
    lone.write(1_000_000);
    lone.sent();
    for n in 1..=60 {
        lone.now += ms(1);
        lone.acked(1 + n * 1_000);
        lone.sent();
    }
    let octets = lone.tcp.status().in_flight;
    assert!(octets > 0x8000 && octets <= 0xffff, "{octets}");
}

/// Covers: RFC 9293 9293-E17
#[test]
fn only_newer_segments_move_the_window() {
    let mut lone = Lone::plain();
    lone.arrives(ACK, 1, 1, 5_000, 100);
    lone.sent();
    assert_eq!(lone.tcp.status().snd_wnd, 5_000);
    lone.arrives(ACK, 1, 1, 9_000, 0); // sent before the data, arrives after it: SEG.SEQ < SND.WL1
    assert_eq!(lone.tcp.status().snd_wnd, 5_000);
    lone.write(500);
    lone.sent();
    lone.arrives(ACK, 101, 501, 6_000, 0);
    lone.arrives(ACK, 101, 401, 9_000, 0); // SEG.ACK < SND.WL2
    assert_eq!(lone.tcp.status().snd_wnd, 6_000);
    lone.arrives(ACK, 101, 501, 7_000, 0); // as new: a window update
    assert_eq!(lone.tcp.status().snd_wnd, 7_000);
}

/// Covers: RFC 9293 9293-E17
#[test]
fn a_segment_that_acknowledges_less_than_before_moves_no_window_however_new_its_data() {
    let mut lone = Lone::plain();
    lone.write(2_000);
    lone.sent();
    lone.arrives(ACK, 1, 2_001, 5_000, 100);
    lone.arrives(ACK, 101, 1_001, 200, 100); // SEG.ACK < SND.UNA
    assert_eq!((lone.tcp.status().snd_wnd, lone.tcp.readable()), (5_000, 200));
}

/// Covers: RFC 9293 MUST-34, SHLD-15, SHLD-16, MAY-7; RFC 7323 7323-11
#[test]
fn after_a_shrink_new_data_waits_and_the_first_repetition_does_not() {
    let mut lone = Lone::plain();
    lone.arrives(ACK, 1, 1, 10_000, 0);
    lone.write(8_000);
    assert_eq!(lone.sent().len(), 8);
    lone.arrives(ACK, 1, 3_001, 1_000, 0); // 5,000 in flight, 1,000 of them in the window
    lone.write(1_000);
    assert_eq!(lone.sent(), [] as [&str; 0]);
    assert_eq!(lone.tcp.status().snd_wnd, 1_000);
    lone.arrives(ACK, 1, 4_001, 0, 0); // and now nothing: the usable window is negative
    assert_eq!(lone.sent(), [] as [&str; 0]);
    let again: Vec<_> = lone.advance(Duration::from_secs(20));
    let lines: Vec<_> = again.iter().map(|(_, transmit)| line(transmit)).collect();
    assert_eq!(lines[0], "ACK 4001:5001 ack 1", "the first time it may ignore the shrink");
    assert!(again[1..].iter().all(|(_, transmit)| matches!(transmit.why, Why::WindowProbe(_))), "{lines:?}");
    lone.arrives(ACK, 1, 4_001, 3_000, 0);
    assert_eq!(lone.sent()[0], "ACK 4001:5001 ack 1");
}

/// Covers: RFC 9293 SHLD-17, MUST-37
#[test]
fn a_window_shut_over_data_in_flight_never_times_out_while_the_peer_answers() {
    let config = TcpConfig::default().user_timeout(Duration::from_secs(100));
    let mut lone = Lone::established(config, &Peer::plain());
    lone.write(5_000);
    lone.sent();
    lone.arrives(ACK, 1, 1, 0, 0);
    for _ in 0..10_000 {
        if !lone.advance(Duration::from_secs(1)).is_empty() {
            lone.arrives(ACK, 1, 1, 0, 0);
        }
    }
    assert_eq!((lone.tcp.state(), lone.tcp.status().probing), (State::Established, true));
    // It stops answering: that is another matter.
    lone.advance(Duration::from_secs(101));
    assert_eq!(lone.tcp.state(), State::Closed);
}

/// Covers: RFC 9293 MUST-37
#[test]
fn whoever_is_impatient_asks_before_patience_ends() {
    let config = TcpConfig::default().user_timeout(Duration::from_secs(10));
    let mut lone = Lone::established(config, &Peer::plain());
    lone.arrives(ACK, 1, 1, 0, 0);
    lone.write(5_000);
    let mut probes = 0;
    for _ in 0..1_000 {
        if !lone.advance(ms(500)).is_empty() {
            probes += 1;
            lone.arrives(ACK, 1, 1, 0, 0);
        }
    }
    assert_eq!(lone.tcp.state(), State::Established, "{probes} probes were answered");
    lone.advance(Duration::from_secs(11));
    assert_eq!(lone.tcp.state(), State::Closed, "nobody answers any more");
}

/// Covers: RFC 9293 MUST-36
#[test]
fn a_window_kept_shut_ends_the_connection_where_a_limit_is_set() {
    let config = TcpConfig::default().persist_limit(Some(Duration::from_secs(600)));
    let mut lone = Lone::established(config, &Peer::plain());
    lone.arrives(ACK, 1, 1, 0, 0);
    lone.write(5_000);
    let begin = lone.now;
    while lone.tcp.state() == State::Established {
        lone.advance(ms(500));
        lone.arrives(ACK, 1, 1, 0, 0);
        assert!(lone.now.since(begin) < Duration::from_secs(620), "it may not go on for ever");
    }
    assert!(lone.now.since(begin) >= Duration::from_secs(590), "{:?}", lone.now.since(begin));
}

/// RFC 9293 MUST-37 is for users who still want something.
#[test]
fn who_was_let_go_of_does_not_probe_for_ever() {
    let mut lone = Lone::plain();
    lone.arrives(ACK, 1, 1, 0, 0);
    lone.write(5_000);
    lone.tcp.release(lone.now);
    let begin = lone.now;
    while lone.tcp.state() != State::Closed {
        if !lone.advance(Duration::from_secs(1)).is_empty() {
            lone.arrives(ACK, 1, 1, 0, 0);
        }
        assert!(lone.now.since(begin) <= Duration::from_secs(302));
    }
    assert!(lone.now.since(begin) >= Duration::from_secs(299));
}

/// The probe's octet is taken or not, the window opens by little or by much: nothing is lost, nothing comes twice.
///
/// Covers: RFC 9293 MUST-35, MUST-36
#[test]
fn probed_octets_arrive_once_whether_the_peer_took_them_or_not() {
    for taken in [false, true] {
        for reopened in [1_u16, 400, 1_000, 60_000] {
            for close in [false, true] {
                let mut lone = Lone::plain();
                lone.arrives(ACK, 1, 1, 0, 0);
                lone.write(3_000);
                if close {
                    lone.tcp.close(lone.now).unwrap();
                }
                let mut expected = 1;
                for _ in 0..4 {
                    let probe = loop {
                        let mut sent = lone.advance(ms(100));
                        if let Some((_, transmit)) = sent.pop() {
                            assert!(sent.is_empty());
                            break transmit;
                        }
                    };
                    assert_eq!(probe.segment.payload.len(), 1);
                    assert_eq!(probe.segment.payload.to_vec(), [(expected - 1) as u8]);
                    expected += u32::from(taken);
                    lone.arrives(ACK, 1, expected, 0, 0);
                }
                // From here on all is taken that lies in the window.
                let mut edge = expected + u32::from(reopened);
                lone.arrives(ACK, 1, expected, reopened, 0);
                let mut fin = false;
                for _ in 0..200 {
                    for (_, transmit) in lone.advance(ms(300)) {
                        let header = &transmit.segment.header;
                        let start = header.seq.wrapping_since(ISS);
                        let octets = transmit.segment.payload.to_vec();
                        for (n, octet) in octets.iter().enumerate() {
                            let at = start + n as u32;
                            if at == expected && at < edge {
                                assert_eq!(*octet, (at - 1) as u8, "at {at}");
                                expected += 1;
                            }
                        }
                        let end = start + octets.len() as u32;
                        fin |= transmit.segment.has(Flags::FIN) && end == expected && end < edge;
                    }
                    edge = edge.max(expected + u32::from(reopened.max(1_000)));
                    lone.arrives(ACK, 1, expected + u32::from(fin), reopened.max(1_000), 0);
                }
                assert_eq!((expected, fin), (3_001, close), "{taken} {reopened}");
                let state = if close { State::FinWait2 } else { State::Established };
                assert_eq!(lone.tcp.state(), state);
            }
        }
    }
}

/// Covers: RFC 9293 MUST-36
#[test]
fn a_last_octet_taken_through_a_shut_window_ends_the_probing() {
    let mut lone = Lone::plain();
    lone.arrives(ACK, 1, 1, 0, 0);
    lone.write(1);
    assert_eq!(lone.advance(Duration::from_secs(1)).len(), 2);
    lone.arrives(ACK, 1, 2, 0, 0);
    lone.pass(Duration::from_secs(600));
    assert_eq!((lone.tcp.state(), lone.tcp.status().probing), (State::Established, false));
    // So does forgetting what waited.
    lone.write(1);
    lone.advance(ms(1));
    lone.tcp.flush();
    lone.pass(Duration::from_secs(600));
    assert_eq!(lone.tcp.state(), State::Established);
}

/// Covers: RFC 9293 MUST-36
#[test]
fn a_fin_alone_probes_a_shut_window() {
    let mut lone = Lone::plain();
    lone.arrives(ACK, 1, 1, 0, 0);
    lone.tcp.close(lone.now).unwrap();
    let sent = lone.advance(Duration::from_secs(5));
    assert!(sent.len() >= 2 && sent.iter().all(|(_, transmit)| line(transmit) == "FIN,ACK 1:1 ack 1"));
    lone.arrives(ACK, 1, 2, 0, 0);
    assert_eq!(lone.tcp.state(), State::FinWait2);
    lone.pass(Duration::from_secs(600));
}

/// The probe's octet was never taken: only a RST before it is at the peer's RCV.NXT.
#[test]
fn a_reset_comes_where_a_shut_window_ends() {
    let mut lone = Lone::plain();
    lone.write(5_000);
    lone.sent();
    lone.arrives(ACK, 1, 5_001, 0, 0);
    lone.write(5_000);
    assert_eq!(lone.sent(), [""; 0]);
    lone.now += Duration::from_secs(1);
    lone.tcp.handle_timeout(lone.now);
    assert!(matches!(lone.transmits()[..], [ref probe] if matches!(probe.why, Why::WindowProbe(1))));
    lone.arrives(ACK, 1, 5_001, 0, 0);
    lone.tcp.abort(lone.now);
    assert_eq!(lone.sent(), ["RST,ACK 5001:5001 ack 1"]);
}

/// Covers: RFC 9293 MUST-66, 9293-E43
#[test]
fn what_is_acknowledged_behind_a_probe_lies_where_the_peer_looks_at_it() {
    let mut lone = Lone::plain();
    lone.arrives(ACK, 1, 1, 0, 0);
    lone.write(100);
    let probes: Vec<_> = lone.advance(Duration::from_secs(2)).iter().map(|(_, t)| line(t)).collect();
    assert_eq!(probes[0], "ACK 1:2 ack 1");
    // The octet of the probe was not taken: 2 is beyond the peer's window, and whatever comes from there is dropped.
    lone.arrives(ACK, 1, 1, 0, 500);
    assert_eq!(lone.sent(), ["ACK 1:1 ack 501"]);
}
