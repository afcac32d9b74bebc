//! What users call: open, bind, connect, send, receive, join, close (RFC 768, 768-7).

use super::receive::end;
use super::send::scope;
use super::socket::Socket;
use super::table::Place;
use super::{Udp, UdpBind, UdpCounters, UdpDatagram, UdpError, UdpFault, UdpId, UdpOptions, UdpSend};
use crate::{Account, Host, Input, InterfaceId, Ip, PortError};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::ops::RangeInclusive;
use env::Instant;
use wire::{Port, ipv4, ipv6, udp};

/// What is known of the way to a destination (RFC 1122 §3.4: GET_SRCADDR, GET_MAXSIZES; 1122U-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpPath {
    /// The address of ours that would be the source.
    pub source: IpAddr,
    /// Octets of an IP packet that the path takes, as far as is known.
    pub mtu: u16,
    /// Octets of data that fit into a datagram that is not fragmented.
    pub unfragmented: u16,
    /// Octets of data that fit into a datagram at all.
    pub most: u16,
}

impl Udp {
    fn open(&mut self, ip: &mut Ip, bound: Option<IpAddr>) -> Result<UdpId, UdpError> {
        let index = u32::try_from(self.sockets.vacant_key()).map_err(|_| UdpError::NoMemory)?;
        ip.budget.charge(Account::Udp, Socket::COST).map_err(|_| UdpError::NoMemory)?;
        let generation = self.next_generation;
        self.next_generation = self.next_generation.wrapping_add(1);
        self.sockets.insert(Socket::new(generation, bound));
        Ok(UdpId { index, generation })
    }

    fn bind(&mut self, ip: &mut Ip, bind: UdpBind) -> Result<UdpId, UdpError> {
        if let Some(address) = bind.address {
            let ours = ip.is_local(address) || address.is_unspecified();
            if !(ours || address.is_multicast() || ip.is_broadcast(None, address)) {
                return Err(UdpError::NotOurs); // RFC 1122 §4.1.3.6, 1122U-14
            }
        }
        let claimed = match Port::new(bind.port) {
            Some(port) => self.ports.bind(bind.address, port, bind.reuse),
            None => self.ports.bind_any(&mut ip.rng, bind.address, bind.reuse),
        }?;
        let id = match self.open(ip, bind.address) {
            Ok(id) => id,
            Err(why) => {
                self.ports.release(claimed);
                return Err(why);
            }
        };
        if let Some(socket) = self.get_mut(id) {
            socket.claimed = Some(claimed);
        }
        self.settle(id);
        Ok(id)
    }

    /// Gives a socket without a port a dynamic one of its own.
    pub(super) fn claim_dynamic(&mut self, ip: &mut Ip, id: UdpId) -> Result<(), UdpError> {
        let bound = self.get(id).ok_or(UdpError::NoSocket)?.bound;
        let claimed = self.ports.bind_any(&mut ip.rng, bound, false)?;
        if let Some(socket) = self.get_mut(id) {
            socket.claimed = Some(claimed);
        }
        self.settle(id);
        Ok(())
    }

    fn connect(&mut self, ip: &mut Ip, id: UdpId, remote: SocketAddr) -> Result<(), UdpError> {
        self.check_destination(id, remote)?;
        self.disconnect(id)?;
        let socket = self.get(id).ok_or(UdpError::NoSocket)?;
        let (bound, claimed) = (socket.bound, socket.claimed);
        let own = bound.filter(|address| !address.is_unspecified());
        let local = match own {
            Some(group) if !ip.is_local(group) => group,
            own => ip.route(remote.ip(), own, scope(remote))?.src,
        };
        let chosen = match claimed {
            Some(_) => None,
            None => {
                let table = &self.table;
                let taken = |port: Port| {
                    !table.at(Place::Connected { local: (local, port.get()), remote: end(remote) }).is_empty()
                };
                let port = self.ports.choose(&mut ip.rng, local, remote, taken)?;
                Some(self.ports.connect(local, port))
            }
        };
        if let Some(socket) = self.get_mut(id) {
            socket.port_of_connection = chosen.is_some();
            socket.claimed = socket.claimed.or(chosen);
            (socket.chosen, socket.peer) = (Some(local), Some(remote));
        }
        self.settle(id);
        Ok(())
    }

    fn disconnect(&mut self, id: UdpId) -> Result<(), UdpError> {
        let socket = self.get_mut(id).ok_or(UdpError::NoSocket)?;
        (socket.chosen, socket.peer) = (None, None);
        if core::mem::take(&mut socket.port_of_connection)
            && let Some(claimed) = socket.claimed.take()
        {
            self.ports.release(claimed);
        }
        self.settle(id);
        Ok(())
    }

    /// Moves a socket to the place that its ends say.
    fn settle(&mut self, id: UdpId) {
        let Some(socket) = self.get_mut(id) else { return };
        let port = socket.port();
        let place = match (socket.claimed, socket.chosen, socket.peer) {
            (None, ..) => None,
            (Some(_), Some(local), Some(peer)) => {
                Some(Place::Connected { local: (local, port), remote: end(peer) })
            }
            _ => Some(Place::Bound { address: socket.bound, port }),
        };
        let before = core::mem::replace(&mut socket.place, place);
        if let Some(before) = before {
            self.table.remove(before, id.index);
        }
        if let Some(place) = place {
            self.table.insert(place, id.index);
        }
    }

    /// Closes a socket; gives the groups it was in.
    fn close(&mut self, ip: &mut Ip, id: UdpId) -> Vec<(InterfaceId, IpAddr)> {
        if self.get(id).is_none() {
            return Vec::new();
        }
        let mut socket = self.sockets.remove(id.index as usize);
        if let Some(place) = socket.place {
            self.table.remove(place, id.index);
        }
        if let Some(claimed) = socket.claimed {
            self.ports.release(claimed);
        }
        if socket.news != 0 {
            self.ready.retain(|&index| index != id.index);
        }
        if socket.blocked {
            self.blocked.retain(|&index| index != id.index);
        }
        socket.clear(&mut ip.budget);
        ip.budget.release(Account::Udp, Socket::COST);
        socket.groups
    }
}

/// UDP.
impl Host {
    /// Opens a socket that is bound to nothing: it gets a dynamic port when it connects or sends.
    ///
    /// # Errors
    /// [`UdpError::NoMemory`].
    pub fn udp_open(&mut self) -> Result<UdpId, UdpError> {
        self.note(|| Input::UdpOpen);
        self.udp.open(&mut self.ip, None)
    }

    /// Opens a socket and binds it.
    ///
    /// # Errors
    /// [`UdpError::NotOurs`], [`UdpError::InUse`], [`UdpError::NoPort`], [`UdpError::NoMemory`].
    pub fn udp_bind(&mut self, bind: UdpBind) -> Result<UdpId, UdpError> {
        self.note(|| Input::UdpBind(bind));
        self.udp.bind(&mut self.ip, bind)
    }

    /// From now on the socket sends to and receives from `remote` only; its local address is chosen unless it was bound.
    /// A socket without a port shares its dynamic one with sockets that are connected elsewhere.
    ///
    /// # Errors
    /// [`UdpError`]; the socket is then not connected.
    pub fn udp_connect(&mut self, id: UdpId, remote: SocketAddr) -> Result<(), UdpError> {
        self.note(|| Input::UdpConnect(id, remote));
        self.udp.connect(&mut self.ip, id, remote)
    }

    /// Ends [`udp_connect`](Self::udp_connect): the socket is again bound as it was before.
    ///
    /// # Errors
    /// [`UdpError::NoSocket`].
    pub fn udp_disconnect(&mut self, id: UdpId) -> Result<(), UdpError> {
        self.note(|| Input::UdpDisconnect(id));
        self.udp.disconnect(id)
    }

    /// Sends a datagram, or a train of them: all of it or nothing.
    ///
    /// # Errors
    /// [`UdpError`]; on [`UdpError::Full`] a [`crate::HostEvent::UdpWritable`] follows.
    pub fn udp_send(&mut self, now: Instant, id: UdpId, send: UdpSend) -> Result<(), UdpError> {
        self.note(|| Input::UdpSend(now, id, send.clone()));
        self.udp.send(&mut self.ip, now, id, send)
    }

    /// Takes the next datagram, if there is one.
    pub fn udp_receive(&mut self, id: UdpId) -> Option<UdpDatagram> {
        self.note(|| Input::UdpReceive(id));
        let budget = &mut self.ip.budget;
        self.udp.get_mut(id)?.receive(budget)
    }

    /// Takes the next datagram, and those of the same train with it.
    pub fn udp_receive_train(&mut self, id: UdpId) -> Option<UdpDatagram> {
        self.note(|| Input::UdpReceiveTrain(id));
        let budget = &mut self.ip.budget;
        self.udp.get_mut(id)?.receive_train(budget)
    }

    /// Looks at the next datagram (or train) and leaves it where it is.
    pub fn udp_peek(&self, id: UdpId) -> Option<&UdpDatagram> {
        self.udp.get(id)?.peek()
    }

    /// Takes the next ICMP error about what the socket sent (RFC 1122 §4.1.3.3), the oldest first.
    pub fn udp_take_fault(&mut self, id: UdpId) -> Option<UdpFault> {
        self.note(|| Input::UdpTakeFault(id));
        self.udp.get_mut(id)?.take_fault()
    }

    /// The ICMP errors that nobody has taken yet, the oldest first.
    pub fn udp_faults(&self, id: UdpId) -> impl Iterator<Item = &UdpFault> {
        self.udp.get(id).into_iter().flat_map(Socket::faults)
    }

    /// Whether a send may find room: the last one that found none was followed by a
    /// [`crate::HostEvent::UdpWritable`].
    pub fn udp_has_room(&self, id: UdpId) -> bool {
        self.udp.get(id).is_some_and(|socket| !socket.blocked)
    }

    /// The local end (RFC 1122 §4.1.3.5, 1122U-12); unspecified, with port 0, as long as nothing was chosen.
    pub fn udp_local(&self, id: UdpId) -> Option<SocketAddr> {
        self.udp.get(id).map(|socket| socket.local(socket.peer.map(|peer| peer.ip())))
    }

    /// The other end of a connected socket.
    pub fn udp_peer(&self, id: UdpId) -> Option<SocketAddr> {
        self.udp.get(id)?.peer
    }

    /// The socket's settings.
    pub fn udp_options(&self, id: UdpId) -> Option<&UdpOptions> {
        self.udp.get(id).map(|socket| &socket.options)
    }

    /// The socket's settings, to be changed.
    pub fn udp_options_mut(&mut self, id: UdpId) -> Option<&mut UdpOptions> {
        self.note(|| Input::UdpOptionsMut(id, UdpOptions::default())); // As they are when the caller has changed them.
        self.udp.get_mut(id).map(|socket| &mut socket.options)
    }

    /// What the socket has counted.
    pub fn udp_counters(&self, id: UdpId) -> Option<UdpCounters> {
        self.udp.get(id).map(|socket| socket.counters)
    }

    /// What is known of the way to `destination`, from `source` when that is given.
    ///
    /// # Errors
    /// [`UdpError::Unreachable`], [`UdpError::NotOurs`].
    pub fn udp_path(&self, destination: IpAddr, source: Option<IpAddr>) -> Result<UdpPath, UdpError> {
        let route = self.ip.route(destination, source, None)?;
        let ip_header = if destination.is_ipv4() { ipv4::HEADER_LEN } else { ipv6::HEADER_LEN };
        let most = match destination {
            IpAddr::V4(_) => ipv4::MAX_PACKET_LEN - ip_header - udp::HEADER_LEN,
            IpAddr::V6(_) => usize::from(u16::MAX) - udp::HEADER_LEN,
        };
        let unfragmented = usize::from(route.path_mtu).saturating_sub(ip_header + udp::HEADER_LEN);
        Ok(UdpPath {
            source: route.src,
            mtu: route.path_mtu,
            unfragmented: unfragmented.min(most) as u16,
            most: most as u16,
        })
    }

    /// The application has reason to doubt that its datagrams reach `destination` (RFC 1122 §3.4: ADVISE_DELIVPROB;
    /// 1122U-15): the next hop is probed.
    pub fn udp_delivery_problem(&mut self, now: Instant, destination: IpAddr) {
        self.note(|| Input::UdpDeliveryProblem(now, destination));
        self.ip.doubt(now, destination);
    }

    /// Joins `group` on `interface`, from any source; on the interface of the route to it when none is given.
    ///
    /// # Errors
    /// [`UdpError::NoSocket`]; [`UdpError::Group`] when it is no group, or joined already; [`UdpError::Unreachable`] when
    /// there is no interface for it.
    pub fn udp_join(
        &mut self,
        now: Instant,
        id: UdpId,
        group: IpAddr,
        interface: Option<InterfaceId>,
    ) -> Result<(), UdpError> {
        self.note(|| Input::UdpJoin(now, id, group, interface));
        let interface = self.interface_of_group(group, interface)?;
        let socket = self.udp.get_mut(id).ok_or(UdpError::NoSocket)?;
        if socket.groups.contains(&(interface, group)) {
            return Err(UdpError::Group);
        }
        socket.groups.push((interface, group));
        self.multicast.join(&mut self.ip, now, interface, group);
        Ok(())
    }

    /// Leaves `group`, joined as [`udp_join`](Self::udp_join) says.
    ///
    /// # Errors
    /// As there; [`UdpError::Group`] when the socket is not in it.
    pub fn udp_leave(
        &mut self,
        now: Instant,
        id: UdpId,
        group: IpAddr,
        interface: Option<InterfaceId>,
    ) -> Result<(), UdpError> {
        self.note(|| Input::UdpLeave(now, id, group, interface));
        let interface = self.interface_of_group(group, interface)?;
        let socket = self.udp.get_mut(id).ok_or(UdpError::NoSocket)?;
        let at =
            socket.groups.iter().position(|&joined| joined == (interface, group)).ok_or(UdpError::Group)?;
        socket.groups.swap_remove(at);
        self.multicast.leave(&mut self.ip, now, interface, group);
        Ok(())
    }

    fn interface_of_group(&self, group: IpAddr, asked: Option<InterfaceId>) -> Result<InterfaceId, UdpError> {
        if !group.is_multicast() {
            return Err(UdpError::Group);
        }
        match asked {
            Some(id) => self.ip.interface(id).map(|interface| interface.id).ok_or(UdpError::Unreachable),
            None => Ok(self.ip.route(group, None, None)?.interface),
        }
    }

    /// Closes the socket: its port is free, its groups are left, what it had not read is gone. `false` when it is no
    /// socket (any more).
    pub fn udp_close(&mut self, now: Instant, id: UdpId) -> bool {
        self.note(|| Input::UdpClose(now, id));
        let there = self.udp.get(id).is_some();
        for (interface, group) in self.udp.close(&mut self.ip, id) {
            self.multicast.leave(&mut self.ip, now, interface, group);
        }
        there
    }

    /// Sets the range that dynamic ports come from.
    ///
    /// # Errors
    /// As [`Ports::set_range`](crate::Ports::set_range).
    pub fn udp_set_port_range(&mut self, range: RangeInclusive<u16>) -> Result<(), PortError> {
        self.note(|| Input::UdpSetPortRange(range.clone()));
        self.udp.ports.set_range(range)
    }

    /// Ports that are never chosen, although they may be bound by number (RFC 6056 §3.2).
    pub fn udp_set_reserved_ports(&mut self, ports: Vec<RangeInclusive<u16>>) {
        self.note(|| Input::UdpSetReservedPorts(ports.clone()));
        self.udp.ports.set_reserved(ports);
    }
}
