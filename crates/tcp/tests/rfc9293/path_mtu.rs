//! The path's MTU as two ends find it: RFC 4821, 8899.

use crate::pair::{Pair, Seen};
use env::{Duration, Instant, Rng};
use handfast_tcp::{Congestion, Note, Path, Status, TcpConfig, Trigger, Why};

const ALL: [Congestion; 3] = [Congestion::NewReno, Congestion::Cubic, Congestion::Bbr];

/// A path of one bottleneck, a queue of 100 kB, and packets of at most `mtu` octets.
struct Way {
    pair: Pair,
    mtu: std::rc::Rc<std::cell::Cell<usize>>,
    loss: std::rc::Rc<std::cell::Cell<f64>>,
    /// The longest time in which nothing new reached the far end.
    stall: Duration,
    written: usize,
}

/// A megabyte a second.
fn way(config: &TcpConfig, round_trip: Duration, seed: u64, v6: bool) -> Way {
    way_of(1_000, config, round_trip, seed, v6)
}

/// An octet takes `nanos`.
fn way_of(nanos: u64, config: &TcpConfig, round_trip: Duration, seed: u64, v6: bool) -> Way {
    let mut pair = Pair::new(config.clone(), config.clone());
    let path = if v6 { Path::ipv6(1500) } else { Path::ipv4(1500) };
    (pair.a.path, pair.b.path, pair.delay) = (path, path, round_trip / 2);
    pair.open();
    pair.settle(Duration::from_secs(1));
    let mtu = std::rc::Rc::new(std::cell::Cell::new(1500));
    let loss = std::rc::Rc::new(std::cell::Cell::new(0.0));
    let (most, chance, mut rng) = (mtu.clone(), loss.clone(), Rng::seeded(seed));
    let headers = if v6 { 60 } else { 40 };
    let free = std::rc::Rc::new(std::cell::Cell::new(Instant::ZERO));
    let (queue, waits) = (free.clone(), Duration::from_nanos(nanos * 100_000));
    pair.keep = Box::new(move |_, seen| {
        let data = seen.from_a && !seen.segment.payload.is_empty();
        let fits = seen.segment.payload.len() + 12 + headers <= most.get();
        let room = queue.get().since(seen.at) <= waits;
        !data || (fits && room && !rng.chance(chance.get()))
    });
    pair.late = Box::new(move |seen| {
        if !seen.from_a {
            return Duration::ZERO;
        }
        let octets = (seen.segment.payload.len() + 12 + headers) as u64;
        free.set(free.get().max(seen.at) + Duration::from_nanos(octets * nanos));
        free.get().since(seen.at)
    });
    Way { pair, mtu, loss, stall: Duration::ZERO, written: 0 }
}

impl Way {
    /// Sends without end for so long.
    fn run(&mut self, time: Duration) -> Status {
        let end = self.pair.now + time;
        let (mut last, mut had) = (self.pair.now, self.pair.b.received.len());
        while self.pair.now < end {
            self.written += self.pair.write(true, &[7; 60_000]);
            assert!(self.pair.step(), "stuck: {:?}", self.pair.a.tcp().status());
            if self.pair.b.received.len() > had {
                self.stall = self.stall.max(self.pair.now.since(last));
                (last, had) = (self.pair.now, self.pair.b.received.len());
            }
        }
        assert!(self.pair.b.received.iter().all(|&octet| octet == 7));
        self.pair.a.tcp().status()
    }
}

fn of(seen: &Seen) -> Option<u16> {
    if let Why::PathMtuProbe(size) = seen.why { Some(size) } else { None }
}

/// Covers: RFC 4821 4821-1; RFC 8899 8899-10
#[test]
fn where_full_segments_vanish_in_silence_smaller_ones_go_within_three_seconds_and_then_at_full_speed() {
    for controller in ALL {
        for (round_trip, v6) in [(20, false), (100, false), (20, true), (100, true)] {
            let what = format!("{controller}, {round_trip} ms, {}", if v6 { "IPv6" } else { "IPv4" });
            let config = TcpConfig::default().congestion(controller);
            let mut way = way(&config, Duration::from_millis(round_trip), 1, v6);
            way.run(Duration::from_secs(5));
            way.mtu.set(1280);
            let status = way.run(Duration::from_secs(5));
            assert!(way.stall <= Duration::from_secs(3), "{what}: {:?}", way.stall);
            assert_eq!(status.black_holes, 1, "{what}");
            assert!((1200..=1280).contains(&status.path_mtu), "{what}: {}", status.path_mtu);
            let before = way.pair.b.received.len();
            way.run(Duration::from_secs(5));
            let share = (way.pair.b.received.len() - before) as f64 / 5e6;
            assert!(share > 0.8, "{what}: {share}");
        }
    }
}

/// Covers: RFC 8899 8899-15, 8899-16
#[test]
fn a_path_that_takes_less_than_the_base_is_found_too() {
    let mut way = way(&TcpConfig::default(), Duration::from_millis(20), 2, false);
    way.run(Duration::from_secs(3));
    way.mtu.set(600);
    let status = way.run(Duration::from_secs(4));
    assert!(way.stall <= Duration::from_secs(3), "{:?}", way.stall);
    assert_eq!((status.path_mtu, status.path_mtu_search), (552, true));
}

/// The last of a stream is less than the base, and too large all the same: there is nothing larger to notice it by.
///
/// Covers: RFC 8899 8899-10, 8899-15
#[test]
fn a_tail_below_the_base_that_vanishes_goes_again_in_smaller_pieces() {
    for controller in ALL {
        let config = TcpConfig::default().congestion(controller);
        let mut way = way(&config, Duration::from_millis(20), 6, false);
        way.mtu.set(600);
        assert_eq!(way.pair.write(true, &[7; 1_000]), 1_000);
        let from = way.pair.now;
        while way.pair.b.received.len() < 1_000 {
            assert!(way.pair.step(), "stuck: {:?}", way.pair.a.tcp().status());
            assert!(way.pair.now.since(from) < Duration::from_secs(10), "{controller}");
        }
    }
}

/// Covers: RFC 8899 8899-15
#[test]
fn the_search_comes_to_an_end_and_after_ten_minutes_finds_that_the_path_has_grown() {
    let mut way = way_of(20_000, &TcpConfig::default(), Duration::from_millis(20), 2, false);
    way.run(Duration::from_secs(20));
    way.mtu.set(1400);
    let status = way.run(Duration::from_secs(280));
    assert!((1385..=1400).contains(&status.path_mtu) && !status.path_mtu_search, "{status:?}");
    way.mtu.set(1500);
    let probes = status.path_mtu_probes;
    let status = way.run(Duration::from_secs(200));
    assert_eq!(status.path_mtu_probes, probes, "nothing is tried for ten minutes");
    let status = way.run(Duration::from_secs(500));
    assert_eq!((status.path_mtu, status.path_mtu_search), (1500, false));
}

/// Covers: RFC 8899 8899-4
#[test]
fn loss_by_chance_is_no_black_hole() {
    for controller in ALL {
        for seed in 0..4 {
            let config = TcpConfig::default().congestion(controller);
            let mut way = way(&config, Duration::from_millis(20), seed, false);
            way.loss.set(0.05);
            let status = way.run(Duration::from_secs(20));
            assert_eq!((status.black_holes, status.path_mtu), (0, 1500), "{controller}, {seed}");
        }
    }
}

#[test]
fn after_an_outage_segments_are_as_large_as_before() {
    for controller in ALL {
        for outage in [1, 4, 10] {
            let config = TcpConfig::default().congestion(controller);
            let mut way = way(&config, Duration::from_millis(20), 3, false);
            way.run(Duration::from_secs(3));
            way.loss.set(1.0);
            way.run(Duration::from_secs(outage));
            way.loss.set(0.0);
            let status = way.run(Duration::from_secs(8));
            assert_eq!(status.path_mtu, 1500, "{controller}, {outage} s: {status:?}");
            assert_eq!(status.black_holes, 0, "{controller}, {outage} s");
        }
    }
}

/// Grown by no more than what was delivered meanwhile, whether segments become smaller or larger.
///
/// Covers: RFC 8899 8899-8
#[test]
fn a_size_that_changes_raises_no_window() {
    for controller in ALL {
        let config = TcpConfig::default().congestion(controller);
        let mut way = way(&config, Duration::from_millis(20), 4, false);
        way.run(Duration::from_secs(2));
        way.mtu.set(1400);
        let (mut fell, mut rose) = (0, 0);
        let end = way.pair.now + Duration::from_secs(30);
        let mut before = way.pair.a.tcp().status();
        let mut whole = before.cwnd;
        while way.pair.now < end {
            way.pair.write(true, &[7; 60_000]);
            assert!(way.pair.step());
            let status = way.pair.a.tcp().status();
            if status.timeouts == 0 && status.path_mtu == before.path_mtu {
                whole = before.cwnd; // as it was before the timeout that finds the black hole
            }
            if status.path_mtu != before.path_mtu {
                let delivered = (status.delivered - before.delivered) as u32;
                let mut most = before.cwnd + delivered;
                if status.path_mtu < before.path_mtu {
                    most = most.max(whole); // what a black hole had cut is taken back
                }
                // A window has room for a segment, whatever that is.
                let most = most.max(status.segment_size);
                // BBR's window is its model's again with the first ACK after a timeout, whatever segments are like.
                let modelled = controller == Congestion::Bbr && before.timeouts > 0;
                assert!(modelled || status.cwnd <= most, "{controller}: {before:?} {status:?}");
                *(if status.path_mtu < before.path_mtu { &mut fell } else { &mut rose }) += 1;
            }
            before = status;
        }
        assert!(fell >= 1 && rose >= 1, "{controller}: {fell} {rose}");
    }
}

/// The sender has less to send than the path carries: nothing is lost but probes.
///
/// Covers: RFC 8899 8899-7
#[test]
fn a_probe_that_is_lost_lowers_no_window_and_no_threshold() {
    for controller in ALL {
        let config = TcpConfig::default().congestion(controller);
        let mut way = way(&config, Duration::from_millis(20), 4, false);
        way.run(Duration::from_secs(2));
        way.mtu.set(1280);
        while way.pair.a.tcp().status().black_holes == 0 {
            way.run(Duration::from_millis(100));
        }
        way.pair.settle(Duration::from_secs(5));
        way.pair.seen.clear();
        way.pair.a.tcp().watch(true);
        let lost_before = way.pair.a.tcp().status().path_mtu_probes_lost;
        for _ in 0..300 {
            way.pair.write(true, &[7; 15_000]);
            way.pair.settle(Duration::from_millis(100));
        }
        assert!(
            way.pair.seen.iter().all(|seen| seen.kept || !seen.from_a || of(seen).is_some()),
            "{controller}"
        );
        let lost = way.pair.a.tcp().status().path_mtu_probes_lost - lost_before;
        assert!(lost >= 2, "{controller}: {lost}");
        let cut = |note| match note {
            Note::Window { trigger: Trigger::Loss | Trigger::Timeout, .. } => Some(note),
            _ => None,
        };
        let cuts: Vec<_> = std::iter::from_fn(|| way.pair.a.tcp().poll_note()).filter_map(cut).collect();
        assert!(cuts.is_empty(), "{controller}: {cuts:?}");
    }
}

/// Covers: RFC 8899 8899-1
#[test]
fn only_probes_are_larger() {
    let config = TcpConfig::default().congestion(Congestion::NewReno);
    let mut way = way(&config, Duration::from_millis(20), 4, false);
    way.run(Duration::from_secs(2));
    way.mtu.set(1280);
    while way.pair.a.tcp().status().black_holes == 0 {
        way.run(Duration::from_millis(100));
    }
    way.pair.seen.clear();
    let status = way.run(Duration::from_secs(30));
    assert!(status.path_mtu_probes_lost >= 2, "{status:?}");
    let sizes: Vec<_> = way.pair.seen.iter().filter_map(of).collect();
    assert_eq!(sizes[..3], [1500; 3]);
    let mut largest = 1200;
    for seen in &way.pair.seen {
        match of(seen) {
            Some(size) if seen.kept => largest = largest.max(usize::from(size)),
            Some(_) => {}
            None => assert!(seen.segment.payload.len() + 52 <= largest, "{seen:?}"),
        }
    }
}
