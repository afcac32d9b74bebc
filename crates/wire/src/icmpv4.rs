//! ICMP for IPv4 (RFC 792; RFC 1122 §3.2.2; RFC 1191 §4 for the next-hop MTU).
//!
//! ```text
//!    │ type 1 │ code 1 │ checksum 2 │ rest 4: id and sequence, MTU, pointer … │ data, or the packet quoted │
//! ```

use crate::{Malformed, checksum};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// Octets before the data.
pub const HEADER_LEN: usize = 8;
/// The longest error message that we send: with an IPv4 header, 576 octets (RFC 1812 §4.3.2.3).
pub const MAX_ERROR_LEN: usize = 556;

const ECHO_REPLY: u8 = 0;
const DESTINATION_UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const REDIRECT: u8 = 5;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;

/// A message in any bytes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER_LEN],
    data: &'a [u8],
    message: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at an IPv4 payload.
    ///
    /// # Errors
    /// `TooShort`.
    pub fn new(message: &'a [u8]) -> Result<Self, Malformed> {
        let (header, data) = message.split_first_chunk().ok_or(Malformed::TooShort)?;
        Ok(Self { header, data, message })
    }

    /// The type.
    pub fn kind(&self) -> u8 {
        self.header[0]
    }

    /// The code, whose meaning depends on the type.
    pub fn code(&self) -> u8 {
        self.header[1]
    }

    /// Whether the checksum verifies.
    pub fn checksum_ok(&self) -> bool {
        checksum::sum(self.message).verifies()
    }

    /// What follows the first eight octets.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The meaning. Any message has one: what is not known here is [`Repr::Unknown`].
    pub fn repr(&self) -> Repr<'a> {
        let [kind, code, _, _, a, b, c, d] = *self.header;
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let quoted = self.data;
        match kind {
            ECHO_REQUEST if code == 0 => {
                Repr::EchoRequest { identifier: high, sequence: low, data: self.data }
            }
            ECHO_REPLY if code == 0 => Repr::EchoReply { identifier: high, sequence: low, data: self.data },
            DESTINATION_UNREACHABLE => {
                Repr::DestinationUnreachable { code: Unreachable::from_code(code, low), quoted }
            }
            SOURCE_QUENCH => Repr::SourceQuench { quoted },
            REDIRECT => Repr::Redirect { code, gateway: Ipv4Addr::new(a, b, c, d), quoted },
            TIME_EXCEEDED if code == 0 => Repr::TimeExceeded { code: TimeExceeded::Transit, quoted },
            TIME_EXCEEDED if code == 1 => Repr::TimeExceeded { code: TimeExceeded::Reassembly, quoted },
            PARAMETER_PROBLEM => Repr::ParameterProblem { code, pointer: a, quoted },
            _ => Repr::Unknown { kind, code, rest: [a, b, c, d], data: self.data },
        }
    }
}

/// What a message means. `quoted` is the beginning of the packet that caused an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repr<'a> {
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
    /// A packet could not be delivered.
    DestinationUnreachable {
        /// Why.
        code: Unreachable,
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
    /// A packet's header was wrong.
    ParameterProblem {
        /// 0: the pointer says where; 1: a required option is missing; 2: bad length.
        code: u8,
        /// The octet of the quoted packet.
        pointer: u8,
        /// The packet.
        quoted: &'a [u8],
    },
    /// "Slow down": seen and ignored (RFC 6633).
    SourceQuench {
        /// The packet.
        quoted: &'a [u8],
    },
    /// A better router for a destination.
    Redirect {
        /// 0 network, 1 host, 2 and 3 the same for a type of service.
        code: u8,
        /// The better router.
        gateway: Ipv4Addr,
        /// The packet.
        quoted: &'a [u8],
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

impl Repr<'_> {
    /// Whether it tells of an error, so that no error may be sent about it (RFC 1122 §3.2.2).
    pub const fn is_error(&self) -> bool {
        matches!(
            self,
            Self::DestinationUnreachable { .. }
                | Self::TimeExceeded { .. }
                | Self::ParameterProblem { .. }
                | Self::SourceQuench { .. }
                | Self::Redirect { .. }
        )
    }

    /// The message, checksum included. What is quoted in an error is cut at [`MAX_ERROR_LEN`].
    pub fn emit(&self) -> Vec<u8> {
        let pair = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            [a, b, c, d]
        };
        let (kind, code, rest, data) = match *self {
            Self::EchoRequest { identifier, sequence, data } => {
                (ECHO_REQUEST, 0, pair(identifier, sequence), data)
            }
            Self::EchoReply { identifier, sequence, data } => {
                (ECHO_REPLY, 0, pair(identifier, sequence), data)
            }
            Self::DestinationUnreachable { code, quoted } => {
                (DESTINATION_UNREACHABLE, code.code(), pair(0, code.mtu()), quoted)
            }
            Self::TimeExceeded { code, quoted } => {
                (TIME_EXCEEDED, u8::from(code == TimeExceeded::Reassembly), [0; 4], quoted)
            }
            Self::ParameterProblem { code, pointer, quoted } => {
                (PARAMETER_PROBLEM, code, [pointer, 0, 0, 0], quoted)
            }
            Self::SourceQuench { quoted } => (SOURCE_QUENCH, 0, [0; 4], quoted),
            Self::Redirect { code, gateway, quoted } => (REDIRECT, code, gateway.octets(), quoted),
            Self::Unknown { kind, code, rest, data } => (kind, code, rest, data),
        };
        let keep = if self.is_error() { MAX_ERROR_LEN - HEADER_LEN } else { data.len() };
        let data = data.get(..keep).unwrap_or(data);
        let [a, b, c, d] = rest;
        let sum = checksum::sum(&[kind, code, 0, 0, a, b, c, d]).with(data).checksum();
        let [high, low] = sum.to_be_bytes();
        let mut out = Vec::with_capacity(HEADER_LEN + data.len());
        out.extend_from_slice(&[kind, code, high, low, a, b, c, d]);
        out.extend_from_slice(data);
        out
    }
}

/// Why a packet could not be delivered (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unreachable {
    /// 0: no route to the network.
    Net,
    /// 1: the host does not answer its router.
    Host,
    /// 2: the host does not speak the protocol.
    Protocol,
    /// 3: nobody listens on the port.
    Port,
    /// 4: the packet is too big and may not be fragmented.
    FragmentationNeeded {
        /// What the next hop takes; 0 from routers older than RFC 1191.
        mtu: u16,
    },
    /// 5: a source route failed.
    SourceRouteFailed,
    /// 6: the network does not exist.
    NetUnknown,
    /// 7: the host does not exist.
    HostUnknown,
    /// 8: the source is isolated.
    SourceIsolated,
    /// 9: the network is closed by an administrator.
    NetProhibited,
    /// 10: the host is closed by an administrator.
    HostProhibited,
    /// 11: no route for this type of service to the network.
    NetTos,
    /// 12: no route for this type of service to the host.
    HostTos,
    /// 13: a filter forbids it.
    Prohibited,
    /// 14: the host may not use this precedence.
    PrecedenceViolation,
    /// 15: the precedence is too low.
    PrecedenceCutoff,
    /// Any other code.
    Other(u8),
}

impl Unreachable {
    const fn from_code(code: u8, mtu: u16) -> Self {
        match code {
            0 => Self::Net,
            1 => Self::Host,
            2 => Self::Protocol,
            3 => Self::Port,
            4 => Self::FragmentationNeeded { mtu },
            5 => Self::SourceRouteFailed,
            6 => Self::NetUnknown,
            7 => Self::HostUnknown,
            8 => Self::SourceIsolated,
            9 => Self::NetProhibited,
            10 => Self::HostProhibited,
            11 => Self::NetTos,
            12 => Self::HostTos,
            13 => Self::Prohibited,
            14 => Self::PrecedenceViolation,
            15 => Self::PrecedenceCutoff,
            code => Self::Other(code),
        }
    }

    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Net => 0,
            Self::Host => 1,
            Self::Protocol => 2,
            Self::Port => 3,
            Self::FragmentationNeeded { .. } => 4,
            Self::SourceRouteFailed => 5,
            Self::NetUnknown => 6,
            Self::HostUnknown => 7,
            Self::SourceIsolated => 8,
            Self::NetProhibited => 9,
            Self::HostProhibited => 10,
            Self::NetTos => 11,
            Self::HostTos => 12,
            Self::Prohibited => 13,
            Self::PrecedenceViolation => 14,
            Self::PrecedenceCutoff => 15,
            Self::Other(code) => code,
        }
    }

    const fn mtu(self) -> u16 {
        if let Self::FragmentationNeeded { mtu } = self { mtu } else { 0 }
    }
}

/// Where a packet's time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeExceeded {
    /// 0: it passed too many routers.
    Transit,
    /// 1: a fragment is missing.
    Reassembly,
}

#[cfg(test)]
mod rfc792 {
    use super::*;
    use crate::testing::hex;

    #[test]
    fn messages_known_from_elsewhere_are_written_and_read() {
        // By scapy.
        let echo = Repr::EchoRequest { identifier: 0x1234, sequence: 1, data: b"ping!" };
        let code = Unreachable::FragmentationNeeded { mtu: 1400 };
        let too_big = Repr::DestinationUnreachable { code, quoted: b"ABCD" };
        for (repr, known) in
            [(echo, "0800 e5f9 1234 0001 70696e6721"), (too_big, "0304 72fd 0000 0578 41424344")]
        {
            let known = hex(known);
            assert_eq!(repr.emit(), known);
            let view = View::new(&known).unwrap();
            assert!(view.checksum_ok());
            assert_eq!(view.repr(), repr);
        }
        assert_eq!(View::new(&[0; 7]).err(), Some(Malformed::TooShort));
        assert!(!View::new(&hex("0800 e5f9 1234 0002 70696e6721")).unwrap().checksum_ok());
    }

    #[test]
    fn every_code_of_every_error_survives() {
        for code in 0..=255 {
            let unreachable = Unreachable::from_code(code, 576);
            assert_eq!(unreachable.code(), code);
            assert_eq!(matches!(unreachable, Unreachable::Other(_)), code > 15);
            for repr in [
                Repr::DestinationUnreachable { code: unreachable, quoted: b"quoted" },
                Repr::ParameterProblem { code, pointer: 20, quoted: b"quoted" },
                Repr::Redirect { code, gateway: Ipv4Addr::new(10, 0, 0, 1), quoted: b"quoted" },
            ] {
                assert!(repr.is_error());
                assert_eq!(View::new(&repr.emit()).unwrap().repr(), repr);
            }
        }
        for repr in [
            Repr::TimeExceeded { code: TimeExceeded::Transit, quoted: b"quoted" },
            Repr::TimeExceeded { code: TimeExceeded::Reassembly, quoted: b"quoted" },
            Repr::SourceQuench { quoted: b"quoted" },
        ] {
            assert!(repr.is_error());
            assert_eq!(View::new(&repr.emit()).unwrap().repr(), repr);
        }
    }

    #[test]
    fn an_unknown_message_is_kept_and_a_long_quote_is_cut() {
        let unknown = Repr::Unknown { kind: 200, code: 3, rest: [1, 2, 3, 4], data: b"data" };
        assert!(!unknown.is_error());
        assert_eq!(View::new(&unknown.emit()).unwrap().repr(), unknown);
        let long = Repr::DestinationUnreachable { code: Unreachable::Port, quoted: &[7; 1500] };
        assert_eq!(long.emit().len(), MAX_ERROR_LEN);
        let echo = Repr::EchoReply { identifier: 1, sequence: 2, data: &[7; 1500] };
        assert_eq!(echo.emit().len(), 1508);
    }
}
