//! Call lines.

use super::super::call::{
    Call, Cmsg, EpollEvent, EpollMember, Errno, Expression, ExtendedError, Msghdr, Pollfd,
};
use super::{Quoted, listed};
use std::fmt::{Display, Formatter, Result};

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}(", self.name)?;
        listed(f, &self.arguments, ", ")?;
        write!(f, ") = {}", self.result)?;
        self.errno.iter().try_for_each(|errno| write!(f, " {errno}"))?;
        self.note.iter().try_for_each(|note| write!(f, " ({note})"))
    }
}

impl Display for Errno {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.name)?;
        if self.note.is_empty() { Ok(()) } else { write!(f, " ({})", self.note) }
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Ellipsis => f.write_str("..."),
            Self::Anything => f.write_str("?"),
            Self::Integer { value, hex: true } => write!(f, "{value:#x}"),
            Self::Integer { value, hex: false } => write!(f, "{value}"),
            Self::Symbol(name) => f.write_str(name),
            Self::Text(octets) => Quoted(octets).fmt(f),
            Self::TextAnd(octets) => write!(f, "{}...", Quoted(octets)),
            Self::Or(parts) => listed(f, parts, "|"),
            Self::Assign(name, value) => write!(f, "{name}={value}"),
            Self::List(list) => {
                f.write_str("[")?;
                listed(f, list, ", ")?;
                f.write_str("]")
            }
            Self::Braces(list) => {
                f.write_str("{")?;
                listed(f, list, ", ")?;
                f.write_str("}")
            }
            Self::InAddr(address) => write!(f, "inet_addr(\"{address}\")"),
            Self::In6Addr(address) => write!(f, "inet6_addr(\"{address}\")"),
            Self::SockAddr(address) => {
                // Within this structure packetdrill has one word for addresses of both families.
                let family = if address.is_ipv4() { "AF_INET" } else { "AF_INET6" };
                let (port, ip) = (address.port(), address.ip());
                write!(f, "{{sa_family={family}, sin_port=htons({port}), sin_addr=inet_addr(\"{ip}\")}}")
            }
            Self::Iovec(octets) => write!(f, "{{..., {octets}}}"),
            Self::Msghdr(message) => message.fmt(f),
            Self::Cmsg(cmsg) => cmsg.fmt(f),
            Self::Pollfd(pollfd) => pollfd.fmt(f),
            Self::EpollEvent(event) => event.fmt(f),
            Self::Linger { onoff, linger } => write!(f, "{{onoff={onoff}, linger={linger}}}"),
            Self::Timestamping { sec, nsec } => write!(f, "{{scm_sec={sec}, scm_nsec={nsec}}}"),
            Self::ExtendedError(error) => error.fmt(f),
        }
    }
}

impl Display for Msghdr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{{msg_name({})={}, msg_iov({})=[", self.name_length, self.name, self.iov.len())?;
        listed(f, self.iov.iter().map(|octets| Expression::Iovec(*octets)), ", ")?;
        write!(f, "], msg_flags={}", self.flags)?;
        if let Some(control) = &self.control {
            f.write_str(", msg_control=[")?;
            listed(f, control, ", ")?;
            f.write_str("]")?;
        }
        f.write_str("}")
    }
}

impl Display for Cmsg {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{{cmsg_level={}, cmsg_type={}, cmsg_data={}}}", self.level, self.kind, self.data)
    }
}

impl Display for Pollfd {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{{fd={}, events={}, revents={}}}", self.fd, self.events, self.revents)
    }
}

impl Display for EpollEvent {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let member = match self.member {
            EpollMember::Fd => "fd",
            EpollMember::Ptr => "ptr",
            EpollMember::U32 => "u32",
            EpollMember::U64 => "u64",
        };
        write!(f, "{{events={}, {member}={}}}", self.events, self.data)
    }
}

impl Display for ExtendedError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{{ee_errno={}, ee_origin={}, ee_type={}, ", self.errno, self.origin, self.kind)?;
        write!(f, "ee_code={}, ee_info={}, ee_data={}}}", self.code, self.info, self.data)
    }
}
