//! Requests that wait for a verdict: nothing was answered, and the user decides what will be.

use super::api::{Pending, PendingId, Verdict};
use super::arena::{Key, cost_of};
use super::time_wait::TimeWaitSlot;
use super::{Tcp, Whose};
use crate::demux::Flow;
use crate::wheel::TimerId;
use crate::{Account, Delivered, Drop, ErrorKind, Ip};
use ::tcp::{Discard, ResetWhy, Segment, closed};
use alloc::boxed::Box;
use bytes::Bytes;
use env::{Duration, Instant};
use wire::Payload;

/// So long a request waits for its verdict: as long as its peer keeps asking (RFC 9293 MUST-23).
const PATIENCE: Duration = Duration::from_secs(180);
/// Most octets of a packet that an ICMP error quotes (RFC 4443 §3.1).
const QUOTE: usize = 1_280;

/// A request that waits for a verdict.
#[derive(Clone, Debug)]
pub(super) struct PendingSlot {
    flow: Flow,
    pub(super) listener: Key,
    syn: Segment,
    packet: Box<Delivered>,
    timer: TimerId,
    displaced: Option<Box<TimeWaitSlot>>,
}

/// What a waiting request costs: itself, what it quotes, and its places in the tables and in the list of what to show.
const PENDING: usize = cost_of::<PendingSlot>() + size_of::<Delivered>() + QUOTE + 4 * size_of::<Key>();

impl Tcp {
    /// Keeps a request until the user has decided.
    #[expect(clippy::too_many_arguments, reason = "a packet as it was read, and where it goes")]
    pub(super) fn defer(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        listener: Key,
        flow: Flow,
        syn: &Segment,
        packet: &Delivered,
        displaced: Option<Box<TimeWaitSlot>>,
    ) -> Result<(), (Discard, Option<Box<TimeWaitSlot>>)> {
        if ip.budget.charge(Account::TcpRecord, PENDING).is_err() {
            return Err((Discard::SynQueueFull, displaced));
        }
        // Neither the request's data nor the device's buffer is kept (4987-7).
        let quote = packet.quote.get(..QUOTE).unwrap_or(&packet.quote);
        let packet =
            Delivered { quote: Bytes::copy_from_slice(quote), payload: Payload::EMPTY, ..packet.clone() };
        let syn = Segment { payload: Payload::EMPTY, segment_size: None, ..syn.clone() };
        let wheel = &mut self.wheel;
        let key = self.pendings.insert_with(|key| {
            let timer = wheel.add(Whose::Pending(key));
            wheel.set(timer, Some(now + PATIENCE));
            PendingSlot { flow, listener, syn, packet: Box::new(packet), timer, displaced }
        });
        self.demux.insert(flow, Whose::Pending(key));
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.half_open += 1;
            // Requests that ended before they were shown (a SYN, its RST, again and again) are swept when they are
            // half of all.
            if listener.asked.len() > 2 * listener.half_open + 16 {
                listener.asked.retain(|key| self.pendings.get(*key).is_some());
            }
            listener.asked.push_back(key);
        }
        self.listener_has_news(listener);
        Ok(())
    }

    /// A segment for a request without a verdict: the SYN again, or its end.
    pub(super) fn for_pending(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        key: Key,
        segment: Segment,
        packet: &Delivered,
    ) {
        use wire::tcp::Flags;
        let Some(slot) = self.pendings.get(key) else { return };
        let flow = slot.flow;
        if segment.has(Flags::RST) {
            if segment.header.seq == slot.syn.header.seq + 1 {
                self.forget_pending(ip, now, key);
            } else {
                ip.drop(now, Discard::UnacceptableReset.into(), packet);
            }
        } else if segment.has(Flags::ACK) {
            self.refuse_stray(ip, now, &flow, &segment, packet); // we are still in LISTEN: 9293-E3
        } else {
            ip.drop(now, Discard::Duplicate.into(), packet);
        }
    }

    /// The next request that the user has not been shown.
    pub(super) fn next_pending(&mut self, listener: Key) -> Option<Pending> {
        let listener = self.listeners.get_mut(listener)?;
        while let Some(key) = listener.asked.pop_front() {
            if let Some(slot) = self.pendings.get(key) {
                return Some(Pending {
                    id: PendingId(key),
                    local: slot.flow.local(),
                    peer: slot.flow.remote(),
                });
            }
        }
        None
    }

    pub(super) fn decide(&mut self, ip: &mut Ip, now: Instant, key: Key, verdict: Verdict) -> bool {
        let Some(slot) = self.take_pending(ip, key) else { return false };
        let PendingSlot { flow, listener, syn, packet, displaced, .. } = slot;
        self.demux.remove(&flow);
        let displaced = match verdict {
            Verdict::Accept => match self.open_half(ip, now, listener, flow, &syn, displaced) {
                Ok(()) => return true,
                Err(displaced) => {
                    ip.drop(now, Drop::TcpSynQueueFull, &packet);
                    displaced
                }
            },
            Verdict::Reset => {
                if let Some(reset) = closed::reset(&syn, ResetWhy::Refused) {
                    self.send_loose(ip, now, &flow, Self::plain_marks(ip), reset);
                }
                displaced
            }
            Verdict::Unreachable => {
                ip.send_error(now, ErrorKind::Prohibited, &packet);
                displaced
            }
            Verdict::Drop => displaced,
        };
        if let Some(displaced) = displaced {
            self.restore_time_wait(ip, now, *displaced);
        }
        true
    }

    pub(super) fn forget_pending(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(slot) = self.take_pending(ip, key) else { return };
        self.demux.remove(&slot.flow);
        if let Some(displaced) = slot.displaced {
            self.restore_time_wait(ip, now, *displaced);
        }
    }

    fn take_pending(&mut self, ip: &mut Ip, key: Key) -> Option<PendingSlot> {
        let slot = self.pendings.remove(key)?;
        self.wheel.remove(slot.timer);
        ip.budget.release(Account::TcpRecord, PENDING);
        if let Some(listener) = self.listeners.get_mut(slot.listener) {
            listener.half_open = listener.half_open.saturating_sub(1);
        }
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::super::api::ListenConfig;
    use super::*;
    use crate::{Cidr, Host, HostConfig, InterfaceConfig, Medium};
    use core::net::{IpAddr, SocketAddr};
    use env::Machine as _;
    use wire::tcp::{Flags, Header};
    use wire::{Frame, Head, Protocol, SeqNum, ipv4};

    fn segment(host: &mut Host, flow: Flow, flags: Flags, seq: u32) {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (flow.remote, flow.local) else { panic!("IPv4") };
        let header = Header { seq: SeqNum::new(seq), flags, ..Header::default() };
        let mut head = Head::new();
        header.prepend_to(&mut head, flow.remote_port, flow.local_port).unwrap();
        wire::tcp::fill_checksum(&mut head, &Payload::EMPTY, flow.remote, flow.local).unwrap();
        ipv4::Repr::new(src, dst, Protocol::TCP).prepend_to(&mut head, 0).unwrap();
        let bytes = Bytes::copy_from_slice(head.as_slice());
        let (now, len) = (Instant::from_secs(1), bytes.len());
        let link = host.interfaces()[1];
        host.handle_packet(now, (link, Frame::received(bytes, len, now)));
    }

    #[test]
    fn requests_that_end_before_they_are_shown_leave_nothing() {
        let mut host = Host::new(HostConfig::default(), [1; 32]).unwrap();
        let address: Cidr = "10.0.0.1/24".parse().unwrap();
        let link = InterfaceConfig::new("t0", Medium::Ip).address(address);
        host.add_interface(Instant::ZERO, link).unwrap();
        let config = ListenConfig { defer: true, ..ListenConfig::default() };
        let id = host.tcp_listen(Instant::ZERO, "10.0.0.1:80".parse().unwrap(), config).unwrap();
        for n in 0..100_000u32 {
            let remote = SocketAddr::from(([10, 0, 0, 2 + (n / 60_000) as u8], 1 + (n % 60_000) as u16));
            let flow = Flow::new("10.0.0.1:80".parse().unwrap(), remote);
            segment(&mut host, flow, Flags::SYN, 7);
            // One in a thousand stays.
            if n % 1_000 > 0 {
                segment(&mut host, flow, Flags::RST, 8);
            }
            let listener = host.tcp.listeners.get(id.0).unwrap();
            assert!(listener.asked.len() <= 2 * listener.half_open + 19, "{}", listener.asked.len());
        }
        assert_eq!(host.tcp_counts().pending, 100);
        assert_eq!(core::iter::from_fn(|| host.tcp_pending(id)).count(), 100, "each is shown");
    }
}
