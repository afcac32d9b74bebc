//! How a device comes to be: made, joined with one more queue, or adopted from elsewhere.

use super::error::TunError;
use super::pool::Pool;
use super::sys::{self, InterfaceRequest};
use super::{Kind, NODE, Tun};
use crate::Counters;
use crate::coalesce::Coalescer;
use crate::netlink::Netlink;
use crate::virtio::{self, Order, Trains};
use linux_raw_sys::general::O_NONBLOCK;
use linux_raw_sys::if_tun::{IFF_MULTI_QUEUE, IFF_NO_PI, IFF_TAP, IFF_TUN, IFF_VNET_HDR};
use linux_raw_sys::ioctl::{TUNGETIFF, TUNSETIFF};
use rustix::io::Errno;
use std::fs::OpenOptions;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wire::ethernet::MacAddr;

/// The longest name of an interface, in octets.
const NAME_MAX: usize = 15;

/// What device to open.
///
/// ```no_run
/// use handfast_device::tun::{Kind, Options};
/// let tap = Options { kind: Kind::Tap, ..Options::new("hf0") }.open()?;
/// # Ok::<_, handfast_device::tun::TunError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The interface: it is created, or is the one of that name that was made for us (`ip tuntap add`). When this is
    /// empty or ends in `%d`, the kernel chooses; [`Tun::name`] says what.
    pub name: String,
    /// IP packets or Ethernet frames. Default [`Kind::Tun`].
    pub kind: Kind,
    /// Whether trains and partial checksums pass whole, both ways. Default `true`. What the kernel can't do is done
    /// here.
    pub offloads: bool,
    /// Whether more queues may join ([`Tun::another_queue`]). Default `false`. An interface that was made with several
    /// is joined either way.
    pub multi_queue: bool,
}

impl Options {
    /// A TUN called `name`, with offloads, of one queue.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), kind: Kind::Tun, offloads: true, multi_queue: false }
    }

    /// Opens it. It is down and has no address: see [`Tun::configure`].
    ///
    /// # Errors
    /// [`TunError`] says what is missing and what to do.
    pub fn open(&self) -> Result<Tun, TunError> {
        self.open_at(Path::new(NODE))
    }

    /// The same from another device node than [`NODE`].
    ///
    /// # Errors
    /// [`TunError`] says what is missing and what to do.
    pub fn open_at(&self, node: &Path) -> Result<Tun, TunError> {
        let name = &self.name;
        let legal = |octet: u8| octet.is_ascii_graphic() && !matches!(octet, b'/' | b':');
        if name.len() > NAME_MAX || name == "." || name == ".." || !name.bytes().all(legal) {
            return Err(TunError::BadName { name: name.to_owned() });
        }
        let kind = if self.kind == Kind::Tap { IFF_TAP } else { IFF_TUN };
        let offloads = if self.offloads { IFF_VNET_HDR } else { 0 };
        let flags = kind | IFF_NO_PI | offloads;
        let fd = match attach(node, name, flags | if self.multi_queue { IFF_MULTI_QUEUE } else { 0 }) {
            // An interface of several queues has to be asked for one of them.
            Err(TunError::NameTaken { .. }) if !self.multi_queue => {
                attach(node, name, flags | IFF_MULTI_QUEUE)?
            }
            outcome => outcome?,
        };
        Tun::of(fd, node.to_path_buf())
    }
}

impl Default for Options {
    /// A TUN that the kernel names.
    fn default() -> Self {
        Self::new("")
    }
}

/// A new descriptor of the interface `name`.
fn attach(node: &Path, name: &str, flags: u32) -> Result<OwnedFd, TunError> {
    let fd: OwnedFd = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(O_NONBLOCK as i32)
        .open(node)
        .map_err(|why| TunError::on_open(node, why))?
        .into();
    let mut request = InterfaceRequest::new(name, flags as u16);
    let kind = if flags & IFF_TAP != 0 { Kind::Tap } else { Kind::Tun };
    sys::interface::<TUNSETIFF>(fd.as_fd(), &mut request)
        .map_err(|errno| TunError::on_create(kind, name, errno))?;
    Ok(fd)
}

/// What the queues of one interface that are ours share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The offload mask that we set.
    mask: u32,
}

impl Tun {
    /// Creates the TUN `name` without offloads, or takes the one of that name that was made for us (`ip tuntap add`).
    /// See [`Options`] for all else.
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
        Options { offloads: false, ..Options::new(name) }.open_at(node)
    }

    /// Takes a descriptor that was opened elsewhere, perhaps in another network namespace (see
    /// [`handover`](crate::handover)): of a TUN or a TAP, with the virtio-net header or without. It is made
    /// non-blocking, and the interface's offloads are set to what we do with this descriptor: all that the kernel has
    /// with the header, none without it, whatever an owner before us has left there.
    ///
    /// The MTU is asked of this thread's network namespace; when the interface lives elsewhere it is taken to be
    /// 1,500 until [`set_mtu`](Self::set_mtu) says otherwise.
    ///
    /// # Errors
    /// [`TunError::NotATun`] and [`TunError::WrongKind`].
    pub fn adopt(fd: OwnedFd) -> Result<Self, TunError> {
        rustix::io::ioctl_fionbio(&fd, true)
            .map_err(|errno| TunError::system("make it non-blocking", errno))?;
        Self::of(fd, PathBuf::from(NODE))
    }

    /// Opens one more queue of the interface, which must have been opened with [`Options::multi_queue`], in this
    /// thread's network namespace. The kernel spreads flows over the queues by a hash, and a flow that we answer on
    /// one queue comes by that one from then on.
    ///
    /// # Errors
    /// [`TunError`]; [`TunError::NameTaken`] when the interface has a single queue, or lives in another network namespace.
    pub fn another_queue(&self) -> Result<Self, TunError> {
        let kind = if self.kind == Kind::Tap { IFF_TAP } else { IFF_TUN };
        let offloads = if self.header_len > 0 { IFF_VNET_HDR } else { 0 };
        let fd = attach(&self.node, &self.name, kind | IFF_NO_PI | IFF_MULTI_QUEUE | offloads)?;
        // In another namespace an interface was just created, by the same name. It takes the same privilege to do that
        // as to ask, so who may not ask has joined the right one.
        if let (Ok(ours), Ok(joined)) = (namespace(&self.fd), namespace(&fd))
            && ours != joined
        {
            return Err(TunError::NameTaken { name: self.name.clone(), kind: self.kind });
        }
        let pool = Pool::new(self.pool.size());
        let (name, node, shared) = (self.name.clone(), self.node.clone(), self.shared.clone());
        let coalescer = self.coalescer.as_ref().map(|_| Coalescer::default());
        Ok(Self { fd, name, node, pool, shared, coalescer, counters: Counters::default(), ..*self })
    }

    /// Whether the interface stays when its last owner is gone, as one that `ip tuntap add` made does.
    ///
    /// # Errors
    /// [`TunError::System`]: it takes CAP_NET_ADMIN.
    pub fn set_persistent(&self, persistent: bool) -> Result<(), TunError> {
        sys::set_persist(self.fd.as_fd(), persistent)
            .map_err(|errno| TunError::system("make the interface persistent, or not", errno))
    }

    fn of(fd: OwnedFd, node: PathBuf) -> Result<Self, TunError> {
        let mut request = InterfaceRequest::new("", 0);
        sys::interface::<TUNGETIFF>(fd.as_fd(), &mut request).map_err(TunError::on_adopt)?;
        let name = request.name();
        let flags = u32::from(request.flags);
        let kind = match flags & (IFF_TUN | IFF_TAP) {
            IFF_TUN => Kind::Tun,
            IFF_TAP => Kind::Tap,
            _ => return Err(TunError::WrongKind { name }),
        };
        if flags & IFF_NO_PI == 0 {
            return Err(TunError::WrongKind { name });
        }
        let header = flags & IFF_VNET_HDR != 0;
        let (header_len, order) = if header { header_of(&fd)? } else { (0, Order::Native) };
        let mask = set_offloads(&fd, header)?;
        let trains = Trains { tcp: mask & sys::TSO == sys::TSO, udp: mask & sys::USO == sys::USO };
        let hardware_addr = (kind == Kind::Tap).then(|| own_address(&fd)).transpose()?;
        // An interface of another namespace cannot be asked for; see `adopt`.
        let index = if is_here(&fd) { Netlink::open().and_then(|mut n| n.link(&name)).ok() } else { None };
        let mut tun = Self {
            fd,
            name,
            index: index.map(|info| info.index),
            node,
            kind,
            header_len,
            order,
            trains,
            hardware_addr,
            mtu: 1500,
            pool: Pool::new(2048),
            counters: Counters::default(),
            more: false,
            coalescer: (!trains.tcp).then(Coalescer::default),
            shared: Some(Arc::new(Shared { mask })),
        };
        tun.set_mtu(index.map_or(1500, |info| info.mtu as usize));
        Ok(tun)
    }
}

/// Names the network namespace that the interface lives in.
fn namespace(fd: &OwnedFd) -> Result<(u64, u64), Errno> {
    let stat = rustix::fs::fstat(sys::namespace(fd.as_fd())?)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Whether the interface lives in this thread's network namespace. Who may not know is taken to be there.
fn is_here(fd: &OwnedFd) -> bool {
    let ours = rustix::fs::stat("/proc/thread-self/ns/net").map(|stat| (stat.st_dev, stat.st_ino));
    match (namespace(fd), ours) {
        (Ok(there), Ok(here)) => there == here,
        _ => true,
    }
}

/// How long the header of this descriptor is, and in which order its fields are.
fn header_of(fd: &OwnedFd) -> Result<(usize, Order), TunError> {
    let failed = |errno| TunError::system("ask for the virtio-net header", errno);
    let len = sys::header_len(fd.as_fd()).map_err(failed)?;
    if !(virtio::LEN..=sys::HEADER_MAX).contains(&len) {
        return Err(failed(Errno::OVERFLOW));
    }
    let order = match (sys::is_little_endian(fd.as_fd()), sys::is_big_endian(fd.as_fd())) {
        (Ok(true), _) => Order::Little,
        (_, Ok(true)) => Order::Big,
        // Kernels without the question have the machine's order.
        _ => Order::Native,
    };
    Ok((len, order))
}

/// Sets the interface's offload mask, to as much as the kernel has, or to nothing. The mask is the interface's and
/// not the descriptor's: what an owner before us has set stays unless it is set again. Says what it is now.
fn set_offloads(fd: &OwnedFd, wanted: bool) -> Result<u32, TunError> {
    let steps = if wanted { &sys::MASKS[..] } else { &[0] };
    let mut outcome = Err(Errno::INVAL);
    for &mask in steps {
        outcome = sys::set_offload(fd.as_fd(), mask).map(|()| mask);
        if !matches!(outcome, Err(Errno::INVAL)) {
            break;
        }
    }
    outcome.map_err(|errno| TunError::system("set the interface's offloads", errno))
}

/// An address for our end of a TAP: made from the kernel's, so that it is the same each time, on every queue.
fn own_address(fd: &OwnedFd) -> Result<MacAddr, TunError> {
    let [first, rest @ ..] = sys::hardware_addr(fd.as_fd())
        .map_err(|errno| TunError::system("ask for the TAP's hardware address", errno))?;
    let [b, c, d, e, f] = rest;
    // Administered locally, and not a group's.
    Ok(MacAddr::new([(first ^ 0x40) & !1 | 2, b, c, d, e, f]))
}

/// The last of our queues leaves the interface without offloads: who owns it next may not know of them.
impl Drop for Tun {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take().and_then(Arc::into_inner)
            && shared.mask != 0
        {
            // It may be gone already.
            let _ = sys::set_offload(self.fd.as_fd(), 0);
        }
    }
}
