//! How much the network is trusted with: the controller, where it begins, and whose word it takes.

use super::TcpConfig;
use crate::ConfigError;
use crate::congestion::{CongestionHabits, Controller};
use core::fmt;
use core::str::FromStr;

/// Which congestion control a connection uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Congestion {
    /// NewReno (RFC 5681, 6582).
    NewReno,
    /// CUBIC (RFC 9438), with HyStart++ (RFC 9406) and pacing.
    #[default]
    Cubic,
    /// BBR, version 3 (draft-ietf-ccwg-bbr).
    Bbr,
    /// DCTCP (RFC 8257): in proportion to what the network marks; only for networks that are made for it.
    Dctcp,
    /// One of the user's own. It is known by name only, and so a recording of its connections cannot be written.
    #[cfg_attr(feature = "serde", serde(skip))]
    Custom(&'static Controller),
}

impl Congestion {
    /// All that are built in.
    pub const ALL: [Self; 4] = [Self::NewReno, Self::Cubic, Self::Bbr, Self::Dctcp];

    /// The name by which tools know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewReno => "newreno",
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
            Self::Dctcp => "dctcp",
            Self::Custom(controller) => controller.name,
        }
    }
}

impl fmt::Display for Congestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One that is built in, by its name.
///
/// ```
/// use handfast_tcp::Congestion;
/// assert_eq!("cubic".parse(), Ok(Congestion::Cubic));
/// assert!("cubist".parse::<Congestion>().is_err());
/// ```
impl FromStr for Congestion {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or(ConfigError::Congestion)
    }
}

impl TcpConfig {
    /// Congestion control. Default CUBIC (RFC 9438).
    #[must_use]
    pub fn congestion(self, algorithm: Congestion) -> Self {
        Self { congestion: algorithm, ..self }
    }

    /// What RFCs leave to CUBIC and NewReno: what ends the first slow start, where a reduction begins, how marks are answered, in
    /// which steps CUBIC grows. [`CongestionHabits::LINUX`] is what Linux does.
    #[must_use]
    pub fn congestion_habits(self, habits: CongestionHabits) -> Self {
        Self { congestion_habits: habits, ..self }
    }

    /// Initial congestion window in segments, bounded by RFC 6928's 14,600 octets or two segments. Default 10.
    #[must_use]
    pub fn initial_window(self, segments: u8) -> Self {
        Self { initial_window: segments.clamp(1, 10), ..self }
    }

    /// Whether a window that was idle for a timeout shrinks, for it proves nothing any more (RFC 5681 §4.1, 5681-27;
    /// RFC 2861). Default yes; who owns all of the path may keep it.
    #[must_use]
    pub fn idle_restart(self, on: bool) -> Self {
        Self { idle_restart: on, ..self }
    }

    /// Whether a peer is asked now and then if it tells of holes, by holding a segment back until it has told. Default yes: when
    /// round trips are much shorter than the handshake's, when 16 MiB came without a hole, then 64 MiB, and so on, and when it
    /// has called losses mistakes for which there is only its word. It costs what follows that segment a round trip of
    /// waiting. A peer that acknowledges what it does not have is found out so, and can't make a sender believe in a path that
    /// is shorter, or loses less, than it does (RFC 5681 §9 leaves that open); one that calls needless what left once is
    /// believed no more when it says so of others.
    #[must_use]
    pub fn doubt_peers(self, on: bool) -> Self {
        Self { doubts_peers: on, ..self }
    }
}
