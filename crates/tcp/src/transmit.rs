//! What goes out, in order of urgency; and how each segment is built.
//!
//! ```text
//!   reply (RST, challenge) ► SYN or SYN,ACK ► forced resend ► lost ► loss probe ► window probe ► new data, FIN ► keep-alive ► bare ACK
//! ```

use crate::connection::{Connection, Data, Open, Shared, syn_window};
use crate::ecn::Layout;
use crate::path_mtu::ProbePlan;
use crate::recovery::Phase;
use crate::sabotage::Sabotage;
use crate::sender::{Blocked, Plan, SendHalf};
use crate::{ChallengeTo, ResetWhy, Segment, State, Transmit, Why, ecn, timestamp};
use alloc::boxed::Box;
use core::num::NonZeroU16;
use env::Instant;
use wire::tcp::{Flags, Header, Options, SackBlocks, Timestamps};
use wire::{Payload, SeqNum, WireWindow};

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
}

impl Connection {
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

/// The SYN, once, and again when the timer says so. It may ask for marks, and is not capable itself (3168-4).
fn next_syn(now: Instant, shared: &Shared, snd: &mut SendHalf) -> Option<Transmit> {
    let first = snd.nxt == snd.iss;
    let why = if first { Why::OpensConnection } else { snd.resend.take()? };
    let again = if first { 0 } else { snd.resent_segments + 1 };
    let header = Header {
        seq: snd.iss,
        flags: Flags::SYN | ecn::ask(shared.config.ecn, again, &shared.config.ecn_habits),
        window: WireWindow::new(syn_window(shared) as u16),
        options: syn_options(now, shared, None),
        ..Header::default()
    };
    let mut syn = Transmit { segment: Segment { header, ..Segment::default() }, why };
    if first {
        let data = shared.load_syn(snd, &mut syn);
        snd.sent(now, 1 + data);
    } else {
        // Neither data nor a cookie a second time (7413-11). A path that takes less has lost nothing to congestion.
        let segments = u32::from(why != Why::SynWithoutData);
        snd.sent_again(now, snd.iss, snd.iss + 1, segments);
    }
    Some(syn)
}

/// Options of our SYN, always with a segment size (SHLD-5, MAY-3), or of a SYN,ACK that answers one with the options
/// that were agreed on.
fn syn_options(now: Instant, shared: &Shared, answers: Option<&Open>) -> Options {
    let config = &shared.config;
    let (timestamps, sack, scaling) = match answers {
        None => (config.timestamps, config.sack, config.window_scaling),
        Some(open) => (open.agreed.timestamps, open.agreed.sack, open.agreed.scales.is_some()),
    };
    Options {
        mss: Some(shared.syn_mss()),
        window_scale: scaling.then(|| shared.syn_scale.shift()),
        sack_permitted: sack,
        timestamps: timestamps.then(|| Timestamps {
            value: timestamp(now, shared.timestamp_offset),
            echo: answers.map_or(0, |open| open.rcv.timestamp_echo()),
        }),
        ..Options::NONE
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
        self.next_resend(now, shared)
            .or_else(|| self.next_loss_probe(now, shared))
            .or_else(|| self.next_probe(now, shared))
            .or_else(|| self.next_new(now, shared))
            .or_else(|| self.next_keep_alive(now, shared))
            .or_else(|| self.next_bare_ack(now, shared))
    }

    /// SYN,ACK of a simultaneous open.
    fn next_syn_ack(&mut self, now: Instant, shared: &Shared) -> Option<Transmit> {
        let resend = self.snd.resend.take();
        let why = if core::mem::take(&mut self.syn_ack_due) { Why::AnswersSyn } else { resend? };
        self.snd.sent_again(now, self.snd.iss, self.snd.iss + 1, 1);
        let window = self.rcv.advertise_unscaled();
        let header = Header {
            seq: self.snd.iss,
            ack: self.rcv.nxt(),
            flags: Flags::SYN | Flags::ACK,
            window,
            options: syn_options(now, shared, Some(self)),
            ..Header::default()
        };
        Some(Transmit { segment: Segment { header, ..Segment::default() }, why })
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
            || self.marks.as_ref().is_some_and(|marks| marks.forbids_trains());
        let paced = match shared.config.pacing {
            true => self.snd.congestion.train_limit().unwrap_or(u32::MAX),
            false => self.snd.millisecond(u32::from(shared.config.least_train)),
        };
        if alone { 0 } else { shared.path.train_limit.min(paced) }
    }

    /// SACK blocks that fit beside the other options.
    fn sack_room(&self) -> usize {
        if self.agreed.timestamps { 3 } else { 4 }
    }

    /// What is lost: the forced first piece whatever cwnd and the pacer say, the rest as cwnd has room and in its time
    /// (8985-18, 9937-5).
    fn next_resend(&mut self, now: Instant, shared: &mut Shared) -> Option<Transmit> {
        if self.snd.recovery.lost() == 0 {
            self.snd.resend = None;
            return None;
        }
        let whole = self.payload_limit();
        let room = self.snd.cwnd().saturating_sub(self.snd.recovery.in_flight());
        let most = self.train_limit(shared).min(room).max(whole);
        let Some((start, end)) = self.snd.recovery.next_lost(most) else {
            self.snd.resend = None;
            return None;
        };
        if self.snd.persist.is_some() {
            return None; // Probes repeat it.
        }
        // A first retransmission may lie beyond a window that was pulled back, later ones may not (RFC 7323 §2.4,
        // 7323-11; RFC 9293 SHLD-16, MAY-7). Persist takes over then.
        let first = self.snd.recovery.first_transmissions() <= 1;
        let end = self.snd.rare.record_after(start).map_or(end, |record| record.earlier(end));
        let window = match self.snd.edge.since(start) {
            Some(room) if room > 0 => room,
            _ if first => u32::MAX,
            _ => return None,
        };
        let segment = self.resend_limit(shared, start, whole);
        let train = if segment < whole { 0 } else { self.train_limit(shared) };
        let count = end.wrapping_since(start).min(window).min(train.max(segment));
        let (count, why) = match self.snd.resend {
            Some(why) => (count.min(segment), why),
            None if room >= count.min(segment) && self.snd.pacer.wait(now).is_none() => {
                let fits = count.min(room);
                (if fits > segment { fits - fits % segment } else { fits }, self.why_again())
            }
            None => return None,
        };
        self.snd.resend = None;
        let transmit = self.build_again(now, shared, start, count, why);
        self.on_resent(shared, &transmit);
        Some(transmit)
    }

    /// Why what is lost is sent again when it is its turn.
    fn why_again(&self) -> Why {
        match self.snd.recovery.phase() {
            Phase::Fast if self.agreed.sack => self.snd.recovery.rack_why(),
            _ => Why::NextHole,
        }
    }

    /// A tail loss probe (RFC 8985 §7.3; 8985-13): new data if there is any that the peer has room for, whatever cwnd says,
    /// else the last segment again.
    fn next_loss_probe(&mut self, now: Instant, shared: &Shared) -> Option<Transmit> {
        if !core::mem::take(&mut self.snd.probe_due) || !self.snd.outstanding() {
            return None;
        }
        let segment = self.payload_limit();
        let window = self.snd.edge.since(self.snd.nxt).unwrap_or(0);
        let octets = self.snd.of_one_record(self.snd.nxt, self.snd.unsent().min(segment).min(window));
        let new = octets > 0;
        let why = Why::LossProbe { new };
        let transmit = if new {
            let start = self.snd.nxt;
            let fin = self.snd.fin_queued() && octets == self.snd.unsent() && window > octets;
            self.snd.sent(now, octets + u32::from(fin));
            self.build(now, shared, start, octets, fin, why)
        } else {
            let count = self.snd.recovery.last_segment(segment).min(segment);
            let start = self.snd.nxt - count;
            let start = self.snd.rare.record_before(self.snd.nxt).map_or(start, |end| end.later(start));
            self.build_again(now, shared, start, self.snd.nxt.wrapping_since(start), why)
        };
        self.snd.recovery.on_probe(!new);
        Some(transmit)
    }

    /// Builds numbers that were sent before: octets, and the FIN if it is among them.
    fn build_again(
        &mut self,
        now: Instant,
        shared: &Shared,
        start: SeqNum,
        count: u32,
        why: Why,
    ) -> Transmit {
        let octets = count.min(self.snd.end().since(start).unwrap_or(0));
        let fin = count > octets;
        let transmit = self.build(now, shared, start, octets, fin, why);
        self.snd.sent_again(now, start, start + count, transmit.segment.count());
        transmit
    }

    /// A window probe: one octet, new if none is out (RFC 9293 §3.8.6.1, MUST-35, MUST-36); or none, and a number that was
    /// acknowledged, where that is wished for.
    fn next_probe(&mut self, now: Instant, shared: &Shared) -> Option<Transmit> {
        if !self.snd.outstanding() && !self.snd.pending() {
            // The peer took all there was, octet by octet, and never opened its window.
            self.snd.persist = None;
        }
        let persist = self.snd.persist.as_mut()?;
        if !core::mem::take(&mut persist.due) {
            return None;
        }
        persist.probes = persist.probes.saturating_add(1);
        let why = Why::WindowProbe(persist.probes);
        let start = self.snd.una;
        if !shared.config.window_probe_octet {
            return Some(self.build(now, shared, start - 1, 0, false, why));
        }
        if self.snd.outstanding() {
            return Some(self.build_again(now, shared, start, 1, why));
        }
        let fin = self.snd.unsent() == 0;
        self.snd.sent(now, 1);
        Some(self.build(now, shared, start, u32::from(!fin), fin, why))
    }

    fn next_new(&mut self, now: Instant, shared: &mut Shared) -> Option<Transmit> {
        if !self.snd.pending() || (self.snd.persist.is_some() && self.snd.window() == 0) {
            return None;
        }
        if shared.config.idle_restart {
            self.restart_after_idleness(now);
        }
        let segment = self.payload_limit();
        match self.plan_path_probe(now, shared, segment) {
            Some(ProbePlan::Wait) => return None,
            Some(ProbePlan::Send(octets, size)) => {
                return Some(self.path_probe(now, shared, octets, size));
            }
            None => {}
        }
        let train = self.train_limit(shared).min(self.snd.piece_left(&shared.config));
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
        if octets > 0 {
            self.mark(&mut transmit);
        }
        Some(transmit)
    }

    /// New data asks the network for marks, where they mean something.
    fn mark(&mut self, transmit: &mut Transmit) {
        if let Some(marks) = &mut self.marks {
            let (flags, mark) = marks.departs(self.snd.congestion.is_scalable());
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
    fn restart_after_idleness(&mut self, now: Instant) {
        let idle = self.snd.pending()
            && !self.snd.outstanding()
            && now.since(self.snd.last_sent) > self.snd.rtt.rto();
        if idle && self.snd.last_sent != Instant::ZERO {
            self.snd.congestion.on_idle(now);
        }
    }

    /// A number that the peer has acknowledged, without data unless asked for (RFC 9293 §3.8.4, SHLD-12, MAY-6).
    fn next_keep_alive(&mut self, now: Instant, shared: &mut Shared) -> Option<Transmit> {
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

    fn next_bare_ack(&mut self, now: Instant, shared: &Shared) -> Option<Transmit> {
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
    fn build(
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
        Transmit { segment: Segment { header, payload, segment_size, ecn, ..Segment::default() }, why }
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
