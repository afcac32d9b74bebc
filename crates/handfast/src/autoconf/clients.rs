//! The clients of a stack that configures itself.

use dhcp::{Client, Event};
use driver::Driver;
use env::{Instant, Rng};
use stack::{Host, InterfaceId, MacAddr};
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
    pub(crate) fn turn(&mut self, now: Instant, driver: &mut Driver) -> bool {
        let mut changed = false;
        for client in &mut self.clients {
            client.turn(now, driver.host_mut());
            while let Some(event) = client.poll_event() {
                changed = true;
                let mtu = match event {
                    // Not so small that IPv6 would be lost (RFC 8200 §5).
                    Event::Bound(lease) => lease.mtu.filter(|&mtu| mtu >= 1280),
                    Event::Lost(_) => None,
                };
                driver.lend_mtu(client.interface(), mtu);
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
