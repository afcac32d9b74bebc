//! poll and epoll: what could be done without waiting.
//!
//! ```text
//!   socket ─► readiness, as poll(2) has it ─► poll: at each look
//!                                             epoll: level-triggered alike; edge-triggered once for each piece of news
//! ```

use super::{Answer, Attempt, Stop, done, refuse};
use crate::packetdrill::linux::{
    EBADF, EEXIST, EINVAL, EMFILE, ENOENT, EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, POLLERR, POLLHUP, POLLIN,
    POLLNVAL, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRBAND, POLLWRNORM,
};
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::socket::{Descriptor, Epoll, Socket, Stage, Watched};
use crate::packetdrill::subject::{EpollEvent, Errno, Fd, Out, Returned};
use env::Duration;
use stack::ConnectionId;
use tcp::State;

/// What is told whether it was asked for or not.
const ALWAYS: i64 = POLLERR | POLLHUP | POLLNVAL;

impl Kernel {
    pub(super) fn poll(&mut self, fds: &[(Fd, i16)], timeout: Option<Duration>, attempt: &Attempt) -> Answer {
        let mut polled = Vec::with_capacity(fds.len());
        for (fd, asked) in fds {
            let ready = match self.table.get(*fd) {
                _ if fd.0 < 0 => 0,
                None => POLLNVAL,
                Some(Descriptor::Epoll(_)) => return Err(refuse("poll of an epoll descriptor")),
                Some(Descriptor::Socket(_)) => self.readiness(*fd)?,
            };
            let told = ready & (i64::from(*asked) | ALWAYS);
            polled.push(i16::try_from(told).unwrap_or(i16::MAX));
        }
        let count = polled.iter().filter(|told| **told != 0).count();
        if count == 0 && self.may_wait(timeout, attempt) {
            return Err(Stop::Wait(timeout.map(|timeout| attempt.began + timeout)));
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Returned { result: Ok(count), out: Out { polled, ..Out::default() } })
    }

    fn may_wait(&self, timeout: Option<Duration>, attempt: &Attempt) -> bool {
        timeout.is_none_or(|timeout| attempt.began + timeout > self.machine.now())
    }

    pub(super) fn epoll_create(&mut self) -> Answer {
        let fd = self.table.open(Descriptor::Epoll(Epoll::default())).ok_or(EMFILE)?;
        Ok(Returned::value(fd.0.into()))
    }

    pub(super) fn epoll_control(&mut self, epoll: Fd, operation: i32, fd: Fd, event: EpollEvent) -> Answer {
        self.table.get(fd).ok_or(EBADF)?;
        self.socket(fd).map_err(|_| EINVAL)?;
        let Descriptor::Epoll(set) = self.table.get_mut(epoll).ok_or(EBADF)? else {
            return Err(EINVAL.into());
        };
        let at = set.watched.iter().position(|watched| watched.fd == fd);
        match (operation, at) {
            (1, Some(_)) => Err(EEXIST.into()),
            (1, None) => {
                set.watched.push(Watched { fd, event, reported: None, spent: false });
                done()
            }
            (2 | 3, None) => Err(ENOENT.into()),
            (2, Some(at)) => {
                set.watched.remove(at);
                done()
            }
            (3, Some(at)) => {
                let exclusive = i64::from(event.events) & EPOLLEXCLUSIVE != 0;
                if let Some(watched) = set.watched.get_mut(at) {
                    if exclusive || i64::from(watched.event.events) & EPOLLEXCLUSIVE != 0 {
                        return Err(EINVAL.into());
                    }
                    *watched = Watched { fd, event, reported: None, spent: false };
                }
                done()
            }
            _ => Err(EINVAL.into()),
        }
    }

    pub(super) fn epoll_wait(
        &mut self,
        epoll: Fd,
        most: usize,
        timeout: Option<Duration>,
        attempt: &Attempt,
    ) -> Answer {
        if most == 0 {
            return Err(EINVAL.into());
        }
        let Descriptor::Epoll(set) = self.table.get_mut(epoll).ok_or(EBADF)? else {
            return Err(EINVAL.into());
        };
        let mut watched = std::mem::take(&mut set.watched);
        let ready = self.collect(&mut watched, most);
        if let Some(Descriptor::Epoll(set)) = self.table.get_mut(epoll) {
            set.watched = watched;
        }
        let ready = ready?;
        if ready.is_empty() && self.may_wait(timeout, attempt) {
            return Err(Stop::Wait(timeout.map(|timeout| attempt.began + timeout)));
        }
        let count = i64::try_from(ready.len()).unwrap_or(i64::MAX);
        Ok(Returned { result: Ok(count), out: Out { ready, ..Out::default() } })
    }

    fn collect(&mut self, watched: &mut [Watched], most: usize) -> Result<Vec<EpollEvent>, Errno> {
        let mut ready = Vec::new();
        for watched in watched.iter_mut().filter(|watched| !watched.spent) {
            if ready.len() == most {
                break;
            }
            let news = self.socket(watched.fd)?.news;
            let asked = i64::from(watched.event.events);
            let edge = asked & EPOLLET != 0;
            if edge && watched.reported == Some(news) {
                continue;
            }
            let told = self.readiness(watched.fd)? & (asked | ALWAYS);
            watched.reported = Some(news);
            if told != 0 {
                watched.spent = asked & EPOLLONESHOT != 0;
                let events = u32::try_from(told).unwrap_or_default();
                ready.push(EpollEvent { events, data: watched.event.data });
            }
        }
        Ok(ready)
    }

    /// What poll(2) says of a socket.
    fn readiness(&mut self, fd: Fd) -> Result<i64, Errno> {
        let socket = self.socket(fd)?;
        let error = if socket.error.is_some() { POLLERR } else { 0 };
        Ok(error
            | match &socket.stage {
                // It takes what the SYN will carry.
                _ if socket.deferred.is_some() => POLLOUT | POLLWRNORM,
                Stage::Fresh(_) | Stage::Over(_) => closed(socket),
                Stage::Listening(id) => {
                    let id = *id;
                    let waits = self.machine.host().tcp_list_listeners();
                    let waits = waits.iter().any(|listener| listener.id == id && listener.waiting > 0);
                    if waits { POLLIN | POLLRDNORM } else { 0 }
                }
                Stage::Open(id) => {
                    let id = *id;
                    self.stream_readiness(fd, id)?
                }
                Stage::Datagram(id) => {
                    let host = self.machine.host();
                    let readable = host.udp_peek(*id).is_some() || socket.shut_read;
                    let read = if readable { POLLIN | POLLRDNORM } else { 0 };
                    let write = if host.udp_has_room(*id) { POLLOUT | POLLWRNORM | POLLWRBAND } else { 0 };
                    read | write
                }
            })
    }

    fn stream_readiness(&mut self, fd: Fd, id: ConnectionId) -> Result<i64, Errno> {
        let state = self.machine.host().tcp_state(id);
        let readiness = self.machine.call(|host, _| host.tcp_readiness(id));
        let room = self.send_room(self.socket(fd)?, id).is_writable();
        let socket = self.socket_mut(fd)?;
        socket.memory.full |= !room;
        let socket = self.socket(fd)?;
        if state == State::Closed {
            return Ok(
                closed(socket) | if readiness.is_some_and(|r| r.readable) { POLLIN | POLLRDNORM } else { 0 }
            );
        }
        if state == State::SynSent {
            return Ok(0);
        }
        let readiness = readiness.unwrap_or_default();
        let (read_over, write_over) = (socket.shut_read || readiness.read_closed, socket.shut_write);
        let mut told = 0;
        if read_over && write_over {
            told |= POLLHUP;
        }
        if read_over {
            told |= POLLIN | POLLRDNORM | POLLRDHUP;
        }
        if readiness.readable {
            told |= POLLIN | POLLRDNORM;
        }
        if room || write_over {
            told |= POLLOUT | POLLWRNORM;
        }
        Ok(told)
    }
}

/// No connection: whoever reads or writes is told so at once.
fn closed(socket: &Socket) -> i64 {
    let read = if socket.shut_read { POLLIN | POLLRDNORM | POLLRDHUP } else { 0 };
    POLLHUP | POLLOUT | POLLWRNORM | read
}
