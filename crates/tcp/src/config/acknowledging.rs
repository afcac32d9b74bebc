//! What is acknowledged when: how long an ACK and a report of a hole may wait, and how many challenges are answered.

use super::TcpConfig;
use crate::ConfigError;
use crate::sabotage::Sabotage;
use env::Duration;

impl TcpConfig {
    /// How long an ACK may wait. Default 40 ms; under 500 ms.
    ///
    /// # Errors
    /// [`ConfigError::AckDelay`] at 500 ms and above (RFC 9293 §3.8.6.3, MUST-40).
    pub fn ack_delay(self, delay: Duration) -> Result<Self, ConfigError> {
        if delay >= Duration::from_millis(500) {
            return Err(ConfigError::AckDelay);
        }
        Ok(Self { ack_delay: delay, ..self })
    }

    /// How long a peer may delay the ACK of a lone segment: a tail loss probe waits so much longer for it (RFC 8985 §7.2,
    /// 8985-11). Default 50 ms, our own 40 ms and most others', and a little; up to 500 ms.
    ///
    /// # Errors
    /// [`ConfigError::AckDelay`] above 500 ms (RFC 9293 §3.8.6.3, MUST-40).
    pub fn peer_ack_delay(self, delay: Duration) -> Result<Self, ConfigError> {
        if delay > Duration::from_millis(500) {
            return Err(ConfigError::AckDelay);
        }
        Ok(Self { peer_ack_delay: delay, ..self })
    }

    /// Whether ACKs wait for the answers that they can travel with: once data was sent soon after something came, what comes
    /// next is acknowledged late from its first segment on, and so is a FIN. An ACK that has waited in vain ends that. Saves
    /// an ACK a request and costs nothing but where a sender waits for one. Default off: the first sixteen segments, and
    /// each FIN, are acknowledged at once (RFC 9293 §3.8.6.3, SHLD-18 allows both).
    #[must_use]
    pub fn answers_carry_acks(self, on: bool) -> Self {
        Self { answers_carry_acks: on, ..self }
    }

    /// How long a report of what came above a hole may wait for those after it, where SACK was agreed on, and how many wait
    /// together. The first three answers since the number acknowledged moved go at once (RFC 5681 §4.2, 5681-16, 5681-29), and so does
    /// whatever tells of a FIN, a duplicate, marks, or a hole that is filled, or a part of it (5681-17); nothing waits
    /// longer than a twentieth of the round trip, or at all where none was measured.
    ///
    /// Default 1 ms and 44, which are Linux's figures: packets that overtook others by less are never told of, a sender is not
    /// misled by the quickest of them, and fewer ACKs are sent. With no delay, or none that may wait, each segment above a
    /// hole is answered at once.
    ///
    /// # Errors
    /// [`ConfigError::AckDelay`] at 500 ms and above (RFC 9293 §3.8.6.3, MUST-40).
    pub fn report_delay(self, longest: Duration, most: u8) -> Result<Self, ConfigError> {
        if longest >= Duration::from_millis(500) {
            return Err(ConfigError::AckDelay);
        }
        Ok(Self { report_delay: longest, report_limit: most, ..self })
    }

    /// Whether the peer's FIN ends reports of what came twice, as Linux has it: who has sent all has no rate to put right any more,
    /// and the ACK of its FIN is shorter. Default no: that ACK reports, too (RFC 2883 §4).
    #[must_use]
    pub fn fin_ends_reports(self, on: bool) -> Self {
        Self { fin_ends_reports: on, ..self }
    }

    /// Challenge ACKs that one connection sends in a second. Default 10, at least 1 (RFC 5961 §7: 5961-9, 5961-10;
    /// counted per connection, for a global count is a side channel: CVE-2016-5696).
    #[must_use]
    pub fn challenge_acks(self, per_second: u8) -> Self {
        Self { challenge_acks: per_second.max(1), ..self }
    }

    /// Challenge ACKs that a record may send in a second.
    pub(crate) fn challenge_budget(&self) -> u8 {
        if self.fault.has(Sabotage::ChallengeUnlimited) { u8::MAX } else { self.challenge_acks }
    }
}

#[cfg(test)]
mod rfc9293_3_8_6_3 {
    use super::*;

    /// Covers: RFC 9293 MUST-40
    #[test]
    fn an_ack_may_not_wait_half_a_second() {
        assert_eq!(TcpConfig::default().ack_delay(Duration::from_millis(500)), Err(ConfigError::AckDelay));
        assert!(TcpConfig::default().ack_delay(Duration::from_millis(499)).is_ok());
        assert_eq!(
            TcpConfig::default().report_delay(Duration::from_millis(500), 1),
            Err(ConfigError::AckDelay)
        );
    }
}
