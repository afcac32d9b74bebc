//! One direction of a link.

use super::bottleneck::Bottleneck;
use super::flying::{Air, Flying};
use super::mark::{mark, remark};
use super::{Cut, LinkEvent, Lost, Profile, Verdict, What};
use crate::memory::{landed, packet_start};
use crate::{Capabilities, Medium, finish, ip_offset};
use env::{Duration, Instant, Rng};
use std::fmt;
use std::sync::Arc;
use wire::{Ecn, Frame, Head, Offload};

/// Packets that may be on their way at once: a long delay may not hold any amount of memory.
pub const MAX_IN_FLIGHT: usize = 1 << 18;

type Judge = dyn Fn(&Frame, u64) -> Verdict + Send + Sync;

/// One direction of a link: packets go in with [`offer`](Self::offer) and come out of [`poll`](Self::poll) late,
/// out of order, twice, harmed or not at all, as its [`Profile`] says.
///
/// `now` never goes back. A clone goes on with the same fates.
///
/// ```
/// use handfast_device::impair::{Link, Profile};
/// use handfast_device::{Frame, Instant, Medium};
/// let mut link = Link::new(Medium::Ip, "delay=5ms".parse()?, 1);
/// link.offer(Instant::ZERO, Frame { body: b"packet".into(), ..Frame::default() }, &mut |_| {});
/// assert_eq!(link.poll(Instant::ZERO, &mut |_| {}), None);
/// let due = link.poll_timeout().unwrap();
/// assert_eq!(link.poll(due, &mut |_| {}).unwrap().arrived, Instant::from_millis(5));
/// # Ok::<_, handfast_device::impair::ProfileError>(())
/// ```
#[derive(Clone)]
pub struct Link {
    medium: Medium,
    profile: Profile,
    judge: Option<Arc<Judge>>,
    rng: Rng,
    /// The bad state of [`super::Burst`].
    bad: bool,
    bottleneck: Bottleneck,
    air: Air,
    /// The latest arrival of a packet that keeps its place.
    latest: Instant,
    counters: LinkCounters,
}

/// What has become of the packets of a link.
///
/// At any time `offered + duplicated == delivered + lost() + in flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Packets that went in.
    pub offered: u64,
    /// Second copies made.
    pub duplicated: u64,
    /// Packets with a bit flipped.
    pub corrupted: u64,
    /// Packets held back.
    pub reordered: u64,
    /// Packets marked CE.
    pub marked: u64,
    /// Packets that came out.
    pub delivered: u64,
    lost: [u64; Lost::ALL.len()],
}

impl LinkCounters {
    /// Packets lost for this reason.
    pub fn lost_by(&self, why: Lost) -> u64 {
        self.lost[why as usize]
    }

    /// Packets lost.
    pub fn lost(&self) -> u64 {
        self.lost.iter().sum()
    }
}

/// The chances of one packet, all drawn at once and in this order: turning one impairment on leaves what the others
/// do as it was.
struct Draws {
    loss: f64,
    state: f64,
    burst: f64,
    jitter: [f64; 2],
    reorder: f64,
    duplicate: f64,
    corrupt: f64,
    bit: u64,
}

impl Draws {
    fn new(rng: &mut Rng) -> Self {
        Self {
            loss: rng.unit(),
            state: rng.unit(),
            burst: rng.unit(),
            jitter: [rng.unit(), rng.unit()],
            reorder: rng.unit(),
            duplicate: rng.unit(),
            corrupt: rng.unit(),
            bit: rng.next_u64(),
        }
    }
}

impl Link {
    /// A link for frames of `medium` that draws its chances from `seed`.
    pub fn new(medium: Medium, profile: Profile, seed: u64) -> Self {
        Self::with_rng(medium, profile, Rng::seeded(seed))
    }

    /// A link that draws its chances from `rng`.
    pub fn with_rng(medium: Medium, profile: Profile, rng: Rng) -> Self {
        Self {
            medium,
            profile,
            judge: None,
            rng,
            bad: false,
            bottleneck: Bottleneck::default(),
            air: Air::default(),
            latest: Instant::ZERO,
            counters: LinkCounters::default(),
        }
    }

    /// What the link is like now.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What it is like from now on. What is on its way arrives as it was told.
    pub fn profile_mut(&mut self) -> &mut Profile {
        &mut self.profile
    }

    /// Cuts the link: whatever enters or leaves it from `from` until just before `until` is lost.
    pub fn cut(&mut self, from: Instant, until: Instant) {
        self.profile.cuts.push(Cut { from, until });
    }

    /// Asks `judge` about each packet from now on, with its number from 1 over the link's life, before the profile
    /// is: for scenes in which this very packet is lost. The packet is one slice, its checksum complete.
    pub fn set_judge(&mut self, judge: impl Fn(&Frame, u64) -> Verdict + Send + Sync + 'static) {
        self.judge = Some(Arc::new(judge));
    }

    /// What has become of the packets so far.
    pub fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// Packets on their way.
    pub fn in_flight(&self) -> usize {
        self.air.len()
    }

    /// Takes a frame that leaves its sender at `now`. A train is cut and a partial checksum finished first: each
    /// packet has a fate of its own. Tells what happens.
    pub fn offer(&mut self, now: Instant, frame: Frame, tell: &mut dyn FnMut(LinkEvent)) {
        let nothing = Capabilities { medium: self.medium, mtu: usize::MAX, ..Capabilities::default() };
        let (id, octets) = (frame.id, frame.len());
        let mut part = 0;
        let whole = finish(frame, &nothing, &mut |packet| {
            self.judge_packet(now, packet, part, tell);
            part += 1;
        });
        if !whole {
            self.counters.offered += 1;
            self.lose(LinkEvent { at: now, id, part, octets, what: What::Lost(Lost::Malformed) }, tell);
        }
    }

    /// Takes the next packet that has arrived by `now`, in the order of arrival, stamped with its instant.
    pub fn poll(&mut self, now: Instant, tell: &mut dyn FnMut(LinkEvent)) -> Option<Frame> {
        while self.poll_timeout()? <= now {
            let Flying { arrives, part, packet, .. } = self.air.take()?;
            let event = |what| LinkEvent { at: arrives, id: packet.id, part, octets: packet.len(), what };
            if self.is_cut(arrives) {
                self.lose(event(What::Lost(Lost::Cut)), tell);
                continue;
            }
            self.counters.delivered += 1;
            tell(event(What::Delivered));
            return Some(Frame { arrived: arrives, leaves: Instant::ZERO, ..landed(packet) });
        }
        None
    }

    /// When the next packet arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.air.next()
    }

    /// Octets that wait for the rate or are being sent at `now`, and how long the last of them will take: what a packet
    /// would wait that came now.
    pub fn waiting(&self, now: Instant) -> (usize, Duration) {
        self.bottleneck.standing(now)
    }

    fn lose(&mut self, event: LinkEvent, tell: &mut dyn FnMut(LinkEvent)) {
        if let What::Lost(why) = event.what {
            self.counters.lost[why as usize] += 1;
        }
        tell(event);
    }

    fn is_cut(&self, at: Instant) -> bool {
        self.profile.cuts.iter().any(|cut| cut.covers(at))
    }

    /// Everything that may happen to one packet, in the order of the module's picture.
    fn judge_packet(&mut self, now: Instant, mut packet: Frame, part: u32, tell: &mut dyn FnMut(LinkEvent)) {
        self.counters.offered += 1;
        let draws = Draws::new(&mut self.rng);
        let verdict = match &self.judge {
            Some(judge) => {
                packet = landed(packet);
                judge(&packet, self.counters.offered)
            }
            None => Verdict::Pass,
        };
        let (id, octets) = (packet.id, packet.len());
        let event = |what| LinkEvent { at: now, id, part, octets, what };

        let (leaves, crowded) = match self.enter(now, &packet, &draws, verdict) {
            Ok(entered) => entered,
            Err(why) => return self.lose(event(What::Lost(why)), tell),
        };
        if crowded && mark(&mut packet, self.medium) {
            self.counters.marked += 1;
            tell(event(What::Marked));
        }
        if self.misreads(&mut packet) {
            tell(event(What::Remarked));
        }
        let held = match verdict {
            Verdict::Delay(extra) => Some(extra),
            _ => self.held_back(&draws),
        };
        let copy = (verdict == Verdict::Duplicate || draws.duplicate < self.profile.duplicate)
            .then(|| packet.clone());
        let packet = if verdict == Verdict::Corrupt || draws.corrupt < self.profile.corrupt {
            let (packet, bit) = flip(packet, self.medium, draws.bit);
            self.counters.corrupted += u64::from(bit.is_some());
            bit.into_iter().for_each(|bit| tell(event(What::Corrupted { bit })));
            packet
        } else {
            packet
        };
        if held.is_some() {
            self.counters.reordered += 1;
            tell(event(What::Reordered));
        }
        let [first, second] = draws.jitter;
        let arrives = self.fly(leaves, held, first, packet, part);
        tell(event(What::Queued { delay: arrives.since(now) }));
        if let Some(copy) = copy {
            self.counters.duplicated += 1;
            tell(event(What::Duplicated));
            if self.air.len() >= MAX_IN_FLIGHT {
                return self.lose(event(What::Lost(Lost::InFlight)), tell);
            }
            let arrives = self.fly(leaves, None, second, copy, part);
            tell(event(What::Queued { delay: arrives.since(now) }));
        }
    }

    /// Rewrites the ECN field where the path does not leave it alone; says whether it did. Nothing is drawn on a path that
    /// does, so that its chance stays what it was.
    fn misreads(&mut self, packet: &mut Frame) -> bool {
        let Profile { bleach, mangle, .. } = self.profile;
        let bleached =
            bleach > 0.0 && self.rng.unit() < bleach && remark(packet, self.medium, |_| Ecn::NotEct);
        let mangled = mangle > 0.0 && self.rng.unit() < mangle && {
            let value = Ecn::from_bits(self.rng.next_u32() as u8);
            remark(packet, self.medium, |_| value)
        };
        bleached || mangled
    }

    /// For how long a packet is held back, if it is.
    fn held_back(&self, draws: &Draws) -> Option<Duration> {
        let Profile { reorder, reorder_by, reorder_any, .. } = self.profile;
        // Of the draws below the share, each is as likely as any other.
        let part = if reorder_any { draws.reorder / reorder } else { 1.0 };
        (draws.reorder < reorder).then(|| reorder_by.mul_f64(part.clamp(0.0, 1.0)))
    }

    /// Until the packet has left its sender: when that is, and whether so much waited that it is to be marked; or why it
    /// never arrives.
    fn enter(
        &mut self,
        now: Instant,
        packet: &Frame,
        draws: &Draws,
        verdict: Verdict,
    ) -> Result<(Instant, bool), Lost> {
        let ip = ip_offset(self.medium, packet_start(packet)).ok_or(Lost::Malformed)?;
        let profile = &self.profile;
        if profile.mtu_at(now).is_some_and(|mtu| packet.len().saturating_sub(ip) > mtu) {
            return Err(Lost::TooLarge);
        }
        if verdict == Verdict::Drop || profile.drop.contains(&self.counters.offered) {
            return Err(Lost::Judged);
        }
        if self.is_cut(now) {
            return Err(Lost::Cut);
        }
        if self.air.len() >= MAX_IN_FLIGHT {
            return Err(Lost::InFlight);
        }
        let passage = self.bottleneck.enter(now, packet.len(), &self.profile).ok_or(Lost::QueueFull)?;
        // The medium loses only what was sent on it: a lost packet has used the sender's time.
        if let Some(burst) = self.profile.burst {
            self.bad = if self.bad { draws.state >= burst.leave } else { draws.state < burst.enter };
            if draws.burst < if self.bad { burst.bad } else { burst.good } {
                return Err(Lost::Burst);
            }
        }
        if draws.loss < self.profile.loss_at(now) {
            return Err(Lost::Chance);
        }
        Ok((passage.leaves, self.profile.mark.is_some_and(|most| passage.waiting > most)))
    }

    /// Sends a packet on its way; gives its arrival.
    fn fly(
        &mut self,
        leaves: Instant,
        held: Option<Duration>,
        jitter: f64,
        packet: Frame,
        part: u32,
    ) -> Instant {
        let Profile { jitter: most, shuffle, .. } = self.profile;
        let due = leaves + self.profile.delay_at(leaves);
        let swing = most.mul_f64((jitter * 2.0 - 1.0).abs());
        let due = if jitter < 0.5 { (due - swing).max(leaves) } else { due + swing };
        let arrives = match held {
            Some(extra) => due + extra,
            None if shuffle => due,
            None => {
                self.latest = self.latest.max(due);
                self.latest
            }
        };
        self.air.add(arrives, part, packet);
        arrives
    }
}

/// Flips one bit of the IP packet, and takes back whatever was known of its checksum: its receiver must look. The
/// bit is `None` when there is none to flip.
fn flip(packet: Frame, medium: Medium, draw: u64) -> (Frame, Option<u32>) {
    let mut octets = packet.to_vec();
    let ip = ip_offset(medium, &octets).unwrap_or(octets.len()).min(octets.len());
    let bits = (octets.len() - ip) as u64 * 8;
    if bits == 0 {
        return (packet, None);
    }
    let bit = draw % bits;
    octets[ip + (bit / 8) as usize] ^= 0x80 >> (bit % 8);
    let harmed = Frame { head: Head::new(), body: octets.into(), offload: Offload::default(), ..packet };
    (harmed, Some(bit as u32))
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("medium", &self.medium)
            .field("profile", &self.profile)
            .field("judge", &self.judge.is_some())
            .field("in_flight", &self.air.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
