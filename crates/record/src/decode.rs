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
/// What stands for payload that was left out, in short.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
/// Octets of zeros in one piece of memory. Longer writes share them, in chunks of this size: a few octets of a file may claim
/// [`MOST`], and must not have it.
const PIECE: usize = 1 << 24;

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
    zeros: Zeros,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self { now: Instant::ZERO, flows: Flows::new(), zeros: Zeros(Bytes::from_static(&ZEROS)) }
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
            *room = self.zeros.payload(from)?;
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
        let octets = Payload::holding(self.zeros.behind(kept, facts.len), facts.held);
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

/// Payload that was left out: one piece of memory for all of it, as long as the longest chunk so far.
#[derive(Debug)]
struct Zeros(Bytes);

impl Zeros {
    fn payload(&mut self, from: &mut Octets<'_>) -> Option<Payload> {
        let (held, count): (usize, usize) = from.take()?;
        let mut lens = Vec::new();
        for _ in 0..count {
            lens.push(from.take::<usize>()?);
        }
        let len =
            lens.iter().try_fold(0usize, |sum, len| sum.checked_add(*len)).filter(|len| *len <= MOST)?;
        let kept: usize = from.take()?;
        // Either all is there, or the headers of one frame, or nothing.
        if kept > len || (kept != 0 && kept != len && len > LARGEST) {
            return None;
        }
        let mut kept = from.octets(kept)?;
        let mut payload = Payload::EMPTY;
        let mut push = |octets: Bytes| {
            if payload.is_empty() {
                payload = Payload::holding(octets.clone(), held.saturating_sub(len - octets.len()));
            } else {
                payload.push(octets);
            }
        };
        for chunk in lens {
            let (octets, rest) = kept.split_at(chunk.min(kept.len()));
            kept = rest;
            if octets.is_empty() {
                let mut left = chunk;
                while left > 0 {
                    let piece = self.some(left.min(PIECE));
                    left -= piece.len();
                    push(piece);
                }
            } else {
                push(self.behind(octets, chunk));
            }
        }
        Some(payload)
    }

    /// `kept`, and zeros up to `len` octets. Where something is kept, `len` is no more than that, or [`LARGEST`].
    fn behind(&mut self, kept: &[u8], len: usize) -> Bytes {
        if kept.is_empty() {
            return self.some(len.min(LARGEST));
        }
        let mut octets = Vec::with_capacity(len);
        octets.extend_from_slice(kept);
        octets.resize(len, 0);
        octets.into()
    }

    /// So many of them, at most [`PIECE`].
    fn some(&mut self, len: usize) -> Bytes {
        if self.0.len() < len {
            self.0 = vec![0; len.next_power_of_two().min(PIECE)].into();
        }
        self.0.slice(..len.min(self.0.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Encoder;
    use stack::journal::Noted;
    use stack::{ConnectOptions, Host, HostConfig};

    /// A write of `chunks` as a file without payload has it, read again.
    fn read_again(chunks: &[usize]) -> (usize, Payload) {
        let mut host = Host::new(HostConfig::default(), [1; 32]).unwrap();
        let lo = "127.0.0.1:9".parse().unwrap();
        let id = host.tcp_connect(Instant::ZERO, ConnectOptions::to(lo)).unwrap();
        let mut payload = Payload::EMPTY;
        chunks.iter().for_each(|&len| payload.push(vec![7; len].into()));
        let input = Input::TcpSend(Instant::ZERO, id, payload, Default::default());
        let mut file = Vec::new();
        Encoder::new(false).put(&mut file, Noted::Input(&input));
        let Some(Piece::Input(input)) = Decoder::new().piece(&mut Octets(&file)) else { panic!("no input") };
        let Input::TcpSend(_, _, payload, _) = input else { panic!("{input:?}") };
        (file.len(), payload)
    }

    #[test]
    fn a_write_is_read_with_its_chunks_as_they_were() {
        let (_, payload) = read_again(&[3, 70_000, PIECE]);
        let lens: Vec<_> = payload.chunks().iter().map(Bytes::len).collect();
        assert_eq!((lens, payload.held()), (vec![3, 70_000, PIECE], 70_003 + PIECE));
    }

    #[test]
    fn a_few_octets_of_a_file_do_not_take_what_they_claim() {
        let len = 5 * PIECE + 1;
        let (octets, payload) = read_again(&[len]);
        assert!(octets < 64, "{octets} octets claim so much");
        assert_eq!((payload.len(), payload.held()), (len, len));
        let memory: std::collections::BTreeSet<_> =
            payload.chunks().iter().map(|chunk| chunk.as_ptr()).collect();
        assert_eq!((memory.len(), payload.chunks().len()), (1, 6), "six chunks, and all are the same memory");
        assert!(
            payload
                .chunks()
                .iter()
                .all(|chunk| chunk.len() <= PIECE && chunk.iter().all(|&octet| octet == 0))
        );
    }
}
