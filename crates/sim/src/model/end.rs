//! One end: a user, what stands for the connection, and the little that a host does around it.

use bytes::Bytes;
use env::{Duration, Instant};
use std::fmt;
use std::sync::Arc;
use tcp::listener::{self, HalfOpen, HalfOpenOutcome, ListenOutcome, Offer};
use tcp::{Connection, Path, ReceiveError, Segment, SendFlags, State, TcpConfig, closed};
use wire::{Mss, Payload, SeqNum};

/// How an end opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It sends a SYN.
    Active,
    /// It listens, for one connection.
    Passive,
}

/// What stands for the connection.
#[derive(Clone, Debug)]
enum Stage {
    Listen,
    HalfOpen(HalfOpen),
    Open(Box<Connection>),
    /// Nothing does.
    Gone,
}

/// One end of a connection, its user, and its clock.
#[derive(Clone)]
pub(super) struct End {
    side: usize,
    now: Instant,
    stage: Stage,
    /// Pieces that the user has sent, and octets that it has read.
    pub(super) sent: u8,
    pub(super) read: usize,
    pub(super) closed: bool,
    pub(super) released: bool,
    pub(super) aborted: bool,
    /// The user has seen the end of the peer's stream.
    pub(super) finished: bool,
    config: Arc<TcpConfig>,
}

/// First numbers: the client's data wraps round zero, the server's round the middle, where signs change.
const ISS: [SeqNum; 2] = [SeqNum::new(u32::MAX), SeqNum::new(0x7fff_ffff)];
const PATH: Path = Path {
    mss: Mss::new(1460),
    send_limit: 1480,
    default_mss: Mss::DEFAULT_V4,
    train_limit: 0,
    ahead: Duration::ZERO,
};
const START: Instant = Instant::from_secs(3600);

/// What a user's stream says from `from` on.
pub(super) fn stream(side: usize, from: usize, octets: usize) -> Vec<u8> {
    (from..from + octets).map(|at| (at % 251) as u8 ^ if side == 0 { 0 } else { 0x80 }).collect()
}

fn settings(sack: bool) -> TcpConfig {
    let (second, least) = (Duration::from_secs(1), Duration::from_millis(200));
    let config = TcpConfig::default()
        .timestamps(false)
        .window_scaling(false)
        .sack(sack)
        .user_timeout(Duration::from_secs(4))
        .syn_timeout(Duration::from_secs(4))
        .fin_wait_2_timeout(second);
    let config = config.receive_buffer(2048).and_then(|c| c.send_buffer(1 << 16)).and_then(|c| c.msl(second));
    match config.and_then(|c| c.rto(second, least, Duration::from_secs(60))) {
        Ok(config) => config,
        Err(why) => panic!("the model's settings: {why}"),
    }
}

impl End {
    pub(super) fn new(side: usize, opening: Opening, sack: bool) -> Self {
        let config = Arc::new(settings(sack));
        let stage = match opening {
            Opening::Active => {
                Stage::Open(Box::new(Connection::open(START, config.clone(), PATH, ISS[side], 0)))
            }
            Opening::Passive => Stage::Listen,
        };
        Self {
            side,
            now: START,
            stage,
            sent: 0,
            read: 0,
            closed: false,
            released: false,
            aborted: false,
            finished: false,
            config,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// The state, by the RFC's name.
    pub(super) fn state(&self) -> State {
        match &self.stage {
            Stage::Listen => State::Listen,
            Stage::HalfOpen(_) => State::SynReceived,
            Stage::Open(connection) => connection.state(),
            Stage::Gone => State::Closed,
        }
    }

    /// Nothing stands for a connection any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Gone | Stage::Listen)
    }

    /// The user holds a connection.
    pub(super) fn connection(&self) -> Option<&Connection> {
        match &self.stage {
            Stage::Open(connection) if !self.released => Some(connection),
            _ => None,
        }
    }

    /// When its earliest timer fires.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::HalfOpen(record) => Some(record.poll_timeout()),
            Stage::Open(connection) => connection.poll_timeout(),
            Stage::Listen | Stage::Gone => None,
        }
    }

    /// Its earliest timer fires.
    pub(super) fn fire(&mut self) {
        let Some(at) = self.deadline() else { return };
        self.now = self.now.max(at);
        match &mut self.stage {
            Stage::HalfOpen(record) => {
                if record.handle_timeout(self.now) {
                    self.stage = Stage::Listen;
                }
            }
            Stage::Open(connection) => connection.handle_timeout(self.now),
            Stage::Listen | Stage::Gone => {}
        }
    }

    /// A segment arrives; what the host itself answers comes back.
    pub(super) fn arrive(&mut self, segment: &Segment) -> Option<Segment> {
        let now = self.now;
        match &mut self.stage {
            Stage::Gone => closed::answer(segment).map(|t| t.segment),
            Stage::Listen => match listener::arrives(segment) {
                ListenOutcome::Syn => {
                    let offer = Offer {
                        config: &self.config,
                        path: PATH,
                        receive_window: 2048,
                        timestamp_offset: 0,
                        retransmissions: 2,
                    };
                    self.stage = Stage::HalfOpen(HalfOpen::answer(now, segment, ISS[self.side], &offer));
                    None
                }
                ListenOutcome::Send(transmit) => Some(transmit.segment),
                ListenOutcome::Ignore(_) => None,
            },
            Stage::HalfOpen(record) => match record.handle_segment(now, segment) {
                HalfOpenOutcome::Established(accepted) => {
                    let mut connection = Connection::accepted(now, self.config.clone(), PATH, accepted);
                    connection.handle_segment(now, segment.clone());
                    self.stage = Stage::Open(Box::new(connection));
                    None
                }
                HalfOpenOutcome::Send(transmit) => Some(transmit.segment),
                HalfOpenOutcome::Remove => {
                    self.stage = Stage::Listen;
                    None
                }
                HalfOpenOutcome::Ignore(_) => None,
            },
            Stage::Open(connection) => {
                connection.handle_segment(now, segment.clone());
                None
            }
        }
    }

    /// Takes what is to be sent, then forgets what is over and has nobody left.
    pub(super) fn drain(&mut self, out: &mut Vec<Segment>) {
        match &mut self.stage {
            Stage::HalfOpen(record) => out.extend(record.poll_transmit(self.now).map(|t| t.segment)),
            Stage::Open(connection) => {
                while let Some(transmit) = connection.poll_transmit(self.now) {
                    out.push(transmit.segment);
                }
                while connection.poll_event().is_some() {}
                connection.take_discard();
                if self.released && connection.state() == State::Closed {
                    self.stage = Stage::Gone;
                    // What its user did no longer matters.
                    (self.closed, self.aborted, self.finished) = (true, true, true);
                }
            }
            Stage::Listen | Stage::Gone => {}
        }
    }

    /// The user sends the next piece; whether it was taken whole.
    pub(super) fn send(&mut self, octets: usize) -> bool {
        let from = usize::from(self.sent) * octets;
        let data = Payload::from(stream(self.side, from, octets));
        let Stage::Open(connection) = &mut self.stage else { return false };
        self.sent += 1;
        connection.send(self.now, data, SendFlags::default()) == Ok(octets)
    }

    /// The user reads all there is: an error when it is not what the peer sent.
    pub(super) fn receive(&mut self) -> Result<(), String> {
        let Stage::Open(connection) = &mut self.stage else { return Ok(()) };
        loop {
            match connection.receive(self.now, usize::MAX) {
                Ok(received) => {
                    let data: Bytes = received.data;
                    if data != stream(1 - self.side, self.read, data.len()) {
                        return Err(format!("at {}, {} octets are not what was sent", self.read, data.len()));
                    }
                    self.read += data.len();
                }
                Err(ReceiveError::Finished) => {
                    self.finished = true;
                    return Ok(());
                }
                Err(_) => return Ok(()),
            }
        }
    }

    /// There is something to read, or an end that was not seen.
    pub(super) fn can_receive(&self) -> bool {
        let Some(connection) = self.connection() else { return false };
        let over = matches!(
            connection.state(),
            State::CloseWait | State::LastAck | State::Closing | State::TimeWait
        );
        connection.readable() > 0 || (over && !self.finished)
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        if let Stage::Open(connection) = &mut self.stage {
            // In CLOSED, the user learns what it learns from any other call.
            let _: Result<(), _> = connection.close(self.now);
        }
    }

    pub(super) fn abort(&mut self) {
        self.aborted = true;
        if let Stage::Open(connection) = &mut self.stage {
            connection.abort(self.now);
        }
    }

    pub(super) fn release(&mut self) {
        self.released = true;
        match &mut self.stage {
            Stage::Open(connection) => connection.release(self.now),
            Stage::Listen => self.stage = Stage::Gone,
            Stage::HalfOpen(_) | Stage::Gone => {}
        }
    }

    /// What must hold of an end by itself: whatever waits for something has a deadline (RFC 9293 §3.8).
    pub(super) fn check(&self) -> Result<(), String> {
        let Stage::Open(connection) = &self.stage else { return Ok(()) };
        if connection.poll_timeout().is_some() {
            return Ok(());
        }
        let status = connection.status();
        let waits = match connection.state() {
            State::SynSent | State::SynReceived | State::TimeWait => true,
            State::FinWait1 | State::Closing | State::LastAck => true,
            State::FinWait2 => self.released,
            State::Established | State::CloseWait => status.queued > 0,
            State::Closed | State::Listen => false,
        };
        if waits {
            Err(format!("{} waits without a deadline: {status:?}", connection.state()))
        } else {
            Ok(())
        }
    }
}

/// Everything that decides what happens next: the settings never change.
impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = (self.sent, self.read, self.closed, self.released, self.aborted, self.finished);
        write!(f, "{users:?} {:?}", self.stage)
    }
}
