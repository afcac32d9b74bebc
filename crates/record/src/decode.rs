//! Reads what an [`Encoder`](crate::entry::Encoder) wrote, or anything else.

use crate::entry::{
    DRAWN, EVENTS, FACTS, FRAME, GONE, ID, INPUT, KIND, POLL, RIGHT, SENT, STAMP, SUM, Sent, TIME, VERIFIED,
};
use crate::flows::Flows;
use crate::octets::Octets;
use bytes::Bytes;
use env::{Drawn, Instant};
use stack::Input;
use stack::journal::{Arrived, Source};
use wire::Payload;

/// Octets of one payload that a file may claim: a connection's buffer holds no more.
const MOST: usize = 1 << 30;
/// Octets of a frame that a file may claim: a train with its headers has fewer.
const LARGEST: usize = 1 << 18;
/// What stands for payload that was left out.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// One piece.
#[derive(Debug)]
pub(crate) enum Piece {
    Input(Input),
    Drawn(Source, Drawn),
    Sent(Sent),
}

impl Piece {
    /// Whether the piece that begins with this octet is an input.
    pub(crate) const fn is_input(first: u8) -> bool {
        matches!(first & KIND, INPUT | POLL | EVENTS | FRAME)
    }
}

/// What a reader has to remember.
#[derive(Debug)]
pub(crate) struct Decoder {
    now: Instant,
    flows: Flows,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self { now: Instant::ZERO, flows: Flows::new() }
    }

    /// The next piece; `None` when it is none.
    pub(crate) fn piece(&mut self, from: &mut Octets<'_>) -> Option<Piece> {
        let first = from.octet()?;
        let has = |flag: u8| first & flag != 0;
        let flags = match first & KIND {
            POLL => TIME,
            FRAME => TIME | FACTS | STAMP | ID,
            GONE => TIME | FACTS | SUM,
            _ => 0,
        };
        if first & !(KIND | flags) != 0 {
            return None;
        }
        match first & KIND {
            INPUT => self.input(from).map(Piece::Input),
            DRAWN => from.take().map(|(source, drawn)| Piece::Drawn(source, drawn)),
            SENT => from.take().map(Piece::Sent),
            POLL => {
                self.time(from, has(TIME))?;
                Some(Piece::Input(Input::PollTransmit(self.now)))
            }
            EVENTS => from.take().map(|times| Piece::Input(Input::PollEvent(times))),
            VERIFIED => Some(Piece::Drawn(RIGHT.0, RIGHT.1)),
            FRAME => self.frame(from, has).map(Piece::Input),
            _ => self.gone(from, has).map(Piece::Sent),
        }
    }

    /// Goes on to a later time, if there is one.
    fn time(&mut self, from: &mut Octets<'_>, later: bool) -> Option<()> {
        if later {
            self.now = after(self.now, from.take()?);
        }
        Some(())
    }

    fn input(&mut self, from: &mut Octets<'_>) -> Option<Input> {
        let mut input: Input = from.take()?;
        input.check().ok()?;
        if let Some(now) = input.now() {
            self.now = now;
        }
        if let Some(room) = input.payload_mut() {
            *room = payload(from)?;
        }
        let too_large =
            matches!(&input, Input::HandlePacket(_, _, arrived) if arrived.octets.len() > LARGEST);
        (!too_large).then_some(input)
    }

    fn frame(&mut self, from: &mut Octets<'_>, has: impl Fn(u8) -> bool) -> Option<Input> {
        let slot = from.octet()?;
        self.time(from, has(TIME))?;
        let at = if has(STAMP) { after(self.now, from.take()?) } else { self.now };
        let id = if has(ID) { from.take()? } else { 0 };
        let read = if has(FACTS) { Some(from.take()?) } else { None };
        let facts = self.flows.facts(slot, read).filter(|facts| facts.len <= LARGEST)?;
        let kept = self.flows.take(from, slot, usize::from(facts.headers))?;
        let octets = Payload::holding(restore(kept, facts.len), facts.held);
        let arrived = Arrived { at, id, offload: facts.offload, octets };
        Some(Input::HandlePacket(self.now, facts.interface, arrived))
    }

    fn gone(&mut self, from: &mut Octets<'_>, has: impl Fn(u8) -> bool) -> Option<Sent> {
        let slot = from.octet()?;
        let at = if has(TIME) { after(self.now, from.take()?) } else { self.now };
        let read = if has(FACTS) { Some(from.take()?) } else { None };
        let facts = self.flows.facts(slot, read)?;
        let sum = if has(SUM) { Some(u32::from_be_bytes(*from.octets(4)?.first_chunk()?)) } else { None };
        let headers = self.flows.take(from, slot, usize::from(facts.headers))?.to_vec();
        let segment_size = facts.offload.segment_size;
        Some(Sent { at, interface: facts.interface, len: facts.len, segment_size, sum, headers })
    }
}

/// So many nanoseconds later, or earlier: they go round.
const fn after(now: Instant, nanos: u64) -> Instant {
    Instant::from_nanos(now.as_nanos().wrapping_add(nanos))
}

fn payload(from: &mut Octets<'_>) -> Option<Payload> {
    let (held, count): (usize, usize) = from.take()?;
    let mut lens = Vec::new();
    for _ in 0..count {
        lens.push(from.take::<usize>()?);
    }
    let len = lens.iter().try_fold(0usize, |sum, len| sum.checked_add(*len)).filter(|len| *len <= MOST)?;
    let kept: usize = from.take()?;
    // Either all is there, or the headers of one frame, or nothing.
    if kept > len || (kept != 0 && kept != len && len > LARGEST) {
        return None;
    }
    let mut kept = from.octets(kept)?;
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

/// `kept`, and zeros up to `len` octets.
fn restore(kept: &[u8], len: usize) -> Bytes {
    match ZEROS.get(..len) {
        Some(zeros) if kept.is_empty() => Bytes::from_static(zeros),
        _ if kept.is_empty() => vec![0; len].into(),
        _ => {
            let mut octets = Vec::with_capacity(len);
            octets.extend_from_slice(kept);
            octets.resize(len, 0);
            octets.into()
        }
    }
}
