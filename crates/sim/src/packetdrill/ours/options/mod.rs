//! getsockopt and setsockopt: what was asked for, how it is told, and what it does to the stack.
//!
//! ```text
//!   level, name, value ─► socket.rs   SOL_SOCKET ┐
//!                         tcp.rs      SOL_TCP    ├─► Options ─► TcpConfig, before there is a connection
//!                         ip.rs       SOL_IP(V6) ┘         └──► the connection, once there is one
//! ```
//!
//! Options that would have to be heeded and are not known are refused: the script is skipped.

mod apply;
mod ip;
mod socket;
mod tcp;

use super::Kernel;
use super::calls::{Answer, Stop, done, refuse};
use crate::packetdrill::linux::{
    EFAULT, EINVAL, SO_TIMESTAMPING, SO_ZEROCOPY, SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP, SOL_UDP, TCP_MD5SIG,
    TCP_REPAIR, TCP_ULP, TCP_ZEROCOPY_RECEIVE,
};
use crate::packetdrill::setup::Settings;
use crate::packetdrill::subject::{Errno, Fd, Out, Returned};
use ::tcp::Congestion;
use ::tcp::fast_open::Keys;
use env::Duration;

/// What a socket was told.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) reuse_address: bool,
    pub(super) reuse_port: bool,
    pub(super) keep_alive: bool,
    pub(super) broadcast: bool,
    pub(super) oob_inline: bool,
    /// On, and seconds.
    pub(super) linger: (bool, i32),
    /// SO_SNDBUF and SO_RCVBUF, when they were set: as Linux tells them, twice what was asked for.
    pub(super) send_buffer: Option<u32>,
    pub(super) receive_buffer: Option<u32>,
    pub(super) priority: i32,
    pub(super) mark: i32,
    pub(super) receive_timeout: Option<Duration>,
    pub(super) send_timeout: Option<Duration>,
    pub(super) no_delay: bool,
    pub(super) cork: bool,
    /// TCP_MAXSEG; 0 when it was not set.
    pub(super) max_segment: u16,
    /// Seconds.
    pub(super) keep_idle: u32,
    pub(super) keep_interval: u32,
    pub(super) keep_count: u8,
    pub(super) syn_count: Option<u8>,
    /// Milliseconds; 0 when it was not set.
    pub(super) user_timeout: u32,
    pub(super) unsent_low: Option<u32>,
    pub(super) congestion: Option<Congestion>,
    /// TCP_INQ.
    pub(super) tell_queue: bool,
    pub(super) fast_open_connect: bool,
    /// TCP_FASTOPEN of a listener.
    pub(super) fast_open_queue: Option<usize>,
    /// TCP_FASTOPEN_NO_COOKIE.
    pub(super) fast_open_free: bool,
    pub(super) fast_open_keys: Option<Keys>,
    pub(super) tos: u8,
    pub(super) ttl: Option<u8>,
    pub(super) mtu_discover: i32,
    pub(super) receive_errors: bool,
    pub(super) v6_only: bool,
}

impl Options {
    /// As `settings` have them for new sockets.
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            reuse_address: false,
            reuse_port: false,
            keep_alive: false,
            broadcast: false,
            oob_inline: false,
            linger: (false, 0),
            send_buffer: None,
            receive_buffer: None,
            priority: 0,
            mark: 0,
            receive_timeout: None,
            send_timeout: None,
            no_delay: false,
            cork: false,
            max_segment: 0,
            keep_idle: settings.keep_idle,
            keep_interval: settings.keep_interval,
            keep_count: settings.keep_count,
            syn_count: None,
            user_timeout: 0,
            unsent_low: None,
            congestion: None,
            tell_queue: false,
            fast_open_connect: false,
            fast_open_queue: None,
            fast_open_free: false,
            fast_open_keys: None,
            tos: 0,
            ttl: None,
            mtu_discover: 1,
            receive_errors: false,
            v6_only: false,
        }
    }
}

/// A value that was given, checked as Linux checks it: first its length, then where it lies.
pub(super) struct Given<'a> {
    value: Option<&'a [u8]>,
    length: usize,
}

impl<'a> Given<'a> {
    fn new(value: Option<&'a [u8]>, length: i32) -> Result<Self, Errno> {
        Ok(Self { value, length: usize::try_from(length).map_err(|_| EINVAL)? })
    }

    /// An `int`.
    fn int(&self) -> Result<i32, Errno> {
        Ok(i32::from_ne_bytes(self.octets()?))
    }

    /// An `int`, or one octet of it: what the IP level takes.
    fn short(&self) -> Result<i32, Errno> {
        if self.length >= 4 {
            return self.int();
        }
        let Some(value) = self.value else { return Err(EFAULT) };
        if self.length == 0 { Ok(0) } else { Ok(value.first().copied().unwrap_or_default().into()) }
    }

    /// All octets of one of these lengths.
    fn exactly(&self, lengths: &[usize]) -> Result<&'a [u8], Errno> {
        if !lengths.contains(&self.length) {
            return Err(EINVAL);
        }
        self.value.and_then(|value| value.get(..self.length)).ok_or(EFAULT)
    }

    /// The first octets.
    fn octets<const N: usize>(&self) -> Result<[u8; N], Errno> {
        if self.length < N {
            return Err(EINVAL);
        }
        let value = self.value.ok_or(EFAULT)?;
        value.get(..N).and_then(|octets| octets.try_into().ok()).ok_or(EFAULT)
    }

    /// A name, to its end or to a zero.
    fn text(&self) -> Result<&'a str, Errno> {
        if self.length == 0 {
            return Err(EINVAL);
        }
        let value = self.value.ok_or(EFAULT)?;
        let value = value.get(..self.length).unwrap_or(value);
        let value = value.split(|octet| *octet == 0).next().unwrap_or_default();
        std::str::from_utf8(value).map_err(|_| EINVAL)
    }
}

impl Kernel {
    pub(super) fn set_option(
        &mut self,
        fd: Fd,
        level: i64,
        name: i64,
        value: Option<&[u8]>,
        length: i32,
    ) -> Answer {
        self.socket(fd)?;
        let given = Given::new(value, length)?;
        match level {
            SOL_SOCKET => self.set_socket_option(fd, name, &given)?,
            SOL_TCP => self.set_tcp_option(fd, name, &given)?,
            SOL_IP | SOL_IPV6 => self.set_ip_option(fd, level, name, &given)?,
            _ => return Err(unknown(level, name)),
        }
        done()
    }

    pub(super) fn get_option(&mut self, fd: Fd, level: i64, name: i64, length: i32) -> Answer {
        self.socket(fd)?;
        let room = usize::try_from(length).map_err(|_| EINVAL)?;
        let mut value = match level {
            SOL_SOCKET => self.get_socket_option(fd, name)?,
            SOL_TCP => self.get_tcp_option(fd, name)?,
            SOL_IP | SOL_IPV6 => {
                let value = self.get_ip_option(fd, level, name)?;
                // What fits into an octet is told in one, where there is no more room.
                let small = u8::try_from(value).ok().filter(|_| (1..4).contains(&room));
                small.map_or_else(|| value.to_ne_bytes().to_vec(), |octet| vec![octet])
            }
            _ => return Err(unknown(level, name)),
        };
        value.truncate(room);
        Ok(Returned { result: Ok(0), out: Out { value, ..Out::default() } })
    }
}

/// An option that the stack has no answer for.
fn unknown(level: i64, name: i64) -> Stop {
    let own = [
        (SOL_SOCKET, SO_ZEROCOPY, "SO_ZEROCOPY"),
        (SOL_SOCKET, SO_TIMESTAMPING, "SO_TIMESTAMPING"),
        (SOL_TCP, TCP_MD5SIG, "TCP_MD5SIG"),
        (SOL_TCP, TCP_REPAIR, "TCP_REPAIR"),
        (SOL_TCP, TCP_ULP, "TCP_ULP"),
        (SOL_TCP, TCP_ZEROCOPY_RECEIVE, "TCP_ZEROCOPY_RECEIVE"),
    ];
    if let Some((.., name)) = own.iter().find(|(whose, number, _)| (*whose, *number) == (level, name)) {
        return refuse(format!("{name} is an interface of Linux's own"));
    }
    let level = match level {
        SOL_SOCKET => "SOL_SOCKET",
        SOL_TCP => "SOL_TCP",
        SOL_UDP => "SOL_UDP",
        SOL_IP => "SOL_IP",
        SOL_IPV6 => "SOL_IPV6",
        _ => return refuse(format!("socket option {name} of level {level}")),
    };
    refuse(format!("socket option {name} of {level}"))
}

/// An `int` as it lies in memory.
fn int(value: impl TryInto<i32>) -> Vec<u8> {
    value.try_into().unwrap_or(i32::MAX).to_ne_bytes().to_vec()
}
