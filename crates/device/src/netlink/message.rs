//! Messages of rtnetlink: read from any octets, and written.

use super::Why;
use linux_raw_sys::netlink as nl;
use rustix::io::Errno;
use rustix::net::AddressFamily;
use std::net::IpAddr;
use wire::ethernet::MacAddr;

/// What there is to know of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// Its number.
    pub index: u32,
    /// Octets of the largest IP packet.
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
    /// Its Ethernet address, if it has such a one.
    pub hardware_addr: Option<MacAddr>,
    /// The number of the bridge that it belongs to.
    pub master: Option<u32>,
}

impl LinkInfo {
    /// From the body of a `RTM_NEWLINK`.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut info = Self {
            index: word(body, 4)?,
            mtu: 0,
            up: word(body, 8)? & IFF_UP != 0,
            hardware_addr: None,
            master: None,
        };
        let mut mtu = None;
        for (kind, value) in attributes(body.get(LINK..)?) {
            match u32::from(kind) {
                IFLA_MTU => mtu = word(value, 0),
                IFLA_MASTER => info.master = word(value, 0).filter(|&index| index != 0),
                IFLA_ADDRESS => info.hardware_addr = value.try_into().ok().map(MacAddr::new),
                _ => {}
            }
        }
        Some(Self { mtu: mtu?, ..info })
    }
}

pub(super) const IFLA_ADDRESS: u32 = nl::IFLA_ADDRESS as u32;
pub(super) const IFLA_IFNAME: u32 = nl::IFLA_IFNAME as u32;
pub(super) const IFLA_MTU: u32 = nl::IFLA_MTU as u32;
pub(super) const IFLA_MASTER: u32 = nl::IFLA_MASTER as u32;

/// The attributes in `rest`, kind and value each, as far as they are whole.
pub(super) fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let &[a, b, c, d] = rest.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        // The two highest bits say how the value is made.
        Some((u16::from_ne_bytes([c, d]) & 0x3fff, value))
    })
}

/// The messages of one datagram, kind, sequence number and body each, as far as they are whole; `None` in place of one
/// that is not.
pub(super) fn messages(mut rest: &[u8]) -> impl Iterator<Item = Option<(u16, u32, &[u8])>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = word(rest, 0).and_then(|length| rest.get(..length as usize));
        let read = message.and_then(|message| {
            let kind = u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?);
            Some((kind, word(message, 8)?, message.get(HEADER..)?))
        });
        rest = message
            .filter(|_| read.is_some())
            .and_then(|message| rest.get(message.len().next_multiple_of(4)..))
            .unwrap_or(&[]);
        Some(read)
    })
}

/// A request: struct nlmsghdr (length, kind, flags, sequence, port) and its body.
pub(super) fn request(sequence: u32, kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend((HEADER as u32 + body.len() as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((flags | nl::NLM_F_REQUEST as u16).to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend(0u32.to_ne_bytes());
    message.extend(body);
    message
}

/// Of the flags of an interface: it is up.
pub(super) const IFF_UP: u32 = 1;

pub(super) const HEADER: usize = size_of::<nl::nlmsghdr>();
pub(super) const LINK: usize = size_of::<nl::ifinfomsg>();

/// The answer to request `sequence` among the messages of one datagram: `None` when they cannot be read, `Some(None)`
/// when it is not among them.
pub(super) fn find_answer(datagram: &[u8], sequence: u32) -> Option<Option<Result<Vec<u8>, Why>>> {
    for message in messages(datagram) {
        let (kind, answers, body) = message?;
        if answers != sequence {
            continue;
        }
        if u32::from(kind) != nl::NLMSG_ERROR {
            return Some(Some(Ok(body.to_vec())));
        }
        let errno = word(body, 0)? as i32;
        return Some(Some(if errno == 0 {
            Ok(Vec::new())
        } else {
            Err(Errno::from_raw_os_error(errno.wrapping_neg()).into())
        }));
    }
    Some(None)
}

pub(super) fn word(octets: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(octets.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn family(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (AddressFamily::INET.as_raw() as u8, address.octets().into()),
        IpAddr::V6(address) => (AddressFamily::INET6.as_raw() as u8, address.octets().into()),
    }
}

/// struct ifinfomsg (family, padding, kind, index, flags, which flags to change) and the name.
pub(super) fn link_message(index: u32, (flags, change): (u32, u32), name: &str) -> Vec<u8> {
    let mut body = vec![AddressFamily::UNSPEC.as_raw() as u8, 0, 0, 0];
    body.extend(index.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    body.extend(change.to_ne_bytes());
    let mut zero_ended = name.as_bytes().to_vec();
    zero_ended.push(0);
    attribute(&mut body, nl::IFLA_IFNAME as u16, &zero_ended);
    body
}

/// struct rtattr: length, kind, value, padded to four.
pub(super) fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend((4 + value.len() as u16).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}
