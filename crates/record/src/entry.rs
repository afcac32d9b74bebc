//! What a file is made of between its head and its end: inputs, outcomes of chance, and digests of frames that went out.
//!
//! ```text
//!   a piece: kind (3 bits), flags (5), and
//!
//!   0 Input    (postcard) [held, chunks, kept octets]      what it carries, or only its headers and its length
//!   1 Drawn    (postcard)
//!   2 Sent     when, interface, length, train, checksum of all octets if payload is recorded, headers
//!
//!   what there is one of for each packet, in short:
//!   3 Poll     [time]                                      poll_transmit
//!   4 Events   count                                       poll_event, so often
//!   5 Verified                                             chance: the checksum is right
//!   6 Frame    slot [time] [stamp] [id] [facts] headers    handle_packet, without its payload
//!   7 Gone     slot [time] [facts] [checksum] headers      Sent
//! ```
//!
//! What is in brackets is there when its flag says so. A time is counted from the latest that an input named.

use crate::flows::{Facts, Flows, Kept, ROOM};
use crate::headers::{Headers, LONGEST};
use crate::octets::{put, put_number};
use env::{Chance, Drawn, Instant};
use serde::{Deserialize, Serialize};
use stack::journal::{Arrived, Noted, Source};
use stack::{Host, Input, InterfaceId, Note};
use std::num::NonZeroU16;
use wire::{Frame, Medium, Offload, Payload};

/// Of a piece's first octet: what it is,
pub(crate) const KIND: u8 = 0b111;
pub(crate) const INPUT: u8 = 0;
pub(crate) const DRAWN: u8 = 1;
pub(crate) const SENT: u8 = 2;
pub(crate) const POLL: u8 = 3;
pub(crate) const EVENTS: u8 = 4;
pub(crate) const VERIFIED: u8 = 5;
pub(crate) const FRAME: u8 = 6;
pub(crate) const GONE: u8 = 7;
/// and what is in it: a time that is not the latest,
pub(crate) const TIME: u8 = 1 << 3;
/// facts that are not those of the last in its slot,
pub(crate) const FACTS: u8 = 1 << 4;
/// on a frame that arrived: a stamp that is not the time,
pub(crate) const STAMP: u8 = 1 << 5;
/// and a transmission's number;
pub(crate) const ID: u8 = 1 << 6;
/// on a frame that went out: a checksum.
pub(crate) const SUM: u8 = 1 << 5;

/// What most checks of a checksum come to.
pub(crate) const RIGHT: (Source, Drawn) = (Source::Ip, Drawn { what: Chance::Checksum, value: 1 });

/// Octets of body that are looked at for headers at first.
const USUAL: usize = 16;

/// One input, and what came of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which input it is, from 1 on.
    pub number: u64,
    /// What went in. Payload that was left out is zeros.
    pub input: Input,
    /// What chance decided meanwhile.
    pub drawn: Vec<(Source, Drawn)>,
    /// What went out.
    pub sent: Vec<Sent>,
}

/// What is kept of a frame that went out: enough to know it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// When it was handed out.
    pub at: Instant,
    /// For which interface.
    pub interface: InterfaceId,
    /// Octets in it.
    pub len: usize,
    /// Set on a train: payload octets of each of its packets.
    pub segment_size: Option<NonZeroU16>,
    /// CRC-32 of all its octets, when payload is recorded.
    pub sum: Option<u32>,
    /// Its headers. Where payload follows that was left out, the transport checksum is masked.
    pub headers: Vec<u8>,
}

impl Sent {
    /// What is kept of `frame`.
    pub(crate) fn of(
        at: Instant,
        interface: InterfaceId,
        frame: &Frame,
        payload: bool,
        medium: Medium,
    ) -> Self {
        Self {
            at,
            interface,
            len: frame.len(),
            segment_size: frame.offload.segment_size,
            sum: payload.then(|| sum(frame)),
            headers: anywhere(frame, payload, medium),
        }
    }
}

/// Writes notes in their order.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    payload: bool,
    /// The latest that an input named.
    now: Instant,
    flows: Flows,
    /// Calls of `poll_event` that are not written yet.
    events: u32,
    /// Inputs that were written, and frames.
    pub(crate) inputs: u64,
    pub(crate) frames: u64,
}

impl Encoder {
    pub(crate) fn new(payload: bool) -> Self {
        Self { payload, now: Instant::ZERO, flows: Flows::new(), events: 0, inputs: 0, frames: 0 }
    }

    /// Appends a note to `out`; it, or what is to go before it.
    pub(crate) fn put(&mut self, out: &mut Vec<u8>, noted: Noted<'_>) {
        if let Noted::Input(Input::PollEvent(times)) = noted {
            self.events = self.events.saturating_add(*times);
            return;
        }
        self.settle(out);
        match noted {
            Noted::Input(Input::PollTransmit(now)) => {
                self.inputs += 1;
                let flag = if *now == self.now { 0 } else { TIME };
                out.push(POLL | flag);
                self.put_time(out, *now);
            }
            Noted::Input(input) => self.put_input(out, input, Medium::Ip),
            Noted::Arrived(now, interface, medium, frame) => {
                self.put_frame(out, now, interface, medium, frame)
            }
            Noted::Drawn(source, drawn) if (source, drawn) == RIGHT => out.push(VERIFIED),
            Noted::Drawn(source, drawn) => {
                out.push(DRAWN);
                put(out, &(source, drawn));
            }
            Noted::Sent(at, interface, medium, frame) => self.put_sent(out, at, interface, medium, frame),
        }
    }

    /// The same for a note that waited, of `host`.
    pub(crate) fn put_note(&mut self, out: &mut Vec<u8>, note: &Note, host: &Host) {
        match note {
            Note::Input(Input::HandlePacket(now, interface, arrived)) => {
                let frame = arrived.clone().frame();
                self.put(out, Noted::Arrived(*now, *interface, medium(host, *interface), &frame));
            }
            Note::Input(input) => self.put(out, Noted::Input(input)),
            Note::Drawn(source, drawn) => self.put(out, Noted::Drawn(*source, *drawn)),
            Note::Sent(at, interface, frame) => {
                self.put(out, Noted::Sent(*at, *interface, medium(host, *interface), frame));
            }
        }
    }

    /// Appends what was held back.
    pub(crate) fn settle(&mut self, out: &mut Vec<u8>) {
        if self.events > 0 {
            self.inputs += 1;
            out.push(EVENTS);
            put_number(out, self.events.into());
            self.events = 0;
        }
    }

    /// Appends how much later it is, if it is, and goes on from there.
    fn put_time(&mut self, out: &mut Vec<u8>, now: Instant) {
        if now != self.now {
            put_number(out, now.as_nanos().wrapping_sub(self.now.as_nanos()));
            self.now = now;
        }
    }

    fn put_input(&mut self, out: &mut Vec<u8>, input: &Input, medium: Medium) {
        self.inputs += 1;
        out.push(INPUT);
        put(out, input);
        if let Some(now) = input.now() {
            self.now = now;
        }
        if let Some(payload) = input.payload() {
            self.put_payload(out, input, payload, medium);
        }
    }

    fn put_payload(&self, out: &mut Vec<u8>, input: &Input, payload: &Payload, medium: Medium) {
        let chunks = payload.chunks();
        put(out, &(payload.held(), chunks.len()));
        for chunk in chunks {
            put(out, &chunk.len());
        }
        if self.payload {
            put(out, &payload.len());
            chunks.iter().for_each(|chunk| out.extend_from_slice(chunk));
            return;
        }
        let (Input::HandlePacket(..), Some(octets)) = (input, chunks.first()) else {
            return put(out, &0usize);
        };
        let headers = Headers::of(medium == Medium::Ethernet, octets);
        put(out, &headers.len);
        let at = out.len();
        out.extend_from_slice(octets.get(..headers.len).unwrap_or(octets));
        if headers.len < octets.len()
            && let Some(kept) = out.get_mut(at..)
        {
            headers.mask(kept);
        }
    }

    /// A frame that arrived.
    fn put_frame(
        &mut self,
        out: &mut Vec<u8>,
        now: Instant,
        interface: InterfaceId,
        medium: Medium,
        frame: &Frame,
    ) {
        let mut kept = [0; ROOM];
        let Some(headers) = self.in_short(medium, frame, &mut kept) else {
            return self.put_input(out, &Input::HandlePacket(now, interface, Arrived::of(frame)), medium);
        };
        self.inputs += 1;
        let facts = Facts {
            interface,
            len: frame.body.len(),
            held: frame.body.held(),
            headers: headers.len as u8,
            offload: frame.offload,
        };
        let slot = Flows::slot(&headers, &kept);
        let known = self.flows.knows(slot, &facts);
        let time = if now == self.now { 0 } else { TIME };
        let stamp = if frame.arrived == now { 0 } else { STAMP };
        let id = if frame.id == 0 { 0 } else { ID };
        out.extend_from_slice(&[FRAME | time | stamp | id | if known { 0 } else { FACTS }, slot]);
        self.put_time(out, now);
        if stamp != 0 {
            put_number(out, frame.arrived.as_nanos().wrapping_sub(now.as_nanos()));
        }
        if id != 0 {
            put_number(out, frame.id);
        }
        if !known {
            put(out, &facts);
        }
        self.flows.put(out, slot, &kept, headers.len);
    }

    /// The headers of a frame that arrived, if they are all that is to be kept of it.
    fn in_short(&self, medium: Medium, frame: &Frame, kept: &mut Kept) -> Option<Headers> {
        let [octets] = frame.body.chunks() else { return None };
        if self.payload || octets.is_empty() {
            return None;
        }
        let headers = Headers::of(medium == Medium::Ethernet, octets);
        within(&headers, octets, headers.len < octets.len(), kept).then_some(headers)
    }

    /// A frame that went out.
    fn put_sent(
        &mut self,
        out: &mut Vec<u8>,
        at: Instant,
        interface: InterfaceId,
        medium: Medium,
        frame: &Frame,
    ) {
        self.frames += 1;
        let mut kept = [0; ROOM];
        let Some(headers) = in_head(frame, self.payload, medium, &mut kept) else {
            out.push(SENT);
            return put(out, &Sent::of(at, interface, frame, self.payload, medium));
        };
        let offload = Offload { segment_size: frame.offload.segment_size, ..Offload::default() };
        let facts = Facts { interface, len: frame.len(), held: 0, headers: headers.len as u8, offload };
        let slot = Flows::slot(&headers, &kept);
        let known = self.flows.knows(slot, &facts);
        let time = if at == self.now { 0 } else { TIME };
        let sum = self.payload.then(|| sum(frame));
        let flags = time | if known { 0 } else { FACTS } | if sum.is_some() { SUM } else { 0 };
        out.extend_from_slice(&[GONE | flags, slot]);
        if time != 0 {
            put_number(out, at.as_nanos().wrapping_sub(self.now.as_nanos()));
        }
        if !known {
            put(out, &facts);
        }
        if let Some(sum) = sum {
            out.extend_from_slice(&sum.to_be_bytes());
        }
        self.flows.put(out, slot, &kept, headers.len);
    }
}

/// What the frames of an interface begin with; IP, when there is no such interface.
pub(crate) fn medium(host: &Host, interface: InterfaceId) -> Medium {
    match host.medium_at(interface.index()) {
        Some(stack::Medium::Ethernet(_)) => Medium::Ethernet,
        Some(stack::Medium::Ip) | None => Medium::Ip,
    }
}

/// Copies headers which are all within `octets`, and not too many; says whether they are.
#[inline]
fn within(headers: &Headers, octets: &[u8], mask: bool, kept: &mut Kept) -> bool {
    let (true, Some(room), Some(octets)) =
        (headers.all, kept.get_mut(..headers.len), octets.get(..headers.len))
    else {
        return false;
    };
    room.copy_from_slice(octets);
    if mask {
        headers.mask(room);
    }
    true
}

/// The headers of a frame that has all of them in its head, as those that TCP and UDP send.
#[inline]
fn in_head(frame: &Frame, payload: bool, medium: Medium, kept: &mut Kept) -> Option<Headers> {
    let head = frame.head.as_slice();
    let headers = Headers::of(medium == Medium::Ethernet, head);
    within(&headers, head, headers.len < frame.len() && !payload, kept).then_some(headers)
}

/// The headers of a frame wherever they are. Messages that are all body have them there.
fn anywhere(frame: &Frame, payload: bool, medium: Medium) -> Vec<u8> {
    let head = frame.head.as_slice().len();
    let (headers, mut octets) = match beginning(frame, medium, head + USUAL) {
        (headers, octets) if headers.all => (headers, octets),
        _ => beginning(frame, medium, LONGEST),
    };
    octets.truncate(headers.len);
    if headers.len < frame.len() && !payload {
        headers.mask(&mut octets);
    }
    octets
}

/// The first `most` octets or so, and what of them is headers.
fn beginning(frame: &Frame, medium: Medium, most: usize) -> (Headers, Vec<u8>) {
    let mut octets = frame.head.as_slice().to_vec();
    for chunk in frame.body.chunks() {
        let room = most.saturating_sub(octets.len());
        octets.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        if chunk.len() >= room {
            break;
        }
    }
    (Headers::of(medium == Medium::Ethernet, &octets), octets)
}

fn sum(frame: &Frame) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(frame.head.as_slice());
    frame.body.chunks().iter().for_each(|chunk| sum.update(chunk));
    sum.finalize()
}

#[cfg(test)]
mod tests;
