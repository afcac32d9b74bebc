//! In what a frame's headers differ from those of the last of its kind: of most frames, in a few octets.
//!
//! ```text
//!   address, ports ─► slot ─► the last of its kind ┬ facts: length, interface, offloads      written when they differ
//!                                                  └ headers, in words of four octets        those that differ: a mask, words
//! ```
//!
//! Writer and reader keep the same table. A slot is a guess: when two kinds meet in one, more words differ.

use crate::headers::Headers;
use crate::octets::{Octets, put_number};
use serde::{Deserialize, Serialize};
use stack::InterfaceId;
use wire::Offload;

/// Octets of headers that there is room for; a frame with more of them is written as a whole.
pub(crate) const ROOM: usize = 128;
const WORD: usize = 4;
const SLOTS: usize = 64;

/// What is known of a frame beside its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) interface: InterfaceId,
    /// Octets in the frame.
    pub(crate) len: usize,
    /// Octets of memory that it keeps; 0 for a frame that goes out.
    pub(crate) held: usize,
    /// Octets of headers.
    pub(crate) headers: u8,
    pub(crate) offload: Offload,
}

/// Headers, with zeros behind them.
pub(crate) type Kept = [u8; ROOM];

#[derive(Clone, Debug)]
struct Last {
    facts: Option<Facts>,
    headers: Kept,
}

/// The last of each kind.
#[derive(Clone, Debug)]
pub(crate) struct Flows(Box<[Last; SLOTS]>);

impl Flows {
    pub(crate) fn new() -> Self {
        Self(Box::new([const { Last { facts: None, headers: [0; ROOM] } }; SLOTS]))
    }

    /// Where frames with these headers belong: by four octets of address, and the ports.
    pub(crate) fn slot(headers: &Headers, kept: &Kept) -> u8 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let address = headers.transport.saturating_sub(4);
        let key = kept.get(address..).and_then(|octets| octets.first_chunk()).copied();
        (u64::from_le_bytes(key.unwrap_or_default()).wrapping_mul(ODD) >> 58) as u8
    }

    /// Whether the last in this slot had the same facts; if not, it has now.
    pub(crate) fn knows(&mut self, slot: u8, facts: &Facts) -> bool {
        let Some(last) = self.0.get_mut(usize::from(slot)) else { return false };
        let same = last.facts.as_ref() == Some(facts);
        if !same {
            last.facts = Some(*facts);
        }
        same
    }

    /// Appends in what `kept`, of which the first `len` octets are headers, differs from the last in this slot.
    pub(crate) fn put(&mut self, out: &mut Vec<u8>, slot: u8, kept: &Kept, len: usize) {
        let Some(Last { headers, .. }) = self.0.get_mut(usize::from(slot)) else { return };
        let differ = differ(headers, kept, len);
        put_number(out, differ.into());
        let (words, mut left) = (kept.as_chunks::<WORD>().0, differ);
        while let Some(word) = words.get(left.trailing_zeros() as usize) {
            out.extend_from_slice(word);
            left &= left - 1;
        }
        *headers = *kept;
    }

    /// The facts of what comes next in this slot: those that were read, or those of the last; `None` when there are none,
    /// or such as no frame has.
    pub(crate) fn facts(&mut self, slot: u8, read: Option<Facts>) -> Option<Facts> {
        let last = self.0.get_mut(usize::from(slot))?;
        last.facts = read.or(last.facts);
        last.facts.filter(|facts| usize::from(facts.headers) <= ROOM.min(facts.len))
    }

    /// The headers that [`put`](Self::put) wrote.
    pub(crate) fn take(&mut self, from: &mut Octets<'_>, slot: u8, len: usize) -> Option<&[u8]> {
        let Last { headers, .. } = self.0.get_mut(usize::from(slot))?;
        let mut differ = u32::try_from(from.take::<u64>()?).ok()?;
        let words = headers.as_chunks_mut::<WORD>().0.get_mut(..len.div_ceil(2 * WORD) * 2)?;
        while differ != 0 {
            *words.get_mut(differ.trailing_zeros() as usize)? = *from.octets(WORD)?.first_chunk()?;
            differ &= differ - 1;
        }
        headers.get_mut(len..)?.fill(0);
        headers.get(..len)
    }
}

/// Which words differ among those that have the first `len` octets: the first is the lowest bit. Two at a time.
#[inline]
fn differ(was: &Kept, is: &Kept, len: usize) -> u32 {
    let (was, is) = (was.as_chunks::<{ 2 * WORD }>().0, is.as_chunks::<{ 2 * WORD }>().0);
    let pairs = was.iter().zip(is).take(len.div_ceil(2 * WORD));
    pairs.enumerate().fold(0, |differ, (at, (was, is))| {
        let pair = u64::from_le_bytes(*was) ^ u64::from_le_bytes(*is);
        let (first, second) = (u32::from(pair as u32 != 0), u32::from(pair >> 32 != 0));
        differ | (first | second << 1) << (2 * at)
    })
}
