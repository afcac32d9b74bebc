use super::*;
use crate::{Path, TcpConfig};
use alloc::format;
use env::{Duration, Rng};
use wire::WireWindow;
use wire::tcp::{Header, Options, Timestamps};

const KEY: [u8; 16] = *b"sixteen octets..";
const TUPLE: (u32, u16, u32, u16) = (0x0a00_0001, 40_000, 0x0a00_0002, 80);
const IRS: SeqNum = SeqNum::new(77);
const START: Instant = Instant::from_secs(59);
const PATH: Path = Path {
    mss: Mss::new(1460),
    send_limit: 1480,
    default_mss: Mss::DEFAULT_V4,
    train_limit: 0,
    ahead: Duration::ZERO,
};

fn offer(config: &TcpConfig) -> Offer<'_> {
    Offer { config, path: PATH, receive_window: 1 << 20, timestamp_offset: 0xffff_ff00, retransmissions: 0 }
}

fn syn(options: Options) -> Segment {
    let header = Header { seq: IRS, flags: Flags::SYN, options, ..Header::default() };
    Segment { header, ..Segment::default() }
}

fn options(mss: u16, shift: u8, stamped: bool) -> Options {
    let timestamps = stamped.then_some(Timestamps { value: 5_000, echo: 0 });
    Options { mss: Some(mss), window_scale: Some(shift), sack_permitted: true, timestamps, ..Options::NONE }
}

/// The third segment of the handshake that `syn_ack` is the second of.
fn third(syn_ack: &Segment) -> Segment {
    let reply = &syn_ack.header;
    let stamps = reply.options.timestamps.map(|t| Timestamps { value: 5_040, echo: t.value });
    let header = Header {
        seq: reply.ack,
        ack: reply.seq + 1,
        flags: Flags::ACK,
        window: WireWindow::new(512),
        options: Options { timestamps: stamps, ..Options::NONE },
        ..Header::default()
    };
    Segment { header, ..Segment::default() }
}

mod rfc4987_3_6 {
    use super::*;

    /// Covers: RFC 4987 4987-6
    #[test]
    fn a_cookie_says_no_more_than_its_user_allows() {
        let cookies = Cookies::new(KEY);
        let kept = |limit: Option<u16>| {
            let config = TcpConfig::default().cookie_mss_limit(limit.map(Mss::new));
            let reply = cookies.answer(START, &TUPLE, &syn(options(9_000, 7, true)), &offer(&config));
            cookies.check(START, &TUPLE, &third(&reply.segment), &offer(&config)).map(|is| is.send_mss.get())
        };
        assert_eq!(
            [None, Some(1_460), Some(1_459), Some(9_000)].map(kept),
            [8_940, 1_460, 1_440, 8_940].map(Some)
        );
    }

    /// Covers: RFC 4987 4987-5, 4987-6
    #[test]
    fn a_cookie_brings_back_what_the_syn_said() {
        let (config, cookies) = (TcpConfig::default(), Cookies::new(KEY));
        for (mss, kept) in [(1460, 1460), (1459, 1440), (9_000, 8_940), (536, 536), (100, 88), (0, 88)] {
            for shift in [0, 7, 14, 15] {
                let reply = cookies.answer(START, &TUPLE, &syn(options(mss, shift, true)), &offer(&config));
                assert_eq!(reply.why, Why::AnswersSynWithCookie);
                let accepted =
                    cookies.check(START, &TUPLE, &third(&reply.segment), &offer(&config)).expect("ours");
                assert_eq!(accepted.send_mss, Mss::new(kept));
                assert_eq!(accepted.scales.map(|s| s.send), Some(WindowScale::new(shift)));
                assert_eq!(accepted.scales.map(|s| s.receive), Some(WindowScale::new(10)));
                assert!(accepted.sack);
                assert_eq!(accepted.timestamps, Some(TimestampState { offset: 0xffff_ff00, recent: 5_040 }));
                assert_eq!((accepted.iss, accepted.irs), (reply.segment.header.seq, IRS));
            }
        }
    }

    /// Covers: RFC 4987 4987-6; RFC 9293 MUST-15
    #[test]
    fn without_timestamps_there_is_neither_scale_nor_sack() {
        let (config, cookies) = (TcpConfig::default(), Cookies::new(KEY));
        for options in [options(1460, 7, false), Options::NONE] {
            let reply = cookies.answer(START, &TUPLE, &syn(options), &offer(&config)).segment;
            assert_eq!(reply.header.options, Options { mss: Some(1460), ..Options::NONE });
            let accepted = cookies.check(START, &TUPLE, &third(&reply), &offer(&config)).expect("ours");
            assert_eq!((accepted.scales, accepted.sack, accepted.timestamps), (None, false, None));
        }
        let reply = cookies.answer(START, &TUPLE, &syn(Options::NONE), &offer(&config)).segment;
        let accepted = cookies.check(START, &TUPLE, &third(&reply), &offer(&config)).expect("ours");
        assert_eq!(accepted.send_mss, Mss::DEFAULT_V4);
    }

    /// Covers: RFC 4987 4987-7, 4987-9; RFC 9293 9293-E45
    #[test]
    fn data_on_the_syn_is_not_kept_and_the_first_data_after_it_opens_as_well() {
        let (config, cookies) = (TcpConfig::default(), Cookies::new(KEY));
        let mut first = syn(Options::NONE);
        first.payload = b"early".into();
        let reply = cookies.answer(START, &TUPLE, &first, &offer(&config)).segment;
        assert_eq!(reply.header.ack, IRS + 1);
        let mut data = third(&reply);
        data.payload = b"early".into();
        assert!(cookies.check(START, &TUPLE, &data, &offer(&config)).is_some());
    }

    /// Covers: RFC 4987 4987-5
    #[test]
    fn a_cookie_lives_for_this_epoch_and_the_next() {
        let (config, cookies) = (TcpConfig::default(), Cookies::new(KEY));
        for wrap in [0, (1 << 31) / 60_000, (1 << 32) / 60_000] {
            let made = Instant::from_secs(60 * wrap) + START.since(Instant::ZERO);
            let ack =
                third(&cookies.answer(made, &TUPLE, &syn(options(1460, 7, true)), &offer(&config)).segment);
            for (later, valid) in [(0, true), (1, true), (60, true), (61, false), (120, false), (121, false)]
            {
                let at = made + Duration::from_secs(later);
                assert_eq!(cookies.check(at, &TUPLE, &ack, &offer(&config)).is_some(), valid, "{later} s");
            }
        }
    }

    #[test]
    fn a_cookie_is_good_for_its_key_its_connection_and_its_numbers_only() {
        let (config, cookies) = (TcpConfig::default(), Cookies::new(KEY));
        let good =
            third(&cookies.answer(START, &TUPLE, &syn(options(1460, 7, true)), &offer(&config)).segment);
        let refused = |cookies: &Cookies, tuple: &(u32, u16, u32, u16), ack: &Segment| {
            cookies.check(START, tuple, ack, &offer(&config)).is_none()
        };
        assert!(!refused(&cookies, &TUPLE, &good));
        assert!(refused(&Cookies::new([0; 16]), &TUPLE, &good));
        assert!(refused(&cookies, &(TUPLE.0, TUPLE.1 + 1, TUPLE.2, TUPLE.3), &good));
        for change in [
            (|s| s.header.seq += 1) as fn(&mut Segment),
            |s| s.header.ack += 16,
            |s| s.header.ack = SeqNum::new((s.header.ack.raw() - 1) ^ SIZE_BITS) + 1,
            |s| s.header.ack = SeqNum::new((s.header.ack.raw() - 1) ^ EPOCH_BIT) + 1,
            |s| s.header.options.timestamps = None,
            |s| s.header.flags |= Flags::SYN,
            |s| s.header.flags |= Flags::RST,
            |s| s.header.flags = Flags::FIN,
        ] {
            let mut forged = good.clone();
            change(&mut forged);
            assert!(refused(&cookies, &TUPLE, &forged), "{forged:?}");
        }
    }

    /// A million forgeries are expected to open 0.004 connections; two would mean fewer bits than the module says.
    ///
    /// Covers: RFC 4987 4987-5
    #[test]
    fn a_million_forged_acks_open_nothing() {
        let (config, cookies) = (TcpConfig::default(), Cookies::new(KEY));
        let mut rng = Rng::seeded(11);
        let mut forged = third(&syn(Options::NONE));
        let opened = (0..1_000_000)
            .filter(|_| {
                forged.header.ack = SeqNum::new(rng.next_u32());
                forged.header.seq = SeqNum::new(rng.next_u32());
                cookies.check(START, &TUPLE, &forged, &offer(&config)).is_some()
            })
            .count();
        assert!(opened <= 1, "{opened}");
    }

    #[test]
    fn the_timestamp_with_terms_in_it_is_at_most_64_ms_behind_the_clock_and_never_ahead() {
        for clock in [0, 1, 63, 64, 1_000_003, u32::MAX] {
            for shift in 0..=14 {
                let scales = Scales { send: WindowScale::new(shift), receive: WindowScale::ZERO };
                let mut terms = Terms {
                    send_mss: Mss::FLOOR,
                    scales: Some(scales),
                    timestamps: None,
                    sack: true,
                    ecn: None,
                };
                assert!(clock.wrapping_sub(stamp(clock, &terms)) < 64);
                (terms.scales, terms.sack) = (None, false);
                assert!(clock.wrapping_sub(stamp(clock, &terms)) < 64);
            }
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Cookies::new(KEY)), "Cookies { .. }");
    }
}
