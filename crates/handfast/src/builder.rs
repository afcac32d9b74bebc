//! How a stack is to be.

use crate::Stack;
use crate::handle::Handle;
use crate::shared::Shared;
use crate::task;
use device::{Capabilities, Device, Medium as DeviceMedium};
use driver::{Clock, Driver, Observer};
use stack::{Cidr, Host, HostConfig, InterfaceConfig, Medium, RouteEntry};
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How a [`Stack`] is to be. Made by [`Stack::builder`].
#[derive(Default)]
#[must_use]
pub struct StackBuilder {
    device: Option<Box<dyn Device + Send>>,
    tun: Option<String>,
    host_addresses: Vec<Cidr>,
    addresses: Vec<Cidr>,
    gateways: Vec<IpAddr>,
    mtu: Option<u16>,
    config: HostConfig,
    clock: Option<Clock>,
    seed: Option<[u8; 32]>,
    observer: Option<Observer>,
}

impl StackBuilder {
    /// Carries packets through `device`, which must have a descriptor to wait on: a TUN that was opened or
    /// [adopted](device::tun::Tun::adopt), one end of a [wired](device::memory::wired) pair, or one of them behind a
    /// recorder or an impairment. Only devices of IP packets, for now.
    pub fn device(self, device: impl Device + Send + 'static) -> Self {
        Self { device: Some(Box::new(device)), tun: None, ..self }
    }

    /// Carries packets through the TUN `name`, which is made if it is not there. See
    /// [`host_address`](Self::host_address).
    pub fn tun(self, name: &str) -> Self {
        Self { tun: Some(name.to_owned()), device: None, ..self }
    }

    /// The kernel's address on the TUN. Once at least: it names the network that the kernel sends our way. Without any,
    /// the interface is left as it is.
    pub fn host_address(mut self, address: Cidr) -> Self {
        self.host_addresses.push(address);
        self
    }

    /// An address of the stack, with its network. May be called several times, for both IP versions.
    pub fn address(mut self, address: Cidr) -> Self {
        self.addresses.push(address);
        self
    }

    /// Where packets to other networks go; one for each IP version. On a TUN without a gateway, everything of a version
    /// of which there is an address goes to the kernel.
    pub fn gateway(mut self, gateway: IpAddr) -> Self {
        self.gateways.push(gateway);
        self
    }

    /// The largest IP packet, in octets. Default: the device's. A TUN that is [made here](Self::tun) gets it, too.
    pub fn mtu(self, mtu: u16) -> Self {
        Self { mtu: Some(mtu), ..self }
    }

    /// Settings of the host, TCP's defaults among them.
    pub fn config(self, config: HostConfig) -> Self {
        Self { config, ..self }
    }

    /// The clock, when others are to read the same one: a capture, say.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// What every secret is drawn from, for tests that must repeat. Default: the system's own source, which is the only
    /// safe one.
    pub fn seed(self, seed: [u8; 32]) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Has `observer` told of everything that happens on the wire. It is called with the stack locked: it must not call
    /// the stack, and should be quick.
    pub fn observe(self, observer: Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Starts the stack, on the tokio runtime that this is called in.
    ///
    /// # Errors
    /// The TUN cannot be had ([`device::tun::TunError`] is the inner error and says what to do), an address cannot be an
    /// interface's, a setting is outside its limits, or the device has no descriptor to wait on (`InvalidInput`).
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time enabled, as everything of tokio's.
    pub fn build(self) -> io::Result<Stack> {
        let device = match (self.device, self.tun) {
            (Some(device), _) => device,
            #[cfg(target_os = "linux")]
            (None, Some(name)) => tun(&name, self.mtu, &self.host_addresses)?,
            _ => return Err(invalid("a stack needs a device")),
        };
        let Capabilities { medium: DeviceMedium::Ip, mtu, .. } = device.capabilities() else {
            return Err(invalid("only devices that carry IP packets, for now"));
        };
        let Some(fd) = device.fd() else { return Err(invalid("the device has nothing to wait on")) };
        let waits = waits_for(fd.try_clone_to_owned()?)?;

        let clock = self.clock.unwrap_or_default();
        let seed = self.seed.map_or_else(driver::seed, Ok)?;
        let mut driver = Driver::new(Host::new(self.config, seed).map_err(invalid)?);
        let mtu = self.mtu.unwrap_or(u16::try_from(mtu).unwrap_or(u16::MAX));
        let config = self
            .addresses
            .iter()
            .fold(InterfaceConfig::new("handfast", Medium::Ip).mtu(mtu), |c, &a| c.address(a));
        let interface = driver.attach(clock.now(), device, config).map_err(invalid)?;
        for all in [Cidr::ALL_V4, Cidr::ALL_V6] {
            let v4 = all.address().is_ipv4();
            let gateway = self.gateways.iter().copied().find(|gateway| gateway.is_ipv4() == v4);
            if gateway.is_some() || self.addresses.iter().any(|address| address.address().is_ipv4() == v4) {
                let entry = RouteEntry { destination: all, gateway, interface, metric: 0 };
                driver.host_mut().add_route(entry).map_err(invalid)?;
            }
        }
        driver.observe(self.observer);
        let shared = Arc::new(Shared::new(driver, clock));
        let task = tokio::spawn(task::run(Arc::clone(&shared), waits));
        Ok(Stack::new(Handle::new(shared, task)))
    }
}

/// A descriptor on this runtime. The call is deprecated because a type might give another descriptor each time, or close
/// the one it gave; [`OwnedFd`] does neither, and the call that replaces it cannot be made without `unsafe`.
#[allow(deprecated)]
fn waits_for(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE | Interest::WRITABLE)
}

#[cfg(target_os = "linux")]
fn tun(name: &str, mtu: Option<u16>, host: &[Cidr]) -> io::Result<Box<dyn Device + Send>> {
    let mut tun = device::tun::Tun::open(name)?;
    if !host.is_empty() {
        let host: Vec<_> = host.iter().map(|cidr| (cidr.address(), cidr.prefix())).collect();
        tun.configure(mtu, &host, &[])?;
    }
    Ok(Box::new(tun))
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

impl std::fmt::Debug for StackBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StackBuilder")
            .field("tun", &self.tun)
            .field("addresses", &self.addresses)
            .field("host_addresses", &self.host_addresses)
            .field("gateways", &self.gateways)
            .field("mtu", &self.mtu)
            .finish_non_exhaustive()
    }
}
