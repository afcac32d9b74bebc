//! Timers of what was sent: when it is sent again, when it is given up, and how long records outlive a connection.

use super::TcpConfig;
use crate::ConfigError;
use crate::sabotage::Sabotage;
use env::Duration;

/// The least that RFC 6298 §2.5 lets the longest timeout be.
pub(super) const LEAST_RTO_MAX: Duration = Duration::from_secs(60);

impl TcpConfig {
    /// Retransmission timeout: before any sample, at least, at most. Default 1 s, 200 ms, 60 s.
    ///
    /// RFC 6298 §2.4 rounds up to one second (6298-6), and has the most at 60 s or above (6298-7); like every stack
    /// of today we take 200 ms, which the delayed ACK of 40 ms leaves room for (a documented exception to a SHOULD).
    ///
    /// # Errors
    /// [`ConfigError::Rto`] unless 0 < `min` ≤ `initial` ≤ `max` and `max` ≥ 60 s.
    pub fn rto(self, initial: Duration, min: Duration, max: Duration) -> Result<Self, ConfigError> {
        let sound = !min.is_zero() && min <= initial && initial <= max && max >= LEAST_RTO_MAX;
        if !sound {
            return Err(ConfigError::Rto);
        }
        Ok(Self { rto_initial: initial, rto_min: min, rto_max: max, ..self })
    }

    /// The longest that is waited before something is sent again, in the handshake as later. [`rto`](Self::rto) takes a minute
    /// and more, as RFC 6298 §2.5 has it (6298-7); less is for networks whose round trips are known to be short, and for who
    /// would rather be told early than spare a network that is down.
    ///
    /// # Errors
    /// [`ConfigError::Rto`] below the first timeout.
    pub fn back_off_limit(self, longest: Duration) -> Result<Self, ConfigError> {
        if longest < self.rto_initial {
            return Err(ConfigError::Rto);
        }
        Ok(Self { rto_max: longest, ..self })
    }

    /// Whether samples of the round trip weigh the less the more of them a round trip brings (RFC 7323 §4.2, 7323-19). Default
    /// yes. Off: each weighs an eighth (RFC 6298 §2.3), so that the average follows a queue that builds up within a round.
    #[must_use]
    pub fn scaled_rtt_gains(self, on: bool) -> Self {
        Self { scaled_rtt_gains: on, ..self }
    }

    /// Tail loss probes (RFC 8985 §7). Default on.
    #[must_use]
    pub fn loss_probe(self, on: bool) -> Self {
        Self { loss_probe: on, ..self }
    }

    /// R1: retransmissions of one segment after which the IP layer and the user are told. Default 3, at least 3
    /// (RFC 9293 MUST-20, SHLD-9, SHLD-10).
    ///
    /// # Errors
    /// [`ConfigError::R1`] below 3.
    pub fn r1(self, retransmissions: u8) -> Result<Self, ConfigError> {
        if retransmissions < 3 {
            return Err(ConfigError::R1);
        }
        Ok(Self { r1: retransmissions, ..self })
    }

    /// R2 as a time: how long sent data may stay unacknowledged. Default five minutes, as the OPEN call of RFC 9293
    /// §3.9.1 has it (SHLD-11 asks for at least 100 s; MUST-21 lets the user choose; RFC 5482 calls it the user
    /// timeout). Limited to between one second and the 32,767 minutes that RFC 5482's option can name (5482-5): none at
    /// all would end a connection at its first segment, and no end would keep what a dead peer left behind.
    #[must_use]
    pub fn user_timeout(self, timeout: Duration) -> Self {
        Self { user_timeout: limited(timeout), ..self }
    }

    /// R2 while opening. Default four minutes: retransmissions go on for more than three (RFC 9293 MUST-23).
    #[must_use]
    pub fn syn_timeout(self, timeout: Duration) -> Self {
        Self { syn_timeout: timeout, ..self }
    }

    /// Timeouts of our SYN after which its next is no longer than the last. Default none: each doubles (RFC 6298 §5.5, 6298-13).
    /// Where SYNs are lost for want of nothing but luck, a few a second apart open a connection sooner, and cost a network
    /// in trouble little; more than eight are not allowed.
    #[must_use]
    pub fn syn_linear_timeouts(self, timeouts: u8) -> Self {
        Self { syn_linear_timeouts: timeouts.min(8), ..self }
    }

    /// Maximum segment lifetime: TIME-WAIT lasts twice as long (RFC 9293 MUST-13). Default 30 s; the RFC's own figure
    /// of two minutes is called an engineering choice there.
    ///
    /// # Errors
    /// [`ConfigError::Msl`] at zero.
    pub fn msl(self, lifetime: Duration) -> Result<Self, ConfigError> {
        if lifetime.is_zero() {
            return Err(ConfigError::Msl);
        }
        Ok(Self { msl: lifetime, ..self })
    }

    /// How long FIN-WAIT-2 lasts once the user has let go of the connection. Default 60 s. Not in the RFC: without it
    /// a silent peer keeps the record for ever.
    #[must_use]
    pub fn fin_wait_2_timeout(self, timeout: Duration) -> Self {
        Self { fin_wait_2_timeout: timeout, ..self }
    }

    /// Twice the maximum segment lifetime: how long TIME-WAIT lasts.
    pub fn time_wait(&self) -> Duration {
        if self.fault.has(Sabotage::ShortTimeWait) {
            return Duration::from_secs(1);
        }
        self.msl.saturating_mul(2)
    }
}

/// A user timeout within its limits (5482-5).
pub(crate) fn limited(timeout: Duration) -> Duration {
    timeout.clamp(Duration::from_secs(1), Duration::from_secs(32_767 * 60))
}

#[cfg(test)]
mod rfc9293_3_8_3 {
    use super::*;

    /// Covers: RFC 5482 5482-5
    #[test]
    fn a_user_timeout_is_neither_none_nor_endless() {
        let timeout = |asked| TcpConfig::default().user_timeout(asked).user_timeout;
        assert_eq!(timeout(Duration::ZERO), Duration::from_secs(1));
        assert_eq!(timeout(Duration::from_secs(7)), Duration::from_secs(7));
        assert_eq!(timeout(Duration::MAX), Duration::from_secs(32_767 * 60));
    }

    /// Covers: RFC 9293 SHLD-10, SHLD-11; RFC 6298 6298-7
    #[test]
    fn limits_of_persistence_are_the_rfcs() {
        let config = TcpConfig::default();
        assert!(config.r1 >= 3 && config.user_timeout >= Duration::from_secs(100));
        assert_eq!(config.clone().r1(2), Err(ConfigError::R1));
        let (initial, min) = (Duration::from_secs(1), Duration::from_millis(200));
        assert_eq!(config.clone().rto(initial, min, Duration::from_secs(59)), Err(ConfigError::Rto));
        assert_eq!(config.rto(min, initial, Duration::from_secs(60)), Err(ConfigError::Rto));
    }
}
