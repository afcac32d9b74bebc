//! read, recv, recvfrom, recvmsg.

use super::{Answer, Attempt, Stop, refuse};
use crate::packetdrill::linux::{
    EAGAIN, EFAULT, EINVAL, ENOTCONN, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_NOSIGNAL, MSG_OOB, MSG_PEEK, MSG_TRUNC,
    MSG_WAITALL, SOL_TCP, TCP_CM_INQ,
};
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::socket::Stage;
use crate::packetdrill::subject::{ControlMessage, Errno, Fd, Out, Returned};
use stack::ConnectionId;
use tcp::{ReceiveError, State};

/// Flags that change nothing, or are heeded.
const KNOWN: i64 = MSG_DONTWAIT | MSG_PEEK | MSG_WAITALL | MSG_NOSIGNAL | MSG_ERRQUEUE | MSG_OOB | MSG_TRUNC;
/// Octets that one call may ask for.
const MOST: usize = 64 << 20;

impl Kernel {
    pub(super) fn read(
        &mut self,
        fd: Fd,
        buffers: Option<&[usize]>,
        flags: i32,
        attempt: &mut Attempt,
    ) -> Answer {
        let flags = i64::from(flags);
        if flags & !KNOWN != 0 {
            return Err(refuse(format!("receive flags {:#x}", flags & !KNOWN)));
        }
        let room = buffers.map(|buffers| buffers.iter().sum::<usize>().min(MOST));
        let socket = self.socket(fd)?;
        let wait = !socket.nonblocking && flags & MSG_DONTWAIT == 0;
        let until = socket.options.receive_timeout.map(|timeout| attempt.began + timeout);
        let answer = if flags & MSG_ERRQUEUE != 0 {
            // Notes on what was sent are Linux's own; errors that ICMP told are at SO_ERROR.
            Err(Stop::Errno(EAGAIN))
        } else if let Some(udp) = socket.udp() {
            self.read_udp(fd, udp, room, flags)
        } else {
            self.read_tcp(fd, room, flags, attempt)
        };
        match answer {
            Err(Stop::Errno(EAGAIN)) if wait && flags & MSG_ERRQUEUE == 0 => {
                if until.is_some_and(|until| until <= self.machine.now()) {
                    return Err(EAGAIN.into());
                }
                Err(Stop::Wait(until))
            }
            answer => answer,
        }
    }

    fn read_tcp(&mut self, fd: Fd, room: Option<usize>, flags: i64, attempt: &mut Attempt) -> Answer {
        if flags & MSG_OOB != 0 {
            return Err(refuse("urgent data beside the stream: it is read in line (RFC 6093)"));
        }
        let socket = self.socket(fd)?;
        let id = match socket.stage {
            Stage::Open(id) => id,
            // Its SYN will go with what is written.
            _ if socket.deferred.is_some() => return Err(EAGAIN.into()),
            Stage::Over(_) if socket.shut_read => {
                return match self.socket_mut(fd)?.take_error() {
                    Some(error) => Err(error.into()),
                    None => Ok(Returned::value(0)),
                };
            }
            _ => return Err(ENOTCONN.into()),
        };
        let all = flags & MSG_WAITALL != 0 && flags & MSG_PEEK == 0 && !socket.nonblocking;
        let wanted = room.unwrap_or(MOST);
        let left = wanted - attempt.data.len().min(wanted);
        // Nothing is taken for nowhere.
        let peek = flags & MSG_PEEK != 0 || room.is_none();
        let (data, end) = self.take_octets(id, left, peek);
        if room.is_none() && !data.is_empty() {
            return Err(EFAULT.into());
        }
        if data.is_empty() && attempt.data.is_empty() && wanted > 0 {
            return self.nothing_to_read(fd, id, end);
        }
        attempt.data.extend(data);
        if all && attempt.data.len() < wanted && end == Some(ReceiveError::Empty) {
            return Err(EAGAIN.into());
        }
        let data = std::mem::take(&mut attempt.data);
        let mut out = Out { data, ..Out::default() };
        if self.socket(fd)?.options.tell_queue {
            out.control.push(self.queue_note(fd, id)?);
        }
        let count = i64::try_from(out.data.len()).unwrap_or(i64::MAX);
        if flags & MSG_TRUNC != 0 {
            out.data.clear();
        }
        Ok(Returned { result: Ok(count), out })
    }

    /// Takes up to `most` octets, or copies them, and what stood in the way of more.
    fn take_octets(&mut self, id: ConnectionId, most: usize, peek: bool) -> (Vec<u8>, Option<ReceiveError>) {
        let readable = self.machine.host().tcp_status(id).map_or(0, |status| status.readable);
        let mut data = vec![0; most.min(readable.max(1))];
        let answer = self.machine.call(|host, now| match peek {
            true => host.tcp_peek_into(id, &mut data),
            false => host.tcp_receive_into(now, id, &mut data),
        });
        match answer {
            Ok(count) => {
                data.truncate(count);
                let more = self.machine.host().tcp_status(id).is_some_and(|status| {
                    status.readable == 0 && !matches!(status.state, Some(State::Closed | State::TimeWait))
                });
                (data, more.then_some(ReceiveError::Empty))
            }
            Err(why) => (Vec::new(), Some(why)),
        }
    }

    /// No octet is there: the end of the stream, an error that is told once, or something to wait for.
    fn nothing_to_read(&mut self, fd: Fd, id: ConnectionId, end: Option<ReceiveError>) -> Answer {
        let state = self.machine.host().tcp_state(id);
        let socket = self.socket_mut(fd)?;
        if socket.peer_closed {
            return Ok(Returned::value(0));
        }
        if let Some(error) = socket.take_error() {
            return Err(error.into());
        }
        let over = matches!(end, Some(ReceiveError::Finished | ReceiveError::Closed(_)));
        if over || socket.shut_read || state == State::Closed {
            return Ok(Returned::value(0));
        }
        Err(EAGAIN.into())
    }

    /// What is left to read, as TCP_INQ has it said. After the last octet the end of the stream counts as one.
    fn queue_note(&self, fd: Fd, id: ConnectionId) -> Result<ControlMessage, Errno> {
        let status = self.machine.host().tcp_status(id).ok_or(EINVAL)?;
        let left = i32::try_from(status.readable).unwrap_or(i32::MAX);
        let left = if left == 0 && self.socket(fd)?.peer_closed { 1 } else { left };
        Ok(ControlMessage {
            level: SOL_TCP as i32,
            kind: TCP_CM_INQ as i32,
            data: left.to_ne_bytes().to_vec(),
        })
    }
}
