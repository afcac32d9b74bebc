//! The paths: what may be wrong between two hosts, one thing each.
//!
//! ```text
//!   sender ─► rate, queue ─► trouble ─► delay: RTT/2 ─► receiver        data
//!          ◄──────────────── trouble ◄─ delay: RTT/2 ◄─                 acknowledgments
//! ```
//!
//! The trouble is on the data's way, but for lost acknowledgments, and for an outage, which cuts both.

use device::impair::{Becomes, Change, Cut, Profile, Queue};
use env::{Duration, Instant};
use std::num::NonZeroU64;

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Nothing,
    /// Packets are lost by chance, each for itself.
    Loss(f64),
    /// Packets are held back by half a round trip; none is lost.
    Reorder(f64),
    /// Each packet's delay differs by up to so much, either way, and may let it overtake.
    Jitter(Duration),
    /// Acknowledgments are lost by chance.
    AckLoss(f64),
    /// The queue before the bottleneck holds such a share of what is on the path.
    Queue(f64),
    /// From an instant on nothing passes, either way, for so long, and in runs with other seeds for up to twice as long.
    Outage(Duration, Duration),
    /// From an instant on, packets larger than this vanish, and nobody tells.
    Narrow(Duration, usize),
}

/// A path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// A name for programs.
    pub name: &'static str,
    /// What people read.
    pub title: &'static str,
    trouble: Trouble,
}

/// All of them, in the order of the table.
pub const PATHS: [Path; 9] = [
    Path::new("clean", "clean", Trouble::Nothing),
    Path::new("loss-0.1", "0.1 % loss", Trouble::Loss(0.001)),
    Path::new("loss-1", "1 % loss", Trouble::Loss(0.01)),
    Path::new("reorder", "3 % reordered by RTT/2", Trouble::Reorder(0.03)),
    Path::new("jitter", "jitter ±10 ms", Trouble::Jitter(Duration::from_millis(10))),
    Path::new("ack-loss", "10 % of ACKs lost", Trouble::AckLoss(0.1)),
    Path::new("shallow", "queue of 0.1 BDP", Trouble::Queue(0.1)),
    Path::new(
        "outage",
        "2.5 to 5 s outage",
        Trouble::Outage(Duration::from_millis(1500), Duration::from_millis(2500)),
    ),
    Path::new("narrow", "MTU falls to 1280", Trouble::Narrow(Duration::from_millis(1500), 1280)),
];

/// A path at a rate and a round trip, as links: instants count from the beginning of the run.
#[derive(Clone, Debug)]
pub(super) struct Links {
    pub(super) data: Profile,
    pub(super) acks: Profile,
}

impl Path {
    const fn new(name: &'static str, title: &'static str, trouble: Trouble) -> Self {
        Self { name, title, trouble }
    }

    /// The path of that name.
    pub fn named(name: &str) -> Option<Self> {
        PATHS.into_iter().find(|path| path.name == name)
    }

    /// The two links, at `rate` bits a second and a round trip of `rtt`, in a run of `seed` that begins at `began`.
    pub(super) fn links(&self, rate: NonZeroU64, rtt: Duration, began: Instant, seed: u64) -> Links {
        let delay = rtt / 2;
        let product = rate.get() as f64 / 8.0 * rtt.as_secs_f64();
        let queue = |share: f64| Queue { packets: usize::MAX, octets: (product * share) as usize };
        let mut data = Profile { delay, rate: Some(rate), queue: queue(1.0), ..Profile::default() };
        let mut acks = Profile { delay, ..Profile::default() };
        match self.trouble {
            Trouble::Nothing => {}
            Trouble::Loss(share) => data.loss = share,
            Trouble::Reorder(share) => (data.reorder, data.reorder_by) = (share, rtt / 2),
            Trouble::Jitter(most) => (data.jitter, data.shuffle) = (most, true),
            Trouble::AckLoss(share) => acks.loss = share,
            Trouble::Queue(share) => data.queue = queue(share),
            Trouble::Outage(from, lasting) => {
                let cut = Cut { from: began + from, until: began + from + stretched(lasting, seed) };
                data.cuts.push(cut);
                acks.cuts.push(cut);
            }
            Trouble::Narrow(from, octets) => {
                data.changes.push(Change { at: began + from, to: Becomes::Mtu(octets) });
            }
        }
        Links { data, acks }
    }

    /// How long a run must last at least to show what comes after the trouble.
    pub(super) fn at_least(&self) -> Duration {
        match self.trouble {
            Trouble::Outage(from, lasting) => from + lasting * 2 + Duration::from_millis(4500),
            Trouble::Narrow(from, _) => from + Duration::from_millis(8500),
            _ => Duration::ZERO,
        }
    }

    /// From when on a silence is the trouble's doing, counted from the beginning of the run: once an outage is over, or
    /// the path is narrow.
    pub(super) fn silent_from(&self, seed: u64) -> Option<Duration> {
        match self.trouble {
            Trouble::Outage(from, lasting) => Some(from + stretched(lasting, seed)),
            Trouble::Narrow(from, _) => Some(from),
            _ => None,
        }
    }

    /// Whether the kernel needs probing of the path's MTU switched on to survive this.
    pub(super) fn wants_probing(&self) -> bool {
        matches!(self.trouble, Trouble::Narrow(..))
    }

    /// Whether what comes of it is a matter of chance, or of few events: then one run says little.
    pub(super) fn is_chancy(&self) -> bool {
        !matches!(self.trouble, Trouble::Nothing | Trouble::AckLoss(_))
    }

    /// Whether packets come late there, and none is lost but for want of room: what is sent again is sent without need.
    pub(super) fn only_delays(&self) -> bool {
        matches!(self.trouble, Trouble::Reorder(_) | Trouble::Jitter(_))
    }
}

/// An outage of `shortest`, or of up to twice as long, by the seed.
///
/// Timers double: how soon one looks after the end of an outage is decided by where that end lies between two looks, and
/// whether a flow did one thing more before the outage moves all of them. Lengths are spread over a doubling, evenly as timers
/// see it, by multiples of the golden section, which lie evenly however many there are.
fn stretched(shortest: Duration, seed: u64) -> Duration {
    let golden = (seed % 1024) as f64 * 0.618_033_988_749_895;
    Duration::from_secs_f64(shortest.as_secs_f64() * golden.fract().exp2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unlike_and_found() {
        for path in PATHS {
            assert_eq!(Path::named(path.name), Some(path));
        }
        assert_eq!(Path::named("muddy"), None);
    }

    #[test]
    fn a_round_trip_is_shared_by_both_links_and_the_queue_holds_what_is_on_the_path() {
        let rate = NonZeroU64::new(100_000_000).unwrap();
        for path in PATHS {
            let links = path.links(rate, Duration::from_millis(100), Instant::from_secs(1), 1);
            assert_eq!(links.data.delay + links.acks.delay, Duration::from_millis(100));
            let expected = if path.name == "shallow" { 125_000 } else { 1_250_000 };
            assert_eq!(links.data.queue.octets, expected, "{}", path.name);
            assert_eq!(links.data.rate, Some(rate));
        }
    }

    #[test]
    fn each_path_but_the_clean_one_has_one_trouble_that_a_run_lasts_for() {
        let (rate, began) = (NonZeroU64::new(1_000_000).unwrap(), Instant::from_secs(1));
        let links = |path: Path| {
            let Links { data, acks } = path.links(rate, Duration::from_millis(20), began, 2);
            (data, acks)
        };
        let clean = links(PATHS[0]);
        for path in &PATHS[1..] {
            assert_ne!(links(*path), clean, "{}", path.name);
        }
        let outage = Path::named("outage").unwrap();
        let cut = outage.links(rate, Duration::from_millis(20), began, 2).acks.cuts[0];
        assert_eq!(Some(cut.until.since(began)), outage.silent_from(2));
        assert!(outage.at_least() > cut.until.since(began));
    }

    #[test]
    fn a_few_outages_lie_evenly_over_a_doubling() {
        let shortest = Duration::from_secs(3);
        let mut octaves: Vec<f64> =
            (1..=5).map(|seed| (stretched(shortest, seed).as_secs_f64() / 3.0).log2()).collect();
        octaves.sort_by(f64::total_cmp);
        for (index, octave) in octaves.into_iter().enumerate() {
            let fifth = index as f64 / 5.0;
            assert!((fifth..fifth + 0.2).contains(&octave), "the {index}th at {octave}");
        }
    }
}
