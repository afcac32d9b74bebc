//! The written form of a profile: `delay=80ms,loss=1%,rate=20mbit`.

use super::{Burst, Cut, Profile, Queue};
use env::{Duration, Instant};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// What is wrong with a written profile, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileError {
    /// No such property.
    Unknown {
        /// What was written.
        key: String,
    },
    /// The property needs a value.
    NoValue {
        /// The property.
        key: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// The value does not fit the property.
    Value {
        /// The property.
        key: &'static str,
        /// What was written.
        value: String,
        /// What it needs.
        needs: &'static str,
    },
}

const SHARE: &str = "a share from 0 to 1 or in percent, as in 0.02 or 2%";
const TIME: &str = "a time with its unit, as in 80ms (ns, us, ms, s)";
const KEYS: [(&str, &str); 13] = [
    ("delay", TIME),
    ("jitter", TIME),
    ("shuffle", "nothing"),
    ("rate", "bits a second, as in 20mbit (bit, kbit, mbit, gbit), more than 0 and less than 2^64"),
    (
        "queue",
        "packets, as in 100, or octets with their unit, as in 64kB (B, kB, MB, KiB, MiB), or both: 100/64kB",
    ),
    ("loss", SHARE),
    (
        "burst",
        "how often it begins and ends, as in 1%/25%, then perhaps the loss in it and outside it: 1%/25%/100%/0%",
    ),
    ("reorder", "a share, as in 3%, then perhaps a time to be held back, as in 3%/25ms"),
    ("duplicate", SHARE),
    ("corrupt", SHARE),
    ("cut", "from when until when, as in 2s-5s"),
    ("mtu", "octets of an IP packet, as in 1280"),
    ("drop", "the number of a packet from 1, or several, as in 3+7"),
];

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { key } => {
                write!(f, "a link has no `{key}`; it has")?;
                KEYS.iter().enumerate().try_for_each(|(at, (name, _))| {
                    write!(f, "{}{name}", if at == 0 { " " } else { ", " })
                })?;
                f.write_str(", written as in delay=80ms,loss=1%")
            }
            Self::NoValue { key, needs } => write!(f, "`{key}` has no value: give {needs}"),
            Self::Value { key, value, needs } => write!(f, "`{key}={value}` does not work: give {needs}"),
        }
    }
}

impl std::error::Error for ProfileError {}

/// Properties with commas between; the empty text is the perfect link. `cut` and `drop` may come again.
impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let mut profile = Self::default();
        for property in text.split(',').map(str::trim).filter(|property| !property.is_empty()) {
            let (key, value) = match property.split_once('=') {
                Some((key, value)) => (key.trim(), Some(value.trim())),
                None => (property, None),
            };
            let Some(&(key, needs)) = KEYS.iter().find(|(name, _)| *name == key) else {
                return Err(ProfileError::Unknown { key: key.to_owned() });
            };
            if key == "shuffle" {
                match value {
                    None => profile.shuffle = true,
                    Some(value) => return Err(ProfileError::Value { key, value: value.to_owned(), needs }),
                }
                continue;
            }
            let value = value.ok_or(ProfileError::NoValue { key, needs })?;
            set(&mut profile, key, value).ok_or_else(|| ProfileError::Value {
                key,
                value: value.to_owned(),
                needs,
            })?;
        }
        Ok(profile)
    }
}

fn set(profile: &mut Profile, key: &str, value: &str) -> Option<()> {
    match key {
        "delay" => profile.delay = time(value)?,
        "jitter" => profile.jitter = time(value)?,
        "rate" => profile.rate = Some(rate(value)?),
        "queue" => profile.queue = queue(value)?,
        "loss" => profile.loss = share(value)?,
        "burst" => {
            let mut parts = value.split('/').map(share);
            let (enter, leave) = (parts.next()??, parts.next()??);
            let (bad, good) = (parts.next().unwrap_or(Some(1.0))?, parts.next().unwrap_or(Some(0.0))?);
            if parts.next().is_some() {
                return None;
            }
            profile.burst = Some(Burst { enter, leave, bad, good });
        }
        "reorder" => {
            let (how_often, by) = value.split_once('/').map_or((value, None), |(a, b)| (a, Some(b)));
            profile.reorder = share(how_often)?;
            if let Some(by) = by {
                profile.reorder_by = time(by)?;
            }
        }
        "duplicate" => profile.duplicate = share(value)?,
        "corrupt" => profile.corrupt = share(value)?,
        "cut" => {
            let (from, until) = value.split_once('-')?;
            let (from, until) = (Instant::ZERO + time(from)?, Instant::ZERO + time(until)?);
            if until <= from {
                return None;
            }
            profile.cuts.push(Cut { from, until });
        }
        "mtu" => profile.mtu = Some(value.parse().ok().filter(|&mtu| mtu > 0)?),
        "drop" => {
            for number in value.split('+') {
                profile.drop.push(number.parse().ok().filter(|&number| number > 0)?);
            }
        }
        _ => return None,
    }
    Some(())
}

/// Splits `12.5ms` into 12.5 and `ms`. No sign, no exponent, no `inf`.
fn with_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

fn share(text: &str) -> Option<f64> {
    let share = match with_unit(text)? {
        (number, "%") => number / 100.0,
        (number, "") => number,
        _ => return None,
    };
    (0.0..=1.0).contains(&share).then_some(share)
}

fn time(text: &str) -> Option<Duration> {
    let (number, unit) = with_unit(text)?;
    let nanos = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "" if number == 0.0 => 1.0,
        _ => return None,
    };
    // Beyond 292 years nothing is meant.
    let nanos = (number * nanos).round();
    (nanos < i64::MAX as f64).then(|| Duration::from_nanos(nanos as u64))
}

fn rate(text: &str) -> Option<NonZeroU64> {
    let (number, unit) = with_unit(text)?;
    let bits = match unit.to_ascii_lowercase().as_str() {
        "bit" => 1.0,
        "kbit" => 1e3,
        "mbit" => 1e6,
        "gbit" => 1e9,
        _ => return None,
    };
    let rate = (number * bits).round();
    // A float that is too large would be taken for the largest integer.
    if rate >= u64::MAX as f64 {
        return None;
    }
    NonZeroU64::new(rate as u64)
}

fn queue(text: &str) -> Option<Queue> {
    let mut queue = Queue::default();
    for part in text.split('/') {
        let (number, unit) = with_unit(part)?;
        let octets = match unit {
            "" => {
                queue.packets = part.trim().parse().ok()?;
                continue;
            }
            "B" => 1.0,
            "kB" => 1e3,
            "MB" => 1e6,
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            _ => return None,
        };
        let octets = (number * octets).round();
        if octets >= usize::MAX as f64 {
            return None;
        }
        queue.octets = octets as usize;
    }
    Some(queue)
}

/// The largest unit that says it exactly.
fn show(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)]
        .into_iter()
        .find(|(_, unit)| nanos.is_multiple_of(*unit))
        .map_or_else(|| format!("{nanos}ns"), |(name, unit)| format!("{}{name}", nanos / unit))
}

/// In the form that [`FromStr`] reads; nothing for what is as in the default.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::default();
        let mut parts = Vec::new();
        let mut time =
            |key, value: Duration| (!value.is_zero()).then(|| parts.push(format!("{key}={}", show(value))));
        time("delay", self.delay);
        time("jitter", self.jitter);
        if self.shuffle {
            parts.push("shuffle".to_owned());
        }
        self.rate.iter().for_each(|rate| parts.push(format!("rate={rate}bit")));
        if self.queue != usual.queue {
            let octets =
                (self.queue.octets != usual.queue.octets).then(|| format!("/{}B", self.queue.octets));
            parts.push(format!("queue={}{}", self.queue.packets, octets.unwrap_or_default()));
        }
        let mut share = |key, value: f64| (value != 0.0).then(|| parts.push(format!("{key}={value}")));
        share("loss", self.loss);
        share("duplicate", self.duplicate);
        share("corrupt", self.corrupt);
        if let Some(Burst { enter, leave, bad, good }) = self.burst {
            parts.push(format!("burst={enter}/{leave}/{bad}/{good}"));
        }
        if self.reorder != 0.0 || self.reorder_by != usual.reorder_by {
            parts.push(format!("reorder={}/{}", self.reorder, show(self.reorder_by)));
        }
        for Cut { from, until } in &self.cuts {
            let [from, until] = [from, until].map(|at| show(at.since(Instant::ZERO)));
            parts.push(format!("cut={from}-{until}"));
        }
        self.mtu.iter().for_each(|mtu| parts.push(format!("mtu={mtu}")));
        self.drop.iter().for_each(|number| parts.push(format!("drop={number}")));
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_long_form_is_read() {
        let text = "delay=80ms, jitter=1.5ms,shuffle,rate=20mbit,queue=100/64kB,loss=1%,burst=1%/25%,reorder=3%/25ms,\
                    duplicate=1%,corrupt=0.1%,cut=2s-5s,cut=7s-8s,mtu=1280,drop=3+7,drop=9";
        let want = Profile {
            delay: Duration::from_millis(80),
            jitter: Duration::from_micros(1500),
            shuffle: true,
            rate: NonZeroU64::new(20_000_000),
            queue: Queue { packets: 100, octets: 64_000 },
            loss: 0.01,
            burst: Some(Burst { enter: 0.01, leave: 0.25, bad: 1.0, good: 0.0 }),
            reorder: 0.03,
            reorder_by: Duration::from_millis(25),
            duplicate: 0.01,
            corrupt: 0.001,
            cuts: [(2, 5), (7, 8)]
                .map(|(a, b)| Cut { from: Instant::from_secs(a), until: Instant::from_secs(b) })
                .into(),
            mtu: Some(1280),
            drop: vec![3, 7, 9],
        };
        assert_eq!(text.parse(), Ok(want.clone()));
        assert_eq!(want.to_string().parse(), Ok(want));
        assert_eq!("".parse(), Ok(Profile::default()));
        assert_eq!(Profile::default().to_string(), "");
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        for (text, says) in [
            (
                "lose=1%",
                "a link has no `lose`; it has delay, jitter, shuffle, rate, queue, loss, burst, reorder, \
                         duplicate, corrupt, cut, mtu, drop, written as in delay=80ms,loss=1%",
            ),
            ("loss", "`loss` has no value: give a share from 0 to 1 or in percent, as in 0.02 or 2%"),
            (
                "loss=101%",
                "`loss=101%` does not work: give a share from 0 to 1 or in percent, as in 0.02 or 2%",
            ),
            ("delay=80", "`delay=80` does not work: give a time with its unit, as in 80ms (ns, us, ms, s)"),
            ("cut=5s-2s", "`cut=5s-2s` does not work: give from when until when, as in 2s-5s"),
        ] {
            assert_eq!(text.parse::<Profile>().unwrap_err().to_string(), says);
        }
        for text in [
            "shuffle=1",
            "rate=0bit",
            "rate=5",
            "rate=99999999999999999999gbit",
            "queue=99999999999999999999MB",
            "queue=",
            "queue=-1",
            "burst=1%",
            "burst=1%/2%/3%/4%/5%",
            "mtu=0",
            "drop=0",
            "reorder=3%/x",
            "delay=-1ms",
            "delay=1e400s",
            "loss=nan",
            "loss=inf",
            "cut=2s",
            "delay=ms",
        ] {
            assert!(text.parse::<Profile>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_was_read_is_written_alike(text in "[a-z=0-9.%/,+-]{0,40}") {
            if let Ok(profile) = text.parse::<Profile>() {
                prop_assert_eq!(profile.to_string().parse(), Ok(profile));
            }
        }

        #[test]
        fn numbers_survive_being_written(
            delay in 0u64..1 << 50, rate in 1u64..1 << 40, loss in 0.0f64..=1.0, reorder in 0.0f64..=1.0,
            by in 0u64..1 << 40, octets in any::<u32>(), enter in 0.0f64..=1.0,
        ) {
            let profile = Profile {
                delay: Duration::from_nanos(delay), rate: NonZeroU64::new(rate), loss, reorder,
                reorder_by: Duration::from_nanos(by), queue: Queue { packets: 7, octets: octets as usize },
                burst: Some(Burst { enter, leave: 0.5, bad: 1.0, good: loss }), ..Profile::default()
            };
            prop_assert_eq!(profile.to_string().parse(), Ok(profile));
        }
    }
}
