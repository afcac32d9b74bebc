//! A TUN or TAP: IP packets or Ethernet frames to and from this machine's kernel (Linux).
//!
//! ```text
//!    the kernel's sockets ──► route ──► hf0 ──readv─► header, pooled buffer ──slice──► the stack
//!                                       hf0 ◄─writev─ header, head, body chunks ◄───── the stack
//! ```
//!
//! With offloads each frame has a [virtio-net header](crate::virtio) before it, and a train of up to 64 KiB is one
//! system call, one header and one pass through either stack; the kernel cuts it, or has not yet cut it. Partial
//! checksums pass both ways: what never leaves this machine is never summed. Without them it is one packet a system
//! call, trains cut and checksums finished before.
//!
//! - [`Options`] makes one, [`Tun::adopt`] takes one from elsewhere, [`Tun::another_queue`] joins one.
//! - [`Tun::configure`] sets it up.

mod changes;
mod error;
mod open;
mod pool;
mod sys;

pub use changes::Changes;
pub use error::TunError;
pub use open::Options;

use crate::coalesce::Coalescer;
use crate::memory::packet_start;
use crate::netlink::{Netlink, NetlinkError, Why};
use crate::virtio::{Header, Order, Trains};
use crate::{BATCH, Capabilities, Counters, Device, Duration, Instant, Medium, finish, ip_offset};
use open::Shared;
use pool::Pool;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use wire::Frame;
use wire::ethernet::{self, MacAddr};

/// Where the kernel hands out TUN and TAP devices.
pub const NODE: &str = "/dev/net/tun";

/// Octets of the longest train and its link header, and one more.
const TRAIN: usize = 65_535 + ethernet::MAX_HEADER_LEN + 1;

/// The most octets that one call of `receive` takes in, but for the last frame: what is in the stack's hands at once
/// should fit into the caches.
const BATCH_OCTETS: usize = 256 * 1024;

/// The most slices of one write; what is in more pieces is put together first.
const SLICES: usize = 64;

/// What the frames of an interface are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// IP packets.
    #[default]
    Tun,
    /// Ethernet frames.
    Tap,
}

impl Kind {
    fn medium(self) -> Medium {
        match self {
            Self::Tun => Medium::Ip,
            Self::Tap => Medium::Ethernet,
        }
    }
}

/// One queue of a TUN or TAP interface. The interface goes away with the last of them, unless someone made it
/// persistent; its offload mask is cleared then.
#[derive(Debug)]
pub struct Tun {
    fd: OwnedFd,
    name: String,
    /// Its number, if it lives in the network namespace of the thread that made this.
    index: Option<u32>,
    /// Where more queues come from.
    node: PathBuf,
    kind: Kind,
    /// Octets of the virtio-net header; 0 without one.
    header_len: usize,
    order: Order,
    trains: Trains,
    /// Of our end.
    hardware_addr: Option<MacAddr>,
    mtu: usize,
    pool: Pool,
    counters: Counters,
    /// The last `receive` stopped before all was taken.
    more: bool,
    /// Joins what comes as packets; nothing when trains come whole.
    coalescer: Option<Coalescer>,
    /// Taken when this is dropped.
    shared: Option<Arc<Shared>>,
}

/// What came of a write.
enum Written {
    Done,
    /// The device takes nothing now.
    NotNow,
}

impl Tun {
    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets the interface up with these addresses, and routes these networks to it: `(address, prefix)` each.
    /// The addresses are the kernel's; their networks are routed to us. All is ready when this returns.
    /// `mtu` is the interface's from then on.
    ///
    /// # Errors
    /// What the kernel did not do; what came before that is done.
    pub fn configure(
        &mut self,
        mtu: Option<u16>,
        addresses: &[(IpAddr, u8)],
        routes: &[(IpAddr, u8)],
    ) -> Result<(), NetlinkError> {
        let mut changes = Changes::default();
        let done = self.configure_until(&mut changes, mtu, addresses, routes);
        changes.keep();
        done
    }

    /// The same until `changes` are dropped, for an interface that stays: then its MTU is again what it was, it is down if it was down, and the
    /// addresses and routes that were not there before are gone.
    ///
    /// # Errors
    /// What the kernel did not do; what came before that is done, and among the changes.
    pub fn configure_until(
        &mut self,
        changes: &mut Changes,
        mtu: Option<u16>,
        addresses: &[(IpAddr, u8)],
        routes: &[(IpAddr, u8)],
    ) -> Result<(), NetlinkError> {
        let mut netlink = Netlink::open()?;
        changes.begin(&self.name, netlink.link(&self.name)?);
        if let Some(mtu) = mtu {
            netlink.set_mtu(&self.name, mtu.into())?;
            self.set_mtu(mtu.into());
        }
        for &(address, prefix) in addresses {
            if netlink.add_address(&self.name, address, prefix)? {
                changes.addresses.push((address, prefix));
            }
        }
        netlink.set_up(&self.name)?;
        addresses.iter().try_for_each(|&(address, _)| netlink.wait_until_local(address))?;
        routes.iter().try_for_each(|&(network, prefix)| {
            netlink.add_route(network, prefix, &self.name, None)?;
            changes.routes.push((network, prefix));
            Ok(())
        })
    }

    /// Makes a TAP a port of `bridge`, and sets it up, until `changes` are dropped. The bridge's network is then what
    /// our end is on.
    ///
    /// # Errors
    /// What the kernel did not do; [`crate::netlink::Why::Invalid`] for a TUN, which no bridge takes.
    pub fn join_bridge(&mut self, changes: &mut Changes, bridge: &str) -> Result<(), NetlinkError> {
        let mut netlink = Netlink::open()?;
        changes.begin(&self.name, netlink.link(&self.name)?);
        netlink.set_bridge(&self.name, Some(bridge))?;
        netlink.set_up(&self.name)?;
        // A bridge may have given it its own.
        self.set_mtu(netlink.link(&self.name)?.mtu as usize);
        Ok(())
    }

    /// Asks the kernel for the MTU again, in case someone has changed it.
    ///
    /// # Errors
    /// The interface is gone or in another network namespace: [`crate::netlink::Why::NotFound`].
    pub fn refresh_mtu(&mut self) -> Result<usize, NetlinkError> {
        let info = Netlink::open()?.link(&self.name)?;
        if self.index != Some(info.index) {
            // Another one of the same name.
            return Err(NetlinkError { asked: format!("look at {}", self.name), why: Why::NotFound });
        }
        let mtu = info.mtu as usize;
        self.set_mtu(mtu);
        Ok(mtu)
    }

    /// What this end takes the MTU to be, in octets of IP packet. The kernel's is not changed.
    pub fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu;
        // One octet more than the largest: a packet that fills it was cut short.
        let one = ethernet::MAX_HEADER_LEN + mtu + 1;
        let largest = if self.trains == Trains::default() { one } else { one.max(TRAIN) };
        self.pool.set_size(largest.next_multiple_of(2048));
    }

    /// What its frames are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which trains pass whole: both kinds, those of TCP (a kernel before 6.2), or none.
    pub fn trains(&self) -> Trains {
        self.trains
    }

    /// Gives our end of a TAP another hardware address. The kernel's end has its own
    /// ([`Netlink::set_hardware_address`]).
    pub fn set_hardware_addr(&mut self, address: MacAddr) {
        if self.kind == Kind::Tap {
            self.hardware_addr = Some(address);
        }
    }

    /// Whether segments that come one by one and follow each other are joined into trains (see
    /// [`capabilities`](Device::capabilities)). Default: yes, unless the kernel hands trains over itself.
    pub fn set_coalescing(&mut self, on: bool) {
        self.coalescer = (on && !self.trains.tcp).then(Coalescer::default);
    }

    fn medium(&self) -> Medium {
        self.kind.medium()
    }

    /// What the packets of a frame that goes out must not be: counts it, if so.
    fn refuses(&mut self, frame: &Frame, header: &Header) -> bool {
        let Some(link) = ip_offset(self.medium(), packet_start(frame)).filter(|_| !frame.is_empty()) else {
            self.counters.tx_malformed += 1;
            return true;
        };
        let largest = match frame.offload.segment_size {
            Some(size) => usize::from(header.hdr_len) + usize::from(size.get()),
            None => frame.len(),
        };
        let too_large = largest.saturating_sub(link) > self.mtu;
        self.counters.tx_too_large += u64::from(too_large);
        too_large
    }

    /// Writes one frame as it is.
    fn write(&mut self, frame: &Frame, header: &Header) -> io::Result<Written> {
        if self.refuses(frame, header) {
            return Ok(Written::Done);
        }
        let mut prefix = [0; sys::HEADER_MAX];
        if let Some(start) = prefix.first_chunk_mut() {
            *start = header.emit(self.order);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let prefix = prefix.get(..self.header_len).unwrap_or(&[]);
        let chunks = frame.body.chunks();
        let whole;
        let used = if chunks.len() + 2 <= slices.len() {
            let parts = [prefix, frame.head.as_slice()];
            let parts = parts.into_iter().chain(chunks.iter().map(|chunk| &chunk[..]));
            let parts = parts.filter(|part| !part.is_empty());
            slices.iter_mut().zip(parts).map(|(slice, part)| *slice = IoSlice::new(part)).count()
        } else {
            whole = frame.to_vec();
            slices[0] = IoSlice::new(prefix);
            slices[1] = IoSlice::new(&whole);
            2
        };
        loop {
            match rustix::io::writev(&self.fd, &slices[..used]) {
                Ok(_) => {
                    self.counters.sent(frame.len());
                    self.counters.tx_trains += u64::from(frame.offload.segment_size.is_some());
                }
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(Written::NotNow),
                Err(Errno::IO) => self.counters.tx_link_down += 1,
                // No IP version at its start, a header that the kernel does not take, no memory: this frame's
                // trouble only.
                Err(Errno::INVAL | Errno::NOBUFS | Errno::NOMEM | Errno::MSGSIZE) => {
                    self.counters.tx_refused += 1;
                }
                Err(why) => return Err(error::broken(&self.name, why)),
            }
            return Ok(Written::Done);
        }
    }

    /// Writes a frame that the device does not take as it is, as the packets that it is made of. Those that were not
    /// taken are left in `rest`.
    fn write_finished(&mut self, frame: Frame, rest: &mut VecDeque<Frame>) -> io::Result<()> {
        let capabilities = Capabilities { segmentation: false, ..self.capabilities() };
        if !finish(frame, &capabilities, &mut |packet| rest.push_back(packet)) {
            self.counters.tx_malformed += 1;
        }
        while let Some(packet) = rest.front() {
            let header = Header::of(packet, capabilities.medium, Trains::default()).unwrap_or_default();
            if let Written::NotNow = self.write(packet, &header)? {
                break;
            }
            rest.pop_front();
        }
        Ok(())
    }

    /// Reads one frame, and says how many octets were read. `None` for one that is no good: it is counted.
    fn read(&mut self, now: Instant) -> Result<(usize, Option<Frame>), Errno> {
        let (size, header_len, fd) = (self.pool.size(), self.header_len, &self.fd);
        let mut prefix = [0; sys::HEADER_MAX];
        let (packet, read) = self.pool.fill(|buffer| {
            let count = match prefix.get_mut(..header_len) {
                Some(prefix) if header_len > 0 => {
                    rustix::io::readv(fd, &mut [IoSliceMut::new(prefix), IoSliceMut::new(buffer)])?
                }
                _ => rustix::io::read(fd, buffer)?,
            };
            Ok::<_, Errno>((count.saturating_sub(header_len), count))
        })?;
        let counters = &mut self.counters;
        if read < header_len {
            counters.rx_header_short += 1;
        } else if packet.bytes.is_empty() {
            counters.rx_empty += 1;
        } else if packet.bytes.len() >= size {
            counters.rx_truncated += 1;
        } else {
            let octets = packet.bytes.len();
            let mut frame = Frame::received(packet.bytes, packet.held, now);
            let header = prefix.first_chunk().map(|octets| Header::read(*octets, self.order));
            let accepted = match header {
                Some(header) if header_len > 0 => header.accept(&mut frame, self.medium()),
                _ => Ok(()),
            };
            let counters = &mut self.counters;
            match accepted {
                Ok(()) => {
                    counters.received(octets);
                    counters.rx_trains += u64::from(frame.offload.segment_size.is_some());
                    return Ok((read, Some(frame)));
                }
                Err(lie) => counters.lied(lie),
            }
        }
        Ok((read, None))
    }
}

impl Device for Tun {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            medium: self.medium(),
            mtu: self.mtu,
            segmentation: self.trains.tcp,
            checksum: self.header_len > 0,
            ahead: Duration::ZERO,
            hardware_addr: self.hardware_addr,
        }
    }

    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
        let before = out.len();
        // Frames that are no good count too: a flood of them may not keep us here.
        let (mut count, mut octets) = (0, 0);
        let (truncated, mut asked) = (self.counters.rx_truncated, false);
        self.more = true;
        while count < BATCH && octets < BATCH_OCTETS {
            match self.read(now) {
                Ok((read, frame)) => {
                    count += 1;
                    octets += read;
                    out.extend(frame);
                    if self.counters.rx_truncated > truncated && !asked {
                        asked = true;
                        // The kernel's MTU must have grown. If it cannot be asked, our buffers stay as they are.
                        let _ = self.refresh_mtu();
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.more = false;
                    break;
                }
                Err(why) => return Err(error::broken(&self.name, why)),
            }
        }
        if let Some(coalescer) = &mut self.coalescer {
            self.counters.rx_coalesced_trains += coalescer.run(self.kind.medium(), out, before);
        }
        Ok(out.len() - before)
    }

    fn has_more(&self) -> bool {
        self.more
    }

    fn interface_index(&self) -> Option<u32> {
        self.index
    }

    fn mtu_changed(&mut self, mtu: usize) {
        self.set_mtu(mtu);
    }

    fn transmit(&mut self, _: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        let (medium, trains, headers) = (self.medium(), self.trains, self.header_len > 0);
        let mut taken = 0;
        while let Some(frame) = frames.pop_front() {
            let plain = frame.offload.segment_size.is_none()
                && !matches!(frame.offload.checksum, wire::Checksum::Partial { .. });
            let header = if plain {
                Some(Header::default())
            } else {
                Header::of(&frame, medium, trains).filter(|_| headers)
            };
            match header {
                Some(header) => {
                    if let Written::NotNow = self.write(&frame, &header)? {
                        frames.push_front(frame);
                        break;
                    }
                }
                None => {
                    let mut rest = VecDeque::new();
                    let outcome = self.write_finished(frame, &mut rest);
                    let blocked = !rest.is_empty();
                    // What is left of a train goes back as the packets it has become.
                    rest.drain(..).rev().for_each(|packet| frames.push_front(packet));
                    outcome?;
                    if blocked {
                        break;
                    }
                }
            }
            taken += 1;
        }
        Ok(taken)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests;
