//! A table of `sysctl` names: what each does to the settings, or with which values there is nothing to do.

use super::{Settings, congestion};
use crate::packetdrill::subject::Refusal;
use env::Duration;
use tcp::fast_open::Keys;
use tcp::{Ecn, EcnOption, SlowStartExit};

/// What a name stands for.
enum Rule {
    /// It sets something; `None` is a value that ours cannot have.
    Sets(fn(&mut Settings, &str) -> Option<()>),
    /// The stack is as these values say, and no other way.
    Is(&'static [&'static str]),
    /// A limit that no script comes to, if it is so large.
    AtLeast(u64),
    /// It is about something that no packet and no call of a script shows.
    Unseen,
}

/// The names that are known, without `net.`; those of IPv4 hold for IPv6 as well. A parameter of a module is named with it.
const RULES: &[(&str, Rule)] = &[
    ("ipv4.tcp_rmem", Rule::Sets(|s, v| put(&mut s.receive_memory, three(v)))),
    ("ipv4.tcp_wmem", Rule::Sets(|s, v| put(&mut s.send_memory, three(v)))),
    ("ipv4.tcp_timestamps", Rule::Sets(|s, v| put(&mut s.timestamps, number::<u8>(v).map(|n| n != 0)))),
    ("ipv4.tcp_sack", Rule::Sets(|s, v| put(&mut s.sack, flag(v)))),
    ("ipv4.tcp_window_scaling", Rule::Sets(|s, v| put(&mut s.window_scaling, flag(v)))),
    ("ipv4.tcp_syn_retries", Rule::Sets(|s, v| put(&mut s.syn_retries, number(v)))),
    ("ipv4.tcp_synack_retries", Rule::Sets(|s, v| put(&mut s.synack_retries, number(v)))),
    (
        "ipv4.tcp_syn_linear_timeouts",
        Rule::Sets(|s, v| put(&mut s.syn_linear_timeouts, number(v).filter(|&n| n <= 8))),
    ),
    ("ipv4.tcp_retries2", Rule::Sets(|s, v| put(&mut s.retries, number(v)))),
    ("ipv4.tcp_syncookies", Rule::Sets(|s, v| put(&mut s.syn_cookies, number(v)))),
    ("core.somaxconn", Rule::Sets(|s, v| put(&mut s.somaxconn, number(v)))),
    ("ipv4.tcp_congestion_control", Rule::Sets(|s, v| put(&mut s.congestion, congestion(v)))),
    ("ipv4.tcp_ecn", Rule::Sets(|s, v| put(&mut s.ecn, ecn(v)))),
    ("ipv4.tcp_ecn_option", Rule::Sets(|s, v| put(&mut s.ecn_habits.option, ecn_option(v)))),
    ("ipv4.tcp_ecn_option_beacon", Rule::Sets(|s, v| put(&mut s.ecn_habits.beacon, number(v)))),
    ("ipv4.tcp_ecn_fallback", Rule::Sets(|s, v| put(&mut s.ecn_habits.fall_back, flag(v)))),
    ("ipv4.tcp_notsent_lowat", Rule::Sets(|s, v| put(&mut s.unsent_low, unlimited(v)))),
    ("ipv4.tcp_slow_start_after_idle", Rule::Sets(|s, v| put(&mut s.idle_restart, flag(v)))),
    ("ipv4.tcp_early_retrans", Rule::Sets(|s, v| put(&mut s.loss_probe, early_retransmit(v)))),
    ("ipv4.tcp_fastopen", Rule::Sets(|s, v| put(&mut s.fast_open, number(v)))),
    ("ipv4.tcp_fastopen_key", Rule::Sets(|s, v| put(&mut s.fast_open_keys, keys(v).map(Some)))),
    ("ipv4.tcp_min_tso_segs", Rule::Sets(|s, v| put(&mut s.least_train, number(v)))),
    ("ipv4.tcp_keepalive_time", Rule::Sets(|s, v| put(&mut s.keep_idle, number(v)))),
    ("ipv4.tcp_keepalive_intvl", Rule::Sets(|s, v| put(&mut s.keep_interval, number(v)))),
    ("ipv4.tcp_keepalive_probes", Rule::Sets(|s, v| put(&mut s.keep_count, number(v)))),
    ("ipv4.tcp_fin_timeout", Rule::Sets(|s, v| put(&mut s.fin_timeout, number(v)))),
    ("ipv4.ip_default_ttl", Rule::Sets(|s, v| put(&mut s.hop_limit, number(v)))),
    ("ipv4.ip_no_pmtu_disc", Rule::Sets(|s, v| put(&mut s.path_mtu_discovery, flag(v).map(|off| !off)))),
    ("ipv4.tcp_rto_max_ms", Rule::Sets(|s, v| put(&mut s.rto_max, number(v).map(Duration::from_millis)))),
    ("ipv4.tcp_invalid_ratelimit", Rule::Sets(|s, v| put(&mut s.challenge_freely, ratelimit(v)))),
    ("tcp_cubic.parameters.hystart", Rule::Sets(|s, v| put(&mut s.slow_start_exit, hystart(v)))),
    ("tcp_cubic.parameters.hystart_detect", Rule::Sets(|s, v| put(&mut s.slow_start_exit, detect(v)))),
    ("ipv4.tcp_mtu_probing", Rule::Sets(|s, v| put(&mut s.path_mtu_probing, flag(v)))),
    ("ipv4.tcp_comp_sack_delay_ns", Rule::Sets(|s, v| put(&mut s.report_delay, report_delay(v)))),
    ("ipv4.tcp_comp_sack_nr", Rule::Sets(|s, v| put(&mut s.report_limit, number(v)))),
    // How exactly its timer keeps time; ours needs no slack.
    ("ipv4.tcp_comp_sack_slack_ns", Rule::Unseen),
    ("ipv4.tcp_frto", Rule::Is(&["1", "2"])),
    ("ipv4.tcp_dsack", Rule::Is(&["1"])),
    ("ipv4.tcp_fack", Rule::Is(&["0"])),
    ("ipv4.tcp_reordering", Rule::Is(&["3"])),
    ("ipv4.tcp_recovery", Rule::Is(&["1"])),
    ("ipv4.tcp_retries1", Rule::Is(&["3"])),
    ("ipv4.tcp_rfc1337", Rule::Is(&["1"])),
    ("ipv4.tcp_moderate_rcvbuf", Rule::Is(&["1"])),
    ("ipv4.tcp_abort_on_overflow", Rule::Is(&["0"])),
    ("ipv4.tcp_fastopen_blackhole_timeout_sec", Rule::Is(&["0"])),
    // How long a train waits for the next ACK, and how large it is, is as with Linux's defaults.
    ("ipv4.tcp_tso_win_divisor", Rule::Is(&["3", "100"])),
    ("ipv4.tcp_tso_rtt_log", Rule::Is(&["9"])),
    ("ipv4.tcp_limit_output_bytes", Rule::AtLeast(1 << 20)),
    ("ipv4.tcp_autocorking", Rule::Is(&["1"])),
    ("ipv4.tcp_no_metrics_save", Rule::Is(&["1"])),
    ("ipv4.tcp_no_ssthresh_metrics_save", Rule::Is(&["1"])),
    ("ipv4.tcp_pacing_ss_ratio", Rule::Is(&["200"])),
    ("ipv4.tcp_pacing_ca_ratio", Rule::Is(&["120"])),
    ("ipv4.tcp_max_orphans", Rule::AtLeast(1_024)),
    ("ipv4.tcp_max_tw_buckets", Rule::AtLeast(1_024)),
    ("core.rmem_max", Rule::AtLeast(16 << 20)),
    ("core.wmem_max", Rule::AtLeast(16 << 20)),
    ("core.optmem_max", Rule::AtLeast(16 << 10)),
    // Of links that are made later.
    ("core.default_qdisc", Rule::Unseen),
];

impl Settings {
    /// `name=value`.
    pub(super) fn sysctl(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let short = name.strip_prefix("net.").unwrap_or(name);
        let known = RULES.iter().find(|(known, _)| *known == short);
        let Some((_, rule)) = known else {
            return Err(Refusal::because(format!("the setting {name} is not known")));
        };
        let heeded = match rule {
            Rule::Sets(set) => set(self, value).is_some(),
            Rule::Is(values) => values.contains(&value),
            Rule::AtLeast(least) => number::<u64>(value).is_some_and(|value| value >= *least),
            Rule::Unseen => true,
        };
        if heeded { Ok(()) } else { Err(Refusal::because(format!("{name} can't be {value} here"))) }
    }
}

fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

/// A number as `sysctl` takes it: in the system of ten, or with 0x.
fn number<T: TryFrom<u64>>(value: &str) -> Option<T> {
    let value = match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => value.parse().ok()?,
    };
    T::try_from(value).ok()
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// Nanoseconds, of which half a second is too long.
fn report_delay(value: &str) -> Option<Duration> {
    number(value).map(Duration::from_nanos).filter(|&delay| delay < Duration::from_millis(500))
}

/// Whether there is no limit: the least time between two answers to what is no good is none, or Linux's.
fn ratelimit(value: &str) -> Option<bool> {
    match value {
        "0" => Some(true),
        "500" => Some(false),
        _ => None,
    }
}

fn three(value: &str) -> Option<[u32; 3]> {
    let mut numbers = value.split_whitespace().map(number);
    let three = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(three)
}

/// A number of octets, of which the largest is no limit; the outer `None` is no number.
fn unlimited(value: &str) -> Option<Option<u32>> {
    let octets = number::<u32>(value)?;
    Some((octets != u32::MAX).then_some(octets))
}

/// One key, or two with a comma.
fn keys(value: &str) -> Option<Keys> {
    let mut keys = value.split(',').map(|key| key.parse().ok());
    let (primary, backup) = (keys.next()??, keys.next());
    let backup = match backup {
        Some(key) => Some(key?),
        None => None,
    };
    keys.next().is_none().then_some(Keys { primary, backup })
}

fn ecn(value: &str) -> Option<Ecn> {
    Some(match value {
        "0" => Ecn::Off,
        "1" => Ecn::OnlyClassic,
        "2" => Ecn::AcceptClassic,
        "3" => Ecn::Accurate,
        "4" => Ecn::Classic,
        "5" => Ecn::Accept,
        _ => return None,
    })
}

fn ecn_option(value: &str) -> Option<EcnOption> {
    Some(match value {
        "0" => EcnOption::Never,
        "1" => EcnOption::Sparingly,
        "2" => EcnOption::Always,
        "3" => EcnOption::Persistently,
        _ => return None,
    })
}

/// Whether HyStart watches at all.
fn hystart(value: &str) -> Option<SlowStartExit> {
    flag(value).map(|on| if on { SlowStartExit::HyStart } else { SlowStartExit::Loss })
}

/// What it watches: delay and trains of ACKs, or nothing.
fn detect(value: &str) -> Option<SlowStartExit> {
    match value {
        "0" => Some(SlowStartExit::Loss),
        "3" => Some(SlowStartExit::HyStart),
        _ => None,
    }
}

/// Whether the tail is probed; early retransmission itself is no longer in Linux.
fn early_retransmit(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "3" | "4" => Some(true),
        _ => None,
    }
}
