//! The client: what goes with a SYN, and what its answer says of the peer and the way (RFC 7413 §4.2.1, §4.2.2).
//!
//! ```text
//!   Opening ─► SYN: option, data ──┬─ lost ─► SYN, plain (7413-11) ─┐
//!                                  ▼                                ▼
//!            SYN-ACK: how much of the data? ── all ─► Accepted   less ─► the rest is as if it were never sent
//!                 └── MSS, cookie ─► Answer, for the cache
//! ```

use super::FastOpen;
use crate::connection::{Connection, Data, Shared};
use crate::sender::SendHalf;
use crate::{ConnectionError, Path, Segment, TcpConfig, Transmit, Why};
use alloc::boxed::Box;
use alloc::sync::Arc;
use env::Instant;
use wire::tcp::FastOpenCookie;
use wire::{Mss, Payload, SeqNum};

/// What an active OPEN may do beyond a plain SYN (RFC 7413 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The option: a request, or the cookie that the peer gave. `None`: data without a cookie, for networks where no
    /// peer wants one (§7.3).
    pub option: Option<FastOpenCookie>,
    /// The segment size that the peer announced last time; `None` when it is not known (§4.1.3).
    pub mss: Option<Mss>,
}

impl Opening {
    /// To ask for a cookie.
    pub fn asks(experimental: bool) -> Self {
        Self { option: Some(FastOpenCookie::default().experimental(experimental)), mss: None }
    }

    /// Whether data may go with the SYN (7413-8).
    pub fn carries_data(&self) -> bool {
        self.option.is_none_or(|cookie| !cookie.is_request())
    }

    /// Octets that may go with the SYN: what the peer takes, the path, and our own limit; beside the longest options that
    /// a header has room for, since some networks add their own to a SYN.
    fn room(&self, shared: &Shared) -> usize {
        const LONGEST_OPTIONS: u32 = 40;
        if !self.carries_data() {
            return 0;
        }
        // Who sends without cookies knows the network, and its segments.
        let unknown = if self.option.is_some() { shared.path.default_mss } else { shared.path.mss };
        let limit = shared.segment_limit(self.mss.unwrap_or(unknown));
        limit.saturating_sub(LONGEST_OPTIONS) as usize
    }
}

/// How far an active Fast Open came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FastOpenState {
    /// The SYN asked for a cookie, or had one and no data; no answer yet.
    Asked,
    /// Data went with the SYN; no answer yet.
    Sent,
    /// The SYN-ACK had a cookie for the next time, or acknowledged a SYN with a cookie and no data.
    Given,
    /// The peer gave no cookie.
    Withheld,
    /// All data of the SYN was acknowledged with it.
    Accepted,
    /// Some of it was not, and went again after the handshake.
    Refused,
    /// The SYN was lost, and a plain one answered; or none was.
    Lost,
    /// The peer's data came with its SYN, and was delivered before the handshake was complete.
    Served,
}

/// What became of an active Fast Open: for the cache of whoever opens the next (RFC 7413 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How far it came.
    pub state: FastOpenState,
    /// Whether data went with the SYN.
    pub data: bool,
    /// Whether the SYN had the option, and in the experimental form.
    pub option: Option<bool>,
    /// Whether any of the data was acknowledged by the SYN-ACK.
    pub some: bool,
    /// The peer's new cookie. Never one that was not asked for.
    pub cookie: Option<FastOpenCookie>,
    /// The segment size that the peer announced.
    pub mss: Option<Mss>,
}

/// An active Fast Open.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    option: Option<FastOpenCookie>,
    /// Octets of the first SYN.
    data: u32,
    state: FastOpenState,
    /// The segment size that a SYN announces after an ICMP error told of a narrow path.
    announced: Option<u16>,
    /// To be taken once.
    answer: Option<Answer>,
}

impl Client {
    pub(crate) const fn state(&self) -> FastOpenState {
        self.state
    }

    /// Whether data of the SYN waits for its acknowledgment.
    const fn is_open(&self) -> bool {
        matches!(self.state, FastOpenState::Asked | FastOpenState::Sent)
    }

    pub(crate) const fn announced(&self) -> Option<u16> {
        self.announced
    }

    fn settle(&mut self, state: FastOpenState, seg: Option<&Segment>, some: bool) {
        let options = seg.map(|seg| &seg.header.options);
        let given = options.and_then(|options| options.fast_open.as_deref()).filter(|c| !c.is_request());
        self.state = state;
        self.answer = Some(Answer {
            state,
            data: self.data > 0,
            option: self.option.map(|cookie| cookie.is_experimental()),
            some,
            cookie: given.filter(|_| self.option.is_some()).copied(),
            mss: options.and_then(|options| options.trusted_mss()),
        });
    }
}

impl Connection {
    /// OPEN, active, with data (RFC 7413 §4.2.2): as [`open`](Self::open), and as much of `data` goes with the SYN as fits
    /// there; how much is told. The rest was not taken. Nothing is, where the peer must be asked for a cookie first.
    ///
    /// The peer may get what goes with the SYN more than once, see [`crate::fast_open`] (7413-13).
    pub fn open_with(
        now: Instant,
        config: impl Into<Arc<TcpConfig>>,
        path: Path,
        iss: SeqNum,
        timestamp_offset: u32,
        opening: Opening,
        mut data: Payload,
    ) -> (Self, usize) {
        let mut connection = Self::open(now, config, path, iss, timestamp_offset);
        data.truncate(opening.room(&connection.shared));
        let taken = match &mut connection.data {
            Data::SynSent(snd) => snd.write(data, &connection.shared, false),
            Data::Open(_) | Data::Over(_) => 0,
        };
        let state = if taken > 0 { FastOpenState::Sent } else { FastOpenState::Asked };
        let client =
            Client { option: opening.option, data: taken as u32, state, announced: None, answer: None };
        connection.shared.fast_open = Some(Box::new(FastOpen::Client(client)));
        (connection, taken)
    }

    /// What became of an active Fast Open, once; [`Event::FastOpen`](crate::Event::FastOpen) tells that it is there.
    pub fn take_fast_open_answer(&mut self) -> Option<Answer> {
        self.shared.client()?.answer.take()
    }

    /// How far Fast Open came on this connection; `None` when neither side tried.
    pub fn fast_open_state(&self) -> Option<FastOpenState> {
        match self.shared.fast_open.as_deref()? {
            FastOpen::Client(client) => Some(client.state()),
            FastOpen::Early { data: true, .. } | FastOpen::Served { data: true } => {
                Some(FastOpenState::Served)
            }
            FastOpen::Early { .. } | FastOpen::Served { .. } => None,
        }
    }

    /// The path was found to take less while our SYN is out. If data went with it, a plain one follows at once: what was
    /// too large did not arrive, and nothing else is to blame.
    pub(crate) fn shrink_syn(&mut self) {
        let limit = self.shared.path.send_limit;
        let Data::SynSent(snd) = &mut self.data else { return };
        let Some(FastOpen::Client(client)) = self.shared.fast_open.as_deref_mut() else { return };
        if client.is_open() && client.data > 0 && snd.outstanding() && snd.resent_segments == 0 {
            client.announced = Some(limit.saturating_sub(20).max(Mss::FLOOR.get()));
            snd.resend = Some(Why::SynWithoutData);
        }
    }
}

impl Shared {
    pub(crate) fn client(&mut self) -> Option<&mut Client> {
        match self.fast_open.as_deref_mut() {
            Some(FastOpen::Client(client)) => Some(client),
            _ => None,
        }
    }

    /// The segment size that our SYN announces.
    pub(crate) fn syn_mss(&self) -> u16 {
        let narrow = match self.fast_open.as_deref() {
            Some(FastOpen::Client(client)) => client.announced(),
            _ => None,
        };
        narrow.map_or(self.announced_mss(), |narrow| narrow.min(self.announced_mss()))
    }

    /// Puts what goes with the first SYN into it; how many octets.
    pub(crate) fn load_syn(&self, snd: &mut SendHalf, syn: &mut Transmit) -> u32 {
        let Some(FastOpen::Client(client)) = self.fast_open.as_deref() else { return 0 };
        let header = &mut syn.segment.header;
        header.options.fast_open = client.option.map(Box::new);
        if client.data > 0 {
            syn.segment.payload = snd.octets(header.seq + 1, client.data);
            syn.why = Why::OpensWithData;
        }
        client.data
    }

    /// A SYN-ACK came that acknowledges `acked` octets of what went with our SYN (7413 §4.2.2, "Client: Receiving SYN-ACK").
    pub(crate) fn fast_open_answered(&mut self, snd: &SendHalf, seg: &Segment, acked: u32) {
        let lost = snd.resent_segments > 0;
        let Some(client) = self.client().filter(|client| client.is_open()) else { return };
        let cookie = seg.header.options.fast_open.is_some() && client.option.is_some();
        let state = match (client.data, acked) {
            (1.., acked) if acked >= client.data => FastOpenState::Accepted,
            // The peer has seen nothing but the plain SYN.
            (_, 0) if lost && !cookie => FastOpenState::Lost,
            (1.., _) => FastOpenState::Refused,
            (0, _) if cookie || client.option.is_some_and(|cookie| !cookie.is_request()) => {
                FastOpenState::Given
            }
            (0, _) => FastOpenState::Withheld,
        };
        client.settle(state, Some(seg), acked > 0);
        self.events.fast_open = true;
    }

    /// The connection ended before its SYN was answered.
    pub(crate) fn fast_open_failed(&mut self, error: Option<ConnectionError>) {
        let silent = matches!(error, Some(ConnectionError::TimedOut | ConnectionError::Unreachable));
        if let Some(client) = self.client().filter(|client| silent && client.is_open()) {
            client.settle(FastOpenState::Lost, None, false);
            self.events.fast_open = true;
        }
    }
}

impl SendHalf {
    /// What of the SYN's data was not acknowledged with it is as if it were never sent: the peer said that it does not have
    /// it, and no congestion is to blame. It goes with the next segment (7413-10).
    pub(crate) fn take_back_syn_data(&mut self) {
        if self.una == self.nxt {
            return;
        }
        self.take_back();
    }
}
