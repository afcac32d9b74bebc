//! Is an address taken already? Asked before it is used (RFC 4862 §5.4).
//!
//! ```text
//!   TENTATIVE ─► wait 0–1 s ─► ask, from :: ─► 1 s of silence ─► PREFERRED
//!        └── somebody has it, or asks for it too ─► DUPLICATE
//! ```

use crate::interface::{Address, AddressState};
use crate::{Cidr, Host, HostEvent, InterfaceId, Ip, Medium};
use core::net::{IpAddr, Ipv6Addr};
use env::{Duration, Instant};
use wire::ethernet::MacAddr;
use wire::ndp::{self, Repr};

/// Questions that are asked (RFC 4862 §5.1: DupAddrDetectTransmits).
const QUESTIONS: u8 = 1;
/// How long an answer may take (RFC 4861 §10: RETRANS_TIMER).
const WAIT: Duration = Duration::from_secs(1);

impl Ip {
    /// An address as it begins: to be probed for (RFC 4862 4862-1), or announced and in use at once.
    pub(crate) fn begin(&mut self, now: Instant, id: InterfaceId, cidr: Cidr) -> Address {
        let (medium, probe) =
            self.interface(id).map_or((Medium::Ip, false), |i| (i.medium, i.duplicate_detection));
        match (cidr.address(), medium) {
            (IpAddr::V6(_), Medium::Ethernet(_)) if probe => {
                // RFC 4862 §5.4.2: hosts that start together must not ask together.
                let delay = Duration::from_nanos(self.rng.below(1_000_000_000));
                Address { cidr, state: AddressState::Tentative, probes: QUESTIONS, due: now + delay }
            }
            (IpAddr::V4(own), Medium::Ethernet(_)) => {
                self.arp_announce(id, own);
                Address::preferred(cidr)
            }
            _ => Address::preferred(cidr),
        }
    }

    /// When the next step is due.
    pub(crate) fn duplicate_timeout(&self) -> Option<Instant> {
        let all = self.interfaces.iter().flat_map(|i| &i.addresses);
        all.filter(|a| a.state == AddressState::Tentative).map(|a| a.due).min()
    }

    /// Asks, or takes silence for an answer (RFC 4862 §5.4).
    pub(crate) fn duplicates(&mut self, now: Instant) {
        while let Some((id, address)) = self.duplicate_due(now) {
            let Some(interface) = self.interface_mut(id) else { return };
            let Some(entry) = interface.addresses.iter_mut().find(|a| a.cidr.address() == address) else {
                return;
            };
            let IpAddr::V6(target) = address else {
                entry.state = AddressState::Preferred;
                continue;
            };
            if entry.probes == 0 {
                entry.state = AddressState::Preferred;
                self.tell(HostEvent::AddressReady(id, address));
                continue;
            }
            entry.probes -= 1;
            entry.due = now + WAIT;
            let group = ndp::solicited_node(target);
            let question = Repr::NeighborSolicit { target, source_link: None };
            self.counters.nd_out_solicits += 1;
            let mac = MacAddr::multicast_v6(group);
            self.send_ndp(now, id, mac, Ipv6Addr::UNSPECIFIED, group, &question);
        }
    }

    fn duplicate_due(&self, now: Instant) -> Option<(InterfaceId, IpAddr)> {
        self.interfaces.iter().find_map(|i| {
            let due = |a: &&Address| a.state == AddressState::Tentative && a.due <= now;
            i.addresses.iter().find(due).map(|a| (i.id, a.cidr.address()))
        })
    }
}

impl Host {
    /// Somebody else has an address that we probe for, or have: whether it was one of ours.
    pub(super) fn duplicate_found(&mut self, id: InterfaceId, address: IpAddr) -> bool {
        let Some(interface) = self.ip.interface_mut(id) else { return false };
        let Some(entry) = interface.addresses.iter_mut().find(|a| a.cidr.address() == address) else {
            return false;
        };
        match entry.state {
            AddressState::Tentative => {
                entry.state = AddressState::Duplicate;
                entry.due = Instant::FAR;
                self.ip.tell(HostEvent::AddressConflict(id, address));
                self.ip.autoconf.duplicate(id, address);
                true
            }
            _ => false,
        }
    }
}
