//! A TUN: IP packets to and from this machine's kernel (Linux).
//!
//! ```text
//!    the kernel's sockets ──► route ──► hf0 ──read──► pooled buffer ──slice──► the stack
//!                                       hf0 ◄─writev─ head, body chunks ◄───── the stack
//! ```
//!
//! No offloads yet: one packet a system call, trains cut and checksums finished before.

mod changes;
mod error;
mod pool;

pub use changes::Changes;
pub use error::TunError;

use crate::netlink::{Netlink, NetlinkError};
use crate::{BATCH, Capabilities, Counters, Device, Instant, Medium, finish};
use linux_raw_sys::general::O_NONBLOCK;
use linux_raw_sys::if_tun::{IFF_NO_PI, IFF_TUN, IFF_VNET_HDR};
use linux_raw_sys::ioctl::{TUNGETIFF, TUNSETIFF};
use pool::Pool;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use wire::Frame;

/// Where the kernel hands out TUN devices.
pub const NODE: &str = "/dev/net/tun";

/// The longest name of an interface, in octets.
const NAME_MAX: usize = 15;

/// A TUN interface. It goes away when this is dropped, unless someone else made it persistent.
#[derive(Debug)]
pub struct Tun {
    fd: OwnedFd,
    name: String,
    mtu: usize,
    pool: Pool,
    counters: Counters,
}

/// struct ifreq: a name and, here, flags.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; NAME_MAX + 1],
    flags: u16,
    rest: [u8; 22],
}

impl Tun {
    /// Creates the interface `name`, or takes the one of that name that was made for us (`ip tuntap add`). With an
    /// empty name, or one that ends in `%d`, the kernel chooses; [`name`](Self::name) says what.
    ///
    /// It is down and has no address: see [`configure`](Self::configure).
    ///
    /// # Errors
    /// [`TunError`] says what is missing and what to do.
    pub fn open(name: &str) -> Result<Self, TunError> {
        Self::open_at(Path::new(NODE), name)
    }

    /// The same from another device node than [`NODE`].
    ///
    /// # Errors
    /// [`TunError`] says what is missing and what to do.
    pub fn open_at(node: &Path, name: &str) -> Result<Self, TunError> {
        let legal = |octet: u8| octet.is_ascii_graphic() && !matches!(octet, b'/' | b':');
        if name.len() > NAME_MAX || name == "." || name == ".." || !name.bytes().all(legal) {
            return Err(TunError::BadName { name: name.to_owned() });
        }
        let fd: OwnedFd = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(O_NONBLOCK as i32)
            .open(node)
            .map_err(|why| TunError::on_open(node, why))?
            .into();
        let mut request =
            InterfaceRequest { name: [0; 16], flags: (IFF_TUN | IFF_NO_PI) as u16, rest: [0; 22] };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        ioctl::<TUNSETIFF>(fd.as_fd(), &mut request)
            .map_err(|errno| TunError::on_create(node, name, errno))?;
        Self::of(fd)
    }

    /// Takes a descriptor of a TUN that was opened elsewhere, perhaps in another network namespace. It is made
    /// non-blocking.
    ///
    /// The MTU is asked of this thread's network namespace; when the interface lives elsewhere it is taken to be
    /// 1,500 until [`set_mtu`](Self::set_mtu) says otherwise.
    ///
    /// # Errors
    /// [`TunError::NotATun`] and [`TunError::WrongKind`].
    pub fn adopt(fd: OwnedFd) -> Result<Self, TunError> {
        rustix::io::ioctl_fionbio(&fd, true)
            .map_err(|errno| TunError::system("make it non-blocking", errno))?;
        Self::of(fd)
    }

    fn of(fd: OwnedFd) -> Result<Self, TunError> {
        let mut request = InterfaceRequest { name: [0; 16], flags: 0, rest: [0; 22] };
        ioctl::<TUNGETIFF>(fd.as_fd(), &mut request).map_err(TunError::on_adopt)?;
        let name = request.name.split(|&octet| octet == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        let flags = u32::from(request.flags);
        if flags & IFF_TUN == 0 || flags & IFF_NO_PI == 0 || flags & IFF_VNET_HDR != 0 {
            return Err(TunError::WrongKind { name });
        }
        let mut tun = Self { fd, name, mtu: 1500, pool: Pool::default(), counters: Counters::default() };
        // An interface of another namespace cannot be asked; see `adopt`.
        let _ = tun.refresh_mtu();
        tun.set_mtu(tun.mtu);
        Ok(tun)
    }

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

    /// The same until `changes` are dropped, for an interface that stays: then its MTU is again what it was, and the
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

    /// Asks the kernel for the MTU again, in case someone has changed it.
    ///
    /// # Errors
    /// The interface is gone or in another network namespace.
    pub fn refresh_mtu(&mut self) -> Result<usize, NetlinkError> {
        let mtu = Netlink::open()?.link(&self.name)?.mtu as usize;
        self.set_mtu(mtu);
        Ok(mtu)
    }

    /// What this end takes the MTU to be, in octets of IP packet. The kernel's is not changed.
    pub fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu;
        // One octet more than the MTU: a packet that fills it was cut short.
        self.pool.set_size((mtu + 1).next_multiple_of(2048));
    }

    /// Writes one packet; `false` when the device does not take it now.
    fn write(&mut self, packet: &Frame) -> io::Result<bool> {
        let mut slices = [IoSlice::new(&[]); 16];
        let chunks = packet.body.chunks();
        let whole;
        let used = if chunks.len() < slices.len() {
            let parts = std::iter::once(packet.head.as_slice()).chain(chunks.iter().map(|chunk| &chunk[..]));
            slices.iter_mut().zip(parts).map(|(slice, part)| *slice = IoSlice::new(part)).count()
        } else {
            whole = packet.to_vec();
            slices[0] = IoSlice::new(&whole);
            1
        };
        loop {
            match rustix::io::writev(&self.fd, &slices[..used]) {
                Ok(_) => self.counters.sent(packet.len()),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(false),
                // No IP version at its start, an interface that is down, no memory: this packet's trouble only.
                Err(Errno::INVAL | Errno::IO | Errno::NOBUFS | Errno::NOMEM | Errno::MSGSIZE) => {
                    self.counters.tx_refused += 1;
                }
                Err(why) => return Err(error::broken(&self.name, why)),
            }
            return Ok(true);
        }
    }
}

#[allow(unsafe_code)]
fn ioctl<const OPCODE: u32>(fd: BorrowedFd<'_>, request: &mut InterfaceRequest) -> Result<(), Errno> {
    // SAFETY: both opcodes we pass (TUNSETIFF, TUNGETIFF) read and write one struct ifreq (40 octets, 32 on
    // 32-bit machines), for which `InterfaceRequest` has room, and keep no pointer to it.
    unsafe { rustix::ioctl::ioctl(fd, rustix::ioctl::Updater::<OPCODE, InterfaceRequest>::new(request)) }
}

impl Device for Tun {
    fn capabilities(&self) -> Capabilities {
        Capabilities { medium: Medium::Ip, mtu: self.mtu, segmentation: false, checksum: false }
    }

    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
        let mut count = 0;
        while count < BATCH {
            let size = self.pool.size();
            let read = self.pool.fill(|buffer| rustix::io::read(&self.fd, buffer));
            match read {
                Ok(packet) if packet.is_empty() => self.counters.rx_empty += 1,
                Ok(packet) if packet.len() >= size => {
                    self.counters.rx_truncated += 1;
                    // The kernel's MTU must have grown. If it cannot be asked, our buffers stay as they are.
                    let _ = self.refresh_mtu();
                }
                Ok(packet) => {
                    self.counters.received(packet.len());
                    out.push(Frame::received(packet, size, now));
                    count += 1;
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(why) => return Err(error::broken(&self.name, why)),
            }
        }
        Ok(count)
    }

    fn transmit(&mut self, _: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        let capabilities = self.capabilities();
        let mut taken = 0;
        let mut packets = VecDeque::new();
        while let Some(frame) = frames.pop_front() {
            taken += 1;
            if !finish(frame, &capabilities, &mut |packet| packets.push_back(packet)) {
                self.counters.tx_malformed += 1;
            }
            while let Some(packet) = packets.pop_front() {
                if packet.is_empty() {
                    self.counters.tx_malformed += 1;
                } else if packet.len() > self.mtu {
                    self.counters.tx_too_large += 1;
                } else if !self.write(&packet)? {
                    // What is left of a train goes back as the packets it has become.
                    packets.push_front(packet);
                    packets.drain(..).rev().for_each(|packet| frames.push_front(packet));
                    return Ok(taken - 1);
                }
            }
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
