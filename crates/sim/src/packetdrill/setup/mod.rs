//! What a script says of its host before and between its events, as configuration of ours.
//!
//! ```text
//!   `../common/defaults.sh
//!    sysctl -q net.ipv4.tcp_ecn=2`  ─► shell: words ─► command: what it asks ─► sysctl: Settings ─► TcpConfig, HostConfig
//!   --mss=1000                      ─► options
//! ```
//!
//! Whatever is not known is a [`Refusal`]: the script is skipped, and told why.

mod baseline;
mod command;
mod shell;
mod sysctl;

use crate::packetdrill::subject::{IpVersion, Ran, Refusal, Setup};
pub(super) use command::{Command, run};
use env::Duration;
use stack::HostConfig;
use tcp::fast_open::Keys;
use tcp::{Congestion, CongestionHabits, Ecn, EcnHabits, ReceiveAccounting, SlowStartExit, TcpConfig};
use wire::Mss;

/// The longest that Linux waits before it sends again.
const RTO_MAX: Duration = Duration::from_secs(120);
/// Challenge ACKs that a connection sends in a second.
const CHALLENGES: u8 = 10;
/// The least, and the first.
const RTO_MIN: Duration = Duration::from_millis(200);
const RTO_INITIAL: Duration = Duration::from_secs(1);
/// Octets that the stack itself would hold for a writer: more than any script writes. What Linux would hold is counted by
/// the sockets.
pub(super) const SEND_BUFFER: u32 = 128 << 20;
/// The smallest that a buffer of the stack may be.
pub(super) const LEAST_BUFFER: u32 = 2_048;
/// And the largest.
const MOST_BUFFER: u32 = 1 << 30;

/// The largest segment size that Linux's SYN cookies say over IPv4; over IPv6 they say that of jumbo frames, too.
const COOKIE_MSS_V4: Mss = Mss::new(1460);

/// How a host of scripts is set: Linux's defaults, until something says otherwise.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Least, first and most octets of a receive buffer (`tcp_rmem`), and of a send buffer (`tcp_wmem`).
    pub(super) receive_memory: [u32; 3],
    pub(super) send_memory: [u32; 3],
    pub(super) timestamps: bool,
    pub(super) sack: bool,
    pub(super) window_scaling: bool,
    pub(super) syn_retries: u8,
    pub(super) synack_retries: u8,
    /// `tcp_syn_linear_timeouts`: SYNs that are sent again before the timeout doubles, beside `syn_retries`.
    pub(super) syn_linear_timeouts: u8,
    /// `tcp_retries2`: R2 as a count.
    pub(super) retries: u8,
    pub(super) syn_cookies: u8,
    /// The largest segment size that a cookie says.
    pub(super) cookie_mss_limit: Option<Mss>,
    pub(super) somaxconn: usize,
    pub(super) congestion: Congestion,
    /// What ends CUBIC's first slow start without loss (`hystart`, `hystart_detect`).
    pub(super) slow_start_exit: SlowStartExit,
    /// Departures are spread by the link's queue.
    pub(super) spread: bool,
    pub(super) ecn: Ecn,
    /// `tcp_ecn_option` and its like.
    pub(super) ecn_habits: EcnHabits,
    /// `tcp_notsent_lowat`, unless it is no limit.
    pub(super) unsent_low: Option<u32>,
    pub(super) idle_restart: bool,
    pub(super) loss_probe: bool,
    /// `tcp_min_tso_segs`: segments of a train whose rate deserves fewer.
    pub(super) least_train: u8,
    /// `tcp_fastopen`, bit for bit.
    pub(super) fast_open: u32,
    /// `tcp_fastopen_key`.
    pub(super) fast_open_keys: Option<Keys>,
    /// Seconds, seconds, count.
    pub(super) keep_idle: u32,
    pub(super) keep_interval: u32,
    pub(super) keep_count: u8,
    /// `tcp_fin_timeout`, seconds.
    pub(super) fin_timeout: u32,
    pub(super) hop_limit: u8,
    pub(super) path_mtu_discovery: bool,
    /// `tcp_comp_sack_delay_ns`, `tcp_comp_sack_nr`: how long reports of what is above a hole wait, and how many.
    pub(super) report_delay: Duration,
    pub(super) report_limit: u8,
    /// `tcp_rto_max_ms`: the longest that is waited before something is sent again.
    pub(super) rto_max: Duration,
    /// `tcp_invalid_ratelimit` is no limit.
    pub(super) challenge_freely: bool,
    /// What Linux takes or gives up where the RFCs would have it otherwise: segments without timestamps, connections that are
    /// opening when ICMP says that the way is broken, the octet of window probes.
    pub(super) as_linux: bool,
    /// The link's, if a command before the first event says so.
    pub(super) mtu: Option<u16>,
    /// `tcp_mtu_probing`: sizes are looked for without routers. Linux's own default is not to.
    pub(super) path_mtu_probing: bool,
    /// What else a test wants of connections.
    pub(super) change: fn(TcpConfig) -> TcpConfig,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            receive_memory: [4_096, 131_072, 6 << 20],
            send_memory: [4_096, 16_384, 4 << 20],
            timestamps: true,
            sack: true,
            window_scaling: true,
            syn_retries: 6,
            synack_retries: 5,
            syn_linear_timeouts: 0,
            retries: 15,
            syn_cookies: 1,
            report_delay: Duration::from_millis(1),
            report_limit: 44,
            cookie_mss_limit: None,
            somaxconn: 4_096,
            congestion: Congestion::Cubic,
            slow_start_exit: SlowStartExit::HyStart,
            spread: false,
            ecn: Ecn::AcceptClassic,
            ecn_habits: EcnHabits { forgets_at_the_end: false, ..EcnHabits::LINUX },
            unsent_low: None,
            idle_restart: true,
            loss_probe: true,
            least_train: 2,
            fast_open: 1,
            fast_open_keys: None,
            keep_idle: 7_200,
            keep_interval: 75,
            keep_count: 9,
            fin_timeout: 60,
            hop_limit: 64,
            path_mtu_discovery: true,
            rto_max: RTO_MAX,
            challenge_freely: false,
            as_linux: false,
            mtu: None,
            path_mtu_probing: true,
            change: |config| config,
        }
    }
}

/// The bits of `tcp_fastopen`.
pub(super) mod fast_open {
    /// Connections may be opened with data.
    pub(in crate::packetdrill) const CLIENT: u32 = 0x1;
    /// Listeners may take it.
    pub(in crate::packetdrill) const SERVER: u32 = 0x2;
    /// Data goes without a cookie.
    pub(in crate::packetdrill) const CLIENT_WITHOUT_COOKIE: u32 = 0x4;
    /// Data is taken without one.
    pub(in crate::packetdrill) const SERVER_WITHOUT_COOKIE: u32 = 0x200;
    /// All listeners take it, asked or not.
    pub(in crate::packetdrill) const ALL_LISTENERS: u32 = 0x400;
}

/// What a command does to a host beside its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// What is known of peers is forgotten.
    Forget,
    /// The link takes packets of so many octets.
    Mtu(u16),
    /// Time goes on by so much.
    Sleep(Duration),
    /// The command is one that fails unless somebody listens at this port.
    Listens(u16),
    /// Counters begin at zero.
    CountAnew,
    /// It fails unless this counter has grown since, by this if it is said; then counters begin at zero, or go on.
    Counted(&'static Counter, Option<u64>, CountOn),
    /// It fails.
    Fails,
}

/// Whether counters go on from where they are once they were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CountOn(pub(super) bool);

/// A counter: Linux's name of it, and what is counted here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) name: &'static str,
    pub(super) drop: stack::Drop,
}

/// The counters that are known.
pub(super) const COUNTERS: &[Counter] = &[
    Counter { name: "TcpExtOutOfWindowIcmps", drop: stack::Drop::IcmpNoSocket },
    Counter { name: "TcpExtBeyondWindow", drop: stack::Drop::TcpOutsideWindow },
    Counter { name: "TcpExtTCPRcvQDrop", drop: stack::Drop::TcpNoMemory },
    Counter { name: "TcpExtTCPZeroWindowDrop", drop: stack::Drop::TcpWindowShut },
];

/// Options that are the kernel's or the wire's business, and have no meaning here.
const WITHOUT_MEANING: [&str; 9] = [
    "mss",
    "tcp_ts_tick_usecs",
    "tcp_ts_ecr_scaled",
    "tolerance_usecs",
    "tolerance_percent",
    "strict_segments",
    "verbose",
    "send_omit_free",
    "code_format",
];

/// The settings that a script begins with, and whether its commands succeed.
///
/// # Errors
/// The first thing that is not known.
pub(super) fn settings(setup: &Setup<'_>) -> Result<(Settings, Ran), Refusal> {
    for (name, value) in &setup.options {
        let heeded =
            WITHOUT_MEANING.contains(name) || (*name == "code_sockopt" && *value == Some("TCP_INFO"));
        if !heeded {
            return Err(Refusal::because(format!("the option --{name} is not known")));
        }
    }
    let jumbo = setup.version == IpVersion::V6;
    let cookie_mss_limit = (!jumbo).then_some(COOKIE_MSS_V4);
    let mut settings = Settings { cookie_mss_limit, ..Settings::default() };
    for text in &setup.commands {
        let ran = run(text, |command| {
            Ok(match settings.apply(command)? {
                // Before a script begins no time counts.
                Effect::None | Effect::Forget | Effect::CountAnew | Effect::Sleep(_) => Ran::Well,
                Effect::Mtu(mtu) => {
                    settings.mtu = Some(mtu);
                    Ran::Well
                }
                Effect::Listens(port) => Ran::Badly(format!("nobody listens at port {port}")),
                Effect::Counted(counter, ..) => Ran::Badly(format!("nothing is counted as {}", counter.name)),
                Effect::Fails => Ran::Badly("it always does".into()),
            })
        })?;
        if ran != Ran::Well {
            return Ok((settings, ran));
        }
    }
    Ok((settings, Ran::Well))
}

impl Settings {
    /// The settings of a connection.
    pub(super) fn tcp(&self) -> Result<TcpConfig, Refusal> {
        let [_, first, most] = self.receive_memory;
        let impossible = |why: tcp::ConfigError| Refusal::because(format!("a connection can't be so: {why}"));
        let receive = first.max(LEAST_BUFFER);
        // A scale is made for windows of all that may be had, and the share of payload is taken for a half until it is known.
        let most = most.saturating_mul(2).clamp(receive, MOST_BUFFER);
        let config = TcpConfig::default()
            .rto(RTO_INITIAL, RTO_MIN, RTO_MAX)
            .and_then(|config| config.back_off_limit(self.rto_max))
            .and_then(|config| config.receive_buffer_range(receive, most))
            .and_then(|config| config.send_buffer(SEND_BUFFER))
            .and_then(|config| config.peer_ack_delay(RTO_MIN))
            .and_then(|config| config.report_delay(self.report_delay, self.report_limit))
            .map_err(impossible)?
            .receive_accounting(ReceiveAccounting::Memory)
            .whole_segments(true)
            .fin_ends_reports(true)
            .timestamps(self.timestamps)
            .scaled_rtt_gains(false)
            .answers_carry_acks(true)
            .sack(self.sack)
            .window_scaling(self.window_scaling)
            .congestion(self.congestion)
            .ecn(self.ecn)
            .ecn_habits(self.ecn_habits)
            .idle_restart(self.idle_restart)
            .loss_probe(self.loss_probe)
            .path_mtu_probing(self.path_mtu_probing)
            .congestion_habits(CongestionHabits {
                slow_start_exit: self.slow_start_exit,
                ..CongestionHabits::LINUX
            })
            // Linux spaces departures where a queue of its own does that.
            .pacing(self.spread)
            .fq_pacing(true)
            .least_train(self.least_train)
            .half_window_pieces(true)
            .full_trains(true)
            .cookie_mss_limit(self.cookie_mss_limit)
            .small_segments_alone(true)
            .window_probe_octet(!self.as_linux)
            .lacking_timestamps(self.as_linux)
            .doubt_peers(!self.as_linux)
            .soft_errors_end_opening(self.as_linux)
            .challenge_acks(if self.challenge_freely { u8::MAX } else { CHALLENGES })
            .syn_timeout(self.open_for(self.syn_retries))
            .syn_linear_timeouts(self.syn_linear_timeouts)
            .user_timeout(backed_off(RTO_MIN, self.retries, self.rto_max))
            .fin_wait_2_timeout(Duration::from_secs(self.fin_timeout.into()));
        Ok((self.change)(config))
    }

    /// The settings of the host.
    pub(super) fn host(&self) -> Result<HostConfig, Refusal> {
        Ok(HostConfig {
            hop_limit: self.hop_limit,
            path_mtu_discovery: self.path_mtu_discovery,
            tcp: self.tcp()?,
            ..HostConfig::default()
        })
    }

    /// How long a handshake is tried when its SYN is sent again so often.
    pub(super) fn open_for(&self, retries: u8) -> Duration {
        RTO_INITIAL * u32::from(self.syn_linear_timeouts) + backed_off(RTO_INITIAL, retries, self.rto_max)
    }
}

/// From a first transmission to the timeout of the last of so many others, each twice as late as the one before.
fn backed_off(first: Duration, retries: u8, longest: Duration) -> Duration {
    (0..=u32::from(retries)).map(|n| first.saturating_mul(1 << n.min(20)).min(longest)).sum()
}

/// A congestion control by Linux's name.
pub(super) fn congestion(name: &str) -> Option<Congestion> {
    Some(match name {
        "reno" => Congestion::NewReno,
        "cubic" => Congestion::Cubic,
        "bbr" => Congestion::Bbr,
        "dctcp" => Congestion::Dctcp,
        _ => return None,
    })
}

/// The name by which Linux knows a congestion control.
pub(super) fn congestion_name(algorithm: Congestion) -> &'static str {
    match algorithm {
        Congestion::NewReno => "reno",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests;
