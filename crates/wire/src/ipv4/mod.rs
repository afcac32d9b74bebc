//! IPv4 (RFC 791): the header, its options, and where the payload ends.
//!
//! ```text
//!    frame   │ header 20 │ options 0–40 │ payload            │ padding of the link │
//!            └── IHL·4 ────────────────┘                     │
//!            └── total length ─────────────────────────────┘      IHL·4 ≤ total length ≤ frame
//! ```

mod options;
#[cfg(test)]
mod tests;

pub use options::{
    LOOSE_SOURCE_ROUTE, OptionView, OptionWalk, Options, OptionsSeen, ROUTER_ALERT, STRICT_SOURCE_ROUTE,
};

use crate::{Ecn, Head, Malformed, NoRoom, Protocol, checksum};
use core::net::Ipv4Addr;
use core::ops::Range;

/// Octets of a header without options.
pub const HEADER_LEN: usize = 20;
/// The longest header.
pub const MAX_HEADER_LEN: usize = 60;
/// The longest packet.
pub const MAX_PACKET_LEN: usize = 65_535;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;

/// An IPv4 packet in any bytes, checked once: version, header length and total length agree with what is there.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER_LEN],
    options: &'a [u8],
    payload: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at a whole packet (RFC 791 791-1); octets after its total length are the link's padding and not part of it.
    ///
    /// # Errors
    /// `TooShort`, `BadVersion`, `BadHeaderLength` (IHL below 5 or past the total length) or `BadLength` (total
    /// length past the frame), RFC 791 §3.1.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut view = Self::quoted(bytes)?;
        let payload_len =
            usize::from(view.total_len()).checked_sub(view.header_len()).ok_or(Malformed::BadHeaderLength)?;
        view.payload = view.payload.get(..payload_len).ok_or(Malformed::BadLength)?;
        Ok(view)
    }

    /// Looks at the beginning of a packet, as an ICMP error quotes it: the total length may say more than there is.
    ///
    /// # Errors
    /// `TooShort`, `BadVersion` or `BadHeaderLength`.
    pub fn quoted(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (header, rest) = bytes.split_first_chunk().ok_or(Malformed::TooShort)?;
        let view = Self { header, options: &[], payload: rest };
        if header[0] >> 4 != 4 {
            return Err(Malformed::BadVersion);
        }
        let options_len = view.header_len().checked_sub(HEADER_LEN).ok_or(Malformed::BadHeaderLength)?;
        let (options, payload) = rest.split_at_checked(options_len).ok_or(Malformed::BadHeaderLength)?;
        Ok(Self { header, options, payload })
    }

    /// Octets of header and options.
    pub fn header_len(&self) -> usize {
        usize::from(self.header[0] & 0xf) * 4
    }

    /// The total length field: octets of header and payload as the sender counted them.
    pub fn total_len(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// The six bits of the differentiated services code point (RFC 2474).
    pub fn dscp(&self) -> u8 {
        self.header[1] >> 2
    }

    /// The two bits of congestion notification.
    pub fn ecn(&self) -> Ecn {
        Ecn::from_bits(self.header[1])
    }

    /// The identification; means something on fragments only (RFC 6864).
    pub fn identification(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    /// Whether routers may not fragment the packet.
    pub fn dont_fragment(&self) -> bool {
        self.flags_and_offset() & DONT_FRAGMENT != 0
    }

    /// Whether fragments follow this one.
    pub fn more_fragments(&self) -> bool {
        self.flags_and_offset() & MORE_FRAGMENTS != 0
    }

    /// Where this fragment's payload starts in the whole packet's, in octets.
    pub fn fragment_offset(&self) -> usize {
        usize::from(self.flags_and_offset() & 0x1fff) * 8
    }

    /// Whether this is only a part of a packet.
    pub fn is_fragment(&self) -> bool {
        self.more_fragments() || self.fragment_offset() != 0
    }

    /// How many more routers the packet may pass.
    pub fn ttl(&self) -> u8 {
        self.header[8]
    }

    /// What the payload is.
    pub fn protocol(&self) -> Protocol {
        Protocol::new(self.header[9])
    }

    /// The header checksum field.
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[10], self.header[11]])
    }

    /// Whether the header checksum verifies (RFC 791 §3.1).
    pub fn checksum_ok(&self) -> bool {
        checksum::sum(self.header).with(self.options).verifies()
    }

    /// Who sent it.
    pub fn src(&self) -> Ipv4Addr {
        Ipv4Addr::new(self.header[12], self.header[13], self.header[14], self.header[15])
    }

    /// Whom it is for.
    pub fn dst(&self) -> Ipv4Addr {
        Ipv4Addr::new(self.header[16], self.header[17], self.header[18], self.header[19])
    }

    /// The options' octets, with their padding.
    pub fn option_bytes(&self) -> &'a [u8] {
        self.options
    }

    /// Walks the options.
    pub fn options(&self) -> OptionWalk<'a> {
        OptionWalk::new(self.options)
    }

    /// What the options ask for, or where the first bad one is. All others are skipped (RFC 791 791-11; RFC 9293
    /// MAY-10, MAY-11).
    ///
    /// # Errors
    /// The offset from the packet's first octet to the option whose length is illegal: the pointer of an ICMP
    /// parameter problem.
    pub fn check_options(&self) -> Result<OptionsSeen, u8> {
        let mut seen = OptionsSeen::default();
        for option in self.options() {
            let option = option.map_err(|at| (HEADER_LEN + at) as u8)?;
            match option.kind {
                LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE => seen.source_route = true,
                ROUTER_ALERT => seen.router_alert = true,
                _ => {}
            }
        }
        Ok(seen)
    }

    /// What the packet carries.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Where the payload lies, counted from the packet's first octet: to slice the buffer that it came in.
    pub fn payload_range(&self) -> Range<usize> {
        let start = self.header_len();
        start..start + self.payload.len()
    }

    /// The owned meaning of the header.
    pub fn repr(&self) -> Repr {
        Repr {
            src: self.src(),
            dst: self.dst(),
            protocol: self.protocol(),
            ttl: self.ttl(),
            dscp: self.dscp(),
            ecn: self.ecn(),
            identification: self.identification(),
            dont_fragment: self.dont_fragment(),
            more_fragments: self.more_fragments(),
            fragment_offset: self.flags_and_offset() & 0x1fff,
            options: Options::new(self.options).unwrap_or(Options::NONE),
        }
    }

    fn flags_and_offset(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }
}

/// A header that may be sent. Lengths and the checksum are computed when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Who sends it.
    pub src: Ipv4Addr,
    /// Whom it is for.
    pub dst: Ipv4Addr,
    /// What the payload is.
    pub protocol: Protocol,
    /// How many routers it may pass.
    pub ttl: u8,
    /// Differentiated services code point, six bits.
    pub dscp: u8,
    /// Congestion notification.
    pub ecn: Ecn,
    /// Identification; means something on fragments only (RFC 6864).
    pub identification: u16,
    /// Routers may not fragment the packet.
    pub dont_fragment: bool,
    /// Fragments follow this one.
    pub more_fragments: bool,
    /// Where the payload starts in the whole packet's, in units of eight octets.
    pub fragment_offset: u16,
    /// Options as octets.
    pub options: Options,
}

impl Repr {
    /// A whole packet with TTL 64, no options, and "don't fragment" set, as path MTU discovery wants it.
    pub const fn new(src: Ipv4Addr, dst: Ipv4Addr, protocol: Protocol) -> Self {
        Self {
            src,
            dst,
            protocol,
            ttl: 64,
            dscp: 0,
            ecn: Ecn::NotEct,
            identification: 0,
            dont_fragment: true,
            more_fragments: false,
            fragment_offset: 0,
            options: Options::NONE,
        }
    }

    /// Octets of the header.
    pub fn header_len(&self) -> usize {
        HEADER_LEN + self.options.as_slice().len()
    }

    /// Writes the header, checksum included, before what `head` holds; `body_len` octets follow the head.
    ///
    /// # Errors
    /// [`NoRoom`] in the head, or more than 65,535 octets in all. The head is then as it was.
    pub fn prepend_to(&self, head: &mut Head, body_len: usize) -> Result<(), NoRoom> {
        let payload_len = head.len() + body_len;
        if self.header_len() + payload_len > MAX_PACKET_LEN {
            return Err(NoRoom);
        }
        self.emit(head.prepend(self.header_len()).ok_or(NoRoom)?, payload_len)
    }

    /// Writes the header, checksum included (RFC 791 791-13), into the first octets of `out`; `payload_len` octets follow it.
    ///
    /// # Errors
    /// [`NoRoom`] when `out` is shorter than the header, or more than 65,535 octets in all.
    pub fn emit(&self, out: &mut [u8], payload_len: usize) -> Result<(), NoRoom> {
        let options = self.options.as_slice();
        let total_len = u16::try_from(self.header_len() + payload_len).map_err(|_| NoRoom)?;
        let out = out.get_mut(..self.header_len()).ok_or(NoRoom)?;
        let (header, room) = out.split_first_chunk_mut::<HEADER_LEN>().ok_or(NoRoom)?;
        let flags = if self.dont_fragment { DONT_FRAGMENT } else { 0 }
            | if self.more_fragments { MORE_FRAGMENTS } else { 0 }
            | self.fragment_offset & 0x1fff;
        header[0] = 0x40 | (self.header_len() / 4) as u8;
        header[1] = self.dscp << 2 | self.ecn.bits();
        header[2..4].copy_from_slice(&total_len.to_be_bytes());
        header[4..6].copy_from_slice(&self.identification.to_be_bytes());
        header[6..8].copy_from_slice(&flags.to_be_bytes());
        header[8] = self.ttl;
        header[9] = self.protocol.number();
        header[10..12].fill(0);
        header[12..16].copy_from_slice(&self.src.octets());
        header[16..20].copy_from_slice(&self.dst.octets());
        room.copy_from_slice(options);
        let checksum = checksum::sum(header).with(options).checksum();
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        Ok(())
    }
}
