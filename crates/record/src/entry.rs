//! What a file is made of between its head and its end: inputs, outcomes of chance, and digests of frames that went out.
//!
//! ```text
//!   0 Input  (postcard) [held, chunks, kept octets]      what it carries, or only its headers and its length
//!   1 Drawn  (postcard)
//!   2 Sent   when, interface, length, train, headers, checksum of all octets if payload is recorded
//! ```

use crate::headers::{Headers, LONGEST};
use bytes::Bytes;
use env::{Drawn, Instant};
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use stack::journal::Source;
use stack::{Host, Input, InterfaceId, Medium, Note};
use std::num::NonZeroU16;
use wire::{Frame, Payload};

pub(crate) const INPUT: u8 = 0;
const DRAWN: u8 = 1;
const SENT: u8 = 2;

/// Octets of one payload that a file may claim: a connection's buffer holds no more.
const MOST: usize = 1 << 30;
/// Octets of a frame that a file may claim: a train with its headers has fewer.
const FRAME: usize = 1 << 18;
/// Octets of body that are looked at for headers at first.
const USUAL: usize = 16;
/// What stands for payload that was left out.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When it was handed out.
    pub at: Instant,
    /// For which interface.
    pub interface: InterfaceId,
    /// Octets in it.
    pub len: usize,
    /// Set on a train: payload octets of each of its packets.
    pub segment_size: Option<NonZeroU16>,
    /// Its headers. Where payload follows that was left out, the transport checksum is masked.
    pub headers: Vec<u8>,
    /// CRC-32 of all its octets, when payload is recorded.
    pub sum: Option<u32>,
}

impl Sent {
    /// What is kept of `frame`.
    pub(crate) fn of(
        at: Instant,
        interface: InterfaceId,
        frame: &Frame,
        payload: bool,
        ethernet: bool,
    ) -> Self {
        let mut sent = Self {
            at,
            interface,
            len: frame.len(),
            segment_size: frame.offload.segment_size,
            headers: Vec::new(),
            sum: payload.then(|| sum(frame)),
        };
        put_headers(&mut sent.headers, frame, payload, ethernet);
        sent
    }
}

/// Which interfaces have Ethernet frames, and whether payload is recorded: what an encoder has to know.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    pub(crate) payload: bool,
    ethernet: Vec<bool>,
}

impl Encoder {
    pub(crate) const fn new(payload: bool) -> Self {
        Self { payload, ethernet: Vec::new() }
    }

    /// Learns the interfaces of `host` that are new.
    pub(crate) fn learn(&mut self, host: &Host) {
        let next = |known: &Vec<bool>| u32::try_from(known.len()).unwrap_or(u32::MAX);
        while let Some(medium) = host.medium_at(next(&self.ethernet)) {
            self.ethernet.push(matches!(medium, Medium::Ethernet(_)));
        }
    }

    pub(crate) fn ethernet(&self, interface: InterfaceId) -> bool {
        self.ethernet.get(interface.index() as usize).copied().unwrap_or(false)
    }

    /// Appends `note` to `out`.
    pub(crate) fn put(&self, out: &mut Vec<u8>, note: &Note) {
        match note {
            Note::Input(input) => {
                out.push(INPUT);
                put(out, input);
                if let Some(payload) = input.payload() {
                    self.put_payload(out, input, payload);
                }
            }
            Note::Drawn(source, drawn) => {
                out.push(DRAWN);
                put(out, &(source, drawn));
            }
            Note::Sent(at, interface, frame) => {
                out.push(SENT);
                put(out, &(at, interface, frame.len(), frame.offload.segment_size));
                put(out, &self.payload.then(|| sum(frame)));
                let at = out.len();
                out.push(0); // Room for their number, which two octets always hold.
                out.push(0);
                put_headers(out, frame, self.payload, self.ethernet(*interface));
                let len = out.len() - at - 2;
                if let Some(room) = out.get_mut(at..at + 2) {
                    room.copy_from_slice(&(len as u16).to_be_bytes());
                }
            }
        }
    }

    fn put_payload(&self, out: &mut Vec<u8>, input: &Input, payload: &Payload) {
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
        let (Input::HandlePacket(_, interface, _), Some(octets)) = (input, chunks.first()) else {
            return put(out, &0usize);
        };
        let headers = Headers::of(self.ethernet(*interface), octets);
        put(out, &headers.len);
        let at = out.len();
        out.extend_from_slice(octets.get(..headers.len).unwrap_or(octets));
        if headers.len < octets.len()
            && let Some(kept) = out.get_mut(at..)
        {
            headers.mask(kept);
        }
    }
}

fn put_headers(out: &mut Vec<u8>, frame: &Frame, payload: bool, ethernet: bool) {
    // As a rule all headers are in the head. Messages that are all body have them there.
    if !put_headers_within(out, frame, payload, ethernet, frame.head.as_slice().len() + USUAL) {
        put_headers_within(out, frame, payload, ethernet, LONGEST);
    }
}

/// Looks at the first `most` octets; `false`, and nothing is appended, when there may be headers behind them.
fn put_headers_within(out: &mut Vec<u8>, frame: &Frame, payload: bool, ethernet: bool, most: usize) -> bool {
    let start = out.len();
    out.extend_from_slice(frame.head.as_slice());
    for chunk in frame.body.chunks() {
        let room = most.saturating_sub(out.len() - start);
        out.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        if chunk.len() >= room {
            break;
        }
    }
    let Some(octets) = out.get_mut(start..) else { return true };
    let headers = Headers::of(ethernet, octets);
    if headers.len == octets.len() && octets.len() < frame.len() && most < LONGEST {
        out.truncate(start);
        return false;
    }
    if headers.len < frame.len() && !payload {
        headers.mask(octets);
    }
    out.truncate(start + headers.len);
    true
}

fn sum(frame: &Frame) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(frame.head.as_slice());
    frame.body.chunks().iter().for_each(|chunk| sum.update(chunk));
    sum.finalize()
}

/// Appends to a vector, as postcard wants it.
struct Tail<'a>(&'a mut Vec<u8>);

impl Flavor for Tail<'_> {
    type Output = ();

    fn try_push(&mut self, octet: u8) -> postcard::Result<()> {
        self.0.push(octet);
        Ok(())
    }

    fn try_extend(&mut self, octets: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(octets);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

pub(crate) fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    // A vector takes everything, and none of our values is of a kind that postcard refuses (tested for each input).
    let written = postcard::serialize_with_flavor(value, Tail(out));
    debug_assert!(written.is_ok(), "{written:?}");
}

/// Reads what an [`Encoder`] wrote.
pub(crate) struct Decoder<'a>(pub(crate) &'a [u8]);

/// One of the three.
#[derive(Debug)]
pub(crate) enum Piece {
    Input(Input),
    Drawn(Source, Drawn),
    Sent(Sent),
}

impl Decoder<'_> {
    /// The next piece; `None` when it is none.
    pub(crate) fn piece(&mut self) -> Option<Piece> {
        let (&kind, rest) = self.0.split_first()?;
        self.0 = rest;
        match kind {
            INPUT => {
                let mut input: Input = self.take()?;
                input.check().ok()?;
                if let Some(room) = input.payload_mut() {
                    *room = self.payload()?;
                }
                if matches!(&input, Input::HandlePacket(_, _, arrived) if arrived.octets.len() > FRAME) {
                    return None;
                }
                Some(Piece::Input(input))
            }
            DRAWN => self.take().map(|(source, drawn)| Piece::Drawn(source, drawn)),
            SENT => {
                let (at, interface, len, segment_size) = self.take()?;
                let sum = self.take()?;
                let count = self.octets(2)?.try_into().map_or(0, u16::from_be_bytes);
                let headers = self.octets(usize::from(count))?.to_vec();
                Some(Piece::Sent(Sent { at, interface, len, segment_size, headers, sum }))
            }
            _ => None,
        }
    }

    fn take<T: for<'de> serde::Deserialize<'de>>(&mut self) -> Option<T> {
        let (value, rest) = postcard::take_from_bytes(self.0).ok()?;
        self.0 = rest;
        Some(value)
    }

    fn octets(&mut self, count: usize) -> Option<&[u8]> {
        let (octets, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(octets)
    }

    fn payload(&mut self) -> Option<Payload> {
        let (held, count): (usize, usize) = self.take()?;
        let mut lens = Vec::new();
        for _ in 0..count {
            lens.push(self.take::<usize>()?);
        }
        let len =
            lens.iter().try_fold(0usize, |sum, len| sum.checked_add(*len)).filter(|len| *len <= MOST)?;
        let kept: usize = self.take()?;
        // Either all is there, or the headers of one frame, or nothing.
        if kept > len || (kept != 0 && kept != len && len > FRAME) {
            return None;
        }
        let mut kept = self.octets(kept)?;
        let mut payload = Payload::EMPTY;
        for chunk in lens {
            let (octets, rest) = kept.split_at(chunk.min(kept.len()));
            kept = rest;
            let octets = restore(octets, chunk);
            if payload.is_empty() {
                payload = Payload::holding(octets, held.saturating_sub(len - chunk));
            } else {
                payload.push(octets);
            }
        }
        Some(payload)
    }
}

/// `kept`, and zeros up to `len` octets.
fn restore(kept: &[u8], len: usize) -> Bytes {
    match ZEROS.get(..len) {
        Some(zeros) if kept.is_empty() => Bytes::from_static(zeros),
        _ if kept.is_empty() => vec![0; len].into(),
        _ => {
            let mut octets = kept.to_vec();
            octets.resize(len, 0);
            octets.into()
        }
    }
}

#[cfg(test)]
mod tests;
