//! SYN-SENT (RFC 9293 §3.10.7.3).
//!
//! ```text
//!   ACK wrong ─► RST          RST with good ACK ─► refused
//!   SYN,ACK ─► ESTABLISHED    SYN ─► SYN-RECEIVED (simultaneous open)
//! ```

use super::{Stop, discarded, reset_at};
use crate::connection::{Agreed, Connection, Data, Open, Over, receive_settings, syn_window};
use crate::ecn::{self, Marks};
use crate::listener::Scales;
use crate::receiver::ReceiveHalf;
use crate::recovery::Arrival;
use crate::sender::SendHalf;
use crate::{Cause, ConnectionError, Discard, ResetWhy, Segment, State, Why, timestamp};
use alloc::boxed::Box;
use core::ops::ControlFlow;
use env::Instant;
use wire::tcp::Flags;
use wire::{WindowScale, WireWindow};

impl Connection {
    pub(super) fn arrives_in_syn_sent(&mut self, now: Instant, seg: &Segment) {
        let Data::SynSent(snd) = &self.data else { return };
        // First: the ACK bit. Only our SYN can be acknowledged (9293-E5); an old one draws a RST (9293-E35).
        let acks_syn = match seg.ack() {
            Some(ack) if ack.after(snd.iss) && ack.at_or_before(snd.nxt) => true,
            Some(ack) => {
                discarded(&mut self.shared, now, seg, Discard::UnacceptableAck);
                if !seg.has(Flags::RST) {
                    self.shared.reply = Some(reset_at(ack, ResetWhy::BadAck));
                }
                return;
            }
            None => false,
        };
        // An answer to a SYN that we did not send, by its echo: of another connection, or forged.
        if acks_syn && !seg.has(Flags::RST) && !self.echoes_our_syn(now, seg) {
            discarded(&mut self.shared, now, seg, Discard::OldTimestamp);
            self.shared.reply = Some(reset_at(seg.header.ack, ResetWhy::BadAck));
            return;
        }
        // Second: the RST bit. It counts only if it acknowledges our SYN (9293-E6; 5961-4).
        if seg.has(Flags::RST) {
            if acks_syn {
                self.end(now, Some(ConnectionError::Refused), Cause::Arrived("RST"));
            } else {
                discarded(&mut self.shared, now, seg, Discard::UnacceptableReset);
            }
            return;
        }
        // Third: no security compartments. Fourth: the SYN bit.
        if !seg.has(Flags::SYN) {
            return discarded(&mut self.shared, now, seg, Discard::NoAck); // fifth
        }
        if !acks_syn && !self.shared.config.simultaneous_open {
            return discarded(&mut self.shared, now, seg, Discard::SimultaneousOpenRefused);
        }
        self.take_syn(now, seg, acks_syn);
    }

    /// Whether what is echoed, if anything is, was our clock since OPEN (RFC 7323 §3.2).
    fn echoes_our_syn(&self, now: Instant, seg: &Segment) -> bool {
        let Data::SynSent(snd) = &self.data else { return true };
        let stamps = seg.header.options.timestamps.filter(|_| self.shared.config.timestamps);
        let Some(echo) = stamps.map(|stamps| stamps.echo).filter(|echo| *echo != 0) else { return true };
        let offset = self.shared.timestamp_offset;
        let first = timestamp(snd.stalled_since.unwrap_or(now), offset);
        echo.wrapping_sub(first) <= timestamp(now, offset).wrapping_sub(first)
    }

    /// Both halves come to be: ESTABLISHED if our SYN is acknowledged (9293-E7), else SYN-RECEIVED (9293-E8, MUST-10).
    fn take_syn(&mut self, now: Instant, seg: &Segment, acks_syn: bool) {
        let nothing = Data::Over(Box::new(Over::nothing()));
        let Data::SynSent(mut snd) = core::mem::replace(&mut self.data, nothing) else { return };
        if acks_syn {
            snd.take_syn_ack(seg);
            let acked = snd.una.since(snd.iss + 1).unwrap_or(0);
            self.shared.fast_open_answered(&snd, seg, acked);
            if acked > 0 {
                self.shared.events.drained |= snd.drained();
            }
            snd.take_back_syn_data();
        }
        let mut open = self.open_halves(now, *snd, seg);
        self.shared.last_heard = now;
        self.shared.meter.last_data_in = now;
        let next = if acks_syn {
            self.shared.meter.delivered = 1; // our SYN
            let mode = ecn::read_answer(self.shared.config.ecn, seg.header.flags);
            let habits = self.shared.config.ecn_habits;
            open.marks = mode.map(|mode| Box::new(Marks::asked(mode, seg, open.snd.iss, habits)));
            // A plain SYN got through where what asked was lost, or the answer shows that the asking came mangled.
            let lost = mode.is_none()
                && self.shared.config.asks_for_marks()
                && self.shared.config.ecn_habits.fall_back
                && open.snd.resent_segments > 1;
            open.marks_lost = lost;
            self.shared.events.path_found |= lost || open.marks.as_ref().is_some_and(|marks| marks.fails());
            open.negotiate_window(&self.shared, seg);
            open.snd.stalled_since = None;
            open.snd.rto_at = Instant::FAR;
            self.shared.timers.cancel_all();
            self.shared.events.established = true;
            open.rcv.demand_ack(Why::CompletesHandshake);
            State::Established
        } else {
            open.syn_ack_due = true;
            open.snd.resend = None;
            State::SynReceived
        };
        let cause = Cause::Arrived(if acks_syn { "SYN,ACK" } else { "SYN" });
        self.shared.note_state(now, State::SynSent, next, cause);
        open.phase = next;
        // Data and FIN on the SYN wait until the handshake is complete (9293-E45). Where both send data with SYNs that cross,
        // neither takes it before (RFC 7413 §4.2.2); it comes again.
        let waits = !acks_syn && self.shared.client().is_some();
        let text =
            if waits { ControlFlow::Continue(false) } else { open.take_text(&mut self.shared, now, seg) };
        let step = match text {
            ControlFlow::Continue(fin) if acks_syn => open.take_fin(&mut self.shared, now, fin),
            ControlFlow::Continue(_) => ControlFlow::Continue(()),
            ControlFlow::Break(stop) => ControlFlow::Break(stop),
        };
        self.data = Data::Open(Box::new(open));
        if let ControlFlow::Break(Stop::Discard(why) | Stop::Ack(_, why)) = step {
            discarded(&mut self.shared, now, seg, why);
        }
    }

    /// Agrees on options with the peer's SYN and makes the receive half.
    fn open_halves(&mut self, now: Instant, mut snd: SendHalf, syn: &Segment) -> Open {
        let config = self.shared.config.clone();
        let theirs = &syn.header.options;
        // Each is in force only if both SYNs have it (7323-1, 7323-6, 7323-12; 2018-2). Without timestamps,
        // those that come all the same are skipped (7323-15).
        let scales = theirs
            .trusted_scale()
            .filter(|_| config.window_scaling)
            .map(|send| Scales { send, receive: self.shared.syn_scale });
        let recent = theirs.timestamps.filter(|_| config.timestamps);
        let agreed =
            Agreed { timestamps: recent.is_some(), sack: theirs.sack_permitted && config.sack, scales };
        snd.scale = snd.fault.scale(scales.map_or(WindowScale::ZERO, |scales| scales.send));
        let peer_mss = theirs.trusted_mss().unwrap_or(self.shared.path.default_mss); // MUST-15
        let lost_syn = snd.resent_segments > 0;
        let limit = self.shared.segment_limit(peer_mss);
        snd.negotiated(now, &config, limit, agreed, lost_syn);
        snd.recovery.negotiated(agreed.sack, snd.rtt.smoothed().is_some());
        let settings = receive_settings(
            &self.shared,
            agreed,
            syn_window(&self.shared),
            recent.map(|stamps| stamps.value),
        );
        let rcv = ReceiveHalf::new(now, syn.header.seq, settings);
        Open {
            phase: State::SynSent,
            snd,
            rcv,
            irs: syn.header.seq,
            peer_mss,
            agreed,
            marks: None,
            syn_ack_due: false,
            early: false,
            marks_lost: false,
        }
    }
}

impl SendHalf {
    /// Our SYN is acknowledged: a round trip, unless it was sent more than once (6298-8).
    fn take_syn_ack(&mut self, seg: &Segment) {
        let ack = seg.header.ack;
        let arrival = Arrival { opening: true, ..Arrival::of(seg.arrived, ack, self.segment_size) };
        self.advance(ack);
        let verdict = self.recovery.on_ack(&arrival, &mut self.rtt);
        if verdict.round_trip.is_none() && self.resent_segments > 0 {
            self.rtt.distrust_handshake(); // 6298-15
        }
    }
}

impl Open {
    /// The window of a SYN,ACK, which no scale applies to (7323-4).
    pub(crate) fn negotiate_window(&mut self, _shared: &crate::connection::Shared, seg: &Segment) {
        let window = scaled(seg.header.window, self.snd.scale, seg.has(Flags::SYN));
        self.snd.set_window(seg.header.seq, seg.header.ack, window);
    }
}

/// What a window field means: shifted, unless it stands on a SYN (7323-4, 7323-7). Ours is shifted by `Offer::tell`.
pub(super) fn scaled(field: WireWindow, scale: WindowScale, syn: bool) -> u32 {
    field.scaled(if syn { WindowScale::ZERO } else { scale }).octets()
}
