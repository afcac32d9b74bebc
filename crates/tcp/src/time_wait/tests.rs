use super::*;
use wire::tcp::{Header, Options};
use wire::{Payload, WireWindow};

const SND_NXT: SeqNum = SeqNum::new(500);
const RCV_NXT: SeqNum = SeqNum::new(0); // the peer's FIN was the last number of the circle
const START: Instant = Instant::from_secs(10);

fn ended(recent: Option<u32>) -> Ended {
    let timestamps = recent.map(|recent| TimestampState { offset: 7, recent });
    let scale = WindowScale::new(2);
    Ended {
        snd_nxt: SND_NXT,
        rcv_nxt: RCV_NXT,
        window: Window::new(4_000),
        scale,
        timestamps,
        ace: Flags::NONE,
        ecn: wire::Ecn::NotEct,
    }
}

fn record(recent: Option<u32>) -> TimeWait {
    TimeWait::new(START, &TcpConfig::default(), ended(recent))
}

fn from_peer(seq: SeqNum, flags: Flags, octets: usize, value: Option<u32>) -> Segment {
    let timestamps = value.map(|value| Timestamps { value, echo: 1 });
    let options = Options { timestamps, ..Options::NONE };
    let header = Header { seq, ack: SND_NXT, flags, options, ..Header::default() };
    Segment { header, payload: Payload::copy_of(&alloc::vec![1; octets]), ..Segment::default() }
}

fn why(outcome: TimeWaitOutcome) -> Option<Why> {
    match outcome {
        TimeWaitOutcome::Send(transmit) => {
            let header = &transmit.segment.header;
            assert_eq!((header.seq, header.ack, header.flags), (SND_NXT, RCV_NXT, Flags::ACK));
            assert_eq!(header.window, WireWindow::new(1_000));
            Some(transmit.why)
        }
        TimeWaitOutcome::Ignore(_) => None,
        TimeWaitOutcome::Reopen { .. } => panic!("reopened"),
    }
}

mod rfc9293_3_6_1 {
    use super::*;

    /// Covers: RFC 9293 MUST-13, 9293-E23
    #[test]
    fn it_lasts_two_lifetimes_and_a_fin_again_is_acknowledged_and_starts_them_anew() {
        let mut it = record(None);
        assert_eq!(it.expires(), START + Duration::from_secs(60));
        let late = it.expires() - Duration::from_nanos(1);
        for octets in [0, 3] {
            let fin = from_peer(RCV_NXT - 1 - octets, Flags::FIN | Flags::ACK, octets as usize, None);
            assert_eq!(why(it.handle_segment(late, &fin)), Some(Why::AcknowledgesFin));
            assert_eq!(it.expires(), late + Duration::from_secs(60));
        }
    }

    /// Covers: RFC 9293 9293-E25, 9293-E47; RFC 1337 1337-1
    #[test]
    fn old_data_draws_an_ack_and_nothing_else_restarts_the_wait() {
        let later = START + Duration::from_secs(5);
        for (segment, expected) in [
            (from_peer(RCV_NXT - 100, Flags::ACK, 10, None), Some(Why::Duplicate)),
            (from_peer(RCV_NXT + 5, Flags::ACK, 10, None), Some(Why::Duplicate)),
            (from_peer(RCV_NXT + 4_000, Flags::ACK, 0, None), Some(Why::Duplicate)),
            (from_peer(RCV_NXT + 9, Flags::FIN | Flags::ACK, 0, None), Some(Why::Duplicate)),
            (from_peer(RCV_NXT, Flags::NONE, 0, None), None),
            (from_peer(RCV_NXT, Flags::ACK, 0, None), None),
            (from_peer(RCV_NXT, Flags::ACK, 0, Some(3)), None),
        ] {
            let mut it = record(None);
            assert_eq!(why(it.handle_segment(later, &segment)), expected, "{segment:?}");
            assert_eq!(it.expires(), START + Duration::from_secs(60));
        }
        let mut unsent = from_peer(RCV_NXT, Flags::ACK, 0, None);
        unsent.header.ack += 1;
        assert_eq!(why(record(None).handle_segment(later, &unsent)), Some(Why::AcksUnsent));
    }

    /// Covers: RFC 9293 9293-E49; RFC 5961 5961-8
    #[test]
    fn two_sides_that_only_acknowledge_fall_silent() {
        let mut it = record(None);
        let stray = from_peer(RCV_NXT - 100, Flags::ACK, 0, None);
        let replies = (0..1_000).filter(|_| why(it.handle_segment(START, &stray)).is_some()).count();
        assert_eq!(replies, 10);
    }

    /// Covers: RFC 7323 7323-13, 7323-14, 7323-21
    #[test]
    fn stamps_are_checked_and_sent() {
        let mut it = record(Some(1_000));
        let fin = |value| from_peer(RCV_NXT - 1, Flags::FIN | Flags::ACK, 0, value);
        assert_eq!(it.handle_segment(START, &fin(None)), TimeWaitOutcome::Ignore(Discard::NoTimestamp));
        assert_eq!(why(it.handle_segment(START, &fin(Some(999)))), Some(Why::OldTimestamp));
        let TimeWaitOutcome::Send(ack) = it.handle_segment(START, &fin(Some(1_200))) else {
            panic!("an ACK")
        };
        let stamps = Timestamps { value: 10_007, echo: 1_200 };
        assert_eq!(ack.segment.header.options.timestamps, Some(stamps));
    }
}

mod rfc1337_3 {
    use super::*;

    /// An old duplicate draws our ACK, the ACK draws a RST: it must not end TIME-WAIT.
    ///
    /// Covers: RFC 1337 1337-1
    #[test]
    fn no_reset_assassinates_time_wait() {
        let mut it = record(None);
        for seq in [RCV_NXT, RCV_NXT + 1, RCV_NXT - 1] {
            let reset = from_peer(seq, Flags::RST, 0, None);
            assert_eq!(it.handle_segment(START, &reset), TimeWaitOutcome::Ignore(Discard::TimeWait));
        }
        assert_eq!(it.expires(), START + Duration::from_secs(60));
    }
}

mod rfc6191_2 {
    use super::*;

    /// Covers: RFC 9293 MAY-2, SHLD-4; RFC 6191 6191-1, 6191-2, 6191-3, 6191-4, 6191-5, 6191-6, 6191-7
    #[test]
    fn a_syn_reopens_when_its_stamp_or_its_number_is_newer() {
        let (newer, older) = (RCV_NXT, RCV_NXT - 1); // the old FIN's own number is not newer
        for (recent, value, seq, reopens) in [
            (Some(1_000), Some(1_001), older, true),
            (Some(1_000), Some(1_000), newer, true),
            (Some(1_000), Some(1_000), older, false),
            (Some(1_000), Some(999), newer, false),
            (Some(1_000), None, newer, true),
            (Some(1_000), None, older, false),
            (None, Some(1), older, true),
            (None, None, newer, true),
            (None, None, older, false),
            (Some(u32::MAX), Some(0), older, true),
        ] {
            let mut it = record(recent);
            let outcome =
                it.handle_segment(START + Duration::from_secs(1), &from_peer(seq, Flags::SYN, 0, value));
            let expected = if reopens {
                TimeWaitOutcome::Reopen { floor: SND_NXT }
            } else {
                TimeWaitOutcome::Ignore(Discard::TimeWait)
            };
            assert_eq!(outcome, expected, "{recent:?} {value:?} {seq}");
            assert_eq!(it.expires(), START + Duration::from_secs(60));
        }
    }

    /// Stamps that we would not answer with do not count (the note of RFC 6191 §2).
    ///
    /// Covers: RFC 6191 6191-6
    #[test]
    fn stamps_do_not_count_when_we_would_send_none() {
        let mut it = TimeWait::new(START, &TcpConfig::default().timestamps(false), ended(None));
        let syn = from_peer(RCV_NXT - 1, Flags::SYN, 0, Some(1));
        assert_eq!(it.handle_segment(START, &syn), TimeWaitOutcome::Ignore(Discard::TimeWait));
    }

    #[test]
    fn a_syn_with_ack_is_no_request() {
        let mut it = record(None);
        let stray = from_peer(RCV_NXT - 9, Flags::SYN | Flags::ACK, 0, None);
        assert_eq!(why(it.handle_segment(START, &stray)), Some(Why::Duplicate));
    }
}
