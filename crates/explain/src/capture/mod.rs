//! Reading capture files: classic pcap and pcapng, as a stream, as far as they go.
//!
//! ```text
//!   octets ─► Source (where we are) ─┬─ classic ──┐
//!                                    └─ sections ─┴─► Captured, Captured, … ─► End: all of it, or where and why not
//! ```
//!
//! The reader is our own and not a library's because what it holds has to be bounded whatever a file claims: one packet
//! ([`MAX_PACKET`]) and the interfaces of one section. What it needs not is skipped unread, however long it is. Tests
//! hold it against `pcap-parser`.

mod classic;
mod sections;
mod source;
#[cfg(test)]
mod tests;

use classic::Classic;
use env::Instant;
use sections::Sections;
use source::Source;
use std::fmt;
use std::io::{self, Read};

/// The most octets that a record may have: what Wireshark allows too. A file that claims more is broken.
pub const MAX_PACKET: usize = 262_144;

/// The most interfaces that one section may describe.
pub const MAX_INTERFACES: usize = 65_536;

/// A packet as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured<'a> {
    /// Which packet of the file it is, from 1: Wireshark's frame number.
    pub number: u64,
    /// When it was captured, in nanoseconds since 1970 (or since a virtual clock's zero).
    pub at: Instant,
    /// What its first header is: a LINKTYPE number.
    pub link: u32,
    /// The interface's number, counted over all sections from 0; 0 in a classic file.
    pub interface: u32,
    /// What was captured of it.
    pub octets: &'a [u8],
    /// Octets that it had on the wire.
    pub original: usize,
}

/// Why a file could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The file ends inside a record: so many octets are missing.
    Cut {
        /// Octets that the record lacks.
        missing: u64,
    },
    /// A record claims so many octets, which is more than [`MAX_PACKET`].
    TooLong(u32),
    /// A block's length is no length that a block can have.
    BadLength(u32),
    /// The length at a block's end differs from that at its beginning.
    LengthsDiffer(u32, u32),
    /// A packet names an interface that was not described.
    NoInterface(u32),
    /// More interfaces than [`MAX_INTERFACES`].
    TooManyInterfaces,
    /// A section begins with no byte order that is known.
    BadByteOrder(u32),
    /// A section's version is not one that is known.
    BadVersion(u16),
    /// Reading failed.
    Io(io::ErrorKind),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { missing } => {
                write!(f, "the file ends in the middle of a record ({missing} octets missing)")
            }
            Self::TooLong(length) => {
                write!(f, "a record of {length} octets, more than the {MAX_PACKET} that a packet may have")
            }
            Self::BadLength(length) => write!(f, "a block of {length} octets, which no block can have"),
            Self::LengthsDiffer(first, last) => {
                write!(f, "a block that is {first} octets long at its beginning and {last} at its end")
            }
            Self::NoInterface(number) => write!(f, "a packet of interface {number}, which was not described"),
            Self::TooManyInterfaces => write!(f, "more than {MAX_INTERFACES} interfaces"),
            Self::BadByteOrder(magic) => write!(f, "a section in an unknown byte order ({magic:#010x})"),
            Self::BadVersion(major) => write!(f, "a section of the unknown version {major}"),
            Self::Io(kind) => write!(f, "reading failed: {kind}"),
        }
    }
}

/// Where a file ended before its end, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Octets from the file's beginning to the record that could not be read.
    pub offset: u64,
    /// What is wrong there.
    pub why: Trouble,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at octet {}: {}", self.offset, self.why)
    }
}

impl std::error::Error for Broken {}

/// Why a file is no capture that can be read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotACapture {
    /// There is nothing in it.
    Empty,
    /// It is shorter than the header of any capture.
    TooShort,
    /// It begins like something else, which has this name.
    Is(&'static str),
    /// It begins like no capture.
    Unknown([u8; 4]),
    /// It is a classic capture of a version that is not known.
    BadVersion(u16),
    /// Reading failed.
    Io(io::ErrorKind),
}

impl fmt::Display for NotACapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooShort => f.write_str("it is too short to be a capture"),
            Self::Is(what) => write!(f, "it is {what}"),
            Self::Unknown([a, b, c, d]) => {
                write!(f, "it is neither pcap nor pcapng: it begins with {a:02x} {b:02x} {c:02x} {d:02x}")
            }
            Self::BadVersion(major) => write!(f, "it is a pcap of the unknown version {major}"),
            Self::Io(kind) => write!(f, "reading failed: {kind}"),
        }
    }
}

impl std::error::Error for NotACapture {}

/// Reads a capture, one packet at a time, from anything that gives octets.
///
/// ```
/// use handfast_explain::{NotACapture, Reader};
/// assert_eq!(Reader::new(&b"hello, world"[..]).err(), Some(NotACapture::Unknown(*b"hell")));
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    source: Source<R>,
    format: Format,
    packets: u64,
    over: bool,
}

#[derive(Debug)]
enum Format {
    Classic(Classic),
    Sections(Sections),
}

/// A record's header, read; its octets are in the source's buffer.
struct Record {
    at: Instant,
    link: u32,
    interface: u32,
    original: usize,
}

impl<R: Read> Reader<R> {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    /// It is not a capture, and perhaps what it is instead.
    pub fn new(from: R) -> Result<Self, NotACapture> {
        let mut source = Source::new(from);
        let magic = match source.fill(4) {
            Err(error) => return Err(NotACapture::Io(error.kind())),
            Ok(0) => return Err(NotACapture::Empty),
            Ok(1..4) => return Err(NotACapture::TooShort),
            Ok(_) => source.word(0),
        };
        let format = match magic {
            sections::SECTION => Format::Sections(Sections::begin(&mut source)?),
            magic => Format::Classic(Classic::begin(magic, &mut source)?),
        };
        Ok(Self { source, format, packets: 0, over: false })
    }

    /// The next packet; `None` at the end, and after an error.
    ///
    /// # Errors
    /// The file goes on, but cannot be read any further.
    pub fn read(&mut self) -> Result<Option<Captured<'_>>, Broken> {
        if self.over {
            return Ok(None);
        }
        let record = match &mut self.format {
            Format::Classic(classic) => classic.record(&mut self.source),
            Format::Sections(sections) => sections.record(&mut self.source),
        };
        match record {
            Ok(Some(Record { at, link, interface, original })) => {
                self.packets += 1;
                let octets = self.source.held();
                let original = original.max(octets.len());
                Ok(Some(Captured { number: self.packets, at, link, interface, octets, original }))
            }
            Ok(None) => {
                self.over = true;
                Ok(None)
            }
            Err(broken) => {
                self.over = true;
                Err(broken)
            }
        }
    }

    /// Packets read so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Octets of the file read so far.
    pub fn position(&self) -> u64 {
        self.source.position()
    }
}
