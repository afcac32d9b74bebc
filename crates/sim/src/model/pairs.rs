//! Which states the two ends can be in at the same time, by RFC 9293.
//!
//! An end that is CLOSED is allowed beside any other: it may have been aborted, have given up, or its RST may be lost;
//! the other is then half-open (§3.5.1). The same holds for LISTEN, where a listener's half-open record has vanished
//! while its peer believed the handshake complete (§3.5, MUST-11).

use tcp::State;

/// Why RFC 9293 rules out that one end is in `a` while the other, of the same connection, is in `b`; `None` when it does
/// not.
///
/// What is said of a FIN is the whole of it: who acknowledges a FIN has received it, and who has received it has left
/// the states in which it waits for one.
pub fn forbidden(a: State, b: State) -> Option<&'static str> {
    use State::*;
    if matches!(a, Closed | Listen) || matches!(b, Closed | Listen) {
        return None;
    }
    one_way(a, b).or_else(|| one_way(b, a))
}

fn one_way(a: State, b: State) -> Option<&'static str> {
    use State::*;
    let opening = matches!(b, SynSent | SynReceived);
    match a {
        // Nothing that it sent has come: the other has our SYN at most.
        SynSent if !opening => Some("the other end waits for the acknowledgment of its SYN at most"),
        // Its SYN is not acknowledged as far as it knows; the other may be open and have closed, but has no FIN of ours.
        SynReceived if matches!(b, FinWait2 | CloseWait | Closing | LastAck | TimeWait) => {
            Some("no FIN can have come from an end that is not open, nor be acknowledged by it")
        }
        // Our FIN was not sent: the other cannot have it; theirs has not come: we cannot have acknowledged it.
        Established if matches!(b, FinWait2) => Some("its FIN would be acknowledged, but it has not come"),
        Established if matches!(b, CloseWait | Closing | LastAck | TimeWait) => {
            Some("it would have a FIN that was not sent")
        }
        // Our FIN was sent, theirs has not come.
        FinWait1 if matches!(b, FinWait2 | TimeWait) => {
            Some("its FIN would be acknowledged, but it has not come")
        }
        // Our FIN is acknowledged: the other has it; theirs has not come.
        FinWait2 if matches!(b, FinWait2 | TimeWait) => {
            Some("its FIN would be acknowledged, but it has not come")
        }
        FinWait2 if matches!(b, SynSent | SynReceived | Established | FinWait1) => {
            Some("it has acknowledged a FIN that it does not have")
        }
        // Theirs has come, ours was not sent.
        CloseWait if matches!(b, CloseWait | Closing | LastAck | TimeWait) => {
            Some("it would have a FIN that was not sent")
        }
        // Ours was sent after theirs had come, so it acknowledges theirs: the other never waits in CLOSING for that.
        LastAck if matches!(b, Closing) => Some("the FIN that it has acknowledges its own"),
        LastAck if matches!(b, LastAck) => Some("each FIN would have been sent after the other had come"),
        // Ours is acknowledged and theirs has come: the other has ours, and has sent its own.
        TimeWait if matches!(b, CloseWait) => Some("it would have sent no FIN"),
        TimeWait if matches!(b, FinWait1 | FinWait2 | Established) => {
            Some("it has acknowledged a FIN that it does not have")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_symmetric_and_allows_what_the_figures_show() {
        for a in State::ALL {
            for b in State::ALL {
                assert_eq!(forbidden(a, b).is_some(), forbidden(b, a).is_some(), "{a} {b}");
            }
        }
        use State::*;
        // RFC 9293, figures 6, 7, 12 and 13.
        let shown = [
            (SynSent, SynReceived),
            (Established, SynReceived),
            (Established, Established),
            (SynSent, SynSent),
            (SynReceived, SynReceived),
            (FinWait1, Established),
            (FinWait1, CloseWait),
            (FinWait2, CloseWait),
            (FinWait2, LastAck),
            (TimeWait, LastAck),
            (TimeWait, Closed),
            (FinWait1, FinWait1),
            (Closing, Closing),
            (TimeWait, TimeWait),
            (TimeWait, Closing),
        ];
        assert!(shown.into_iter().all(|(a, b)| forbidden(a, b).is_none()));
    }
}
