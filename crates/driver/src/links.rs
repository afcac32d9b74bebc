//! What others do to the interfaces that our devices are: set down or up, given another MTU.
//!
//! ```text
//!   kernel ─► Monitor ─► follow_links ─┬─► Host::set_up: packets go another way, or fail at once
//!                                      └─► Host::set_mtu, Device::mtu_changed: segments and buffers fit again, and no more
//!                                          than what was lent (Driver::lend_mtu)
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
        port.link_mtu = u16::try_from(change.mtu).unwrap_or(u16::MAX).min(port.most);
        // What was lent stays below it; and a change that is none of the MTU leaves what routers say of it.
        port.fit_mtu(&mut self.host);
        let up = change.up && change.carrier;
        if self.host.interface_up(port.interface) != Some(up) {
            // Known, as it was attached.
            let _: Result<(), InterfaceError> = self.host.set_up(now, port.interface, up);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::memory::{self, Memory};
    use device::{Capabilities, Counters};
    use stack::{Host, HostConfig, InterfaceConfig, Medium};
    use std::collections::VecDeque;
    use wire::Frame;

    const NOW: Instant = Instant::from_secs(1);

    /// A device that is an interface of the system's: number 5.
    struct Numbered(Memory);

    impl Device for Numbered {
        fn capabilities(&self) -> Capabilities {
            Capabilities { mtu: 1500, ..self.0.capabilities() }
        }
        fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
            self.0.receive(now, out)
        }
        fn transmit(&mut self, now: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
            self.0.transmit(now, frames)
        }
        fn interface_index(&self) -> Option<u32> {
            Some(5)
        }
        fn counters(&self) -> Counters {
            self.0.counters()
        }
    }

    #[test]
    fn an_mtu_that_was_lent_counts_while_it_is_lower_than_the_links_whatever_happens_to_that() {
        let mut driver = Driver::new(Host::new(HostConfig::default(), [7; 32]).unwrap());
        let (device, _other_end) = memory::pair(memory::Config::default());
        let config =
            InterfaceConfig::new("wire", Medium::Ip).mtu(8000).address("fd00::1/64".parse().unwrap());
        let wire = driver.attach(NOW, Numbered(device), config).unwrap();
        let mut change =
            LinkChange { name: "wire".to_owned(), index: 5, up: true, carrier: true, mtu: 1500, gone: false };
        let mut after = |driver: &mut Driver<Numbered>, mtu: u32, up: bool| {
            (change.mtu, change.up) = (mtu, up);
            assert!(driver.follow(NOW, &change));
            driver.host().interface_mtu(wire)
        };
        driver.lend_mtu(wire, Some(1400));
        assert_eq!(driver.host().interface_mtu(wire), Some(1400));
        for (mtu, up, counts) in [
            (1500, false, 1400),
            (1500, true, 1400),
            (1300, true, 1300),
            (9000, true, 1400),
            (1000, true, 1400), // not with IPv6: what is too large is refused by the device
            (1500, true, 1400),
        ] {
            assert_eq!(after(&mut driver, mtu, up), Some(counts), "{mtu}, up: {up}");
        }
        driver.lend_mtu(wire, Some(1450));
        assert_eq!(driver.host().interface_mtu(wire), Some(1450), "another lease says another thing");
        driver.lend_mtu(wire, None);
        assert_eq!(driver.host().interface_mtu(wire), Some(1500));
        assert_eq!(after(&mut driver, 9000, true), Some(8000), "never above what was asked for");
    }
}
