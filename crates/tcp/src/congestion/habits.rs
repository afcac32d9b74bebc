//! What RFCs leave to a controller that counts a window, and what of it Linux does in another way.

/// What ends the first slow start before anything is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SlowStartExit {
    /// HyStart++ (RFC 9406): delay that rises slows the growth for some rounds, and ends it unless it falls again.
    #[default]
    HyStartPlusPlus,
    /// HyStart (Ha and Rhee, 2011) with Linux's figures, for CUBIC: a round whose delay has risen by an eighth ends it at once,
    /// and so does a train of ACKs as long as the path. NewReno's ends by loss alone, as in Linux.
    HyStart,
    /// Nothing: loss and marks do.
    Loss,
}

/// Choices of CUBIC and NewReno, where hosts differ: [`TcpConfig::congestion_habits`](crate::TcpConfig::congestion_habits).
///
/// ```
/// use handfast_tcp::{CongestionHabits, SlowStartExit, TcpConfig};
/// let habits = CongestionHabits { slow_start_exit: SlowStartExit::HyStart, ..CongestionHabits::default() };
/// let config = TcpConfig::default().congestion_habits(habits);
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct CongestionHabits {
    /// What ends the first slow start before anything is lost. Default [`SlowStartExit::HyStartPlusPlus`].
    pub slow_start_exit: SlowStartExit,
    /// A reduction begins at the window, whether it was used or not (RFC 9438 §4.6 has both). Default no: at what was used, for
    /// the rest was never proven (RFC 5681 §3.1, RFC 7661 §4.4.1).
    pub reduce_unused: bool,
    /// Marks let the window shrink in proportion to what is delivered, over a round trip, as losses do (RFC 9937), so that the
    /// flow never pauses. Default no: at once (RFC 3168 §6.1.2).
    pub proportional_marks: bool,
    /// CUBIC grows by whole segments. How many ACKs one costs is read off the curve when the window has changed and else 32 times
    /// a second at most, as far ahead as the shortest round trip; and while no loss has told where the window overflows,
    /// it is twenty at most. So Linux does it, and so a flow here does to a path what one of Linux does. Default no: by
    /// octets, with each ACK, the smoothed round trip ahead (RFC 9438 §4.2).
    pub whole_segments: bool,
}

impl CongestionHabits {
    /// Linux's.
    pub const LINUX: Self = Self {
        slow_start_exit: SlowStartExit::HyStart,
        reduce_unused: true,
        proportional_marks: true,
        whole_segments: true,
    };
}
