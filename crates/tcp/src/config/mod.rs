//! Configuration: every knob says its default, its limit, and where they come from.
//!
//! ```text
//!   opening, path                 what the handshake offers, and what the path takes
//!   acknowledging, buffers        what is told the peer, and how much may wait
//!   sending, congestion, marks    what leaves, how much of it, and what the network says to that
//!   timing, silence               what is done where nothing comes back
//!   faults                        for tests alone
//! ```
//!
//! The settings and their defaults stand here; how each is set stands in the file of its subject.

mod acknowledging;
mod buffers;
mod congestion;
#[cfg(feature = "sabotage")]
mod faults;
mod marks;
mod opening;
mod path;
mod sending;
mod silence;
mod timing;

pub use congestion::Congestion;
pub use silence::KeepAlive;
pub(crate) use timing::limited;

use crate::congestion::CongestionHabits;
use crate::sabotage::Fault;
use crate::{ConfigError, Ecn, EcnHabits, ReceiveAccounting};
use env::Duration;
use timing::LEAST_RTO_MAX;
use wire::Mss;

/// Settings of a connection. Build from [`TcpConfig::default`] with the methods below.
///
/// ```
/// use handfast_tcp::TcpConfig;
/// use std::time::Duration;
/// let quick = TcpConfig::default().nagle(false).ack_delay(Duration::from_millis(10)).unwrap();
/// assert!(TcpConfig::default().ack_delay(Duration::from_millis(500)).is_err());
/// # let _ = quick;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct TcpConfig {
    pub(crate) ack_delay: Duration,
    pub(crate) peer_ack_delay: Duration,
    pub(crate) answers_carry_acks: bool,
    pub(crate) nagle: bool,
    pub(crate) send_buffer: u32,
    pub(crate) send_buffer_limit: u32,
    pub(crate) unsent_limit: u32,
    pub(crate) receive_buffer: u32,
    pub(crate) receive_buffer_limit: u32,
    pub(crate) receive_accounting: ReceiveAccounting,
    pub(crate) whole_segments: bool,
    pub(crate) fin_ends_reports: bool,
    pub(crate) report_delay: Duration,
    pub(crate) report_limit: u8,
    pub(crate) mss_limit: Option<Mss>,
    pub(crate) cookie_mss_limit: Option<Mss>,
    pub(crate) window_scaling: bool,
    pub(crate) timestamps: bool,
    pub(crate) sack: bool,
    pub(crate) rto_initial: Duration,
    pub(crate) rto_min: Duration,
    pub(crate) rto_max: Duration,
    pub(crate) scaled_rtt_gains: bool,
    pub(crate) r1: u8,
    pub(crate) user_timeout: Duration,
    pub(crate) syn_timeout: Duration,
    pub(crate) syn_linear_timeouts: u8,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) persist_limit: Option<Duration>,
    pub(crate) msl: Duration,
    pub(crate) fin_wait_2_timeout: Duration,
    pub(crate) initial_window: u8,
    pub(crate) idle_restart: bool,
    pub(crate) loss_probe: bool,
    pub(crate) pacing: bool,
    pub(crate) fq_pacing: bool,
    pub(crate) least_train: u8,
    pub(crate) half_window_pieces: bool,
    pub(crate) full_trains: bool,
    pub(crate) small_segments_alone: bool,
    pub(crate) window_probe_octet: bool,
    pub(crate) congestion: Congestion,
    pub(crate) congestion_habits: CongestionHabits,
    pub(crate) ecn: Ecn,
    pub(crate) ecn_habits: EcnHabits,
    pub(crate) challenge_acks: u8,
    pub(crate) simultaneous_open: bool,
    pub(crate) soft_errors: bool,
    pub(crate) soft_errors_end_opening: bool,
    pub(crate) lacking_timestamps: bool,
    pub(crate) path_mtu_probing: bool,
    pub(crate) doubts_peers: bool,
    pub(crate) dont_fragment: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) fault: Fault,
}

/// What buffers grow to unless told otherwise: 2.6 Gbit/s at a round trip of 100 ms.
const GROWS_TO: u32 = 32 << 20;

impl Default for TcpConfig {
    fn default() -> Self {
        Self {
            ack_delay: Duration::from_millis(40),
            peer_ack_delay: Duration::from_millis(50),
            answers_carry_acks: false,
            nagle: true,
            send_buffer: 1 << 20,
            send_buffer_limit: GROWS_TO,
            unsent_limit: u32::MAX,
            receive_buffer: 1 << 20,
            receive_buffer_limit: GROWS_TO,
            receive_accounting: ReceiveAccounting::Octets,
            whole_segments: false,
            fin_ends_reports: false,
            report_delay: Duration::from_millis(1),
            report_limit: 44,
            mss_limit: None,
            cookie_mss_limit: None,
            window_scaling: true,
            timestamps: true,
            sack: true,
            rto_initial: Duration::from_secs(1),
            rto_min: Duration::from_millis(200),
            rto_max: Duration::from_secs(60),
            scaled_rtt_gains: true,
            r1: 3,
            user_timeout: Duration::from_secs(300),
            syn_timeout: Duration::from_secs(240),
            syn_linear_timeouts: 0,
            keep_alive: None,
            persist_limit: None,
            msl: Duration::from_secs(30),
            fin_wait_2_timeout: Duration::from_secs(60),
            initial_window: 10,
            idle_restart: true,
            loss_probe: true,
            pacing: true,
            fq_pacing: false,
            least_train: 2,
            half_window_pieces: false,
            full_trains: false,
            small_segments_alone: false,
            window_probe_octet: true,
            congestion: Congestion::Cubic,
            congestion_habits: CongestionHabits::default(),
            ecn: Ecn::Accept,
            ecn_habits: EcnHabits::default(),
            challenge_acks: 10,
            simultaneous_open: true,
            soft_errors: true,
            soft_errors_end_opening: false,
            lacking_timestamps: false,
            path_mtu_probing: true,
            doubts_peers: true,
            dont_fragment: true,
            fault: Fault::default(),
        }
    }
}

impl TcpConfig {
    /// Whether every knob is within its limits. What was built with the methods here always is; what was read from a file
    /// need not be.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let again = self.clone().ack_delay(self.ack_delay)?.peer_ack_delay(self.peer_ack_delay)?;
        let again = again.report_delay(self.report_delay, self.report_limit)?;
        let again = again.send_buffer_range(self.send_buffer, self.send_buffer_limit)?;
        let again = again.receive_buffer_range(self.receive_buffer, self.receive_buffer_limit)?;
        let minute = self.rto_max.max(LEAST_RTO_MAX);
        let again = again.rto(self.rto_initial, self.rto_min, minute)?.back_off_limit(self.rto_max)?;
        let again = again.r1(self.r1)?;
        let again = again.keep_alive(self.keep_alive)?.msl(self.msl)?;
        if again.user_timeout(self.user_timeout).user_timeout != self.user_timeout {
            return Err(ConfigError::UserTimeout);
        }
        if self.clone().initial_window(self.initial_window).initial_window != self.initial_window {
            return Err(ConfigError::InitialWindow);
        }
        Ok(())
    }
}
