//! Stacks that configure themselves: DHCPv4 by clients of our own, IPv6 by what routers advertise (RFC 2131, 4862).
//!
//! ```text
//!   whoever turns ─► Autoconf::turn ─► each dhcp::Client, when its socket has something or its time has come
//!                          └ an address came or went ─► whoever waits for one (Stack::configured)
//! ```

use dhcp::{Client, Event};
use env::{Instant, Rng};
use stack::{AddressState, Cidr, Host, InterfaceId, MacAddr};
use std::io;
use std::net::IpAddr;

/// The clients of a stack: one for each interface that configures itself.
#[derive(Default)]
pub(crate) struct Autoconf {
    clients: Vec<Client>,
}

impl Autoconf {
    /// Has `interface` ask for an IPv4 address from now on.
    pub(crate) fn add(
        &mut self,
        host: &mut Host,
        interface: InterfaceId,
        mac: MacAddr,
        rng: Rng,
    ) -> io::Result<()> {
        let client = Client::new(host, interface, mac, rng);
        self.clients.push(client.map_err(|why| io::Error::new(io::ErrorKind::AddrInUse, why))?);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Reads what has arrived and does what is due; whether addresses may have changed.
    pub(crate) fn turn(&mut self, now: Instant, host: &mut Host) -> bool {
        let mut changed = false;
        for client in &mut self.clients {
            client.turn(now, host);
            while let Some(event) = client.poll_event() {
                changed = true;
                if let Event::Bound(lease) = event
                    && let Some(mtu) = lease.mtu
                {
                    smaller_mtu(host, client.interface(), mtu);
                }
            }
        }
        changed
    }

    /// When to turn though nothing arrives.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.clients.iter().filter_map(Client::poll_timeout).min()
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self, now: Instant, host: &mut Host) {
        self.clients.drain(..).for_each(|client| client.release(now, host));
    }

    /// The name servers that came with leases.
    pub(crate) fn name_servers(&self) -> impl Iterator<Item = IpAddr> {
        self.clients.iter().filter_map(Client::lease).flat_map(|lease| &lease.name_servers).map(|&a| a.into())
    }
}

/// A link's MTU that was told counts if it is smaller than the device's, and not so small that IPv6 would be lost.
fn smaller_mtu(host: &mut Host, interface: InterfaceId, mtu: u16) {
    if mtu >= 1280 && host.interface_mtu(interface).is_some_and(|now| mtu < now) {
        // Refused only below what was just checked, or for an interface that is gone.
        let _: Result<(), stack::InterfaceError> = host.set_mtu(interface, mtu);
    }
}

/// The addresses of all interfaces but loopback that can be used beyond the link, and now.
pub(crate) fn addresses(host: &Host) -> Vec<Cidr> {
    let devices = host.interfaces().into_iter().filter(|&id| id != InterfaceId::LOOPBACK);
    let beyond = |cidr: &Cidr| match cidr.address() {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    };
    devices
        .flat_map(|id| host.addresses(id))
        .filter(|(cidr, state)| *state == AddressState::Preferred && beyond(cidr))
        .map(|(cidr, _)| cidr)
        .collect()
}
