//! SOL_SOCKET.

use super::{Given, int, unknown};
use crate::packetdrill::linux::{
    EINVAL, SO_ACCEPTCONN, SO_BROADCAST, SO_DOMAIN, SO_DONTROUTE, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_MARK,
    SO_OOBINLINE, SO_PRIORITY, SO_PROTOCOL, SO_RCVBUF, SO_RCVBUFFORCE, SO_RCVLOWAT, SO_RCVTIMEO,
    SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_SNDBUFFORCE, SO_SNDTIMEO, SO_TYPE, SOCK_DGRAM, SOCK_STREAM,
    SOL_SOCKET,
};
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::calls::{Stop, refuse};
use crate::packetdrill::ours::socket::Stage;
use crate::packetdrill::subject::{Errno, Fd};
use env::Duration;

/// The least that Linux gives a send and a receive buffer.
const LEAST_SEND: u32 = 4_608;
const LEAST_RECEIVE: u32 = 2_304;

impl Kernel {
    pub(super) fn set_socket_option(&mut self, fd: Fd, name: i64, given: &Given<'_>) -> Result<(), Stop> {
        let value = match name {
            SO_LINGER | SO_RCVTIMEO | SO_SNDTIMEO => 0,
            _ => given.int()?,
        };
        let on = value != 0;
        let options = &mut self.socket_mut(fd)?.options;
        match name {
            SO_REUSEADDR => options.reuse_address = on,
            SO_REUSEPORT => options.reuse_port = on,
            SO_KEEPALIVE => options.keep_alive = on,
            SO_BROADCAST => options.broadcast = on,
            SO_OOBINLINE => options.oob_inline = on,
            SO_PRIORITY => options.priority = value,
            SO_MARK => options.mark = value,
            SO_LINGER => {
                let [a, b, c, d, e, f, g, h] = given.octets()?;
                let (on, seconds) = (i32::from_ne_bytes([a, b, c, d]), i32::from_ne_bytes([e, f, g, h]));
                options.linger = (on != 0, seconds.max(0));
            }
            SO_SNDBUF | SO_SNDBUFFORCE => options.send_buffer = Some(doubled(value, LEAST_SEND)),
            SO_RCVBUF | SO_RCVBUFFORCE => options.receive_buffer = Some(doubled(value, LEAST_RECEIVE)),
            SO_RCVTIMEO => options.receive_timeout = timeout(given)?,
            SO_SNDTIMEO => options.send_timeout = timeout(given)?,
            SO_RCVLOWAT if value <= 1 => {}
            SO_DONTROUTE if !on => {}
            SO_ERROR | SO_TYPE | SO_PROTOCOL | SO_DOMAIN | SO_ACCEPTCONN => {
                return Err(crate::packetdrill::linux::ENOPROTOOPT.into());
            }
            _ => return Err(unknown(SOL_SOCKET, name)),
        }
        self.options_changed(fd)
    }

    pub(super) fn get_socket_option(&mut self, fd: Fd, name: i64) -> Result<Vec<u8>, Stop> {
        let socket = self.socket_mut(fd)?;
        let options = &socket.options;
        Ok(int(match name {
            SO_ERROR => i64::from(socket.take_error().map_or(0, |errno| errno.0)),
            SO_REUSEADDR => options.reuse_address.into(),
            SO_REUSEPORT => options.reuse_port.into(),
            SO_KEEPALIVE => options.keep_alive.into(),
            SO_BROADCAST => options.broadcast.into(),
            SO_OOBINLINE => options.oob_inline.into(),
            SO_PRIORITY => options.priority.into(),
            SO_MARK => options.mark.into(),
            SO_TYPE => match socket.stage {
                Stage::Datagram(_) => SOCK_DGRAM,
                _ => SOCK_STREAM,
            },
            SO_PROTOCOL => match socket.stage {
                Stage::Datagram(_) => 17,
                _ => 6,
            },
            SO_DOMAIN => {
                if socket.v6 {
                    10
                } else {
                    2
                }
            }
            SO_ACCEPTCONN => matches!(socket.stage, Stage::Listening(_)).into(),
            SO_RCVLOWAT => 1,
            SO_DONTROUTE => 0,
            SO_LINGER => {
                let (on, seconds) = options.linger;
                return Ok([i32::from(on).to_ne_bytes(), seconds.to_ne_bytes()].concat());
            }
            SO_SNDBUF => return self.send_buffer(fd),
            SO_RCVBUF => options.receive_buffer.unwrap_or(self.settings.receive_memory[1]).into(),
            SO_RCVTIMEO | SO_SNDTIMEO => return Err(refuse("reading SO_RCVTIMEO or SO_SNDTIMEO")),
            _ => return Err(unknown(SOL_SOCKET, name)),
        }))
    }

    /// SO_SNDBUF: what was set, or what it has grown to.
    fn send_buffer(&mut self, fd: Fd) -> Result<Vec<u8>, Stop> {
        let socket = self.socket(fd)?;
        if let Some(octets) = socket.options.send_buffer {
            return Ok(int(octets));
        }
        let id = socket.connection();
        let grown = id.map_or(self.settings.send_memory[1] as usize, |id| self.send_room(socket, id).buffer);
        Ok(int(grown))
    }
}

fn doubled(value: i32, least: u32) -> u32 {
    // Linux compares without a sign, so that what is negative is the most there is.
    let asked = u32::try_from(value).unwrap_or(u32::MAX >> 2).min(1 << 29);
    asked.saturating_mul(2).max(least)
}

/// A `timeval`; none at all for zero.
fn timeout(given: &Given<'_>) -> Result<Option<Duration>, Errno> {
    let octets: [u8; 16] = given.octets()?;
    let (seconds, micros) = octets.split_at(8);
    let number = |part: &[u8]| part.try_into().map(i64::from_ne_bytes).map_err(|_| EINVAL);
    let (seconds, micros) = (number(seconds)?, number(micros)?);
    let seconds = u64::try_from(seconds).map_err(|_| EINVAL)?;
    let micros = u64::try_from(micros).ok().filter(|micros| *micros < 1_000_000).ok_or(EINVAL)?;
    let whole = Duration::from_secs(seconds) + Duration::from_micros(micros);
    Ok((!whole.is_zero()).then_some(whole))
}
