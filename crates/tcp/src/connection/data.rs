//! What a connection is made of: which data exists in which state, and what every state has.

use crate::challenge::AckBudget;
use crate::ecn::Marks;
use crate::event::EventSet;
use crate::fast_open::FastOpen;
use crate::listener::Scales;
use crate::meter::Meter;
use crate::path_mtu;
use crate::receiver::{ReceiveHalf, ReceiveSettings};
use crate::sender::SendHalf;
use crate::timeouts::Timers;
use crate::{Cause, ConnectionError, Discard, Note, Path, State, TcpConfig, TimeWait, Transmit};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use env::Instant;
use wire::{Mss, SeqNum, WindowScale};

/// What every state has.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<TcpConfig>,
    /// The window that our SYN has room for, and its scale, whatever the user sets afterwards.
    pub(crate) syn_buffer: u32,
    pub(crate) syn_scale: WindowScale,
    /// Whether the host has memory for buffers to grow.
    pub(crate) roomy: bool,
    pub(crate) path: Path,
    pub(crate) timers: Timers,
    pub(crate) events: EventSet,
    /// What a segment or a call must be answered with before anything else.
    pub(crate) reply: Option<Transmit>,
    pub(crate) timestamp_offset: u32,
    pub(crate) challenges: AckBudget,
    /// When the peer was last heard.
    pub(crate) last_heard: Instant,
    /// Keep-alive probes without an answer.
    pub(crate) keep_alive_probes: u8,
    pub(crate) keep_alive_due: bool,
    /// The user has let go of the connection: nobody will read, nobody will abort.
    pub(crate) released: Option<Instant>,
    pub(crate) watched: Option<VecDeque<Note>>,
    /// A smaller path MTU that was told and not believed yet (RFC 5927 §7.2).
    pub(crate) claimed_limit: Option<u16>,
    /// The largest segment that the peer has acknowledged, header and all.
    pub(crate) acked_size: u16,
    pub(crate) path_mtu: path_mtu::Known,
    /// Why the last segment, or a part of it, was not used.
    pub(crate) discards: Option<Discard>,
    /// What only those who look at a connection ask for.
    pub(crate) meter: Box<Meter>,
    /// What data with a SYN has come to, on the few connections that have any.
    pub(crate) fast_open: Option<Box<FastOpen>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Data {
    SynSent(Box<SendHalf>),
    Open(Box<Open>),
    Over(Box<Over>),
}

/// SYN-RECEIVED to LAST-ACK: both halves exist and never move.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) phase: State,
    pub(crate) snd: SendHalf,
    pub(crate) rcv: ReceiveHalf,
    pub(crate) irs: SeqNum,
    /// The largest segment that the peer takes.
    pub(crate) peer_mss: Mss,
    pub(crate) agreed: Agreed,
    /// What marks mean, when the handshake agreed that they do.
    pub(crate) marks: Option<Box<Marks>>,
    /// A SYN,ACK is to be sent (simultaneous open).
    pub(crate) syn_ack_due: bool,
    /// Fast Open: in SYN-RECEIVED, and the user has it already.
    pub(crate) early: bool,
    /// SYNs that asked for marks were lost, and a plain one was answered.
    pub(crate) marks_lost: bool,
}

impl Open {
    /// Whether its user may send and receive: after the handshake, or before with Fast Open.
    pub(crate) fn is_usable(&self) -> bool {
        self.phase != State::SynReceived || self.early
    }
}

/// What both SYNs agreed on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) timestamps: bool,
    pub(crate) sack: bool,
    pub(crate) scales: Option<Scales>,
}

impl Agreed {
    /// Octets of options on a data segment without SACK blocks.
    pub(crate) fn option_octets(self) -> u32 {
        if self.timestamps { 12 } else { 0 }
    }

    pub(crate) fn receive_scale(self) -> WindowScale {
        self.scales.map_or(WindowScale::ZERO, |scales| scales.receive)
    }
}

/// TIME-WAIT and CLOSED: what is left to read, and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    pub(crate) time_wait: Option<TimeWait>,
    pub(crate) error: Option<ConnectionError>,
    pub(crate) rcv: Option<ReceiveHalf>,
    /// Everything up to the peer's FIN had been read.
    pub(crate) finished: bool,
    /// Where the send half stood, for STATUS.
    pub(crate) last: Option<(SeqNum, SeqNum)>,
}

impl Over {
    pub(crate) fn nothing() -> Self {
        Self { time_wait: None, error: None, rcv: None, finished: false, last: None }
    }
}

impl Shared {
    pub(crate) fn new(now: Instant, config: Arc<TcpConfig>, path: Path, timestamp_offset: u32) -> Self {
        let challenges = AckBudget::new(now, config.challenge_budget());
        Self {
            syn_buffer: config.first_window(path.mss),
            syn_scale: config.receive_scale(),
            roomy: true,
            config,
            path,
            timers: Timers::default(),
            events: EventSet::default(),
            reply: None,
            timestamp_offset,
            challenges,
            last_heard: now,
            keep_alive_probes: 0,
            keep_alive_due: false,
            released: None,
            watched: None,
            claimed_limit: None,
            acked_size: 0,
            path_mtu: None,
            discards: None,
            meter: Box::new(Meter::new(now)),
            fast_open: None,
        }
    }

    /// Tells those who watch, if anybody does.
    pub(crate) fn note(&mut self, note: impl FnOnce() -> Note) {
        if let Some(notes) = &mut self.watched {
            notes.push_back(note());
        }
    }

    pub(crate) fn note_state(&mut self, at: Instant, from: State, to: State, cause: Cause) {
        if from != to {
            self.note(|| Note::State { at, from, to, cause });
        }
    }

    /// The segment size to announce: fixed headers only, whatever options segments will have (MUST-67, 6691-1).
    pub(crate) fn announced_mss(&self) -> u16 {
        self.config.mss_limit.map_or(self.path.mss, |limit| self.path.mss.min(limit)).get()
    }

    /// Octets of payload and options in the largest segment to send (RFC 9293 MUST-16), with a floor that leaves
    /// room for data beside the longest options.
    pub(crate) fn segment_limit(&self, peer_mss: Mss) -> u32 {
        let peer = self.config.mss_limit.map_or(peer_mss, |limit| peer_mss.min(limit));
        u32::from(peer.get().min(self.path.send_limit.saturating_sub(20))).max(u32::from(Mss::FLOOR.get()))
    }
}

/// How the receive half begins.
pub(crate) fn receive_settings(
    shared: &Shared,
    agreed: Agreed,
    offered: u32,
    recent: Option<u32>,
) -> ReceiveSettings {
    ReceiveSettings {
        buffer: shared.config.receive_buffer,
        buffer_limit: shared.config.receive_buffer_limit,
        accounting: shared.config.receive_accounting,
        whole: shared.config.whole_segments,
        fin_ends_reports: shared.config.fin_ends_reports,
        offered,
        mss: u32::from(shared.announced_mss()),
        scale: agreed.receive_scale(),
        sack: agreed.sack,
        ack_delay: shared.config.ack_delay,
        answers: shared.config.answers_carry_acks,
        timestamps: recent,
    }
}

/// What a window field on our SYN says, unscaled (RFC 7323 §2.2).
pub(crate) fn syn_window(shared: &Shared) -> u32 {
    shared.syn_buffer.min(0xffff)
}
