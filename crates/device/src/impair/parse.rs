//! The written form of a profile: `delay=80ms,loss=1%,rate=20mbit`.

use super::{Becomes, Burst, Change, Cut, Profile, Queue};
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
const KEYS: [(&str, &str); 16] = [
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
    (
        "reorder",
        "a share, as in 3%, then perhaps a time to be held back, as in 3%/25ms, or any time up to it: 3%/0-25ms",
    ),
    ("duplicate", SHARE),
    ("corrupt", SHARE),
    ("cut", "from when until when, as in 2s-5s"),
    ("mtu", "octets of an IP packet, as in 1280"),
    ("mark", "octets with their unit, as in 64kB (B, kB, MB, KiB, MiB)"),
    ("bleach", SHARE),
    ("mangle", SHARE),
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

/// Properties with commas between; the empty text is the perfect link. `cut` and `drop` may come again, and so may
/// `rate`, `mtu`, `delay` and `loss` with the time from which on they are so: `rate=20mbit,rate=5mbit@3s`.
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
    if let Some((value, at)) = value.split_once('@') {
        let (at, value) = (Instant::ZERO + time(at)?, value.trim());
        let to = match key {
            "rate" => Becomes::Rate(rate(value)?),
            "mtu" => Becomes::Mtu(mtu(value)?),
            "delay" => Becomes::Delay(time(value)?),
            "loss" => Becomes::Loss(share(value)?),
            _ => return None,
        };
        profile.changes.push(Change { at, to });
        return Some(());
    }
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
                let any = by.split_once('-');
                if any.is_some_and(|(least, _)| time(least) != Some(Duration::ZERO)) {
                    return None;
                }
                profile.reorder_any = any.is_some();
                profile.reorder_by = time(any.map_or(by, |(_, most)| most))?;
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
        "mtu" => profile.mtu = Some(mtu(value)?),
        "mark" => profile.mark = Some(octets(value)?),
        "bleach" => profile.bleach = share(value)?,
        "mangle" => profile.mangle = share(value)?,
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

fn mtu(text: &str) -> Option<usize> {
    text.parse().ok().filter(|&mtu| mtu > 0)
}

fn queue(text: &str) -> Option<Queue> {
    let mut queue = Queue::default();
    for part in text.split('/') {
        match with_unit(part)? {
            (_, "") => queue.packets = part.trim().parse().ok()?,
            _ => queue.octets = octets(part)?,
        }
    }
    Some(queue)
}

fn octets(text: &str) -> Option<usize> {
    let (number, unit) = with_unit(text)?;
    let unit = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        _ => return None,
    };
    let octets = (number * unit).round();
    (octets < usize::MAX as f64).then_some(octets as usize)
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
        share("bleach", self.bleach);
        share("mangle", self.mangle);
        if let Some(Burst { enter, leave, bad, good }) = self.burst {
            parts.push(format!("burst={enter}/{leave}/{bad}/{good}"));
        }
        if self.reorder != 0.0 || self.reorder_by != usual.reorder_by || self.reorder_any {
            let any = if self.reorder_any { "0-" } else { "" };
            parts.push(format!("reorder={}/{any}{}", self.reorder, show(self.reorder_by)));
        }
        for Cut { from, until } in &self.cuts {
            let [from, until] = [from, until].map(|at| show(at.since(Instant::ZERO)));
            parts.push(format!("cut={from}-{until}"));
        }
        self.mtu.iter().for_each(|mtu| parts.push(format!("mtu={mtu}")));
        self.mark.iter().for_each(|octets| parts.push(format!("mark={octets}B")));
        for Change { at, to } in &self.changes {
            let value = match to {
                Becomes::Rate(rate) => format!("rate={rate}bit"),
                Becomes::Mtu(mtu) => format!("mtu={mtu}"),
                Becomes::Delay(delay) => format!("delay={}", show(*delay)),
                Becomes::Loss(loss) => format!("loss={loss}"),
            };
            parts.push(format!("{value}@{}", show(at.since(Instant::ZERO))));
        }
        self.drop.iter().for_each(|number| parts.push(format!("drop={number}")));
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests;
