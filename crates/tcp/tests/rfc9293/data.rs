//! §3.8: data, windows, retransmission; RFC 5681, 6298, 6582.

use crate::lone::{Lone, by_the_book};
use crate::pair::Pair;
use env::{Duration, Instant};
use handfast_tcp::{ConnectionError, Event, KeepAlive, Segment, SendError, SendFlags, State, TcpConfig, Why};
use wire::tcp::{Flags, Header};
use wire::{Payload, WireWindow};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 + n / 251) as u8).collect()
}

/// Writes all of `data` as room comes, and runs to the end.
fn transfer(pair: &mut Pair, data: &[u8]) {
    let mut written = 0;
    let end = pair.now + Duration::from_secs(3_600);
    while pair.b.received.len() < data.len() && pair.now < end {
        written += pair.write(true, &data[written..]);
        assert!(
            pair.step(),
            "stuck at {} of {}: {:?} {:?}",
            pair.b.received.len(),
            data.len(),
            pair.a.events,
            pair.b.events
        );
    }
    assert!(pair.b.received == data, "{} of {} octets", pair.b.received.len(), data.len());
}

/// Covers: RFC 9293 9293-E40, SHLD-28, MUST-58, SHLD-19; RFC 5681 5681-28
#[test]
fn a_megabyte_arrives_in_full_segments_with_an_ack_for_every_second_at_most() {
    let mut pair = Pair::established();
    let data = pattern(1 << 20);
    transfer(&mut pair, &data);
    pair.settle(Duration::from_secs(1));
    let (sent, acks): (Vec<_>, Vec<_>) = pair.seen.iter().partition(|seen| seen.from_a);
    assert!(sent.iter().filter(|seen| seen.segment.payload.len() < 1448).count() <= 20);
    assert!(acks.len() <= sent.len() / 2 + 40, "{} ACKs of {} segments", acks.len(), sent.len());
    assert_eq!(pair.a.tcp().status().retransmitted_segments, 0);
    assert!(pair.a.has(Event::Drained));
}

/// Covers: RFC 9293 9293-E40, MUST-18, 9293-E32; RFC 6582 6582-1; RFC 5681 5681-18, 5681-25, 5681-26
#[test]
fn a_stream_survives_every_loss_pattern_of_a_hundred_seeds() {
    for seed in 0..100 {
        let mut rng = env::Rng::seeded(seed);
        let mut pair = Pair::default();
        let loss = [0.0, 0.01, 0.05, 0.1, 0.2][seed as usize % 5];
        pair.keep = Box::new(move |_, _| !rng.chance(loss));
        pair.open();
        let data = pattern(200_000);
        transfer(&mut pair, &data);
    }
}

/// Covers: RFC 5681 5681-18, 5681-22; RFC 9293 MUST-19
#[test]
fn one_lost_segment_is_sent_again_on_the_third_duplicate_ack() {
    let mut pair = Pair::configured(TcpConfig::default().sack(false));
    let mut lost = false;
    pair.keep = Box::new(move |_, seen| {
        seen.segment.header.seq.raw() != 100_001 + 1448 * 3 || std::mem::replace(&mut lost, true)
    });
    transfer(&mut pair, &pattern(100_000));
    let again: Vec<_> = pair.seen.iter().filter(|seen| seen.why == Why::FastRetransmit).collect();
    assert_eq!(again.len(), 1, "{:#?}", pair.transcript());
    assert!(pair.seen.iter().all(|seen| !matches!(seen.why, Why::RetransmissionTimeout(_))));
    assert_eq!(pair.a.tcp().status().retransmitted_segments, 1, "{:#?}", pair.transcript());
}

/// Covers: RFC 3042 3042-1; RFC 5681 5681-19
#[test]
fn the_first_two_duplicate_acks_let_new_segments_out() {
    // With SACK, what is SACKed is no longer in flight, and the window lets out as much by itself.
    let mut pair = Pair::configured(TcpConfig::default().sack(false));
    // The first ACK opens the window wide, and would not count as a duplicate.
    transfer(&mut pair, &pattern(10));
    pair.settle(Duration::from_secs(1));
    let (mut lost, mut duplicates) = (false, 0);
    pair.keep = Box::new(move |_, seen| {
        // The first segment is lost, and of the duplicate ACKs that follow all but two.
        duplicates += u32::from(seen.why == Why::OutOfOrder);
        let first = seen.from_a && seen.segment.header.seq.raw() == 100_011;
        let spared = !first || std::mem::replace(&mut lost, true);
        spared && (seen.why != Why::OutOfOrder || duplicates <= 2)
    });
    pair.write(true, &pattern(40_000));
    pair.settle(Duration::from_secs(1));
    assert_eq!(
        pair.seen.iter().filter(|seen| seen.why == Why::LimitedTransmit).count(),
        2,
        "{:#?}",
        pair.transcript()
    );
    assert!(pair.b.received[10..] == pattern(40_000));
}

/// Covers: RFC 6298 6298-12, 6298-13, 6298-14; RFC 9293 9293-E32, MUST-20, MUST-21, SHLD-9, 9293-E31
#[test]
fn silence_backs_off_tells_r1_and_ends_at_the_user_timeout() {
    let mut pair = Pair::established();
    pair.a.tcp().set_user_timeout(Duration::from_secs(20));
    pair.keep = Box::new(|_, _| false);
    pair.write(true, b"anybody?");
    let start = pair.now;
    while pair.a.state() != State::Closed {
        assert!(pair.step());
    }
    assert_eq!(pair.now.since(start), Duration::from_secs(20));
    let gaps: Vec<_> = pair.seen.windows(2).map(|two| two[1].at.since(two[0].at)).collect();
    // A probe of the tail comes before, and is no timeout.
    assert_eq!(pair.seen[1].why, Why::LossProbe { new: false });
    assert!(gaps[1..].windows(2).take(5).all(|two| two[1] == two[0] * 2), "{gaps:?}");
    pair.step();
    assert!(pair.a.has(Event::NegativeAdvice));
    assert!(pair.a.has(Event::Closed(Some(ConnectionError::TimedOut))));
}

/// Covers: RFC 9293 MUST-36, MUST-37, SHLD-29, SHLD-30, MAY-8
#[test]
fn a_shut_window_is_probed_for_a_day_and_opens_again() {
    let small = TcpConfig::default().receive_buffer(8_192).unwrap();
    let mut pair = Pair::new(TcpConfig::default(), small);
    pair.b.window = 8_192;
    pair.open();
    pair.settle(Duration::from_secs(1));
    pair.b.reads = false;
    let data = pattern(20_000);
    assert_eq!(pair.write(true, &data), 20_000);
    pair.settle(Duration::from_secs(86_400));
    let probes: Vec<_> = pair.seen.iter().filter(|seen| matches!(seen.why, Why::WindowProbe(_))).collect();
    assert!(probes.len() > 1_000, "{} {:?} {:?}", probes.len(), pair.a.events, probes.last());
    let gap = |n: usize| probes[n + 1].at.since(probes[n].at);
    assert!(gap(1) > gap(0) && gap(100) == Duration::from_secs(60));
    assert_eq!((pair.a.state(), pair.a.tcp().status().probing), (State::Established, true));
    pair.b.reads = true;
    pair.settle(Duration::from_secs(120));
    assert!(pair.b.received == data);
}

/// Covers: RFC 9293 MUST-36
#[test]
fn a_lost_window_update_is_made_up_for_by_a_probe() {
    let small = TcpConfig::default().receive_buffer(8_192).unwrap();
    let mut pair = Pair::new(TcpConfig::default(), small);
    pair.b.window = 8_192;
    pair.open();
    pair.settle(Duration::from_secs(1));
    pair.b.reads = false;
    let data = pattern(20_000);
    pair.write(true, &data);
    pair.settle(Duration::from_millis(50));
    pair.keep = Box::new(|_, seen| seen.why != Why::WindowUpdate);
    pair.b.reads = true;
    pair.settle(Duration::from_secs(300));
    assert!(pair.b.received == data);
}

/// Covers: RFC 9293 MUST-34, MUST-35, SHLD-15, SHLD-16
#[test]
fn a_window_pulled_back_below_what_is_out_is_survived() {
    let mut pair = Pair::established();
    pair.keep = Box::new(|_, seen| !seen.from_a);
    pair.write(true, &pattern(60_000));
    pair.settle(Duration::from_millis(5));
    for window in [10u16, 0] {
        let status = pair.b.tcp().status();
        let header = Header {
            seq: status.snd_nxt,
            ack: status.rcv_nxt,
            flags: Flags::ACK,
            window: WireWindow::new(window),
            options: pair.seen[0].segment.header.options.clone(),
            ..Header::default()
        };
        let mut segment = Segment { header, ..Segment::default() };
        segment.header.options.timestamps =
            Some(wire::tcp::Timestamps { value: handfast_tcp::timestamp(pair.now, 77), echo: 0 });
        let sent = pair.seen.len();
        let now = pair.now;
        pair.a.tcp().handle_segment(now, segment);
        pair.settle(Duration::from_millis(50));
        assert_eq!(pair.seen.len(), sent, "nothing new beyond the window");
    }
    pair.settle(Duration::from_secs(10));
    assert!(pair.a.tcp().status().probing);
    pair.keep = Box::new(|_, _| true);
    pair.settle(Duration::from_secs(120));
    assert!(pair.b.received == pattern(60_000));
}

/// Covers: RFC 9293 SHLD-7, MUST-17, SHLD-27, MAY-16
#[test]
fn nagle_holds_small_writes_until_the_ack_and_can_be_switched_off() {
    let mut pair = Pair::established();
    for _ in 0..5 {
        pair.write(true, b"tiny");
        pair.settle(Duration::from_millis(1));
    }
    pair.settle(Duration::from_secs(1));
    let sizes = |pair: &Pair| -> Vec<usize> {
        pair.seen
            .iter()
            .filter(|seen| seen.from_a)
            .map(|seen| seen.segment.payload.len())
            .filter(|len| *len > 0)
            .collect()
    };
    assert_eq!(sizes(&pair), [4, 16]);
    let pushed = pair.seen.iter().filter(|seen| seen.segment.has(Flags::PSH)).count();
    assert_eq!(pushed, 2, "one for each segment, however many writes are in it");
    pair.seen.clear();
    pair.a.tcp().set_nagle(false);
    for _ in 0..3 {
        pair.write(true, b"tiny");
        pair.settle(Duration::from_millis(1));
    }
    assert_eq!(sizes(&pair), [4, 4, 4]);
}

/// Covers: RFC 9293 MUST-38
#[test]
fn crumbs_of_window_are_not_used() {
    let mut pair = Pair::established();
    pair.b.reads = false;
    let limited = pair.b.tcp();
    limited.set_receive_buffer(2_048).unwrap();
    pair.write(true, &pattern(1 << 20));
    pair.settle(Duration::from_secs(2));
    let small = pair
        .seen
        .iter()
        .filter(|seen| seen.from_a && (1..500).contains(&seen.segment.payload.len()))
        .filter(|seen| !matches!(seen.why, Why::WindowProbe(_)))
        .count();
    assert!(small <= 1, "{small} crumbs");
}

/// Covers: RFC 9293 MUST-60, MUST-61
#[test]
fn the_end_of_what_was_written_is_pushed() {
    let mut pair = Pair::established();
    pair.write(true, &pattern(3_000));
    pair.settle(Duration::from_secs(1));
    let pushed: Vec<_> = pair
        .seen
        .iter()
        .filter(|seen| seen.from_a && !seen.segment.payload.is_empty())
        .map(|seen| seen.segment.has(Flags::PSH))
        .collect();
    assert_eq!(pushed, [false, true, true]);
}

/// Covers: RFC 9293 MUST-25, MUST-24, MUST-26, MUST-27, MUST-29
#[test]
fn keep_alive_probes_only_when_asked_and_gives_up_only_when_all_fail() {
    let mut pair = Pair::established();
    pair.settle(Duration::from_secs(30 * 86_400));
    assert!(pair.seen.is_empty(), "nothing is sent while idle");

    let probing = KeepAlive {
        idle: Duration::from_secs(100),
        interval: Duration::from_secs(10),
        probes: 3,
        garbage_octet: false,
    };
    pair.a.tcp().set_keep_alive(Some(probing)).unwrap();
    let now = pair.now;
    pair.write(true, b"x");
    pair.settle(Duration::from_secs(150));
    let first = pair.seen.iter().find(|seen| matches!(seen.why, Why::KeepAliveProbe(1))).unwrap();
    assert!(first.at.since(now) >= Duration::from_secs(100));
    assert!(first.segment.payload.is_empty());

    // Two probes are lost, the third is answered: it lives.
    let mut left = 2;
    pair.keep = Box::new(move |_, seen| {
        let drop = matches!(seen.why, Why::KeepAliveProbe(_)) && left > 0;
        left -= i32::from(drop);
        !drop
    });
    pair.settle(Duration::from_secs(300));
    assert_eq!(pair.a.state(), State::Established);

    pair.keep = Box::new(|_, _| false);
    pair.settle(Duration::from_secs(300));
    assert_eq!(pair.a.state(), State::Closed);
    assert!(pair.a.has(Event::Closed(Some(ConnectionError::TimedOut))));
}

/// Covers: RFC 9293 MUST-30, MUST-31, MUST-32, MUST-33, MUST-62
#[test]
fn urgent_data_is_marked_to_its_end_and_read_in_line() {
    let mut pair = Pair::established();
    pair.b.reads = false;
    pair.write(true, b"calm");
    let now = pair.now;
    let urgent = handfast_tcp::SendFlags { push: true, urgent: true, ..Default::default() };
    pair.a.tcp().send(now, Payload::copy_of(&pattern(3_000)), urgent).unwrap();
    pair.settle(Duration::from_secs(1));
    let first = pair.seen.iter().find(|seen| seen.segment.has(Flags::URG)).unwrap();
    let header = &first.segment.header;
    assert_eq!(header.seq + u32::from(header.urgent), pair.a.iss + 1 + 3_004);
    assert_eq!(pair.b.events.iter().filter(|event| **event == Event::Urgent).count(), 1);
    assert_eq!(pair.b.tcp().urgent_remaining(), 3_004);
    let now = pair.now;
    let mut read = 0;
    while let Ok(received) = pair.b.tcp().receive(now, 500) {
        read += received.data.len() as u32;
        assert_eq!(received.urgent_remaining, 3_004 - read);
    }
    assert_eq!(read, 3_004);
}

/// Covers: RFC 9293 9293-E16, MAY-12; RFC 5961 5961-11, 5961-12
#[test]
fn acknowledgments_of_what_was_never_sent_or_long_ago_are_not_believed() {
    let mut pair = Pair::established();
    pair.write(true, &pattern(5_000));
    pair.settle(Duration::from_secs(1));
    let before = pair.a.tcp().status();
    let ack = |number: wire::SeqNum, now: Instant| {
        let header = Header {
            seq: before.rcv_nxt,
            ack: number,
            flags: Flags::ACK,
            options: wire::tcp::Options {
                timestamps: Some(wire::tcp::Timestamps { value: handfast_tcp::timestamp(now, 77), echo: 0 }),
                ..Default::default()
            },
            ..Header::default()
        };
        Segment { header, ..Segment::default() }
    };
    pair.seen.clear();
    pair.inject(false, ack(before.snd_nxt + 1, pair.now));
    pair.settle(Duration::from_millis(50));
    pair.inject(false, ack(before.snd_una - 100_000_000, pair.now));
    pair.settle(Duration::from_millis(50));
    let after = pair.a.tcp().status();
    assert_eq!((after.snd_una, after.snd_wnd), (before.snd_una, before.snd_wnd));
    assert_eq!(
        pair.transcript(),
        ["a ACK seq=5001 len=0 ACK: that was never sent", "a ACK seq=5001 len=0 challenge ACK: ACK too old",]
    );
}

/// Covers: RFC 9293 9293-E14
#[test]
fn without_ack_nothing_counts() {
    let mut pair = Pair::established();
    let seq = pair.a.tcp().status().snd_nxt;
    let stamps = wire::tcp::Timestamps { value: handfast_tcp::timestamp(pair.now, 11), echo: 0 };
    let options = wire::tcp::Options { timestamps: Some(stamps), ..Default::default() };
    let header = Header { seq, flags: Flags::PSH, options, ..Header::default() };
    pair.inject(true, Segment { header, payload: Payload::from(b"ghost"), ..Segment::default() });
    pair.settle(Duration::from_secs(1));
    assert!(pair.b.received.is_empty() && pair.seen.is_empty());
}

/// Covers: RFC 9293 MUST-54, MUST-56, SHLD-26, MUST-47, SHLD-20, SHLD-25
#[test]
fn soft_errors_are_told_and_never_end_a_connection() {
    use handfast_tcp::SoftError;
    let mut pair = Pair::established();
    pair.keep = Box::new(|_, _| false);
    pair.write(true, b"data");
    pair.step();
    let status = pair.a.tcp().status();
    let now = pair.now;
    for error in [SoftError::HostUnreachable, SoftError::PortUnreachable, SoftError::TimeExceeded] {
        assert!(!pair.a.tcp().handle_soft_error(now, error, status.snd_nxt + 1), "a number that is not out");
        assert!(pair.a.tcp().handle_soft_error(now, error, status.snd_una));
        assert_eq!(pair.a.tcp().poll_event(), Some(Event::SoftError(error)));
        assert_eq!(pair.a.state(), State::Established);
    }
    pair.a.tcp().set_soft_errors(false);
    assert!(pair.a.tcp().handle_soft_error(now, SoftError::HostUnreachable, status.snd_una));
    assert_eq!(pair.a.tcp().poll_event(), None);

    let mut opening = Pair::default();
    opening.keep = Box::new(|_, _| false);
    opening.open();
    opening.step();
    let iss = opening.a.iss;
    let now = opening.now;
    assert!(opening.a.tcp().handle_soft_error(now, SoftError::HostUnreachable, iss));
    assert_eq!(opening.a.state(), State::SynSent);
    assert!(opening.a.tcp().handle_soft_error(now, SoftError::PortUnreachable, iss));
    assert_eq!(opening.a.state(), State::Closed);
}

/// Covers: RFC 1191 1191-1; RFC 9293 9293-E38
#[test]
fn a_smaller_path_cuts_what_is_sent_again() {
    let mut pair = Pair::established();
    // The path silently takes 1,000 octets of TCP only; the host is told by ICMP.
    pair.keep = Box::new(|_, seen| seen.segment.payload.len() + 32 <= 1_000);
    pair.write(true, &pattern(20_000));
    pair.settle(Duration::from_millis(1));
    let (now, una) = (pair.now, pair.a.tcp().status().snd_una);
    assert!(pair.a.tcp().handle_path_mtu(now, 1_000, Some(una)));
    pair.settle(Duration::from_secs(60));
    assert!(pair.b.received == pattern(20_000));
    assert_eq!(pair.a.tcp().status().segment_size, 1_000 - 20 - 12);
    // The host forgets what it was told after a while, and tries again.
    let now = pair.now;
    assert!(pair.a.tcp().handle_path_mtu(now, 1_480, None));
    let status = pair.a.tcp().status();
    assert_eq!(
        (status.segment_size, status.path_mtu_search),
        (1_000 - 20 - 12, true),
        "nobody's word is taken"
    );
    pair.keep = Box::new(|_, _| true);
    pair.write(true, &pattern(20_000));
    pair.settle(Duration::from_secs(60));
    let status = pair.a.tcp().status();
    assert_eq!((status.segment_size, status.path_mtu_search), (1_448, false), "one probe went before it");
}

/// Covers: RFC 5927 5927-1
#[test]
fn a_claim_below_what_was_acknowledged_waits_for_a_timeout() {
    let mut pair = Pair::established();
    pair.write(true, &pattern(20_000));
    pair.settle(Duration::from_secs(1));
    pair.write(true, &pattern(5_000));
    pair.settle(Duration::from_millis(1));
    let (now, una) = (pair.now, pair.a.tcp().status().snd_una);
    assert!(!pair.a.tcp().handle_path_mtu(now, 600, Some(una + 1_000_000)));
    assert!(pair.a.tcp().handle_path_mtu(now, 600, Some(una)));
    assert_eq!(pair.a.tcp().status().segment_size, 1448);
}

/// Covers: RFC 9293 9293-E36
#[test]
fn sequence_numbers_wrap_in_the_middle_of_a_stream() {
    for offset in [1u32, 2, 1_000, 100_000] {
        let mut pair = Pair::default();
        pair.a.iss = wire::SeqNum::new(0u32.wrapping_sub(offset));
        pair.b.iss = wire::SeqNum::new(0u32.wrapping_sub(offset));
        pair.open();
        transfer(&mut pair, &pattern(300_000));
        let now = pair.now;
        pair.a.tcp().close(now).unwrap();
        pair.settle(Duration::from_millis(100));
        assert_eq!(pair.b.state(), State::CloseWait);
    }
}

/// Covers: RFC 9293 MAY-14
#[test]
fn flush_forgets_what_was_not_sent() {
    let mut pair = Pair::established();
    pair.b.reads = true;
    pair.write(true, &pattern(100_000));
    pair.settle(Duration::from_millis(1));
    pair.a.tcp().flush();
    pair.settle(Duration::from_secs(1));
    assert!(pair.b.received == pattern(14_480));
    pair.write(true, b"more");
    pair.settle(Duration::from_secs(1));
    assert_eq!(&pair.b.received[14_480..], b"more");
}

#[test]
fn a_writer_that_found_no_room_hears_of_what_a_flush_or_a_larger_buffer_made() {
    let full = || {
        let mut lone = Lone::plain();
        lone.arrives(Flags::ACK, 1, 1, 0, 0);
        lone.write(1 << 20);
        let refused = lone.tcp.send(lone.now, Payload::copy_of(b"more"), SendFlags::default());
        assert_eq!(refused, Err(SendError::Full));
        lone.sent();
        assert!(!lone.events.contains(&Event::Writable));
        lone
    };
    let mut lone = full();
    lone.tcp.flush();
    lone.sent();
    assert!(lone.events.contains(&Event::Writable), "no ACK will come to tell it");
    let mut lone = full();
    lone.tcp.set_send_buffer(2 << 20).unwrap();
    lone.sent();
    assert!(lone.events.contains(&Event::Writable));
}

/// Covers: RFC 5681 5681-27
#[test]
fn after_a_pause_the_window_starts_over() {
    let mut pair = Pair::configured(by_the_book());
    transfer(&mut pair, &pattern(1 << 20));
    let grown = pair.a.tcp().status().cwnd;
    assert!(grown > 14_480);
    pair.settle(Duration::from_secs(10));
    pair.write(true, b"again");
    pair.settle(Duration::from_millis(1));
    assert_eq!(pair.a.tcp().status().cwnd, 14_480);
}

/// One end stops reading; what it writes itself flows on all the same.
#[test]
fn a_shut_window_one_way_does_not_slow_the_other() {
    let mut pair = Pair::established();
    pair.a.reads = false;
    let data = pattern(1 << 20);
    pair.write(false, &data);
    pair.settle(Duration::from_secs(10));
    pair.write(false, b"more than there is room for");
    pair.settle(Duration::from_secs(10));
    assert!(pair.b.tcp().status().probing);
    pair.write(true, &data);
    pair.settle(Duration::from_secs(2));
    assert_eq!(pair.b.received.len(), data.len());
}
