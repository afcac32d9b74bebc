//! What a user may ask for beside the RFCs: records that share no segment, segments that lack timestamps, soft errors that end
//! what is opening, timeouts that stay short.

use crate::lone::{ISS, Lone, Peer, by_the_book, line, ms};
use handfast_tcp::listener::{HalfOpen, HalfOpenOutcome, ListenOutcome, Offer, arrives};
use handfast_tcp::{Discard, Event, Path, Segment, SendFlags, SoftError, State};
use wire::tcp::{Flags, Header, Options, Timestamps};
use wire::{Payload, SeqNum, WireWindow};

impl Lone {
    fn write_record(&mut self, octets: usize) {
        let flags = SendFlags { end_of_record: true, ..SendFlags::default() };
        let taken = self.tcp.send(self.now, Payload::copy_of(&vec![7; octets]), flags);
        assert_eq!(taken, Ok(octets));
    }
}

#[test]
fn no_segment_has_octets_of_two_records_and_none_of_them_waits_for_the_other() {
    let mut lone = Lone::plain();
    lone.write_record(400);
    lone.write_record(1_300);
    lone.write_record(10);
    lone.write(20);
    // What is written last is the end, which Nagle's algorithm keeps back; a record that others follow is not.
    let whole =
        ["PSH,ACK 1:401 ack 1", "ACK 401:1401 ack 1", "PSH,ACK 1401:1701 ack 1", "PSH,ACK 1701:1711 ack 1"];
    assert_eq!(lone.sent(), whole);
    lone.acked(1_711);
    assert_eq!(lone.sent(), ["PSH,ACK 1711:1731 ack 1"]);
}

#[test]
fn records_stay_apart_when_they_are_sent_again() {
    let mut lone = Lone::plain();
    for _ in 0..3 {
        lone.write_record(100);
    }
    lone.write(500);
    assert_eq!(lone.sent().len(), 3, "the end waits for what is out");
    let mut again: Vec<_> = lone.advance(ms(1_200)).iter().map(|(_, transmit)| line(transmit)).collect();
    lone.acked(101);
    again.extend(lone.advance(ms(3_000)).iter().map(|(_, transmit)| line(transmit)));
    let apart = ["PSH,ACK 1:101 ack 1", "PSH,ACK 101:201 ack 1", "PSH,ACK 201:301 ack 1"];
    assert!(again.iter().all(|line| apart.contains(&line.as_str())), "{again:?}");
    assert!(apart.iter().take(2).all(|line| again.iter().any(|sent| sent == line)), "{again:?}");
}

#[test]
fn what_was_never_sent_takes_the_end_of_its_record_along() {
    let mut lone = Lone::plain();
    lone.write(1_000);
    lone.sent();
    lone.tcp.set_cork(true);
    lone.write_record(50);
    lone.tcp.flush();
    lone.tcp.set_cork(false);
    lone.write(100);
    lone.acked(1_001);
    assert_eq!(lone.sent(), ["PSH,ACK 1001:1101 ack 1"]);
}

/// Covers: RFC 7323 7323-14
#[test]
fn segments_that_lack_the_timestamps_agreed_on_count_only_where_that_was_asked_for() {
    for taken in [false, true] {
        let mut lone = Lone::established(by_the_book().lacking_timestamps(taken), &Peer::stamping());
        lone.stamps = false;
        lone.arrives(Flags::ACK | Flags::PSH, 1, 1, 65_535, 100);
        assert_eq!(lone.tcp.take_discard(), (!taken).then_some(Discard::NoTimestamp));
        assert_eq!(lone.tcp.status().readable, if taken { 100 } else { 0 });
    }
}

fn half_open(config: &handfast_tcp::TcpConfig) -> HalfOpen {
    let stamps = Some(Timestamps { value: 9_000, echo: 0 });
    let header = Header {
        seq: SeqNum::new(1_000),
        flags: Flags::SYN,
        window: WireWindow::new(4_000),
        options: Options { mss: Some(1_400), timestamps: stamps, ..Options::NONE },
        ..Header::default()
    };
    let syn = Segment { header, ..Segment::default() };
    assert_eq!(arrives(&syn), ListenOutcome::Syn);
    let offer = Offer {
        config,
        path: Path::ipv4(1500),
        receive_window: 65_535,
        timestamp_offset: 500,
        retransmissions: HalfOpen::RETRANSMISSIONS,
    };
    let mut record = HalfOpen::answer(env::Instant::from_secs(100), &syn, ISS, &offer);
    assert!(record.poll_transmit(env::Instant::from_secs(100)).is_some());
    record
}

/// Covers: RFC 7323 7323-14
#[test]
fn the_same_holds_for_what_completes_a_handshake() {
    for taken in [false, true] {
        let mut record = half_open(&by_the_book().lacking_timestamps(taken));
        let header = Header { seq: SeqNum::new(1_001), ack: ISS + 1, flags: Flags::ACK, ..Header::default() };
        let ack = Segment { header, ..Segment::default() };
        let outcome = record.handle_segment(env::Instant::from_secs(101), &ack);
        assert_eq!(matches!(outcome, HalfOpenOutcome::Established(_)), taken, "{outcome:?}");
    }
}

/// Covers: RFC 9293 MUST-56, SHLD-25
#[test]
fn a_soft_error_ends_what_is_opening_only_where_that_was_asked_for_and_never_what_is_open() {
    for ends in [false, true] {
        let config = by_the_book().soft_errors_end_opening(ends);
        let record = half_open(&config);
        assert_eq!(record.handle_soft_error(SoftError::HostUnreachable), ends);
        let mut lone = Lone::opening(config.clone());
        lone.sent();
        assert!(lone.tcp.handle_soft_error(lone.now, SoftError::HostUnreachable, ISS));
        assert_eq!(lone.tcp.state(), if ends { State::Closed } else { State::SynSent });
        let mut open = Lone::established(config, &Peer::plain());
        open.write(10);
        open.sent();
        assert!(open.tcp.handle_soft_error(open.now, SoftError::HostUnreachable, ISS + 1));
        assert_eq!(open.tcp.state(), State::Established);
        assert_eq!(open.tcp.poll_event(), Some(Event::SoftError(SoftError::HostUnreachable)));
    }
}

/// Covers: RFC 6298 6298-7
#[test]
fn timeouts_double_up_to_a_minute_or_to_what_was_asked_for() {
    let config = by_the_book().back_off_limit(ms(1_000)).unwrap();
    assert!(config.check().is_ok() && by_the_book().back_off_limit(ms(999)).is_err());
    let mut lone = Lone::opening(config);
    lone.sent();
    let times: Vec<_> =
        lone.advance(ms(3_500)).iter().map(|(at, _)| at.since(lone.now).as_millis()).collect();
    assert_eq!(times.len(), 3, "{times:?}");
}
