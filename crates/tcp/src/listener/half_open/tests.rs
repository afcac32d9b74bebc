//! Transcripts: a SYN, then what arrives and what is answered.

use super::*;
use crate::listener::{ListenOutcome, Scales, arrives};
use crate::{Path, TcpConfig};
use wire::tcp::{Header, Options};
use wire::{Payload, WindowScale};

const ISS: SeqNum = SeqNum::new(0xffff_ffff); // our SYN is the last number of the circle
const IRS: SeqNum = SeqNum::new(1000);
const START: Instant = Instant::from_secs(100);
const PATH: Path = Path {
    mss: Mss::new(1460),
    send_limit: 1480,
    default_mss: Mss::DEFAULT_V4,
    train_limit: 0,
    ahead: env::Duration::ZERO,
};

fn offer(config: &TcpConfig) -> Offer<'_> {
    Offer {
        config,
        path: PATH,
        receive_window: 65_535,
        timestamp_offset: 500,
        retransmissions: HalfOpen::RETRANSMISSIONS,
    }
}

fn options() -> Options {
    Options {
        mss: Some(1400),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 9_000, echo: 0 }),
        ..Options::NONE
    }
}

fn segment(seq: SeqNum, ack: SeqNum, flags: Flags, options: Options, octets: usize) -> Segment {
    let header = Header { seq, ack, flags, window: WireWindow::new(4_000), urgent: 0, options };
    Segment { header, payload: Payload::copy_of(&alloc::vec![7; octets]), ..Segment::default() }
}

fn syn(options: Options) -> Segment {
    segment(IRS, SeqNum::new(0), Flags::SYN, options, 0)
}

fn from_peer(seq: u32, flags: Flags, octets: usize) -> Segment {
    segment(IRS + seq, ISS + 1, flags, Options::NONE, octets)
}

/// A record without options whose SYN-ACK is on its way.
fn answered() -> HalfOpen {
    let config = TcpConfig::default();
    let mut record = HalfOpen::answer(START, &syn(Options::NONE), ISS, &offer(&config));
    record.poll_transmit(START).expect("a SYN-ACK");
    record
}

fn sent(outcome: HalfOpenOutcome) -> Transmit {
    match outcome {
        HalfOpenOutcome::Send(transmit) => transmit,
        other => panic!("not a segment: {other:?}"),
    }
}

fn established(outcome: HalfOpenOutcome) -> Accepted {
    match outcome {
        HalfOpenOutcome::Established(accepted) => accepted,
        other => panic!("not established: {other:?}"),
    }
}

mod rfc9293_3_10_7_2 {
    use super::*;

    /// Covers: RFC 9293 9293-E3
    #[test]
    fn a_listener_ignores_resets_and_resets_whoever_acknowledges() {
        for flags in [Flags::RST, Flags::RST | Flags::ACK, Flags::RST | Flags::SYN] {
            let reset = segment(IRS, ISS, flags, Options::NONE, 0);
            assert_eq!(arrives(&reset), ListenOutcome::Ignore(Discard::ResetToNobody));
        }
        for flags in [Flags::ACK, Flags::SYN | Flags::ACK, Flags::FIN | Flags::ACK] {
            let ListenOutcome::Send(reply) = arrives(&segment(IRS, ISS, flags, Options::NONE, 4)) else {
                panic!("{flags} draws a RST")
            };
            assert_eq!((reply.segment.header.seq, reply.segment.header.flags), (ISS, Flags::RST));
        }
        assert_eq!(arrives(&syn(Options::NONE)), ListenOutcome::Syn);
        let fin = segment(IRS, ISS, Flags::FIN, Options::NONE, 0);
        assert_eq!(arrives(&fin), ListenOutcome::Ignore(Discard::NoAck));
    }

    /// Covers: RFC 9293 9293-E4, 9293-E45
    #[test]
    fn only_the_syn_is_acknowledged_whatever_it_carries() {
        let config = TcpConfig::default();
        for (flags, octets) in [(Flags::SYN, 0), (Flags::SYN, 300), (Flags::SYN | Flags::FIN, 0)] {
            let first = segment(IRS, SeqNum::new(0), flags, Options::NONE, octets);
            let mut record = HalfOpen::answer(START, &first, ISS, &offer(&config));
            let reply = record.poll_transmit(START).expect("a SYN-ACK");
            let header = &reply.segment.header;
            assert_eq!((header.seq, header.ack, header.flags), (ISS, IRS + 1, Flags::SYN | Flags::ACK));
            assert_eq!(reply.why, Why::AnswersSyn);
            assert_eq!(record.poll_transmit(START), None, "one SYN, one SYN-ACK");
            // The peer sends again what was not acknowledged, and it opens the connection.
            established(record.handle_segment(START, &from_peer(1, Flags::ACK | Flags::FIN, octets)));
        }
    }

    /// Covers: RFC 9293 MUST-14, MUST-15, SHLD-5; RFC 7323 7323-1, 7323-2, 7323-4, 7323-5, 7323-8, 7323-12
    #[test]
    fn an_option_is_agreed_on_when_both_sides_offer_it() {
        let full = TcpConfig::default();
        let small = TcpConfig::default().receive_buffer(32_768).expect("in range");
        let bare = TcpConfig::default().window_scaling(false).timestamps(false).sack(false);
        let answer = |config: &TcpConfig, options: Options| {
            let mut record = HalfOpen::answer(START, &syn(options), ISS, &offer(config));
            let reply = record.poll_transmit(START).expect("a SYN-ACK").segment.header;
            let mut ack = from_peer(1, Flags::ACK, 0);
            ack.header.options.timestamps =
                reply.options.timestamps.map(|t| Timestamps { value: 9_001, echo: t.value });
            (reply, established(record.handle_segment(START, &ack)))
        };

        let (reply, accepted) = answer(&full, options());
        assert_eq!(reply.options.mss, Some(1460));
        assert_eq!(reply.options.window_scale, Some(10), "up to 32 MiB in units of 1 KiB");
        assert_eq!(reply.options.timestamps, Some(Timestamps { value: 100_500, echo: 9_000 }));
        assert!(reply.options.sack_permitted && accepted.sack);
        assert_eq!(reply.window, WireWindow::new(65_535), "never scaled");
        assert_eq!(accepted.send_mss, Mss::new(1400));
        assert_eq!(accepted.window, WireWindow::new(4_000));
        let scales = Scales { send: WindowScale::new(7), receive: WindowScale::new(10) };
        assert_eq!(accepted.scales, Some(scales));
        assert_eq!(accepted.timestamps.map(|t| (t.offset, t.recent)), Some((500, 9_000)));

        let (reply, accepted) = answer(&small, Options { window_scale: Some(255), ..options() });
        assert_eq!(reply.options.window_scale, Some(0), "offered even when it is 0");
        assert_eq!(accepted.scales.map(|s| s.send), Some(WindowScale::MAX));

        for (reply, accepted) in [answer(&full, Options::NONE), answer(&bare, options())] {
            assert_eq!(reply.options, Options { mss: Some(1460), ..Options::NONE });
            assert_eq!((accepted.scales, accepted.timestamps, accepted.sack), (None, None, false));
        }
        assert_eq!(answer(&full, Options::NONE).1.send_mss, Mss::DEFAULT_V4);
        assert_eq!(answer(&full, Options { mss: Some(0), ..Options::NONE }).1.send_mss, Mss::FLOOR);
    }
}

mod rfc9293_3_10_7_4 {
    use super::*;

    /// Covers: RFC 9293 MUST-11, 9293-E11, 9293-E35, SHLD-2; RFC 5961 5961-1, 5961-2, 5961-3
    #[test]
    fn only_a_reset_at_rcv_nxt_undoes_the_handshake_and_quietly() {
        let remove = HalfOpenOutcome::Remove;
        assert_eq!(answered().handle_segment(START, &from_peer(1, Flags::RST, 0)), remove);
        assert_eq!(answered().handle_segment(START, &from_peer(1, Flags::RST | Flags::ACK, 20)), remove);

        let challenge = sent(answered().handle_segment(START, &from_peer(2, Flags::RST, 0)));
        assert_eq!(challenge.why, Why::ChallengeAck(ChallengeTo::Reset));
        let header = &challenge.segment.header;
        assert_eq!((header.seq, header.ack, header.flags), (ISS + 1, IRS + 1, Flags::ACK));

        for far in [0, 65_536 + 1, 0x8000_0000] {
            let outcome = answered().handle_segment(START, &from_peer(far, Flags::RST, 0));
            assert_eq!(outcome, HalfOpenOutcome::Ignore(Discard::UnacceptableReset));
        }
    }

    /// Covers: RFC 9293 9293-E15
    #[test]
    fn the_ack_of_our_syn_establishes_and_any_other_is_reset() {
        let accepted = established(answered().handle_segment(START, &from_peer(1, Flags::ACK, 10)));
        assert_eq!((accepted.iss, accepted.irs), (ISS, IRS));
        for wrong in [ISS, ISS + 2, ISS - 1_000, ISS + 0x8000_0000] {
            let reply = sent(
                answered().handle_segment(START, &segment(IRS + 1, wrong, Flags::ACK, Options::NONE, 0)),
            );
            assert_eq!(reply.why, Why::Reset(ResetWhy::BadAck));
            assert_eq!((reply.segment.header.seq, reply.segment.header.flags), (wrong, Flags::RST));
        }
    }

    /// Covers: RFC 9293 9293-E9, 9293-E14, 9293-E36
    #[test]
    fn what_lies_outside_the_window_draws_an_ack_and_what_has_no_ack_nothing() {
        for (seq, octets, acceptable) in [
            (1, 0, true),
            (0, 1, false),
            (0, 2, true),
            (65_535, 1, true),
            (65_536, 1, false),
            (65_536, 0, false),
        ] {
            let outcome = answered().handle_segment(START, &from_peer(seq, Flags::ACK, octets));
            if acceptable {
                established(outcome);
            } else {
                assert_eq!(sent(outcome).why, Why::OutsideWindow, "{seq} {octets}");
            }
        }
        let outcome = answered().handle_segment(START, &from_peer(1, Flags::NONE, 5));
        assert_eq!(outcome, HalfOpenOutcome::Ignore(Discard::NoAck));
    }

    #[test]
    fn the_same_syn_draws_the_syn_ack_again() {
        let mut record = answered();
        let later = START + Duration::from_millis(700);
        let again = sent(record.handle_segment(later, &syn(Options::NONE)));
        assert_eq!(again.why, Why::AnswersSyn);
        assert_eq!(again.segment.header.seq, ISS);
        let accepted = established(record.handle_segment(later, &from_peer(1, Flags::ACK, 0)));
        assert!(accepted.retransmitted);
        assert_eq!(accepted.round_trip, None, "which SYN-ACK was meant? (RFC 6298 §3)");
    }

    /// Covers: RFC 5961 5961-6, 5961-8, 5961-9
    #[test]
    fn another_syn_is_challenged_within_a_budget_of_this_record_alone() {
        let config = TcpConfig::default().challenge_acks(3);
        let mut record = HalfOpen::answer(START, &syn(Options::NONE), ISS, &offer(&config));
        let mut other = answered();
        let flood = |record: &mut HalfOpen, at: Instant| {
            (0..1_000)
                .filter(|_| {
                    matches!(
                        record.handle_segment(at, &from_peer(9, Flags::SYN, 0)),
                        HalfOpenOutcome::Send(_)
                    )
                })
                .count()
        };
        assert_eq!(flood(&mut record, START), 3);
        assert_eq!(flood(&mut record, START + Duration::from_millis(999)), 0);
        assert_eq!(flood(&mut record, START + Duration::from_secs(1)), 3);
        assert_eq!(flood(&mut other, START), 10, "nobody else's budget was used");
        let challenge = sent(answered().handle_segment(START, &from_peer(9, Flags::SYN, 0)));
        assert_eq!(challenge.why, Why::ChallengeAck(ChallengeTo::Syn));
    }

    /// The peer restarted and asks anew: the challenge makes it send the RST that clears the way.
    ///
    /// Covers: RFC 5961 5961-7
    #[test]
    fn a_restarted_peer_resets_the_old_handshake_by_answering_the_challenge() {
        let mut record = answered();
        let reborn = segment(IRS + 0x4000_0000, SeqNum::new(0), Flags::SYN, Options::NONE, 0);
        let challenge = sent(record.handle_segment(START, &reborn)).segment;
        // A peer in SYN-SENT finds the acknowledgment unacceptable: <SEQ=SEG.ACK><CTL=RST>.
        let reset = segment(challenge.header.ack, SeqNum::new(0), Flags::RST, Options::NONE, 0);
        assert_eq!(record.handle_segment(START, &reset), HalfOpenOutcome::Remove);
    }

    /// Covers: RFC 7323 7323-13, 7323-14, 7323-21, 7323-22
    #[test]
    fn timestamps_once_agreed_on_must_be_there_and_not_be_old() {
        let config = TcpConfig::default();
        let stamped = |seq, flags, value| {
            let mut it = from_peer(seq, flags, 0);
            it.header.options.timestamps = Some(Timestamps { value, echo: 100_500 });
            it
        };
        let fresh = || HalfOpen::answer(START, &syn(options()), ISS, &offer(&config));
        let silent = fresh().handle_segment(START, &from_peer(1, Flags::ACK, 3));
        assert_eq!(silent, HalfOpenOutcome::Ignore(Discard::NoTimestamp));
        let old = sent(fresh().handle_segment(START, &stamped(1, Flags::ACK, 8_999)));
        assert_eq!(old.why, Why::OldTimestamp);
        let stamps = Timestamps { value: 100_500, echo: 9_000 };
        assert_eq!(old.segment.header.options.timestamps, Some(stamps));
        assert_eq!(old.segment.header.window, WireWindow::new(65_535 >> 10), "not a SYN: scaled");
        let reset = stamped(1, Flags::RST, 1);
        assert_eq!(fresh().handle_segment(START, &reset), HalfOpenOutcome::Remove);
        established(fresh().handle_segment(START, &stamped(1, Flags::ACK, 9_000)));
    }
}

mod rfc4987_3_3 {
    use super::*;

    /// Covers: RFC 4987 4987-2
    #[test]
    fn the_syn_ack_goes_out_six_times_and_then_the_record_gives_up() {
        let mut record = answered();
        let mut log = alloc::vec::Vec::new();
        loop {
            let now = record.poll_timeout();
            if record.handle_timeout(now) {
                log.push((now.since(START).as_secs(), None));
                break;
            }
            log.push((now.since(START).as_secs(), record.poll_transmit(now).map(|t| t.why)));
        }
        let n = |n| Some(Why::RetransmissionTimeout(n));
        assert_eq!(log, [(1, n(1)), (3, n(2)), (7, n(3)), (15, n(4)), (31, n(5)), (63, None)]);
    }

    #[test]
    fn early_calls_do_nothing_and_the_time_to_open_is_a_limit_of_its_own() {
        let config = TcpConfig::default().syn_timeout(Duration::from_secs(2));
        let mut record = HalfOpen::answer(START, &syn(Options::NONE), ISS, &offer(&config));
        record.poll_transmit(START);
        assert!(!record.handle_timeout(START));
        assert_eq!(record.poll_transmit(START), None);
        assert!(!record.handle_timeout(START + Duration::from_secs(1)));
        assert_eq!(record.poll_timeout(), START + Duration::from_secs(2));
        assert!(record.handle_timeout(START + Duration::from_secs(2)));
    }

    /// Covers: RFC 4987 4987-4
    #[test]
    fn a_record_is_small() {
        assert!(size_of::<HalfOpen>() <= 128, "{}", size_of::<HalfOpen>());
    }
}

mod rfc6298_3 {
    use super::*;

    /// Covers: RFC 6298 6298-8
    #[test]
    fn a_round_trip_is_measured_when_it_is_clear_which_syn_ack_was_meant() {
        let mut ack = from_peer(1, Flags::ACK, 0);
        ack.arrived = START + Duration::from_micros(30_500);
        let late = START + Duration::from_millis(90);
        let accepted = established(answered().handle_segment(late, &ack));
        assert_eq!(accepted.round_trip, Some(Duration::from_micros(30_500)), "by arrival, not by its turn");
        assert!(!accepted.retransmitted);

        let config = TcpConfig::default();
        let mut record = HalfOpen::answer(START, &syn(options()), ISS, &offer(&config));
        record.poll_transmit(START);
        let second = record.poll_timeout();
        assert!(!record.handle_timeout(second));
        let echo =
            record.poll_transmit(second).and_then(|t| t.segment.header.options.timestamps).map(|t| t.value);
        ack.arrived = second + Duration::from_millis(20);
        ack.header.options.timestamps = Some(Timestamps { value: 9_500, echo: echo.expect("agreed") });
        let accepted = established(record.handle_segment(ack.arrived, &ack));
        assert_eq!(accepted.round_trip, Some(Duration::from_millis(20)), "the echo tells");
        assert!(accepted.retransmitted);
    }
}
