//! Peers that say nothing, or that their window is shut: how they are asked, and for how long.

use super::TcpConfig;
use crate::ConfigError;
use env::Duration;

/// Keep-alive probing (RFC 9293 §3.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KeepAlive {
    /// Silence before the first probe. Default two hours (RFC 9293 MUST-28).
    pub idle: Duration,
    /// Time between unanswered probes. Default 75 s.
    pub interval: Duration,
    /// Unanswered probes after which the connection is dead. Default 9 (more than one: RFC 9293 MUST-29).
    pub probes: u8,
    /// Whether a probe carries one octet that the peer already has, for peers that ignore empty ones (RFC 9293
    /// MAY-6). Default off (RFC 9293 SHLD-12).
    pub garbage_octet: bool,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(7200),
            interval: Duration::from_secs(75),
            probes: 9,
            garbage_octet: false,
        }
    }
}

impl TcpConfig {
    /// Keep-alive. Default off (RFC 9293 MUST-25, MAY-5).
    ///
    /// # Errors
    /// [`ConfigError::KeepAlive`] unless idle ≥ 1 s, interval > 0 and probes > 0.
    pub fn keep_alive(self, probing: Option<KeepAlive>) -> Result<Self, ConfigError> {
        let sound =
            probing.is_none_or(|p| p.idle >= Duration::from_secs(1) && !p.interval.is_zero() && p.probes > 0);
        if !sound {
            return Err(ConfigError::KeepAlive);
        }
        Ok(Self { keep_alive: probing, ..self })
    }

    /// How long a peer may keep its window closed while it answers probes. Default for ever (RFC 9293 MUST-37); a
    /// limit defends against peers that park connections (RFC 6429).
    #[must_use]
    pub fn persist_limit(self, limit: Option<Duration>) -> Self {
        Self { persist_limit: limit, ..self }
    }

    /// Whether a shut window is probed with the next octet (RFC 9293 §3.8.6.1, MUST-36). Default yes. Off: with an empty segment
    /// and a number that was acknowledged, as a keep-alive probe has it; any peer answers that, too, and nothing ever lies
    /// beyond the window.
    #[must_use]
    pub fn window_probe_octet(self, on: bool) -> Self {
        Self { window_probe_octet: on, ..self }
    }
}

#[cfg(test)]
mod rfc9293_3_8_4 {
    use super::*;

    /// Covers: RFC 9293 MUST-25, MUST-28, SHLD-12
    #[test]
    fn keep_alive_is_off_and_waits_two_hours_without_a_garbage_octet() {
        assert_eq!(TcpConfig::default().keep_alive, None);
        assert_eq!(KeepAlive::default().idle, Duration::from_secs(7200));
        assert!(!KeepAlive::default().garbage_octet);
        let never = KeepAlive { probes: 0, ..KeepAlive::default() };
        assert_eq!(TcpConfig::default().keep_alive(Some(never)), Err(ConfigError::KeepAlive));
    }
}
