//! The file: a head that people can read, blocks with a checksum each, and an end that says that it is one.
//!
//! ```text
//!   magic (8) ┬ format (2) ┬ head: length (4), JSON, CRC-32 (4) ┬ block ┬ block ┬ … ┬ end
//!                                                               └ kind (1), length (4), CRC-32 (4), pieces
//! ```
//!
//! All numbers are big-endian. An input and what came of it are in one block. A file without an end was cut: what is in its whole blocks is
//! read, and the reader says so.

use crate::decode::{Decoder, Piece};
use crate::entry::Entry;
use crate::octets::Octets;
use serde::{Deserialize, Serialize};
use stack::HostConfig;
use std::fmt;
use std::io::{self, Read};

/// What a recording begins with. The line break and the end-of-file mark show what a transfer as text has done to it.
pub(crate) const MAGIC: [u8; 8] = *b"HFREC\r\n\x1a";
/// The format of this version. Whoever changes how a piece is written changes the number.
pub const FORMAT: u16 = 7;
/// What is in a block.
pub(crate) const PIECES: u8 = b'B';
pub(crate) const END: u8 = b'E';
/// Octets that a head or a block may have.
const MOST: u32 = 1 << 30;

/// What a recording says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the program that wrote it.
    pub program: String,
    /// Whether payload is in it.
    pub payload: bool,
    /// Whatever its maker wanted to say: the command, as a rule.
    pub about: String,
    /// When it began: seconds since 1970.
    pub began: u64,
    /// The host's settings.
    pub config: HostConfig,
}

/// How a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Whole,
    /// In the middle: whoever wrote it was stopped. What is there is good.
    Cut,
}

/// Why a file cannot be read, or not further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// It is no recording at all.
    NotARecording,
    /// A recording in another format, by number: for another version of the program.
    Format(u16),
    /// Its head is damaged, or has settings that this version does not know.
    Head,
    /// A block is damaged: the one that begins so many octets into the file.
    Damaged(u64),
    /// The system could not read it.
    Io(io::ErrorKind),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARecording => f.write_str("it is not a recording"),
            Self::Format(other) => {
                write!(f, "it is a recording in format {other}; this version reads format {FORMAT}")
            }
            Self::Head => f.write_str("its head is damaged"),
            Self::Damaged(at) => write!(f, "it is damaged: the block at octet {at} is not as it was written"),
            Self::Io(kind) => kind.fmt(f),
        }
    }
}

impl std::error::Error for Unreadable {}

impl From<io::Error> for Unreadable {
    fn from(why: io::Error) -> Self {
        Self::Io(why.kind())
    }
}

/// The beginning of a file.
pub(crate) fn beginning(head: &Head) -> serde_json::Result<Vec<u8>> {
    let text = serde_json::to_vec(head)?;
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&FORMAT.to_be_bytes());
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(&text);
    out.extend_from_slice(&crc32fast::hash(&text).to_be_bytes());
    Ok(out)
}

/// What stands before the octets of a block.
pub(crate) fn block(kind: u8, octets: &[u8]) -> [u8; 9] {
    let ([l0, l1, l2, l3], [c0, c1, c2, c3]) =
        ((octets.len() as u32).to_be_bytes(), crc32fast::hash(octets).to_be_bytes());
    [kind, l0, l1, l2, l3, c0, c1, c2, c3]
}

/// A recording that is read, one block in memory at a time.
#[derive(Debug)]
pub struct Recording<R> {
    from: R,
    head: Head,
    /// Octets read so far.
    at: u64,
    block: Vec<u8>,
    /// Where the block begins in the file, and where in the block the next piece does.
    block_at: u64,
    next: usize,
    decoder: Decoder,
    entries: u64,
    end: Option<End>,
}

impl<R: Read> Recording<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn open(mut from: R) -> Result<Self, Unreadable> {
        let mut start = [0; 10];
        let (magic, [f0, f1]) = match from.read_exact(&mut start) {
            Ok(()) => (start.first_chunk::<8>(), [start[8], start[9]]),
            Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => (None, [0; 2]),
            Err(why) => return Err(why.into()),
        };
        if magic != Some(&MAGIC) {
            return Err(Unreadable::NotARecording);
        }
        match u16::from_be_bytes([f0, f1]) {
            FORMAT => {}
            other => return Err(Unreadable::Format(other)),
        }
        let mut number = || -> Result<u32, Unreadable> {
            let mut octets = [0; 4];
            from.read_exact(&mut octets).map_err(|_| Unreadable::Head)?;
            Ok(u32::from_be_bytes(octets))
        };
        let len = number()?;
        if len > MOST {
            return Err(Unreadable::Head);
        }
        let mut text = Vec::new();
        from.by_ref().take(len.into()).read_to_end(&mut text)?;
        let mut sum = [0; 4];
        from.read_exact(&mut sum).map_err(|_| Unreadable::Head)?;
        if text.len() != len as usize || crc32fast::hash(&text) != u32::from_be_bytes(sum) {
            return Err(Unreadable::Head);
        }
        let head = serde_json::from_slice(&text).map_err(|_| Unreadable::Head)?;
        let at = 10 + 4 + u64::from(len) + 4;
        let (decoder, block) = (Decoder::new(), Vec::new());
        Ok(Self { from, head, at, block, block_at: at, next: 0, decoder, entries: 0, end: None })
    }

    /// What it says of itself.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// How it ends, once it has.
    pub const fn end(&self) -> Option<End> {
        self.end
    }

    /// The next input and what came of it; `None` at the end.
    ///
    /// # Errors
    /// [`Unreadable`]; there is nothing behind it that could be read.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Unreadable> {
        let Some(Piece::Input(input)) = self.piece()? else {
            // What came of an input is never without it.
            return if self.end.is_some() { Ok(None) } else { Err(Unreadable::Damaged(self.block_at)) };
        };
        self.entries += 1;
        let mut entry = Entry { number: self.entries, input, drawn: Vec::new(), sent: Vec::new() };
        // What came of an input is in the same block.
        while self.block.get(self.next).is_some_and(|first| !Piece::is_input(*first)) {
            match self.piece()? {
                Some(Piece::Drawn(source, drawn)) => entry.drawn.push((source, drawn)),
                Some(Piece::Sent(sent)) => entry.sent.push(sent),
                _ => return Err(Unreadable::Damaged(self.block_at)),
            }
        }
        Ok(Some(entry))
    }

    fn piece(&mut self) -> Result<Option<Piece>, Unreadable> {
        if !self.fill()? {
            return Ok(None);
        }
        let mut octets = Octets(self.block.get(self.next..).unwrap_or(&[]));
        let piece = self.decoder.piece(&mut octets).ok_or(Unreadable::Damaged(self.block_at))?;
        self.next = self.block.len() - octets.0.len();
        Ok(Some(piece))
    }

    /// Reads blocks until there is something in one; `false` at the end.
    fn fill(&mut self) -> Result<bool, Unreadable> {
        while self.next >= self.block.len() {
            if self.end.is_some() {
                return Ok(false);
            }
            self.block.clear();
            (self.next, self.block_at) = (0, self.at);
            let mut start = Vec::with_capacity(9);
            self.from.by_ref().take(9).read_to_end(&mut start)?;
            let Ok([kind, l0, l1, l2, l3, c0, c1, c2, c3]) = <[u8; 9]>::try_from(start) else {
                self.end = Some(End::Cut);
                continue;
            };
            let (len, sum) = (u32::from_be_bytes([l0, l1, l2, l3]), u32::from_be_bytes([c0, c1, c2, c3]));
            if len > MOST || !matches!(kind, PIECES | END) {
                return Err(Unreadable::Damaged(self.block_at));
            }
            self.from.by_ref().take(len.into()).read_to_end(&mut self.block)?;
            if self.block.len() < len as usize {
                self.block.clear();
                self.end = Some(End::Cut);
                continue;
            }
            if crc32fast::hash(&self.block) != sum {
                return Err(Unreadable::Damaged(self.block_at));
            }
            self.at += 9 + u64::from(len);
            if kind == END {
                self.block.clear();
                self.end = Some(End::Whole);
            }
        }
        Ok(true)
    }
}
