//! A receiver's end that keeps to PAWS to the letter, as kernels do.
//!
//! ```text
//!   held back:      A ─────────────── late ───────────────► TSval before TS.Recent: dropped (RFC 7323 §5.3, R1)
//!   sent again:            A' ─► fills the hole: its TSval is TS.Recent
//! ```
//!
//! Our own receiver takes text that fills a hole; a sender must do well with those that do not, too. So this stands before
//! it, knows of it what anybody on the way can see, and drops what such a receiver would have dropped.

use wire::tcp::View;
use wire::{Frame, Protocol, SeqNum, ipv4};

/// TS.Recent and Last.ACK.sent of the one connection that passes by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strict {
    recent: Option<u32>,
    acked: Option<SeqNum>,
}

impl Strict {
    /// Whether the receiver would use what arrives.
    pub(super) fn takes(&mut self, frame: &Frame) -> bool {
        let Some((seq, value)) = read(frame, |tcp, value| (tcp.seq(), value)) else { return true };
        let Some(recent) = self.recent else {
            self.recent = Some(value);
            return true;
        };
        let older = (value.wrapping_sub(recent) as i32) < 0;
        if !older && self.acked.is_none_or(|acked| seq.at_or_before(acked)) {
            self.recent = Some(value);
        }
        !older
    }

    /// What the receiver sends passes by.
    pub(super) fn sent(&mut self, frame: &Frame) {
        self.acked = read(frame, |tcp, _| tcp.ack()).or(self.acked);
    }
}

/// Of a segment with a timestamp, what is asked for.
fn read<T>(frame: &Frame, of: impl Fn(&View<'_>, u32) -> T) -> Option<T> {
    let octets = frame.contiguous();
    let ip = ipv4::View::new(&octets).ok().filter(|ip| ip.protocol() == Protocol::TCP)?;
    let tcp = View::new(ip.payload()).ok()?;
    let stamps = tcp.header().ok()?.options.timestamps?;
    Some(of(&tcp, stamps.value))
}
