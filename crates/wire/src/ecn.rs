//! The two ECN bits of an IP header.

/// Explicit congestion notification, as the low two bits of TOS / traffic class carry it (RFC 3168 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Ecn {
    /// 00: the transport does not understand marks.
    #[default]
    NotEct,
    /// 01: capable; the code point that low-latency transports use (RFC 9331).
    Ect1,
    /// 10: capable.
    Ect0,
    /// 11: congestion was met on the way.
    Ce,
}

impl Ecn {
    /// The code point in the low two bits of `byte`.
    pub const fn from_bits(byte: u8) -> Self {
        match byte & 3 {
            0 => Self::NotEct,
            1 => Self::Ect1,
            2 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The two bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::NotEct => 0,
            Self::Ect1 => 1,
            Self::Ect0 => 2,
            Self::Ce => 3,
        }
    }
}
