//! What programs know reasons by: names that stay when words, languages and the code change.

use device::impair::{Lost, What};
use tcp::{Cause, ChallengeTo, ConnectionError, Discard, ResetWhy, Trigger, Undo, Why};

/// Why a segment was sent.
pub(super) fn why(why: Why) -> &'static str {
    match why {
        Why::OpensConnection => "opens_connection",
        Why::OpensWithData => "opens_with_data",
        Why::SynWithoutData => "syn_without_data",
        Why::AnswersSyn => "answers_syn",
        Why::AnswersSynWithCookie => "answers_syn_with_cookie",
        Why::CompletesHandshake => "completes_handshake",
        Why::Data => "data",
        Why::LimitedTransmit => "limited_transmit",
        Why::Closes => "closes",
        Why::RetransmissionTimeout(_) => "retransmission_timeout",
        Why::FastRetransmit => "fast_retransmit",
        Why::NextHole => "next_hole",
        Why::Rack { .. } => "rack",
        Why::Withheld => "withheld",
        Why::LossProbe { new: true } => "loss_probe_of_new_data",
        Why::LossProbe { new: false } => "loss_probe",
        Why::FullAfterSmall => "full_after_small",
        Why::BlackHole { .. } => "black_hole",
        Why::PathMtuProbe(_) => "path_mtu_probe",
        Why::WindowProbe(_) => "window_probe",
        Why::KeepAliveProbe(_) => "keep_alive_probe",
        Why::QuickAck => "quick_ack",
        Why::SecondSegment => "second_segment",
        Why::DelayedAck(_) => "delayed_ack",
        Why::DelayedReport(_) => "delayed_report",
        Why::OutOfOrder => "out_of_order",
        Why::FillsHole => "fills_hole",
        Why::Marked => "marked",
        Why::Duplicate => "duplicate",
        Why::OutsideWindow => "outside_window",
        Why::AcknowledgesFin => "acknowledges_fin",
        Why::WindowUpdate => "window_update",
        Why::ChallengeAck(ChallengeTo::Reset) => "challenge_ack_to_reset",
        Why::ChallengeAck(ChallengeTo::Syn) => "challenge_ack_to_syn",
        Why::ChallengeAck(ChallengeTo::Ack) => "challenge_ack_to_ack",
        Why::OldTimestamp => "old_timestamp",
        Why::AcksUnsent => "acks_unsent",
        Why::Reset(ResetWhy::NoConnection) => "reset_no_connection",
        Why::Reset(ResetWhy::BadAck) => "reset_bad_ack",
        Why::Reset(ResetWhy::Aborted) => "reset_aborted",
        Why::Reset(ResetWhy::DataUnread) => "reset_data_unread",
        Why::Reset(ResetWhy::TimedOut) => "reset_timed_out",
        Why::Reset(ResetWhy::Refused) => "reset_refused",
        Why::Reset(ResetWhy::OutOfMemory) => "reset_out_of_memory",
        _ => "other",
    }
}

/// Why a segment was not used.
pub(super) fn discard(why: Discard) -> &'static str {
    match why {
        Discard::OutsideWindow => "outside_window",
        Discard::WindowShut => "window_shut",
        Discard::Duplicate => "duplicate",
        Discard::OldTimestamp => "old_timestamp",
        Discard::NoTimestamp => "no_timestamp",
        Discard::UnacceptableReset => "unacceptable_reset",
        Discard::UnexpectedSyn => "unexpected_syn",
        Discard::NoAck => "no_ack",
        Discard::UnacceptableAck => "unacceptable_ack",
        Discard::AfterFin => "after_fin",
        Discard::TooManyHoles => "too_many_holes",
        Discard::NoMemory => "no_memory",
        Discard::SimultaneousOpenRefused => "simultaneous_open_refused",
        Discard::ResetToNobody => "reset_to_nobody",
        Discard::AcceptQueueFull => "accept_queue_full",
        Discard::SynQueueFull => "syn_queue_full",
        Discard::BadCookie => "bad_cookie",
        Discard::TimeWait => "time_wait",
        _ => "other",
    }
}

/// What a congestion window changed for.
pub(super) fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Ack => "ack",
        Trigger::Loss => "loss",
        Trigger::Timeout => "timeout",
        Trigger::Reducing => "reducing",
        Trigger::Recovered => "recovered",
        Trigger::Undone(Undo::DuplicateSack) => "undone_by_dsack",
        Trigger::Undone(Undo::Eifel) => "undone_by_eifel",
        Trigger::Undone(Undo::Frto) => "undone_by_frto",
        Trigger::Undone(_) => "undone",
        Trigger::Idle => "idle",
        Trigger::Marked => "marked",
        Trigger::PathMtu => "path_mtu",
    }
}

/// What changed a state: `call_open`, `arrived_ack_of_syn`, `timeout_2msl`.
pub(super) fn cause(cause: Cause) -> String {
    let (kind, what) = match cause {
        Cause::Call(what) => ("call", what),
        Cause::Arrived(what) => ("arrived", what),
        Cause::Timeout(what) => ("timeout", what),
    };
    format!("{kind}_{}", what.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
}

/// What became of a packet on the link.
pub(super) fn fate(what: What) -> &'static str {
    match what {
        What::Lost(Lost::Chance) => "lost_chance",
        What::Lost(Lost::Burst) => "lost_burst",
        What::Lost(Lost::Cut) => "lost_cut",
        What::Lost(Lost::QueueFull) => "lost_queue_full",
        What::Lost(Lost::TooLarge) => "lost_too_large",
        What::Lost(Lost::Judged) => "lost_judged",
        What::Lost(Lost::InFlight) => "lost_in_flight",
        What::Lost(Lost::Malformed) => "lost_malformed",
        What::Corrupted { .. } => "corrupted",
        What::Duplicated => "duplicated",
        What::Reordered => "reordered",
        What::Queued { .. } => "queued",
        What::Delivered => "delivered",
        _ => "other",
    }
}

/// How a connection ended.
pub fn ended(error: ConnectionError) -> &'static str {
    match error {
        ConnectionError::Refused => "refused",
        ConnectionError::Reset => "reset",
        ConnectionError::TimedOut => "timed_out",
        ConnectionError::Aborted => "aborted",
        ConnectionError::Unreachable => "unreachable",
        ConnectionError::OutOfMemory => "out_of_memory",
        _ => "other",
    }
}
