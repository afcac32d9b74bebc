//! System calls on sockets of this machine's kernel that safe libraries have no general form of: any option, any flag, any
//! ancillary data, and null pointers, since scripts that test a kernel ask for all of these.
//!
//! ```text
//!   read, write               readv(2), writev(2)             lengths, or a null pointer
//!   receive, send             recvmsg(2), sendmsg(2)          flags, address, ancillary data
//!   option, set_option        getsockopt(2), setsockopt(2)    octets, and a length that may be a lie
//!   flags, set_flags, queued  fcntl(2), ioctl(2)
//! ```
//!
//! Errors are what the kernel says ([`io::Error::raw_os_error`]). Everything else that sockets can do, `rustix` does as well.
#![allow(unsafe_code)]

use libc::{c_int, c_void, iovec, msghdr, socklen_t};
use std::io;
use std::mem::{offset_of, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The most octets that one call may ask for, in buffers and in options: what asks for more is refused.
pub const MOST: usize = 64 << 20;
/// Room for ancillary data, in octets.
const CONTROL: usize = 4096;

const SIOCINQ: u64 = 0x541b;
const SIOCOUTQ: u64 = 0x5411;
const SIOCOUTQNSD: u64 = 0x894b;
const SIOCATMARK: u64 = 0x8905;

/// What ancillary data begins with: its length with this header, the level and the kind.
const HEADER: usize = size_of::<libc::cmsghdr>();

/// One piece of ancillary data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// `cmsg_level`.
    pub level: i32,
    /// `cmsg_type`.
    pub kind: i32,
    /// What follows the header, as it lies in memory.
    pub data: Vec<u8>,
}

/// What a call says of its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// An address of family `AF_UNSPEC`, all zeros.
    Unspecified,
    /// An address.
    Address(SocketAddr),
}

/// What `recvmsg` gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// What the call returned: with `MSG_TRUNC` a datagram's whole length, more than the buffers have.
    pub count: usize,
    /// The octets, of all buffers in their order.
    pub data: Vec<u8>,
    /// Whom they are from, where the socket says that.
    pub from: Option<SocketAddr>,
    /// Ancillary data.
    pub control: Vec<Control>,
    /// `msg_flags`.
    pub flags: i32,
}

/// Makes a socket in this thread's network namespace: `kind` is `SOCK_STREAM` … with `SOCK_NONBLOCK`. It is closed on exec.
///
/// # Errors
/// As `socket(2)`.
pub fn socket(v6: bool, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    let family = if v6 { libc::AF_INET6 } else { libc::AF_INET };
    // SAFETY: no memory is passed; what is returned, if it is no error, is a descriptor that nobody else has.
    let fd = checked(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) } as isize)?;
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// `readv` into buffers of so many octets; `None` is a null pointer.
///
/// # Errors
/// As `readv(2)`; `InvalidInput` for more than [`MOST`] octets.
pub fn read(fd: BorrowedFd<'_>, lengths: Option<&[usize]>) -> io::Result<Vec<u8>> {
    let mut room = Room::new(lengths)?;
    let vectors = room.vectors();
    // SAFETY: each vector is null, which the kernel answers with an error, or names octets of `room`, which are ours alone
    // and outlive the call.
    let count = checked(unsafe { libc::readv(fd.as_raw_fd(), vectors.as_ptr(), vectors.len() as c_int) })?;
    Ok(room.filled(count))
}

/// `writev` of these buffers, `write` of a single one; `None` is a null pointer. How many octets were taken.
///
/// # Errors
/// As `writev(2)`.
pub fn write(fd: BorrowedFd<'_>, buffers: Option<&[Vec<u8>]>) -> io::Result<usize> {
    let vectors = outgoing(buffers);
    // An empty datagram is sent by `write`; `writev` of nothing does nothing.
    if let [only] = vectors.as_slice() {
        // SAFETY: it is null, or names octets of `buffers`, which the kernel only reads.
        return checked(unsafe { libc::write(fd.as_raw_fd(), only.iov_base, only.iov_len) });
    }
    // SAFETY: each vector is null, or names octets of `buffers`, which the kernel only reads.
    checked(unsafe { libc::writev(fd.as_raw_fd(), vectors.as_ptr(), vectors.len() as c_int) })
}

/// `recvmsg` with `flags` into buffers of so many octets; `None` is a null pointer.
///
/// # Errors
/// As `recvmsg(2)`; `InvalidInput` for more than [`MOST`] octets.
pub fn receive(fd: BorrowedFd<'_>, lengths: Option<&[usize]>, flags: i32) -> io::Result<Received> {
    let mut room = Room::new(lengths)?;
    let mut vectors = room.vectors();
    let mut name = [0u8; size_of::<libc::sockaddr_storage>()];
    // Of words, for its headers have to be aligned.
    let mut control = vec![0u64; CONTROL / size_of::<u64>()];
    let mut message = message(&mut vectors);
    message.msg_name = name.as_mut_ptr().cast();
    message.msg_namelen = name.len() as socklen_t;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = CONTROL as _;
    // SAFETY: `message` names `vectors`, each of them null or octets of `room`, and `name` and `control` with their lengths;
    // all are ours alone, outlive the call, and the kernel keeps none.
    let count = checked(unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) })?;
    let control: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).collect();
    Ok(Received {
        count,
        data: room.filled(count),
        from: address(name.get(..message.msg_namelen as usize).unwrap_or(&name)),
        control: pieces(control.get(..message.msg_controllen).unwrap_or(&control)),
        flags: message.msg_flags,
    })
}

/// `sendmsg` with `flags` of these buffers, `None` being a null pointer. How many octets were taken.
///
/// # Errors
/// As `sendmsg(2)`.
pub fn send(
    fd: BorrowedFd<'_>,
    buffers: Option<&[Vec<u8>]>,
    flags: i32,
    to: Option<Name>,
    control: &[Control],
) -> io::Result<usize> {
    let mut vectors = outgoing(buffers);
    let name = to.map(|to| match to {
        Name::Unspecified => vec![0; size_of::<libc::sockaddr_in>()],
        Name::Address(address) => octets_of(address),
    });
    let control = ancillary(control);
    let mut message = message(&mut vectors);
    if let Some(name) = &name {
        message.msg_name = name.as_ptr().cast_mut().cast();
        message.msg_namelen = name.len() as socklen_t;
    }
    if !control.is_empty() {
        message.msg_control = control.as_ptr().cast_mut().cast();
        message.msg_controllen = size_of_val(control.as_slice()) as _;
    }
    // SAFETY: `message` names `vectors`, `name` and `control` with their lengths, which outlive the call and which the
    // kernel only reads.
    checked(unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const message, flags | libc::MSG_NOSIGNAL) })
}

/// An option's value, of which `length` octets are asked for.
///
/// # Errors
/// As `getsockopt(2)`; `InvalidInput` for more than [`MOST`] octets.
pub fn option(fd: BorrowedFd<'_>, level: i32, name: i32, length: i32) -> io::Result<Vec<u8>> {
    let mut value = vec![0u8; bounded(length)?];
    let mut count = length as socklen_t;
    // SAFETY: `value` has room for `length` octets (a negative length the kernel refuses), which it writes at most, and then
    // how many to `count`; it keeps neither pointer. The octets that it may read from `value` are zeros: no address.
    checked(unsafe {
        libc::getsockopt(fd.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut count)
    } as isize)?;
    value.truncate(count as usize);
    Ok(value)
}

/// Sets an option to `value`, of which the call says that it has `length` octets: where it has fewer, zeros follow. `None`
/// is a null pointer.
///
/// # Errors
/// As `setsockopt(2)`; `InvalidInput` for more than [`MOST`] octets, and for options whose value is an address.
pub fn set_option(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: Option<&[u8]>,
    length: i32,
) -> io::Result<()> {
    if holds_an_address(level, name) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let padded = value.map(|value| {
        let mut padded = value.to_vec();
        padded.resize(bounded(length)?.max(value.len()), 0);
        Ok::<_, io::Error>(padded)
    });
    let padded = padded.transpose()?;
    let start = padded.as_ref().map_or(std::ptr::null(), |padded| padded.as_ptr());
    // SAFETY: `start` is null, which the kernel answers with an error, or names at least `length` octets that outlive the
    // call and that the kernel only reads; none of the options that are let through has an address in its value.
    checked(
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, start.cast(), length as socklen_t) } as isize
    )
    .map(drop)
}

/// Whether the value of an option has an address in it: filters, and the tables of netfilter, which number from 64 on.
fn holds_an_address(level: i32, name: i32) -> bool {
    match level {
        libc::SOL_SOCKET => [libc::SO_ATTACH_FILTER, libc::SO_ATTACH_REUSEPORT_CBPF].contains(&name),
        libc::IPPROTO_IP => name >= 64,
        libc::IPPROTO_IPV6 => [64, 65].contains(&name),
        _ => false,
    }
}

/// `fcntl(F_GETFL)`: `O_RDWR | O_NONBLOCK` …
///
/// # Errors
/// As `fcntl(2)`.
pub fn flags(fd: BorrowedFd<'_>) -> io::Result<i32> {
    // SAFETY: no memory is passed.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) } as isize).map(|flags| flags as i32)
}

/// `fcntl(F_SETFL)`.
///
/// # Errors
/// As `fcntl(2)`.
pub fn set_flags(fd: BorrowedFd<'_>, flags: i32) -> io::Result<()> {
    // SAFETY: no memory is passed.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) } as isize).map(drop)
}

/// The integer that an ioctl gives: `SIOCINQ`, `SIOCOUTQ`, `SIOCOUTQNSD` or `SIOCATMARK`.
///
/// # Errors
/// As `ioctl(2)`; `Unsupported` for any other request.
pub fn queued(fd: BorrowedFd<'_>, request: u64) -> io::Result<i32> {
    let known = [SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK];
    if !known.contains(&request) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut value: c_int = 0;
    // SAFETY: each of the requests above writes one int, to `value`, and keeps no pointer to it.
    checked(unsafe { libc::ioctl(fd.as_raw_fd(), request as _, &raw mut value) } as isize)?;
    Ok(value)
}

/// A result, where −1 says that `errno` has the reason.
fn checked(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// A length as memory: none for what is negative.
fn bounded(length: i32) -> io::Result<usize> {
    let length = usize::try_from(length).unwrap_or(0);
    if length > MOST { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(length) }
}

/// Buffers to be filled, which lie behind each other.
struct Room {
    octets: Vec<u8>,
    lengths: Option<Vec<usize>>,
}

impl Room {
    fn new(lengths: Option<&[usize]>) -> io::Result<Self> {
        let total =
            lengths.unwrap_or_default().iter().try_fold(0usize, |sum, length| sum.checked_add(*length));
        let total = total.filter(|total| *total <= MOST).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { octets: vec![0; total], lengths: lengths.map(<[usize]>::to_vec) })
    }

    fn vectors(&mut self) -> Vec<iovec> {
        let Some(lengths) = &self.lengths else { return vec![NULL] };
        let mut rest = self.octets.as_mut_slice();
        let mut vectors = Vec::with_capacity(lengths.len());
        for length in lengths {
            let (part, behind) = rest.split_at_mut(*length);
            vectors.push(iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() });
            rest = behind;
        }
        vectors
    }

    fn filled(mut self, count: usize) -> Vec<u8> {
        self.octets.truncate(count);
        self.octets
    }
}

/// A null pointer to one octet.
const NULL: iovec = iovec { iov_base: std::ptr::null_mut(), iov_len: 1 };

fn outgoing(buffers: Option<&[Vec<u8>]>) -> Vec<iovec> {
    let Some(buffers) = buffers else { return vec![NULL] };
    let vector = |buffer: &Vec<u8>| iovec {
        iov_base: buffer.as_ptr().cast_mut().cast::<c_void>(),
        iov_len: buffer.len(),
    };
    buffers.iter().map(vector).collect()
}

fn message(vectors: &mut [iovec]) -> msghdr {
    // SAFETY: null pointers and zeros are a message of nothing.
    let mut message: msghdr = unsafe { zeroed() };
    message.msg_iov = vectors.as_mut_ptr();
    message.msg_iovlen = vectors.len() as _;
    message
}

/// Where the next piece of ancillary data begins, behind one of `length` octets.
const fn aligned(length: usize) -> usize {
    length.next_multiple_of(size_of::<usize>())
}

/// Ancillary data, piece by piece (cmsg(3)); what is cut off is left out.
fn pieces(mut octets: &[u8]) -> Vec<Control> {
    let mut pieces = Vec::new();
    loop {
        let integer = |at: usize| octets.get(at..)?.first_chunk().map(|chunk| i32::from_ne_bytes(*chunk));
        let length = octets.first_chunk().map(|chunk| usize::from_ne_bytes(*chunk));
        let (Some(length), Some(level), Some(kind)) = (
            length,
            integer(offset_of!(libc::cmsghdr, cmsg_level)),
            integer(offset_of!(libc::cmsghdr, cmsg_type)),
        ) else {
            return pieces;
        };
        let Some(data) = octets.get(HEADER..length) else { return pieces };
        pieces.push(Control { level, kind, data: data.to_vec() });
        octets = octets.get(aligned(length)..).unwrap_or_default();
    }
}

/// The same, the other way; of words, for headers have to be aligned.
fn ancillary(pieces: &[Control]) -> Vec<u64> {
    let mut octets = Vec::new();
    for piece in pieces {
        let start = octets.len();
        octets.extend((HEADER + piece.data.len()).to_ne_bytes());
        octets.extend(piece.level.to_ne_bytes());
        octets.extend(piece.kind.to_ne_bytes());
        octets.resize(start + HEADER, 0);
        octets.extend(&piece.data);
        octets.resize(start + aligned(HEADER + piece.data.len()), 0);
    }
    octets.resize(octets.len().next_multiple_of(8), 0);
    octets
        .chunks_exact(8)
        .filter_map(|word| word.first_chunk())
        .map(|word| u64::from_ne_bytes(*word))
        .collect()
}

/// A `sockaddr_in` or `sockaddr_in6` as it lies in memory: family, port, then for IPv4 the address, for IPv6 the flow label,
/// the address and the scope.
fn octets_of(address: SocketAddr) -> Vec<u8> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u16;
    let mut octets = family.to_ne_bytes().to_vec();
    octets.extend(address.port().to_be_bytes());
    match address {
        SocketAddr::V4(address) => {
            octets.extend(address.ip().octets());
            octets.extend([0; 8]);
        }
        SocketAddr::V6(address) => {
            octets.extend(address.flowinfo().to_be_bytes());
            octets.extend(address.ip().octets());
            octets.extend(address.scope_id().to_ne_bytes());
        }
    }
    octets
}

fn address(octets: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(*octets.first_chunk()?));
    let port = u16::from_be_bytes(*octets.get(2..)?.first_chunk()?);
    match family {
        libc::AF_INET => {
            let ip: [u8; 4] = *octets.get(4..)?.first_chunk()?;
            Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), port))
        }
        libc::AF_INET6 => {
            let flow = u32::from_be_bytes(*octets.get(4..)?.first_chunk()?);
            let ip: [u8; 16] = *octets.get(8..)?.first_chunk()?;
            let scope = u32::from_ne_bytes(*octets.get(24..)?.first_chunk()?);
            Some(SocketAddrV6::new(Ipv6Addr::from(ip), port, flow, scope).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (one, listener.accept().unwrap().0)
    }

    #[test]
    fn octets_go_through_several_buffers() {
        let (one, other) = pair();
        assert_eq!(write(one.as_fd(), Some(&[b"abc".to_vec(), b"defg".to_vec()])).unwrap(), 7);
        assert_eq!(queued(other.as_fd(), SIOCINQ).unwrap(), 7);
        assert_eq!(receive(other.as_fd(), Some(&[2]), libc::MSG_PEEK).unwrap().data, b"ab");
        assert_eq!(read(other.as_fd(), Some(&[2, 100])).unwrap(), b"abcdefg");
    }

    #[test]
    fn null_pointers_are_the_kernels_to_refuse() {
        let (one, other) = pair();
        write(one.as_fd(), Some(&[b"abc".to_vec()])).unwrap();
        let errors = [
            read(other.as_fd(), None).unwrap_err(),
            receive(other.as_fd(), None, 0).unwrap_err(),
            write(one.as_fd(), None).unwrap_err(),
            send(one.as_fd(), None, 0, None, &[]).unwrap_err(),
            set_option(one.as_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY, None, 4).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.raw_os_error(), Some(libc::EFAULT));
        }
    }

    #[test]
    fn options_are_octets_and_a_length_that_may_be_a_lie() {
        let (one, _other) = pair();
        let (level, name) = (libc::IPPROTO_TCP, libc::TCP_NODELAY);
        set_option(one.as_fd(), level, name, Some(&1i32.to_ne_bytes()), 4).unwrap();
        assert_eq!(option(one.as_fd(), level, name, 4).unwrap(), 1i32.to_ne_bytes());
        assert_eq!(option(one.as_fd(), level, name, 1).unwrap().len(), 1);
        let short = set_option(one.as_fd(), level, name, Some(&[1]), 1).unwrap_err();
        let negative = option(one.as_fd(), level, name, -1).unwrap_err();
        for error in [short, negative] {
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        }
        assert!(option(one.as_fd(), level, name, i32::MAX).is_err());
        for (level, name) in
            [(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER), (libc::IPPROTO_IP, 64), (libc::IPPROTO_IPV6, 64)]
        {
            let address = set_option(one.as_fd(), level, name, Some(&[0; 200]), 200).unwrap_err();
            assert_eq!((address.raw_os_error(), address.kind()), (None, io::ErrorKind::InvalidInput));
        }
    }

    #[test]
    fn datagrams_have_senders_and_ancillary_data() {
        for (any, v6) in [("127.0.0.1:0", false), ("[::1]:0", true)] {
            let receiver = UdpSocket::bind(any).unwrap();
            let sender = socket(v6, libc::SOCK_DGRAM, 0).unwrap();
            let (level, name, kind) = match v6 {
                false => (libc::IPPROTO_IP, libc::IP_RECVTOS, libc::IP_TOS),
                true => (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, libc::IPV6_TCLASS),
            };
            set_option(receiver.as_fd(), level, name, Some(&1i32.to_ne_bytes()), 4).unwrap();
            let tos = Control { level, kind, data: 0x28i32.to_ne_bytes().to_vec() };
            let to = receiver.local_addr().unwrap();
            let sent = send(
                sender.as_fd(),
                Some(&[b"to ".to_vec(), b"you".to_vec()]),
                0,
                Some(Name::Address(to)),
                &[tos],
            );
            assert_eq!(sent.unwrap(), 6);
            let peeked = receive(receiver.as_fd(), Some(&[4]), libc::MSG_PEEK | libc::MSG_TRUNC).unwrap();
            assert_eq!((peeked.count, peeked.data.len()), (6, 4));
            let got = receive(receiver.as_fd(), Some(&[4]), 0).unwrap();
            assert_eq!((got.data.as_slice(), got.flags & libc::MSG_TRUNC), (&b"to y"[..], libc::MSG_TRUNC));
            assert_eq!(got.from.unwrap().ip(), to.ip());
            let [told] = got.control.as_slice() else { panic!("{:?}", got.control) };
            assert_eq!((told.level, told.kind, told.data.first()), (level, kind, Some(&0x28)));
            rustix::net::connect(&sender, &to).unwrap();
            assert_eq!(write(sender.as_fd(), Some(&[Vec::new()])).unwrap(), 0);
            let got = receive(receiver.as_fd(), Some(&[4]), libc::MSG_DONTWAIT).unwrap();
            assert_eq!((got.count, got.from.unwrap().ip()), (0, to.ip()), "an empty datagram");
        }
    }

    #[test]
    fn flags_are_set_and_told() {
        let fd = socket(false, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).unwrap();
        let before = flags(fd.as_fd()).unwrap();
        assert_eq!(before & libc::O_NONBLOCK, libc::O_NONBLOCK);
        set_flags(fd.as_fd(), before & !libc::O_NONBLOCK).unwrap();
        assert_eq!(flags(fd.as_fd()).unwrap() & libc::O_NONBLOCK, 0);
        assert!(queued(fd.as_fd(), 0x8927).is_err(), "an ioctl that writes more than an integer");
    }

    #[test]
    fn ancillary_data_that_is_cut_off_is_left_out() {
        let piece = Control { level: 1, kind: 2, data: vec![3; 5] };
        let octets: Vec<u8> =
            ancillary(&[piece.clone(), piece.clone()]).iter().flat_map(|w| w.to_ne_bytes()).collect();
        assert_eq!(pieces(&octets), [piece.clone(), piece.clone()]);
        for end in 0..octets.len() {
            assert!(pieces(&octets[..end]).len() <= 2);
        }
        assert_eq!(pieces(&octets[..HEADER + 5]), [piece]);
    }
}
