//! shutdown and close.

use super::{Answer, done};
use crate::packetdrill::linux::{EBADF, EINVAL, ENOTCONN};
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::socket::{Descriptor, Stage};
use crate::packetdrill::subject::Fd;
use tcp::State;

impl Kernel {
    pub(super) fn shutdown(&mut self, fd: Fd, how: i32) -> Answer {
        if !(0..=2).contains(&how) {
            return Err(EINVAL.into());
        }
        let (read, write) = (how != 1, how != 0);
        let socket = self.socket_mut(fd)?;
        match socket.stage {
            Stage::Fresh(_) | Stage::Over(_) => Err(ENOTCONN.into()),
            Stage::Datagram(_) if !socket.connected => Err(ENOTCONN.into()),
            Stage::Datagram(_) => {
                socket.shut_read |= read;
                socket.shut_write |= write;
                done()
            }
            // What listens hears nobody any more.
            Stage::Listening(id) if read => {
                socket.stage = Stage::Fresh(None);
                self.machine.call(|host, now| host.tcp_unlisten(now, id));
                done()
            }
            Stage::Listening(_) => done(),
            Stage::Open(id) => {
                let state = self.machine.host().tcp_state(id);
                let socket = self.socket_mut(fd)?;
                if state == State::Closed {
                    return Err(ENOTCONN.into());
                }
                socket.shut_read |= read;
                socket.shut_write |= write;
                socket.news += 1;
                if state == State::SynSent {
                    self.machine.call(|host, now| host.tcp_abort(now, id));
                    self.let_go(fd)?;
                } else if write {
                    // A second time it is closed already, and that is no error.
                    let _closed_before = self.machine.call(|host, now| host.tcp_close(now, id));
                }
                done()
            }
        }
    }

    pub(super) fn close(&mut self, fd: Fd) -> Answer {
        let Descriptor::Socket(socket) = self.table.close(fd).ok_or(EBADF)? else { return done() };
        self.machine.call(|host, now| match socket.stage {
            Stage::Fresh(Some(bound)) | Stage::Over(Some(bound)) => host.tcp_unbind(bound),
            Stage::Fresh(None) | Stage::Over(None) => {}
            Stage::Listening(id) => host.tcp_unlisten(now, id),
            Stage::Open(id) => host.tcp_release(now, id),
            Stage::Datagram(id) => {
                host.udp_close(now, id);
            }
        });
        done()
    }
}
