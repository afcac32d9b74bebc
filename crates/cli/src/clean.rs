//! What others wrote, before a terminal or a JSON line sees it: nothing of it may steer either.
//!
//! ```text
//!   a header, a path, a record of a name server, a recording's head ─► text, line ─► a terminal
//!                                                                  ─► json       ─► a line of JSON
//! ```
//!
//! Header values may hold any octet from 0x80 on (RFC 9110 §5.5), so UTF-8 brings U+009B there, which is to many
//! terminals what ESC [ is; and characters that turn the direction of writing make one name look like another.

/// Text of several lines: what steers becomes U+FFFD.
pub(crate) fn text(text: &str) -> String {
    text.chars().map(|c| if c != '\n' && steers(c) { '\u{fffd}' } else { c }).collect()
}

/// Text that has to stay on one line.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// One JSON object as a line. Nothing is lost: what JSON may leave as it is, but a terminal may not see, is escaped.
pub(crate) fn json(value: &serde_json::Value) -> String {
    use std::fmt::Write as _;
    let plain = value.to_string();
    let mut safe = String::with_capacity(plain.len());
    for c in plain.chars() {
        // Outside strings JSON is ASCII, and in them serde_json escapes what is below a space.
        if steers(c) {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Controls (C0, DEL, C1), the two separators that end a line, and what turns the direction of writing. All are in the
/// first plane of Unicode, so that four digits of an escape hold them.
fn steers(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "a\u{1b}[2Jb\nc\u{9b}31m\u{9d}0;x\u{7}\u{7f}\u{202e}gpj.\u{2028}é한";

    #[test]
    fn nothing_that_others_wrote_steers_a_terminal() {
        assert_eq!(line("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(text("a\u{9b}2J\nb\r\u{202e}"), "a\u{fffd}2J\nb\u{fffd}\u{fffd}");
        assert!(!line(NASTY).chars().any(steers) && line(NASTY).ends_with("é한"));
        assert!(text(NASTY).chars().all(|c| c == '\n' || !steers(c)));
    }

    #[test]
    fn a_line_of_json_is_clean_and_means_the_same() {
        let value = serde_json::json!({ NASTY: [NASTY, 1, null] });
        let written = json(&value);
        assert!(!written.chars().any(steers), "{written:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
    }
}
