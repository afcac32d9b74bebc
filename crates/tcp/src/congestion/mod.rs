//! How much may be in flight: congestion control behind a small trait that sees values only.
//!
//! ```text
//!   recovery (what is lost) ──AckSample, LossSample, Reduction──► CongestionControl ──window, rate, train──► sender
//!   sender ──Departure───────────────────────────────────────────►       │
//!                                                     one file each: new_reno …, or a user's own
//! ```
//!
//! A controller never sees the connection: it can be tested, read and replaced alone.

mod bbr;
mod classic;
mod cubic;
mod dctcp;
mod exit;
mod habits;
mod hystart;
mod new_reno;
mod pace;
mod undo;
mod validation;

pub use habits::{CongestionHabits, SlowStartExit};

use bbr::Bbr;
use cubic::Cubic;
use dctcp::Dctcp;
use new_reno::NewReno;
pub(crate) use undo::MOST as MOST_UNDOS;

use crate::Congestion;
use alloc::boxed::Box;
use core::fmt::Debug;
pub use env::{Duration, Instant};

/// What a controller is built from, when the handshake has settled how large segments are. Counts are octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// When.
    pub now: Instant,
    /// The window to begin with (RFC 6928 §2).
    pub initial: u32,
    /// Octets of payload in a full segment.
    pub segment_size: u32,
    /// The handshake's round trip, if it measured one.
    pub round_trip: Option<Duration>,
    /// Whether the peer tells what it has beyond the first hole (RFC 2018): else one loss a round trip is all that shows.
    pub sack: bool,
    /// Whether an ACK of many segments opens the window by all of them in slow start, though nothing is paced (L of RFC 9406
    /// §4.3 is then no limit): as Linux has it.
    pub in_full: bool,
    /// What is left to choose of a controller that counts a window.
    pub habits: CongestionHabits,
    /// Something to draw from, the same in every replay: a controller has no other chance.
    pub seed: u64,
}

/// A controller of a user's own, by name: [`crate::Congestion::Custom`].
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    /// What tools call it; two of the same name are taken for the same.
    pub name: &'static str,
    /// Builds one for a connection.
    pub new: fn(&Start) -> Box<dyn CongestionControl>,
}

impl PartialEq for Controller {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Controller {}

/// Whether loss is being repaired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repair {
    /// Nothing is known to be lost.
    #[default]
    None,
    /// Fast recovery: the window is the recovery's business (RFC 9937), unless the controller governs it.
    Recovery,
    /// After a timeout: slow start repairs.
    Timeout,
}

/// An ACK that delivered something, as a controller sees it. All counts are octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AckSample {
    /// When it arrived.
    pub now: Instant,
    /// Newly acknowledged, cumulatively.
    pub acked: u32,
    /// Newly delivered: acknowledged or SACKed, each octet once; without SACK less what duplicate ACKs told of.
    pub delivered: u32,
    /// It acknowledges nothing new, whatever its SACK blocks deliver, and segments are not known to come late: no window grows
    /// for it, so that what limited transmit lets out stays what it is (RFC 5681 §3.1, §3.2; RFC 3042 §2).
    pub duplicate: bool,
    /// All that was ever delivered, these included.
    pub total_delivered: u64,
    /// Newly believed lost.
    pub lost: u32,
    /// Of what was delivered, how much the peer told to have been marked by the network (RFC 3168, 9768).
    pub marked: u32,
    /// In flight before it arrived.
    pub prior_in_flight: u32,
    /// In flight after it.
    pub in_flight: u32,
    /// The round trip that it measured, if it did.
    pub round_trip: Option<Duration>,
    /// The shortest round trip of the connection so far.
    pub min_round_trip: Option<Duration>,
    /// The smoothed one (RFC 6298 §2).
    pub smoothed: Option<Duration>,
    /// Whether the window was what held the sender back. When it was not, the window proves nothing and must not
    /// grow (RFC 7661's reason).
    pub window_limited: bool,
    /// Whether loss is being repaired.
    pub repair: Repair,
    /// How fast data was delivered, if it could be measured.
    pub rate: Option<RateSample>,
}

/// How fast data was delivered, over the flight of the newest thing that this ACK delivered
/// (draft-ietf-ccwg-bbr §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateSample {
    /// Octets a second; 0 when none could be told, though the rest holds.
    pub rate: u64,
    /// Octets delivered between the departure of that thing and this ACK.
    pub delivered: u64,
    /// The time that took, of sending or of acknowledging, whichever was longer.
    pub interval: Duration,
    /// What had been delivered in all when that thing was sent: rounds are counted by it.
    pub prior_delivered: u64,
    /// Whether the sender had nothing to send then: the sample may be too low.
    pub app_limited: bool,
    /// In flight right after it was sent, itself included.
    pub in_flight: u32,
    /// Octets lost since then.
    pub lost: u32,
}

/// A piece that is now believed lost, as a controller sees it. Counts are octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossSample {
    /// When that was inferred.
    pub now: Instant,
    /// How much.
    pub octets: u32,
    /// In flight right after it was sent, itself included.
    pub in_flight: u32,
    /// Lost since it was sent, itself included.
    pub lost: u32,
    /// All that had been delivered when it was sent.
    pub prior_delivered: u64,
    /// Whether the sender had nothing more to send then.
    pub app_limited: bool,
}

/// Something leaves, as a controller sees it. Counts are octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Departure {
    /// When.
    pub now: Instant,
    /// How much.
    pub octets: u32,
    /// In flight before it left.
    pub in_flight: u32,
    /// All that was ever delivered.
    pub total_delivered: u64,
    /// Whether it was sent before.
    pub again: bool,
    /// Whether nothing was out because there was nothing to send.
    pub app_limited: bool,
}

/// What a controller must answer by sending less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Loss inferred from ACKs, for the first time in this window of data (RFC 5681 §3.2).
    Loss,
    /// The network marked what we sent, for the first time in this window of data (RFC 3168 §6.1.2).
    Ecn,
    /// A retransmission timeout; `again` when it is not the first of the same segment (RFC 5681 §3.1).
    Timeout {
        /// Whether this segment has timed out before.
        again: bool,
    },
}

/// A congestion controller. Windows and thresholds are octets, rates octets a second.
pub trait CongestionControl: Debug + Send + Sync {
    /// An ACK delivered something; in fast recovery too, and `sample.repair` says so.
    fn on_ack(&mut self, sample: &AckSample);

    /// There was congestion while `in_flight` octets were out: once a window of data.
    fn on_congestion(&mut self, now: Instant, in_flight: u32, reduction: Reduction);

    /// A piece is believed lost; before [`on_congestion`](Self::on_congestion) and `on_ack` of the same ACK.
    fn on_lost(&mut self, _sample: &LossSample) {}

    /// Fast recovery is over, with `in_flight` octets out (RFC 6582 §3.2, step 3).
    fn on_recovered(&mut self, now: Instant, in_flight: u32);

    /// Something leaves.
    fn on_sent(&mut self, _departure: &Departure) {}

    /// Nothing was sent for longer than a retransmission timeout (RFC 5681 §4.1).
    fn on_idle(&mut self, now: Instant);

    /// The last reduction, for loss or a timeout, was a mistake: window and threshold become what they were, or larger
    /// (RFC 4015, 9438 §4.9). Then the one before it may turn out to be one, too, and this is told again.
    fn on_spurious(&mut self, _now: Instant) {}

    /// The sender's segment size changed.
    fn set_segment_size(&mut self, octets: u32);

    /// Octets that may be in flight: a segment at least, or nothing would ever be acknowledged.
    fn window(&self) -> u32;

    /// The slow-start threshold.
    fn threshold(&self) -> u32;

    /// How fast to send; `None` sends as the window allows.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }

    /// Octets of a train at most, so that no burst is longer than the rate deserves; `None` leaves it to the sender.
    fn train_limit(&self) -> Option<u32> {
        None
    }

    /// Whether its window holds in fast recovery as well; else the recovery lets out what RFC 9937 says.
    fn governs_recovery(&self) -> bool {
        false
    }

    /// Whether it answers marks in proportion, so that packets may carry ECT(1) (RFC 9331 §4).
    fn is_scalable(&self) -> bool {
        false
    }

    /// What it is about now, for people: "slow start", "CSS", "ProbeBW_UP" ….
    fn phase(&self) -> &'static str;

    /// A copy.
    fn clone_box(&self) -> Box<dyn CongestionControl>;
}

/// The controller that `kind` names. The only place where one is made.
pub(crate) fn build(kind: Congestion, start: &Start) -> Box<dyn CongestionControl> {
    match kind {
        Congestion::NewReno => Box::new(NewReno::new(start)),
        Congestion::Bbr => Box::new(Bbr::new(start)),
        Congestion::Cubic => Box::new(Cubic::new(start)),
        Congestion::Dctcp => Box::new(Dctcp::new(start)),
        Congestion::Custom(controller) => (controller.new)(start),
    }
}

impl Clone for Box<dyn CongestionControl> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// RFC 6928 §2: `segments` segments, but no more than the larger of two segments and 14,600 octets (5681-4, 6928-1).
pub(crate) fn initial_window(segments: u8, segment_size: u32) -> u32 {
    u32::from(segments).saturating_mul(segment_size).min(segment_size.saturating_mul(2).max(14_600))
}

#[cfg(test)]
mod rfc6928_2 {
    use super::*;

    /// Covers: RFC 6928 6928-1; RFC 5681 5681-4
    #[test]
    fn ten_segments_but_no_more_than_14600_octets() {
        assert_eq!(initial_window(10, 1460), 14_600);
        assert_eq!(initial_window(10, 536), 5_360);
        assert_eq!(initial_window(10, 8_960), 17_920);
        assert_eq!(initial_window(1, 1460), 1_460);
    }
}
