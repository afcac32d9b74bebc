//! Packet lines.

use super::super::icmp::{Icmp, Quoted};
use super::super::packet::{
    Body, Direction, Ecn, Flags, Fragment, Ip, Options, Outer, Packet, Tcp, TcpOption, Tos,
};
use super::{Quoted as Text, listed};
use std::fmt::{Display, Formatter, Result};

impl Display for Packet {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(if self.direction == Direction::Inbound { "<" } else { ">" })?;
        let (psp, outer): (Vec<_>, Vec<_>) =
            self.outer.iter().partition(|outer| matches!(outer, Outer::Psp { .. }));
        outer.iter().try_for_each(|outer| write!(f, " {outer}"))?;
        if self.ip != Ip::default() {
            write!(f, " {}", self.ip)?;
        }
        psp.iter().try_for_each(|outer| write!(f, " {outer}"))?;
        let ports = |f: &mut Formatter<'_>| match self.ports {
            Some((src, dst)) => write!(f, " {src} > {dst}"),
            None => Ok(()),
        };
        match &self.body {
            Body::Tcp(tcp) => {
                ports(f)?;
                write!(f, " {tcp}")?;
            }
            Body::Udp(udp) => {
                f.write_str(" udp")?;
                ports(f)?;
                write!(f, " ({})", udp.len)?;
            }
            Body::Icmp(icmp) => write!(f, " {icmp}")?,
        }
        self.payload.iter().try_for_each(|octets| write!(f, " {}", Text(octets)))
    }
}

impl Display for Outer {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let annotated = |f: &mut Formatter<'_>, name: &str, ip: &Ip| {
            f.write_str(name)?;
            if *ip == Ip::default() { Ok(()) } else { write!(f, " {ip}") }
        };
        let named = |f: &mut Formatter<'_>, name: &str, text: &str| {
            let space = if text.is_empty() { "" } else { " " };
            write!(f, "{name}{space}{text}:")
        };
        match self {
            Self::Ipv4 { ip, src, dst } => {
                annotated(f, "ipv4", ip)?;
                write!(f, " {src} > {dst}:")
            }
            Self::Ipv6 { ip, src, dst } => {
                annotated(f, "ipv6", ip)?;
                write!(f, " {src} > {dst}:")
            }
            Self::Gre(text) => named(f, "gre", text),
            Self::Mpls(text) => named(f, "mpls", text),
            Self::Psp { spi } => write!(f, "encap psp spi {spi:#x}"),
        }
    }
}

/// In square brackets; empty ones if nothing is said.
impl Display for Ip {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let tos = match self.tos {
            Tos::Unchecked => None,
            Tos::Ecn(ecn) => Some(ecn.to_string()),
            Tos::AnyEct => Some("ect01".to_owned()),
            Tos::Octet(octet) => Some(format!("tos {octet:#x}")),
        };
        let label = self.flow_label.map(|label| format!("flowlabel {label:#x}"));
        let ttl = self.ttl.map(|ttl| format!("ttl {ttl}"));
        let fragment = self.fragment.map(|Fragment { from, to, id }| format!("frag {from}:{to} id {id}"));
        let sum = self.bad_sum.then(|| "badsum".to_owned());
        f.write_str("[")?;
        listed(f, [tos, label, ttl, fragment, sum].into_iter().flatten(), ", ")?;
        f.write_str("]")
    }
}

impl Display for Ecn {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::NotEct => "noecn",
            Self::Ect0 => "ect0",
            Self::Ect1 => "ect1",
            Self::Ce => "ce",
        })
    }
}

impl Display for Tcp {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}", self.flags, Octets { seq: self.seq, len: self.len })?;
        self.ack.iter().try_for_each(|ack| write!(f, " ack {ack}"))?;
        self.window.iter().try_for_each(|window| write!(f, " win {window}"))?;
        self.urgent.iter().try_for_each(|urgent| write!(f, " urg {urgent}"))?;
        match &self.options {
            Options::Any => f.write_str(" <...>"),
            Options::Exactly(list) if list.is_empty() => Ok(()),
            Options::Exactly(list) => {
                f.write_str(" <")?;
                listed(f, list, ",")?;
                f.write_str(">")
            }
        }
    }
}

/// `1:1001(1000)`
struct Octets {
    seq: u32,
    len: u16,
}

impl Display for Octets {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { seq, len } = *self;
        write!(f, "{seq}:{}({len})", seq.wrapping_add(len.into()))
    }
}

/// The bits of ACE as letters; with `{:#}` as their digit.
impl Display for Flags {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if *self == Self::default() {
            return f.write_str("-");
        }
        let digit = f.alternate() && self.ack;
        let flag = |set: bool, letter: &'static str| if set { letter } else { "" };
        for letter in [
            flag(self.fin, "F"),
            flag(self.syn, "S"),
            flag(self.rst, "R"),
            flag(self.psh, "P"),
            flag(self.urg, "U"),
            flag(self.ece && !digit, "E"),
            flag(self.cwr && !digit, "W"),
            flag(self.ae && !digit, "A"),
            flag(self.ack, "."),
        ] {
            f.write_str(letter)?;
        }
        if digit { write!(f, "{}", self.ace()) } else { Ok(()) }
    }
}

impl Display for TcpOption {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::EndOfList => f.write_str("eol"),
            Self::Nop => f.write_str("nop"),
            Self::Mss(mss) => write!(f, "mss {mss}"),
            Self::WindowScale(shift) => write!(f, "wscale {shift}"),
            Self::SackPermitted => f.write_str("sackOK"),
            Self::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(left, right)| write!(f, " {left}:{right}"))
            }
            Self::Timestamps { value, echo } => write!(f, "TS val {value} ecr {echo}"),
            Self::Md5(digest) => write!(f, "md5{}", Hex(digest)),
            Self::FastOpen(cookie) => write!(f, "FO{}", Hex(cookie)),
            Self::FastOpenExperimental(cookie) => write!(f, "FOEXP{}", Hex(cookie)),
            Self::AccEcn { ect1_first, counters } => {
                let names = if *ect1_first { ["e1b", "ceb", "e0b"] } else { ["e0b", "ceb", "e1b"] };
                if counters.is_empty() {
                    // Without a counter the option has a kind and nothing else.
                    return write!(f, "kind {}", if *ect1_first { 174 } else { 172 });
                }
                f.write_str("ECN")?;
                names.iter().zip(counters).try_for_each(|(name, counter)| write!(f, " {name} {counter}"))
            }
            Self::Other { kind, len, data } => {
                write!(f, "kind {kind}")?;
                len.iter().try_for_each(|len| write!(f, " len {len}"))?;
                if data.is_empty() { Ok(()) } else { write!(f, " hex{}", Hex(data)) }
            }
        }
    }
}

/// A space and octets in hexadecimal; nothing where there are none.
struct Hex<'o>(&'o [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if !self.0.is_empty() {
            f.write_str(" ")?;
        }
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl Display for Icmp {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "icmp {}", self.kind)?;
        self.code.iter().try_for_each(|code| write!(f, " {code}"))?;
        self.mtu.iter().try_for_each(|mtu| write!(f, " mtu {mtu}"))?;
        self.id.iter().try_for_each(|id| write!(f, " id {id}"))?;
        if self.quoted == Quoted::Unsaid { Ok(()) } else { write!(f, " {}", self.quoted) }
    }
}

impl Display for Quoted {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match *self {
            Self::Unsaid => Ok(()),
            Self::Tcp { seq, len } => write!(f, "[{}]", Octets { seq, len }),
            Self::Udp { len } => write!(f, "[udp ({len})]"),
            Self::Raw { len } => write!(f, "[raw ({len})]"),
        }
    }
}
