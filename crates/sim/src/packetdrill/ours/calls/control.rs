//! fcntl, ioctl, getsockname, getpeername.

use super::{Answer, done, refuse};
use crate::packetdrill::linux::{
    EINVAL, ENOTCONN, ENOTTY, F_GETFD, F_GETFL, F_SETFD, F_SETFL, O_NONBLOCK, O_RDWR, SIOCINQ, SIOCOUTQ,
    SIOCOUTQNSD,
};
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::socket::{Descriptor, Stage};
use crate::packetdrill::subject::{Fd, Out, Returned};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

impl Kernel {
    pub(super) fn fcntl(&mut self, fd: Fd, command: i32, argument: i64) -> Answer {
        if let Some(Descriptor::Epoll(_)) = self.table.get(fd) {
            return Err(refuse("fcntl of an epoll descriptor"));
        }
        let socket = self.socket_mut(fd)?;
        match i64::from(command) {
            F_GETFL => Ok(Returned::value(if socket.nonblocking { O_RDWR | O_NONBLOCK } else { O_RDWR })),
            F_SETFL => {
                // The access mode is not looked at; what else there is would not be heeded.
                let unknown = argument & !(O_RDWR | O_NONBLOCK | 1);
                if unknown != 0 {
                    return Err(refuse(format!("file status flags {unknown:#x}")));
                }
                socket.nonblocking = argument & O_NONBLOCK != 0;
                done()
            }
            // There is no exec.
            F_GETFD | F_SETFD => done(),
            _ => Err(refuse(format!("fcntl command {command}"))),
        }
    }

    pub(super) fn ioctl(&mut self, fd: Fd, request: u64) -> Answer {
        let socket = self.socket(fd)?;
        let request = i64::try_from(request).map_err(|_| ENOTTY)?;
        let host = self.machine.host();
        let value = match (&socket.stage, request) {
            (Stage::Listening(_), SIOCINQ | SIOCOUTQ | SIOCOUTQNSD) => return Err(EINVAL.into()),
            (Stage::Open(id), _) => {
                let status = host.tcp_status(*id);
                match (request, status) {
                    (SIOCINQ, Some(status)) => status.readable,
                    (SIOCOUTQ, Some(status)) => status.queued,
                    (SIOCOUTQNSD, Some(status)) => status.unsent as usize,
                    (SIOCINQ | SIOCOUTQ | SIOCOUTQNSD, None) => 0,
                    _ => return Err(refuse(format!("ioctl {request:#x}"))),
                }
            }
            (Stage::Datagram(id), SIOCINQ) => host.udp_peek(*id).map_or(0, |datagram| datagram.data.len()),
            (Stage::Datagram(_), SIOCOUTQ) | (_, SIOCINQ | SIOCOUTQ | SIOCOUTQNSD) => 0,
            _ => return Err(refuse(format!("ioctl {request:#x}"))),
        };
        let value = i32::try_from(value).unwrap_or(i32::MAX).to_ne_bytes().to_vec();
        Ok(Returned { result: Ok(0), out: Out { value, ..Out::default() } })
    }

    pub(super) fn local_address(&mut self, fd: Fd) -> Answer {
        let socket = self.socket(fd)?;
        let host = self.machine.host();
        let local = match &socket.stage {
            Stage::Fresh(bound) | Stage::Over(bound) => bound.as_ref().map(|bound| bound.local()),
            Stage::Listening(id) => host.tcp_listener_addr(*id),
            Stage::Open(id) => host.tcp_addrs(*id).map(|(local, _)| local),
            Stage::Datagram(id) => host.udp_local(*id),
        };
        let any: IpAddr = if socket.v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        let local = local.map_or(SocketAddr::new(any, 0), |local| socket.shown(local));
        Ok(Returned { result: Ok(0), out: Out { address: Some(local), ..Out::default() } })
    }

    pub(super) fn peer_address(&mut self, fd: Fd) -> Answer {
        let socket = self.socket(fd)?;
        let host = self.machine.host();
        let peer = match &socket.stage {
            Stage::Open(id) => host
                .tcp_addrs(*id)
                .filter(|_| !matches!(host.tcp_state(*id), tcp::State::SynSent | tcp::State::Closed))
                .map(|(_, peer)| peer),
            Stage::Datagram(id) => host.udp_peer(*id),
            _ => None,
        };
        let address = Some(socket.shown(peer.ok_or(ENOTCONN)?));
        Ok(Returned { result: Ok(0), out: Out { address, ..Out::default() } })
    }
}
