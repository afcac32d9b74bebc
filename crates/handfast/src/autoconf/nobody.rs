//! What is left of it without feature `dhcp`: nobody asks for anything.

use driver::Driver;
use env::Instant;
use stack::Host;
use std::net::IpAddr;

/// No clients.
#[derive(Default)]
pub(crate) struct Autoconf {}

impl Autoconf {
    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn turn(&mut self, _: Instant, _: &mut Driver) -> bool {
        false
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    pub(crate) fn release(&mut self, _: Instant, _: &mut Host) {}

    pub(crate) fn name_servers(&self) -> impl Iterator<Item = IpAddr> {
        std::iter::empty()
    }
}
