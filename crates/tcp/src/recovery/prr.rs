//! Proportional rate reduction: how much may leave while fast recovery lasts (RFC 9937).
//!
//! ```text
//!   in flight above the target:  send in proportion to what is delivered, so that both meet after a round trip
//!   at or below the target:      send as much as is delivered, and a segment more when an ACK shows good progress
//! ```
//!
//! It holds for controllers that cut their window by a factor; those that govern their recovery themselves have it off.

/// The state of an episode (RFC 9937 §6.1). Counts are octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prr {
    /// RecoverFS: what may still be delivered as the episode begins.
    flight: u32,
    delivered: u32,
    out: u32,
    /// What may be in flight now.
    window: u32,
}

impl Prr {
    /// An episode begins with `flight` octets sent and not known to be delivered (9937-1), of which `in_flight` are not
    /// believed lost. A timer may begin it as well: then nothing but the first retransmission leaves before an ACK comes.
    pub(super) fn new(flight: u32, in_flight: u32) -> Self {
        Self { flight: flight.max(1), delivered: 0, out: 0, window: in_flight }
    }

    /// RFC 9937 §6.2 (9937-3): an ACK delivered `delivered` octets and left `in_flight`; `safe` when it acknowledged new
    /// data and told of no loss. `target` is what the controller aims at.
    pub(super) fn on_ack(&mut self, delivered: u32, in_flight: u32, safe: bool, target: u32, segment: u32) {
        if delivered == 0 {
            return;
        }
        self.delivered = self.delivered.saturating_add(delivered);
        let mut count = if in_flight > target {
            let share = u64::from(self.delivered) * u64::from(target);
            let out = share.div_ceil(u64::from(self.flight));
            let count = u32::try_from(out).unwrap_or(u32::MAX).saturating_sub(self.out);
            // A part of a segment stands for all of it, as in figure 1; what leaves too early is counted.
            count.div_ceil(segment).saturating_mul(segment)
        } else {
            let conserving = self.delivered.saturating_sub(self.out).max(delivered);
            let growing = if safe { segment } else { 0 };
            conserving.saturating_add(growing).min(target - in_flight)
        };
        if self.out == 0 && count == 0 {
            count = segment; // a fast retransmission at once
        }
        self.window = in_flight.saturating_add(count);
    }

    /// `octets` left.
    pub(super) fn on_sent(&mut self, octets: u32) {
        self.out = self.out.saturating_add(octets);
    }

    /// What may be in flight.
    pub(super) fn window(&self) -> u32 {
        self.window
    }
}

#[cfg(test)]
mod rfc9937 {
    use super::*;
    use alloc::string::String;

    /// Figure 1's lower row: twenty segments, the first lost, limited transmit, a controller that halves.
    ///
    /// Covers: RFC 9937 9937-1, 9937-3
    #[test]
    fn one_loss_of_twenty_is_answered_in_the_rhythm_of_figure_1() {
        const SEGMENT: u32 = 1000;
        let (mut sent, mut in_flight) = (String::new(), 20);
        // Two duplicate ACKs: each lets a new segment out and the window stays full.
        sent.push_str("NN");
        // The third says that the first is lost: two segments of limited transmit, three SACKed, one lost.
        in_flight = in_flight + 2 - 3 - 1;
        let mut prr = Prr::new((20 + 2 - 2) * SEGMENT, in_flight * SEGMENT);
        let mut lost = 1;
        for ack in 3..=17 {
            if ack > 3 {
                in_flight -= 1;
            }
            prr.on_ack(SEGMENT, in_flight * SEGMENT, false, 10 * SEGMENT, SEGMENT);
            let mut line = ' ';
            while (in_flight + 1) * SEGMENT <= prr.window() {
                line = if lost > 0 { 'R' } else { 'N' };
                lost = 0;
                in_flight += 1;
                prr.on_sent(SEGMENT);
            }
            sent.push(line);
        }
        assert_eq!(sent, "NNR N N N N N N N");
        // Then as much is in flight as is aimed at, and as much leaves as is delivered.
        for _ in 18..=30 {
            in_flight -= 1;
            prr.on_ack(SEGMENT, in_flight * SEGMENT, false, 10 * SEGMENT, SEGMENT);
            in_flight = prr.window() / SEGMENT;
            prr.on_sent((prr.window() - (in_flight - 1) * SEGMENT).min(SEGMENT));
        }
        assert_eq!(in_flight, 10);
    }

    /// Covers: RFC 9937 9937-3
    #[test]
    fn below_the_target_no_more_leaves_than_was_delivered_and_a_segment_more_on_good_progress() {
        let mut prr = Prr::new(20_000, 19_000);
        prr.on_ack(1_000, 2_000, false, 10_000, 1_000);
        assert_eq!(prr.window(), 3_000);
        prr.on_sent(1_000);
        prr.on_ack(1_000, 2_000, true, 10_000, 1_000);
        assert_eq!(prr.window(), 4_000);
        prr.on_sent(2_000);
        prr.on_ack(0, 3_000, true, 10_000, 1_000);
        assert_eq!(prr.window(), 4_000, "an ACK that delivers nothing lets nothing out");
        let mut prr = Prr::new(20_000, 19_000);
        prr.on_ack(1_000, 9_500, true, 10_000, 1_000);
        assert_eq!(prr.window(), 10_000, "nor beyond the target");
    }

    /// Covers: RFC 9937 9937-3
    #[test]
    fn below_the_target_what_was_delivered_and_not_made_up_for_yet_leaves_later() {
        let mut prr = Prr::new(20_000, 4_000);
        prr.on_ack(1_000, 3_000, false, 10_000, 1_000);
        assert_eq!(prr.window(), 4_000);
        // The sender had nothing to send.
        prr.on_ack(1_000, 2_000, false, 10_000, 1_000);
        assert_eq!(prr.window(), 4_000);
        prr.on_sent(2_000);
        // It is made up for: as much as is delivered now, though more left than that in all.
        prr.on_sent(1_000);
        prr.on_ack(500, 4_500, false, 10_000, 1_000);
        assert_eq!(prr.window(), 5_000);
    }

    /// Covers: RFC 9937 9937-3
    #[test]
    fn the_first_retransmission_is_never_held_back() {
        let mut prr = Prr::new(20_000, 19_000);
        prr.on_ack(1, 30_000, false, 1, 1_000);
        prr.on_sent(1_000);
        let mut prr = Prr::new(u32::MAX, 30_000);
        prr.on_ack(1_000, 30_000, false, 0, 1_000);
        assert_eq!(prr.window(), 31_000);
    }
}
