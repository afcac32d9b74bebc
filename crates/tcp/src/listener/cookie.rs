//! SYN cookies: a handshake without a record (RFC 4987 §3.6, appendix A).
//!
//! ```text
//!    ISS   ┌───────────────── 28 bits ─────────────────┬─ 1 ──┬── 3 ──┐
//!          │ SipHash-2-4(key, epoch, IRS, terms, tuple)│ epoch│  MSS  │   our first number
//!          └───────────────────────────────────────────┴──────┴───────┘
//!    TSval ┌───────────────── 26 bits ─────────────────┬─ 1 ──┬── 4 ──┬─ 1 ─┐
//!          │ our clock, in steps of 64 ms              │ SACK │ scale │spare│  with timestamps only
//!          └───────────────────────────────────────────┴──────┴───────┴─────┘
//! ```
//!
//! A forged ACK opens a connection with a chance of 2^-28: one in 268 million, whatever epoch and size it claims, for
//! each claim is checked against one hash. A flood of a million a second for a whole epoch of 60 s is expected to
//! open a quarter of a connection. A cookie lives through its epoch and the next: one to two minutes.
//!
//! What it costs: no SYN-ACK is sent again, the peer's segment size is rounded down to one of eight, or to fewer where a user says so, a peer without
//! timestamps gets neither scale nor SACK, and when the third segment is lost and the peer waits for us to speak, it
//! waits until it sends something itself. Our first number does not follow the clock of RFC 9293 MUST-8.

use super::{Accepted, Offer, Scales, Terms, TimestampState, syn_ack};
use crate::timestamp::timestamp;
use crate::{Segment, Transmit, Why};
use core::hash::{Hash, Hasher};
use env::Instant;
use siphasher::sip::SipHasher24;
use wire::tcp::Flags;
use wire::{Mss, SeqNum, WindowScale};

/// The secret of a host's SYN cookies. Debug output never shows it.
#[derive(Clone)]
pub struct Cookies {
    key: [u8; 16],
}

/// Segment sizes that a cookie can say: the floor, the defaults of IPv4 and IPv6, tunnels, PPPoE, Ethernet under IPv6
/// and IPv4, jumbo frames.
const SIZES: [u16; 8] = [88, 536, 1220, 1360, 1400, 1440, 1460, 8940];
const SIZE_BITS: u32 = 0b111;
const EPOCH_BIT: u32 = 0b1000;
const LOW_BITS: u32 = SIZE_BITS | EPOCH_BIT;
const EPOCH_SECONDS: u64 = 60;

/// In the timestamp: the scale (15: none) and SACK.
const SCALE_SHIFT: u32 = 1;
const NO_SCALE: u32 = 15;
const SACK_BIT: u32 = 1 << 5;
const TERMS_BITS: u32 = 0x3f;

impl Cookies {
    /// Cookies with a secret of 128 bits from a strong source.
    pub const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The SYN-ACK for `syn`, whose numbers say everything that a record would have kept.
    ///
    /// `connection` is whatever names it: both addresses and both ports.
    pub fn answer(&self, now: Instant, connection: &impl Hash, syn: &Segment, offer: &Offer<'_>) -> Transmit {
        let irs = syn.header.seq;
        let mut terms = offer.terms(&syn.header.options);
        if terms.timestamps.is_none() {
            (terms.scales, terms.sack) = (None, false); // 4987-6: nothing would carry them
        }
        let clock = terms.timestamps.map_or(0, |t| stamp(timestamp(now, t.offset), &terms));
        let most = offer.config.cookie_mss_limit.map_or(terms.send_mss, |limit| limit.min(terms.send_mss));
        let size = SIZES.iter().rposition(|&size| size <= most.get()).unwrap_or(0) as u32;
        let iss = self.iss(epoch(now), connection, irs, size, terms.timestamps.is_some());
        let mss = offer.announced_mss().get();
        syn_ack(iss, irs, offer.window(), mss, &terms, clock, Why::AnswersSynWithCookie)
    }

    /// Whether `segment` acknowledges one of our cookies, and what the handshake agreed on.
    ///
    /// `offer` is what [`answer`](Self::answer) would be given now. The segment may carry data: the first data of a
    /// peer whose bare ACK was lost opens the connection as well (4987-9).
    pub fn check(
        &self,
        now: Instant,
        connection: &impl Hash,
        segment: &Segment,
        offer: &Offer<'_>,
    ) -> Option<Accepted> {
        let accepted = Self::agreed(segment, offer)?;
        let (iss, size) = (accepted.iss, accepted.iss.raw() & SIZE_BITS);
        let now_epoch = epoch(now);
        let this = parity(now_epoch) == iss.raw() & EPOCH_BIT;
        let made = if this { now_epoch } else { now_epoch.checked_sub(1)? };
        let stamps = accepted.timestamps.is_some();
        (self.iss(made, connection, accepted.irs, size, stamps) == iss).then_some(accepted)
    }

    /// What the handshake agreed on if `segment` acknowledges one of our cookies, which is for [`check`](Self::check) to
    /// say: anybody can write these numbers.
    pub fn agreed(segment: &Segment, offer: &Offer<'_>) -> Option<Accepted> {
        let controls = segment.header.flags & (Flags::SYN | Flags::ACK | Flags::RST);
        if controls != Flags::ACK {
            return None;
        }
        let (iss, irs) = (segment.header.ack - 1, segment.header.seq - 1);
        let theirs = segment.header.options.timestamps.filter(|_| offer.config.timestamps);
        let size = iss.raw() & SIZE_BITS;
        let told = theirs.map_or(NO_SCALE << SCALE_SHIFT, |t| t.echo);
        let shift = (told >> SCALE_SHIFT) & 0xf;
        Some(Accepted {
            ecn: None,
            iss,
            irs,
            send_mss: Mss::new(*SIZES.get(size as usize)?),
            scales: (shift != NO_SCALE && offer.config.window_scaling)
                .then(|| Scales { send: WindowScale::new(shift as u8), receive: offer.scale() }),
            window: segment.header.window,
            timestamps: theirs.map(|t| TimestampState { offset: offer.timestamp_offset, recent: t.value }),
            sack: offer.config.sack && told & SACK_BIT != 0,
            round_trip: None,
            retransmitted: false,
            receive_window: u32::from(offer.window().raw()),
        })
    }

    fn iss(&self, epoch: u64, connection: &impl Hash, irs: SeqNum, size: u32, stamps: bool) -> SeqNum {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u64(epoch);
        hasher.write_u32(irs.raw());
        hasher.write_u32(size);
        hasher.write_u8(u8::from(stamps));
        connection.hash(&mut hasher);
        SeqNum::new((hasher.finish() as u32 & !LOW_BITS) | parity(epoch) | size)
    }
}

impl core::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Cookies { .. }")
    }
}

fn epoch(now: Instant) -> u64 {
    now.as_millis() / (EPOCH_SECONDS * 1_000)
}

fn parity(epoch: u64) -> u32 {
    if epoch.is_multiple_of(2) { 0 } else { EPOCH_BIT }
}

/// The clock with the terms in its low bits, never ahead of the clock itself: the connection's next stamp must not be
/// older (RFC 7323 §5.4).
fn stamp(clock: u32, terms: &Terms) -> u32 {
    let scale = terms.scales.map_or(NO_SCALE, |s| u32::from(s.send.shift()));
    let said = (scale << SCALE_SHIFT) | if terms.sack { SACK_BIT } else { 0 };
    let stamp = (clock & !TERMS_BITS) | said;
    if clock & TERMS_BITS < said { stamp.wrapping_sub(TERMS_BITS + 1) } else { stamp }
}

#[cfg(test)]
mod tests;
