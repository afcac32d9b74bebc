//! What a capture says about a packet, so that an ordinary viewer shows the stack's mind beside the octets.

use crate::Lang;
use stack::Trace;

/// The comment on the packet of a [`Trace::Sent`] or [`Trace::Dropped`]: why it was sent, or why it was not used.
pub fn comment(what: &Trace, lang: Lang) -> Option<String> {
    match what {
        Trace::Sent { why, .. } => why.map(|why| lang.why(why)),
        Trace::Dropped { why, .. } => Some(lang.drop(*why)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use crate::sample::handshake;

    #[test]
    fn what_was_sent_says_why_and_what_arrived_says_nothing() {
        let log = handshake();
        let comments: Vec<_> = (log.entries.iter())
            .filter_map(|entry| match entry {
                Entry::Host { what, .. } => comment(what, Lang::En),
                _ => None,
            })
            .collect();
        assert_eq!(comments, ["opens the connection", "answers SYN", "completes the handshake"]);
    }
}
