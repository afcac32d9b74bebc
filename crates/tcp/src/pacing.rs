//! When: departures as deadlines, not threads.
//!
//! ```text
//!   train ├─ octets / rate ─┤ train ├─ octets / rate ─┤ train
//!                           │◄ late ►│ what a late timer lost is caught up with, up to a bound
//! ```
//!
//! A controller that names a rate has its trains spaced by it; one that does not sends as its window allows.
//!
//! Where the path takes trains ahead of their time, those that are due soon are handed over together, each with the instant at
//! which it is to leave, and entered as sent at that instant:
//!
//! ```text
//!   now ├─ train ─┼─ train ─┼─ train ─┤ ahead
//!    └─────── handed over now ────────┘      the next time half of `ahead` before the next train's
//! ```

use env::{Duration, Instant};

/// Time of waiting too long that is caught up with. More would be a burst, and time of having had nothing to send earns
/// nothing at all.
const CATCH_UP: Duration = Duration::from_millis(2);

/// When the next train may leave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pacer {
    next: Instant,
    /// A train waits for that instant, and for nothing else.
    awaited: bool,
    /// Nothing is spaced, whatever the rate.
    off: bool,
    /// What leaves late lets the next leave sooner.
    credit: bool,
    /// Nanoseconds by which the path takes trains ahead of their time.
    ahead: u32,
}

impl Pacer {
    /// One that spaces departures, if that is `on`; with `credit`, a train that leaves late lets the next leave sooner. Trains
    /// may be handed over so far `ahead` of their time.
    pub(crate) fn new(on: bool, credit: bool, ahead: Duration) -> Self {
        let ahead = u32::try_from(ahead.as_nanos()).unwrap_or(u32::MAX);
        Self { off: !on, credit, ahead, ..Self::default() }
    }

    /// The instant before which nothing may be handed over, if it has not come yet. When it comes, there are trains for half of
    /// the time that they may be ahead, and as much is left to be late.
    pub(crate) fn wait(&self, now: Instant) -> Option<Instant> {
        let ahead = Duration::from_nanos(u64::from(self.ahead));
        (self.next > now + ahead).then(|| self.next - ahead / 2)
    }

    /// When what is handed over `now` is to leave, if that is not before `first`; `now` where everything has to wait.
    pub(crate) fn departure(&self, now: Instant, first: Instant) -> Instant {
        if self.wait(now).is_some() { now } else { self.next.max(first) }
    }

    /// Whether there is something to send that only waits for its time: told when nothing more leaves.
    pub(crate) fn set_awaited(&mut self, awaited: bool) {
        self.awaited = awaited;
    }

    /// Nothing leaves before `until`.
    pub(crate) fn hold(&mut self, until: Instant) {
        self.next = self.next.max(until);
    }

    /// `octets` leave at `now` under `rate` octets a second.
    pub(crate) fn on_sent(&mut self, now: Instant, octets: u32, rate: Option<u64>) {
        if let Some(rate) = rate.filter(|_| !self.off) {
            let lasts = Duration::from_nanos(u64::from(octets).saturating_mul(1_000_000_000) / rate.max(1));
            let bound = match (self.credit, self.awaited) {
                (true, _) => lasts / 2,
                (false, true) => CATCH_UP,
                (false, false) => Duration::ZERO,
            };
            self.next = self.next.max(now - bound) + lasts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::congestion::{AckSample, CongestionControl, Reduction};
    use crate::connection::Data;
    use crate::listener::Accepted;
    use crate::{Connection, Path, Segment, SendFlags, TcpConfig};
    use alloc::boxed::Box;
    use alloc::vec::Vec;
    use wire::tcp::{Flags, Header};
    use wire::{Mss, Payload, SeqNum, WireWindow};

    #[test]
    fn a_rate_spaces_trains_and_no_rate_does_not() {
        let now = Instant::from_secs(1);
        let mut pacer = Pacer::default();
        pacer.on_sent(now, 1_000, None);
        assert_eq!(pacer.wait(now), None);
        pacer.on_sent(now, 1_000, Some(1_000_000));
        assert_eq!(pacer.wait(now), Some(now + Duration::from_millis(1)));
        assert_eq!(pacer.wait(now + Duration::from_millis(1)), None);
    }

    #[test]
    fn a_late_timer_is_caught_up_with_to_a_bound_and_idleness_earns_nothing() {
        let start = Instant::from_secs(1);
        let at = |micros| start + Duration::from_micros(micros);
        let mut pacer = Pacer::default();
        pacer.on_sent(start, 1_000, Some(1_000_000));
        pacer.set_awaited(true);
        pacer.on_sent(at(1_700), 1_000, Some(1_000_000));
        assert_eq!(pacer.wait(at(1_700)), Some(at(2_000)), "as if it had left at 1,000");
        pacer.on_sent(at(9_000), 1_000, Some(1_000_000));
        assert_eq!(pacer.wait(at(7_999)), Some(at(8_000)), "2 ms of the 7 that it was late");
        pacer.on_sent(at(9_000), 1_000, Some(1_000_000));
        assert_eq!(pacer.wait(at(9_000)), None);
        pacer.on_sent(at(9_000), 1_000, Some(1_000_000));
        assert_eq!(pacer.wait(at(9_000)), Some(at(10_000)));
        pacer.set_awaited(false);
        pacer.on_sent(at(50_000), 1_000, Some(1_000_000));
        assert_eq!(pacer.wait(at(50_000)), Some(at(51_000)));
    }

    #[test]
    fn with_credit_a_train_that_was_late_lets_the_next_leave_sooner_by_half_its_time_at_most() {
        let start = Instant::from_secs(1);
        let at = |micros| start + Duration::from_micros(micros);
        let mut pacer = Pacer::new(true, true, Duration::ZERO);
        let mut next = |micros| {
            pacer.on_sent(at(micros), 1_000, Some(1_000_000));
            pacer.next
        };
        assert_eq!(next(0), at(500), "it could have left long ago");
        assert_eq!(next(500), at(1_500), "in time");
        assert_eq!(next(1_700), at(2_500), "0.2 ms late");
        assert_eq!(next(9_000), at(9_500));
    }

    /// A thousand octets in a millisecond, and as many in flight as anybody likes.
    #[derive(Clone, Debug)]
    struct Paced;

    impl CongestionControl for Paced {
        fn on_ack(&mut self, _: &AckSample) {}
        fn on_congestion(&mut self, _: Instant, _: u32, _: Reduction) {}
        fn on_recovered(&mut self, _: Instant, _: u32) {}
        fn on_idle(&mut self, _: Instant) {}
        fn set_segment_size(&mut self, _: u32) {}
        fn window(&self) -> u32 {
            u32::MAX
        }
        fn threshold(&self) -> u32 {
            u32::MAX
        }
        fn pacing_rate(&self) -> Option<u64> {
            Some(1_000_000)
        }
        fn phase(&self) -> &'static str {
            "paced"
        }
        fn clone_box(&self) -> Box<dyn CongestionControl> {
            Box::new(self.clone())
        }
    }

    /// A connection of segments of 1,000 octets, one a millisecond, whose peer has a window of `window`, on a path that takes
    /// them so far ahead of their time.
    fn paced(now: Instant, window: u16, ahead: Duration) -> Connection {
        let accepted = Accepted {
            iss: SeqNum::new(100),
            irs: SeqNum::new(200),
            send_mss: Mss::new(1_000),
            scales: None,
            window: WireWindow::new(window),
            timestamps: None,
            sack: false,
            ecn: None,
            round_trip: Some(Duration::from_millis(10)),
            retransmitted: false,
            receive_window: 65_535,
        };
        let path = Path { train_limit: 0, ahead, ..Path::ipv4(1500) };
        let mut tcp = Connection::accepted(now, TcpConfig::default().nagle(false), path, accepted);
        if let Data::Open(open) = &mut tcp.data {
            open.snd.congestion = Box::new(Paced);
        }
        tcp
    }

    #[test]
    fn trains_leave_in_their_time_and_no_deadline_is_left_behind() {
        let mut now = Instant::from_secs(1);
        let mut tcp = paced(now, 5_000, Duration::ZERO);
        tcp.send(now, Payload::copy_of(&[0; 8_000]), SendFlags::default()).expect("room");
        for n in 0..5 {
            assert!(tcp.poll_transmit(now).is_some() && tcp.poll_transmit(now).is_none());
            if n < 4 {
                assert_eq!(tcp.poll_timeout(), Some(now + Duration::from_millis(1)));
            }
            now += Duration::from_millis(1);
            tcp.handle_timeout(now);
        }
        // Now the window is what holds the rest back: whoever waits for a deadline may sleep.
        assert!(tcp.poll_transmit(now).is_none());
        assert!(tcp.poll_timeout().is_some_and(|at| at > now));
    }

    #[test]
    fn trains_are_handed_over_ahead_of_their_time_and_count_as_sent_at_that_time() {
        let start = Instant::from_secs(1);
        let at = |micros| start + Duration::from_micros(micros);
        let mut tcp = paced(start, 65_535, Duration::from_millis(3));
        tcp.send(start, Payload::copy_of(&[0; 20_000]), SendFlags::default()).expect("room");
        let times = |tcp: &mut Connection, now| -> Vec<Instant> {
            core::iter::from_fn(|| tcp.poll_transmit(now).map(|transmit| transmit.leaves)).collect()
        };
        assert_eq!(times(&mut tcp, start), [0, 1_000, 2_000, 3_000].map(at));
        assert_eq!(tcp.poll_timeout(), Some(at(2_500)), "half of the time is left to be late");
        assert_eq!(times(&mut tcp, at(999)), [], "4,000 is more than 3,000 ahead");
        tcp.handle_timeout(at(2_600));
        assert_eq!(times(&mut tcp, at(2_600)), [4_000, 5_000].map(at));
        // A timer that comes after their time: they leave at once, and what was lost is caught up with.
        assert_eq!(times(&mut tcp, at(7_200)), [7_200, 7_200, 8_000, 9_000, 10_000].map(at));
        // The first round trip began when the segment left, not when it was handed over.
        let header = Header {
            seq: SeqNum::new(201),
            ack: SeqNum::new(101 + 4_000),
            flags: Flags::ACK,
            window: WireWindow::new(65_535),
            ..Header::default()
        };
        let now = at(3_000 + 10_000);
        tcp.handle_segment(now, Segment { header, arrived: now, ..Segment::default() });
        assert_eq!(tcp.status().min_rtt, Some(Duration::from_millis(10)));
    }

    #[test]
    fn what_is_sent_again_has_its_time_too_but_for_the_first() {
        let mut now = Instant::from_secs(1);
        let mut tcp = paced(now, 65_535, Duration::ZERO);
        tcp.send(now, Payload::copy_of(&[0; 3_000]), SendFlags::default()).expect("room");
        for _ in 0..3 {
            assert!(tcp.poll_transmit(now).is_some() && tcp.poll_transmit(now).is_none());
            now = tcp.poll_timeout().expect("a deadline");
            tcp.handle_timeout(now);
        }
        // The retransmission timer has expired: all three are lost.
        for _ in 0..3 {
            assert!(tcp.poll_transmit(now).is_some() && tcp.poll_transmit(now).is_none());
            now += Duration::from_millis(1);
            assert!(tcp.poll_timeout().is_some_and(|at| at >= now));
            tcp.handle_timeout(now);
        }
        assert_eq!(tcp.status().retransmitted_segments, 3);
    }
}
