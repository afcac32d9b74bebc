//! Each segment of a synchronised connection, and those that carry nothing.

use super::{Layout, Open, Shared, Transmit, Why};
use crate::sabotage::Sabotage;
use crate::{ChallengeTo, ResetWhy, Segment, timestamp};
use alloc::boxed::Box;
use core::num::NonZeroU16;
use env::Instant;
use wire::tcp::{Flags, Header, Options, SackBlocks, Timestamps};
use wire::{Payload, SeqNum};

impl Open {
    /// A number that the peer has acknowledged, without data unless asked for (RFC 9293 §3.8.4, SHLD-12, MAY-6).
    pub(super) fn next_keep_alive(&mut self, now: Instant, shared: &mut Shared) -> Option<Transmit> {
        if !core::mem::take(&mut shared.keep_alive_due) || self.snd.outstanding() {
            return None;
        }
        let garbage = shared.config.keep_alive.is_some_and(|probing| probing.garbage_octet);
        let why = Why::KeepAliveProbe(shared.keep_alive_probes);
        let mut transmit = self.build(now, shared, self.snd.nxt, 0, false, why);
        transmit.segment.header.seq = self.snd.nxt - 1;
        if garbage {
            transmit.segment.payload = Payload::from(&[0]);
        }
        Some(transmit)
    }

    pub(super) fn next_bare_ack(&mut self, now: Instant, shared: &Shared) -> Option<Transmit> {
        let why = match self.rcv.ack_due(now) {
            Some(why) => why,
            None if self.rcv.window_update_due() => Why::WindowUpdate,
            None => return None,
        };
        Some(self.bare_ack(now, shared, why))
    }

    /// An empty ACK at SND.NXT; or at the right edge of the peer's window, where a probe, or a window that was pulled
    /// back, leaves SND.NXT beyond it: there the peer would not look at it, and what it acknowledges would be lost.
    pub(crate) fn bare_ack(&mut self, now: Instant, shared: &Shared, why: Why) -> Transmit {
        let edge = self.snd.edge.later(self.snd.una);
        self.build(now, shared, self.snd.nxt.earlier(edge), 0, false, why)
    }

    /// Options of the next segment that is not a SYN.
    fn options(&mut self, now: Instant, shared: &Shared) -> Options {
        let mut options = Options::NONE;
        if self.agreed.timestamps {
            // On every segment, and every one has ACK, so that the echo counts (7323-13, 7323-16).
            options.timestamps = Some(Timestamps {
                value: timestamp(self.snd.recovery.stamp(now), shared.timestamp_offset),
                echo: self.rcv.timestamp_echo(),
            });
        }
        let Layout { blocks, counters, .. } = self.layout();
        let reports = self.rcv.has_duplicate();
        options.sack = self.snd.fault.told(self.rcv.sack_blocks(blocks));
        if let (Some(counters), Some(marks)) = (counters, &mut self.marks) {
            let duplicate = options.sack.as_slice().first().filter(|_| reports);
            marks.told_octets(now, duplicate.map(|block| block.start));
            options.accurate_ecn = Some(Box::new(counters));
        }
        options
    }

    /// A segment or train from `start` on. Everything that is sent passes here, so that every segment of a synchronised
    /// connection has ACK and the newest window (9293-E43).
    pub(super) fn build(
        &mut self,
        now: Instant,
        shared: &Shared,
        start: SeqNum,
        octets: u32,
        fin: bool,
        why: Why,
    ) -> Transmit {
        let segment_size = self.payload_limit();
        let options = self.options(now, shared);
        let payload = if octets > 0 { self.snd.octets(start, octets) } else { Payload::EMPTY };
        let train = octets > segment_size;
        let mut flags = Flags::ACK;
        // Everything written is pushed at its end (MUST-60, MUST-61, SHLD-27), and so is each burst.
        let pushes = (start + octets == self.snd.end() && self.snd.hold.pushes())
            || self.snd.rare.record_ends_at(start + octets);
        if octets > 0 && (train || pushes) {
            flags |= Flags::PSH;
        }
        // The FIN rides with the last octets, and with whatever ACK is owed (9293-E48).
        if fin && !(octets > 0 && self.snd.fault.has(Sabotage::LoseFinWithData)) {
            flags |= Flags::FIN;
        }
        let mut ecn = wire::Ecn::NotEct;
        if let Some(marks) = &mut self.marks {
            ecn = marks.control(self.snd.congestion.is_scalable());
            let pure = octets == 0 && !fin && options.sack.is_empty();
            let handshake = matches!(why, Why::CompletesHandshake | Why::ChallengeAck(ChallengeTo::Syn))
                && marks.acks_alone();
            flags |= marks.flags(pure, handshake);
        }
        let mut header = Header { seq: start, flags, options, ..Header::default() };
        if let Some(ahead) = self.snd.rare.urgent().and_then(|up| up.since(start)).filter(|ahead| *ahead > 0)
        {
            // The pointer names the octet after the urgent data (MUST-62; RFC 6093 §3.1).
            header.flags |= Flags::URG;
            header.urgent = ahead.min(0xffff) as u16;
        }
        header.ack = self.rcv.nxt();
        header.window = self.rcv.advertise();
        let segment_size = if train { NonZeroU16::new(segment_size as u16) } else { None };
        Transmit::now(Segment { header, payload, segment_size, ecn, ..Segment::default() }, why)
    }

    /// RST at SND.NXT (RFC 9293 §3.10.5, 9293-E29).
    pub(crate) fn reset(&mut self, now: Instant, shared: &Shared, why: ResetWhy) -> Transmit {
        let mut transmit = self.bare_ack(now, shared, Why::Reset(why));
        // A window probe is beyond what the peer takes, and so is SND.NXT then: the peer acts on the RST only where its
        // window ends (RFC 5961 §3).
        if self.snd.edge.before(self.snd.nxt) && !self.snd.edge.before(self.snd.una) {
            transmit.segment.header.seq = self.snd.edge;
        }
        transmit.segment.header.flags = Flags::RST | Flags::ACK;
        transmit.segment.header.urgent = 0;
        transmit.segment.header.options.sack = SackBlocks::NONE;
        transmit.segment.header.options.accurate_ecn = None;
        transmit.segment.ecn = wire::Ecn::NotEct; // Nobody will tell of its mark.
        transmit
    }
}
