//! Events made by hand, for tests.

use crate::Entry;
use device::impair::{LinkEvent, What};
use env::{Duration, Instant};
use stack::trace::{Content, Packet};
use stack::{Drop, InterfaceId, Trace};
use std::net::SocketAddr;
use tcp::{Cause, Note, State, Trigger, Why};
use wire::tcp::{Flags, Header, Options, Timestamps};
use wire::{Ecn, SeqNum, WireWindow};

pub(crate) const CLIENT: &str = "10.0.0.1:49152";
pub(crate) const SERVER: &str = "10.0.0.2:80";
pub(crate) const ISS: [u32; 2] = [4_294_967_290, 77];

/// A log under construction: hosts 0 and 1, a link of 10 ms.
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    pub(crate) frames: u64,
    pub(crate) interface: InterfaceId,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), frames: 0, interface: interface() }
    }

    pub(crate) fn packet(
        from: usize,
        flags: Flags,
        seq: u32,
        ack: u32,
        len: usize,
        options: Options,
    ) -> Packet {
        let [src, dst]: [SocketAddr; 2] =
            if from == 0 { [CLIENT, SERVER] } else { [SERVER, CLIENT] }.map(|end| end.parse().unwrap());
        let header = Header {
            seq: SeqNum::new(ISS[from]) + seq,
            ack: SeqNum::new(ISS[1 - from]) + ack,
            flags,
            window: WireWindow::new(65_535),
            urgent: 0,
            options,
        };
        let content =
            Content::Tcp { src_port: src.port(), dst_port: dst.port(), header, len, segment_size: None };
        Packet {
            src: src.ip(),
            dst: dst.ip(),
            ttl: 64,
            ecn: Ecn::NotEct,
            len: 40 + len,
            fragment: None,
            content,
        }
    }

    pub(crate) fn sent(&mut self, at: u64, from: usize, packet: &Packet, why: Why) -> u64 {
        self.frames += 1;
        let what = Trace::Sent {
            at: Instant::from_millis(at),
            frame: self.frames,
            interface: self.interface,
            packet: packet.clone(),
            why: Some(why),
        };
        self.entries.push(Entry::Host { host: from, what });
        self.frames
    }

    pub(crate) fn link(&mut self, at: u64, from: usize, id: u64, what: What) {
        let event = LinkEvent { at: Instant::from_millis(at), id, part: 0, octets: 40, what };
        self.entries.push(Entry::Link { from, event });
    }

    pub(crate) fn received(&mut self, at: u64, host: usize, frame: u64, packet: &Packet) {
        let at = Instant::from_millis(at);
        let what = Trace::Received { at, frame, interface: self.interface, packet: packet.clone() };
        self.entries.push(Entry::Host { host, what });
    }

    pub(crate) fn state(&mut self, at: u64, host: usize, from: State, to: State, cause: Cause) {
        let [local, remote] =
            if host == 0 { [CLIENT, SERVER] } else { [SERVER, CLIENT] }.map(|end| end.parse().unwrap());
        let at = Instant::from_millis(at);
        let what = Trace::Tcp { at, local, remote, note: Note::State { at, from, to, cause } };
        self.entries.push(Entry::Host { host, what });
    }

    /// A window with its threshold, and 5,000 octets in flight.
    pub(crate) fn window(
        &mut self,
        at: u64,
        host: usize,
        window: [u32; 2],
        trigger: Trigger,
        phase: &'static str,
    ) {
        let [local, remote] =
            if host == 0 { [CLIENT, SERVER] } else { [SERVER, CLIENT] }.map(|end| end.parse().unwrap());
        let (at, [cwnd, ssthresh]) = (Instant::from_millis(at), window);
        let note = Note::Window { at, cwnd, ssthresh, in_flight: 5_000, trigger, phase };
        self.entries.push(Entry::Host { host, what: Trace::Tcp { at, local, remote, note } });
    }

    pub(crate) fn dropped(&mut self, at: u64, host: usize, frame: u64, why: Drop) {
        let what = Trace::Dropped { at: Instant::from_millis(at), frame, interface: self.interface, why };
        self.entries.push(Entry::Host { host, what });
    }

    /// A packet that leaves at `at` and arrives 10 ms later with nothing in between.
    pub(crate) fn carried(&mut self, at: u64, from: usize, packet: Packet, why: Why) {
        let id = self.sent(at, from, &packet, why);
        self.link(at, from, id, What::Queued { delay: Duration::from_millis(10) });
        self.received(at + 10, 1 - from, id, &packet);
    }
}

/// An interface that is not loopback: only a host can name one.
pub(crate) fn interface() -> InterfaceId {
    let mut host = stack::Host::new(stack::HostConfig::default(), [1; 32]).unwrap();
    host.add_interface(Instant::ZERO, stack::InterfaceConfig::new("one", stack::Medium::Ip)).unwrap()
}

pub(crate) fn syn_options() -> Options {
    Options {
        mss: Some(1460),
        window_scale: Some(5),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 1, echo: 0 }),
        ..Options::NONE
    }
}

pub(crate) const ACK: Flags = Flags::ACK;

pub(crate) fn handshake() -> Log {
    let mut log = Log::new();
    let syn = Log::packet(0, Flags::SYN, 0, 0, 0, syn_options());
    log.state(0, 0, State::Closed, State::SynSent, Cause::Call("OPEN"));
    log.carried(0, 0, syn, Why::OpensConnection);
    log.state(10, 1, State::Listen, State::SynReceived, Cause::Arrived("SYN"));
    log.carried(10, 1, Log::packet(1, Flags::SYN | ACK, 0, 1, 0, syn_options()), Why::AnswersSyn);
    log.state(20, 0, State::SynSent, State::Established, Cause::Arrived("SYN,ACK"));
    log.carried(20, 0, Log::packet(0, ACK, 1, 1, 0, Options::NONE), Why::CompletesHandshake);
    log.state(30, 1, State::SynReceived, State::Established, Cause::Arrived("ACK"));
    log
}
