//! One loop's worth of work: what arrived goes in, what is due runs, what is to be sent goes out.

use crate::wait::timespec;
use device::{BATCH, Device};
use env::{Instant, Machine};
use record::Recorder;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use stack::{Host, HostEvent, InterfaceConfig, InterfaceError, InterfaceId, Trace};
use std::collections::VecDeque;
use std::{fmt, io};
use wire::Frame;

/// Frames that wait for one device while others go on; a lone device is never given more than it takes.
const QUEUE: usize = 1024;

/// Sees what happens, in order; see [`Driver::observe`].
pub type Observer = Box<dyn FnMut(Trace) + Send>;

/// A host and its devices.
///
/// The user's calls go to [`host_mut`](Self::host_mut); after them, [`flush`](Self::flush) or [`turn`](Self::turn).
pub struct Driver<D = Box<dyn Device + Send>> {
    pub(crate) host: Host,
    pub(crate) ports: Vec<Port<D>>,
    /// Tells what others do to the devices' interfaces.
    #[cfg(target_os = "linux")]
    pub(crate) monitor: Option<device::netlink::Monitor>,
    observer: Option<Observer>,
    recorder: Option<Recorder>,
    /// Kept for its room.
    arrived: Vec<Frame>,
    dropped: u64,
}

/// A device, and what it has not taken yet.
pub(crate) struct Port<D> {
    pub(crate) interface: InterfaceId,
    pub(crate) device: D,
    /// The largest MTU that the interface may have, whatever the device's grows to.
    pub(crate) most: u16,
    /// The device's, at most that.
    pub(crate) link_mtu: u16,
    /// What somebody on the link says of it.
    lent_mtu: Option<u16>,
    /// What the host was told last.
    told_mtu: u16,
    queue: VecDeque<Frame>,
}

impl<D> Port<D> {
    /// Tells the host the lower of the link's MTU and what was lent.
    pub(crate) fn fit_mtu(&mut self, host: &mut Host) {
        let mtu = self.link_mtu.min(self.lent_mtu.unwrap_or(u16::MAX));
        // An MTU that no host may have, or not with IPv6 (RFC 8200 §5), leaves the interface at the one it had: what is
        // larger than the link takes is then refused and counted by the device.
        if self.told_mtu != mtu && host.set_mtu(self.interface, mtu).is_ok() {
            self.told_mtu = mtu;
        }
    }
}

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Frames that arrived.
    pub received: usize,
    /// Frames that left.
    pub sent: usize,
    /// A device may have more to give: turn again at once, after others had theirs.
    pub more: bool,
}

/// A device is broken or gone.
#[derive(Debug)]
pub struct DeviceError {
    /// Which.
    pub interface: InterfaceId,
    /// In its own words.
    pub why: io::Error,
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl std::error::Error for DeviceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.why)
    }
}

impl From<DeviceError> for io::Error {
    fn from(error: DeviceError) -> Self {
        error.why
    }
}

impl<D: Device> Driver<D> {
    /// A host without devices.
    pub fn new(host: Host) -> Self {
        Self {
            host,
            ports: Vec::new(),
            #[cfg(target_os = "linux")]
            monitor: None,
            observer: None,
            recorder: None,
            arrived: Vec::new(),
            dropped: 0,
        }
    }

    /// Attaches `device` as an interface of the host: with an MTU of at most the device's, and its offloads.
    ///
    /// # Errors
    /// [`InterfaceError`]; the device is dropped then.
    pub fn attach(
        &mut self,
        now: Instant,
        device: D,
        config: InterfaceConfig,
    ) -> Result<InterfaceId, InterfaceError> {
        let (can, most) = (device.capabilities(), config.mtu);
        let mtu = most.min(u16::try_from(can.mtu).unwrap_or(u16::MAX));
        let interface = self.host.add_interface(
            now,
            InterfaceConfig {
                mtu,
                segmentation: can.segmentation,
                checksum: can.checksum,
                ahead: can.ahead,
                ..config
            },
        )?;
        self.ports.push(Port {
            interface,
            device,
            most,
            link_mtu: mtu,
            lent_mtu: None,
            told_mtu: mtu,
            queue: VecDeque::new(),
        });
        Ok(interface)
    }

    /// Takes in what somebody on an interface's link says that its MTU is, in octets of an IP packet: DHCP's option 26
    /// (RFC 2132 §5.1), say. It counts while it is below the device's own, whatever becomes of that; `None` says that
    /// nobody says anything any more.
    pub fn lend_mtu(&mut self, interface: InterfaceId, mtu: Option<u16>) {
        if let Some(port) = self.ports.iter_mut().find(|port| port.interface == interface) {
            port.lent_mtu = mtu;
            port.fit_mtu(&mut self.host);
        }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The host, for the user's calls.
    pub fn host_mut(&mut self) -> &mut Host {
        &mut self.host
    }

    /// The devices, in the order of attaching.
    pub fn devices(&self) -> impl Iterator<Item = (InterfaceId, &D)> {
        self.ports.iter().map(|port| (port.interface, &port.device))
    }

    /// The devices, to change them.
    pub fn devices_mut(&mut self) -> impl Iterator<Item = (InterfaceId, &mut D)> {
        self.ports.iter_mut().map(|port| (port.interface, &mut port.device))
    }

    /// Takes one device away: its interface is down from now on, and what it had not taken is lost. `None` when there is
    /// no such device.
    pub fn detach_one(&mut self, now: Instant, interface: InterfaceId) -> Option<D> {
        let index = self.ports.iter().position(|port| port.interface == interface)?;
        // Known, as it was attached.
        let _: Result<(), InterfaceError> = self.host.set_up(now, interface, false);
        Some(self.ports.remove(index).device)
    }

    /// Takes the devices away; the host stays, to be looked at. What they had not taken is lost.
    pub fn detach(&mut self) -> Vec<(InterfaceId, D)> {
        self.ports.drain(..).map(|port| (port.interface, port.device)).collect()
    }

    /// Has `observer` told what happens, from now on; or nobody. It sees a frame before the device takes it.
    pub fn observe(&mut self, observer: Option<Observer>) {
        self.host.watch(observer.is_some());
        self.observer = observer;
    }

    /// Has everything recorded that goes into the host, from its beginning on: before any device is attached, and before
    /// any call. Dropping the driver writes what is left. What the recorder came to, [`Recorder::watch`] tells.
    ///
    /// # Errors
    /// The host is not new, or the recorder has begun already.
    pub fn record(&mut self, mut recorder: Recorder) -> io::Result<()> {
        recorder.begin(&mut self.host)?;
        self.recorder = Some(recorder);
        Ok(())
    }

    /// Takes the next event for the users of the host.
    pub fn poll_event(&mut self) -> Option<HostEvent> {
        self.host.poll_event()
    }

    /// Takes in what arrived, at most [`BATCH`] frames from each device, runs what is due, and sends what is to be sent.
    ///
    /// # Errors
    /// A device is broken or gone. The others had their turn.
    pub fn turn(&mut self, now: Instant) -> Result<Turn, DeviceError> {
        let mut turn = Turn::default();
        let mut broken = None;
        for port in &mut self.ports {
            match port.device.receive(now, &mut self.arrived) {
                Ok(count) => turn.more |= count >= BATCH || port.device.has_more(),
                Err(why) => broken = Some(DeviceError { interface: port.interface, why }),
            }
            turn.received += self.arrived.len();
            for frame in self.arrived.drain(..) {
                self.host.handle_packet(now, (port.interface, frame));
            }
        }
        if self.host.poll_timeout().is_some_and(|due| due <= now) {
            self.host.handle_timeout(now);
        }
        let flushed = self.flush(now);
        turn.sent = *flushed.as_ref().unwrap_or(&0);
        match broken {
            Some(error) => Err(error),
            None => flushed.map(|_| turn),
        }
    }

    /// Sends what is to be sent, as far as the devices take it; says how many frames left. What a turn ends with, and
    /// enough after a user's call.
    ///
    /// # Errors
    /// A device is broken or gone. The others had their turn.
    pub fn flush(&mut self, now: Instant) -> Result<usize, DeviceError> {
        let mut sent = 0;
        let mut broken = None;
        for port in &mut self.ports {
            // What it left, and what it holds back itself.
            match port.device.transmit(now, &mut port.queue) {
                Ok(count) => sent += count,
                Err(why) => broken = Some(DeviceError { interface: port.interface, why }),
            }
        }
        let mut more = true;
        while broken.is_none() && more {
            let gathered = self.gather(now);
            more = gathered >= BATCH; // With fewer the host has said that there is no more.
            if gathered == 0 {
                break;
            }
            self.tell();
            for port in self.ports.iter_mut().filter(|port| !port.queue.is_empty()) {
                match port.device.transmit(now, &mut port.queue) {
                    Ok(count) => sent += count,
                    Err(why) => broken = Some(DeviceError { interface: port.interface, why }),
                }
            }
        }
        self.tell();
        broken.map_or(Ok(sent), Err)
    }

    /// Asks the host for a batch of frames, unless no device takes any: TCP then keeps its data, which it can still
    /// hold together with more, or not send at all (a retransmission that an ACK makes needless). Says how many there were.
    fn gather(&mut self, now: Instant) -> usize {
        if !self.ports.is_empty() && self.ports.iter().all(|port| !port.queue.is_empty()) {
            return 0;
        }
        for gathered in 0..BATCH {
            let Some((interface, frame)) = self.host.poll_transmit(now) else { return gathered };
            match self.ports.iter_mut().find(|port| port.interface == interface) {
                Some(port) if port.queue.len() < QUEUE => port.queue.push_back(frame),
                // One stuck device may not hold up the others.
                _ => self.dropped += 1,
            }
        }
        BATCH
    }

    fn tell(&mut self) {
        if let Some(recorder) = &mut self.recorder
            && !recorder.take(&mut self.host)
        {
            self.recorder = None;
        }
        let Some(observer) = &mut self.observer else { return };
        while let Some(trace) = self.host.poll_trace() {
            observer(trace);
        }
    }

    /// When to [`turn`](Self::turn) again though nothing arrives: `None` when there is nothing to wait for.
    pub fn deadline(&self) -> Option<Instant> {
        let devices = self.ports.iter().filter_map(|port| port.device.poll_timeout());
        devices.chain(self.host.poll_timeout()).min()
    }

    /// Whether a device has left frames: then wait until its descriptor is writable, too.
    pub fn is_blocked(&self, interface: InterfaceId) -> bool {
        self.ports.iter().any(|port| port.interface == interface && !port.queue.is_empty())
    }

    /// Frames that a device has not taken yet.
    pub(crate) fn waiting(&self, interface: InterfaceId) -> usize {
        self.ports.iter().find(|port| port.interface == interface).map_or(0, |port| port.queue.len())
    }

    /// The devices that have left frames.
    pub fn blocked(&self) -> impl Iterator<Item = InterfaceId> {
        self.ports.iter().filter(|port| !port.queue.is_empty()).map(|port| port.interface)
    }

    /// Frames that were dropped because their device took nothing for long while others went on.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Waits on the thread until it is worth turning, at most until `limit`: a device has something, or has room for what
    /// it left, or [`deadline`](Self::deadline) has come. Devices without a descriptor cannot end the wait.
    ///
    /// # Errors
    /// The system refuses to wait.
    pub fn wait(&self, now: Instant, limit: Option<Instant>) -> io::Result<()> {
        let mut fds = Vec::with_capacity(self.ports.len());
        let waits: Vec<_> =
            self.ports.iter().filter_map(|port| Some((port.device.fd()?, !port.queue.is_empty()))).collect();
        for (fd, blocked) in &waits {
            fds.push(PollFd::new(fd, if *blocked { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }));
        }
        let due = [self.deadline(), limit].into_iter().flatten().min();
        match poll(&mut fds, due.map(|due| timespec(due.since(now))).as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }
}

/// What was noted since the last turn is recorded, too.
impl<D> Drop for Driver<D> {
    fn drop(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.take(&mut self.host);
        }
    }
}

impl<D> fmt::Debug for Driver<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting: usize = self.ports.iter().map(|port| port.queue.len()).sum();
        f.debug_struct("Driver")
            .field("devices", &self.ports.len())
            .field("waiting", &waiting)
            .field("recorded", &self.recorder.is_some())
            .field("observed", &self.observer.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod departures;
#[cfg(test)]
mod tests;
