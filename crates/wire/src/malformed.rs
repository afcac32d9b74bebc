//! What can be wrong with bytes, and with the room for them.

use core::fmt;

/// Why bytes are not a packet of the format that was asked for.
///
/// A malformed packet is dropped and counted; the variant names the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// Fewer octets than the fixed header has.
    TooShort,
    /// A length field says more than there is, or less than it must.
    BadLength,
    /// The version field is another protocol's.
    BadVersion,
    /// The header length field is below its minimum or runs past the packet.
    BadHeaderLength,
    /// An option's length is illegal or runs past the options.
    BadOption,
    /// More extension headers or options than anyone sends.
    TooMany,
    /// A checksum does not verify.
    BadChecksum,
    /// A field has a value that its RFC forbids.
    BadField,
    /// A hardware, address or header type that this stack does not speak.
    Unsupported,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "too short for its header",
            Self::BadLength => "a length field disagrees with the packet",
            Self::BadVersion => "wrong version",
            Self::BadHeaderLength => "bad header length",
            Self::BadOption => "bad option length",
            Self::TooMany => "too many headers or options",
            Self::BadChecksum => "bad checksum",
            Self::BadField => "a field has a forbidden value",
            Self::Unsupported => "unsupported format",
        })
    }
}

impl core::error::Error for Malformed {}

/// A header does not fit: into the room of a [`Head`](crate::Head), into the slice given, or its length field
/// can't tell the length of what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for the header or its length")
    }
}

impl core::error::Error for NoRoom {}
