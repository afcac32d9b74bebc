//! What goes out, in order of urgency; and how each segment is built.
//!
//! ```text
//!   reply (RST, challenge) ► SYN or SYN,ACK ► forced resend ► lost ► loss probe ► window probe ► new data, FIN ► keep-alive ► bare ACK
//!                            ╰─── syn ────╯   ╰─────────────────── again ─────────────────────╯   ╰── new ───╯   ╰─── build ─────────╯
//! ```

mod again;
mod build;
mod new;
mod syn;

use crate::connection::{Connection, Data, Open, Shared};
use crate::ecn::Layout;
use crate::path_mtu::ProbePlan;
use crate::sender::{Blocked, Plan};
use crate::{State, Transmit, Why};
use env::Instant;
use syn::next_syn;

impl Connection {
    /// Takes the next segment to send, or arms the timers and says that there is none.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        let reply = self.shared.reply.take();
        let next = reply.or_else(|| match &mut self.data {
            Data::SynSent(snd) => next_syn(now, &self.shared, snd),
            Data::Open(open) => open.next(now, &mut self.shared),
            Data::Over(_) => None,
        });
        match &next {
            Some(transmit) => self.shared.meter.departed(now, &transmit.segment),
            None => self.arm_timers(now),
        }
        next
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has certainly nothing: then the timers are armed, and it need not be
    /// asked. What it finds in many steps is seen here at once, as it is after most segments.
    pub fn settle(&mut self, now: Instant) -> bool {
        let quiet = match &self.data {
            Data::Open(open) => self.shared.reply.is_none() && open.is_quiet(now, &self.shared),
            Data::SynSent(_) | Data::Over(_) => false,
        };
        if quiet {
            self.arm_timers(now);
        }
        quiet
    }
}

impl Open {
    /// Nothing is lost, probed, new, or to be acknowledged now: none of what [`Self::next`] asks about.
    fn is_quiet(&self, now: Instant, shared: &Shared) -> bool {
        self.phase != State::SynReceived
            && !self.snd.pending()
            && self.snd.recovery.lost() == 0
            && !self.snd.probe_due
            && self.snd.resend.is_none()
            && self.snd.persist.is_none()
            && !shared.keep_alive_due
            && self.rcv.ack_due(now).is_none()
            && !self.rcv.window_update_due()
    }

    fn next(&mut self, now: Instant, shared: &mut Shared) -> Option<Transmit> {
        if self.early {
            return self
                .next_early_syn_ack(now, shared)
                .or_else(|| self.next_new(now, shared))
                .or_else(|| self.next_bare_ack(now, shared));
        }
        if self.phase == State::SynReceived {
            return self.next_syn_ack(now, shared).or_else(|| self.next_bare_ack(now, shared));
        }
        if self.marks.as_ref().is_some_and(|marks| marks.acks_alone())
            && self.rcv.ack_due(now) == Some(Why::CompletesHandshake)
        {
            return self.next_bare_ack(now, shared);
        }
        // What is handed over before its time counts as sent at that time, and nothing leaves before what was sent before it.
        // What is forced is not paced.
        let first = self.snd.last_sent.max(now);
        let paced = self.snd.pacer.departure(now, first);
        let leaves = if self.snd.resend.is_some() { first } else { paced };
        self.next_resend(leaves, shared)
            .map(|transmit| transmit.leaving(leaves))
            .or_else(|| Some(self.next_loss_probe(first, shared)?.leaving(first)))
            .or_else(|| self.next_probe(now, shared))
            .or_else(|| Some(self.next_new(paced, shared)?.leaving(paced)))
            .or_else(|| self.next_keep_alive(now, shared))
            .or_else(|| self.next_bare_ack(now, shared))
    }

    /// Octets of payload that fit beside the options of the next segment (MUST-16, 6691-1).
    fn payload_limit(&self) -> u32 {
        let options = self.layout().octets as u32;
        self.snd.segment_limit.saturating_sub(options).clamp(1, u32::from(u16::MAX))
    }

    /// How the options of the next segment share their room.
    fn layout(&self) -> Layout {
        let others = self.agreed.option_octets() as usize;
        let blocks = self.rcv.sack_block_count(self.sack_room());
        match &self.marks {
            Some(marks) => marks.layout(others, blocks),
            None => Layout::plain(others, blocks),
        }
    }

    /// Octets in the longest train, which is no longer than its rate deserves. Urgent data goes a segment at a time, for
    /// each has a pointer of its own; and so does what reports a duplicate, for that is told once.
    fn train_limit(&self, shared: &Shared) -> u32 {
        let alone = self.snd.rare.urgent().is_some()
            || self.rcv.has_duplicate()
            || self.marks.as_ref().is_some_and(|marks| marks.forbids_trains() || marks.asks());
        let config = &shared.config;
        let paced =
            if config.pacing { self.snd.congestion.train_limit().unwrap_or(u32::MAX) } else { u32::MAX };
        let worth = match config.pacing && !config.fq_pacing {
            true => u32::MAX,
            false => self.snd.millisecond(u32::from(config.least_train)),
        };
        if alone { 0 } else { shared.path.train_limit.min(paced).min(worth) }
    }

    /// SACK blocks that fit beside the other options.
    fn sack_room(&self) -> usize {
        if self.agreed.timestamps { 3 } else { 4 }
    }

    /// Why what is to be sent waits, if anything does.
    pub(crate) fn blocked(&mut self, now: Instant, shared: &mut Shared) -> Option<Blocked> {
        if self.snd.recovery.lost() > 0
            && let Some(at) = self.snd.pacer.wait(now)
        {
            return Some(Blocked::Pacing(at));
        }
        if !self.snd.pending() {
            return None;
        }
        let segment = self.payload_limit();
        if matches!(self.plan_path_probe(now, shared, segment), Some(ProbePlan::Wait)) {
            return Some(Blocked::Congestion);
        }
        match self.snd.plan(now, self.snd.nagles(&shared.config), segment, shared.path.train_limit) {
            Plan::Wait(Blocked::Idle) | Plan::Send { .. } => None,
            Plan::Wait(blocked) => Some(blocked),
        }
    }
}
