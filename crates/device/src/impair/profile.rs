//! What a link is like.

use env::{Duration, Instant};
use std::num::NonZeroU64;

/// What one direction of a link is like. The default is a perfect link: at once, all of it, in order.
///
/// Probabilities are shares of one, for each packet alone; values outside 0 to 1 count as the nearer of the two.
///
/// ```
/// use handfast_device::impair::Profile;
/// let profile: Profile = "delay=40ms,loss=1%,rate=20mbit".parse()?;
/// assert_eq!(profile.loss, 0.01);
/// assert_eq!(profile.to_string().parse(), Ok(profile));
/// # Ok::<_, handfast_device::impair::ProfileError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// From leaving the sender until arrival. Default none.
    pub delay: Duration,
    /// Each packet's delay differs by up to so much, either way, uniformly. Default none. Order is kept (a late
    /// packet holds up those behind it) unless [`shuffle`](Self::shuffle) is set.
    pub jitter: Duration,
    /// Jitter may let one packet overtake another. Default no.
    pub shuffle: bool,
    /// Bits a second that leave the sender; frames count whole. Default no limit.
    pub rate: Option<NonZeroU64>,
    /// What may wait for its turn where there is a rate; the rest is dropped (tail drop).
    pub queue: Queue,
    /// How often a packet is lost, each for itself.
    pub loss: f64,
    /// Loss that comes in bursts, on top of `loss`. Default none.
    pub burst: Option<Burst>,
    /// How often a packet is held back, so that those behind it may overtake it.
    pub reorder: f64,
    /// For how long it is held back. Default 10 ms. On a slow link it must exceed the time between packets.
    pub reorder_by: Duration,
    /// It is held back for any time up to `reorder_by`, uniformly, and not for exactly so long. Default no.
    pub reorder_any: bool,
    /// How often a packet arrives twice.
    pub duplicate: f64,
    /// How often one bit of a packet, anywhere in its IP packet, is flipped.
    pub corrupt: f64,
    /// When the link is cut. Default never.
    pub cuts: Vec<Cut>,
    /// IP packets with more octets than this are dropped in silence: nobody is told by ICMP. Default no limit.
    pub mtu: Option<usize>,
    /// A packet that says it understands marks (ECT) and makes more octets than this wait for the rate is marked CE
    /// (RFC 3168 §5) instead of nothing. Default never.
    pub mark: Option<usize>,
    /// How often a packet's marks are wiped out, and that it understands any, as equipment does that takes the ECN field
    /// for a part of the old TOS octet. Default never.
    pub bleach: f64,
    /// How often a packet's ECN field becomes one of its four values, each as likely as the others. Default never.
    pub mangle: f64,
    /// What becomes of the link later: the last one that has come by counts, whatever their order here. Default
    /// nothing.
    pub changes: Vec<Change>,
    /// Packets to lose, counted from 1 over the link's life. Default none.
    pub drop: Vec<u64>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            shuffle: false,
            rate: None,
            queue: Queue::default(),
            loss: 0.0,
            burst: None,
            reorder: 0.0,
            reorder_by: Duration::from_millis(10),
            reorder_any: false,
            duplicate: 0.0,
            corrupt: 0.0,
            cuts: Vec::new(),
            mtu: None,
            mark: None,
            bleach: 0.0,
            mangle: 0.0,
            changes: Vec::new(),
            drop: Vec::new(),
        }
    }
}

impl Profile {
    /// The same link for a clock that shows `by` when this one's shows zero: cuts and changes come so much later.
    #[must_use]
    pub fn later(mut self, by: Duration) -> Self {
        for cut in &mut self.cuts {
            *cut = Cut { from: cut.from + by, until: cut.until + by };
        }
        for change in &mut self.changes {
            change.at += by;
        }
        self
    }

    /// [`rate`](Self::rate) as it stands at `now`.
    pub fn rate_at(&self, now: Instant) -> Option<NonZeroU64> {
        self.latest(now, |becomes| match becomes {
            Becomes::Rate(rate) => Some(rate),
            _ => None,
        })
        .or(self.rate)
    }

    /// [`mtu`](Self::mtu) as it stands at `now`.
    pub fn mtu_at(&self, now: Instant) -> Option<usize> {
        self.latest(now, |becomes| match becomes {
            Becomes::Mtu(mtu) => Some(mtu),
            _ => None,
        })
        .or(self.mtu)
    }

    /// [`delay`](Self::delay) as it stands at `now`.
    pub fn delay_at(&self, now: Instant) -> Duration {
        self.latest(now, |becomes| match becomes {
            Becomes::Delay(delay) => Some(delay),
            _ => None,
        })
        .unwrap_or(self.delay)
    }

    /// [`loss`](Self::loss) as it stands at `now`.
    pub fn loss_at(&self, now: Instant) -> f64 {
        self.latest(now, |becomes| match becomes {
            Becomes::Loss(loss) => Some(loss),
            _ => None,
        })
        .unwrap_or(self.loss)
    }

    /// When the rate changes next after `now`.
    pub(super) fn next_rate(&self, now: Instant) -> Option<Instant> {
        let later = self.changes.iter().filter(|change| change.at > now);
        later.filter(|change| matches!(change.to, Becomes::Rate(_))).map(|change| change.at).min()
    }

    fn latest<T>(&self, now: Instant, of: impl Fn(Becomes) -> Option<T>) -> Option<T> {
        let past = self.changes.iter().filter(|change| change.at <= now);
        past.filter_map(|change| of(change.to).map(|value| (change.at, value)))
            .max_by_key(|(at, _)| *at)
            .map(|(_, value)| value)
    }
}

/// A property of a link that is another from some instant on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The first instant at which it is so.
    pub at: Instant,
    /// What it is then.
    pub to: Becomes,
}

/// What a link becomes like.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Becomes {
    /// [`Profile::rate`]: what waits already leaves at the new rate, too.
    Rate(NonZeroU64),
    /// [`Profile::mtu`]: a path that led elsewhere. It tells nobody.
    Mtu(usize),
    /// [`Profile::delay`] of packets that leave the queue from then on.
    Delay(Duration),
    /// [`Profile::loss`].
    Loss(f64),
}

/// How much may wait for a rate-limited link. A packet that finds the link idle never waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Packets. Default 1,000.
    pub packets: usize,
    /// Octets. Default no limit.
    pub octets: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self { packets: 1000, octets: usize::MAX }
    }
}

/// Loss of the Gilbert–Elliott kind: the link is in a good or a bad state, moves before each packet by chance, and
/// loses by chance in each.
///
/// A link is bad `enter / (enter + leave)` of the time, for `1 / leave` packets on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// How often it turns bad while it is good (p).
    pub enter: f64,
    /// How often it turns good while it is bad (r).
    pub leave: f64,
    /// How often a packet is lost while it is bad (1 − h). Commonly 1.
    pub bad: f64,
    /// How often a packet is lost while it is good (1 − k). Commonly 0.
    pub good: f64,
}

/// A time in which everything that enters or leaves the link is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Its first instant.
    pub from: Instant,
    /// The first instant after it.
    pub until: Instant,
}

impl Cut {
    /// Whether `at` lies in it.
    pub fn covers(&self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }
}
