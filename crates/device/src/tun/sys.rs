//! The system calls of a TUN or TAP.

use linux_raw_sys::if_tun::{TUN_F_CSUM, TUN_F_TSO_ECN, TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6};
use linux_raw_sys::ioctl::{
    SIOCGIFHWADDR, TUNGETDEVNETNS, TUNGETVNETBE, TUNGETVNETHDRSZ, TUNGETVNETLE, TUNSETOFFLOAD, TUNSETPERSIST,
};
use rustix::io::Errno;
use rustix::ioctl::{Getter, IntegerSetter, Ioctl, IoctlOutput, Opcode, Updater, ioctl};
use std::ffi::{c_int, c_void};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

/// TCP trains over either IP.
pub(super) const TSO: u32 = TUN_F_TSO4 | TUN_F_TSO6;
/// UDP trains over either IP (Linux 6.2).
pub(super) const USO: u32 = TUN_F_USO4 | TUN_F_USO6;
/// Offload masks, the best first.
pub(super) const MASKS: [u32; 5] = [
    TUN_F_CSUM | TSO | TUN_F_TSO_ECN | USO,
    TUN_F_CSUM | TSO | TUN_F_TSO_ECN,
    TUN_F_CSUM | TSO,
    TUN_F_CSUM,
    0,
];

/// The longest header that we make room for; 24 is the longest there is.
pub(super) const HEADER_MAX: usize = 64;

/// struct ifreq: a name and, here, flags or a hardware address with its family before it.
#[repr(C)]
pub(super) struct InterfaceRequest {
    name: [u8; 16],
    pub(super) flags: u16,
    rest: [u8; 22],
}

impl InterfaceRequest {
    /// `name` has at most 15 octets; what is more is cut off.
    pub(super) fn new(name: &str, flags: u16) -> Self {
        let mut request = Self { name: [0; 16], flags, rest: [0; 22] };
        request.name.iter_mut().take(15).zip(name.bytes()).for_each(|(to, octet)| *to = octet);
        request
    }

    pub(super) fn name(&self) -> String {
        let name = self.name.split(|&octet| octet == 0).next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }
}

/// Asks for or sets what `OPCODE` (TUNSETIFF, TUNGETIFF, SIOCGIFHWADDR) says.
#[allow(unsafe_code)]
pub(super) fn interface<const OPCODE: u32>(
    fd: BorrowedFd<'_>,
    request: &mut InterfaceRequest,
) -> Result<(), Errno> {
    // SAFETY: the opcodes that we pass (see above) read and write one struct ifreq (40 octets, 32 on 32-bit
    // machines), for which `InterfaceRequest` has room, and keep no pointer to it.
    unsafe { ioctl(fd, Updater::<OPCODE, InterfaceRequest>::new(request)) }
}

/// Our descriptor's view of the kernel's address on the TAP. Needs no privilege and no namespace.
pub(super) fn hardware_addr(fd: BorrowedFd<'_>) -> Result<[u8; 6], Errno> {
    let mut request = InterfaceRequest::new("", 0);
    interface::<SIOCGIFHWADDR>(fd, &mut request)?;
    let [a, b, c, d, e, f, ..] = request.rest;
    Ok([a, b, c, d, e, f])
}

/// The network namespace that the interface lives in. Takes CAP_NET_ADMIN there.
pub(super) fn namespace(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: TUNGETDEVNETNS takes no argument, touches no memory of ours, and gives a new descriptor that is ours.
    #[allow(unsafe_code)]
    unsafe {
        ioctl(fd, NamespaceOf)
    }
}

struct NamespaceOf;

// SAFETY: see `namespace`: there is no argument, and a result that is no error is a fresh descriptor.
#[allow(unsafe_code)]
unsafe impl Ioctl for NamespaceOf {
    type Output = OwnedFd;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        TUNGETDEVNETNS
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::null_mut()
    }

    // SAFETY: called by rustix with the result of the call.
    unsafe fn output_from_ptr(fd: IoctlOutput, _: *mut c_void) -> Result<OwnedFd, Errno> {
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

pub(super) fn set_offload(fd: BorrowedFd<'_>, mask: u32) -> Result<(), Errno> {
    // SAFETY: TUNSETOFFLOAD takes its mask by value and touches no memory of ours.
    #[allow(unsafe_code)]
    unsafe {
        ioctl(fd, IntegerSetter::<TUNSETOFFLOAD>::new_usize(mask as usize))
    }
}

/// Whether the interface outlives its last descriptor.
pub(super) fn set_persist(fd: BorrowedFd<'_>, persist: bool) -> Result<(), Errno> {
    // SAFETY: TUNSETPERSIST takes a flag by value and touches no memory of ours.
    #[allow(unsafe_code)]
    unsafe {
        ioctl(fd, IntegerSetter::<TUNSETPERSIST>::new_usize(persist.into()))
    }
}

pub(super) fn header_len(fd: BorrowedFd<'_>) -> Result<usize, Errno> {
    Ok(usize::try_from(number::<TUNGETVNETHDRSZ>(fd)?).unwrap_or(0))
}

pub(super) fn is_little_endian(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(number::<TUNGETVNETLE>(fd)? != 0)
}

pub(super) fn is_big_endian(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(number::<TUNGETVNETBE>(fd)? != 0)
}

/// Asks for the number that `OPCODE` (TUNGETVNETHDRSZ, TUNGETVNETLE, TUNGETVNETBE) says.
#[allow(unsafe_code)]
fn number<const OPCODE: u32>(fd: BorrowedFd<'_>) -> Result<c_int, Errno> {
    // SAFETY: the opcodes that we pass (see above) write one int, and keep no pointer to it.
    unsafe { ioctl(fd, Getter::<OPCODE, c_int>::new()) }
}
