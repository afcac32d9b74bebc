//! Segments with SYN, the first and those that go again.

use super::{Open, Shared, Transmit, Why};
use crate::connection::syn_window;
use crate::sender::SendHalf;
use crate::{Segment, ecn, timestamp};
use env::Instant;
use wire::WireWindow;
use wire::tcp::{Flags, Header, Options, Timestamps};

/// The SYN, once, and again when the timer says so. It may ask for marks, and is not capable itself (3168-4).
pub(super) fn next_syn(now: Instant, shared: &Shared, snd: &mut SendHalf) -> Option<Transmit> {
    let first = snd.nxt == snd.iss;
    let why = if first { Why::OpensConnection } else { snd.resend.take()? };
    let again = if first { 0 } else { snd.resent_segments + 1 };
    let header = Header {
        seq: snd.iss,
        flags: Flags::SYN | ecn::ask(shared.config.ecn, again, &shared.config.ecn_habits),
        window: WireWindow::new(syn_window(shared) as u16),
        options: syn_options(now, shared, None),
        ..Header::default()
    };
    let mut syn = Transmit::now(Segment { header, ..Segment::default() }, why);
    if first {
        let data = shared.load_syn(snd, &mut syn);
        snd.sent(now, 1 + data);
    } else {
        // Neither data nor a cookie a second time (7413-11). A path that takes less has lost nothing to congestion.
        let segments = u32::from(why != Why::SynWithoutData);
        snd.sent_again(now, snd.iss, snd.iss + 1, segments);
    }
    Some(syn)
}

/// Options of our SYN, always with a segment size (SHLD-5, MAY-3), or of a SYN,ACK that answers one with the options
/// that were agreed on.
fn syn_options(now: Instant, shared: &Shared, answers: Option<&Open>) -> Options {
    let config = &shared.config;
    let (timestamps, sack, scaling) = match answers {
        None => (config.timestamps, config.sack, config.window_scaling),
        Some(open) => (open.agreed.timestamps, open.agreed.sack, open.agreed.scales.is_some()),
    };
    Options {
        mss: Some(shared.syn_mss()),
        window_scale: scaling.then(|| shared.syn_scale.shift()),
        sack_permitted: sack,
        timestamps: timestamps.then(|| Timestamps {
            value: timestamp(now, shared.timestamp_offset),
            echo: answers.map_or(0, |open| open.rcv.timestamp_echo()),
        }),
        ..Options::NONE
    }
}

impl Open {
    /// SYN,ACK of a simultaneous open.
    pub(super) fn next_syn_ack(&mut self, now: Instant, shared: &Shared) -> Option<Transmit> {
        let resend = self.snd.resend.take();
        let why = if core::mem::take(&mut self.syn_ack_due) { Why::AnswersSyn } else { resend? };
        self.snd.sent_again(now, self.snd.iss, self.snd.iss + 1, 1);
        let window = self.rcv.advertise_unscaled();
        let header = Header {
            seq: self.snd.iss,
            ack: self.rcv.nxt(),
            flags: Flags::SYN | Flags::ACK,
            window,
            options: syn_options(now, shared, Some(self)),
            ..Header::default()
        };
        Some(Transmit::now(Segment { header, ..Segment::default() }, why))
    }
}
