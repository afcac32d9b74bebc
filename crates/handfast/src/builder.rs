//! How a stack is to be.

use crate::Stack;
use crate::autoconf::Autoconf;
use crate::handle::Handle;
use crate::port::{Port, Source, invalid};
use crate::shared::Shared;
use crate::task::{OnTask, Turner};
use device::Device;
use driver::{Clock, Driver, Observer, Waiter};
use env::Rng;
use record::Recorder;
use stack::{Cidr, Host, HostConfig, MacAddr};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

/// How a [`Stack`] is to be. Made by [`Stack::builder`].
///
/// One stack may have several devices. What is set after a device is that device's; what is set before any is the
/// first one's:
///
/// ```
/// # use handfast::{Stack, device::memory};
/// # let ((left, _l), (right, _r)) = (memory::wired(memory::Config::default())?, memory::wired(memory::Config::default())?);
/// let stack = Stack::builder()
///     .device(left)
///     .address("10.1.0.2/24".parse()?)
///     .gateway("10.1.0.1".parse()?)
///     .device(right)
///     .address("10.2.0.2/24".parse()?)
///     .mtu(1280)
///     .build_on_thread()?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
#[must_use]
pub struct StackBuilder {
    ports: Vec<Port>,
    config: HostConfig,
    clock: Option<Clock>,
    seed: Option<[u8; 32]>,
    observer: Option<Observer>,
    recorder: Option<Recorder>,
    name_servers: Vec<IpAddr>,
}

impl StackBuilder {
    /// Carries packets through `device`, too. It must have a descriptor to wait on: a TUN that was opened or
    /// [adopted](device::tun::Tun::adopt), one end of a [wired](device::memory::wired) pair, or one of them behind a
    /// recorder or an impairment.
    ///
    /// On a device of Ethernet frames the stack has a [hardware address](Self::hardware_address) of its own and finds its
    /// neighbours (ARP, RFC 826; NDP, RFC 4861).
    pub fn device(self, device: impl Device + Send + 'static) -> Self {
        self.from(Source::Device(Box::new(device)))
    }

    /// Carries packets through the TUN `name`, which is made if it is not there. See
    /// [`host_address`](Self::host_address).
    pub fn tun(self, name: &str) -> Self {
        self.from(Source::Tun(name.to_owned()))
    }

    /// Carries Ethernet frames through the TAP `name`, which is made if it is not there.
    pub fn tap(self, name: &str) -> Self {
        self.from(Source::Tap(name.to_owned()))
    }

    fn from(mut self, source: Source) -> Self {
        match self.ports.last_mut() {
            Some(port) if port.source.is_none() => port.source = Some(source),
            _ => self.ports.push(Port { source: Some(source), ..Port::default() }),
        }
        self
    }

    /// The device whose settings are given.
    fn set(mut self, change: impl FnOnce(&mut Port)) -> Self {
        if self.ports.is_empty() {
            self.ports.push(Port::default());
        }
        if let Some(port) = self.ports.last_mut() {
            change(port);
        }
        self
    }

    /// The kernel's address on the TUN. Once at least: it names the network that the kernel sends our way. Without any,
    /// the interface is left as it is. What was changed is changed back when the stack ends, should the interface stay.
    pub fn host_address(self, address: Cidr) -> Self {
        self.set(|port| port.host_addresses.push(address))
    }

    /// An address of the stack, with its network. May be called several times, for both IP versions.
    pub fn address(self, address: Cidr) -> Self {
        self.set(|port| port.addresses.push(address))
    }

    /// Where packets to other networks go; one for each IP version. On a TUN without a gateway, everything of a version
    /// of which there is an address goes to the kernel. Of several devices that could take a packet, the first does.
    pub fn gateway(self, gateway: IpAddr) -> Self {
        self.set(|port| port.gateways.push(gateway))
    }

    /// Has the stack configure itself on this device, which carries Ethernet frames: an IPv4 address, a router and name
    /// servers are asked for by DHCP (RFC 2131), IPv6 addresses are formed of what routers advertise (RFC 4862).
    /// [`Stack::configured`] waits until there is one. What is lent is given back when the stack ends.
    ///
    /// Routers are then listened to on every device of the stack.
    #[cfg(feature = "dhcp")]
    pub fn autoconfigure(self) -> Self {
        self.set(|port| port.autoconfigure = true)
    }

    /// The largest IP packet, in octets. Default: the device's. A TUN that is [made here](Self::tun) gets it, too.
    pub fn mtu(self, mtu: u16) -> Self {
        self.set(|port| port.mtu = Some(mtu))
    }

    /// Puts the kernel's end of a TAP that is [made here](Self::tap) on this bridge, and sets it up: the stack is a host of
    /// the bridge's network then. A TAP that stays is taken off again when the stack ends.
    pub fn bridge(self, name: &str) -> Self {
        self.set(|port| port.bridge = Some(name.to_owned()))
    }

    /// Whether the kernel cuts and coalesces trains for us and finishes checksums, as far as it can, on a TUN or TAP that
    /// is [made here](Self::tun). Default yes: it is several times faster.
    pub fn offloads(self, on: bool) -> Self {
        self.set(|port| port.offloads = Some(on))
    }

    /// Our address on Ethernet. Default: the device's, or one for local use, by chance. It has no meaning on other devices.
    pub fn hardware_address(self, address: MacAddr) -> Self {
        self.set(|port| port.hardware_address = Some(address))
    }

    /// A name server to ask, for those who look names up: see [`Stack::name_servers`]. May be called several times.
    pub fn name_server(mut self, server: IpAddr) -> Self {
        self.name_servers.push(server);
        self
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

    /// Has everything recorded that goes into the stack's host, from its beginning on, so that the run can be replayed:
    /// see the crate `handfast-record`. No secret gets into the file, and no payload unless the recorder was asked for it.
    /// It is complete when the stack is gone: closed, and its last socket dropped.
    pub fn record(self, recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), ..self }
    }

    /// Starts the stack: as a task on the tokio runtime that this is called in; outside of any, on a thread of its own,
    /// as [`build_on_thread`](Self::build_on_thread).
    ///
    /// A task is cheapest for sockets that are used on the same runtime. When that runtime is shut down, sockets get an
    /// error from then on; what they had written is still delivered by a thread, for as long as the process lives.
    ///
    /// # Errors
    /// The TUN cannot be had ([`device::tun::TunError`] is the inner error and says what to do), an address cannot be an
    /// interface's, a setting is outside its limits, a device has no descriptor to wait on, or there is no device
    /// (`InvalidInput`).
    ///
    /// # Panics
    /// On a tokio runtime without I/O enabled, as everything of tokio's.
    pub fn build(self) -> io::Result<Stack> {
        if tokio::runtime::Handle::try_current().is_err() {
            return self.build_on_thread();
        }
        let (shared, turner, waiter) = self.start()?;
        tokio::spawn(OnTask::new(turner, waiter)?.run());
        Ok(Stack::new(Handle::new(shared)))
    }

    /// Starts the stack on a thread of its own, which sleeps while there is nothing to do. Its sockets work from any
    /// thread and on any runtime, whichever of those are shut down.
    ///
    /// # Errors
    /// As [`build`](Self::build), and when the system has no more threads.
    pub fn build_on_thread(self) -> io::Result<Stack> {
        let (shared, turner, waiter) = self.start()?;
        turner.spawn(waiter)?;
        Ok(Stack::new(Handle::new(shared)))
    }

    /// For tests that turn it themselves, roused by the bell.
    #[cfg(all(test, handfast_shuttle))]
    pub(crate) fn build_to_be_turned(self) -> io::Result<(Stack, Turner, crate::sync::Bell)> {
        let (shared, turner, _) = self.start()?;
        shared.move_to_thread();
        let bell = shared.bell();
        Ok((Stack::new(Handle::new(shared)), turner, bell))
    }

    fn start(self) -> io::Result<(Arc<Shared>, Turner, Waiter)> {
        let clock = self.clock.unwrap_or_default();
        let mut rng = Rng::from_seed(match self.seed {
            None => driver::seed()?,
            // Not the host's own draws, which are secrets: these are seen by everybody on the link.
            Some(seed) => seed.map(|octet| octet ^ 0x5c),
        });
        let seed = self.seed.map_or_else(driver::seed, Ok)?;
        let mut config = self.config;
        let autoconfigures = |port: &Port| cfg!(feature = "dhcp") && port.autoconfigure;
        config.router_advertisements |= self.ports.iter().any(autoconfigures);
        let mut driver = Driver::new(Host::new(config, seed).map_err(invalid)?);
        #[cfg_attr(not(feature = "dhcp"), expect(unused_mut))]
        let mut autoconf = Autoconf::default();
        if let Some(recorder) = self.recorder {
            driver.record(recorder)?;
        }
        driver.observe(self.observer);
        let (mut fds, mut sources, mut belongings) = (Vec::new(), Vec::new(), Vec::new());
        if self.ports.is_empty() {
            return Err(invalid("a stack needs a device"));
        }
        for (number, mut port) in (1..).zip(self.ports) {
            let opened = port.open()?;
            let Some(fd) = opened.device.fd() else {
                return Err(invalid("the device has nothing to wait on"));
            };
            fds.push(fd.try_clone_to_owned()?);
            let config = port.interface(&opened, number, &mut rng);
            let medium = config.medium;
            let interface = driver.attach(clock.now(), opened.device, config).map_err(invalid)?;
            #[cfg(feature = "dhcp")]
            if port.autoconfigure {
                let stack::Medium::Ethernet(mac) = medium else {
                    return Err(invalid("only a device of Ethernet frames can configure itself: a TAP, say"));
                };
                autoconf.add(driver.host_mut(), interface, mac, rng.fork())?;
            }
            for entry in port.default_routes(medium, interface, number) {
                driver.host_mut().add_route(entry).map_err(invalid)?;
            }
            sources.push(interface);
            belongings.extend(opened.changes);
        }
        let mut waiter = Waiter::new(fds)?;
        #[cfg(target_os = "linux")]
        {
            driver.watch_links()?;
            driver.links_owned()?.map_or(Ok(()), |links| waiter.watch(links))?;
        }
        let shared = Shared::new(driver, clock, crate::sync::bell_of(&waiter));
        let mut inner = shared.lock();
        inner.belongings = belongings;
        inner.name_servers = self.name_servers;
        inner.autoconf = autoconf;
        drop(inner);
        let shared = Arc::new(shared);
        Ok((Arc::clone(&shared), Turner::new(shared, sources), waiter))
    }
}

impl std::fmt::Debug for StackBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let devices: Vec<_> =
            self.ports.iter().map(|port| port.source.as_ref().map_or("", Source::name)).collect();
        let addresses: Vec<_> = self.ports.iter().flat_map(|port| &port.addresses).collect();
        f.debug_struct("StackBuilder")
            .field("devices", &devices)
            .field("addresses", &addresses)
            .finish_non_exhaustive()
    }
}
