//! A datagram leaves: whither, whence, how large (RFC 768, RFC 1122 §4.1.3–4, RFC 8085 §3.2).

use super::receive::{end, scoped};
use super::socket::count;
use super::{Udp, UdpDatagram, UdpError, UdpId, UdpOptions, UdpSend};
use crate::{Cast, Datagram, InterfaceId, Ip, Route, SendFailure};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::num::NonZeroU16;
use env::Instant;
use wire::{Head, Payload, Protocol, ipv4, ipv6, udp};

/// Everything that is decided before the first octet is written.
struct Plan {
    to: SocketAddr,
    port: u16,
    cast: Cast,
    route: Route,
    interface: Option<InterfaceId>,
    ttl: u8,
    /// To a group, and with a TTL of 0: for this host's sockets only.
    stays: bool,
}

impl Udp {
    /// Sends a datagram or a train.
    pub(crate) fn send(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        id: UdpId,
        send: UdpSend,
    ) -> Result<(), UdpError> {
        let socket = self.get(id).ok_or(UdpError::NoSocket)?;
        let to = send.to.or(socket.peer).ok_or(UdpError::NoDestination)?;
        self.check_destination(id, to)?;
        if socket.claimed.is_none() {
            self.claim_dynamic(ip, id)?; // RFC 768 768-2: the source port is never 0, so that a reply finds its way.
        }
        let plan = self.plan(ip, id, &send, to)?;
        let options = self.get(id).ok_or(UdpError::NoSocket)?.options.clone();
        let ip_options = send.ip_options.or(options.ip_options).filter(|_| to.is_ipv4());
        let headers = headers(to, ip_options);
        let most = match to {
            SocketAddr::V4(_) => ipv4::MAX_PACKET_LEN - headers,
            SocketAddr::V6(_) => usize::from(u16::MAX) - udp::HEADER_LEN,
        };
        if send.data.len() > most {
            return Err(UdpError::TooLong);
        }
        let size = send.segment_size.filter(|size| usize::from(size.get()) < send.data.len());
        let one = size.map_or(send.data.len(), |size| usize::from(size.get()));
        let fits = headers + one <= usize::from(plan.route.path_mtu);
        // RFC 8085 §3.2, 8085-3
        if options.dont_fragment && !fits {
            return Err(UdpError::TooBig { mtu: plan.route.path_mtu });
        }
        let sent = match size {
            _ if plan.stays => Ok(()),
            // A train whose datagrams need fragmenting is no train any more. It is let in as a whole all the same: if
            // some of it had left when the queue is full, the user would send that twice.
            Some(size) if !fits => ip.admit(&plan.route).and_then(|()| {
                let step = usize::from(size.get());
                (0..send.data.len()).step_by(step).try_for_each(|at| {
                    let part = send.data.slice(at..at.saturating_add(step));
                    let datagram = datagram(&plan, &options, &send, part, None)?;
                    ip.send_admitted(now, datagram, &plan.route)
                })
            }),
            size => datagram(&plan, &options, &send, send.data.clone(), size)
                .and_then(|datagram| ip.send_by(now, datagram, &plan.route)),
        };
        if sent == Err(SendFailure::QueueFull) {
            self.block(id);
        }
        sent?;
        let datagrams = count(send.data.len(), size);
        if let Some(socket) = self.get_mut(id) {
            socket.counters.sent += datagrams;
        }
        ip.counters.udp_out_datagrams += datagrams;
        if send.to.is_some() {
            self.recent.note(plan.port, end(to)); // What goes to the peer needs no such proof.
        }
        if plan.cast == Cast::Broadcast || (plan.cast == Cast::Multicast && options.multicast_loop) {
            self.loop_back(ip, now, &plan, &options, &send, size);
        }
        Ok(())
    }

    /// Has the user told when there is room again.
    fn block(&mut self, id: UdpId) {
        let Some(socket) = self.get_mut(id) else { return };
        if !core::mem::replace(&mut socket.blocked, true) {
            self.blocked.push(id.index);
        }
    }

    /// Whether anything can be sent from this socket to `to`.
    pub(super) fn check_destination(&self, id: UdpId, to: SocketAddr) -> Result<(), UdpError> {
        let socket = self.get(id).ok_or(UdpError::NoSocket)?;
        let version = socket.bound.is_none_or(|bound| bound.is_ipv4() == to.is_ipv4());
        if to.port() == 0 || to.ip().is_unspecified() || !version {
            return Err(UdpError::BadDestination);
        }
        Ok(())
    }

    fn plan(&self, ip: &Ip, id: UdpId, send: &UdpSend, to: SocketAddr) -> Result<Plan, UdpError> {
        let socket = self.get(id).ok_or(UdpError::NoSocket)?;
        let multicast = to.ip().is_multicast();
        let interface =
            (send.interface.or(scope(to))).or(socket.options.multicast_interface.filter(|_| multicast));
        // A group or broadcast address that a socket is bound to is no source (RFC 1122 §4.1.3.6, 1122U-14).
        let own = socket.chosen.or(socket.bound).filter(|&address| ip.is_local(address));
        // RFC 1122 §4.1.3.5, 1122U-11: the source asked for, if it is ours, or the route's.
        let route = match send.from {
            // RFC 2131 §4.1: who asks for an address has none yet.
            Some(nobody @ IpAddr::V4(Ipv4Addr::UNSPECIFIED)) if to.ip() == Ipv4Addr::BROADCAST => {
                ip.route_from_nobody(nobody, to.ip(), interface)?
            }
            from => ip.route(to.ip(), from.or(own), interface)?,
        };
        let cast = match to.ip() {
            _ if multicast => Cast::Multicast,
            address if !route.local && ip.is_broadcast(Some(route.interface), address) => Cast::Broadcast,
            _ => Cast::Unicast,
        };
        if cast == Cast::Broadcast && !socket.options.broadcast {
            return Err(UdpError::Broadcast);
        }
        let usual = match cast {
            Cast::Multicast => Some(socket.options.multicast_ttl),
            _ => socket.options.ttl,
        };
        let ttl = send.ttl.or(usual).unwrap_or(ip.config.hop_limit);
        let stays = multicast && ttl == 0;
        Ok(Plan { to, port: socket.port(), cast, route, interface, ttl: ttl.max(1), stays })
    }

    /// What goes to a group, or to everybody, goes to our own sockets too.
    fn loop_back(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        plan: &Plan,
        options: &UdpOptions,
        send: &UdpSend,
        segment_size: Option<NonZeroU16>,
    ) {
        let interface = plan.route.interface;
        let datagram = UdpDatagram {
            from: scoped((plan.route.src, plan.port), interface),
            to: scoped(end(plan.to), interface),
            ttl: plan.ttl,
            dscp: send.dscp.unwrap_or(options.dscp) & 0x3f,
            ecn: send.ecn.unwrap_or(options.ecn),
            interface,
            arrived: now,
            ip_options: None,
            data: send.data.clone().compact(),
            segment_size,
        };
        // That nobody here wanted it is no loss: it was for the others.
        let _nobody = self.spread(ip, datagram, plan.cast, true);
    }
}

/// The IP layer's datagram of `body`.
fn datagram(
    plan: &Plan,
    options: &UdpOptions,
    send: &UdpSend,
    body: Payload,
    segment_size: Option<NonZeroU16>,
) -> Result<Datagram, SendFailure> {
    // RFC 768 768-1: ports and length; the sum comes with the addresses, on the way out.
    let mut head = Head::new();
    let repr = udp::Repr { src_port: plan.port, dst_port: plan.to.port() };
    repr.prepend_to(&mut head, body.len()).map_err(|_| SendFailure::TooLong)?;
    let summed = match plan.to {
        SocketAddr::V4(_) => options.checksum, // RFC 1122 1122U-6, 1122U-7
        SocketAddr::V6(_) => !options.zero_checksum_v6, // RFC 6935 6935-1, 6935-3
    };
    // RFC 1122 §4.1.4, 1122U-3, 1122U-16: each of these is the socket's, or this datagram's own.
    Ok(Datagram {
        interface: plan.interface,
        ttl: plan.ttl,
        dscp: send.dscp.unwrap_or(options.dscp) & 0x3f,
        ecn: send.ecn.unwrap_or(options.ecn),
        dont_fragment: options.dont_fragment,
        options: send.ip_options.or(options.ip_options).filter(|_| plan.to.is_ipv4()),
        head,
        body,
        segment_size,
        checksum_at: summed.then_some(udp::CHECKSUM_OFFSET),
        ..Datagram::new(plan.route.src, plan.to.ip(), Protocol::UDP)
    })
}

/// Octets of the headers before the data.
fn headers(to: SocketAddr, ip_options: Option<ipv4::Options>) -> usize {
    let ip = match to {
        SocketAddr::V4(_) => ipv4::HEADER_LEN + ip_options.map_or(0, |options| options.as_slice().len()),
        SocketAddr::V6(_) => ipv6::HEADER_LEN,
    };
    ip + udp::HEADER_LEN
}

/// The interface that an address names.
pub(super) fn scope(address: SocketAddr) -> Option<InterfaceId> {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(InterfaceId::new(v6.scope_id())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cidr, Host, HostConfig, InterfaceConfig, Medium, UdpBind};
    use alloc::vec;
    use env::Machine;

    const NOW: Instant = Instant::from_secs(1);

    #[test]
    fn a_train_that_has_to_be_fragmented_leaves_whole_or_not_at_all_however_full_the_queue_is() {
        const DATAGRAMS: usize = 8;
        for (to, address) in [("10.0.0.2:9", "10.0.0.1/24"), ("[fd00::2]:9", "fd00::1/64")] {
            for waiting in 56..70 {
                let config = HostConfig { queue: 64, ..HostConfig::default() };
                let mut host = Host::new(config, [7; 32]).unwrap();
                let wire = InterfaceConfig::new("net", Medium::Ip).address(address.parse::<Cidr>().unwrap());
                host.add_interface(NOW, wire).unwrap();
                while host.poll_transmit(NOW).is_some() {}
                let id = host.udp_bind(UdpBind::default()).unwrap();
                let to = to.parse().unwrap();
                let taken = (0..waiting).filter(|_| host.udp_send(NOW, id, UdpSend::to(b"x", to)).is_ok());
                let before = taken.count();
                let segment_size = NonZeroU16::new(2000);
                let train = UdpSend { segment_size, ..UdpSend::to(vec![1; DATAGRAMS * 2000], to) };
                let sent = host.udp_send(NOW, id, train);
                let frames = core::iter::from_fn(|| host.poll_transmit(NOW)).count();
                let (expected, whole) =
                    if before < 64 { (Ok(()), 2 * DATAGRAMS) } else { (Err(UdpError::Full), 0) };
                assert_eq!((sent, frames - before), (expected, whole), "{waiting} waiting, to {to}");
            }
        }
    }
}
