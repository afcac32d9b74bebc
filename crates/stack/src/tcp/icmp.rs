//! What ICMP says about connections (RFC 9293 §3.9.2.2; RFC 5461, 5927), and what becomes of their paths.

use super::{Tcp, Whose};
use crate::demux::Flow;
use crate::{ErrorKind, IcmpError, Ip};
use core::net::IpAddr;
use env::Instant;
use wire::SeqNum;

impl Tcp {
    /// Takes an ICMP error; `true` when the packet that it quotes is really ours: its number is out and not
    /// acknowledged (RFC 5927 §4.1).
    pub(crate) fn handle_icmp(&mut self, ip: &mut Ip, now: Instant, error: &IcmpError) -> bool {
        let Some(&[a, b, c, d, s0, s1, s2, s3]) = error.quoted.first_chunk() else { return false };
        let flow = Flow {
            local: error.src,
            remote: error.dst,
            local_port: u16::from_be_bytes([a, b]),
            remote_port: u16::from_be_bytes([c, d]),
        };
        let seq = SeqNum::new(u32::from_be_bytes([s0, s1, s2, s3]));
        let key = match self.demux.get(&flow) {
            Some(Whose::Connection(key)) => key,
            // A SYN-ACK of ours came back. The peer may be there all the same, or may not: the record's timer tells.
            Some(Whose::HalfOpen(key)) => {
                let record = self.half_opens.get(key).map(|slot| &slot.record);
                let Some(record) = record.filter(|record| record.iss() == seq) else { return false };
                if error.kind.soft_error().is_some_and(|soft| record.handle_soft_error(soft)) {
                    self.forget_half_open(ip, now, key, "ICMP");
                }
                return true;
            }
            _ => return false,
        };
        let Some(slot) = self.connections.get_mut(key) else { return false };
        if let ErrorKind::TooBig { .. } = error.kind {
            let status = slot.connection.status();
            let out = seq.within(status.snd_una, status.snd_nxt.wrapping_since(status.snd_una));
            self.refused = out.then_some((key, seq));
            return out;
        }
        let Some(soft) = error.kind.soft_error() else { return false };
        if error.disrupted {
            slot.connection.handle_disruption(now, seq);
        }
        let ours = slot.connection.handle_soft_error(now, soft, seq);
        self.touched(ip, now, key);
        ours
    }

    /// Whether the connection that an ICMP error was just about has reason to doubt that the path takes packets of `mtu`
    /// octets only: its peer has acknowledged larger ones. It keeps the claim in mind (RFC 5927 §7.2; 5927-1).
    pub(crate) fn doubts_path_mtu(&mut self, dst: IpAddr, mtu: u16) -> bool {
        let Some((key, seq)) = self.refused else { return false };
        let Some(slot) = self.connections.get_mut(key).filter(|slot| slot.flow.remote == dst) else {
            return false;
        };
        let header = if dst.is_ipv4() { 20 } else { 40 };
        let doubted = slot.connection.doubts_path_mtu(mtu.saturating_sub(header), seq);
        if doubted {
            self.refused = None;
        }
        doubted
    }

    /// Paths take more or less than they did: each connection looks when it sends next.
    pub(crate) fn paths_changed(&mut self) {
        self.path_epoch = self.path_epoch.wrapping_add(1);
    }

    /// The host's links changed: what was found of paths through them says nothing any more.
    pub(crate) fn forget_paths(&mut self) {
        self.paths.clear();
        self.paths_changed();
    }

    /// The path MTU to `dst` changed. The connection that learned it is told, with the number that RFC 5927 §7.2 wants
    /// confirmed; the others look when they send next, so that nothing here grows with their number.
    pub(crate) fn handle_path_mtu(&mut self, ip: &mut Ip, now: Instant, dst: IpAddr) {
        self.paths_changed();
        let Some((key, seq)) = self.refused.take() else { return };
        let Some(flow) = self.connections.get(key).map(|slot| slot.flow).filter(|flow| flow.remote == dst)
        else {
            return;
        };
        let Some(path) = self.path(ip, &flow) else { return };
        // What was refused long ago, and changed nothing then, says nothing of this change.
        let believed = (self.connections.get_mut(key))
            .is_some_and(|slot| slot.connection.handle_path_mtu(now, path.send_limit, Some(seq)));
        if believed {
            self.knows_path(key);
            self.touched(ip, now, key);
        }
    }
}
