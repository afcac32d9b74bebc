//! What was changed of an interface that is not ours, to leave it as it was.

use crate::netlink::{LinkInfo, Netlink};
use std::net::{IpAddr, Ipv6Addr};

/// What [`Tun::configure_until`](super::Tun::configure_until) and [`Tun::join_bridge`](super::Tun::join_bridge) changed. Undone when this is dropped; an interface that is
/// gone by then, or is another one of the same name, is left alone.
#[derive(Debug, Default)]
pub struct Changes {
    /// Its name and what it was before the first change.
    link: Option<(String, LinkInfo)>,
    pub(super) addresses: Vec<(IpAddr, u8)>,
    pub(super) routes: Vec<(IpAddr, u8)>,
    /// IPv6 addresses that it had: where the MTU is too small for IPv6 the kernel takes them away.
    v6: Vec<(IpAddr, u8)>,
}

/// IPv6 needs an MTU of so many octets (RFC 8200 §5).
const V6_MTU: u32 = 1280;

impl Changes {
    /// Remembers what an interface was, unless that is known.
    pub(super) fn begin(&mut self, name: &str, before: LinkInfo) {
        if self.link.is_none() {
            self.v6 = v6_addresses(name);
            self.link = Some((name.to_owned(), before));
        }
    }

    /// They stay.
    pub fn keep(mut self) {
        self.link = None;
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let Some((name, before)) = self.link.take() else { return };
        let Ok(mut netlink) = Netlink::open() else { return };
        let Ok(now) = netlink.link(&name) else { return };
        if now.index != before.index {
            return;
        }
        // What somebody else has removed meanwhile cannot be removed again: each may fail by itself.
        for &(network, prefix) in &self.routes {
            let _ = netlink.delete_route(network, prefix, &name, None);
        }
        for &(address, prefix) in &self.addresses {
            let _ = netlink.delete_address(&name, address, prefix);
        }
        if now.master != before.master {
            let asked = format!("put {name} back");
            let _ = netlink.set_master(asked, &name, before.master.unwrap_or(0));
        }
        if now.mtu != before.mtu {
            let _ = netlink.set_mtu(&name, before.mtu);
        }
        if now.mtu < V6_MTU && before.mtu >= V6_MTU {
            for &(address, prefix) in &self.v6 {
                let _ = netlink.add_address(&name, address, prefix);
            }
        }
        if now.up && !before.up {
            let _ = netlink.set_down(&name);
        }
    }
}

/// The IPv6 addresses that somebody gave an interface. Link-local ones are not among them, for the kernel makes them itself;
/// none are when the kernel has no IPv6.
fn v6_addresses(name: &str) -> Vec<(IpAddr, u8)> {
    let all = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap_or_default();
    all.lines().filter_map(|line| v6_address(line, name)).collect()
}

/// One of them: address, number of the interface, prefix, scope, flags, name; all but the last in hexadecimal.
fn v6_address(line: &str, name: &str) -> Option<(IpAddr, u8)> {
    const GLOBAL: u8 = 0;
    const PERMANENT: u32 = 0x80;
    let mut fields = line.split_whitespace();
    let address = u128::from_str_radix(fields.next()?, 16).ok()?;
    let prefix = u8::from_str_radix(fields.nth(1)?, 16).ok()?;
    let scope = u8::from_str_radix(fields.next()?, 16).ok()?;
    let flags = u32::from_str_radix(fields.next()?, 16).ok()?;
    let wanted = fields.next()? == name && scope == GLOBAL && flags & PERMANENT != 0;
    wanted.then(|| (Ipv6Addr::from_bits(address).into(), prefix))
}
