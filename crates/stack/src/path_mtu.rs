//! What is known of the MTU of each path (RFC 1191, RFC 8201).
//!
//! ```text
//!    ICMP "too big" ─► transport: is the quote ours? ─► lower(dst, mtu)      never raises, never below the floor
//!                                                          │ 10 minutes
//!                                                          ▼
//!                                                       forgotten: the link's MTU is tried again
//! ```
//!
//! A bounded table; the entry that was learned first makes room. All entries live equally long, so the order of
//! learning is the order of forgetting.

use alloc::collections::{BTreeMap, VecDeque};
use core::net::IpAddr;
use env::{Duration, Instant};

/// The least path MTU that is believed over IPv4: room for a segment of 512 octets, as RFC 5927 §7.2 and practice have
/// it; RFC 1191 1191-4 forbids only what is below 68.
pub(crate) const FLOOR_V4: u16 = 552;
/// The least that any IPv6 link takes (RFC 8200 §5).
pub(crate) const FLOOR_V6: u16 = 1280;

/// Where MTUs of real links are, from RFC 1191 §7.1: what to try next when a router does not tell.
const PLATEAUS: [u16; 8] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, FLOOR_V4];

/// Path MTUs by destination.
#[derive(Clone, Debug)]
pub(crate) struct PathMtus {
    timeout: Option<Duration>,
    capacity: usize,
    paths: BTreeMap<IpAddr, Path>,
    /// Destinations in the order of learning; an entry counts only if its time is the path's.
    order: VecDeque<(Instant, IpAddr)>,
}

#[derive(Clone, Copy, Debug)]
struct Path {
    mtu: u16,
    learned: Instant,
}

impl PathMtus {
    pub(crate) fn new(timeout: Option<Duration>, capacity: usize) -> Self {
        Self { timeout, capacity, paths: BTreeMap::new(), order: VecDeque::new() }
    }

    /// What is known of the path to `dst`, if anything.
    pub(crate) fn get(&self, dst: IpAddr) -> Option<u16> {
        if self.paths.is_empty() { None } else { self.paths.get(&dst).map(|path| path.mtu) }
    }

    /// What a router's word means that packets to `dst` may have at most `told` octets (0: it does not say), where
    /// `current` is what we believed and `quoted_len` what the refused packet had: the MTU to believe in, if that is
    /// less.
    pub(crate) fn judge(dst: IpAddr, told: u32, current: u16, quoted_len: u16) -> Option<u16> {
        let mtu = match dst {
            // RFC 8201 8201-3: what is below 1280 is no MTU of an IPv6 link.
            IpAddr::V6(_) if told < u32::from(FLOOR_V6) => return None,
            IpAddr::V6(_) => u16::try_from(told).unwrap_or(u16::MAX),
            IpAddr::V4(_) if told == 0 => {
                // RFC 1191 1191-3: the next plateau below the size of what did not fit.
                let size = if quoted_len == 0 { current } else { quoted_len.min(current) };
                PLATEAUS.into_iter().find(|&plateau| plateau < size).unwrap_or(FLOOR_V4)
            }
            IpAddr::V4(_) => u16::try_from(told).unwrap_or(u16::MAX).max(FLOOR_V4),
        };
        if mtu >= current {
            return None; // RFC 1191 1191-5, RFC 8201 8201-6: never raised by such a message; and nothing goes again (1191-11).
        }
        Some(mtu)
    }

    /// Believes that the path to `dst` takes packets of `mtu` octets.
    pub(crate) fn learn(&mut self, now: Instant, dst: IpAddr, mtu: u16) {
        self.paths.insert(dst, Path { mtu, learned: now });
        self.order.push_back((now, dst));
        while self.paths.len() > self.capacity || self.order.len() > self.capacity.saturating_mul(2) {
            let Some((learned, oldest)) = self.order.pop_front() else { break };
            if self.paths.get(&oldest).is_some_and(|path| path.learned == learned) {
                self.paths.remove(&oldest);
            }
        }
    }

    /// When the next path is forgotten, if ever.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        Some(self.order.front()?.0 + self.timeout?)
    }

    /// Forgets one path whose time has come (RFC 1191 1191-6, 1191-9; RFC 8201 8201-5, 8201-8), and says to where it leads. Call until `None`.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<IpAddr> {
        while self.poll_timeout().is_some_and(|due| due <= now) {
            let (learned, dst) = self.order.pop_front()?;
            if self.paths.get(&dst).is_some_and(|path| path.learned == learned) {
                self.paths.remove(&dst);
                return Some(dst);
            }
        }
        None
    }

    /// Forgets everything: the host's links changed.
    pub(crate) fn clear(&mut self) {
        self.paths.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
    const AT: Instant = Instant::from_secs(1);

    /// A router speaks, and is believed.
    fn lower(
        mtus: &mut PathMtus,
        now: Instant,
        dst: IpAddr,
        told: u32,
        current: u16,
        len: u16,
    ) -> Option<u16> {
        let mtu = PathMtus::judge(dst, told, current, len)?;
        mtus.learn(now, dst, mtu);
        Some(mtu)
    }

    fn table() -> PathMtus {
        PathMtus::new(Some(Duration::from_secs(600)), 16)
    }

    /// Covers: RFC 1191 1191-1, 1191-4, 1191-5; RFC 8201 8201-3, 8201-6
    #[test]
    fn a_router_lowers_the_estimate_down_to_a_floor_and_never_raises_it() {
        let mut mtus = table();
        assert_eq!(lower(&mut mtus, AT, V4, 1400, 1500, 1500), Some(1400));
        assert_eq!(mtus.get(V4), Some(1400));
        assert_eq!(lower(&mut mtus, AT, V4, 1400, 1400, 1400), None);
        assert_eq!(lower(&mut mtus, AT, V4, 9000, 1400, 1400), None);
        assert_eq!(lower(&mut mtus, AT, V4, 20, 1400, 1400), Some(FLOOR_V4));
        assert_eq!(lower(&mut mtus, AT, V6, 1000, 1500, 1500), None);
        assert_eq!(lower(&mut mtus, AT, V6, 0, 1500, 1500), None);
        assert_eq!(lower(&mut mtus, AT, V6, 1280, 1500, 1500), Some(1280));
        assert_eq!(lower(&mut mtus, AT, V6, 100_000, 1280, 1500), None);
    }

    /// Covers: RFC 1191 1191-3
    #[test]
    fn without_a_word_from_the_router_the_next_plateau_is_tried() {
        let mut mtus = table();
        let mut at = 65_535;
        let mut seen = alloc::vec::Vec::new();
        while let Some(next) = lower(&mut mtus, AT, V4, 0, at, at) {
            seen.push(next);
            at = next;
        }
        assert_eq!(seen, PLATEAUS);
        // A small packet that was refused says more than a large estimate.
        assert_eq!(lower(&mut table(), AT, V4, 0, 1500, 1000), Some(FLOOR_V4));
    }

    /// Covers: RFC 1191 1191-6, 1191-9; RFC 8201 8201-5, 8201-7, 8201-8
    #[test]
    fn a_path_is_forgotten_ten_minutes_after_it_was_learned_and_others_are_not_touched() {
        let mut mtus = table();
        lower(&mut mtus, AT, V4, 1400, 1500, 1500);
        lower(&mut mtus, AT + Duration::from_secs(60), V6, 1400, 1500, 1500);
        lower(&mut mtus, AT + Duration::from_secs(120), V4, 1300, 1400, 1400);
        assert_eq!(mtus.expire(AT + Duration::from_secs(659)), None);
        assert_eq!(mtus.expire(AT + Duration::from_secs(660)), Some(V6));
        assert_eq!(mtus.get(V4), Some(1300));
        assert_eq!(mtus.poll_timeout(), Some(AT + Duration::from_secs(720)));
        assert_eq!(mtus.expire(AT + Duration::from_secs(720)), Some(V4));
        assert_eq!((mtus.get(V4), mtus.poll_timeout()), (None, None));
        let mut for_ever = PathMtus::new(None, 16);
        lower(&mut for_ever, AT, V4, 1400, 1500, 1500);
        assert_eq!((for_ever.poll_timeout(), for_ever.expire(Instant::FAR)), (None, None));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut mtus = PathMtus::new(None, 16);
        for n in 0..1000u32 {
            let dst = Ipv4Addr::from_bits(n % 40).into();
            lower(&mut mtus, AT, dst, 1000 - n % 300, 1500, 1500);
            assert!(mtus.paths.len() <= 16 && mtus.order.len() <= 32);
        }
    }
}
