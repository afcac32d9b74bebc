//! IPv6 (RFC 8200): the fixed header; extension headers are walked in [`Chain`].

mod chain;
mod extension;

pub(crate) use chain::walk_quoted;
#[cfg(test)]
mod tests;

pub use chain::{Chain, Fragment, MAX_EXTENSION_HEADERS, MAX_OPTIONS, Problem, Refused, Routing, walk};
pub use extension::{FragmentHeader, HopByHop};

use crate::{Ecn, Head, Malformed, NoRoom, Protocol};
use core::net::Ipv6Addr;
use core::ops::Range;

/// Octets of the fixed header.
pub const HEADER_LEN: usize = 40;
/// The most that the payload length field can tell.
pub const MAX_PAYLOAD_LEN: usize = 65_535;
/// Every link carries packets of this size (RFC 8200 §5).
pub const MIN_MTU: usize = 1280;

/// An IPv6 packet in any bytes, checked once: version and payload length agree with what is there.
///
/// Jumbograms (RFC 2675) are not spoken: a payload length of 0 is an empty payload.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at a whole packet; octets after its payload are the link's padding and not part of it.
    ///
    /// # Errors
    /// `TooShort`, `BadVersion`, or `BadLength` (payload length past the frame).
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut view = Self::quoted(bytes)?;
        view.payload = view.payload.get(..usize::from(view.payload_len())).ok_or(Malformed::BadLength)?;
        Ok(view)
    }

    /// Looks at the beginning of a packet, as an ICMPv6 error quotes it: the payload may be cut short.
    ///
    /// # Errors
    /// `TooShort` or `BadVersion`.
    pub fn quoted(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (header, payload) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(Malformed::TooShort)?;
        if header[0] >> 4 != 6 {
            return Err(Malformed::BadVersion);
        }
        Ok(Self { header, payload })
    }

    /// The six bits of the differentiated services code point.
    pub fn dscp(&self) -> u8 {
        self.traffic_class() >> 2
    }

    /// The two bits of congestion notification.
    pub fn ecn(&self) -> Ecn {
        Ecn::from_bits(self.traffic_class())
    }

    /// The twenty bits of the flow label (RFC 6437).
    pub fn flow_label(&self) -> u32 {
        u32::from_be_bytes([0, self.header[1] & 0xf, self.header[2], self.header[3]])
    }

    /// The payload length field: octets after the fixed header as the sender counted them.
    pub fn payload_len(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    /// What follows the fixed header: an extension header, or an upper layer.
    pub fn next_header(&self) -> Protocol {
        Protocol::new(self.header[6])
    }

    /// How many more routers the packet may pass.
    pub fn hop_limit(&self) -> u8 {
        self.header[7]
    }

    /// Who sent it.
    pub fn src(&self) -> Ipv6Addr {
        let [_, _, _, _, _, _, _, _, src @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *self.header;
        Ipv6Addr::from(src)
    }

    /// Whom it is for.
    pub fn dst(&self) -> Ipv6Addr {
        let [.., a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *self.header;
        Ipv6Addr::from([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }

    /// What follows the fixed header, extension headers included.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Where the payload lies, counted from the packet's first octet: to slice the buffer that it came in.
    pub fn payload_range(&self) -> Range<usize> {
        HEADER_LEN..HEADER_LEN + self.payload.len()
    }

    /// Walks the extension headers to the upper layer.
    ///
    /// # Errors
    /// [`Refused`]: drop the packet, and maybe tell its sender where it went wrong.
    pub fn walk(&self) -> Result<Chain, Refused> {
        walk(self.next_header(), self.payload)
    }

    /// The owned meaning of the fixed header.
    pub fn repr(&self) -> Repr {
        Repr {
            src: self.src(),
            dst: self.dst(),
            next_header: self.next_header(),
            hop_limit: self.hop_limit(),
            dscp: self.dscp(),
            ecn: self.ecn(),
            flow_label: self.flow_label(),
        }
    }

    fn traffic_class(&self) -> u8 {
        self.header[0] << 4 | self.header[1] >> 4
    }
}

/// A fixed header that may be sent. The payload length is computed when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Who sends it.
    pub src: Ipv6Addr,
    /// Whom it is for.
    pub dst: Ipv6Addr,
    /// What follows: an extension header, or an upper layer.
    pub next_header: Protocol,
    /// How many routers it may pass.
    pub hop_limit: u8,
    /// Differentiated services code point, six bits.
    pub dscp: u8,
    /// Congestion notification.
    pub ecn: Ecn,
    /// Flow label, twenty bits (RFC 6437).
    pub flow_label: u32,
}

impl Repr {
    /// A packet with hop limit 64 and flow label 0.
    pub const fn new(src: Ipv6Addr, dst: Ipv6Addr, next_header: Protocol) -> Self {
        Self { src, dst, next_header, hop_limit: 64, dscp: 0, ecn: Ecn::NotEct, flow_label: 0 }
    }

    /// Writes the header before what `head` holds; `body_len` octets follow the head.
    ///
    /// # Errors
    /// [`NoRoom`] in the head, or a payload of more than 65,535 octets. The head is then as it was.
    pub fn prepend_to(&self, head: &mut Head, body_len: usize) -> Result<(), NoRoom> {
        let payload_len = head.len() + body_len;
        if payload_len > MAX_PAYLOAD_LEN {
            return Err(NoRoom);
        }
        self.emit(head.prepend(HEADER_LEN).ok_or(NoRoom)?, payload_len)
    }

    /// Writes the header into the first octets of `out`; `payload_len` octets follow it.
    ///
    /// # Errors
    /// [`NoRoom`] when `out` is shorter than 40 octets, or a payload of more than 65,535.
    pub fn emit(&self, out: &mut [u8], payload_len: usize) -> Result<(), NoRoom> {
        let payload_len = u16::try_from(payload_len).map_err(|_| NoRoom)?;
        let header = out.first_chunk_mut::<HEADER_LEN>().ok_or(NoRoom)?;
        let class = u32::from(self.dscp << 2 | self.ecn.bits());
        let first = 6 << 28 | class << 20 | self.flow_label & 0xf_ffff;
        header[0..4].copy_from_slice(&first.to_be_bytes());
        header[4..6].copy_from_slice(&payload_len.to_be_bytes());
        header[6] = self.next_header.number();
        header[7] = self.hop_limit;
        header[8..24].copy_from_slice(&self.src.octets());
        header[24..40].copy_from_slice(&self.dst.octets());
        Ok(())
    }
}
