//! What the host tells, brought to the sockets that it is about.

use crate::packetdrill::ours::socket::{Socket, Stage};
use crate::packetdrill::ours::{Kernel, errno};
use crate::packetdrill::subject::Errno;
use stack::{ConnectionId, HostEvent, ListenerId, UdpId};
use tcp::{ConnectionError, State};

impl Kernel {
    /// Hands out everything that the host has told.
    pub(in crate::packetdrill::ours) fn spread_events(&mut self) {
        for event in self.machine.take_events() {
            match event {
                HostEvent::TcpConnected(id) | HostEvent::TcpReadable(id) | HostEvent::TcpUrgent(id) => {
                    self.tell(of(id), |_| {})
                }
                HostEvent::TcpPeerClosed(id) => self.tell(of(id), |socket| socket.peer_closed = true),
                HostEvent::TcpSoftError(id, why) => {
                    let state = self.machine.host().tcp_state(id);
                    let opening = matches!(state, State::SynSent | State::SynReceived);
                    self.soft_error(id, opening, errno::soft(why));
                }
                HostEvent::TcpClosed(id, why) => self.connection_ended(id, why),
                HostEvent::TcpAcceptable(id) => self.tell(listens(id), |_| {}),
                HostEvent::UdpReadable(id) | HostEvent::UdpWritable(id) => self.tell(is(id), |_| {}),
                HostEvent::UdpFailed(id) => self.udp_failed(id),
                _ => {}
            }
        }
        self.tell_of_room();
    }

    /// News for a socket, and a change that comes with it.
    fn tell(&mut self, which: impl Fn(&Socket) -> bool, change: impl FnOnce(&mut Socket)) {
        if let Some(socket) = self.table.find(which) {
            socket.news += 1;
            change(socket);
        }
    }

    fn connection_ended(&mut self, id: ConnectionId, why: Option<ConnectionError>) {
        self.tell(of(id), |socket| {
            if let Some(why) = why {
                socket.error = Some(errno::ended(why, socket.peer_closed && !socket.shut_write));
            }
            (socket.shut_read, socket.shut_write) = (true, true);
        });
    }

    /// An error that the connection outlives: told at once where the user asked for that (IP_RECVERR). A connection that is
    /// still opening fails of it, as Linux has it.
    fn soft_error(&mut self, id: ConnectionId, opening: bool, error: Errno) {
        let Some(socket) = self.table.find(of(id)) else { return };
        if !opening && !socket.options.receive_errors {
            return;
        }
        socket.news += 1;
        socket.error = Some(error);
        if opening {
            socket.stage = Stage::Over(None);
            socket.connected = false;
            (socket.shut_read, socket.shut_write) = (true, true);
            self.machine.call(|host, now| {
                host.tcp_abort(now, id);
                host.tcp_release(now, id);
            });
        }
    }

    fn udp_failed(&mut self, id: UdpId) {
        let mut last = None;
        while let Some(fault) = self.machine.call(|host, _| host.udp_take_fault(id)) {
            last = Some(fault);
        }
        let Some(fault) = last else { return };
        self.tell(is(id), |socket| {
            // Without a peer of its own a socket is told only of what it asked for.
            if socket.connected || socket.options.receive_errors {
                socket.error = Some(errno::fault(fault.kind, fault.to.is_ipv6()));
            }
        });
    }
}

fn of(id: ConnectionId) -> impl Fn(&Socket) -> bool {
    move |socket| socket.connection() == Some(id)
}

fn listens(id: ListenerId) -> impl Fn(&Socket) -> bool {
    move |socket| matches!(socket.stage, Stage::Listening(listener) if listener == id)
}

fn is(id: UdpId) -> impl Fn(&Socket) -> bool {
    move |socket| socket.udp() == Some(id)
}
