//! Neighbour discovery (RFC 4861): five ICMPv6 messages and their options.
//!
//! ```text
//!    │ type 133–137 │ code 0 │ checksum │ flags … │ target, destination │ option │ option │ …
//!                                                                       └ type, length in units of 8, never 0
//! ```
//!
//! [`View::repr`] refuses what a message alone shows to be wrong, [`Repr::check`] what its IPv6 header shows
//! (RFC 4861 §6.1, §7.1, §8.1).

use crate::ethernet::MacAddr;
use crate::{Malformed, icmpv6};
use alloc::vec::Vec;
use core::net::Ipv6Addr;

/// Every node on the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Every router on the link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Prefixes taken from one advertisement; more are ignored.
pub const MAX_PREFIXES: usize = 16;
/// The most name servers that are read from a router advertisement: no fewer than RFC 8106 §5.3.1 asks for, and bounded, as
/// prefixes are.
pub const MAX_NAME_SERVERS: usize = 8;

const ROUTER_SOLICIT: u8 = 133;
const ROUTER_ADVERT: u8 = 134;
const NEIGHBOR_SOLICIT: u8 = 135;
const NEIGHBOR_ADVERT: u8 = 136;
const REDIRECT: u8 = 137;

const SOURCE_LINK: u8 = 1;
const TARGET_LINK: u8 = 2;
const PREFIX_INFORMATION: u8 = 3;
const NAME_SERVERS: u8 = 25;
const MTU: u8 = 5;

/// The group that a node with `addr` listens to, so that few are woken by a question (RFC 4291 §2.7.1).
pub const fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = addr.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a as u16, (b as u16) << 8 | c as u16)
}

/// An ICMPv6 message of neighbour discovery in any bytes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; 8],
    rest: &'a [u8],
    message: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at an ICMPv6 message.
    ///
    /// # Errors
    /// `Unsupported` when it is none of neighbour discovery, `TooShort`.
    pub fn new(message: &'a [u8]) -> Result<Self, Malformed> {
        let (header, rest) = message.split_first_chunk::<8>().ok_or(Malformed::TooShort)?;
        match header {
            [ROUTER_SOLICIT..=REDIRECT, ..] => Ok(Self { header, rest, message }),
            _ => Err(Malformed::Unsupported),
        }
    }

    /// Whether the checksum verifies.
    pub fn checksum_ok(&self, src: Ipv6Addr, dst: Ipv6Addr) -> bool {
        icmpv6::verifies(self.message, src, dst)
    }

    /// The meaning. Unknown options are skipped (RFC 4861 4861-20), and so are known ones of another length than ours.
    ///
    /// # Errors
    /// `TooShort`, `BadField` (code not 0, a multicast target or redirected destination) or `BadOption` (an
    /// option's length is 0 or runs past the end).
    pub fn repr(&self) -> Result<Repr, Malformed> {
        let [kind, code, _, _, a, b, c, d] = *self.header;
        if code != 0 {
            return Err(Malformed::BadField);
        }
        match kind {
            ROUTER_SOLICIT => {
                let options = Options::parse(self.rest)?;
                Ok(Repr::RouterSolicit { source_link: options.source_link })
            }
            ROUTER_ADVERT => {
                let (&[e, f, g, h, i, j, k, l], rest) =
                    self.rest.split_first_chunk().ok_or(Malformed::TooShort)?;
                let options = Options::parse(rest)?;
                Ok(Repr::RouterAdvert(RouterAdvert {
                    hop_limit: a,
                    managed: b & 0x80 != 0,
                    other: b & 0x40 != 0,
                    router_lifetime: u16::from_be_bytes([c, d]),
                    reachable_time: u32::from_be_bytes([e, f, g, h]),
                    retrans_timer: u32::from_be_bytes([i, j, k, l]),
                    source_link: options.source_link,
                    mtu: options.mtu,
                    prefixes: options.prefixes,
                    name_servers: options.name_servers,
                    name_servers_lifetime: options.name_servers_lifetime,
                }))
            }
            NEIGHBOR_SOLICIT => {
                let (target, rest) = unicast(self.rest)?;
                let options = Options::parse(rest)?;
                Ok(Repr::NeighborSolicit { target, source_link: options.source_link })
            }
            NEIGHBOR_ADVERT => {
                let (target, rest) = unicast(self.rest)?;
                let options = Options::parse(rest)?;
                Ok(Repr::NeighborAdvert {
                    router: a & 0x80 != 0,
                    solicited: a & 0x40 != 0,
                    overrides: a & 0x20 != 0,
                    target,
                    target_link: options.target_link,
                })
            }
            _ => {
                let (target, rest) = unicast(self.rest)?;
                let (destination, rest) = unicast(rest)?;
                let options = Options::parse(rest)?;
                Ok(Repr::Redirect { target, destination, target_link: options.target_link })
            }
        }
    }
}

fn unicast(octets: &[u8]) -> Result<(Ipv6Addr, &[u8]), Malformed> {
    let (&addr, rest) = octets.split_first_chunk::<16>().ok_or(Malformed::TooShort)?;
    let addr = Ipv6Addr::from(addr);
    if addr.is_multicast() { Err(Malformed::BadField) } else { Ok((addr, rest)) }
}

#[derive(Default)]
struct Options {
    source_link: Option<MacAddr>,
    target_link: Option<MacAddr>,
    mtu: Option<u32>,
    prefixes: Vec<Prefix>,
    name_servers: Vec<Ipv6Addr>,
    name_servers_lifetime: u32,
}

impl Options {
    fn parse(mut octets: &[u8]) -> Result<Self, Malformed> {
        let mut options = Self::default();
        while let Some(&kind) = octets.first() {
            let units = usize::from(*octets.get(1).ok_or(Malformed::BadOption)?);
            let (option, rest) = octets.split_at_checked(units * 8).ok_or(Malformed::BadOption)?;
            match (kind, option) {
                (_, []) => return Err(Malformed::BadOption),
                (SOURCE_LINK, &[_, _, a, b, c, d, e, f]) => {
                    options.source_link = Some(MacAddr::new([a, b, c, d, e, f]));
                }
                (TARGET_LINK, &[_, _, a, b, c, d, e, f]) => {
                    options.target_link = Some(MacAddr::new([a, b, c, d, e, f]));
                }
                (MTU, &[_, _, _, _, a, b, c, d]) => options.mtu = Some(u32::from_be_bytes([a, b, c, d])),
                (PREFIX_INFORMATION, option) if options.prefixes.len() < MAX_PREFIXES => {
                    options.prefixes.extend(option.as_array::<32>().and_then(Prefix::parse));
                }
                (NAME_SERVERS, &[_, _, _, _, a, b, c, d, ref servers @ ..]) => {
                    let servers = servers.as_chunks::<16>().0.iter().map(|&octets| octets.into());
                    options.name_servers = servers.take(MAX_NAME_SERVERS).collect();
                    options.name_servers_lifetime = u32::from_be_bytes([a, b, c, d]);
                }
                _ => {}
            }
            octets = rest;
        }
        Ok(options)
    }
}

/// What a message means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repr {
    /// "Is there a router?"
    RouterSolicit {
        /// The sender's link-layer address.
        source_link: Option<MacAddr>,
    },
    /// "I am a router, and this is the link."
    RouterAdvert(RouterAdvert),
    /// "Who has the target?"
    NeighborSolicit {
        /// The address asked for.
        target: Ipv6Addr,
        /// The sender's link-layer address.
        source_link: Option<MacAddr>,
    },
    /// "I have the target."
    NeighborAdvert {
        /// The sender is a router.
        router: bool,
        /// It answers a solicitation, and so confirms reachability.
        solicited: bool,
        /// It replaces a cached link-layer address.
        overrides: bool,
        /// The address told of.
        target: Ipv6Addr,
        /// Its link-layer address.
        target_link: Option<MacAddr>,
    },
    /// "For the destination, the target is the better first hop." What it quotes of a packet is not kept.
    Redirect {
        /// The better first hop; the destination itself when that is on the link.
        target: Ipv6Addr,
        /// Where packets were going.
        destination: Ipv6Addr,
        /// The target's link-layer address.
        target_link: Option<MacAddr>,
    },
}

/// What a router says of itself and of the link (RFC 4861 §4.2). Zero means unspecified, except in the lifetime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterAdvert {
    /// The hop limit to send with.
    pub hop_limit: u8,
    /// Addresses are to be had by DHCPv6.
    pub managed: bool,
    /// Other configuration is to be had by DHCPv6.
    pub other: bool,
    /// Seconds for which the router is a default router; 0, it is none.
    pub router_lifetime: u16,
    /// Milliseconds for which a neighbour counts as reachable after it was confirmed.
    pub reachable_time: u32,
    /// Milliseconds between solicitations.
    pub retrans_timer: u32,
    /// The router's link-layer address.
    pub source_link: Option<MacAddr>,
    /// The link's MTU, as it was said.
    pub mtu: Option<u32>,
    /// Prefixes, at most [`MAX_PREFIXES`].
    pub prefixes: Vec<Prefix>,
    /// Name servers, at most [`MAX_NAME_SERVERS`] (RFC 8106 §5.1).
    pub name_servers: Vec<Ipv6Addr>,
    /// Seconds for which they may be asked; all ones, for ever; 0, no longer.
    pub name_servers_lifetime: u32,
}

/// A prefix of the link (RFC 4861 §4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The prefix; bits behind its length are zero when read.
    pub prefix: Ipv6Addr,
    /// Its length in bits, 0 to 128.
    pub len: u8,
    /// Addresses in it are on the link.
    pub on_link: bool,
    /// Hosts may make addresses in it (RFC 4862).
    pub autonomous: bool,
    /// Seconds for which it is on the link; all ones, for ever.
    pub valid_lifetime: u32,
    /// Seconds for which addresses made of it are preferred; all ones, for ever.
    pub preferred_lifetime: u32,
}

impl Prefix {
    fn parse(option: &[u8; 32]) -> Option<Self> {
        let &[_, _, len, flags, a, b, c, d, e, f, g, h, _, _, _, _, ref prefix @ ..] = option;
        if len > 128 {
            return None;
        }
        let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
        Some(Self {
            prefix: (u128::from_be_bytes(*prefix) & mask).into(),
            len,
            on_link: flags & 0x80 != 0,
            autonomous: flags & 0x40 != 0,
            valid_lifetime: u32::from_be_bytes([a, b, c, d]),
            preferred_lifetime: u32::from_be_bytes([e, f, g, h]),
        })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        let flags = u8::from(self.on_link) << 7 | u8::from(self.autonomous) << 6;
        out.extend_from_slice(&[PREFIX_INFORMATION, 4, self.len, flags]);
        out.extend_from_slice(&self.valid_lifetime.to_be_bytes());
        out.extend_from_slice(&self.preferred_lifetime.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.prefix.octets());
    }
}

impl Repr {
    /// Whether the message may have come with this IPv6 header (RFC 4861 §6.1, §7.1, §8.1: 4861-1, 4861-2, 4861-3,
    /// 4861-19). A hop limit of 255
    /// shows that no router forwarded it.
    ///
    /// # Errors
    /// `BadField`: the message is dropped.
    pub fn check(&self, hop_limit: u8, src: Ipv6Addr, dst: Ipv6Addr) -> Result<(), Malformed> {
        let sound = match self {
            Self::RouterSolicit { source_link } => !src.is_unspecified() || source_link.is_none(),
            Self::RouterAdvert(_) => src.is_unicast_link_local(),
            Self::NeighborSolicit { target, source_link } => {
                !src.is_unspecified() || (source_link.is_none() && dst == solicited_node(*target))
            }
            Self::NeighborAdvert { solicited, .. } => !(dst.is_multicast() && *solicited),
            Self::Redirect { target, destination, .. } => {
                src.is_unicast_link_local() && (target.is_unicast_link_local() || target == destination)
            }
        };
        if sound && hop_limit == 255 { Ok(()) } else { Err(Malformed::BadField) }
    }

    /// The message, checksum included. It is sent with hop limit 255.
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
        let mut out = Vec::with_capacity(72);
        match self {
            Self::RouterSolicit { source_link } => {
                out.extend_from_slice(&[ROUTER_SOLICIT, 0, 0, 0, 0, 0, 0, 0]);
                link(SOURCE_LINK, *source_link, &mut out);
            }
            Self::RouterAdvert(advert) => advert.emit(&mut out),
            Self::NeighborSolicit { target, source_link } => {
                out.extend_from_slice(&[NEIGHBOR_SOLICIT, 0, 0, 0, 0, 0, 0, 0]);
                out.extend_from_slice(&target.octets());
                link(SOURCE_LINK, *source_link, &mut out);
            }
            Self::NeighborAdvert { router, solicited, overrides, target, target_link } => {
                let flags = u8::from(*router) << 7 | u8::from(*solicited) << 6 | u8::from(*overrides) << 5;
                out.extend_from_slice(&[NEIGHBOR_ADVERT, 0, 0, 0, flags, 0, 0, 0]);
                out.extend_from_slice(&target.octets());
                link(TARGET_LINK, *target_link, &mut out);
            }
            Self::Redirect { target, destination, target_link } => {
                out.extend_from_slice(&[REDIRECT, 0, 0, 0, 0, 0, 0, 0]);
                out.extend_from_slice(&target.octets());
                out.extend_from_slice(&destination.octets());
                link(TARGET_LINK, *target_link, &mut out);
            }
        }
        icmpv6::fill_checksum(&mut out, src, dst);
        out
    }
}

impl RouterAdvert {
    fn emit(&self, out: &mut Vec<u8>) {
        let flags = u8::from(self.managed) << 7 | u8::from(self.other) << 6;
        let [high, low] = self.router_lifetime.to_be_bytes();
        out.extend_from_slice(&[ROUTER_ADVERT, 0, 0, 0, self.hop_limit, flags, high, low]);
        out.extend_from_slice(&self.reachable_time.to_be_bytes());
        out.extend_from_slice(&self.retrans_timer.to_be_bytes());
        link(SOURCE_LINK, self.source_link, out);
        if let Some(mtu) = self.mtu {
            out.extend_from_slice(&[MTU, 1, 0, 0]);
            out.extend_from_slice(&mtu.to_be_bytes());
        }
        self.prefixes.iter().take(MAX_PREFIXES).for_each(|prefix| prefix.emit(out));
        let servers = &self.name_servers[..self.name_servers.len().min(MAX_NAME_SERVERS)];
        if !servers.is_empty() {
            out.extend_from_slice(&[NAME_SERVERS, 1 + 2 * servers.len() as u8, 0, 0]);
            out.extend_from_slice(&self.name_servers_lifetime.to_be_bytes());
            servers.iter().for_each(|server| out.extend_from_slice(&server.octets()));
        }
    }
}

fn link(kind: u8, mac: Option<MacAddr>, out: &mut Vec<u8>) {
    if let Some(mac) = mac {
        out.extend_from_slice(&[kind, 1]);
        out.extend_from_slice(&mac.octets());
    }
}

#[cfg(test)]
mod rfc4861 {
    use super::*;
    use crate::testing::hex;

    const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const HOST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
    const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    const MAC: Option<MacAddr> = Some(MacAddr::new([2, 0, 0, 0, 0, 1]));

    fn read(bytes: &[u8]) -> Result<Repr, Malformed> {
        View::new(bytes)?.repr()
    }

    #[test]
    fn messages_known_from_elsewhere_are_written_and_read() {
        // By scapy.
        let solicit = hex("8700 7a97 00000000 fe80000000000000 0000000000000002 0101 020000000001");
        let repr = Repr::NeighborSolicit { target: HOST, source_link: MAC };
        let group = solicited_node(HOST);
        assert_eq!(group, "ff02::1:ff00:2".parse::<Ipv6Addr>().unwrap());
        assert_eq!(repr.emit(ROUTER, group), solicit);
        assert!(View::new(&solicit).unwrap().checksum_ok(ROUTER, group));
        assert_eq!(read(&solicit), Ok(repr));
        let advert = hex("8600 280d 40 48 0708 00000000 000003e8 0101 020000000001 0501 0000 00000578
                          0304 40c0 00015180 00003840 00000000 20010db8000000000000000000000000");
        assert!(View::new(&advert).unwrap().checksum_ok(ROUTER, ALL_NODES));
        let expected = RouterAdvert {
            hop_limit: 64,
            managed: false,
            other: true,
            router_lifetime: 1800,
            reachable_time: 0,
            retrans_timer: 1000,
            source_link: MAC,
            mtu: Some(1400),
            prefixes: [Prefix {
                prefix: "2001:db8::".parse().unwrap(),
                len: 64,
                on_link: true,
                autonomous: true,
                valid_lifetime: 86_400,
                preferred_lifetime: 14_400,
            }]
            .into(),
            name_servers: Vec::new(),
            name_servers_lifetime: 0,
        };
        assert_eq!(read(&advert), Ok(Repr::RouterAdvert(expected)));
    }

    #[test]
    fn every_message_survives() {
        for repr in [
            Repr::RouterSolicit { source_link: None },
            Repr::RouterSolicit { source_link: MAC },
            Repr::RouterAdvert(RouterAdvert { managed: true, ..RouterAdvert::default() }),
            Repr::RouterAdvert(RouterAdvert {
                name_servers: [GLOBAL, HOST].into(),
                name_servers_lifetime: 600,
                ..RouterAdvert::default()
            }),
            Repr::NeighborSolicit { target: GLOBAL, source_link: None },
            Repr::NeighborAdvert {
                router: true,
                solicited: false,
                overrides: true,
                target: GLOBAL,
                target_link: MAC,
            },
            Repr::Redirect { target: ROUTER, destination: GLOBAL, target_link: MAC },
        ] {
            assert_eq!(read(&repr.emit(ROUTER, HOST)), Ok(repr));
        }
        assert_eq!(View::new(&hex("8000 0000 00000000")).err(), Some(Malformed::Unsupported));
    }

    /// Covers: RFC 4861 4861-1, 4861-2, 4861-3
    #[test]
    fn what_the_message_alone_shows_to_be_wrong_is_refused() {
        let solicit = Repr::NeighborSolicit { target: HOST, source_link: MAC }.emit(ROUTER, HOST);
        let changed = |at: usize, value: u8| {
            let mut bytes = solicit.clone();
            bytes[at] = value;
            read(&bytes)
        };
        assert_eq!(changed(1, 1), Err(Malformed::BadField)); // code
        assert_eq!(changed(8, 0xff), Err(Malformed::BadField)); // multicast target
        assert_eq!(changed(25, 0), Err(Malformed::BadOption)); // option length 0
        assert_eq!(changed(25, 2), Err(Malformed::BadOption)); // option past the end
        assert_eq!(read(&solicit[..23]), Err(Malformed::TooShort));
        assert_eq!(read(&solicit[..25]), Err(Malformed::BadOption));
        let advert = Repr::RouterAdvert(RouterAdvert::default()).emit(ROUTER, ALL_NODES);
        assert_eq!(read(&advert[..15]), Err(Malformed::TooShort));
        let redirect = Repr::Redirect { target: ROUTER, destination: GLOBAL, target_link: None };
        let mut multicast = redirect.emit(ROUTER, HOST);
        multicast[24] = 0xff;
        assert_eq!(read(&multicast), Err(Malformed::BadField));
        assert_eq!(read(&multicast[..39]), Err(Malformed::TooShort));
    }

    /// Covers: RFC 4861 4861-1, 4861-2, 4861-3, 4861-19
    #[test]
    fn what_the_ip_header_shows_to_be_wrong_is_refused() {
        let none = Ipv6Addr::UNSPECIFIED;
        let advert = |solicited| Repr::NeighborAdvert {
            router: false,
            solicited,
            overrides: false,
            target: HOST,
            target_link: None,
        };
        let solicit = |source_link| Repr::NeighborSolicit { target: HOST, source_link };
        let redirect = |target| Repr::Redirect { target, destination: GLOBAL, target_link: None };
        let bad = Err(Malformed::BadField);
        let group = solicited_node(HOST);
        for (repr, src, dst, expected) in [
            (solicit(MAC), ROUTER, group, Ok(())),
            (solicit(None), none, group, Ok(())),
            (solicit(MAC), none, group, bad),
            (solicit(None), none, HOST, bad),
            (advert(true), HOST, ROUTER, Ok(())),
            (advert(false), HOST, ALL_NODES, Ok(())),
            (advert(true), HOST, ALL_NODES, bad),
            (Repr::RouterSolicit { source_link: MAC }, HOST, ALL_ROUTERS, Ok(())),
            (Repr::RouterSolicit { source_link: None }, none, ALL_ROUTERS, Ok(())),
            (Repr::RouterSolicit { source_link: MAC }, none, ALL_ROUTERS, bad),
            (Repr::RouterAdvert(RouterAdvert::default()), ROUTER, ALL_NODES, Ok(())),
            (Repr::RouterAdvert(RouterAdvert::default()), GLOBAL, ALL_NODES, bad),
            (redirect(ROUTER), ROUTER, HOST, Ok(())),
            (redirect(GLOBAL), ROUTER, HOST, Ok(())),
            (redirect(Ipv6Addr::LOCALHOST), ROUTER, HOST, bad),
            (redirect(ROUTER), GLOBAL, HOST, bad),
        ] {
            assert_eq!(repr.check(255, src, dst), expected, "{repr:?} from {src} to {dst}");
            assert_eq!(repr.check(254, src, dst), bad);
        }
    }

    /// Covers: RFC 4861 4861-20
    #[test]
    fn unknown_options_are_skipped_in_any_order() {
        let mut bytes = Repr::NeighborSolicit { target: HOST, source_link: None }.emit(ROUTER, HOST);
        bytes.extend([200, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([1, 1, 2, 0, 0, 0, 0, 1]);
        bytes.extend([14, 1, 1, 2, 3, 4, 5, 6]);
        assert_eq!(read(&bytes), Ok(Repr::NeighborSolicit { target: HOST, source_link: MAC }));
    }

    #[test]
    fn prefixes_are_capped_and_cut_to_their_length() {
        let prefix = Prefix {
            prefix: GLOBAL,
            len: 64,
            on_link: true,
            autonomous: false,
            valid_lifetime: 1,
            preferred_lifetime: 0,
        };
        let one = RouterAdvert { prefixes: [prefix].into(), ..RouterAdvert::default() };
        let mut bytes = Repr::RouterAdvert(one).emit(ROUTER, ALL_NODES);
        let option = bytes[16..].to_vec();
        for _ in 0..MAX_PREFIXES {
            bytes.extend(&option);
        }
        bytes[18] = 129; // no such length: ignored
        let Ok(Repr::RouterAdvert(advert)) = read(&bytes) else { panic!("an advertisement was written") };
        assert_eq!(advert.prefixes.len(), MAX_PREFIXES);
        assert_eq!(advert.prefixes[0].prefix, "2001:db8::".parse::<Ipv6Addr>().unwrap());
    }
}
