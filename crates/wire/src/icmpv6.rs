//! ICMP for IPv6 (RFC 4443). Neighbour discovery is in [`ndp`](crate::ndp), listener discovery in
//! [`mld`](crate::mld); both look at the same bytes.

use crate::icmpv4::TimeExceeded;
use crate::ipv6::Problem;
use crate::{Malformed, Protocol, checksum};
use alloc::vec::Vec;
use core::net::Ipv6Addr;

/// Octets before the data.
pub const HEADER_LEN: usize = 8;
/// The longest error message that we send: with an IPv6 header, 1280 octets (RFC 4443 4443-6).
pub const MAX_ERROR_LEN: usize = 1240;

const DESTINATION_UNREACHABLE: u8 = 1;
const PACKET_TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;
const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;

/// A message in any bytes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER_LEN],
    data: &'a [u8],
    message: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at what follows the last extension header.
    ///
    /// # Errors
    /// `TooShort`.
    pub fn new(message: &'a [u8]) -> Result<Self, Malformed> {
        let (header, data) = message.split_first_chunk().ok_or(Malformed::TooShort)?;
        Ok(Self { header, data, message })
    }

    /// The type; below 128 it is an error.
    pub fn kind(&self) -> u8 {
        self.header[0]
    }

    /// The code, whose meaning depends on the type.
    pub fn code(&self) -> u8 {
        self.header[1]
    }

    /// Whether the checksum verifies; `dst` is the final destination (RFC 4443 4443-3).
    pub fn checksum_ok(&self, src: Ipv6Addr, dst: Ipv6Addr) -> bool {
        verifies(self.message, src, dst)
    }

    /// What follows the first eight octets.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The meaning. Any message has one: what is not known here is [`Repr::Unknown`].
    pub fn repr(&self) -> Repr<'a> {
        let [kind, code, _, _, a, b, c, d] = *self.header;
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let rest = u32::from_be_bytes([a, b, c, d]);
        let quoted = self.data;
        match (kind, code) {
            (DESTINATION_UNREACHABLE, code) => {
                Repr::DestinationUnreachable { code: Unreachable::from_code(code), quoted }
            }
            // RFC 4443 §3.2: the code is ignored by the receiver.
            (PACKET_TOO_BIG, _) => Repr::PacketTooBig { mtu: rest, quoted },
            (TIME_EXCEEDED, 0) => Repr::TimeExceeded { code: TimeExceeded::Transit, quoted },
            (TIME_EXCEEDED, 1) => Repr::TimeExceeded { code: TimeExceeded::Reassembly, quoted },
            (PARAMETER_PROBLEM, code) => Repr::ParameterProblem { code, pointer: rest, quoted },
            (ECHO_REQUEST, 0) => Repr::EchoRequest { identifier: high, sequence: low, data: self.data },
            (ECHO_REPLY, 0) => Repr::EchoReply { identifier: high, sequence: low, data: self.data },
            _ => Repr::Unknown { kind, code, rest: [a, b, c, d], data: self.data },
        }
    }
}

/// What a message means. `quoted` is the beginning of the packet that caused an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repr<'a> {
    /// A packet could not be delivered.
    DestinationUnreachable {
        /// Why.
        code: Unreachable,
        /// The packet.
        quoted: &'a [u8],
    },
    /// A packet is too big for a link on its way.
    PacketTooBig {
        /// What that link takes.
        mtu: u32,
        /// The packet.
        quoted: &'a [u8],
    },
    /// A packet's time ran out.
    TimeExceeded {
        /// Where.
        code: TimeExceeded,
        /// The packet.
        quoted: &'a [u8],
    },
    /// A packet's header was wrong; [`Problem::code`] has the codes.
    ParameterProblem {
        /// What kind of problem.
        code: u8,
        /// The octet of the quoted packet.
        pointer: u32,
        /// The packet.
        quoted: &'a [u8],
    },
    /// Asks for an echo.
    EchoRequest {
        /// Tells askers apart.
        identifier: u16,
        /// Tells an asker's questions apart.
        sequence: u16,
        /// To be sent back unchanged.
        data: &'a [u8],
    },
    /// Answers a request.
    EchoReply {
        /// The request's.
        identifier: u16,
        /// The request's.
        sequence: u16,
        /// The request's.
        data: &'a [u8],
    },
    /// Any other message, kept as it is.
    Unknown {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
        /// The fifth to eighth octet.
        rest: [u8; 4],
        /// What follows.
        data: &'a [u8],
    },
}

impl<'a> Repr<'a> {
    /// A parameter problem as a walk along extension headers found it.
    pub const fn problem(code: Problem, pointer: u32, quoted: &'a [u8]) -> Self {
        Self::ParameterProblem { code: code.code(), pointer, quoted }
    }

    /// Whether it tells of an error, so that no error may be sent about it (RFC 4443 §2.4(e)).
    pub const fn is_error(&self) -> bool {
        match *self {
            Self::EchoRequest { .. } | Self::EchoReply { .. } => false,
            Self::Unknown { kind, .. } => kind < 128,
            _ => true,
        }
    }

    /// The message, checksum included. What is quoted in an error is cut at [`MAX_ERROR_LEN`].
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
        let pair = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
        let (kind, code, rest, data) = match *self {
            Self::DestinationUnreachable { code, quoted } => {
                (DESTINATION_UNREACHABLE, code.code(), 0, quoted)
            }
            Self::PacketTooBig { mtu, quoted } => (PACKET_TOO_BIG, 0, mtu, quoted),
            Self::TimeExceeded { code, quoted } => {
                (TIME_EXCEEDED, u8::from(code == TimeExceeded::Reassembly), 0, quoted)
            }
            Self::ParameterProblem { code, pointer, quoted } => (PARAMETER_PROBLEM, code, pointer, quoted),
            Self::EchoRequest { identifier, sequence, data } => {
                (ECHO_REQUEST, 0, pair(identifier, sequence), data)
            }
            Self::EchoReply { identifier, sequence, data } => {
                (ECHO_REPLY, 0, pair(identifier, sequence), data)
            }
            Self::Unknown { kind, code, rest, data } => (kind, code, u32::from_be_bytes(rest), data),
        };
        let keep = if self.is_error() { MAX_ERROR_LEN - HEADER_LEN } else { data.len() };
        let data = data.get(..keep).unwrap_or(data);
        let mut out = Vec::with_capacity(HEADER_LEN + data.len());
        out.extend_from_slice(&[kind, code, 0, 0]);
        out.extend_from_slice(&rest.to_be_bytes());
        out.extend_from_slice(data);
        fill_checksum(&mut out, src, dst);
        out
    }
}

/// Whether an ICMPv6 message verifies under its pseudo-header.
pub(crate) fn verifies(message: &[u8], src: Ipv6Addr, dst: Ipv6Addr) -> bool {
    checksum::pseudo_header_v6(src, dst, Protocol::ICMPV6, message.len() as u32).with(message).verifies()
}

/// Fills the zero checksum field of a whole message.
pub(crate) fn fill_checksum(message: &mut [u8], src: Ipv6Addr, dst: Ipv6Addr) {
    let sum = checksum::pseudo_header_v6(src, dst, Protocol::ICMPV6, message.len() as u32).with(message);
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&sum.checksum().to_be_bytes());
    }
}

/// Why a packet could not be delivered (RFC 4443 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unreachable {
    /// 0: no route.
    NoRoute,
    /// 1: closed by an administrator.
    Prohibited,
    /// 2: beyond the scope of the source address.
    BeyondScope,
    /// 3: the address does not answer.
    Address,
    /// 4: nobody listens on the port.
    Port,
    /// 5: the source address fails a policy.
    SourcePolicy,
    /// 6: the route rejects.
    RejectRoute,
    /// Any other code.
    Other(u8),
}

impl Unreachable {
    const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::NoRoute,
            1 => Self::Prohibited,
            2 => Self::BeyondScope,
            3 => Self::Address,
            4 => Self::Port,
            5 => Self::SourcePolicy,
            6 => Self::RejectRoute,
            code => Self::Other(code),
        }
    }

    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::NoRoute => 0,
            Self::Prohibited => 1,
            Self::BeyondScope => 2,
            Self::Address => 3,
            Self::Port => 4,
            Self::SourcePolicy => 5,
            Self::RejectRoute => 6,
            Self::Other(code) => code,
        }
    }
}

#[cfg(test)]
mod rfc4443 {
    use super::*;
    use crate::testing::hex;

    const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const DST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

    /// Covers: RFC 4443 4443-3; RFC 8200 8200-18
    #[test]
    fn a_message_known_from_elsewhere_is_written_and_read() {
        let known = hex("0200 76b6 0000 0578 41424344"); // by scapy
        let repr = Repr::PacketTooBig { mtu: 1400, quoted: b"ABCD" };
        assert_eq!(repr.emit(SRC, DST), known);
        let view = View::new(&known).unwrap();
        assert!(view.checksum_ok(SRC, DST) && !view.checksum_ok(SRC, SRC));
        assert_eq!(view.repr(), repr);
    }

    #[test]
    fn every_code_of_every_error_survives() {
        for code in 0..=255 {
            let unreachable = Unreachable::from_code(code);
            assert_eq!(unreachable.code(), code);
            for repr in [
                Repr::DestinationUnreachable { code: unreachable, quoted: b"quoted" },
                Repr::ParameterProblem { code, pointer: 1000, quoted: b"quoted" },
                Repr::TimeExceeded { code: TimeExceeded::Reassembly, quoted: b"quoted" },
                Repr::TimeExceeded { code: TimeExceeded::Transit, quoted: b"quoted" },
            ] {
                assert!(repr.is_error());
                assert_eq!(View::new(&repr.emit(SRC, DST)).unwrap().repr(), repr);
            }
        }
        let problem = Repr::problem(Problem::Option, 44, b"quoted");
        assert_eq!(problem, Repr::ParameterProblem { code: 2, pointer: 44, quoted: b"quoted" });
    }

    #[test]
    fn an_unknown_message_is_an_error_when_its_type_says_so() {
        for (kind, error) in [(100, true), (127, true), (200, false)] {
            let unknown = Repr::Unknown { kind, code: 0, rest: [1, 2, 3, 4], data: b"data" };
            assert_eq!(unknown.is_error(), error);
            assert_eq!(View::new(&unknown.emit(SRC, DST)).unwrap().repr(), unknown);
        }
    }

    /// Covers: RFC 4443 4443-6
    #[test]
    fn an_error_about_a_long_packet_fills_1280_octets_and_no_more() {
        let long = Repr::DestinationUnreachable { code: Unreachable::Port, quoted: &[7; 1500] };
        assert_eq!(long.emit(SRC, DST).len() + crate::ipv6::HEADER_LEN, crate::ipv6::MIN_MTU);
        let echo = Repr::EchoReply { identifier: 1, sequence: 2, data: &[7; 1500] };
        assert_eq!(echo.emit(SRC, DST).len(), 1508);
    }
}
