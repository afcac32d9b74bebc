//! The languages: every reason, fate and remark in each of them.
//!
//! English is what the protocol crates say of themselves ([`std::fmt::Display`]), where they say it. States, flags,
//! options and calls are names, not words: they are the RFC's in both.

mod en;
mod ko;
#[cfg(test)]
mod tests;

use device::impair::{LinkEvent, Lost, What};
use env::Duration;
use std::fmt;
use std::str::FromStr;
use tcp::{Cause, ConnectionError, Discard, Trigger, Why};

/// A language to tell it in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

/// A text that names no language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLang;

impl fmt::Display for UnknownLang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the languages are en and ko")
    }
}

impl std::error::Error for UnknownLang {}

impl FromStr for Lang {
    type Err = UnknownLang;

    fn from_str(text: &str) -> Result<Self, UnknownLang> {
        match text {
            "en" => Ok(Self::En),
            "ko" => Ok(Self::Ko),
            _ => Err(UnknownLang),
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::En => "en",
            Self::Ko => "ko",
        })
    }
}

impl Lang {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::En, Self::Ko];

    /// Of two texts, the one in this language.
    pub fn pick<'a>(self, en: &'a str, ko: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Ko => ko,
        }
    }

    /// Why a segment was sent.
    pub fn why(self, why: Why) -> String {
        match self {
            Self::En => why.to_string(),
            Self::Ko => ko::why(why),
        }
    }

    /// Why an arriving segment was not used.
    pub fn discard(self, why: Discard) -> String {
        match self {
            Self::En => en::discard(why),
            Self::Ko => ko::discard(why),
        }
    }

    /// Why a packet was not used.
    pub fn drop(self, why: stack::Drop) -> String {
        match self {
            Self::En => en::drop(why),
            Self::Ko => ko::drop(why),
        }
    }

    /// What changed a state.
    pub fn cause(self, cause: Cause) -> String {
        match self {
            Self::En => en::cause(cause),
            Self::Ko => ko::cause(cause),
        }
    }

    /// What a congestion window changed for.
    pub fn trigger(self, trigger: Trigger) -> &'static str {
        match self {
            Self::En => en::trigger(trigger),
            Self::Ko => ko::trigger(trigger),
        }
    }

    /// A congestion controller came from one phase into another.
    pub fn phase(self, from: &'static str, to: &'static str) -> String {
        match self {
            Self::En => en::phase(from, to),
            Self::Ko => ko::phase(from, to),
        }
    }

    /// How a connection ended.
    pub fn ended(self, error: ConnectionError) -> String {
        match self {
            Self::En => error.to_string(),
            Self::Ko => ko::ended(error),
        }
    }

    /// A remark of TCP's own.
    pub fn remark(self, what: &'static str) -> &'static str {
        match self {
            Self::En => what,
            Self::Ko => ko::remark(what),
        }
    }

    /// Why a packet was lost on a link.
    pub fn lost(self, why: Lost) -> String {
        match self {
            Self::En => why.to_string(),
            Self::Ko => ko::lost(why).to_owned(),
        }
    }

    /// What a link did to a packet, if that is worth a word.
    pub fn link(self, event: &LinkEvent) -> Option<String> {
        Some(match event.what {
            What::Lost(why) => self.lost(why),
            What::Corrupted { bit } => match self {
                Self::En => format!("bit {bit} flipped on the way"),
                Self::Ko => format!("오는 길에 비트 {bit}번이 뒤집힘"),
            },
            What::Duplicated => self.pick("copied on the way", "오는 길에 복제됨").to_owned(),
            What::Reordered => self.pick("held back on the way", "오는 길에 붙들림").to_owned(),
            _ => return None,
        })
    }

    /// A span of time, rounded to what people care for.
    pub fn span(self, span: Duration) -> String {
        if span < Duration::from_millis(1) {
            return format!("{} µs", span.as_micros());
        }
        let (value, unit) = if span < Duration::from_secs(1) {
            (span.as_secs_f64() * 1e3, self.pick(" ms", " ms"))
        } else {
            (span.as_secs_f64(), self.pick(" s", "초"))
        };
        let text = format!("{value:.3}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{text}{unit}")
    }

    /// Time since the start as seconds with so many decimals.
    pub(crate) fn clock(since: Duration, decimals: usize) -> String {
        let nanos = since.as_nanos();
        let whole = nanos / 1_000_000_000;
        let part = format!("{:09}", nanos % 1_000_000_000);
        format!("{whole}.{}", part.get(..decimals.clamp(1, 9)).unwrap_or(&part))
    }
}
