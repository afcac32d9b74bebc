//! Captures of simulated worlds: transfers over links that lose, hold back, copy and harm, seen from either end.

use crate::forged::Packets;
use bytes::Bytes;
use sim::{Happened, PairConfig, Profile, TransferConfig, transfer};
use std::cell::RefCell;

/// Where the capture is made.
#[derive(Clone, Copy)]
enum Where {
    /// At the client's device, or the server's: what leaves it and what comes to it.
    At(usize),
    /// At both senders: what leaves either, as `handfast demo` records it.
    Senders,
}

fn record(seed: u64, link: &str, octets: usize, v6: bool, place: Where) -> Packets {
    let link: Profile = link.parse().unwrap();
    let pair = PairConfig { there: link.clone(), back: link, ..PairConfig::default() };
    let config = TransferConfig { pair, v6, ..TransferConfig::default() };
    let mut left = Bytes::from(vec![b'x'; octets]);
    let packets = RefCell::new(Packets::new());
    let mut source = |most: usize| Ok(left.split_to(most.min(left.len())));
    let mut progress = |world: &mut sim::World, octets: u64| {
        if octets == 0 {
            world.watch(true);
        }
        for logged in world.take_log() {
            let octets = match (&logged.what, place) {
                (Happened::Left(host, _, octets), Where::At(at)) if host.index() == at => octets,
                (Happened::Came(host, _, octets), Where::At(at)) if host.index() == at => octets,
                (Happened::Left(_, _, octets), Where::Senders) => octets,
                _ => continue,
            };
            packets.borrow_mut().push((logged.at, octets.clone()));
        }
    };
    transfer(seed, config, &mut source, &mut |_| Ok(()), &mut progress).unwrap();
    packets.into_inner()
}

/// Every capture, by name.
pub(crate) fn all() -> Vec<(String, Packets)> {
    let links = [
        ("clean", "delay=10ms"),
        ("loss", "delay=10ms,loss=3%"),
        ("much-loss", "delay=5ms,loss=15%"),
        ("reorder", "delay=10ms,reorder=5%/3ms"),
        ("copies", "delay=10ms,duplicate=3%"),
        ("worst", "delay=5ms,loss=5%,reorder=2%/3ms,duplicate=1%"),
        ("narrow", "delay=20ms,rate=10mbit,loss=1%"),
    ];
    let places = [("client", Where::At(0)), ("server", Where::At(1)), ("senders", Where::Senders)];
    let mut all = Vec::new();
    for (n, (name, link)) in links.into_iter().enumerate() {
        for (place, at) in places {
            let seed = n as u64 + 1;
            let packets = record(seed, link, 300_000, n % 2 == 1, at);
            assert!(packets.len() > 200, "{name} at the {place}");
            all.push((format!("{name}-{place}"), packets));
        }
    }
    all
}
