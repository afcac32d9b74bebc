//! UDP (RFC 768; over IPv6 RFC 8200 §8.1 and RFC 6935).
//!
//! ```text
//!    IP payload   │ header 8 │ data           │ surplus │
//!                 └── length ────────────────┘           8 ≤ length ≤ IP payload
//! ```

use crate::{Head, Malformed, NoRoom, Payload, Protocol, checksum};
use core::net::IpAddr;
use core::ops::Range;

/// Octets of the header.
pub const HEADER_LEN: usize = 8;
/// Octets from the header's first to its checksum field, for devices that finish checksums.
pub const CHECKSUM_OFFSET: u16 = 6;

/// A datagram in any bytes, checked once: the length field agrees with what is there.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER_LEN],
    datagram: &'a [u8],
    surplus: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at an IP payload.
    ///
    /// # Errors
    /// `TooShort`, or `BadLength` (length below 8, or past the IP payload). A length of 0, which RFC 2675 gives a
    /// meaning in jumbograms, is bad too.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = bytes.first_chunk::<HEADER_LEN>().ok_or(Malformed::TooShort)?;
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        if length < HEADER_LEN {
            return Err(Malformed::BadLength);
        }
        let (datagram, surplus) = bytes.split_at_checked(length).ok_or(Malformed::BadLength)?;
        Ok(Self { header, datagram, surplus })
    }

    /// Where it came from; 0 when no reply is wanted.
    pub fn src_port(&self) -> u16 {
        u16::from_be_bytes([self.header[0], self.header[1]])
    }

    /// Where it goes.
    pub fn dst_port(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// The length field: octets of header and data.
    pub fn length(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    /// The checksum field; 0 says that none was made.
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// Whether the sender made a checksum. Over IPv6 it must have (RFC 8200 §8.1, RFC 6935 §5).
    pub fn has_checksum(&self) -> bool {
        self.checksum() != 0
    }

    /// Whether the checksum verifies. Look at [`has_checksum`](Self::has_checksum) first: none is not a good one.
    pub fn checksum_ok(&self, src: IpAddr, dst: IpAddr) -> bool {
        checksum::pseudo_header(src, dst, Protocol::UDP, u32::from(self.length()))
            .with(self.datagram)
            .verifies()
    }

    /// The data.
    pub fn payload(&self) -> &'a [u8] {
        self.datagram.get(HEADER_LEN..).unwrap_or(&[])
    }

    /// Where the data lies, counted from the header's first octet: to slice the buffer that it came in.
    pub fn payload_range(&self) -> Range<usize> {
        HEADER_LEN..self.datagram.len()
    }

    /// Octets of the IP payload after the datagram's end, where RFC 9868 has options. Not data.
    pub fn surplus(&self) -> &'a [u8] {
        self.surplus
    }

    /// The owned meaning of the header.
    pub fn repr(&self) -> Repr {
        Repr { src_port: self.src_port(), dst_port: self.dst_port() }
    }
}

/// A header that may be sent. The length is computed when it is written, the checksum by [`fill_checksum`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Where it comes from; 0 when no reply is wanted.
    pub src_port: u16,
    /// Where it goes.
    pub dst_port: u16,
}

impl Repr {
    /// Writes the header before what `head` holds (nothing, as a rule); `body_len` octets follow the head.
    /// The checksum field is zero: none was made.
    ///
    /// # Errors
    /// [`NoRoom`] in the head, or more than 65,535 octets in all. The head is then as it was.
    pub fn prepend_to(&self, head: &mut Head, body_len: usize) -> Result<(), NoRoom> {
        let length = u16::try_from(HEADER_LEN + head.len() + body_len).map_err(|_| NoRoom)?;
        let header = head.prepend(HEADER_LEN).and_then(|room| room.first_chunk_mut::<8>()).ok_or(NoRoom)?;
        header[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        header[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        header[4..6].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

/// Writes the checksum of a datagram: `head` begins with the UDP header (no IP header yet) and `body` follows.
///
/// A sum of zero is sent as all ones, since zero says that none was made (RFC 768).
///
/// # Errors
/// `TooShort` when `head` holds no UDP header.
pub fn fill_checksum(head: &mut Head, body: &Payload, src: IpAddr, dst: IpAddr) -> Result<(), Malformed> {
    let length = (head.len() + body.len()) as u32;
    let bytes = head.as_mut_slice();
    bytes.get_mut(6..8).ok_or(Malformed::TooShort)?.fill(0);
    let sum = checksum::pseudo_header(src, dst, Protocol::UDP, length).with(bytes).with_payload(body);
    let checksum = match sum.checksum() {
        0 => 0xffff,
        checksum => checksum,
    };
    bytes.get_mut(6..8).ok_or(Malformed::TooShort)?.copy_from_slice(&checksum.to_be_bytes());
    Ok(())
}

/// Writes the pseudo-header's sum only, for a device that adds the rest
/// ([`Checksum::Partial`](crate::Checksum::Partial) with [`CHECKSUM_OFFSET`]). `head` begins with the UDP header.
///
/// # Errors
/// `TooShort` when `head` holds no UDP header.
pub fn fill_partial_checksum(
    head: &mut Head,
    body_len: usize,
    src: IpAddr,
    dst: IpAddr,
) -> Result<(), Malformed> {
    let length = (head.len() + body_len) as u32;
    let sum = checksum::pseudo_header(src, dst, Protocol::UDP, length).fold();
    head.as_mut_slice().get_mut(6..8).ok_or(Malformed::TooShort)?.copy_from_slice(&sum.to_be_bytes());
    Ok(())
}
