//! Configuration: every knob says its default, its limit, and where they come from.

use crate::congestion::{CongestionHabits, Controller};
use crate::sabotage::{Fault, Sabotage};
use crate::{ConfigError, Ecn, EcnHabits, ReceiveAccounting};
use core::fmt;
use core::str::FromStr;
use env::Duration;
use wire::{Mss, WindowScale};

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

/// The least that RFC 6298 §2.5 lets the longest timeout be.
const LEAST_RTO_MAX: Duration = Duration::from_secs(60);

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

    /// Nagle's algorithm. Default on (RFC 9293 §3.7.4, SHLD-7; the switch is MUST-17).
    #[must_use]
    pub fn nagle(self, on: bool) -> Self {
        Self { nagle: on, ..self }
    }

    /// Octets that may wait to be sent or acknowledged: so many and no more, 2 KiB to 1 GiB. The default grows instead,
    /// see [`send_buffer_range`](Self::send_buffer_range).
    ///
    /// # Errors
    /// [`ConfigError::Buffer`] outside these limits.
    pub fn send_buffer(self, octets: u32) -> Result<Self, ConfigError> {
        self.send_buffer_range(octets, octets)
    }

    /// Octets that may wait to be sent or acknowledged: `least` at first, and twice the congestion window when that is
    /// more, up to `most`. Default 1 MiB to 32 MiB; 2 KiB to 1 GiB. No memory is held while nothing waits, and the
    /// host's budget bounds the sum.
    ///
    /// # Errors
    /// [`ConfigError::Buffer`] outside these limits, or when `most` is less than `least`.
    pub fn send_buffer_range(self, least: u32, most: u32) -> Result<Self, ConfigError> {
        let (send_buffer, send_buffer_limit) = buffers(least, most)?;
        Ok(Self { send_buffer, send_buffer_limit, ..self })
    }

    /// Octets that may wait to be sent for the first time, beside what the buffer has room for; a writer that keeps little
    /// unsent can change its mind late. Default no limit; at least 1.
    #[must_use]
    pub fn unsent_limit(self, octets: Option<u32>) -> Self {
        Self { unsent_limit: octets.map_or(u32::MAX, |octets| octets.max(1)), ..self }
    }

    /// Octets that may wait to be read, and the largest window ever offered: so many and no more, 2 KiB to 1 GiB (RFC
    /// 7323 §2.3). The default grows instead, see [`receive_buffer_range`](Self::receive_buffer_range).
    ///
    /// # Errors
    /// [`ConfigError::Buffer`] outside these limits.
    pub fn receive_buffer(self, octets: u32) -> Result<Self, ConfigError> {
        self.receive_buffer_range(octets, octets)
    }

    /// Octets that may wait to be read, and the largest window ever offered: `least` at first, then twice what the user
    /// reads in a round trip, up to `most`. Default 1 MiB to 32 MiB; 2 KiB to 1 GiB (RFC 7323 §2.3). No memory is held
    /// while nothing waits, and nothing grows while the host's budget is tight. What is held for a full buffer is at most an
    /// eighth more where segments are full, and a little over twice as much whatever a peer sends.
    ///
    /// # Errors
    /// [`ConfigError::Buffer`] outside these limits, or when `most` is less than `least`.
    pub fn receive_buffer_range(self, least: u32, most: u32) -> Result<Self, ConfigError> {
        let (receive_buffer, receive_buffer_limit) = buffers(least, most)?;
        Ok(Self { receive_buffer, receive_buffer_limit, ..self })
    }

    /// What a receive buffer counts. Default [`ReceiveAccounting::Octets`]; by memory, as Linux has it, where a bound on what a
    /// connection holds matters more than a window that is always as wide.
    #[must_use]
    pub fn receive_accounting(self, accounting: ReceiveAccounting) -> Self {
        Self { receive_accounting: accounting, ..self }
    }

    /// Whether a segment that begins in the window and ends beyond it is taken whole where nothing waits to be read, and dropped
    /// whole where something does, as Linux has it: for peers whose one segment is more than the window that they see,
    /// because a device joined it of several or their windows are tiny. A connection may hold that segment, up to 64 KiB,
    /// more than its buffer. A FIN needs no room, and is taken at a shut window, too: peers that send it there send it until
    /// it is. Default no: segments are cut at the window, FINs with them (RFC 9293 §3.10.7.4).
    #[must_use]
    pub fn whole_segments(self, on: bool) -> Self {
        Self { whole_segments: on, ..self }
    }

    /// Whether the peer's FIN ends reports of what came twice, as Linux has it: who has sent all has no rate to put right any more,
    /// and the ACK of its FIN is shorter. Default no: that ACK reports, too (RFC 2883 §4).
    #[must_use]
    pub fn fin_ends_reports(self, on: bool) -> Self {
        Self { fin_ends_reports: on, ..self }
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

    /// The shift of our windows: the least that the largest buffer needs (RFC 7323 §2.2).
    pub(crate) fn receive_scale(&self) -> WindowScale {
        WindowScale::fitting(self.receive_accounting.octets(self.receive_buffer_limit))
    }

    /// The window that our SYN offers, where we announce segments of up to `mss`, before its field cuts it.
    pub(crate) fn first_window(&self, mss: Mss) -> u32 {
        let mss = self.mss_limit.map_or(mss, |limit| limit.min(mss));
        self.receive_accounting.first_window(self.receive_buffer, mss.get().into())
    }

    /// An upper bound for segments both ways, beside what the path and the peer allow. Default none.
    #[must_use]
    pub fn mss_limit(self, limit: Option<Mss>) -> Self {
        Self { mss_limit: limit, ..self }
    }

    /// An upper bound for what a [SYN cookie](crate::listener::Cookies) says of the peer's segment size, which it rounds down in
    /// any case. Default none: jumbo frames outlive a flood. Linux remembers 1460 octets over IPv4 at the most.
    #[must_use]
    pub fn cookie_mss_limit(self, limit: Option<Mss>) -> Self {
        Self { cookie_mss_limit: limit, ..self }
    }

    /// Window scaling (RFC 7323 §2). Default on.
    #[must_use]
    pub fn window_scaling(self, on: bool) -> Self {
        Self { window_scaling: on, ..self }
    }

    /// Timestamps and PAWS (RFC 7323 §3, §5). Default on.
    #[must_use]
    pub fn timestamps(self, on: bool) -> Self {
        Self { timestamps: on, ..self }
    }

    /// Selective acknowledgment (RFC 2018). Default on.
    #[must_use]
    pub fn sack(self, on: bool) -> Self {
        Self { sack: on, ..self }
    }

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

    /// Tail loss probes (RFC 8985 §7). Default on.
    #[must_use]
    pub fn loss_probe(self, on: bool) -> Self {
        Self { loss_probe: on, ..self }
    }

    /// Whether departures are spread over a round trip where the controller has a rate for that. Default on. Off: whatever
    /// windows allow leaves at once, in trains of a millisecond's worth, two segments at least.
    #[must_use]
    pub fn pacing(self, on: bool) -> Self {
        Self { pacing: on, ..self }
    }

    /// Whether departures are spread as Linux's queue `fq` would do it: a train that leaves later than the rate would have let it
    /// lets the next one leave sooner, by as long as it was late, and by half of what the rate asks for at most. So the
    /// average keeps to the rate where windows, users and timers hold trains back, and no two leave closer than at twice the
    /// rate. And trains are a millisecond's worth, [`least_train`](Self::least_train) at least, before anything is spread, too.
    /// Default no: a first window is one train, and only a late timer of our own is caught up with, by 2 ms. Nothing without
    /// [`pacing`](Self::pacing).
    #[must_use]
    pub fn fq_pacing(self, on: bool) -> Self {
        Self { fq_pacing: on, ..self }
    }

    /// Segments of a train, at least, where nothing is spread over time; no more than half the congestion window, so that ACKs
    /// keep coming. Default 2, at least 1.
    #[must_use]
    pub fn least_train(self, segments: u8) -> Self {
        Self { least_train: segments.max(1), ..self }
    }

    /// Whether what is written is cut in pieces of half the largest window that the peer ever offered, and no train goes on from
    /// one into the next: so each piece is pushed at its end, and a peer that reads what is pushed never waits for a whole
    /// window. Default off: trains are as long as they may be.
    #[must_use]
    pub fn half_window_pieces(self, on: bool) -> Self {
        Self { half_window_pieces: on, ..self }
    }

    /// Whether what the congestion window lets go waits for the next ACK where that is less than a third of a window, so that
    /// trains are long though ACKs are many. It waits only right behind something that has just left, and only while the oldest
    /// that is out was sent half a round trip ago or earlier, so that the next ACK is near. Default no: what may go goes.
    #[must_use]
    pub fn full_trains(self, on: bool) -> Self {
        Self { full_trains: on, ..self }
    }

    /// Whether a shut window is probed with the next octet (RFC 9293 §3.8.6.1, MUST-36). Default yes. Off: with an empty segment
    /// and a number that was acknowledged, as a keep-alive probe has it; any peer answers that, too, and nothing ever lies
    /// beyond the window.
    #[must_use]
    pub fn window_probe_octet(self, on: bool) -> Self {
        Self { window_probe_octet: on, ..self }
    }

    /// Whether Nagle's algorithm looks only at what filled no segment itself, as Linux has it: such a piece waits for the
    /// one before it, and not for whole segments. Default no: it waits for whatever is out (RFC 9293 §3.7.4, SHLD-7).
    #[must_use]
    pub fn small_segments_alone(self, on: bool) -> Self {
        Self { small_segments_alone: on, ..self }
    }

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

    /// Explicit congestion notification. Default [`Ecn::Accept`]: marks are used when the peer asks for it.
    #[must_use]
    pub fn ecn(self, ecn: Ecn) -> Self {
        Self { ecn, ..self }
    }

    /// Whether our SYN asks for marks.
    pub fn asks_for_marks(&self) -> bool {
        self.ecn.asks()
    }

    /// The same, but that our SYN asks for no marks: for a path that is known to lose or mangle what does.
    #[must_use]
    pub fn without_asking_for_marks(self) -> Self {
        Self { ecn: self.ecn.without_asking(), ..self }
    }

    /// What RFC 9768 leaves to a host. Default as it recommends; [`EcnHabits::LINUX`] is what Linux makes of it.
    #[must_use]
    pub fn ecn_habits(self, habits: EcnHabits) -> Self {
        Self { ecn_habits: habits, ..self }
    }

    /// Challenge ACKs that one connection sends in a second. Default 10, at least 1 (RFC 5961 §7: 5961-9, 5961-10;
    /// counted per connection, for a global count is a side channel: CVE-2016-5696).
    #[must_use]
    pub fn challenge_acks(self, per_second: u8) -> Self {
        Self { challenge_acks: per_second.max(1), ..self }
    }

    /// Whether a bare SYN may answer ours (RFC 9293 MUST-10). Default yes; a policy may refuse it.
    #[must_use]
    pub fn simultaneous_open(self, allow: bool) -> Self {
        Self { simultaneous_open: allow, ..self }
    }

    /// Whether soft errors are reported to the user. Default yes (RFC 9293 MUST-47, SHLD-20).
    #[must_use]
    pub fn soft_errors(self, report: bool) -> Self {
        Self { soft_errors: report, ..self }
    }

    /// Whether a soft error ends a connection that is still opening, as Linux has it: whoever has other addresses to try hears
    /// of it at once (RFC 5461 §4.1), and a route that is broken for a moment is believed to be broken. Default no (RFC 9293
    /// MUST-56). An open connection outlives it either way.
    #[must_use]
    pub fn soft_errors_end_opening(self, end: bool) -> Self {
        Self { soft_errors_end_opening: end, ..self }
    }

    /// Whether segments count that have no timestamp although timestamps were agreed on, as Linux has it: for paths that
    /// strip the option from some. Default no (RFC 7323 §3.2, 7323-14); PAWS protects nobody from what has none.
    #[must_use]
    pub fn lacking_timestamps(self, taken: bool) -> Self {
        Self { lacking_timestamps: taken, ..self }
    }

    /// Whether the path's MTU is found by probing (RFC 4821, 8899). Default yes: where full segments vanish and no router
    /// says so, smaller ones go after about a second, and larger ones are tried again. Without it ICMP alone tells, and what
    /// it lowered is raised without a trial when the host forgets it.
    #[must_use]
    pub fn path_mtu_probing(self, on: bool) -> Self {
        Self { path_mtu_probing: on, ..self }
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

    /// Whether IPv4 packets say that routers must not cut them, so that ICMP tells what the path takes (RFC 1191 §3). Default
    /// yes, on hosts that do so at all. Without it, what is too large for a link arrives in fragments, or not at all.
    #[must_use]
    pub fn dont_fragment(self, on: bool) -> Self {
        Self { dont_fragment: on, ..self }
    }

    /// Whether packets say so.
    pub fn forbids_fragments(&self) -> bool {
        self.dont_fragment
    }

    /// Builds a fault in, for the simulator to find.
    #[cfg(feature = "sabotage")]
    #[must_use]
    pub fn sabotage(self, sabotage: Option<Sabotage>) -> Self {
        Self { fault: Fault { sabotage, ..self.fault }, ..self }
    }

    /// Whether this fault is built in.
    #[cfg(feature = "sabotage")]
    pub fn has(&self, sabotage: Sabotage) -> bool {
        self.fault.has(sabotage)
    }

    /// Begins every connection at `number`, so that tests see sequence numbers wrap. The host's: set it in the host's settings.
    #[cfg(feature = "sabotage")]
    #[must_use]
    pub fn first_number(self, number: Option<u32>) -> Self {
        Self { fault: Fault { first: number, ..self.fault }, ..self }
    }

    /// Where connections begin, if it was fixed.
    #[cfg(feature = "sabotage")]
    pub fn fixed_first_number(&self) -> Option<u32> {
        self.fault.first
    }

    /// Twice the maximum segment lifetime: how long TIME-WAIT lasts.
    pub fn time_wait(&self) -> Duration {
        if self.fault.has(Sabotage::ShortTimeWait) {
            return Duration::from_secs(1);
        }
        self.msl.saturating_mul(2)
    }

    /// Challenge ACKs that a record may send in a second.
    pub(crate) fn challenge_budget(&self) -> u8 {
        if self.fault.has(Sabotage::ChallengeUnlimited) { u8::MAX } else { self.challenge_acks }
    }
}

/// A user timeout within its limits (5482-5).
pub(crate) fn limited(timeout: Duration) -> Duration {
    timeout.clamp(Duration::from_secs(1), Duration::from_secs(32_767 * 60))
}

fn buffers(least: u32, most: u32) -> Result<(u32, u32), ConfigError> {
    let sound = (2048..=1 << 30).contains(&least) && (least..=1 << 30).contains(&most);
    if sound { Ok((least, most)) } else { Err(ConfigError::Buffer) }
}

#[cfg(test)]
mod rfc9293_3_8 {
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

    /// Covers: RFC 9293 MUST-25, MUST-28, SHLD-12
    #[test]
    fn keep_alive_is_off_and_waits_two_hours_without_a_garbage_octet() {
        assert_eq!(TcpConfig::default().keep_alive, None);
        assert_eq!(KeepAlive::default().idle, Duration::from_secs(7200));
        assert!(!KeepAlive::default().garbage_octet);
        let never = KeepAlive { probes: 0, ..KeepAlive::default() };
        assert_eq!(TcpConfig::default().keep_alive(Some(never)), Err(ConfigError::KeepAlive));
    }

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
