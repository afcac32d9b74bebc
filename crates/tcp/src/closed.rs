//! SEGMENT ARRIVES where nothing is open (RFC 9293 §3.5.2 group 1, §3.10.7.1).
//!
//! ```text
//!   RST ────────────────► nothing: a RST is never answered
//!   with ACK ───────────► <SEQ=SEG.ACK><CTL=RST>
//!   without ACK ────────► <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
//! ```

use crate::{ResetWhy, Segment, Transmit, Why};
use wire::SeqNum;
use wire::tcp::{Flags, Header, Options, Timestamps};

/// Answers a segment that belongs to no connection (RFC 9293 §3.10.7.1; 9293-E1, 9293-E2); `None` for a RST.
pub fn answer(segment: &Segment) -> Option<Transmit> {
    reset(segment, ResetWhy::NoConnection)
}

/// The RST that `cause`'s sender will find acceptable, unless `cause` is a RST itself.
pub fn reset(cause: &Segment, why: ResetWhy) -> Option<Transmit> {
    if cause.has(Flags::RST) {
        return None;
    }
    let (seq, ack, flags) = match cause.ack() {
        Some(ack) => (ack, SeqNum::default(), Flags::RST),
        None => (SeqNum::default(), cause.end(), Flags::RST | Flags::ACK),
    };
    // RFC 7323 §5.2 (7323-23): the cause's clock comes back, and ours is told nothing about.
    let timestamps = cause.header.options.timestamps.map(|t| Timestamps { value: 0, echo: t.value });
    let header =
        Header { seq, ack, flags, options: Options { timestamps, ..Options::NONE }, ..Header::default() };
    Some(Transmit::now(Segment { header, ..Segment::default() }, Why::Reset(why)))
}

#[cfg(test)]
mod rfc9293_3_10_7_1 {
    use super::*;
    use alloc::vec::Vec;

    fn arriving(flags: Flags, octets: usize) -> Segment {
        let header = Header { seq: SeqNum::new(1000), ack: SeqNum::new(77), flags, ..Header::default() };
        Segment { header, payload: Vec::from_iter((0..octets).map(|_| 0)).into(), ..Segment::default() }
    }

    /// Covers: RFC 9293 9293-E1
    #[test]
    fn without_ack_the_reset_acknowledges_all_of_the_segment() {
        for (flags, octets, len) in [
            (Flags::SYN, 0, 1),
            (Flags::SYN, 20, 21),
            (Flags::SYN | Flags::FIN, 0, 2),
            (Flags::FIN, 0, 1),
            (Flags::NONE, 10, 10),
            (Flags::PSH | Flags::URG, 3, 3),
            (Flags::NONE, 0, 0),
        ] {
            let reply = answer(&arriving(flags, octets)).expect("a RST");
            assert_eq!(reply.why, Why::Reset(ResetWhy::NoConnection));
            assert_eq!(reply.segment.header.seq, SeqNum::new(0));
            assert_eq!(reply.segment.header.ack, SeqNum::new(1000 + len), "{flags}");
            assert_eq!(reply.segment.header.flags, Flags::RST | Flags::ACK);
        }
    }

    /// Covers: RFC 9293 9293-E2
    #[test]
    fn with_ack_the_reset_takes_its_number_from_there_and_has_no_ack() {
        for flags in [Flags::ACK, Flags::SYN | Flags::ACK, Flags::FIN | Flags::ACK, Flags::PSH | Flags::ACK] {
            let reply = answer(&arriving(flags, 5)).expect("a RST");
            assert_eq!(reply.segment.header.seq, SeqNum::new(77));
            assert_eq!(reply.segment.header.flags, Flags::RST);
        }
    }

    /// Covers: RFC 9293 9293-E2
    #[test]
    fn a_reset_is_never_answered() {
        for bits in 0..0x200 {
            let flags = Flags::from_bits(bits);
            assert_eq!(answer(&arriving(flags, 1)).is_none(), flags.contains(Flags::RST));
        }
    }

    /// Covers: RFC 7323 7323-23
    #[test]
    fn a_reset_echoes_the_timestamp_of_its_cause() {
        let mut cause = arriving(Flags::ACK, 0);
        assert_eq!(answer(&cause).expect("a RST").segment.header.options, Options::NONE);
        cause.header.options.timestamps = Some(Timestamps { value: 77, echo: 5 });
        let reply = answer(&cause).expect("a RST");
        assert_eq!(reply.segment.header.options.timestamps, Some(Timestamps { value: 0, echo: 77 }));
    }
}
