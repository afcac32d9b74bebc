//! ICMP lines: names of types and codes, and what a message quotes.
//!
//! ```text
//!   icmp unreachable frag_needed mtu 1200 [1:1001(1000)]
//!        │           │           │         └── Quoted: the packet that it is about
//!        kind        code        mtu
//! ```
//!
//! The same name may mean another number in ICMPv6: [`Icmp::numbers`] says which, once the IP version is known.

/// An ICMP or ICMPv6 message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// The name of its type, or `type_N`.
    pub kind: String,
    /// The name of its code, or `code_N`; zero where it is missing.
    pub code: Option<String>,
    /// `mtu N`: with `unreachable frag_needed` and `packet_too_big` only.
    pub mtu: Option<u32>,
    /// `id N`: the identifier of an echo.
    pub id: Option<u16>,
    /// The packet that it is about.
    pub quoted: Quoted,
}

/// What an ICMP message carries behind its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoted {
    /// Nothing is said: an IP header and the first octets of a TCP segment with sequence number 0 and no payload.
    #[default]
    Unsaid,
    /// `[1:1001(1000)]`: an IP header and the first octets of a TCP segment.
    Tcp {
        /// Its sequence number, relative to the ISN.
        seq: u32,
        /// Its octets of payload.
        len: u16,
    },
    /// `[udp (N)]`: an IP header and the UDP header of a datagram.
    Udp {
        /// Its octets of payload.
        len: u16,
    },
    /// `[raw (N)]`: no packet; the message has N octets in all, zeros behind its header.
    Raw {
        /// How many.
        len: u16,
    },
}

/// The names of a type: its number in ICMP and in ICMPv6 where it has one, and the names of its codes.
struct Kind {
    name: &'static str,
    v4: Option<u8>,
    v6: Option<u8>,
    codes_v4: &'static [(&'static str, u8)],
    codes_v6: &'static [(&'static str, u8)],
}

const fn kind(name: &'static str, v4: Option<u8>, v6: Option<u8>) -> Kind {
    Kind { name, v4, v6, codes_v4: &[], codes_v6: &[] }
}

/// Types (RFC 792, RFC 950, RFC 4443) under the names that scripts use.
const KINDS: &[Kind] = &[
    kind("echo_reply", Some(0), Some(129)),
    Kind {
        name: "unreachable",
        v4: Some(3),
        v6: Some(1),
        codes_v4: UNREACHABLE_V4,
        codes_v6: UNREACHABLE_V6,
    },
    kind("source_quench", Some(4), None),
    kind("redirect", Some(5), None),
    kind("echo_request", Some(8), Some(128)),
    Kind {
        name: "time_exceeded",
        v4: Some(11),
        v6: Some(3),
        codes_v4: &[],
        codes_v6: &[("exceeded_hop_limit", 0), ("exceeded_frag_time", 1)],
    },
    Kind {
        name: "parameter_problem",
        v4: Some(12),
        v6: Some(4),
        codes_v4: &[],
        codes_v6: &[("header_field", 0), ("unknown_next_header", 1), ("unknown_option", 2)],
    },
    kind("timestamp_request", Some(13), None),
    kind("timestamp_reply", Some(14), None),
    kind("information_request", Some(15), None),
    kind("information_reply", Some(16), None),
    kind("address_mask_request", Some(17), None),
    kind("address_mask_reply", Some(18), None),
    kind("packet_too_big", None, Some(2)),
];

/// Codes of "destination unreachable" (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1).
const UNREACHABLE_V4: &[(&str, u8)] = &[
    ("net_unreachable", 0),
    ("host_unreachable", 1),
    ("protocol_unreachable", 2),
    ("port_unreachable", 3),
    ("frag_needed", 4),
    ("source_route_failed", 5),
    ("net_unknown", 6),
    ("host_unknown", 7),
    ("source_host_isolated", 8),
    ("net_prohibited", 9),
    ("host_prohibited", 10),
    ("net_unreachable_for_tos", 11),
    ("host_unreachable_for_tos", 12),
    ("packet_filtered", 13),
    ("precedence_violation", 14),
    ("precedence_cutoff", 15),
];

/// Codes of "destination unreachable" (RFC 4443 §3.1).
const UNREACHABLE_V6: &[(&str, u8)] = &[
    ("net_unreachable", 0),
    ("no_route", 0),
    ("admin_prohibited", 1),
    ("not_neighbour", 2),
    ("address_unreachable", 3),
    ("port_unreachable", 4),
];

impl Icmp {
    /// The octets of type and code, in ICMPv6 if `v6`.
    ///
    /// # Errors
    /// A sentence, when this version has no such type or code.
    pub fn numbers(&self, v6: bool) -> Result<(u8, u8), String> {
        let version = if v6 { "ICMPv6" } else { "ICMP" };
        let named = KINDS.iter().find(|kind| kind.name == self.kind);
        let number = named.and_then(|kind| if v6 { kind.v6 } else { kind.v4 });
        let kind = number
            .or_else(|| numbered(&self.kind, "type_"))
            .ok_or_else(|| format!("{version} has no type `{}`", self.kind))?;
        let Some(code) = &self.code else { return Ok((kind, 0)) };
        let codes = named.map_or(&[][..], |kind| if v6 { kind.codes_v6 } else { kind.codes_v4 });
        let code = codes.iter().find(|(name, _)| name == code).map(|&(_, number)| number);
        let code = code
            .or_else(|| numbered(self.code.as_deref()?, "code_"))
            .ok_or_else(|| format!("`{}` of {version} has no such code", self.kind))?;
        Ok((kind, code))
    }
}

/// The names of a type and a code in ICMP, or in ICMPv6 if `v6`; those that have none are `type_N`, `code_N`.
pub(crate) fn names(v6: bool, kind: u8, code: u8) -> (String, Option<String>) {
    let Some(named) = KINDS.iter().find(|named| if v6 { named.v6 } else { named.v4 } == Some(kind)) else {
        return (format!("type_{kind}"), Some(format!("code_{code}")));
    };
    let codes = if v6 { named.codes_v6 } else { named.codes_v4 };
    let known = codes.iter().find(|&&(_, number)| number == code).map(|&(name, _)| name.to_owned());
    let code = known.or_else(|| (code != 0).then(|| format!("code_{code}")));
    (named.name.to_owned(), code)
}

fn numbered(name: &str, prefix: &str) -> Option<u8> {
    name.strip_prefix(prefix)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn icmp(kind: &str, code: Option<&str>) -> Icmp {
        Icmp {
            kind: kind.to_owned(),
            code: code.map(str::to_owned),
            mtu: None,
            id: None,
            quoted: Quoted::Unsaid,
        }
    }

    #[test]
    fn a_name_is_another_number_in_another_version() {
        let port = icmp("unreachable", Some("port_unreachable"));
        assert_eq!((port.numbers(false), port.numbers(true)), (Ok((3, 3)), Ok((1, 4))));
        assert_eq!(icmp("packet_too_big", None).numbers(true), Ok((2, 0)));
        assert_eq!(icmp("type_42", Some("code_7")).numbers(true), Ok((42, 7)));
    }

    #[test]
    fn numbers_have_their_names() {
        for (v6, kind, code) in
            [(false, 3, 3), (false, 8, 0), (true, 1, 4), (true, 2, 0), (true, 77, 9), (false, 12, 1)]
        {
            let (name, named) = names(v6, kind, code);
            assert_eq!(icmp(&name, named.as_deref()).numbers(v6), Ok((kind, code)), "{name} {named:?}");
        }
        assert_eq!(names(false, 3, 3), ("unreachable".into(), Some("port_unreachable".into())));
    }

    #[test]
    fn what_a_version_does_not_have_is_said() {
        assert_eq!(
            icmp("packet_too_big", None).numbers(false),
            Err("ICMP has no type `packet_too_big`".into())
        );
        let code = icmp("unreachable", Some("frag_needed")).numbers(true);
        assert_eq!(code, Err("`unreachable` of ICMPv6 has no such code".into()));
        assert!(icmp("type_256", None).numbers(false).is_err());
    }
}
