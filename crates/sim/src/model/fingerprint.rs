//! What two states that are the same have in common.
//!
//! The text that `Debug` prints of an end is everything there is to know of it. In it, instants that are past become one
//! word, deadlines become their rank, durations and statistics vanish: what is left decides what can happen, not when.

use env::Instant;
use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};

/// Figures that only decide when something happens, or how much at once, at sizes that no model reaches.
const STATISTICS: [&str; 16] = [
    "resent_segments: ",
    "resent_octets: ",
    "left: ",
    "quick: ",
    "acked_size: ",
    "delivered: ",
    "lost: ",
    "in_flight: ",
    "limited_until: Some(",
    "dsacks: ",
    "undone: ",
    "rate: ",
    "resent: ",
    "doubled: ",
    "persists: ",
    "vanished: ",
];

/// 128 bits of the canonical text of `thing`, for an end whose clock stands at `now`. `text` is room to work in.
pub(super) fn fingerprint(thing: &impl Debug, now: Instant, text: &mut String) -> u128 {
    text.clear();
    let _infallible = write!(text, "{thing:?}");
    hash(canonical(text, now).as_bytes())
}

/// The canonical text.
fn canonical(text: &str, now: Instant) -> String {
    let mut deadlines = BTreeSet::new();
    scan(text, &mut |token| {
        if let Token::Instant(at) = token
            && at > now
        {
            deadlines.insert(at);
        }
    });
    let mut out = String::with_capacity(text.len());
    scan(text, &mut |token| match token {
        Token::Text(text) => out.push_str(text),
        Token::Instant(at) if at <= now => out.push('p'),
        Token::Instant(at) => {
            let rank = deadlines.iter().position(|&other| other == at).unwrap_or(0);
            let _infallible = write!(out, "@{rank}");
        }
        Token::Nothing => out.push('_'),
    });
    out
}

enum Token<'a> {
    Text(&'a str),
    Instant(Instant),
    /// A duration or a figure.
    Nothing,
}

/// Cuts a text into what is a time and what is not.
fn scan<'a>(text: &'a str, tell: &mut dyn FnMut(Token<'a>)) {
    let bytes = text.as_bytes();
    let (mut at, mut plain) = (0, 0);
    while at < bytes.len() {
        // A number begins where no word or number goes on.
        let fresh =
            at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || matches!(bytes[at - 1], b'_' | b'.'));
        if !bytes[at].is_ascii_digit() || !fresh {
            at += 1;
            continue;
        }
        let start = at;
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        at = digits(at);
        let whole = at;
        if bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
            at = digits(at + 1);
        }
        let fraction = at - whole;
        let unit = ["s", "ms", "µs", "ns"].into_iter().find(|unit| {
            text[at..].starts_with(unit)
                && !bytes.get(at + unit.len()).is_some_and(|next| next.is_ascii_alphanumeric())
        });
        let token = match unit {
            // `Instant` prints nine decimals, `Duration` as many as it needs: a whole number of milliseconds, here.
            Some("s") if fraction == 10 => {
                let seconds: u64 = text[start..whole].parse().unwrap_or(0);
                let nanos: u64 = text[whole + 1..at].parse().unwrap_or(0);
                Token::Instant(Instant::from_nanos(
                    seconds.saturating_mul(1_000_000_000).saturating_add(nanos),
                ))
            }
            Some(_) => Token::Nothing,
            None if STATISTICS.iter().any(|name| text[..start].ends_with(name)) => Token::Nothing,
            None => continue,
        };
        tell(Token::Text(&text[plain..start]));
        tell(token);
        at += unit.map_or(0, str::len);
        plain = at;
    }
    tell(Token::Text(&text[plain..]));
}

/// Two multiplicative hashes side by side: collisions among millions of states are out of the question, and nobody
/// chooses them.
pub(super) fn hash(octets: &[u8]) -> u128 {
    let (mut a, mut b) = (0x9e37_79b9_7f4a_7c15u64, 0xc2b2_ae3d_27d4_eb4fu64);
    let words = octets.chunks_exact(8);
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    for word in words.chain([&last[..]]) {
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        a = (a ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        a ^= a >> 32;
        b = (b.rotate_left(27) ^ word).wrapping_mul(0x9fb2_1c65_1e98_df25);
        b ^= b >> 29;
    }
    (u128::from(a ^ octets.len() as u64) << 64) | u128::from(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_one_word_and_deadlines_are_ranks() {
        let now = Instant::from_secs(3600);
        let text = "A { at: 3600.000000000s, due: Some(3602.500000000s), next: 3601.000000000s, wait: 1.5s, x: 12, \
                    resent_octets: 99, n1: 3ms }";
        let expected = "A { at: p, due: Some(@1), next: @0, wait: _, x: 12, resent_octets: _, n1: _ }";
        assert_eq!(canonical(text, now), expected);
    }

    #[test]
    fn one_octet_changes_both_halves() {
        let (one, two) = (hash(b"the same but for one octet"), hash(b"the same but for one octer"));
        assert_ne!(one >> 64, two >> 64);
        assert_ne!(one as u64, two as u64);
    }
}
