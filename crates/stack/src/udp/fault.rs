//! ICMP errors about datagrams that we sent (RFC 1122 §4.1.3.3, RFC 5927). Those of a neighbour that does not answer
//! come this way too: the IP layer quotes what had waited for it.

use super::receive::scoped;
use super::socket::FAILED;
use super::table::Place;
use super::{Udp, UdpFault};
use crate::{Drop, IcmpError, Ip};
use core::net::IpAddr;
use env::{Chance, Instant};

impl Udp {
    /// Takes an ICMP error that quotes a UDP datagram; `true` when the datagram that it quotes is really ours.
    ///
    /// The socket that could have sent it is told, whatever it says (1122U-4, 4443-4, 4443-11). Only what a connected socket sends to its peer, or what was sent
    /// lately, is proof enough to believe anything about the path.
    pub(crate) fn handle_icmp(&mut self, ip: &mut Ip, now: Instant, error: &IcmpError) -> bool {
        let Some(&[s0, s1, d0, d1]) = error.quoted.first_chunk() else { return false };
        let local = (error.src, u16::from_be_bytes([s0, s1]));
        let remote = (error.dst, u16::from_be_bytes([d0, d1]));
        let Some(index) = self.table.most_specific(local, remote) else { return false };
        let connected = self.table.at(Place::Connected { local, remote }).contains(&index);
        let fault = UdpFault {
            kind: error.kind,
            to: scoped(remote, error.interface),
            from: error.from,
            at: error.arrived.max(now),
        };
        self.fail(ip, index, fault);
        let sent = || u64::from(self.recent.has(local.1, remote));
        connected || ip.rng.outcome(Chance::Remembered, sent) != 0
    }

    /// The path MTU to `dst` changed. The sockets concerned have the ICMP error that said so.
    pub(crate) fn handle_path_mtu(&mut self, _ip: &mut Ip, _now: Instant, _dst: IpAddr) {}

    fn fail(&mut self, ip: &mut Ip, index: u32, fault: UdpFault) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        if !socket.fail(fault) {
            ip.counters.count(Drop::UdpErrorQueueFull);
        }
        self.tell(index, FAILED);
    }
}
