//! What connections found out about paths, for those that come after them: how large packets pass where larger ones vanish, and
//! where marks come to nothing.
//!
//! ```text
//!   connection ─ it fell to smaller packets, or found that larger ones pass ─► our address, theirs ─► the next begins so
//!              ─ what asks for marks is lost, mangled or wiped on the way ──► our address, theirs ─► the next asks for none
//! ```
//!
//! What routers say of a path's MTU is kept elsewhere, and bounds what may be looked for; this only says where to begin: a
//! connection that begins with smaller packets looks for larger ones at once (RFC 4821 §7.2). Each is forgotten after its time,
//! and the longest unused of 1,024 paths makes room. Nobody but our own connections can tell of anything here.

use super::Tcp;
use super::arena::Key;
use super::fast_open::Lru;
use crate::Ip;
use crate::demux::Flow;
use ::tcp::PathFound;
use core::net::IpAddr;
use env::{Duration, Instant};

/// Paths that are remembered.
const MOST: usize = 1024;
/// A size is known for so long, as what routers say is (RFC 1191 §6.3, RFC 8899 §5.1.1).
const SIZE_LIVES: Duration = Duration::from_secs(600);
/// Marks are not asked for during this time: paths are mended by people (RFC 9768 §3.1.4.1 wants it remembered).
const MARKS_REST: Duration = Duration::from_secs(3_600);

/// The paths of a host.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    known: Lru<(IpAddr, IpAddr), Known>,
}

/// What is known of a path; until when.
#[derive(Clone, Copy, Debug)]
struct Known {
    size: u16,
    size_until: Instant,
    unmarked_until: Instant,
}

impl Default for Known {
    fn default() -> Self {
        Self { size: 0, size_until: Instant::ZERO, unmarked_until: Instant::ZERO }
    }
}

impl Paths {
    pub(super) const fn new() -> Self {
        Self { known: Lru::new(MOST) }
    }

    /// A connection found something out.
    fn learn(&mut self, now: Instant, flow: &Flow, found: PathFound) {
        let known = self.known.touch((flow.local, flow.remote));
        if let Some(size) = found.packets {
            (known.size, known.size_until) = (size, now + SIZE_LIVES);
        }
        if found.marks_fail {
            known.unmarked_until = now + MARKS_REST;
        }
    }

    /// The packets that pass, in octets, where larger ones are known to vanish.
    fn size(&self, now: Instant, flow: &Flow) -> Option<u16> {
        let known = self.known.get(&(flow.local, flow.remote))?;
        (now < known.size_until).then_some(known.size)
    }

    /// Whether asking for marks is known to come to nothing.
    pub(super) fn marks_fail(&self, now: Instant, flow: &Flow) -> bool {
        self.known.get(&(flow.local, flow.remote)).is_some_and(|known| now < known.unmarked_until)
    }

    /// Forgets everything: the host's links changed.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }
}

impl Tcp {
    /// A connection has something to tell of its path.
    pub(super) fn learn_path(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(slot) = self.connections.get(key) else { return };
        let found = slot.connection.path_found();
        let counters = &mut ip.counters;
        if found.packets.is_some() {
            counters.tcp_path_sizes_found = counters.tcp_path_sizes_found.saturating_add(1);
        }
        if found.marks_fail {
            counters.tcp_path_marks_fail = counters.tcp_path_marks_fail.saturating_add(1);
        }
        self.paths.learn(now, &slot.flow, found);
    }

    /// A connection is established: it begins with packets that are known to pass.
    pub(super) fn use_path(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(slot) = self.connections.get_mut(key) else { return };
        if let Some(size) = self.paths.size(now, &slot.flow)
            && slot.connection.begin_with_packets_of(size)
        {
            ip.counters.tcp_path_sizes_used = ip.counters.tcp_path_sizes_used.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::SocketAddr;

    const NOW: Instant = Instant::from_secs(1_000);

    fn flow(n: u32) -> Flow {
        let local = SocketAddr::new(IpAddr::from([10, 0, 0, 1]), 5_000);
        Flow::new(local, SocketAddr::new(IpAddr::V4((0x0a01_0000 + n).into()), 80))
    }

    fn found(packets: Option<u16>, marks_fail: bool) -> PathFound {
        PathFound { packets, marks_fail }
    }

    #[test]
    fn each_thing_is_known_for_its_time_and_of_its_path() {
        let mut paths = Paths::new();
        paths.learn(NOW, &flow(1), found(Some(1_200), false));
        let later = NOW + Duration::from_secs(300);
        paths.learn(later, &flow(1), found(None, true));
        assert_eq!((paths.size(NOW, &flow(2)), paths.marks_fail(later, &flow(2))), (None, false));
        let size = |after: u64| paths.size(NOW + Duration::from_secs(after), &flow(1));
        assert_eq!([size(0), size(599), size(600)], [Some(1_200), Some(1_200), None]);
        let fail = |after: u64| paths.marks_fail(later + Duration::from_secs(after), &flow(1));
        assert_eq!([fail(0), fail(3_599), fail(3_600)], [true, true, false]);
        paths.clear();
        assert_eq!(paths.size(NOW, &flow(1)), None);
    }

    #[test]
    fn the_table_is_bounded_and_the_longest_unused_goes() {
        let mut paths = Paths::new();
        for n in 0..5_000 {
            paths.learn(NOW, &flow(n), found(Some(1_200), false));
        }
        let known = (0..5_000).filter(|&n| paths.size(NOW, &flow(n)).is_some()).count();
        assert_eq!((known, paths.size(NOW, &flow(4_999))), (MOST, Some(1_200)));
    }
}
