//! The server: a connection before its handshake is complete (RFC 7413 §4.2.2, "Server").
//!
//! ```text
//!   SYN, good cookie ─► HalfOpen record ─► early: halves exist, data is readable, SYN-RECEIVED
//!                            │                │
//!      SYN-ACK, again on its timer            ├─ what the user writes, up to the initial window, once
//!      the same SYN: SYN-ACK again            ├─ ACK of our SYN ─► ESTABLISHED, and the record goes
//!                                             └─ RST, or nobody answers ─► over, and the user hears of it
//! ```
//!
//! Nothing but the SYN-ACK is sent again before the peer has shown that it is there: whoever forges addresses gets an
//! initial window at most, once, and only with a cookie that the victim was given.

use super::FastOpen;
use crate::connection::{Connection, Data, Open, Shared};
use crate::ecn::Marks;
use crate::listener::{HalfOpen, HalfOpenOutcome};
use crate::segment_arrives::{Step, Stop, move_to};
use crate::{Cause, Discard, Path, Segment, State, TcpConfig, Transmit};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ops::ControlFlow;
use env::Instant;
use wire::tcp::{FastOpenCookie, Flags};

impl Connection {
    /// A connection of which the SYN alone has come: what came with it may be read, and what is written goes out, up to the
    /// initial window (7413-9, 7413-12; RFC 5681 §3.1). `record` is the answer to that SYN; its SYN-ACK is to be polled.
    ///
    /// `cookie`, a new one, goes with the first SYN-ACK. A FIN on the SYN waits for the handshake: the peer sends it again.
    pub fn early(
        now: Instant,
        config: impl Into<Arc<TcpConfig>>,
        path: Path,
        record: HalfOpen,
        syn: &Segment,
        cookie: Option<FastOpenCookie>,
    ) -> Self {
        let mut connection = Self::accepted(now, config, path, record.unconfirmed());
        connection.shared.events.established = false;
        connection.shared.meter.delivered = 0;
        connection.shared.meter.arrived(syn);
        let data = !syn.payload.is_empty();
        connection.shared.fast_open = Some(Box::new(FastOpen::Early { record, data, cookie }));
        let mut text = syn.clone();
        text.header.flags = text.header.flags & !Flags::FIN;
        if let Data::Open(open) = &mut connection.data {
            open.phase = State::SynReceived;
            open.early = true;
            if data {
                // What is beyond the window, which the peer has not been told yet, comes again.
                let taken = open.rcv.take_text(now, &text);
                // Who reads it has not had the time to: the window is as wide as after any other handshake.
                open.rcv.grow_by(taken.delivered);
                connection.shared.events.readable = taken.delivered > 0;
                connection.shared.discards = taken.discard;
            }
        }
        connection
    }
}

impl Shared {
    fn record(&mut self) -> Option<&mut HalfOpen> {
        match self.fast_open.as_deref_mut() {
            Some(FastOpen::Early { record, .. }) => Some(record),
            _ => None,
        }
    }

    /// When the SYN-ACK of an early connection is to be sent again.
    pub(crate) fn early_deadline(&mut self) -> Option<Instant> {
        self.record().map(|record| record.poll_timeout())
    }
}

impl Open {
    /// The SYN that opened an early connection, once more: our SYN-ACK is, too (RFC 9293 §3.10.7.4). What came with the
    /// SYN was taken the first time.
    pub(crate) fn check_same_syn(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) -> Step {
        let Some(record) = shared.record().filter(|record| record.is_same_syn(seg)) else {
            return ControlFlow::Continue(());
        };
        match record.answer_again(now, seg) {
            HalfOpenOutcome::Send(transmit) => shared.reply = Some(self.acknowledge_early(transmit)),
            HalfOpenOutcome::Established(_) | HalfOpenOutcome::Remove | HalfOpenOutcome::Ignore(_) => {}
        }
        ControlFlow::Break(Stop::Discard(Discard::Duplicate))
    }

    /// The SYN-ACK, when it is time for it.
    pub(crate) fn next_early_syn_ack(&mut self, now: Instant, shared: &mut Shared) -> Option<Transmit> {
        let Some(FastOpen::Early { record, cookie, .. }) = shared.fast_open.as_deref_mut() else {
            return None;
        };
        let mut transmit = record.poll_transmit(now)?;
        transmit.segment.header.options.fast_open = cookie.take().map(Box::new); // once (7413-11)
        Some(self.acknowledge_early(transmit))
    }

    /// What we say before the handshake is complete acknowledges all that came (7413-9).
    fn acknowledge_early(&mut self, mut transmit: Transmit) -> Transmit {
        let header = &mut transmit.segment.header;
        if header.flags.contains(Flags::RST) {
            return transmit;
        }
        header.ack = self.rcv.nxt();
        if header.flags.contains(Flags::SYN) {
            header.window = self.rcv.advertise_unscaled();
        }
        transmit
    }

    /// The SYN-ACK's timer. `true`: nobody answers.
    pub(crate) fn on_early_timeout(&mut self, shared: &mut Shared, now: Instant) -> bool {
        let Some(record) = shared.record() else { return false };
        let before = record.retransmissions();
        if record.handle_timeout(now) {
            return true;
        }
        let first = before == 0 && record.retransmissions() == 1;
        if first && self.snd.outstanding() {
            // A lost SYN-ACK speaks of congestion as lost data does, and the peer had no use for data without it (§7.2).
            self.snd.on_retransmission_timeout(now, shared);
        }
        false
    }

    /// The ACK of our SYN: everything goes on as after any handshake (§4.2.2, "Server: Receiving ACK").
    pub(crate) fn complete_early(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) -> Step {
        let ack = seg.header.ack;
        if !(ack.after(self.snd.iss) && ack.at_or_before(self.snd.nxt)) {
            return ControlFlow::Break(Stop::Reset(ack)); // 9293-E15
        }
        let Some(record) = shared.record() else { return ControlFlow::Continue(()) };
        let accepted = record.accepted(now, seg);
        if let Some(sample) = accepted.round_trip {
            self.snd.rtt.sample(now, sample, 1);
            self.snd.recovery.negotiated(self.agreed.sack, true);
        } else if accepted.retransmitted {
            self.snd.rtt.distrust_handshake();
        }
        let habits = shared.config.ecn_habits;
        self.marks = accepted.ecn.map(|agreed| Box::new(Marks::answered(&agreed, accepted.iss, habits)));
        self.negotiate_window(shared, seg);
        self.early = false;
        let data = matches!(shared.fast_open.as_deref(), Some(FastOpen::Early { data: true, .. }));
        shared.fast_open = Some(Box::new(FastOpen::Served { data }));
        shared.events.established = true;
        shared.meter.delivered += 1; // our SYN
        let next = if self.snd.fin_queued() { State::FinWait1 } else { State::Established };
        move_to(self, shared, now, next, Cause::Arrived("ACK of SYN"));
        ControlFlow::Continue(())
    }
}
