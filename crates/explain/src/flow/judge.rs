//! Which findings a segment is: the rules of Wireshark's "TCP Analysis" (User's Guide, §7.5), as its version 4.0 keeps them.
//!
//! ```text
//!   segment ─► probe? zero window? gap? keep-alive? update? full? ─► the ACK: repeated? of what was never seen?
//!                                                                      │
//!           what its direction has told now ◄── again? how? ◄──────────┘
//! ```

use super::half::{Half, Outstanding, Scale, Segment};
use crate::finding::{Finding, Findings};
use env::Duration;
use wire::tcp::Flags;

/// A retransmission later than this after the last duplicate ACK was not asked for by it.
const FAST: Duration = Duration::from_millis(20);
/// How soon a segment out of order comes after those that overtook it, where the round trip is not known.
const OVERTAKEN: Duration = Duration::from_millis(3);

const CONTROL: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::FIN.bits() | Flags::RST.bits());

/// Judges a segment, and takes note of it. `room` is how many outstanding segments may be kept.
pub(crate) fn judge(
    forward: &mut Half,
    reverse: &mut Half,
    segment: &Segment<'_>,
    round_trip: Option<Duration>,
    room: usize,
) -> Findings {
    let mut found = Findings::NONE;
    begin(forward, reverse, segment);
    of_sequence(forward, reverse, segment, &mut found);
    if !found.contains(Finding::ZeroWindowProbe) {
        of_acknowledgment(forward, reverse, segment, &mut found);
    }
    if forward.last_ack != Some(segment.ack()) {
        forward.duplicates = 0;
    }
    unseen(forward, reverse, segment, &mut found);
    again(forward, reverse, segment, round_trip, &mut found);
    remember(forward, reverse, segment, found, room);
    found
}

/// What a SYN says, and where numbers begin.
fn begin(forward: &mut Half, reverse: &mut Half, segment: &Segment<'_>) {
    let Segment { header, .. } = segment;
    if segment.has(Flags::SYN) {
        if !forward.opened {
            forward.first = Some(segment.seq());
        }
        forward.opened = true;
        forward.mss = header.options.mss;
        forward.unscaled = true;
        match header.options.window_scale {
            Some(bits) if !(segment.has(Flags::ACK) && reverse.scale == Scale::None) => {
                forward.scale = Scale::Bits(bits);
            }
            Some(_) => forward.scale = Scale::None,
            None => (forward.scale, reverse.scale) = (Scale::None, Scale::None),
        }
    } else if forward.first.is_none() {
        forward.first = Some(segment.seq() - 1);
    }
    if segment.has(Flags::ACK) && reverse.first.is_none() {
        reverse.first = Some(segment.ack() - 1);
    }
}

/// What its numbers and its window are beside those before.
fn of_sequence(forward: &Half, reverse: &Half, segment: &Segment<'_>, found: &mut Findings) {
    let Segment { header, len, .. } = *segment;
    let window = header.window.raw();
    let control = segment.has(CONTROL);
    let in_place = forward.next == Some(segment.seq());
    if len == 1 && in_place && reverse.window == 0 && reverse.next.is_some() {
        found.insert(Finding::ZeroWindowProbe);
        return;
    }
    if window == 0 && !control {
        found.insert(Finding::ZeroWindow);
    }
    if forward.next.is_some_and(|next| segment.seq().after(next)) && !segment.has(Flags::RST) {
        found.insert(Finding::LostSegment);
    }
    if len <= 1 && forward.next.is_some_and(|next| segment.seq() + 1 == next) && !control {
        found.insert(Finding::KeepAlive);
    }
    let same_ack = forward.last_ack == Some(segment.ack());
    if len == 0 && window != 0 && window != forward.window && in_place && same_ack && !control {
        found.insert(Finding::WindowUpdate);
    }
    if len > 0
        && !control
        && let (Some(ack), Some(window)) = (reverse.last_ack, reverse.window_octets())
        && segment.data_end() == ack + window
    {
        found.insert(Finding::WindowFull);
    }
}

/// Whether it only repeats an ACK, and why.
fn of_acknowledgment(forward: &mut Half, reverse: &mut Half, segment: &Segment<'_>, found: &mut Findings) {
    let window = segment.header.window.raw();
    let same_ack = forward.last_ack == Some(segment.ack());
    let bare = segment.len == 0 && forward.next == Some(segment.seq()) && !segment.has(CONTROL);
    let same_window = window == forward.window;
    if !bare {
        return;
    }
    if window != 0 && same_window && same_ack && reverse.last.contains(Finding::KeepAlive) {
        found.insert(Finding::KeepAliveAck);
        return;
    }
    let one_more = forward.last_ack.is_some_and(|last| segment.ack() == last + 1);
    if window == 0 && same_window && (same_ack || one_more) && reverse.last.contains(Finding::ZeroWindowProbe)
    {
        found.insert(Finding::ZeroWindowProbeAck);
        if one_more {
            // The probe's octet was taken after all.
            reverse.next = Some(segment.ack());
            reverse.seen = Some(segment.ack());
            forward.last_ack = Some(segment.ack());
        }
        return;
    }
    if window != 0 && same_window && same_ack {
        forward.duplicates = forward.duplicates.saturating_add(1);
        found.insert(Finding::DuplicateAck);
    }
}

/// Whether it acknowledges what was never seen.
fn unseen(forward: &mut Half, reverse: &mut Half, segment: &Segment<'_>, found: &mut Findings) {
    let ack = segment.ack();
    if !segment.has(Flags::ACK) || reverse.seen.is_none_or(|seen| ack.at_or_before(seen)) {
        return;
    }
    let one_more = forward.last_ack.is_some_and(|last| ack == last + 1);
    if one_more && forward.next == Some(segment.seq()) && reverse.last.contains(Finding::ZeroWindowProbe) {
        // A probe's octet was taken, and the window opens again.
        found.insert(Finding::WindowUpdate);
        reverse.next = Some(ack);
        reverse.seen = Some(ack);
        return;
    }
    found.insert(Finding::AckLostSegment);
    // What was seen beyond it and joins it need not be missed again.
    let mut end = ack;
    while let Some(joined) = reverse.outstanding.iter().find(|o| o.start == end && o.end.after(end)) {
        end = joined.end;
    }
    reverse.seen = Some(end);
}

/// Whether its numbers were seen before, and what follows from that.
fn again(
    forward: &mut Half,
    reverse: &Half,
    segment: &Segment<'_>,
    round_trip: Option<Duration>,
    found: &mut Findings,
) {
    if !segment.takes_numbers() || found.contains(Finding::KeepAlive) {
        return;
    }
    if segment.len > 0 && reverse.last_ack.is_some_and(|ack| segment.data_end().at_or_before(ack)) {
        found.insert(Finding::SpuriousRetransmission);
        found.insert(Finding::Retransmission);
        return;
    }
    let Some(next) = forward.next.filter(|next| segment.seq().before(*next)) else { return };
    if segment.len > 1 && segment.seq() + 1 == next {
        return; // New data behind a probe's octet.
    }
    if reverse.duplicates >= 2
        && reverse.last_ack == Some(segment.seq())
        && segment.at.since(reverse.last_ack_at) < FAST
    {
        found.insert(Finding::FastRetransmission);
        found.insert(Finding::Retransmission);
        return;
    }
    if segment.at.since(forward.next_at) < round_trip.unwrap_or(OVERTAKEN) && segment.end() != next {
        found.insert(Finding::OutOfOrder);
    } else {
        found.insert(Finding::Retransmission);
    }
}

/// What its direction has told now.
fn remember(forward: &mut Half, reverse: &mut Half, segment: &Segment<'_>, found: Findings, room: usize) {
    let probe = found.contains(Finding::ZeroWindowProbe);
    if segment.takes_numbers() {
        let (start, end, at) = (segment.seq(), segment.end(), segment.at);
        match forward.holding(start, end) {
            Some(known) => (known.at, known.again) = (at, known.again.saturating_add(1)),
            None => {
                if forward.outstanding.len() >= room {
                    forward.outstanding.pop_front();
                }
                if room > 0 {
                    forward.outstanding.push_back(Outstanding { start, end, at, again: 0 });
                }
            }
        }
        if segment.has(Flags::FIN) {
            forward.fin = Some(segment.data_end());
        }
    }
    if !probe {
        let end = segment.end();
        if forward.next.is_none_or(|next| end.after(next)) {
            forward.next = Some(end);
            forward.next_at = segment.at;
        }
        if forward.seen.is_none_or(|seen| segment.seq() == seen) {
            forward.seen = forward.next;
        }
    }
    forward.window = segment.header.window.raw();
    if !segment.has(Flags::SYN) {
        forward.unscaled = false;
    }
    forward.last_ack = Some(segment.ack()).filter(|ack| segment.has(Flags::ACK) || ack.raw() != 0);
    forward.last_ack_at = segment.at;
    forward.last = found;
    if segment.has(Flags::ACK) {
        reverse.acknowledge(segment.ack());
    }
}
