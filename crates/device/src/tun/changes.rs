//! What was changed of an interface that is not ours, to leave it as it was.

use crate::netlink::{LinkInfo, Netlink};
use std::net::IpAddr;

/// What [`Tun::configure_until`](super::Tun::configure_until) and [`Tun::join_bridge`](super::Tun::join_bridge) changed. Undone when this is dropped; an interface that is
/// gone by then, or is another one of the same name, is left alone.
#[derive(Debug, Default)]
pub struct Changes {
    /// Its name and what it was before the first change.
    link: Option<(String, LinkInfo)>,
    pub(super) addresses: Vec<(IpAddr, u8)>,
    pub(super) routes: Vec<(IpAddr, u8)>,
}

impl Changes {
    /// Remembers what an interface was, unless that is known.
    pub(super) fn begin(&mut self, name: &str, before: LinkInfo) {
        if self.link.is_none() {
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
    }
}
