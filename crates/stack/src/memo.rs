//! What was found once and is asked for again and again: kept for as long as nothing it depends on has changed.
//!
//! ```text
//!    interfaces, routes, routers, path MTUs ── each counts how often somebody could have changed it ─► epoch
//!                                                                                                      │
//!    pair of addresses ─► one of 64 places ─► what was found there, and in which epoch ─── the same? ──┘─► taken
//! ```
//!
//! Whoever can change a [`Watched`] counts as having changed it: a memory that is too short costs a search, one that is too
//! long would be wrong.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::ops::{Deref, DerefMut};

/// Pairs of addresses that are remembered, at most.
const PLACES: usize = 64;

/// A value, and how often somebody was given it to change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched<T> {
    value: T,
    changes: u64,
}

impl<T> Watched<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value, changes: 0 }
    }

    /// How often it may have changed.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// The value, to change what nothing that is remembered depends on.
    pub(crate) const fn quietly(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Deref for Watched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Watched<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changes = self.changes.wrapping_add(1);
        &mut self.value
    }
}

/// What was found for pairs of addresses, each in one place only: pairs that share one push each other out, and are
/// searched for again, as everything was without this.
#[derive(Clone, Debug)]
pub(crate) struct Memo<V> {
    places: Box<[Option<Found<V>>]>,
}

#[derive(Clone, Debug)]
struct Found<V> {
    epoch: u64,
    ours: IpAddr,
    theirs: IpAddr,
    value: V,
}

impl<V: Copy> Memo<V> {
    pub(crate) fn new() -> Self {
        Self { places: (0..PLACES).map(|_| None).collect::<Vec<_>>().into() }
    }

    /// What was found for this pair, if that was in this epoch.
    pub(crate) fn get(&self, epoch: u64, ours: IpAddr, theirs: IpAddr) -> Option<V> {
        let found = self.places.get(place(ours, theirs))?.as_ref()?;
        let same = found.epoch == epoch && found.theirs == theirs && found.ours == ours;
        same.then_some(found.value)
    }

    /// Remembers what was found.
    pub(crate) fn put(&mut self, epoch: u64, ours: IpAddr, theirs: IpAddr, value: V) {
        if let Some(place) = self.places.get_mut(place(ours, theirs)) {
            *place = Some(Found { epoch, ours, theirs, value });
        }
    }
}

/// Any number that differs for neighbours: who makes pairs meet gains nothing.
fn place(ours: IpAddr, theirs: IpAddr) -> usize {
    let bits = |address| match address {
        IpAddr::V4(a) => a.to_bits(),
        IpAddr::V6(a) => {
            let bits = a.to_bits();
            (bits ^ bits >> 32 ^ bits >> 64) as u32
        }
    };
    let mixed = (bits(theirs) ^ bits(ours).rotate_left(16)).wrapping_mul(0x9e37_79b1);
    mixed as usize >> 16 & (PLACES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cidr, Host, HostConfig, InterfaceConfig, InterfaceError, Medium, RouteEntry};
    use env::Instant;
    use proptest::prelude::*;

    const OURS: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));

    fn peer(n: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + n).into())
    }

    #[test]
    fn what_is_remembered_is_what_was_found_last_for_this_pair_in_this_epoch() {
        let mut memo = Memo::new();
        for n in 0..10_000 {
            memo.put(1, OURS, peer(n), n);
            assert_eq!(memo.get(1, OURS, peer(n)), Some(n));
        }
        let known = (0..10_000).filter_map(|n| Some((n, memo.get(1, OURS, peer(n))?)));
        let known: Vec<(u32, u32)> = known.collect();
        assert_eq!(known.len(), PLACES, "neighbours spread over all places");
        assert!(known.iter().all(|(asked, found)| asked == found));
        let (last, _) = known[PLACES - 1];
        assert_eq!(memo.get(2, OURS, peer(last)), None, "in another epoch it may be otherwise");
        assert_eq!(memo.get(1, peer(last), OURS), None, "the other way is another pair");
    }

    #[test]
    fn whoever_can_change_it_counts_as_having_changed_it() {
        let mut watched = Watched::new(7);
        assert_eq!((*watched, watched.changes()), (7, 0));
        *watched.quietly() = 8;
        assert_eq!((*watched, watched.changes()), (8, 0));
        *watched = 9;
        assert_eq!((*watched, watched.changes()), (9, 1));
    }

    fn links() -> Host {
        let mut host = Host::new(HostConfig::default(), [7; 32]).unwrap();
        for n in 1..=3u8 {
            let link = InterfaceConfig::new("link", Medium::Ip);
            let address = Cidr::new(IpAddr::from([10, 0, n, 1]), 24).unwrap();
            host.add_interface(Instant::from_secs(1), link.address(address)).unwrap();
        }
        host
    }

    /// One change of where packets go; what cannot be is refused, and changes nothing.
    fn change(host: &mut Host, kind: u8, link: usize, n: u8, metric: u32) {
        let now = Instant::from_secs(2);
        let id = host.interfaces()[1 + link];
        let cidr = Cidr::new(IpAddr::from([10, 0, n, 2]), 24).unwrap();
        let network = Cidr::new(IpAddr::from([10, n, 0, 0]), 16).unwrap();
        let gateway = Some(IpAddr::from([10, 0, n, 9]));
        let _: Result<(), InterfaceError> = match kind {
            0 => host.add_address(now, id, cidr),
            1 => host.remove_address(now, id, cidr.address()),
            2 => host.add_route(RouteEntry { destination: network, gateway, interface: id, metric }),
            3 => {
                host.remove_route(network, gateway, id);
                Ok(())
            }
            4 => host.set_up(now, id, metric.is_multiple_of(2)),
            5 => host.set_mtu(id, 1000 + metric as u16),
            _ => {
                host.ip.path_mtus.learn(now, IpAddr::from([10, 0, n, 7]), 600 + metric as u16);
                Ok(())
            }
        };
    }

    proptest! {
        /// Whatever changes in between, what is remembered is what looking would find.
        #[test]
        fn a_way_that_is_remembered_is_the_one_that_would_be_found(
            steps in proptest::collection::vec((0u8..7, 0usize..3, 1u8..5, 0u32..300), 1..40),
        ) {
            let mut host = links();
            for (kind, link, n, metric) in steps {
                change(&mut host, kind, link, n, metric);
                for (to, from) in (0..5).flat_map(|to| (0..5).map(move |from| (to, from))) {
                    for dst in [IpAddr::from([10, 0, to, 7]), IpAddr::from([10, to, 3, 3])] {
                        for src in [None, Some(IpAddr::from([10, 0, from, 1])), Some(IpAddr::from([10, 0, from, 2]))] {
                            prop_assert_eq!(host.ip.route_to(dst, src), host.ip.route(dst, src, None));
                        }
                    }
                }
            }
        }
    }
}
