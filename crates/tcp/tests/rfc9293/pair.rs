//! Two connections and the segments between them, on virtual time.
//!
//! ```text
//!    a ──┬─ train cut into segments ─ keep? ─ delay ──► b        order is (arrival, count): a run repeats exactly
//!        └◄────────────────────────────────────────────┘
//! ```

use env::{Duration, Instant};
use handfast_tcp::{
    Connection, Event, Path, Segment, SendFlags, State, Status, TcpConfig, Transmit, Why,
    listener::{HalfOpen, HalfOpenOutcome, Offer},
};
use std::collections::VecDeque;
use wire::tcp::Flags;
use wire::{Payload, SeqNum};

/// One end: a listener's half-open record or a connection, and what it was told.
pub(crate) struct End {
    pub(crate) connection: Option<Connection>,
    pub(crate) listener: Option<TcpConfig>,
    pub(crate) half_open: Option<HalfOpen>,
    pub(crate) iss: SeqNum,
    pub(crate) config: TcpConfig,
    pub(crate) path: Path,
    /// Octets that a listener's SYN,ACK offers.
    pub(crate) window: u32,
    pub(crate) events: Vec<Event>,
    pub(crate) received: Vec<u8>,
    /// Whether the user reads as soon as there is something.
    pub(crate) reads: bool,
}

impl End {
    pub(crate) fn new(config: TcpConfig, iss: u32) -> Self {
        Self {
            connection: None,
            listener: None,
            half_open: None,
            iss: SeqNum::new(iss),
            config,
            path: Path::ipv4(1500),
            window: 65_535,
            events: Vec::new(),
            received: Vec::new(),
            reads: true,
        }
    }

    pub(crate) fn state(&self) -> State {
        match (&self.connection, &self.half_open, &self.listener) {
            (Some(connection), ..) => connection.state(),
            (None, Some(_), _) => State::SynReceived,
            (None, None, Some(_)) => State::Listen,
            _ => State::Closed,
        }
    }

    pub(crate) fn tcp(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("there is a connection")
    }

    pub(crate) fn has(&self, event: Event) -> bool {
        self.events.contains(&event)
    }

    fn handle(&mut self, now: Instant, segment: Segment) -> Option<Transmit> {
        if let Some(connection) = &mut self.connection {
            connection.handle_segment(now, segment);
            return None;
        }
        if let Some(half) = &mut self.half_open {
            return match half.handle_segment(now, &segment) {
                HalfOpenOutcome::Established(accepted) => {
                    let mut connection = Connection::accepted(now, self.config.clone(), self.path, accepted);
                    connection.handle_segment(now, segment);
                    self.connection = Some(connection);
                    self.half_open = None;
                    None
                }
                HalfOpenOutcome::Send(transmit) => Some(transmit),
                HalfOpenOutcome::Remove => {
                    self.half_open = None;
                    None
                }
                HalfOpenOutcome::Ignore(_) => None,
            };
        }
        if self.listener.is_some()
            && segment.has(Flags::SYN)
            && !segment.has(Flags::ACK)
            && !segment.has(Flags::RST)
        {
            let offer = Offer {
                config: &self.config,
                path: self.path,
                receive_window: self.window,
                timestamp_offset: 77,
                retransmissions: 5,
            };
            self.half_open = Some(HalfOpen::answer(now, &segment, self.iss, &offer));
            return None;
        }
        handfast_tcp::closed::answer(&segment)
    }

    fn poll(&mut self, now: Instant) -> Option<Transmit> {
        if let Some(connection) = &mut self.connection {
            settles_alike(connection, now);
            let transmit = connection.poll_transmit(now);
            while let Some(event) = connection.poll_event() {
                self.events.push(event);
            }
            if self.reads {
                while let Ok(received) = connection.receive(now, usize::MAX) {
                    self.received.extend_from_slice(&received.data);
                }
            }
            return transmit.or_else(|| connection.poll_transmit(now));
        }
        self.half_open.as_mut()?.poll_transmit(now)
    }

    fn timeout(&self) -> Option<Instant> {
        match (&self.connection, &self.half_open) {
            (Some(connection), _) => connection.poll_timeout(),
            (None, Some(half)) => Some(half.poll_timeout()),
            _ => None,
        }
    }

    fn expire(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection {
            connection.handle_timeout(now);
        } else if self.half_open.as_mut().is_some_and(|half| half.handle_timeout(now)) {
            self.half_open = None;
        }
    }
}

/// A segment seen on the way.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) from_a: bool,
    pub(crate) segment: Segment,
    pub(crate) why: Why,
    pub(crate) kept: bool,
}

/// Decides by count and content which segments live.
pub(crate) type Keep = Box<dyn FnMut(u64, &Seen) -> bool>;

/// Changes what A (or else B) sent.
pub(crate) type Alter = Box<dyn FnMut(bool, &mut Segment)>;

pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) a: End,
    pub(crate) b: End,
    pub(crate) delay: Duration,
    /// Which segments live: `|n, seen| n != 3` loses the third.
    pub(crate) keep: Keep,
    /// How much longer than others each is on its way.
    pub(crate) late: Box<dyn FnMut(&Seen) -> Duration>,
    /// What the network makes of each that lives: marks, for one.
    pub(crate) alter: Alter,
    pub(crate) seen: Vec<Seen>,
    wire: VecDeque<(Instant, bool, Segment)>,
}

impl Pair {
    /// `a` is to open, `b` listens.
    pub(crate) fn new(a: TcpConfig, b: TcpConfig) -> Self {
        let mut server = End::new(b.clone(), 500_000);
        server.listener = Some(b);
        Self {
            now: Instant::from_secs(1_000),
            a: End::new(a, 100_000),
            b: server,
            delay: Duration::from_millis(10),
            keep: Box::new(|_, _| true),
            late: Box::new(|_| Duration::ZERO),
            alter: Box::new(|_, _| {}),
            seen: Vec::new(),
            wire: VecDeque::new(),
        }
    }

    pub(crate) fn default() -> Self {
        Self::new(TcpConfig::default(), TcpConfig::default())
    }

    /// An established pair with an empty record of what was seen.
    pub(crate) fn established() -> Self {
        Self::configured(TcpConfig::default())
    }

    /// Established, with `config` at both ends.
    pub(crate) fn configured(config: TcpConfig) -> Self {
        let mut pair = Self::new(config.clone(), config);
        pair.open();
        pair.settle(Duration::from_secs(1));
        assert_eq!((pair.a.state(), pair.b.state()), (State::Established, State::Established));
        pair.seen.clear();
        pair
    }

    pub(crate) fn open(&mut self) {
        let (config, path, iss) = (self.a.config.clone(), self.a.path, self.a.iss);
        self.a.connection = Some(Connection::open(self.now, config, path, iss, 11));
    }

    /// Both ends open at once.
    pub(crate) fn open_both(&mut self) {
        self.open();
        self.b.listener = None;
        let (config, path, iss) = (self.b.config.clone(), self.b.path, self.b.iss);
        self.b.connection = Some(Connection::open(self.now, config, path, iss, 22));
    }

    pub(crate) fn write(&mut self, from_a: bool, data: &[u8]) -> usize {
        let now = self.now;
        let end = if from_a { &mut self.a } else { &mut self.b };
        end.tcp().send(now, Payload::copy_of(data), SendFlags::default()).unwrap_or(0)
    }

    /// Puts a segment on the way by hand.
    pub(crate) fn inject(&mut self, to_b: bool, segment: Segment) {
        self.wire.push_back((self.now + self.delay, to_b, segment));
        self.sort();
    }

    fn sort(&mut self) {
        self.wire.make_contiguous().sort_by_key(|(at, ..)| *at);
    }

    fn dispatch(&mut self, from_a: bool, transmit: Transmit) {
        for segment in cut(transmit.segment) {
            let count = self.seen.len() as u64 + 1;
            let mut seen = Seen { at: self.now, from_a, segment, why: transmit.why, kept: true };
            seen.kept = (self.keep)(count, &seen);
            if seen.kept {
                let at = self.now + self.delay + (self.late)(&seen);
                let mut arriving = seen.segment.clone();
                (self.alter)(from_a, &mut arriving);
                self.wire.push_back((at, from_a, arriving));
            }
            self.seen.push(seen);
        }
        self.sort();
    }

    /// Takes all that one end has to send; `true` when that was something.
    fn drain(&mut self, from_a: bool) -> bool {
        let mut some = false;
        loop {
            let end = if from_a { &mut self.a } else { &mut self.b };
            let before = end.connection.as_ref().map(Connection::status).unwrap_or_default();
            let Some(transmit) = end.poll(self.now) else { return some };
            in_bounds(&transmit, &before, end);
            self.dispatch(from_a, transmit);
            some = true;
        }
    }

    fn flush(&mut self) {
        loop {
            let mut idle = true;
            idle &= !self.drain(true);
            idle &= !self.drain(false);
            if idle {
                return;
            }
        }
    }

    /// Sends all there is to send, then jumps to the next instant; `false` when nothing is left.
    pub(crate) fn step(&mut self) -> bool {
        self.flush();
        self.check();
        let due = [self.wire.front().map(|(at, ..)| *at), self.a.timeout(), self.b.timeout()];
        let Some(next) = due.into_iter().flatten().min() else { return false };
        self.now = self.now.max(next);
        while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
            let Some((at, to_b, mut segment)) = self.wire.pop_front() else { break };
            segment.arrived = at;
            let reply =
                if to_b { self.b.handle(self.now, segment) } else { self.a.handle(self.now, segment) };
            if let Some(reply) = reply {
                self.dispatch(!to_b, reply);
            }
        }
        self.a.expire(self.now);
        self.b.expire(self.now);
        true
    }

    /// Runs until nothing happens for `quiet`, and leaves the clock where the last thing happened.
    pub(crate) fn settle(&mut self, quiet: Duration) {
        let end = self.now + quiet;
        self.run_until(end);
    }

    /// Runs until `end` at the latest.
    pub(crate) fn run_until(&mut self, end: Instant) {
        loop {
            self.flush();
            let due = [self.wire.front().map(|(at, ..)| *at), self.a.timeout(), self.b.timeout()];
            match due.into_iter().flatten().min() {
                Some(next) if next <= end => drop(self.step()),
                _ => {
                    self.now = self.now.max(end);
                    return;
                }
            }
        }
    }

    /// What must always hold.
    fn check(&self) {
        for end in [&self.a, &self.b] {
            let Some(connection) = &end.connection else { continue };
            let status = connection.status();
            let out = status.snd_nxt.wrapping_since(status.snd_una);
            if status.sack {
                assert_eq!(status.in_flight + status.sacked + status.lost, out, "{status:?}"); // 9937-2
            }
            if connection.state() == State::Closed {
                continue;
            }
            let waits = status.snd_una != status.snd_nxt || status.unsent > 0;
            assert!(
                !waits || connection.poll_timeout().is_some(),
                "data waits and no timer runs: {status:?}"
            );
        }
    }

    /// Segments that `a` (or `b`) sent, as flags, relative sequence number, octets and reason.
    pub(crate) fn transcript(&self) -> Vec<String> {
        self.seen
            .iter()
            .map(|seen| {
                let end = if seen.from_a { &self.a } else { &self.b };
                let header = &seen.segment.header;
                format!(
                    "{} {} seq={} len={} {}{}",
                    if seen.from_a { "a" } else { "b" },
                    header.flags,
                    header.seq.wrapping_since(end.iss),
                    seen.segment.payload.len(),
                    seen.why,
                    if seen.kept { "" } else { " (lost)" }
                )
            })
            .collect()
    }
}

/// New data goes only where cwnd and the peer's window have room. `before`: what was in flight, and the window, ahead of it.
fn in_bounds(transmit: &Transmit, before: &Status, end: &End) {
    let Some(status) = end.connection.as_ref().map(|connection| connection.status()) else { return };
    let octets = transmit.segment.payload.len() as u32;
    match transmit.why {
        Why::Data => {
            assert!(status.in_flight <= status.cwnd, "{} in flight over {}", status.in_flight, status.cwnd)
        }
        // What is lost waits for its turn. The first of it does not (8985-18, 9937-5): it is one segment, whatever is in
        // flight, for a controller that governs its recovery may have had less room than that long before.
        Why::Rack { .. } | Why::NextHole => {
            let forced = octets <= before.segment_size && status.in_flight <= before.in_flight + octets;
            assert!(status.in_flight <= status.cwnd || forced, "{before:?} {status:?}");
        }
        Why::LossProbe { .. } => {
            assert!(status.in_flight <= status.cwnd.max(before.in_flight) + status.segment_size)
        }
        Why::LimitedTransmit => assert!(status.in_flight <= status.cwnd + status.allowance),
        _ => return,
    }
    assert!(transmit.segment.end().at_or_before(status.snd_una + status.snd_wnd), "beyond the peer's window");
}

/// What a device would put on the wire.
pub(crate) fn cut(train: Segment) -> Vec<Segment> {
    let Some(size) = train.segment_size else { return vec![train] };
    let size = usize::from(size.get());
    let total = train.payload.len();
    let mut segments = Vec::new();
    let mut at = 0;
    while at < total {
        let end = (at + size).min(total);
        let mut piece =
            Segment { payload: train.payload.slice(at..end), segment_size: None, ..train.clone() };
        piece.header.seq = train.header.seq + at as u32;
        if end < total {
            piece.header.flags = piece.header.flags & !(Flags::FIN | Flags::PSH);
        }
        segments.push(piece);
        at = end;
    }
    segments
}

/// Where a connection says at once that it has nothing to send, asking it finds nothing either, and leaves it the same.
fn settles_alike(connection: &Connection, now: Instant) {
    let mut short = connection.clone();
    // Long queues take long to compare, and tell nothing that short ones do not.
    if short.held() < 4096 && short.settle(now) {
        let mut long = connection.clone();
        assert_eq!(long.poll_transmit(now), None);
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
    }
}
