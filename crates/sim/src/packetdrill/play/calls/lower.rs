//! From a call's words to its types.

use super::arguments::{Arguments, low};
use super::structures::{cmsg, control, epoll_event, iovecs, option_value, pollfds, wanted_value};
use super::{Descriptors, Name, NotMade, Wanted, Writes, is_any};
use crate::packetdrill::linux;
use crate::packetdrill::play::rules::Settings;
use crate::packetdrill::script::{self, Expression};
use crate::packetdrill::subject::{Call, IpVersion, Recipient};
use std::net::SocketAddr;

/// A call, and what must come of it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::packetdrill::play) struct Lowered {
    pub(in crate::packetdrill::play) call: Call,
    pub(in crate::packetdrill::play) wanted: Wanted,
}

/// Works out a call.
pub(in crate::packetdrill::play) fn lower(
    call: &script::Call,
    settings: &Settings,
    fds: &Descriptors,
) -> Result<Lowered, NotMade> {
    let args = Arguments { call, settings, fds };
    let (lowered, writes, descriptor) = made(args)?;
    let name = name(args)?;
    let result = args.value_or_any(&call.result)?;
    let errno = call.errno.as_ref().map(|errno| errno.name.clone());
    if let Some(name) = errno.as_ref().filter(|name| linux::number(name).is_none()) {
        return NotMade::skip(format!("`{name}` is no error known here"));
    }
    Ok(Lowered { call: lowered, wanted: Wanted { result, descriptor, errno, writes, name } })
}

/// The socket address that a call must write.
fn name(args: Arguments<'_>) -> Result<Name, NotMade> {
    match args.call.name.as_str() {
        "accept" | "accept4" | "getsockname" | "getpeername" => args.name(1),
        "recvfrom" => args.name(4),
        "recvmsg" => match args.at(1)? {
            Expression::Msghdr(message) => {
                let length = args.value_or_any(&message.name_length)?;
                Ok(Name {
                    address: args.expected(&message.name)?,
                    length: length.map(|said| args.octets(said)),
                })
            }
            _ => Ok(Name::default()),
        },
        _ => Ok(Name::default()),
    }
}

type Made = (Call, Writes, bool);

fn made(args: Arguments<'_>) -> Result<Made, NotMade> {
    let plain = |call| Ok((call, Writes::Nothing, false));
    match args.call.name.as_str() {
        "socket" => socket(args),
        "bind" => {
            args.count(3, 3)?;
            let Some(address) = args.given(1, own(args))? else {
                return NotMade::skip("`bind` to an address of no family");
            };
            plain(Call::Bind { fd: args.fd(0)?, address })
        }
        "listen" => {
            args.count(2, 2)?;
            plain(Call::Listen { fd: args.fd(0)?, backlog: args.int(1)? })
        }
        "accept" => {
            args.count(3, 3)?;
            Ok((Call::Accept { fd: args.fd(0)?, flags: 0 }, Writes::Nothing, true))
        }
        "accept4" => {
            args.count(4, 4)?;
            let flags = args.int(3)?;
            Ok((Call::Accept { fd: args.fd(0)?, flags }, Writes::Nothing, true))
        }
        "connect" => {
            args.count(3, 3)?;
            plain(Call::Connect { fd: args.fd(0)?, address: args.given(1, other(args))? })
        }
        "shutdown" => {
            args.count(2, 2)?;
            plain(Call::Shutdown { fd: args.fd(0)?, how: args.int(1)? })
        }
        "close" => {
            args.count(1, 1)?;
            plain(Call::Close { fd: args.fd(0)? })
        }
        "getsockname" | "getpeername" => {
            args.count(3, 3)?;
            let fd = args.fd(0)?;
            let own = args.call.name == "getsockname";
            plain(if own { Call::LocalAddress { fd } } else { Call::PeerAddress { fd } })
        }
        "read" | "readv" | "recv" | "recvfrom" | "recvmsg" => receive(args),
        "write" | "writev" | "send" | "sendto" | "sendmsg" => send(args),
        "fcntl" | "ioctl" | "setsockopt" | "getsockopt" => setting(args),
        "poll" | "epoll_create" | "epoll_create1" | "epoll_ctl" | "epoll_wait" => readiness(args),
        name => NotMade::skip(format!("`{name}` is a call that hosts here don't have")),
    }
}

fn own(args: Arguments<'_>) -> SocketAddr {
    args.settings.socket_address(args.settings.local, args.settings.bind_port)
}

fn other(args: Arguments<'_>) -> SocketAddr {
    args.settings.socket_address(args.settings.remote, args.settings.connect_port)
}

fn socket(args: Arguments<'_>) -> Result<Made, NotMade> {
    args.count(3, 3)?;
    let v6 = match args.value_or_any(args.at(0)?)? {
        None => args.settings.version != IpVersion::V4,
        Some(linux::AF_INET) => false,
        Some(linux::AF_INET6) => true,
        Some(family) => return NotMade::skip(format!("sockets of family {family} are not spoken here")),
    };
    Ok((Call::Socket { v6, kind: args.int(1)?, protocol: args.int(2)? }, Writes::Nothing, true))
}

fn receive(args: Arguments<'_>) -> Result<Made, NotMade> {
    let fd = args.fd(0)?;
    match args.call.name.as_str() {
        "read" => {
            args.count(3, 3)?;
            let buffers = if args.is_null(1)? { None } else { Some(vec![args.length(2)?]) };
            Ok((Call::Read { fd, buffers }, text(args.at(1)?), false))
        }
        "readv" => {
            args.count(3, 3)?;
            let lengths = iovecs(args, args.at(1)?)?;
            args.buffers(2, lengths.len())?;
            Ok((Call::Read { fd, buffers: Some(lengths) }, Writes::Nothing, false))
        }
        "recvmsg" => {
            args.count(3, 3)?;
            let Expression::Msghdr(message) = args.at(1)? else {
                return NotMade::wrong("`recvmsg` wants a `{msg_name(...)=..., …}`");
            };
            let buffers = message.iov.iter().map(|&length| args.size(length)).collect::<Result<_, _>>()?;
            let flags = args.value_or_any(&message.flags)?;
            let writes = Writes::Message { flags, control: control(args, message.control.as_deref())? };
            Ok((Call::ReceiveMessage { fd, buffers, flags: args.int(2)? }, writes, false))
        }
        called => {
            let count = if called == "recv" { 4 } else { 6 };
            args.count(count, count)?;
            let length = if args.is_null(1)? { None } else { Some(args.length(2)?) };
            Ok((Call::Receive { fd, length, flags: args.int(3)? }, text(args.at(1)?), false))
        }
    }
}

/// What is to be read, where a script says it.
fn text(buffer: &Expression) -> Writes {
    match buffer {
        Expression::Text(octets) => Writes::Data { octets: octets.clone(), more: false },
        Expression::TextAnd(octets) => Writes::Data { octets: octets.clone(), more: true },
        _ => Writes::Nothing,
    }
}

fn send(args: Arguments<'_>) -> Result<Made, NotMade> {
    let fd = args.fd(0)?;
    let plain = |call| Ok((call, Writes::Nothing, false));
    match args.call.name.as_str() {
        "write" => {
            args.count(3, 3)?;
            plain(Call::Write { fd, buffers: buffer(args)? })
        }
        "writev" => {
            args.count(3, 3)?;
            let lengths = iovecs(args, args.at(1)?)?;
            args.buffers(2, lengths.len())?;
            plain(Call::Write { fd, buffers: Some(zeros(lengths)) })
        }
        "send" => {
            args.count(4, 4)?;
            let (buffers, flags) = (buffer(args)?, args.int(3)?);
            plain(Call::Send { fd, buffers, flags, to: Recipient::Unsaid, control: Vec::new() })
        }
        "sendto" => {
            args.count(6, 6)?;
            let (buffers, flags) = (buffer(args)?, args.int(3)?);
            let to = match args.given(4, other(args)) {
                _ if args.is_null(4)? => Recipient::Unsaid,
                Ok(Some(to)) if is_any(args.at(4)?) => Recipient::Other(to),
                to => to?.map_or(Recipient::Unspecified, Recipient::Address),
            };
            plain(Call::Send { fd, buffers, flags, to, control: Vec::new() })
        }
        _ => {
            args.count(3, 3)?;
            let Expression::Msghdr(message) = args.at(1)? else {
                return NotMade::wrong("`sendmsg` wants a `{msg_name(...)=..., …}`");
            };
            let lengths = message.iov.iter().map(|&length| args.size(length)).collect::<Result<_, _>>()?;
            let sent = message.control.iter().flatten().map(|message| cmsg(args, message));
            plain(Call::Send {
                fd,
                buffers: Some(zeros(lengths)),
                flags: args.int(2)?,
                to: match &message.name {
                    Expression::SockAddr(to) => {
                        Recipient::Address(args.settings.socket_address(to.ip(), to.port()))
                    }
                    any if is_any(any) => Recipient::Other(other(args)),
                    Expression::Symbol(name) if name == "NULL" => Recipient::Unsaid,
                    _ => return NotMade::wrong("`msg_name` is a socket address, `...` or NULL"),
                },
                control: sent.collect::<Result<_, _>>()?,
            })
        }
    }
}

/// What is to be written: the octets that the script has, or zeros.
fn buffer(args: Arguments<'_>) -> Result<Option<Vec<Vec<u8>>>, NotMade> {
    let length = args.length(2)?;
    Ok(match args.at(1)? {
        _ if args.is_null(1)? => None,
        Expression::Text(octets) | Expression::TextAnd(octets) => {
            let mut octets = octets.clone();
            octets.resize(length, 0);
            Some(vec![octets])
        }
        other if is_any(other) => Some(zeros(vec![length])),
        _ => return NotMade::wrong(format!("`{}` wants `...`, a string or NULL to write", args.call.name)),
    })
}

fn zeros(lengths: Vec<usize>) -> Vec<Vec<u8>> {
    lengths.into_iter().map(|length| vec![0; length]).collect()
}

fn setting(args: Arguments<'_>) -> Result<Made, NotMade> {
    let fd = args.fd(0)?;
    match args.call.name.as_str() {
        "fcntl" => {
            args.count(2, 3)?;
            let argument = if args.call.arguments.len() > 2 { args.number(2)? } else { 0 };
            Ok((Call::Fcntl { fd, command: args.int(1)?, argument }, Writes::Nothing, false))
        }
        "ioctl" => {
            args.count(2, 3)?;
            let request = u64::from(low(args.number(1)?).cast_unsigned());
            let writes = match args.call.arguments.get(2) {
                Some(argument) => {
                    let value = args.bracketed(argument)?.map(|value| low(value).to_ne_bytes().to_vec());
                    Writes::Value { value, length: None }
                }
                None => Writes::Nothing,
            };
            Ok((Call::Ioctl { fd, request }, writes, false))
        }
        "setsockopt" => {
            args.count(5, 5)?;
            let (level, name, length) = (args.int(1)?, args.int(2)?, args.int(4)?);
            let value = if args.is_null(3)? { None } else { Some(option_value(args, args.at(3)?)?) };
            Ok((Call::SetOption { fd, level, name, value, length }, Writes::Nothing, false))
        }
        _ => {
            args.count(5, 5)?;
            let length = args.bracketed(args.at(4)?)?;
            let writes = Writes::Value { value: wanted_value(args, args.at(3)?)?, length };
            let room = low(length.unwrap_or(4));
            Ok((Call::GetOption { fd, level: args.int(1)?, name: args.int(2)?, length: room }, writes, false))
        }
    }
}

fn readiness(args: Arguments<'_>) -> Result<Made, NotMade> {
    match args.call.name.as_str() {
        "poll" => {
            args.count(3, 3)?;
            let (fds, wanted) = pollfds(args, args.at(0)?)?;
            if usize::try_from(args.number(1)?) != Ok(fds.len()) {
                return NotMade::wrong("`poll` says another number of descriptors than it lists");
            }
            Ok((Call::Poll { fds, timeout: args.timeout(2)? }, Writes::Polled(wanted), false))
        }
        "epoll_ctl" => {
            args.count(4, 4)?;
            let (epoll, operation, fd) = (args.fd(0)?, args.int(1)?, args.fd(2)?);
            let (event, _) = epoll_event(args, args.at(3)?)?;
            Ok((Call::EpollControl { epoll, operation, fd, event }, Writes::Nothing, false))
        }
        "epoll_wait" => {
            args.count(4, 4)?;
            let Expression::EpollEvent(said) = args.at(1)? else {
                return NotMade::wrong("`epoll_wait` wants an `{events=…, fd=…}`");
            };
            let any = is_any(&said.events);
            let (event, mask) = epoll_event(args, args.at(1)?)?;
            let events = (!any).then_some(i64::from(event.events));
            let data = (!is_any(&said.data)).then_some(event.data);
            let (epoll, most) = (args.fd(0)?, args.length(2)?);
            let timeout = args.timeout(3)?;
            Ok((Call::EpollWait { epoll, most, timeout }, Writes::Ready { events, data, mask }, false))
        }
        _ => {
            args.count(1, 1)?;
            Ok((Call::EpollCreate, Writes::Nothing, true))
        }
    }
}
