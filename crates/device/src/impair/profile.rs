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
    /// How often a packet arrives twice.
    pub duplicate: f64,
    /// How often one bit of a packet, anywhere in its IP packet, is flipped.
    pub corrupt: f64,
    /// When the link is cut. Default never.
    pub cuts: Vec<Cut>,
    /// IP packets with more octets than this are dropped. Default no limit.
    pub mtu: Option<usize>,
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
            duplicate: 0.0,
            corrupt: 0.0,
            cuts: Vec::new(),
            mtu: None,
            drop: Vec::new(),
        }
    }
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
