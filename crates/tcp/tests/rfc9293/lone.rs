//! One connection, and a peer that is played by hand: numbers are relative to both first ones, as in packetdrill.
//!
//! ```text
//!    script ── arrives(flags, seq, ack, window, octets) ──► connection ── sent() ──► lines to compare
//!                                     advance(time) ──────►
//! ```

use crate::pair::cut;
use env::{Duration, Instant};
use handfast_tcp::{Congestion, Connection, Event, Path, Segment, SendFlags, State, TcpConfig, Transmit};
use wire::tcp::{Flags, Header, Options, Timestamps};
use wire::{Payload, SeqNum, WireWindow};

pub(crate) const ISS: SeqNum = SeqNum::new(u32::MAX - 2_000);
pub(crate) const IRS: SeqNum = SeqNum::new(7_000_000);
/// The offset of our timestamp clock.
const OFFSET: u32 = 11;

/// What the peer's SYN says.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    pub(crate) sack: bool,
    pub(crate) stamps: bool,
    pub(crate) window: u16,
}

impl Peer {
    /// Nothing but a segment size of 1,000.
    pub(crate) fn plain() -> Self {
        Self { mss: Some(1_000), scale: None, sack: false, stamps: false, window: 65_535 }
    }

    /// Plain, and timestamps.
    pub(crate) fn stamping() -> Self {
        Self { stamps: true, mss: Some(1_012), ..Self::plain() }
    }
}

/// Default settings but for congestion control, which is the one whose every window RFC 5681 gives, and without probing of
/// the path, which has its own story.
pub(crate) fn by_the_book() -> TcpConfig {
    TcpConfig::default().congestion(Congestion::NewReno).path_mtu_probing(false).doubt_peers(false)
}

pub(crate) struct Lone {
    pub(crate) now: Instant,
    pub(crate) tcp: Connection,
    pub(crate) events: Vec<Event>,
    /// Whether the peer's segments carry timestamps.
    pub(crate) stamps: bool,
    /// Our newest timestamp, which the peer echoes.
    pub(crate) echo: u32,
}

impl Lone {
    /// OPEN, and nothing polled yet.
    pub(crate) fn opening(config: TcpConfig) -> Self {
        let now = Instant::from_secs(1_000);
        let tcp = Connection::open(now, config, Path::ipv4(1500), ISS, OFFSET);
        Self { now, tcp, events: Vec::new(), stamps: false, echo: 0 }
    }

    /// ESTABLISHED with `peer`, 10 ms away; nothing is left to send.
    pub(crate) fn established(config: TcpConfig, peer: &Peer) -> Self {
        let mut lone = Self::opening(config);
        lone.sent();
        lone.advance(Duration::from_millis(10));
        let syn = lone.syn_ack(peer);
        lone.handle(syn);
        lone.sent();
        lone.stamps = peer.stamps;
        assert_eq!(lone.tcp.state(), State::Established);
        lone
    }

    pub(crate) fn plain() -> Self {
        Self::established(by_the_book(), &Peer::plain())
    }

    pub(crate) fn syn_ack(&mut self, peer: &Peer) -> Segment {
        self.stamps = peer.stamps;
        let mut syn = self.segment(Flags::SYN | Flags::ACK, 0, 1, peer.window, 0);
        syn.header.options.mss = peer.mss;
        syn.header.options.window_scale = peer.scale;
        syn.header.options.sack_permitted = peer.sack;
        syn
    }

    /// The peer's clock.
    pub(crate) fn peer_clock(&self) -> u32 {
        self.now.as_millis() as u32 + 5_000
    }

    /// A segment of the peer.
    pub(crate) fn segment(&self, flags: Flags, seq: u32, ack: u32, window: u16, octets: usize) -> Segment {
        let timestamps = self.stamps.then(|| Timestamps { value: self.peer_clock(), echo: self.echo });
        let header = Header {
            seq: IRS + seq,
            ack: if flags.contains(Flags::ACK) { ISS + ack } else { SeqNum::default() },
            flags,
            window: WireWindow::new(window),
            options: Options { timestamps, ..Options::NONE },
            ..Header::default()
        };
        let payload: Vec<u8> = (0..octets).map(|n| (seq as usize + n) as u8).collect();
        Segment { header, payload: payload.into(), ..Segment::default() }
    }

    pub(crate) fn handle(&mut self, segment: Segment) {
        self.tcp.handle_segment(self.now, segment);
    }

    /// A segment arrives.
    pub(crate) fn arrives(&mut self, flags: Flags, seq: u32, ack: u32, window: u16, octets: usize) {
        let segment = self.segment(flags, seq, ack, window, octets);
        self.handle(segment);
    }

    /// An empty ACK arrives, with all of 65,535 octets of window.
    pub(crate) fn acked(&mut self, ack: u32) {
        self.arrives(Flags::ACK, 1, ack, 65_535, 0);
    }

    pub(crate) fn write(&mut self, octets: usize) {
        let data: Vec<u8> = (0..octets).map(|n| n as u8).collect();
        let taken = self.tcp.send(self.now, Payload::copy_of(&data), SendFlags::default());
        assert_eq!(taken, Ok(octets));
    }

    /// Everything that goes out now, cut into segments.
    pub(crate) fn transmits(&mut self) -> Vec<Transmit> {
        let mut all = Vec::new();
        while let Some(transmit) = self.tcp.poll_transmit(self.now) {
            assert!(all.len() < 10_000, "no end of sending");
            for segment in cut(transmit.segment) {
                if let Some(stamps) = segment.header.options.timestamps {
                    self.echo = stamps.value;
                }
                all.push(Transmit { segment, ..transmit });
            }
        }
        while let Some(event) = self.tcp.poll_event() {
            assert!(self.events.len() < 10_000, "no end of events");
            self.events.push(event);
        }
        all
    }

    /// What goes out now, as lines of flags, first and last number, and ACK.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        self.transmits().iter().map(line).collect()
    }

    /// Lets time pass, deadline by deadline; what goes out meanwhile.
    pub(crate) fn advance(&mut self, time: Duration) -> Vec<(Instant, Transmit)> {
        let end = self.now + time;
        let mut all = Vec::new();
        loop {
            let now = self.now;
            all.extend(self.transmits().into_iter().map(|transmit| (now, transmit)));
            match self.tcp.poll_timeout() {
                Some(at) if at <= end => {
                    self.now = self.now.max(at);
                    self.tcp.handle_timeout(self.now);
                }
                _ => break,
            }
            assert!(all.len() < 100_000);
        }
        self.now = end;
        all
    }

    /// Lets time pass in silence.
    pub(crate) fn pass(&mut self, time: Duration) {
        let sent: Vec<_> = self.advance(time).iter().map(|(_, transmit)| line(transmit)).collect();
        assert!(sent.is_empty(), "{sent:?}");
    }
}

pub(crate) fn line(transmit: &Transmit) -> String {
    let header = &transmit.segment.header;
    let seq = header.seq.wrapping_since(ISS);
    let ack = if transmit.segment.has(Flags::ACK) {
        format!(" ack {}", header.ack.wrapping_since(IRS))
    } else {
        String::new()
    };
    format!("{} {}:{}{ack}", header.flags, seq, seq + transmit.segment.payload.len() as u32)
}

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
