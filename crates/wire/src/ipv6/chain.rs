//! The walk along extension headers, strictly in order and bounded (RFC 8200 §4).
//!
//! ```text
//!    IPv6 ─► hop-by-hop ─► destination ─► routing ─► fragment ─► … ─► upper layer
//!              first only    └── any order and number, up to MAX_EXTENSION_HEADERS ──┘
//!
//!    stops early at a fragment that is not the first: what follows it is not a header
//! ```

use super::HEADER_LEN;
use crate::{Malformed, Protocol};

/// Extension headers in one packet before it is refused. RFC 8200 §4.1 recommends five at most.
pub const MAX_EXTENSION_HEADERS: usize = 16;
/// Options other than padding in one packet before it is refused (RFC 8504 §5.3 suggests limits of this kind).
pub const MAX_OPTIONS: usize = 32;

const PAD1: u8 = 0;
const PADN: u8 = 1;
const ROUTER_ALERT: u8 = 5;

/// Where a walk along the extension headers came to. Offsets count from the first octet of the IPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// What the walk came to: an upper layer, known or not, or [`Protocol::NO_NEXT_HEADER`].
    pub protocol: Protocol,
    /// Where that begins; on a fragment after the first, where the fragment's data begins.
    pub offset: usize,
    /// Where the octet is that names `protocol`: the pointer of a parameter problem "unrecognized next header".
    pub named_at: usize,
    /// The fragment header, if there was one. On a first or later fragment (see [`Fragment::is_atomic`]) the
    /// packet goes to reassembly, not to `protocol`.
    pub fragment: Option<Fragment>,
    /// The last routing header; no segments are left in it.
    pub routing: Option<Routing>,
    /// The value of a router alert option (RFC 2711).
    pub router_alert: Option<u16>,
}

/// A fragment header as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Where this part starts in the reassembled payload, in octets.
    pub offset: usize,
    /// Parts follow this one.
    pub more: bool,
    /// Names the packet that the parts belong to.
    pub identification: u32,
    /// What the reassembled payload starts with.
    pub next_header: Protocol,
    /// Where the fragment header begins: the unfragmentable part ends here.
    pub header_at: usize,
    /// Where the octet is that names the fragment header; it names `next_header` once reassembled.
    pub named_at: usize,
}

impl Fragment {
    /// A packet that is all its parts at once, and is taken as if it had no fragment header (RFC 8200
    /// 8200-15).
    pub const fn is_atomic(&self) -> bool {
        self.offset == 0 && !self.more
    }

    /// Where the fragment's data begins.
    pub const fn data_at(&self) -> usize {
        self.header_at + 8
    }
}

/// A routing header with no segments left, which a host skips (RFC 8200 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routing {
    /// Routing type; 0 is the deprecated source route (RFC 5095).
    pub kind: u8,
    /// Where the header begins.
    pub at: usize,
}

/// Why a packet is dropped at its extension headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Drop it and say nothing.
    Silently(Malformed),
    /// Drop it and send an ICMPv6 parameter problem.
    Report {
        /// The problem's code.
        code: Problem,
        /// Where it is, counted from the first octet of the IPv6 header.
        pointer: u32,
        /// Whether it is sent even when the packet was for a multicast address (option action 10).
        even_multicast: bool,
    },
}

/// Codes of the ICMPv6 parameter problem (RFC 4443 §3.4, RFC 7112 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// 0: a header field has a value that can't be.
    Field,
    /// 1: a next header that is not known here.
    NextHeader,
    /// 2: an option that is not known here.
    Option,
    /// 3: the first fragment does not hold all headers.
    IncompleteChain,
}

impl Problem {
    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Field => 0,
            Self::NextHeader => 1,
            Self::Option => 2,
            Self::IncompleteChain => 3,
        }
    }
}

const fn report(code: Problem, pointer: usize) -> Refused {
    Refused::Report { code, pointer: pointer as u32, even_multicast: false }
}

/// Walks from the header named `first`, which `payload` begins with, to the upper layer.
///
/// `payload` is what follows the fixed header, so that offsets are those of the packet. The chain of a reassembled
/// packet is walked by giving its payload and the first header's name.
///
/// # Errors
/// [`Refused`], at the first header that is wrong: strictly in order (RFC 8200 8200-2), though any order and number
/// is taken up to the cap (8200-4).
pub fn walk(first: Protocol, payload: &[u8]) -> Result<Chain, Refused> {
    let mut walk = Walk {
        payload,
        chain: Chain {
            protocol: first,
            offset: HEADER_LEN,
            named_at: 6,
            fragment: None,
            routing: None,
            router_alert: None,
        },
        options: 0,
    };
    for count in 0..=MAX_EXTENSION_HEADERS {
        match walk.chain.protocol {
            Protocol::HOP_BY_HOP if count == 0 => walk.options_header()?,
            // RFC 8200 §4.1: anywhere else, it is an unknown next header.
            Protocol::HOP_BY_HOP => return Err(report(Problem::NextHeader, walk.chain.named_at)),
            Protocol::DESTINATION_OPTIONS => walk.options_header()?,
            Protocol::ROUTING => walk.routing_header()?,
            Protocol::FRAGMENT => {
                walk.fragment_header()?;
                if walk.chain.fragment.is_some_and(|fragment| fragment.offset > 0) {
                    return Ok(walk.chain);
                }
            }
            upper => {
                walk.upper_layer(upper)?;
                return Ok(walk.chain);
            }
        }
    }
    Err(Refused::Silently(Malformed::TooMany))
}

/// Finds the transport header in a quoted packet, which may be cut anywhere and is not judged: what it is, and where
/// in `payload` it begins. Past the end when it is not there.
pub(crate) fn walk_quoted(first: Protocol, payload: &[u8]) -> (Protocol, usize) {
    let (mut protocol, mut at) = (first, 0);
    for _ in 0..MAX_EXTENSION_HEADERS {
        let length = match (protocol, payload.get(at..).and_then(|here| here.first_chunk::<4>())) {
            (
                Protocol::HOP_BY_HOP | Protocol::DESTINATION_OPTIONS | Protocol::ROUTING,
                Some(&[_, units, ..]),
            ) => (usize::from(units) + 1) * 8,
            (Protocol::FRAGMENT, Some(&[_, _, high, low])) if u16::from_be_bytes([high, low]) < 8 => 8,
            (Protocol::FRAGMENT, Some(&[next, ..])) => return (Protocol::new(next), payload.len()),
            _ => break,
        };
        protocol = Protocol::new(payload.get(at).copied().unwrap_or(0));
        at += length;
    }
    (protocol, at)
}

struct Walk<'a> {
    payload: &'a [u8],
    chain: Chain,
    options: usize,
}

impl<'a> Walk<'a> {
    /// The octets from the current header on.
    fn here(&self) -> &'a [u8] {
        self.payload.get(self.chain.offset - HEADER_LEN..).unwrap_or(&[])
    }

    /// The current header ends past the packet: silently dropped, except that the sender of a first fragment is
    /// told that all headers must be in it (RFC 8200 §5, RFC 7112 §5).
    fn cut_short(&self) -> Refused {
        match self.chain.fragment {
            Some(fragment) if fragment.more => report(Problem::IncompleteChain, 0),
            _ => Refused::Silently(Malformed::BadLength),
        }
    }

    fn step_over(&mut self, length: usize, next: u8) {
        self.chain.named_at = self.chain.offset;
        self.chain.offset += length;
        self.chain.protocol = Protocol::new(next);
    }

    /// The octets of a header whose second octet counts its length in units of eight, the first not counted.
    fn measured(&self) -> Result<(&'a [u8; 8], &'a [u8]), Refused> {
        let here = self.here();
        let start = here.first_chunk::<8>().ok_or(self.cut_short())?;
        let whole = here.get(..(usize::from(start[1]) + 1) * 8).ok_or(self.cut_short())?;
        Ok((start, whole))
    }

    /// RFC 8200 §4.2 (8200-5, and 8200-6 for padding): options are looked at one after the other; the type's top two bits say what to do with an
    /// unknown one.
    fn options_header(&mut self) -> Result<(), Refused> {
        let (start, header) = self.measured()?;
        let mut at = 2;
        while let Some(&kind) = header.get(at) {
            if kind == PAD1 {
                at += 1;
                continue;
            }
            let length = usize::from(*header.get(at + 1).ok_or(Refused::Silently(Malformed::BadOption))?);
            let data = header.get(at + 2..at + 2 + length).ok_or(Refused::Silently(Malformed::BadOption))?;
            if kind != PADN {
                self.options += 1;
                if self.options > MAX_OPTIONS {
                    return Err(Refused::Silently(Malformed::TooMany));
                }
                self.option(kind, data, self.chain.offset + at)?;
            }
            at += 2 + length;
        }
        self.step_over(header.len(), start[0]);
        Ok(())
    }

    fn option(&mut self, kind: u8, data: &[u8], at: usize) -> Result<(), Refused> {
        if let (ROUTER_ALERT, &[high, low]) = (kind, data) {
            self.chain.router_alert = Some(u16::from_be_bytes([high, low]));
            return Ok(());
        }
        match kind >> 6 {
            0 => Ok(()),
            1 => Err(Refused::Silently(Malformed::Unsupported)),
            action => Err(Refused::Report {
                code: Problem::Option,
                pointer: at as u32,
                even_multicast: action == 2,
            }),
        }
    }

    /// RFC 8200 8200-7: no routing type is acted on. With segments left, the sender is told; type 0 is treated
    /// like any other (RFC 5095 5095-1).
    fn routing_header(&mut self) -> Result<(), Refused> {
        let (start, header) = self.measured()?;
        let [next, _, kind, segments_left, ..] = *start;
        if segments_left > 0 {
            return Err(report(Problem::Field, self.chain.offset + 2));
        }
        self.chain.routing = Some(Routing { kind, at: self.chain.offset });
        self.step_over(header.len(), next);
        Ok(())
    }

    /// RFC 8200 §4.5 (8200-12 and 8200-13).
    fn fragment_header(&mut self) -> Result<(), Refused> {
        if self.chain.fragment.is_some_and(|fragment| !fragment.is_atomic()) {
            return Err(Refused::Silently(Malformed::BadField)); // fragments inside fragments
        }
        let here = self.here();
        let &[next, _, offset_high, offset_low, a, b, c, d] =
            here.first_chunk::<8>().ok_or(self.cut_short())?;
        let raw = u16::from_be_bytes([offset_high, offset_low]);
        let fragment = Fragment {
            offset: usize::from(raw & !7),
            more: raw & 1 != 0,
            identification: u32::from_be_bytes([a, b, c, d]),
            next_header: Protocol::new(next),
            header_at: self.chain.offset,
            named_at: self.chain.named_at,
        };
        let data_len = here.len() - 8;
        if fragment.more && !data_len.is_multiple_of(8) {
            return Err(report(Problem::Field, 4)); // the payload length is to blame
        }
        if fragment.header_at - HEADER_LEN + fragment.offset + data_len > super::MAX_PAYLOAD_LEN {
            return Err(report(Problem::Field, fragment.header_at + 2));
        }
        self.chain.fragment = Some(fragment);
        self.step_over(8, next);
        Ok(())
    }

    /// A first fragment holds the whole upper-layer header too (RFC 8200 8200-14).
    fn upper_layer(&self, upper: Protocol) -> Result<(), Refused> {
        if !self.chain.fragment.is_some_and(|fragment| fragment.more) {
            return Ok(());
        }
        let here = self.here();
        let needed = match upper {
            Protocol::TCP => here.get(12).map_or(20, |octet| usize::from(octet >> 4).max(5) * 4),
            Protocol::UDP | Protocol::ICMPV6 => 8,
            _ => 0,
        };
        if here.len() < needed { Err(self.cut_short()) } else { Ok(()) }
    }
}
