//! Addresses: what may be asked for, and what is chosen where nothing was.
//!
//! ```text
//!   hf0  10.111.0.1 kernel ─ 10.111.0.2 us     fd00:111::1     ─ fd00:111::2        serve
//!   hf1  10.111.1.1 kernel ─ 10.111.1.2 us     fd00:111:0:1::1 ─ fd00:111:0:1::2    the next command, and so on
//! ```

use super::NetArgs;
use crate::Usage;
use device::impair::Profile;
use handfast::Cidr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Our address and the kernel's, in one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) ours: Cidr,
    /// `None` on a bridge, where the kernel has its address already, or none.
    pub(crate) kernels: Option<Cidr>,
    /// Nobody asked for it: it may be left out.
    pub(crate) optional: bool,
}

/// The addresses that were asked for, checked. Those that were not depend on which are free.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    asked: Vec<Pair>,
    /// Whether addresses of a version are to be chosen.
    v4: bool,
    v6: bool,
}

impl Plan {
    /// # Errors
    /// [`Usage`]: what was asked for does not fit together.
    pub(super) fn new(args: &NetArgs) -> Result<Self, Usage> {
        // A TUN beside it keeps clap from saying so.
        if args.bridge.is_some() && args.tap.is_none() {
            return Err(Usage(
                "a --bridge joins Ethernet, which a TUN has not: --tap NAME instead of --tun".into(),
            ));
        }
        let mut kernels: Vec<Cidr> = args.kernels().collect();
        let mut asked = Vec::new();
        for ours in args.ours() {
            let own = if args.bridge.is_some() { None } else { Some(partner(ours, &mut kernels)?) };
            asked.push(Pair { ours, kernels: own, optional: false });
        }
        if args.bridge.is_some() && (args.kernels().next().is_some()) {
            return Err(Usage(
                "on a --bridge the kernel's address is the bridge's own: no --host-addr".into(),
            ));
        }
        // The kernel's end alone: ours is the next address there.
        for left in kernels {
            let has = |pair: &Pair| pair.ours.address().is_ipv4() == left.address().is_ipv4();
            if let Some(pair) = asked.iter().find(|pair| has(pair)) {
                let ours = pair.ours;
                return Err(Usage(format!(
                    "{ours} is not in the kernel's network {left}: it would not be found there"
                )));
            }
            let ours = other(left).ok_or_else(|| Usage(format!("{left} has no room for us: give --addr")))?;
            asked.push(Pair { ours, kernels: Some(left), optional: false });
        }
        let has = |v4: bool| asked.iter().any(|pair| pair.ours.address().is_ipv4() == v4);
        if has(false) && args.mtu < 1280 {
            return Err(Usage("IPv6 needs an --mtu of at least 1280 (RFC 8200 §5)".into()));
        }
        let choose = args.bridge.is_none();
        let (v4, v6) = (choose && !has(true), choose && !has(false) && args.mtu >= 1280);
        Ok(Self { asked, v4, v6 })
    }

    /// The addresses of the stack number `n`.
    pub(super) fn pairs(&self, n: u8) -> Vec<Pair> {
        let (mut pairs, v6): (Vec<_>, Vec<_>) =
            self.chosen(n).into_iter().partition(|pair| pair.ours.address().is_ipv4());
        pairs.extend(&self.asked);
        pairs.extend(v6);
        pairs
    }

    /// Those of them that nobody asked for, so that they have to be free ones.
    pub(super) fn chosen(&self, n: u8) -> Vec<Pair> {
        let mut pairs = Vec::new();
        let net4 = |host| IpAddr::V4(Ipv4Addr::new(10, 111, n, host));
        let net6 = |host| IpAddr::V6(Ipv6Addr::new(0xfd00, 0x111, 0, n.into(), 0, 0, 0, host));
        let pair = |ours, kernels, prefix, optional| {
            Some(Pair {
                ours: Cidr::new(ours, prefix)?,
                kernels: Some(Cidr::new(kernels, prefix)?),
                optional,
            })
        };
        pairs.extend(pair(net4(2), net4(1), 24, false).filter(|_| self.v4));
        pairs.extend(pair(net6(2), net6(1), 64, true).filter(|_| self.v6));
        pairs
    }

    /// Whether any address was asked for.
    pub(super) fn names_any(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Whether any address is to be chosen, so that it has to be a free one.
    pub(super) fn chooses(&self) -> bool {
        self.v4 || self.v6
    }
}

/// The kernel's address beside `ours`: the one of those given that is in its network, or the first that is free there.
fn partner(ours: Cidr, given: &mut Vec<Cidr>) -> Result<Cidr, Usage> {
    if let Some(same) = given.iter().find(|kernels| kernels.address() == ours.address()) {
        return Err(Usage(format!("{} cannot be both our address and the kernel's", same.address())));
    }
    if let Some(at) = given.iter().position(|kernels| kernels.contains(ours.address())) {
        return Ok(given.remove(at));
    }
    other(ours).ok_or_else(|| Usage(format!("{ours} has no room for the kernel: give --host-addr")))
}

/// The first address in the network that a host can have and that is another one.
fn other(cidr: Cidr) -> Option<Cidr> {
    let first = match cidr.network() {
        IpAddr::V4(network) => u128::from(u32::from(network)),
        IpAddr::V6(network) => u128::from(network),
    };
    (0..4)
        .filter_map(|step| {
            let next = first.checked_add(step)?;
            let address: IpAddr = match cidr.address() {
                IpAddr::V4(_) => Ipv4Addr::from(u32::try_from(next).ok()?).into(),
                IpAddr::V6(_) => Ipv6Addr::from(next).into(),
            };
            Cidr::new(address, cidr.prefix())
        })
        .find(|&next| {
            let anycast =
                !next.address().is_ipv4() && next.address() == next.network() && next.prefix() < 127;
            next.address() != cidr.address()
                && cidr.contains(next.address())
                && !anycast // Every router's (RFC 4291 §2.6.1).
                && check(next).is_ok()
        })
}

/// An address that one host can have, with its network.
pub(super) fn host(text: &str) -> Result<Cidr, String> {
    let cidr: Cidr = text.parse().map_err(|why: handfast::NotACidr| why.to_string())?;
    check(cidr).map(|()| cidr).map_err(str::to_owned)
}

/// The same, of IPv6.
pub(super) fn v6(text: &str) -> Result<Cidr, String> {
    host(text).and_then(|cidr| {
        if cidr.address().is_ipv6() { Ok(cidr) } else { Err("not an IPv6 address".to_owned()) }
    })
}

fn check(cidr: Cidr) -> Result<(), &'static str> {
    let address = cidr.address();
    let limited = matches!(address, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets()[0] >= 240 || v4.octets()[0] == 0);
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() || limited {
        return Err("not an address that one host can have");
    }
    if let IpAddr::V4(own) = address
        && (cidr.broadcast() == Some(own) || (cidr.broadcast().is_some() && cidr.network() == address))
    {
        return Err("the first and last address of a network belong to no host");
    }
    Ok(())
}

/// A name server: an address, perhaps with a port.
pub(crate) fn server(text: &str) -> Result<SocketAddr, String> {
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok(SocketAddr::new(ip, 53));
    }
    text.parse()
        .map_err(|_| "an address, perhaps with a port: 10.0.0.1, 10.0.0.1:5353 or [fd00::1]:5353".to_owned())
}

/// A name and its address.
pub(super) fn named(text: &str) -> Result<(String, IpAddr), String> {
    let parts = text.split_once(':').filter(|(name, _)| !name.is_empty());
    parts
        .and_then(|(name, ip)| {
            let ip = ip.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
            Some((super::names::canonical(name), ip))
        })
        .ok_or_else(|| "a name and an address, as in www.example:10.111.0.2".to_owned())
}

/// How often a packet is lost.
pub(super) fn loss(text: &str) -> Result<f64, String> {
    if text.contains(',') {
        return Err("one value is enough; more about a link is said by --link".to_owned());
    }
    format!("loss={text}").parse::<Profile>().map(|profile| profile.loss).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        net: NetArgs,
    }

    fn plan(arguments: &[&str]) -> Result<Plan, String> {
        let all = ["test"].iter().chain(arguments);
        let command = Command::try_parse_from(all).map_err(|why| why.to_string())?;
        Plan::new(&command.net).map_err(|why| why.to_string())
    }

    /// Ours and the kernel's, in words.
    fn pairs(arguments: &[&str], n: u8) -> Vec<String> {
        let pairs = plan(arguments).unwrap().pairs(n);
        let words = |pair: &Pair| {
            let kernels = pair.kernels.map_or_else(|| "-".to_owned(), |kernels| kernels.to_string());
            format!("{} {kernels}{}", pair.ours, if pair.optional { " optional" } else { "" })
        };
        pairs.iter().map(words).collect()
    }

    #[test]
    fn what_is_not_asked_for_is_chosen_by_number() {
        let six = "fd00:111::2/64 fd00:111::1/64 optional";
        assert_eq!(pairs(&[], 0), ["10.111.0.2/24 10.111.0.1/24", six]);
        assert_eq!(pairs(&[], 7)[0], "10.111.7.2/24 10.111.7.1/24");
        assert_eq!(pairs(&[], 7)[1], "fd00:111:0:7::2/64 fd00:111:0:7::1/64 optional");
        assert_eq!(pairs(&["--mtu", "1000"], 0), ["10.111.0.2/24 10.111.0.1/24"]);
        assert_eq!(pairs(&["--addr", "10.9.0.1/24"], 0), ["10.9.0.1/24 10.9.0.2/24", six]);
        assert_eq!(pairs(&["--addr", "10.9.0.9/31", "--mtu", "600"], 0), ["10.9.0.9/31 10.9.0.8/31"]);
        let both = ["--addr", "10.9.0.9/24", "--addr", "fd01::/64", "--host-addr", "10.9.0.77/24"];
        assert_eq!(pairs(&both, 0), ["10.9.0.9/24 10.9.0.77/24", "fd01::/64 fd01::1/64"]);
        let bridged = ["--tap", "t", "--bridge", "b", "--addr", "10.9.0.9/24"];
        assert_eq!(pairs(&bridged, 0), ["10.9.0.9/24 -"]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (arguments, part) in [
            (&["--addr", "10.9.0.2/24", "--host-addr", "10.8.0.1/24"][..], "not in the kernel's network"),
            (&["--addr", "10.9.0.2/24", "--host-addr", "10.9.0.2/24"], "both"),
            (&["--addr", "10.9.0.2/32"], "--host-addr"),
            (&["--addr", "fd00::2/64", "--mtu", "1279"], "1280"),
            (&["--bridge", "b"], "--tap"),
            (&["--tun", "t", "--bridge", "b"], "--tap NAME"),
            (&["--tap", "t", "--tun", "t"], "cannot be used"),
            (&["--tap", "t", "--bridge", "b", "--host-addr", "10.9.0.1/24"], "no --host-addr"),
        ] {
            let why = plan(arguments).unwrap_err();
            assert!(why.contains(part), "{arguments:?}: {why}");
        }
    }

    #[test]
    fn an_address_is_one_that_a_host_can_have() {
        for good in ["10.0.0.1/24", "10.0.0.0/31", "fd00::1/64"] {
            assert!(host(good).is_ok(), "{good}");
        }
        assert!(v6("fd00::1/64").is_ok() && v6("10.0.0.1/24").is_err());
        for bad in [
            "10.0.0.1",
            "10.0.0.1/33",
            "10.0.0.255/24",
            "10.0.0.0/24",
            "127.0.0.1/8",
            "224.0.0.1/4",
            "0.0.0.0/0",
            "255.255.255.255/32",
            "banana",
            "",
            "::/64",
            "::1/128",
            "ff02::1/64",
            "fd00::1/129",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn servers_and_names_are_read_with_and_without_more() {
        assert_eq!(server("10.0.0.1"), Ok("10.0.0.1:53".parse().unwrap()));
        assert_eq!(server("fd00::1"), Ok("[fd00::1]:53".parse().unwrap()));
        assert_eq!(server("[fd00::1]:99"), Ok("[fd00::1]:99".parse().unwrap()));
        assert!(server("dns.example").is_err());
        assert_eq!(named("A.example.:fd00::1"), Ok(("a.example".to_owned(), "fd00::1".parse().unwrap())));
        assert!(named("10.0.0.1").is_err() && named(":10.0.0.1").is_err());
        assert!(loss("5%").is_ok() && loss("2").is_err() && loss("5%,delay=1s").is_err());
    }
}
