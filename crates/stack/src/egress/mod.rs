//! The way out: route, fit, sum, prepend, resolve, cut, queue.
//!
//! ```text
//!   Datagram ─► route ─► fits? ──no──► cut into fragments, unless it may not be
//!                          │ yes             │
//!                          ▼                 ▼
//!                    checksum: whole, or partial where the device or the cutting of a train goes on with it
//!                          ▼
//!                    IP header ─► to ourselves? ─► the local queue, whole
//!                          ▼
//!                    link header: the neighbour's address, or wait for it       (neighbour/)
//!                          ▼
//!                    the interface takes no trains? cut ─► the out queue ─► poll_transmit
//! ```

mod identification;

pub(crate) use identification::Identifications;
use identification::Series;

use crate::ip::Outgoing;
use crate::trace::Packet;
use crate::{Datagram, Drop, InterfaceId, Ip, Medium, Route, SendFailure, Trace, fragments};
use ::tcp::Why;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use env::{Chance, Instant};
use wire::ethernet::MacAddr;
use wire::{Checksum, Frame, Head, Offload, Payload, Protocol, SegmentKind, checksum, ipv4, ipv6};

impl Ip {
    /// Sends a datagram, or a train of them. An unspecified source is chosen here.
    ///
    /// # Errors
    /// [`SendFailure`]; nothing was sent then.
    pub(crate) fn send(&mut self, now: Instant, mut datagram: Datagram) -> Result<(), SendFailure> {
        if datagram.interface.is_none()
            && !datagram.from_nobody
            && let Ok(mut way) = self.way(datagram.src, datagram.dst)
        {
            datagram.src = way.route.src;
            if datagram.protocol != Protocol::TCP {
                way.series = self.identifications.series(datagram.src, datagram.dst, datagram.protocol);
            }
            self.admit(&way.route)?;
            return self.send_on(now, datagram, &way);
        }
        let found = self.route(datagram.dst, Some(datagram.src), datagram.interface);
        let nobody = datagram.from_nobody && datagram.src.is_unspecified();
        let route = match if nobody { Err(SendFailure::NoSource) } else { found } {
            // RFC 791 791-4: only a host that has no address yet may send without one, and only to groups.
            Err(SendFailure::NoSource) if datagram.src.is_unspecified() && self.is_group(datagram.dst) => {
                self.route_from_nobody(datagram.src, datagram.dst, datagram.interface)?
            }
            other => other?,
        };
        datagram.src = route.src;
        self.send_by(now, datagram, &route)
    }

    /// The way of a packet without a source address, to a group or to everybody on one link.
    pub(crate) fn route_from_nobody(
        &self,
        nobody: IpAddr,
        dst: IpAddr,
        via: Option<InterfaceId>,
    ) -> Result<Route, SendFailure> {
        let id = via.ok_or(SendFailure::NoSource)?;
        let interface = self.interface(id).filter(|i| i.up).ok_or(SendFailure::Down)?;
        Ok(Route {
            interface: id,
            src: nobody,
            next_hop: dst,
            link_mtu: interface.mtu,
            path_mtu: interface.mtu,
            local: false,
            ahead: interface.ahead,
        })
    }

    /// Sends a datagram by a route that was looked up before.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) fn send_by(
        &mut self,
        now: Instant,
        datagram: Datagram,
        route: &Route,
    ) -> Result<(), SendFailure> {
        self.admit(route)?;
        self.send_admitted(now, datagram, route)
    }

    /// The way from `src` (or, if that is unspecified, from an address that is chosen) to `dst`, for TCP.
    pub(crate) fn way(&mut self, src: IpAddr, dst: IpAddr) -> Result<Way, SendFailure> {
        let epoch = self.epoch();
        if let Some(way) = self.ways.get(epoch, src, dst) {
            return Ok(way);
        }
        let way = {
            let route = self.route(dst, Some(src), None)?;
            self.by(route, route.src, dst, Protocol::TCP)?
        };
        self.ways.put(epoch, src, dst, way);
        Ok(way)
    }

    /// The route to `dst`, from an address that is chosen unless `src` is given; remembered as ways are.
    ///
    /// # Errors
    /// As [`Self::route`].
    pub(crate) fn route_to(&mut self, dst: IpAddr, src: Option<IpAddr>) -> Result<Route, SendFailure> {
        let any = if dst.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        self.way(src.unwrap_or(any), dst).map(|way| way.route)
    }

    fn by(&self, route: Route, src: IpAddr, dst: IpAddr, protocol: Protocol) -> Result<Way, SendFailure> {
        let interface = self.interface(route.interface).ok_or(SendFailure::Down)?;
        let device = Device {
            medium: interface.medium,
            checksum: interface.checksum,
            segmentation: interface.segmentation,
        };
        let series = self.identifications.series(src, dst, protocol);
        Ok(Way { route, device, series })
    }

    /// Whether there is room for something more by this route. What begins while there is may go on to its end: the
    /// fragments of a datagram, the packets of a train.
    ///
    /// # Errors
    /// [`SendFailure::QueueFull`].
    pub(crate) fn admit(&mut self, route: &Route) -> Result<(), SendFailure> {
        let full = if route.local {
            self.local.len() >= self.config.queue
        } else {
            self.out.len() >= self.config.queue || self.out_octets >= self.config.queue_memory
        };
        if full {
            self.counters.count(Drop::EgressQueueFull);
            return Err(SendFailure::QueueFull);
        }
        Ok(())
    }

    /// Sends a datagram by a route that has [room](Self::admit) for it.
    ///
    /// # Errors
    /// As [`Self::send`], but for a full queue.
    pub(crate) fn send_admitted(
        &mut self,
        now: Instant,
        datagram: Datagram,
        route: &Route,
    ) -> Result<(), SendFailure> {
        let way = self.by(*route, datagram.src, datagram.dst, datagram.protocol)?;
        self.send_on(now, datagram, &way)
    }

    /// Sends a datagram on a way that ends at its destination, with a series of identifications for its protocol.
    fn send_on(&mut self, now: Instant, mut datagram: Datagram, way: &Way) -> Result<(), SendFailure> {
        let Way { route, device, series } = way;
        datagram.ttl = datagram.ttl.max(1); // RFC 791 791-8
        let header = Header::of(&datagram);
        let transport = datagram.head.len() + datagram.body.len();
        if header.payload_limit() < transport {
            return Err(SendFailure::TooLong);
        }
        let train = datagram.segment_size.filter(|size| datagram.body.len() > usize::from(size.get()));
        datagram.segment_size = train;
        let in_packet = train.map_or(datagram.body.len(), |size| usize::from(size.get()));
        let fits = route.local || header.len + datagram.head.len() + in_packet <= usize::from(route.path_mtu);
        // RFC 791 791-14, 791-31; RFC 8200 8200-17
        if !fits && (datagram.dont_fragment || train.is_some()) {
            self.counters.count(Drop::TooBig);
            return Err(SendFailure::TooBig { mtu: route.path_mtu });
        }
        let partial = fits && (route.local || device.checksum || train.is_some());
        let at = fill_checksum(&mut datagram, partial)?;
        let identification = || u64::from(self.identifications.next(*series));
        let identification = self.rng.outcome(Chance::Identification, identification) as u32;
        let outgoing = Outgoing {
            interface: route.interface,
            next_hop: route.next_hop,
            frame: Frame::default(),
            why: datagram.why,
        };
        if !fits {
            let body = fragments::rope(&datagram.head, &datagram.body);
            let pieces = fragments::cut(&datagram, body, identification, header.len, route.path_mtu)?;
            self.counters.ip_out_frag_oks += 1;
            self.counters.ip_out_frag_creates += pieces.len() as u64;
            for piece in pieces {
                let frame = Frame { leaves: datagram.leaves, ..piece };
                self.resolve(now, Outgoing { frame, ..outgoing.clone() }, *device);
            }
            return Ok(());
        }
        let leaves = datagram.leaves;
        let frame = Frame { leaves, ..header.frame(datagram, identification, at)? };
        if route.local {
            let mut frame = frame;
            self.record_local(&frame);
            frame.offload.checksum = Checksum::Verified; // It never left this machine.
            frame.arrived = now;
            frame.id = self.next_frame;
            self.next_frame += 1;
            self.tell_sent(now, InterfaceId::LOOPBACK, &frame, outgoing.why);
            self.local.push_back(frame);
        } else {
            self.resolve(now, Outgoing { frame, ..outgoing }, *device);
        }
        Ok(())
    }

    /// Gives a packet its link header, or lets it wait for one.
    fn resolve(&mut self, now: Instant, outgoing: Outgoing, device: Device) {
        match device.medium {
            Medium::Ip => self.enqueue(now, outgoing, device),
            Medium::Ethernet(_) => {
                if let Some((mac, outgoing)) = self.neighbour_of(now, outgoing) {
                    self.send_to(now, mac, outgoing);
                }
            }
        }
    }

    /// Sends a packet to a station.
    pub(crate) fn send_to(&mut self, now: Instant, mac: MacAddr, mut outgoing: Outgoing) {
        let Some(interface) = self.interface(outgoing.interface) else { return };
        let Medium::Ethernet(src) = interface.medium else { return };
        let device = Device {
            medium: interface.medium,
            checksum: interface.checksum,
            segmentation: interface.segmentation,
        };
        let ethertype = if outgoing.next_hop.is_ipv4() {
            wire::ethernet::EtherType::IPV4
        } else {
            wire::ethernet::EtherType::IPV6
        };
        let header = wire::ethernet::Repr { dst: mac, src, ethertype, vlan: None };
        if header.prepend_to(&mut outgoing.frame.head).is_err() {
            return;
        }
        if let Checksum::Partial { start, .. } = &mut outgoing.frame.offload.checksum {
            *start = start.saturating_add(wire::ethernet::HEADER_LEN as u16);
        }
        self.enqueue(now, outgoing, device);
    }

    /// Queues a frame for its device, cut if the device takes no trains.
    fn enqueue(&mut self, now: Instant, outgoing: Outgoing, device: Device) {
        if outgoing.frame.offload.segment_size.is_none() || device.segmentation {
            self.push_out(outgoing);
            return;
        }
        let medium = match device.medium {
            Medium::Ip => wire::Medium::Ip,
            Medium::Ethernet(_) => wire::Medium::Ethernet,
        };
        let Outgoing { interface, next_hop, frame, why } = outgoing;
        match wire::segmentation::split(frame, medium) {
            Ok(pieces) => {
                for mut frame in pieces {
                    if !device.checksum {
                        // The train's header was written by us: a piece of it can be summed.
                        let summed = wire::segmentation::finish_checksum(&mut frame);
                        debug_assert!(summed.is_ok());
                    }
                    self.push_out(Outgoing { interface, next_hop, frame, why });
                }
            }
            Err(_) => self.drop_frame(now, Drop::TooBig, interface, 0),
        }
    }

    fn push_out(&mut self, outgoing: Outgoing) {
        self.out_octets += outgoing.frame.len();
        self.out.push_back(outgoing);
    }

    /// Queues a frame that is complete as it is: ARP.
    pub(crate) fn send_raw(&mut self, interface: InterfaceId, next_hop: IpAddr, head: Head, body: Payload) {
        if self.out.len() >= self.config.queue {
            self.counters.count(Drop::EgressQueueFull);
            return;
        }
        let frame = Frame { head, body, ..Frame::default() };
        self.push_out(Outgoing { interface, next_hop, frame, why: None });
    }

    /// Counts a frame that is handed to its device, and tells those who watch.
    pub(crate) fn sent(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        next_hop: IpAddr,
        frame: &Frame,
        why: Option<Why>,
    ) {
        let (packets, octets) = match next_hop {
            IpAddr::V4(_) => (&mut self.counters.ip_out_transmits, &mut self.counters.ip_out_octets),
            IpAddr::V6(_) => (&mut self.counters.ipv6_out_transmits, &mut self.counters.ipv6_out_octets),
        };
        *packets += match frame.offload.segment_size {
            Some(size) => frame.body.len().div_ceil(usize::from(size.get())).max(1) as u64,
            None => 1,
        };
        *octets += frame.len() as u64;
        self.tell_sent(now, interface, frame, why);
    }

    fn tell_sent(&mut self, now: Instant, interface: InterfaceId, frame: &Frame, why: Option<Why>) {
        if !self.watching() {
            return;
        }
        let ethernet = self.interface(interface).is_some_and(|i| matches!(i.medium, Medium::Ethernet(_)));
        if let Some(packet) = Packet::of_frame(frame, ethernet) {
            self.trace(Trace::Sent { at: now, frame: frame.id, interface, packet, why });
        }
    }

    /// Keeps a packet to ourselves for a capture, as it would be on a wire; a train as one packet, for loopback takes it.
    fn record_local(&mut self, frame: &Frame) {
        if !self.watching() {
            return;
        }
        let mut whole = frame.clone();
        (whole.offload.segment_size, whole.offload.segment_kind) = (None, None);
        if wire::segmentation::finish_checksum(&mut whole).is_err() {
            return; // Not a packet of ours, and those are sound.
        }
        while self.looped.len() >= self.config.trace.max(1) {
            self.looped.pop_front();
        }
        self.looped.push_back(whole.contiguous());
    }

    /// Whether packets to `address` go to a group or to everybody.
    pub(crate) fn is_group(&self, address: IpAddr) -> bool {
        address.is_multicast() || self.is_broadcast(None, address) || address == Ipv4Addr::BROADCAST
    }
}

/// How packets of one pair of addresses leave: what does not differ from one to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) route: Route,
    device: Device,
    series: Series,
}

/// What the way out needs to know of an interface.
#[derive(Clone, Copy, Debug)]
struct Device {
    medium: Medium,
    checksum: bool,
    segmentation: bool,
}

/// The IP header that a datagram is to get.
struct Header {
    v4: bool,
    len: usize,
}

impl Header {
    fn of(datagram: &Datagram) -> Self {
        let v4 = datagram.dst.is_ipv4();
        let len = if v4 {
            ipv4::HEADER_LEN + datagram.options().as_slice().len()
        } else {
            ipv6::HEADER_LEN + if datagram.router_alert { ipv6::HopByHop::LEN } else { 0 }
        };
        Self { v4, len }
    }

    /// The most that may follow it.
    fn payload_limit(&self) -> usize {
        if self.v4 {
            ipv4::MAX_PACKET_LEN - self.len
        } else {
            ipv6::MAX_PAYLOAD_LEN + ipv6::HEADER_LEN - self.len
        }
    }

    /// The packet, or train, as a frame without link header: TTL, TOS and options are the transport's (RFC 791 791-10,
    /// 791-12, 791-13, 791-22).
    fn frame(&self, datagram: Datagram, id: u32, sum_at: Option<u16>) -> Result<Frame, SendFailure> {
        let options = datagram.options();
        let Datagram { mut head, body, .. } = datagram;
        let transport = head.len();
        match (datagram.src, datagram.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let header = ipv4::Repr {
                    ttl: datagram.ttl,
                    dscp: datagram.dscp,
                    ecn: datagram.ecn,
                    identification: id as u16,
                    dont_fragment: datagram.dont_fragment,
                    options,
                    ..ipv4::Repr::new(src, dst, datagram.protocol)
                };
                header.prepend_to(&mut head, body.len()).map_err(|_| SendFailure::TooLong)?;
                // RFC 791 791-25: a source route is not sent at all; see RFC 7126 for why.
                if self.len > ipv4::HEADER_LEN
                    && ipv4::View::quoted(head.as_slice())
                        .is_ok_and(|view| view.check_options().map_or(true, |seen| seen.source_route))
                {
                    return Err(SendFailure::Options);
                }
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let mut next_header = datagram.protocol;
                if datagram.router_alert {
                    let alert = ipv6::HopByHop { next_header, router_alert: 0 };
                    alert.prepend_to(&mut head).map_err(|_| SendFailure::TooLong)?;
                    next_header = Protocol::HOP_BY_HOP;
                }
                let header = ipv6::Repr {
                    hop_limit: datagram.ttl,
                    dscp: datagram.dscp,
                    ecn: datagram.ecn,
                    flow_label: datagram.flow_label,
                    ..ipv6::Repr::new(src, dst, next_header)
                };
                header.prepend_to(&mut head, body.len()).map_err(|_| SendFailure::TooLong)?;
            }
            _ => return Err(SendFailure::NoSource),
        }
        let start = (head.len() - transport) as u16;
        let segment_kind = match (datagram.segment_size, datagram.protocol, self.v4) {
            (None, ..) => None,
            (Some(_), Protocol::UDP, true) => Some(SegmentKind::Udp4),
            (Some(_), Protocol::UDP, false) => Some(SegmentKind::Udp6),
            (Some(_), _, true) => Some(SegmentKind::Tcp4),
            (Some(_), _, false) => Some(SegmentKind::Tcp6),
        };
        let offload = Offload {
            checksum: sum_at.map_or(Checksum::InPacket, |offset| Checksum::Partial { start, offset }),
            segment_size: datagram.segment_size,
            segment_kind,
        };
        Ok(Frame { head, body, offload, ..Frame::default() })
    }
}

/// Fills the transport checksum: whole, or (when `partial`) the pseudo-header's share only. Says where it is when
/// somebody has to go on with it.
fn fill_checksum(datagram: &mut Datagram, partial: bool) -> Result<Option<u16>, SendFailure> {
    let Some(at) = datagram.checksum_at else { return Ok(None) };
    if datagram.src.is_ipv4() != datagram.dst.is_ipv4() {
        return Err(SendFailure::NoSource);
    }
    let len = (datagram.head.len() + datagram.body.len()) as u32;
    let pseudo = checksum::pseudo_header(datagram.src, datagram.dst, datagram.protocol, len);
    let value = if partial {
        pseudo.fold()
    } else {
        match pseudo.with(datagram.head.as_slice()).with_payload(&datagram.body).checksum() {
            0 if datagram.protocol == Protocol::UDP => 0xffff, // RFC 768: zero would say "none".
            sum => sum,
        }
    };
    let at = usize::from(at);
    let field = datagram.head.as_mut_slice().get_mut(at..at + 2).ok_or(SendFailure::TooLong)?;
    field.copy_from_slice(&value.to_be_bytes());
    Ok(partial.then_some(at as u16))
}
