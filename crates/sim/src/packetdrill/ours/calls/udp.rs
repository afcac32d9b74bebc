//! UDP: what is read and written a datagram at a time.

use super::{Answer, refuse};
use crate::packetdrill::linux::{
    EAGAIN, EDESTADDRREQ, EFAULT, EPIPE, MSG_MORE, MSG_OOB, MSG_PEEK, MSG_TRUNC,
};
use crate::packetdrill::ours::socket::plain;
use crate::packetdrill::ours::{Kernel, errno};
use crate::packetdrill::subject::{Fd, Out, Recipient, Returned};
use stack::{UdpId, UdpSend};
use wire::Payload;

impl Kernel {
    pub(super) fn read_udp(&mut self, fd: Fd, id: UdpId, room: Option<usize>, flags: i64) -> Answer {
        if flags & MSG_OOB != 0 {
            return Err(refuse("MSG_OOB on a datagram"));
        }
        if let Some(error) = self.socket_mut(fd)?.take_error() {
            return Err(error.into());
        }
        let datagram = match flags & MSG_PEEK != 0 {
            true => self.machine.host().udp_peek(id).cloned(),
            false => self.machine.call(|host, _| host.udp_receive(id)),
        };
        let Some(datagram) = datagram else {
            let shut = self.socket(fd)?.shut_read;
            return if shut { Ok(Returned::value(0)) } else { Err(EAGAIN.into()) };
        };
        let room = room.ok_or(EFAULT)?;
        let mut data = datagram.data.to_vec();
        let whole = data.len();
        data.truncate(room);
        let cut = whole > data.len();
        let count = if flags & MSG_TRUNC != 0 { whole } else { data.len() };
        let address = Some(self.socket(fd)?.shown(datagram.from));
        let flags = if cut { MSG_TRUNC as i32 } else { 0 };
        let out = Out { data, address, flags, ..Out::default() };
        Ok(Returned { result: Ok(i64::try_from(count).unwrap_or(i64::MAX)), out })
    }

    pub(super) fn write_udp(
        &mut self,
        fd: Fd,
        id: UdpId,
        buffers: Option<&[Vec<u8>]>,
        flags: i64,
        to: Recipient,
    ) -> Answer {
        if flags & (MSG_MORE | MSG_OOB) != 0 {
            return Err(refuse("MSG_MORE or MSG_OOB on a datagram"));
        }
        let socket = self.socket_mut(fd)?;
        if socket.shut_write {
            return Err(EPIPE.into());
        }
        if let Some(error) = socket.take_error() {
            return Err(error.into());
        }
        let connected = socket.connected;
        let to = match to {
            Recipient::Address(to) => Some(plain(to)),
            Recipient::Other(to) => Some(plain(to)).filter(|_| !connected),
            // It goes where the socket is connected to.
            Recipient::Unspecified | Recipient::Unsaid => None,
        };
        if to.is_none() && !connected {
            return Err(EDESTADDRREQ.into());
        }
        let data = buffers.ok_or(EFAULT)?.concat();
        let count = data.len();
        let send = UdpSend { to, ..UdpSend::new(Payload::copy_of(&data)) };
        self.machine.call(|host, now| host.udp_send(now, id, send)).map_err(errno::udp)?;
        Ok(Returned::value(i64::try_from(count).unwrap_or(i64::MAX)))
    }
}
