//! The two things that a comment can say: `Covers: RFC 9293 MUST-13, SHLD-6; RFC 5961 5961-3` above a
//! test, and a rule's name anywhere in code.

/// One rule named by a `Covers:` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The RFC that the line gives for it, if any.
    pub rfc: Option<String>,
    /// The rule's id.
    pub id: String,
}

/// The text after `Covers:`, if the comment is such a line.
pub fn covers(comment: &str) -> Option<&str> {
    comment.strip_prefix("Covers:").map(str::trim)
}

/// Whether a `Covers:` line goes on in the next comment line.
pub fn goes_on(list: &str) -> bool {
    list.is_empty() || list.ends_with([',', ';'])
}

/// The rules in a list such as `RFC 9293 MUST-13, SHLD-6; RFC 5961 5961-3`.
///
/// A piece that is no id is an error, given as the piece itself: a tag that proves nothing must not pass
/// for one that does.
pub fn list(text: &str) -> Result<Vec<Tag>, String> {
    let mut tags = Vec::new();
    for group in text.trim().trim_end_matches('.').split(';') {
        let mut rfc = None;
        for piece in group.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let mut id = piece;
            if let Some(rest) = piece.strip_prefix("RFC ") {
                let (number, rest) = rest.split_once(' ').ok_or_else(|| piece.to_owned())?;
                rfc = Some(number.to_owned());
                id = rest.trim();
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if !id.contains('-') || !id.chars().all(plain) {
                return Err(piece.to_owned());
            }
            tags.push(Tag { rfc: rfc.clone(), id: id.to_owned() });
        }
    }
    if tags.is_empty() { Err(text.to_owned()) } else { Ok(tags) }
}

/// Everything in a comment that may be a rule's id: words with a hyphen and a number at the end, not part
/// of a longer number.
pub fn citations(comment: &str) -> Vec<&str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in comment.char_indices().chain([(comment.len(), ' ')]) {
        match (start, inside(c)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                start = None;
                let word = comment[from..at].trim_end_matches('-');
                let after = &comment[at..];
                let decimal = after.starts_with('.') && after[1..].starts_with(|c: char| c.is_ascii_digit());
                let section = comment[..from].ends_with(['§', '.']);
                if word.contains('-') && word.ends_with(|c: char| c.is_ascii_digit()) && !decimal && !section
                {
                    found.push(word);
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether a word can only be one of RFC 9293's labels, so that an unknown one is a slip of the pen.
pub fn is_label(word: &str) -> bool {
    let number =
        ["MUST-", "SHLD-", "MAY-", "REC-", "9293-E", "1122U-"].iter().find_map(|p| word.strip_prefix(p));
    number.is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        list(text).unwrap().into_iter().map(|t| t.id).collect()
    }

    #[test]
    fn a_list_names_rules_of_several_rfcs() {
        assert_eq!(ids("RFC 9293 MUST-13, SHLD-6; RFC 5961 5961-3"), ["MUST-13", "SHLD-6", "5961-3"]);
        assert_eq!(ids("MUST-1, 9293-E4."), ["MUST-1", "9293-E4"]);
        let tags = list("RFC 9293 MUST-13, SHLD-6; 768-1").unwrap();
        assert_eq!(tags[1].rfc.as_deref(), Some("9293"));
        assert_eq!(tags[2].rfc, None);
    }

    #[test]
    fn a_list_with_anything_else_in_it_is_refused() {
        for bad in
            ["", "RFC 9293", "RFC 9293 §3.4", "RFC 9293 MUST-13 (in part)", "MUST-1 and MUST-2", "nothing"]
        {
            assert!(list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn citations_stand_alone_among_words() {
        assert_eq!(citations("why (RFC 9293 MUST-13; 5961-3): done"), ["MUST-13", "5961-3"]);
        assert_eq!(citations("see §3.8.6-2, 6298-2.3 and x-y, MUST-5."), ["MUST-5"]);
        assert!(citations("no rule here").is_empty());
    }

    #[test]
    fn only_names_that_nothing_else_can_be_are_labels() {
        assert!(is_label("MUST-70") && is_label("9293-E99"));
        assert!(!is_label("1024-65535") && !is_label("MUST-n") && !is_label("MUST-"));
    }
}
