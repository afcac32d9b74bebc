//! socket, bind, listen, accept.

use super::{Answer, Stop, done, refuse};
use crate::packetdrill::linux::{
    EADDRINUSE, EAGAIN, EINVAL, EMFILE, EOPNOTSUPP, EPROTONOSUPPORT, ESOCKTNOSUPPORT, IPPROTO_MPTCP,
    IPPROTO_TCP, IPPROTO_UDP, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_RAW, SOCK_STREAM,
};
use crate::packetdrill::ours::socket::{Descriptor, Socket, Stage, plain};
use crate::packetdrill::ours::{Kernel, errno, options::Options};
use crate::packetdrill::subject::{Fd, Out, Returned};
use stack::{CookieUse, ListenConfig, Sharing, UdpBind};
use std::net::SocketAddr;
use std::sync::Arc;

impl Kernel {
    pub(super) fn socket_call(&mut self, v6: bool, kind: i32, protocol: i32) -> Answer {
        let (kind, protocol) = (i64::from(kind), i64::from(protocol));
        let flags = kind & (SOCK_NONBLOCK | SOCK_CLOEXEC);
        let stage = match (kind & !flags, protocol) {
            (SOCK_STREAM, 0 | IPPROTO_TCP) => Stage::Fresh(None),
            (SOCK_DGRAM, 0 | IPPROTO_UDP) => {
                let opened = self.machine.call(|host, _| host.udp_open());
                Stage::Datagram(opened.map_err(errno::udp)?)
            }
            (SOCK_STREAM, IPPROTO_MPTCP) => return Err(refuse("multipath TCP")),
            (SOCK_RAW, _) => return Err(refuse("raw sockets")),
            (SOCK_STREAM | SOCK_DGRAM, _) => return Err(EPROTONOSUPPORT.into()),
            _ => return Err(ESOCKTNOSUPPORT.into()),
        };
        let mut socket = Socket::new(v6, stage, Options::of(&self.settings));
        socket.nonblocking = flags & SOCK_NONBLOCK != 0;
        self.open(socket)
    }

    fn open(&mut self, socket: Socket) -> Answer {
        let fd = self.table.open(Descriptor::Socket(Box::new(socket))).ok_or(EMFILE)?;
        Ok(Returned::value(fd.0.into()))
    }

    pub(super) fn bind(&mut self, fd: Fd, address: SocketAddr) -> Answer {
        let local = plain(address);
        let socket = self.socket(fd)?;
        if let Stage::Datagram(old) = socket.stage {
            return self.bind_udp(fd, old, local);
        }
        if !matches!(socket.stage, Stage::Fresh(None) | Stage::Over(None)) {
            return Err(EINVAL.into());
        }
        let dual = socket.v6 && !socket.options.v6_only;
        let sharing = Sharing { address: socket.options.reuse_address, port: socket.options.reuse_port };
        let bound =
            self.machine.call(|host, _| host.tcp_bind(local, dual, sharing)).map_err(errno::listen)?;
        self.socket_mut(fd)?.stage = Stage::Fresh(Some(bound));
        done()
    }

    fn bind_udp(&mut self, fd: Fd, old: stack::UdpId, local: SocketAddr) -> Answer {
        let socket = self.socket(fd)?;
        if self.machine.host().udp_local(old).is_some_and(|local| local.port() != 0) {
            return Err(EINVAL.into());
        }
        let any = local.ip().is_unspecified() && socket.v6 && !socket.options.v6_only;
        let address = (!any).then_some(local.ip());
        let bind = UdpBind { address, port: local.port(), reuse: socket.options.reuse_address };
        let bound = self.machine.call(|host, _| host.udp_bind(bind)).map_err(errno::udp)?;
        self.machine.call(|host, now| {
            let settings = host.udp_options(old).cloned();
            if let (Some(settings), Some(place)) = (settings, host.udp_options_mut(bound)) {
                *place = settings;
            }
            host.udp_close(now, old);
        });
        self.socket_mut(fd)?.stage = Stage::Datagram(bound);
        done()
    }

    pub(super) fn listen(&mut self, fd: Fd, backlog: i32) -> Answer {
        let backlog = usize::try_from(backlog).unwrap_or(usize::MAX).min(self.settings.somaxconn);
        let socket = self.socket_mut(fd)?;
        let bound = match &mut socket.stage {
            Stage::Fresh(bound) | Stage::Over(bound) => bound.take(),
            // It is as it was: nothing of the queue is lost.
            Stage::Listening(_) => return done(),
            Stage::Datagram(_) => return Err(EOPNOTSUPP.into()),
            Stage::Open(_) => return Err(EINVAL.into()),
        };
        let any = if socket.v6 { "[::]:0" } else { "0.0.0.0:0" };
        let local = match &bound {
            Some(bound) => bound.local(),
            None => any.parse().map_err(|_| EINVAL)?,
        };
        let socket = self.socket(fd)?;
        let tcp = socket.options.config(&self.settings)?;
        let config = ListenConfig {
            // Linux's queue takes one more than it was asked for.
            backlog: backlog.saturating_add(1),
            syn_queue: backlog.max(1),
            cookies: match self.settings.syn_cookies {
                0 => CookieUse::Off,
                1 => CookieUse::Auto,
                _ => CookieUse::Always,
            },
            tcp: Some(Arc::new(tcp)),
            ttl: socket.options.ttl,
            dscp: socket.options.tos >> 2,
            retransmissions: socket.options.syn_count.unwrap_or(self.settings.synack_retries),
            dual_stack: socket.v6 && !socket.options.v6_only,
            reuse_port: socket.options.reuse_port,
            ..ListenConfig::default()
        };
        let listener = self.machine.call(|host, now| {
            if let Some(bound) = bound {
                host.tcp_unbind(bound);
            }
            host.tcp_listen(now, local, config)
        });
        let socket = self.socket_mut(fd)?;
        socket.stage = Stage::Listening(listener.map_err(|_| EADDRINUSE)?);
        socket.backlog = backlog;
        self.serve_early(fd)
    }

    pub(super) fn accept(&mut self, fd: Fd, flags: i32) -> Answer {
        let flags = i64::from(flags);
        let socket = self.socket(fd)?;
        let Stage::Listening(listener) = socket.stage else {
            let udp = socket.udp().is_some();
            return Err(if udp { EOPNOTSUPP } else { EINVAL }.into());
        };
        let (v6, nonblocking) = (socket.v6, socket.nonblocking);
        let options = socket.options.clone();
        let Some((connection, peer)) = self.machine.call(|host, _| host.tcp_accept(listener)) else {
            return Err(if nonblocking { Stop::Errno(EAGAIN) } else { Stop::Wait(None) });
        };
        let mut accepted = Socket::new(v6, Stage::Open(connection), options);
        accepted.connected = true;
        accepted.nonblocking = flags & SOCK_NONBLOCK != 0;
        let address = Some(accepted.shown(peer));
        accepted.options.apply(&mut self.machine, connection);
        let returned = self.open(accepted)?;
        self.spread_events();
        Ok(Returned { out: Out { address, ..Out::default() }, ..returned })
    }
}
