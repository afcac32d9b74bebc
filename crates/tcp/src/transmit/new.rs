//! What was never sent: data and the FIN, as far as windows and pacing let them go.

use super::{Open, Plan, ProbePlan, Shared, Transmit, Why};
use crate::Trigger;
use env::Instant;
use wire::tcp::Flags;

impl Open {
    pub(super) fn next_new(&mut self, now: Instant, shared: &mut Shared) -> Option<Transmit> {
        if !self.snd.pending() || (self.snd.persist.is_some() && self.snd.window() == 0) {
            return None;
        }
        if shared.config.idle_restart {
            self.restart_after_idleness(now, shared);
        }
        let segment = self.payload_limit();
        match self.plan_path_probe(now, shared, segment) {
            Some(ProbePlan::Wait) => return None,
            Some(ProbePlan::Send(octets, size)) => {
                return Some(self.path_probe(now, shared, octets, size));
            }
            None => {}
        }
        self.withhold_if_in_doubt(now, shared, segment);
        let piece = self.snd.piece_left(&shared.config);
        let train = self.train_limit(shared).min(piece);
        let Plan::Send { octets, fin, limited } =
            self.snd.plan(now, self.snd.nagles(&shared.config), segment, train)
        else {
            return None;
        };
        self.snd.hold.set_override(false);
        let start = self.snd.nxt;
        let completes = self.rcv.ack_due(now) == Some(Why::CompletesHandshake);
        // What went with a SYN and goes again is no answer to its SYN,ACK.
        self.rcv.answers(now, completes && start != self.snd.iss + 1);
        let why = match (completes, limited, fin) {
            (true, ..) => Why::CompletesHandshake,
            (_, true, _) => Why::LimitedTransmit,
            (.., true) => Why::Closes,
            _ => Why::Data,
        };
        if limited {
            self.snd.recovery.sent_limited(octets);
        }
        self.snd.sent_in(now, octets + u32::from(fin), segment);
        // Less is unsent now: a writer may be kept from its work by that alone.
        shared.events.writable |= self.snd.take_writer(shared);
        let mut transmit = self.build(now, shared, start, octets, fin, why);
        if octets == piece {
            transmit.segment.header.flags |= Flags::PSH; // however it got there, a train or a segment at a time
        }
        if octets > 0 {
            self.mark(&mut transmit);
        }
        Some(transmit)
    }

    /// New data asks the network for marks, where they mean something.
    fn mark(&mut self, transmit: &mut Transmit) {
        if let Some(marks) = &mut self.marks {
            let start = transmit.segment.header.seq;
            let end = start + transmit.segment.payload.len() as u32;
            let (flags, mark) = marks.departs(start, end, self.snd.congestion.is_scalable());
            transmit.segment.header.flags |= flags;
            transmit.segment.ecn = mark;
        }
    }

    /// New data in one segment that is larger than others: a packet of `size` octets (RFC 4821 §7; 8899-4).
    fn path_probe(&mut self, now: Instant, shared: &mut Shared, octets: u32, size: u16) -> Transmit {
        let start = self.snd.nxt;
        self.snd.sent(now, octets);
        self.on_path_probe(shared, octets, size);
        shared.events.writable |= self.snd.take_writer(shared);
        let mut transmit = self.build(now, shared, start, octets, false, Why::PathMtuProbe(size));
        transmit.segment.segment_size = None;
        self.mark(&mut transmit);
        transmit
    }

    /// Nothing was sent for longer than a timeout: the window proves nothing any more (RFC 5681 §4.1, 5681-27). Asked
    /// before what waits is planned, so that the old window lets nothing out.
    fn restart_after_idleness(&mut self, now: Instant, shared: &mut Shared) {
        let idle = self.snd.pending()
            && !self.snd.outstanding()
            && now.since(self.snd.last_sent) > self.snd.rtt.rto();
        if idle && self.snd.last_sent != Instant::ZERO {
            let before = self.snd.cwnd();
            self.snd.congestion.on_idle(now);
            if self.snd.cwnd() != before {
                self.note_window(shared, now, Trigger::Idle);
            }
        }
    }
}
