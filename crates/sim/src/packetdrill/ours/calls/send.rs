//! write, writev, send, sendto, sendmsg.

use super::{Answer, Attempt, Stop, refuse};
use crate::packetdrill::linux::{
    EAGAIN, EFAULT, EPIPE, MSG_DONTWAIT, MSG_EOR, MSG_FASTOPEN, MSG_MORE, MSG_NOSIGNAL, MSG_OOB,
};
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::memory::SendMemory;
use crate::packetdrill::ours::socket::Stage;
use crate::packetdrill::subject::{Fd, Recipient, Returned};
use stack::ConnectionId;
use tcp::{SendError, SendFlags, State};

/// Flags that are heeded, or change nothing.
const KNOWN: i64 = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_OOB | MSG_MORE | MSG_FASTOPEN | MSG_EOR;
/// Octets that one call may hand over.
const MOST: usize = 64 << 20;

impl Kernel {
    pub(super) fn write(
        &mut self,
        fd: Fd,
        buffers: Option<&[Vec<u8>]>,
        flags: i32,
        to: Recipient,
        attempt: &mut Attempt,
    ) -> Answer {
        let flags = i64::from(flags);
        if flags & !KNOWN != 0 {
            return Err(refuse(format!("send flags {:#x}", flags & !KNOWN)));
        }
        if buffers.is_some_and(|buffers| buffers.iter().map(Vec::len).sum::<usize>() > MOST) {
            return Err(refuse(format!("more than {MOST} octets in one call")));
        }
        let socket = self.socket(fd)?;
        let wait = !socket.nonblocking && flags & MSG_DONTWAIT == 0;
        let until = socket.options.send_timeout.map(|timeout| attempt.began + timeout);
        let answer = match socket.udp() {
            Some(udp) => self.write_udp(fd, udp, buffers, flags, to),
            None if flags & MSG_FASTOPEN != 0 || socket.deferred.is_some() || attempt.early => {
                attempt.early = true;
                self.write_early(fd, buffers, flags, to, wait, attempt)
            }
            None => self.write_tcp(fd, buffers, flags, attempt),
        };
        match answer {
            Err(Stop::Errno(EAGAIN)) if wait => {
                let over = until.is_some_and(|until| until <= self.machine.now());
                match attempt.moved {
                    0 if over => Err(EAGAIN.into()),
                    moved if over => Ok(count(moved)),
                    _ => Err(Stop::Wait(until)),
                }
            }
            Err(Stop::Errno(_)) if attempt.moved > 0 => Ok(count(attempt.moved)),
            answer => answer,
        }
    }

    fn write_tcp(
        &mut self,
        fd: Fd,
        buffers: Option<&[Vec<u8>]>,
        flags: i64,
        attempt: &mut Attempt,
    ) -> Answer {
        let socket = self.socket_mut(fd)?;
        let Stage::Open(id) = socket.stage else {
            return Err(socket.take_error().unwrap_or(EPIPE).into());
        };
        if let Some(error) = socket.take_error() {
            return Err(error.into());
        }
        if socket.shut_write {
            return Err(EPIPE.into());
        }
        let accepted = socket.connected;
        match self.machine.host().tcp_state(id) {
            // What was accepted before its handshake is complete may be answered.
            State::SynReceived if accepted => {}
            State::SynSent | State::SynReceived => return Err(EAGAIN.into()),
            State::Established | State::CloseWait => {}
            _ => return Err(EPIPE.into()),
        }
        let data = buffers.ok_or(EFAULT)?.concat();
        self.write_octets(fd, id, &data, flags, attempt)
    }

    pub(super) fn write_octets(
        &mut self,
        fd: Fd,
        id: ConnectionId,
        data: &[u8],
        flags: i64,
        attempt: &mut Attempt,
    ) -> Answer {
        let record = flags & MSG_EOR != 0;
        let flags =
            SendFlags { urgent: flags & MSG_OOB != 0, more: flags & MSG_MORE != 0, ..SendFlags::default() };
        // Whoever was told that it is full waits until told otherwise.
        if attempt.again && self.socket(fd)?.memory.full {
            return Err(EAGAIN.into());
        }
        while let Some(rest) = data.get(attempt.moved..).filter(|rest| !rest.is_empty()) {
            let socket = self.socket(fd)?;
            let (room, memory) = (self.send_room(socket, id), socket.memory);
            let next = room.next(memory).min(rest.len());
            let flags = SendFlags { end_of_record: record && next == rest.len(), ..flags };
            let Some(rest) = rest.get(..next).filter(|rest| !rest.is_empty()) else {
                self.socket_mut(fd)?.memory.full = true;
                self.let_stack_wait(id, true);
                return Err(EAGAIN.into());
            };
            let taken = self.machine.call(|host, now| host.tcp_send_slice(now, id, rest, flags));
            match taken {
                Ok(taken) => {
                    attempt.moved += taken;
                    let after = room.after(memory, taken);
                    // What follows a record begins a chunk.
                    let tail = if flags.end_of_record { 0 } else { after.tail };
                    self.socket_mut(fd)?.memory = SendMemory { tail, ..after };
                }
                Err(SendError::Full) => return Err(EAGAIN.into()),
                Err(SendError::Closing) => return Err(EPIPE.into()),
                Err(SendError::Closed(_)) => {
                    self.spread_events();
                    return Err(self.socket_mut(fd)?.take_error().unwrap_or(EPIPE).into());
                }
                Err(why) => return Err(refuse(format!("SEND failed: {why}"))),
            }
        }
        Ok(count(attempt.moved))
    }
}

fn count(octets: usize) -> Returned {
    Returned::value(i64::try_from(octets).unwrap_or(i64::MAX))
}
