//! Where frames come from and where they go: devices, what may happen on a link, and a recorder.
//!
//! ```text
//!    driver / sim ──frames──► Tap ──► Impaired ──► Tun, Memory, …      any wrapper around any device
//!                                        │
//!                                  impair::Link (one a direction, pure: no clock, chance by seed)
//! ```
//!
//! - [`Device`]: the contract.
//! - [`memory`]: two devices joined back to back.
//! - [`impair`]: delay, rate, loss, reordering, duplication, corruption, partitions, as a pure model, and a wrapper.
//! - [`pcapng`]: a recorder, as a file writer and as a wrapper.
//! - [`tun`] (Linux): IP packets or Ethernet frames to and from the kernel; [`netlink`] sets such an interface up;
//!   [`handover`] gives its descriptor to another process.
//! - [`namespace`], [`kernel_socket`], [`kernel_tcp`] (Linux): what testing and measuring this machine's kernel takes.
//! - [`coalesce`]: joins what a device hands over one by one.
//! - [`virtio`]: the header before a frame that tells of trains and checksums, and what of it is believed.

pub mod coalesce;
mod counters;
#[cfg(target_os = "linux")]
pub mod handover;
pub mod impair;
#[cfg(target_os = "linux")]
pub mod kernel_socket;
#[cfg(target_os = "linux")]
pub mod kernel_tcp;
pub mod memory;
#[cfg(target_os = "linux")]
pub mod namespace;
#[cfg(target_os = "linux")]
pub mod netlink;
#[cfg(all(test, target_os = "linux"))]
mod own_namespace;
pub mod pcapng;
mod software;
#[cfg(target_os = "linux")]
pub mod tun;
pub mod virtio;

use std::collections::VecDeque;
use std::io;
#[cfg(unix)]
use std::os::fd::BorrowedFd;

pub use counters::Counters;
pub use env::{Duration, Instant};
pub use software::{finish, ip_offset};
pub use wire::ethernet::MacAddr;
pub use wire::{Checksum, Frame, Medium, Offload};

/// What a device is, and what it can do without help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What its frames begin with.
    pub medium: Medium,
    /// The largest IP packet it carries, in octets; a link header is not counted.
    pub mtu: usize,
    /// It takes a train whole and may hand one over.
    pub segmentation: bool,
    /// It takes a partial transport checksum and finishes it.
    pub checksum: bool,
    /// How far ahead of its time it takes a frame that is to leave at an instant ([`Frame::leaves`]), which it then keeps until
    /// that instant; zero when it sends at once whatever it gets.
    pub ahead: Duration,
    /// On Ethernet, the address that a host behind this device should have there, if the device has one for it.
    pub hardware_addr: Option<MacAddr>,
}

/// IP packets of up to 1,500 octets, no offloads.
impl Default for Capabilities {
    fn default() -> Self {
        Self {
            medium: Medium::Ip,
            mtu: 1500,
            segmentation: false,
            checksum: false,
            ahead: Duration::ZERO,
            hardware_addr: None,
        }
    }
}

/// The most frames that one call of [`Device::receive`] appends: a flood may not starve what comes after it.
pub const BATCH: usize = 64;

/// Something that frames come from and go to.
///
/// Neither call blocks. A device that is not ready takes or gives nothing, and that is no error; an error means
/// that the device itself is broken or gone.
///
/// Turn a device so: wait until [`fd`](Self::fd) is readable (writable too, while frames are left over) or
/// [`poll_timeout`](Self::poll_timeout) has come, then call `receive` until it gives less than [`BATCH`] and
/// [has no more](Self::has_more), then `transmit`, with an empty queue if there is nothing to send: a device that delays frames lets them go then.
///
/// [`Capabilities`] say what is cheap, not what is allowed: every device takes every frame. A train is cut and a
/// partial checksum finished in software by a device that can't do so itself ([`finish`]).
pub trait Device {
    /// What it is and can do. May change while it lives (an MTU, say).
    fn capabilities(&self) -> Capabilities;

    /// Appends what has arrived, at most [`BATCH`] frames, each stamped with the instant at which it arrived (not
    /// after `now`), and says how many.
    ///
    /// # Errors
    /// The device is broken or gone. Frames that were appended before stay valid.
    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize>;

    /// Takes frames from the front of `frames`, as many as it can at once, and says how many. What it leaves is
    /// not lost: offer it again.
    ///
    /// # Errors
    /// The device is broken or gone. A frame that it refuses for itself (too large, malformed) is no error: it is
    /// taken, dropped and counted.
    fn transmit(&mut self, now: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize>;

    /// Whether the last [`receive`](Self::receive) stopped before all was taken though it gave less than [`BATCH`]: then
    /// call it again soon, without waiting.
    fn has_more(&self) -> bool {
        false
    }

    /// The number of this system's interface that it is, if it is one of this network namespace: what a
    /// `netlink::Monitor` speaks of.
    fn interface_index(&self) -> Option<u32> {
        None
    }

    /// Takes note that its interface has another MTU now, in octets of IP packet.
    fn mtu_changed(&mut self, mtu: usize) {
        let _ = mtu;
    }

    /// When it wants to be turned next though nothing arrives, if ever.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// What to wait on, if there is such a thing.
    #[cfg(unix)]
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// What it has carried and dropped so far.
    fn counters(&self) -> Counters;
}

macro_rules! forward {
    ($($type:ty),*) => {$(
        impl<D: Device + ?Sized> Device for $type {
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }
            fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
                (**self).receive(now, out)
            }
            fn transmit(&mut self, now: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
                (**self).transmit(now, frames)
            }
            fn has_more(&self) -> bool {
                (**self).has_more()
            }
            fn interface_index(&self) -> Option<u32> {
                (**self).interface_index()
            }
            fn mtu_changed(&mut self, mtu: usize) {
                (**self).mtu_changed(mtu)
            }
            fn poll_timeout(&self) -> Option<Instant> {
                (**self).poll_timeout()
            }
            #[cfg(unix)]
            fn fd(&self) -> Option<BorrowedFd<'_>> {
                (**self).fd()
            }
            fn counters(&self) -> Counters {
                (**self).counters()
            }
        }
    )*};
}
forward!(Box<D>, &mut D);
