//! What a path is like: a rate, a round trip, and one trouble.
//!
//! ```text
//!    sender ══ queue ═► rate ═► rtt ÷ 2, trouble ═══► receiver
//!           ◄═════════ rtt ÷ 2, some of the troubles ══
//! ```

use device::impair::{Becomes, Burst, Change, Cut, Profile, Queue};
use env::{Duration, Instant};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// The IP packets of a path before anything happens to it, in octets.
pub const MTU: u16 = 1500;
/// When a trouble that comes once comes, counted from the first SYN.
pub const TROUBLE_AT: Duration = Duration::from_secs(5);
/// How long an outage lasts.
pub const OUTAGE: Duration = Duration::from_secs(10);

/// A path between two hosts with one bottleneck.
///
/// ```
/// use handfast_sim::paths::{Path, Trouble};
/// let path: Path = "100mbit/20ms/loss-1%".parse()?;
/// assert_eq!(path.trouble, Trouble::Loss(1.0));
/// assert_eq!(path.bandwidth_delay_product(), 250_000);
/// assert_eq!(path.to_string(), "100mbit/20ms/loss-1%");
/// # Ok::<_, handfast_sim::paths::NotAPath>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Bits a second that the bottleneck takes; IP packets count whole.
    pub rate: NonZeroU64,
    /// The round trip without any waiting, half of it each way.
    pub rtt: Duration,
    /// What is wrong with it.
    pub trouble: Trouble,
}

/// What is wrong with a path. Where nothing else is said, it is so in the direction of the data only, and the queue holds
/// one bandwidth-delay product, or 16 packets if that is more.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Trouble {
    /// Nothing.
    Clean,
    /// So many percent of packets are lost, each for itself.
    Loss(f64),
    /// One packet in 1,000 begins a burst, in which on average four are lost.
    Bursts,
    /// 3 % of packets are held back for up to half a round trip.
    Reordering,
    /// 3 % of packets are held back for half a round trip, and the receiver drops what its timestamps then say is old
    /// (RFC 7323 §5.3, R1).
    HeldBack,
    /// Each packet's delay differs by up to 20 ms either way (never less than none), and packets overtake each other.
    Jitter,
    /// 10 % of acknowledgments are lost.
    AckLoss,
    /// The queue holds a tenth of a bandwidth-delay product, or 4 packets if that is more.
    ShallowQueue,
    /// The queue holds ten bandwidth-delay products.
    BloatedQueue,
    /// Above half a bandwidth-delay product of waiting, packets are marked CE if they may be.
    Marks,
    /// The rate falls to a quarter after 5 s and is whole again 5 s later.
    RateChanges,
    /// Both directions are cut for 10 s after 5 s.
    Outage,
    /// After 5 s no IP packet above 1280 octets gets through any more, and nobody is told.
    MtuFalls,
}

impl Trouble {
    /// The troubles of the table, in its order.
    pub const ALL: [Self; 16] = [
        Self::Clean,
        Self::Loss(0.01),
        Self::Loss(0.1),
        Self::Loss(1.0),
        Self::Loss(5.0),
        Self::Bursts,
        Self::Reordering,
        Self::HeldBack,
        Self::Jitter,
        Self::AckLoss,
        Self::ShallowQueue,
        Self::BloatedQueue,
        Self::Marks,
        Self::RateChanges,
        Self::Outage,
        Self::MtuFalls,
    ];
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clean => "clean",
            Self::Loss(percent) => return write!(f, "loss-{percent}%"),
            Self::Bursts => "bursts",
            Self::Reordering => "reordering",
            Self::HeldBack => "held-back",
            Self::Jitter => "jitter",
            Self::AckLoss => "ack-loss",
            Self::ShallowQueue => "shallow-queue",
            Self::BloatedQueue => "bloated-queue",
            Self::Marks => "marks",
            Self::RateChanges => "rate-changes",
            Self::Outage => "outage",
            Self::MtuFalls => "mtu-falls",
        })
    }
}

/// What was written is not a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPath(String);

impl fmt::Display for NotAPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no path: write rate/rtt/trouble, as in 100mbit/20ms/clean; troubles are", self.0)?;
        Trouble::ALL.iter().try_for_each(|trouble| write!(f, " {trouble}"))
    }
}

impl std::error::Error for NotAPath {}

impl FromStr for Path {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let wrong = || NotAPath(text.to_owned());
        let mut parts = text.split('/');
        let (Some(rate), Some(rtt)) = (parts.next(), parts.next()) else { return Err(wrong()) };
        let trouble = parts.next().unwrap_or("clean");
        // A link's own written form knows how rates and times are written.
        let link: Profile = format!("rate={rate},delay={rtt}").parse().map_err(|_| wrong())?;
        let rate = link.rate.filter(|_| link.changes.is_empty()).ok_or_else(wrong)?;
        let known = Trouble::ALL.into_iter().find(|known| known.to_string() == trouble);
        let lossy = trouble.strip_prefix("loss-").and_then(|share| share.strip_suffix('%')?.parse().ok());
        let lossy = lossy.filter(|percent| (0.0..=100.0).contains(percent)).map(Trouble::Loss);
        match known.or(lossy) {
            Some(trouble) if parts.next().is_none() && link.delay <= Duration::from_secs(10) => {
                Ok(Self { rate, rtt: link.delay, trouble })
            }
            _ => Err(wrong()),
        }
    }
}

/// In the form that [`FromStr`] reads.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = Profile { rate: Some(self.rate), delay: self.rtt, ..Profile::default() }.to_string();
        let rtt = link.split(',').find_map(|part| part.strip_prefix("delay=")).unwrap_or("0s");
        write!(f, "{}/{rtt}/{}", shown(self.rate), self.trouble)
    }
}

/// A rate in the largest unit that says it exactly.
fn shown(rate: NonZeroU64) -> String {
    let units = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000)];
    // Gigabits only from ten on: 1000mbit stands better in a column with 100mbit.
    let unit = units
        .into_iter()
        .find(|&(name, unit)| rate.get().is_multiple_of(unit) && (name != "gbit" || rate.get() >= 10 * unit));
    unit.map_or_else(|| format!("{rate}bit"), |(name, unit)| format!("{}{name}", rate.get() / unit))
}

impl Path {
    /// Octets that fill the path once: rate × round trip.
    pub fn bandwidth_delay_product(&self) -> usize {
        let octets = u128::from(self.rate.get()) * self.rtt.as_nanos() / 8_000_000_000;
        usize::try_from(octets).unwrap_or(usize::MAX)
    }

    /// For how long it is looked at: less where packets are many, longer where something happens on the way.
    pub fn span(&self) -> Duration {
        let many = self.rate.get() > 200_000_000;
        Duration::from_secs(match self.trouble {
            // Long enough for a timeout that backed off for as long as the outage lasts.
            Trouble::Outage => 30,
            // Half of it is after the fall, the stall and the slow start from there.
            Trouble::MtuFalls => 20,
            Trouble::RateChanges if many => 12,
            _ if many && self.rtt <= Duration::from_millis(20) => 4,
            _ if many => 10,
            _ => 20,
        })
    }

    /// When it is cut, counted from the first SYN.
    pub fn outage(&self) -> Option<(Duration, Duration)> {
        (self.trouble == Trouble::Outage).then_some((TROUBLE_AT, TROUBLE_AT + OUTAGE))
    }

    /// Octets of IP packets that the bottleneck can carry up to `until`, counted from the first SYN.
    pub fn capacity(&self, until: Duration) -> f64 {
        let within =
            |from: Duration, to: Duration| until.min(to).saturating_sub(until.min(from)).as_secs_f64();
        let seconds = match self.trouble {
            Trouble::Outage => until.as_secs_f64() - within(TROUBLE_AT, TROUBLE_AT + OUTAGE),
            Trouble::RateChanges => until.as_secs_f64() - 0.75 * within(TROUBLE_AT, TROUBLE_AT * 2),
            _ => until.as_secs_f64(),
        };
        self.rate.get() as f64 / 8.0 * seconds
    }

    /// The queue before the bottleneck, in octets.
    pub fn queue(&self) -> usize {
        let (tenths, least) = match self.trouble {
            Trouble::ShallowQueue => (1, 4),
            Trouble::BloatedQueue => (100, 16),
            _ => (10, 16),
        };
        (self.bandwidth_delay_product().saturating_mul(tenths) / 10).max(least * usize::from(MTU))
    }

    /// The link from sender to receiver, and the one back, for a clock that shows zero at the first SYN.
    pub fn links(&self) -> (Profile, Profile) {
        let queue = Queue { packets: usize::MAX, octets: self.queue() };
        let mut back = Profile {
            delay: self.rtt / 2,
            rate: Some(self.rate),
            queue: Queue { octets: usize::MAX, ..queue },
            ..Profile::default()
        };
        let mut there = Profile { queue, ..back.clone() };
        match self.trouble {
            Trouble::Clean | Trouble::ShallowQueue | Trouble::BloatedQueue => {}
            Trouble::Loss(percent) => there.loss = percent / 100.0,
            Trouble::Bursts => there.burst = Some(Burst { enter: 0.001, leave: 0.25, bad: 1.0, good: 0.0 }),
            Trouble::Reordering => {
                (there.reorder, there.reorder_by, there.reorder_any) = (0.03, self.rtt / 2, true);
            }
            Trouble::HeldBack => (there.reorder, there.reorder_by) = (0.03, self.rtt / 2),
            Trouble::Jitter => (there.jitter, there.shuffle) = (Duration::from_millis(20), true),
            Trouble::AckLoss => back.loss = 0.1,
            Trouble::Marks => there.mark = Some(queue.octets / 2),
            Trouble::RateChanges => there.changes = self.rates(),
            Trouble::Outage => {
                let from = Instant::ZERO + TROUBLE_AT;
                let cut = Cut { from, until: from + OUTAGE };
                there.cuts.push(cut);
                back.cuts.push(cut);
            }
            Trouble::MtuFalls => {
                there.changes = vec![Change { at: Instant::ZERO + TROUBLE_AT, to: Becomes::Mtu(1280) }];
            }
        }
        (there, back)
    }

    fn rates(&self) -> Vec<Change> {
        let low = NonZeroU64::new(self.rate.get() / 4).unwrap_or(NonZeroU64::MIN);
        let at = Instant::ZERO + TROUBLE_AT;
        [(at, low), (at + TROUBLE_AT, self.rate)]
            .map(|(at, rate)| Change { at, to: Becomes::Rate(rate) })
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_alike_and_what_is_no_path_is_refused() {
        for trouble in Trouble::ALL.into_iter().chain([Trouble::Loss(2.5)]) {
            for (rate, rtt) in [(10_000_000, 1), (1_000_000_000, 300), (12_345, 20)] {
                let path =
                    Path { rate: NonZeroU64::new(rate).unwrap(), rtt: Duration::from_millis(rtt), trouble };
                assert_eq!(path.to_string().parse(), Ok(path));
            }
        }
        assert_eq!("10mbit/1ms".parse::<Path>().unwrap().trouble, Trouble::Clean);
        for text in [
            "",
            "10mbit",
            "10mbit/1ms/x",
            "10mbit/1ms/loss-101%",
            "10mbit/20s",
            "10mbit/1ms/clean/x",
            "10mbit@1s/1ms",
            "1ms/10mbit",
        ] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }

    #[test]
    fn capacity_is_what_the_bottleneck_could_have_carried() {
        let of = |trouble: &str, until| {
            format!("8mbit/20ms/{trouble}").parse::<Path>().unwrap().capacity(Duration::from_secs(until))
        };
        assert_eq!(of("clean", 20), 20e6);
        assert_eq!([of("outage", 4), of("outage", 9), of("outage", 30)], [4e6, 5e6, 20e6]);
        assert_eq!(
            [of("rate-changes", 5), of("rate-changes", 7), of("rate-changes", 20)],
            [5e6, 5.5e6, 16.25e6]
        );
    }

    #[test]
    fn queues_are_parts_of_a_bandwidth_delay_product_but_never_less_than_a_few_packets() {
        let queue = |text: &str| text.parse::<Path>().unwrap().queue();
        assert_eq!(queue("100mbit/100ms/clean"), 1_250_000);
        assert_eq!(queue("100mbit/100ms/bloated-queue"), 12_500_000);
        assert_eq!(queue("100mbit/100ms/shallow-queue"), 125_000);
        assert_eq!((queue("10mbit/1ms/clean"), queue("10mbit/1ms/shallow-queue")), (24_000, 6_000));
    }
}
