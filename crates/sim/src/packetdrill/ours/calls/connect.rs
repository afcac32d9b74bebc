//! connect: begins a handshake, and says what became of it.
//!
//! ```text
//!   Fresh ─► SYN ─► nonblocking: EINPROGRESS, then EALREADY … 0 once, then EISCONN
//!              └──► blocking: waits
//! ```

use super::{Answer, Attempt, Stop, done};
use crate::packetdrill::linux::{
    EAFNOSUPPORT, EALREADY, ECONNABORTED, EINPROGRESS, EISCONN, ENETUNREACH, EOPNOTSUPP,
};
use crate::packetdrill::ours::socket::{Stage, plain};
use crate::packetdrill::ours::{Kernel, errno};
use crate::packetdrill::subject::Fd;
use stack::{ConnectOptions, ConnectionId, UdpId};
use std::net::SocketAddr;
use std::sync::Arc;
use tcp::State;
use wire::Payload;

impl Kernel {
    pub(super) fn connect(&mut self, fd: Fd, to: Option<SocketAddr>, attempt: &Attempt) -> Answer {
        let socket = self.socket(fd)?;
        if let Some(udp) = socket.udp() {
            return self.connect_udp(fd, udp, to);
        }
        let Some(to) = to else { return self.disconnect(fd) };
        match socket.stage {
            Stage::Listening(_) => Err(EISCONN.into()),
            Stage::Open(_) => self.connect_again(fd, attempt),
            _ if socket.deferred.is_some() => Err(EISCONN.into()),
            // What became of the last attempt is told before there is another.
            Stage::Over(_) if attempt.again || socket.error.is_some() => {
                Err(self.socket_mut(fd)?.take_error().unwrap_or(ECONNABORTED).into())
            }
            _ if socket.options.fast_open_connect => {
                if self.may_wait_for_data(fd, to)? {
                    self.socket_mut(fd)?.deferred = Some(to);
                    return done();
                }
                self.open_connection(fd, to, Some(Payload::EMPTY))?;
                self.begun(fd)
            }
            _ => {
                self.open_connection(fd, to, None)?;
                self.begun(fd)
            }
        }
    }

    fn begun(&self, fd: Fd) -> Answer {
        Err(if self.socket(fd)?.nonblocking { Stop::Errno(EINPROGRESS) } else { Stop::Wait(None) })
    }

    /// Opens a connection, with Fast Open and this data where there is any; how much of it went with the SYN.
    pub(super) fn open_connection(
        &mut self,
        fd: Fd,
        to: SocketAddr,
        data: Option<Payload>,
    ) -> Result<(ConnectionId, usize), Stop> {
        let asks = self.asks(fd)?;
        let socket = self.socket(fd)?;
        if to.is_ipv6() != socket.v6 {
            return Err(EAFNOSUPPORT.into());
        }
        let remote = plain(to);
        if socket.v6 && socket.options.v6_only && remote.is_ipv4() {
            return Err(ENETUNREACH.into());
        }
        let tcp = Arc::new(socket.options.config(&self.settings)?);
        let (ttl, dscp, reuse) = (socket.options.ttl, socket.options.tos >> 2, socket.options.reuse_address);
        let options = socket.options.clone();
        let socket = self.socket_mut(fd)?;
        let bound = match &mut socket.stage {
            Stage::Fresh(bound) | Stage::Over(bound) => bound.take(),
            _ => None,
        };
        (socket.shut_read, socket.shut_write, socket.peer_closed) = (false, false, false);
        let local = bound.as_ref().map(|bound| bound.local()).map(|local| {
            // The version is the peer's.
            let any = local.ip().is_unspecified() && local.is_ipv4() != remote.is_ipv4();
            if any { SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), local.port()) } else { local }
        });
        let opened = self.machine.call(|host, now| {
            if let Some(bound) = bound {
                host.tcp_unbind(bound);
            }
            let options = ConnectOptions { local, remote, tcp: Some(tcp), ttl, dscp, reuse };
            match data {
                Some(data) => host.tcp_connect_with(now, options, asks, data),
                None => host.tcp_connect(now, options).map(|id| (id, 0)),
            }
        });
        let (id, taken) = opened.map_err(errno::connect)?;
        options.apply(&mut self.machine, id);
        let socket = self.socket_mut(fd)?;
        socket.stage = Stage::Open(id);
        Ok((id, taken))
    }

    /// A handshake was begun: by this call, which waits for it, or by an earlier one.
    fn connect_again(&mut self, fd: Fd, attempt: &Attempt) -> Answer {
        let socket = self.socket_mut(fd)?;
        let Some(id) = socket.connection().filter(|_| !socket.connected) else { return Err(EISCONN.into()) };
        let wait = socket.nonblocking && !attempt.again;
        match self.machine.host().tcp_state(id) {
            State::SynSent | State::SynReceived => {
                Err(if wait { Stop::Errno(EALREADY) } else { Stop::Wait(None) })
            }
            State::Closed => {
                let socket = self.socket_mut(fd)?;
                let error = socket.take_error().unwrap_or(ECONNABORTED);
                self.let_go(fd)?;
                Err(error.into())
            }
            _ => {
                self.socket_mut(fd)?.connected = true;
                done()
            }
        }
    }

    /// `AF_UNSPEC`: the connection is cut, and the socket is as new.
    fn disconnect(&mut self, fd: Fd) -> Answer {
        let stage = std::mem::replace(&mut self.socket_mut(fd)?.stage, Stage::Over(None));
        match stage {
            Stage::Open(id) => self.machine.call(|host, now| {
                host.tcp_abort(now, id);
                host.tcp_release(now, id);
            }),
            Stage::Listening(id) => self.machine.call(|host, now| host.tcp_unlisten(now, id)),
            Stage::Fresh(bound) | Stage::Over(bound) => {
                let socket = self.socket_mut(fd)?;
                socket.stage = Stage::Fresh(bound);
                socket.deferred = None;
                return done();
            }
            Stage::Datagram(_) => return Err(EOPNOTSUPP.into()),
        }
        let socket = self.socket_mut(fd)?;
        socket.stage = Stage::Fresh(None);
        (socket.connected, socket.error) = (false, None);
        (socket.shut_read, socket.shut_write, socket.peer_closed) = (false, false, false);
        done()
    }

    /// The connection has ended and nobody reads what it left: its name means nothing any more.
    pub(super) fn let_go(&mut self, fd: Fd) -> Result<(), crate::packetdrill::subject::Errno> {
        let socket = self.socket_mut(fd)?;
        if let Some(id) = socket.connection() {
            socket.stage = Stage::Over(None);
            socket.connected = false;
            (socket.shut_read, socket.shut_write) = (true, true);
            self.machine.call(|host, now| host.tcp_release(now, id));
        }
        Ok(())
    }

    fn connect_udp(&mut self, fd: Fd, id: UdpId, to: Option<SocketAddr>) -> Answer {
        let v6 = self.socket(fd)?.v6;
        let answer = self.machine.call(|host, _| match to {
            None => host.udp_disconnect(id).map_err(errno::udp),
            Some(to) if to.is_ipv6() != v6 => Err(EAFNOSUPPORT),
            Some(to) => host.udp_connect(id, plain(to)).map_err(errno::udp),
        });
        answer?;
        self.socket_mut(fd)?.connected = to.is_some();
        done()
    }
}
