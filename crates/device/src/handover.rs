//! A descriptor from one process to another, over a Unix socket (SCM_RIGHTS, unix(7)).
//!
//! A TUN may be opened by a process that may do so, in a network namespace of its choice, and used by one that may not:
//!
//! ```text
//!    privileged, in namespace A                    unprivileged, anywhere
//!    Options::open ─► configure ─► send_fd ══════► receive_fd ─► Tun::adopt
//! ```

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// Rights go with data: this octet.
const WITH: [u8; 1] = [b'd'];

/// Sends a descriptor, which both ends have from then on. The socket is a Unix one, of any type.
///
/// ```
/// use handfast_device::handover::{receive_fd, send_fd};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let (ours, theirs) = UnixStream::pair()?;
/// let (mut left, right) = UnixStream::pair()?;
/// send_fd(&ours, &right)?;
/// drop(right);
/// let mut right = UnixStream::from(receive_fd(&theirs)?);
/// left.write_all(b"x")?;
/// assert_eq!(right.read(&mut [0; 8])?, 1);
/// # Ok::<_, std::io::Error>(())
/// ```
///
/// # Errors
/// The socket is none that takes descriptors, or its other end is gone; or (non-blocking) it is full.
pub fn send_fd(socket: impl AsFd, fd: impl AsFd) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [fd.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Errno::NOBUFS.into());
    }
    loop {
        match sendmsg(&socket, &[IoSlice::new(&WITH)], &mut control, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
    }
}

/// Takes the next descriptor that [`send_fd`] sent. It is closed on exec. Of several in one message the first counts.
///
/// # Errors
/// `UnexpectedEof` when the other end is gone, `InvalidData` for a message without a descriptor, `WouldBlock` on a
/// non-blocking socket.
pub fn receive_fd(socket: impl AsFd) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut octet = [0];
    let received = loop {
        match recvmsg(&socket, &mut [IoSliceMut::new(&mut octet)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => break received,
            Err(Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
    };
    let mut fds = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    match fds.next().and_then(|mut fds| fds.next()) {
        Some(fd) => Ok(fd),
        None if received.bytes == 0 => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "the message came without a descriptor")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_is_no_handover_is_said_to_be_none() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"x").unwrap();
        assert_eq!(receive_fd(&theirs).unwrap_err().kind(), io::ErrorKind::InvalidData);
        theirs.set_nonblocking(true).unwrap();
        assert_eq!(receive_fd(&theirs).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(ours);
        assert_eq!(receive_fd(&theirs).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(send_fd(&theirs, &theirs).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(send_fd(std::fs::File::open("/dev/null").unwrap(), &theirs).is_err());
    }
}
