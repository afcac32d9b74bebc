//! Data that goes with a SYN (RFC 7413), the way that Linux offers it.
//!
//! ```text
//!   sendto(MSG_FASTOPEN) ──────────────────────────► SYN, data if the peer's cookie is known ─► rest when it is open
//!   TCP_FASTOPEN_CONNECT, connect ─► cookie known? ─ yes ─► 0, nothing is sent ─► write: as above
//!                                                   no ──► SYN that asks for one
//!   TCP_FASTOPEN, or tcp_fastopen & 0x400 ─► the listener takes such SYNs
//! ```

use super::{Answer, Attempt, Stop, done};
use crate::packetdrill::linux::{EAGAIN, EALREADY, ECONNABORTED, EFAULT, EINPROGRESS, EISCONN, EOPNOTSUPP};
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::socket::{Stage, plain};
use crate::packetdrill::setup::fast_open;
use crate::packetdrill::subject::{Fd, Recipient, Returned};
use stack::{ConnectOptions, FastOpenConnect, FastOpenListen};
use std::net::SocketAddr;
use tcp::State;
use wire::Payload;

impl Kernel {
    /// How this socket would open with data.
    pub(super) fn asks(&self, fd: Fd) -> Result<FastOpenConnect, Stop> {
        let free = self.settings.fast_open & fast_open::CLIENT_WITHOUT_COOKIE != 0;
        Ok(FastOpenConnect { cookie: !free && !self.socket(fd)?.options.fast_open_free })
    }

    /// connect on a socket that was told to wait for data: whether it does.
    pub(super) fn may_wait_for_data(&mut self, fd: Fd, to: SocketAddr) -> Result<bool, Stop> {
        let asks = self.asks(fd)?;
        let local = match &self.socket(fd)?.stage {
            Stage::Fresh(bound) | Stage::Over(bound) => bound.as_ref().map(|bound| bound.local()),
            _ => None,
        };
        let options = ConnectOptions { local, ..ConnectOptions::to(plain(to)) };
        Ok(self.machine.call(|host, now| host.tcp_may_connect_with(now, &options, asks)))
    }

    /// Sends as much of `buffers` as may go with a SYN, and the rest when the connection is open, if that can be waited for.
    pub(super) fn write_early(
        &mut self,
        fd: Fd,
        buffers: Option<&[Vec<u8>]>,
        flags: i64,
        to: Recipient,
        wait: bool,
        attempt: &mut Attempt,
    ) -> Answer {
        let to = match to {
            Recipient::Unspecified => return Err(EOPNOTSUPP.into()),
            Recipient::Unsaid => None,
            Recipient::Other(to) | Recipient::Address(to) => Some(to),
        };
        if self.settings.fast_open & fast_open::CLIENT == 0 {
            return Err(EOPNOTSUPP.into());
        }
        let socket = self.socket_mut(fd)?;
        if let Stage::Open(id) = socket.stage {
            let (connected, again) = (socket.connected, attempt.again);
            return match self.machine.host().tcp_state(id) {
                _ if connected => Err(EISCONN.into()),
                State::SynSent | State::SynReceived if again => Err(Stop::Wait(None)),
                State::SynSent | State::SynReceived => Err(EALREADY.into()),
                State::Closed => {
                    // What went with the SYN went nowhere.
                    attempt.moved = 0;
                    let error = self.socket_mut(fd)?.take_error().unwrap_or(ECONNABORTED);
                    self.let_go(fd)?;
                    Err(error.into())
                }
                _ => {
                    self.socket_mut(fd)?.connected = true;
                    let data = buffers.ok_or(EFAULT)?.concat();
                    self.write_octets(fd, id, &data, flags, attempt)
                }
            };
        }
        if let Some(error) = socket.error.filter(|_| matches!(socket.stage, Stage::Over(_))) {
            socket.error = None;
            return Err(error.into());
        }
        let to = socket.deferred.take().or(to).ok_or(EOPNOTSUPP)?;
        let data = buffers.unwrap_or_default().concat();
        let (id, taken) = self.open_connection(fd, to, Some(Payload::copy_of(&data)))?;
        attempt.moved = taken;
        if wait {
            // A writer that waits has the rest at hand: it goes with the handshake's last ACK.
            let written = self.write_octets(fd, id, &data, flags, attempt);
            if let Err(Stop::Refused(why)) = written {
                return Err(Stop::Refused(why));
            }
        }
        match taken {
            _ if wait => {
                // What there is room for is at hand when the handshake is over, and goes with its last ACK.
                match self.write_octets(fd, id, &data, flags, attempt) {
                    Ok(_) | Err(Stop::Errno(EAGAIN)) => Err(Stop::Wait(None)),
                    failed => failed,
                }
            }
            0 => Err(EINPROGRESS.into()),
            taken => Ok(Returned::value(i64::try_from(taken).unwrap_or(i64::MAX))),
        }
    }

    /// Listeners follow what the host and they themselves were told.
    pub(in crate::packetdrill::ours) fn serve_early(&mut self, fd: Fd) -> Answer {
        let bits = self.settings.fast_open;
        let socket = self.socket(fd)?;
        let Stage::Listening(listener) = socket.stage else { return done() };
        let options = &socket.options;
        let queue = match options.fast_open_queue {
            None if bits & fast_open::ALL_LISTENERS != 0 => socket.backlog,
            asked => asked.unwrap_or(0),
        };
        let cookie = bits & fast_open::SERVER_WITHOUT_COOKIE == 0 && !options.fast_open_free;
        let serves = bits & fast_open::SERVER != 0 && queue > 0;
        let keys = options.fast_open_keys;
        self.machine.call(|host, _| {
            host.tcp_listener_fast_open(listener, serves.then_some(FastOpenListen { queue, cookie }));
            if serves && keys.is_some() {
                host.tcp_set_fast_open_keys(Some(listener), keys);
            }
        });
        done()
    }
}
