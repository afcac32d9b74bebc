//! The kernel's own UDP trains (udp(7): UDP_SEGMENT), which std has no name for.

use std::ffi::{c_int, c_void};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// From now on each send is cut into datagrams of `size` octets: a train, if the device takes such.
pub(super) fn cut_sends(socket: &UdpSocket, size: c_int) {
    let value = (&raw const size).cast::<c_void>();
    // SAFETY: the option reads one int, which lives until the call returns.
    #[allow(unsafe_code)]
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            value,
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
}
