//! What others do to the interfaces that our devices are: set down or up, given another MTU.
//!
//! ```text
//!   kernel ─► Monitor ─► follow_links ─┬─► Host::set_up: packets go another way, or fail at once
//!                                      └─► Host::set_mtu, Device::mtu_changed: segments and buffers fit again
//! ```

use crate::Driver;
use device::Device;
use device::netlink::{LinkChange, Monitor};
use env::Instant;
use stack::InterfaceError;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

impl<D: Device> Driver<D> {
    /// Has the interfaces of this thread's network namespace watched from now on, if any device is one of them. Call
    /// [`follow_links`](Self::follow_links) whenever [`links`](Self::links) is readable.
    ///
    /// # Errors
    /// The system has no netlink, or no descriptors left.
    pub fn watch_links(&mut self) -> io::Result<()> {
        let any = self.ports.iter().any(|port| port.device.interface_index().is_some());
        self.monitor = any.then(Monitor::open).transpose()?;
        Ok(())
    }

    /// What to wait on for changes of interfaces, while they are watched.
    pub fn links(&self) -> Option<BorrowedFd<'_>> {
        self.monitor.as_ref().map(Monitor::fd)
    }

    /// The same, to be waited on without the driver.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn links_owned(&self) -> io::Result<Option<OwnedFd>> {
        self.links().map(|fd| fd.try_clone_to_owned()).transpose()
    }

    /// Takes in what became of the interfaces. Says how many changes concerned a device.
    ///
    /// # Errors
    /// The system tells no more; nothing is watched from then on.
    pub fn follow_links(&mut self, now: Instant) -> io::Result<usize> {
        let mut followed = 0;
        loop {
            let Some(monitor) = &mut self.monitor else { return Ok(followed) };
            match monitor.poll() {
                Ok(Some(change)) => followed += usize::from(self.follow(now, &change)),
                Ok(None) => return Ok(followed),
                Err(why) => {
                    self.monitor = None;
                    return Err(why);
                }
            }
        }
    }

    fn follow(&mut self, now: Instant, change: &LinkChange) -> bool {
        let Some(port) = self.ports.iter_mut().find(|p| p.device.interface_index() == Some(change.index))
        else {
            return false;
        };
        port.device.mtu_changed(change.mtu as usize);
        let mtu = u16::try_from(change.mtu).unwrap_or(u16::MAX).min(port.most);
        let up = change.up && change.carrier;
        // An MTU that no host may have, or not with IPv6 (RFC 8200 §5), leaves the interface at the one it had: what is
        // larger than the link takes is then refused and counted by the device.
        if self.host.interface_mtu(port.interface) != Some(mtu) {
            let _: Result<(), InterfaceError> = self.host.set_mtu(port.interface, mtu);
        }
        if self.host.interface_up(port.interface) != Some(up) {
            // Known, as it was attached.
            let _: Result<(), InterfaceError> = self.host.set_up(now, port.interface, up);
        }
        true
    }
}
