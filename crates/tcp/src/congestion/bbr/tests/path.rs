//! A path for tests: one bottleneck with a queue that drops what does not fit, a round trip, loss by chance, ACKs in
//! lumps; and a sender that obeys window and pace. Time is virtual, and chance has a seed.

use super::super::{Bbr, State};
use crate::congestion::{AckSample, CongestionControl, Departure, Reduction, Repair, Start};
use crate::recovery::rate::{Sampler, Snapshot};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use env::{Duration, Instant, Rng};
use wire::SeqNum;

pub(super) const MSS: u32 = 1_448;

/// Octets a second of so many Mbit/s.
pub(super) const fn mbit(n: u64) -> u64 {
    n * 125_000
}

pub(super) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

struct Packet {
    id: u64,
    sent_at: Instant,
    snapshot: Snapshot,
    /// When its ACK arrives; `None` for never.
    acked_at: Option<Instant>,
}

pub(super) struct Path {
    pub(super) bbr: Bbr,
    pub(super) now: Instant,
    pub(super) sampler: Sampler,
    /// Octets a second.
    pub(super) rate: u64,
    pub(super) rtt: Duration,
    /// Octets that the queue holds.
    pub(super) queue: u64,
    /// Loss by chance, 0 to 1.
    pub(super) loss: f64,
    /// ACKs arrive at multiples of this only.
    pub(super) lumps: Option<Duration>,
    /// Octets a second that the application writes; `None` for as many as go.
    pub(super) supply: Option<u64>,
    supplied: (Instant, u64),
    /// Octets that have left since `supplied`.
    used: u64,
    chance: Rng,
    link_free: Instant,
    next_send: Instant,
    last_ack: Instant,
    next_id: u64,
    out: VecDeque<Packet>,
    pub(super) in_flight: u32,
    /// Recovery goes on until this one is behind.
    recover: Option<u64>,
    repair: Repair,
    pub(super) lost: u64,
    pub(super) timeouts: u32,
    /// The states that were gone through, and since when.
    pub(super) states: Vec<(Instant, State)>,
    /// The longest queue since it was last looked at, in octets.
    pub(super) longest: u64,
}

impl Path {
    pub(super) fn new(rate: u64, rtt: Duration) -> Self {
        Self::seeded(rate, rtt, 7)
    }

    /// One whose flow draws from `seed`.
    pub(super) fn seeded(rate: u64, rtt: Duration, seed: u64) -> Self {
        let now = Instant::from_secs(1);
        let start = Start {
            now,
            initial: 10 * MSS,
            segment_size: MSS,
            round_trip: Some(rtt),
            sack: true,
            in_full: false,
            habits: crate::CongestionHabits::default(),
            seed,
        };
        Self {
            bbr: Bbr::new(&start),
            now,
            sampler: Sampler::default(),
            rate,
            rtt,
            queue: super::super::model::carried(rate, rtt).max(20 * u64::from(MSS)),
            loss: 0.0,
            lumps: None,
            supply: None,
            supplied: (now, 0),
            used: 0,
            chance: Rng::seeded(11),
            link_free: now,
            next_send: now,
            last_ack: now,
            next_id: 0,
            out: VecDeque::new(),
            in_flight: 0,
            recover: None,
            repair: Repair::None,
            lost: 0,
            timeouts: 0,
            states: alloc::vec![(now, State::Startup)],
            longest: 0,
        }
    }

    pub(super) fn bdp(&self) -> u64 {
        super::super::model::carried(self.rate, self.rtt)
    }

    /// Runs for so long; octets delivered meanwhile.
    pub(super) fn run(&mut self, time: Duration) -> u64 {
        let (until, before) = (self.now + time, self.sampler.delivered());
        while self.step(until) {}
        self.now = until;
        self.sampler.delivered() - before
    }

    /// Runs for so long; the share of what the bottleneck could have carried.
    pub(super) fn share(&mut self, time: Duration) -> f64 {
        self.run(time) as f64 / (self.rate as f64 * time.as_secs_f64())
    }

    /// Runs until `state` is entered anew, or `None` if that takes more than `most`.
    pub(super) fn run_into(&mut self, state: State, most: Duration) -> Option<()> {
        let until = self.now + most;
        let seen = self.states.len();
        while self.step(until) {
            if self.states[seen..].iter().any(|(_, entered)| *entered == state) {
                return Some(());
            }
        }
        None
    }

    /// Sets what the application writes from now on.
    pub(super) fn write(&mut self, supply: Option<u64>) {
        self.supply = supply;
        self.supplied = (self.now, 0);
        self.used = 0;
    }

    /// When the application has a segment to send: now, later, or never.
    fn data_at(&self) -> Option<Instant> {
        let Some(supply) = self.supply else { return Some(self.now) };
        let need = self.used + u64::from(MSS);
        let wait = need.checked_mul(1_000_000_000)?.checked_div(supply)?;
        Some((self.supplied.0 + Duration::from_nanos(wait)).max(self.now))
    }

    fn room(&self) -> bool {
        self.in_flight + MSS <= self.bbr.window()
    }

    fn step(&mut self, until: Instant) -> bool {
        let ack = self.out.iter().find_map(|packet| packet.acked_at);
        let send = self.data_at().filter(|_| self.room()).map(|data| data.max(self.next_send));
        let rto = (self.in_flight > 0).then(|| self.last_ack + (self.rtt * 3).max(ms(200)));
        let next = [ack, send, rto].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= until) else { return false };
        self.now = self.now.max(next);
        if ack.is_some_and(|at| at <= self.now) {
            self.take_acks();
        } else if send.is_some_and(|at| at <= self.now) {
            self.send();
        } else {
            self.time_out();
        }
        let state = self.bbr.state;
        if self.states.last().is_none_or(|(_, last)| *last != state) {
            self.states.push((self.now, state));
        }
        true
    }

    /// CheckIfApplicationLimited.
    fn check_limited(&mut self) {
        if self.data_at().is_none_or(|at| at > self.now) && self.room() {
            self.sampler.on_app_limited(self.in_flight);
        }
    }

    fn send(&mut self) {
        if self.supply.is_some() && self.in_flight == 0 {
            self.sampler.on_app_limited(0);
        }
        self.bbr.on_sent(&Departure {
            now: self.now,
            octets: MSS,
            in_flight: self.in_flight,
            total_delivered: self.sampler.delivered(),
            again: false,
            app_limited: self.in_flight == 0 && self.sampler.is_app_limited(),
        });
        let snapshot = self.sampler.on_sent(self.now, self.in_flight, MSS);
        if self.in_flight == 0 {
            self.last_ack = self.now;
        }
        self.in_flight += MSS;
        self.used += u64::from(MSS);
        let backlog = super::super::model::carried(self.rate, self.link_free.since(self.now));
        self.longest = self.longest.max(backlog);
        let dropped = backlog + u64::from(MSS) > self.queue || self.chance.chance(self.loss);
        let acked_at = (!dropped).then(|| {
            self.link_free = self.link_free.max(self.now) + time_of(MSS, self.rate);
            self.lumped(self.link_free + self.rtt)
        });
        self.out.push_back(Packet { id: self.next_id, sent_at: self.now, snapshot, acked_at });
        self.next_id += 1;
        let pace = self.bbr.pacing_rate().expect("BBR paces");
        self.next_send = self.next_send.max(self.now) + time_of(MSS, pace);
    }

    fn lumped(&self, at: Instant) -> Instant {
        let Some(lump) = self.lumps.map(|lump| lump.as_nanos() as u64) else { return at };
        Instant::from_nanos(at.as_nanos().div_ceil(lump) * lump)
    }

    fn take_acks(&mut self) {
        self.check_limited();
        let prior = self.in_flight;
        let limited = !self.room();
        let (mut delivered, mut newest) = (0, None);
        let now = self.now;
        // What is lost lies in front of what arrives, and arrivals keep their order.
        let mut missing = Vec::new();
        while let Some(packet) = self.out.pop_front_if(|packet| packet.acked_at.is_none_or(|at| at <= now)) {
            if packet.acked_at.is_none() {
                missing.push(packet);
                continue;
            }
            let end = SeqNum::new(packet.id as u32);
            self.sampler.on_delivered(now, MSS, &packet.snapshot, packet.sent_at, end);
            delivered += MSS;
            newest = Some((packet.id, packet.sent_at));
        }
        missing.into_iter().rev().for_each(|packet| self.out.push_front(packet));
        let (newest_id, sent_at) = newest.expect("an ACK is due");
        self.in_flight -= delivered;
        let lost = self.find_lost(newest_id.saturating_sub(2));
        self.last_ack = now;
        if self.repair != Repair::None && self.out.front().map(|p| p.id) >= self.recover {
            if self.repair == Repair::Recovery {
                self.bbr.on_recovered(now, self.in_flight);
            }
            self.repair = Repair::None;
        }
        let sample = AckSample {
            now,
            acked: delivered,
            delivered,
            total_delivered: self.sampler.delivered(),
            lost,
            prior_in_flight: prior,
            in_flight: self.in_flight,
            round_trip: Some(now.since(sent_at)),
            min_round_trip: Some(self.rtt),
            smoothed: Some(self.rtt),
            window_limited: limited,
            repair: self.repair,
            rate: self.sampler.sample(Some(self.rtt)),
            ..AckSample::default()
        };
        self.bbr.on_ack(&sample);
    }

    /// What left before `before` and is still out is lost.
    fn find_lost(&mut self, before: u64) -> u32 {
        let mut octets = 0;
        while let Some(packet) =
            self.out.pop_front_if(|packet| packet.id < before && packet.acked_at.is_none())
        {
            self.in_flight -= MSS;
            self.lost += 1;
            octets += MSS;
            let sample = self.sampler.on_lost(self.now, MSS, &packet.snapshot);
            self.bbr.on_lost(&sample);
        }
        if octets > 0 && self.repair == Repair::None {
            self.repair = Repair::Recovery;
            self.recover = Some(self.next_id);
            self.bbr.on_congestion(self.now, self.in_flight + octets, Reduction::Loss);
        }
        octets
    }

    fn time_out(&mut self) {
        self.timeouts += 1;
        self.last_ack = self.now;
        let flight = self.in_flight;
        self.repair = Repair::Timeout;
        self.recover = Some(self.next_id);
        self.find_lost(u64::MAX);
        self.bbr.on_congestion(self.now, flight, Reduction::Timeout { again: false });
        self.next_send = self.now;
    }
}

/// How long `octets` take at `rate` octets a second.
fn time_of(octets: u32, rate: u64) -> Duration {
    Duration::from_nanos(u64::from(octets) * 1_000_000_000 / rate.max(1))
}
