//! One direction of a connection as its sender may know it: what it said, and what came back.

use stack::ConnectionId;
use wire::tcp::{Flags, View};
use wire::{Mss, SeqNum};

/// Octets that RFC 6928 lets a connection start with, at most, for segments of `mss` octets.
fn initial_window(mss: u32) -> u64 {
    u64::from((10 * mss).min((2 * mss).max(14_600)))
}

/// A SYN that came, and may have been taken.
#[derive(Clone, Copy, Debug)]
struct Syn {
    irs: SeqNum,
    mss: Option<u16>,
    scale: Option<u8>,
    window: u16,
}

/// What one end of a connection has sent and has been told, in its own sequence space without wraps: offset 0 is its
/// SYN.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    /// SYNs that came, the newest last.
    syns: Vec<Syn>,
    /// First numbers that we answered SYNs with, the newest last: cookies of two epochs may both be good.
    issued: Vec<(SeqNum, Option<u8>)>,
    ours: Option<Ours>,
    theirs: Option<Theirs>,
    /// How far the numbers of a SYN of theirs came, while `theirs` is not fixed: whatever made us forget the rest.
    came: Option<(SeqNum, u64)>,
    /// Its numbers may begin anew, without a word.
    pub(super) reborn: bool,
    /// Which connection of the host it is, as far as it was looked up.
    pub(super) connection: Option<ConnectionId>,
}

#[derive(Clone, Copy, Debug)]
struct Ours {
    iss: SeqNum,
    /// Our shift, when our SYN offered one.
    scale: Option<u8>,
    /// One past the last number sent.
    max: u64,
    /// Everything before it was acknowledged.
    una: u64,
    /// One past the last number that we may send; 0 until we are told.
    edge: u64,
    /// Octets acknowledged so far.
    acked: u64,
    /// Anything that tells of loss was seen, or a timeout must have passed: the start is over.
    disturbed: bool,
    /// The last acknowledgment that came, to tell duplicates.
    last_ack: u64,
    /// A segment that was left out and has not been sent yet.
    gap: Option<(u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Theirs {
    irs: SeqNum,
    mss: Option<u16>,
    scale: Option<u8>,
    /// One past the highest number that came, from their SYN.
    max: u64,
    /// Where their FIN is, once it came.
    fin: Option<u64>,
    /// What we acknowledged last, and the right edge that we told.
    acked: u64,
    edge: u64,
}

/// A segment on its way out: what rule it breaks, if any.
pub(super) type Broken = Option<(&'static str, String)>;

impl Flow {
    /// The connection is gone; what came before may begin another.
    pub(super) fn reset(&mut self) {
        self.forget_theirs();
        (self.ours, self.connection) = (None, None);
    }

    /// Which of their SYNs counts is open again; how far its numbers came stays known.
    fn forget_theirs(&mut self) {
        if let Some(theirs) = self.theirs.take() {
            self.came = Some((theirs.irs, theirs.max));
        }
    }

    /// One past the last number sent.
    pub(super) fn highest(&self) -> u64 {
        self.ours.map_or(0, |ours| ours.max)
    }

    /// Whether data was sent on both sides of a point where numbers change sign, 2^31 or 2^32.
    pub(super) fn wraps(&self) -> bool {
        self.ours.is_some_and(|ours| {
            let last = ours.iss + ours.max as u32;
            ours.max > 2 && (ours.iss.raw() ^ last.raw()) >> 31 == 1
        })
    }

    /// The number after the last one sent by the connection that began with `iss`.
    pub(super) fn next(&self, iss: SeqNum) -> Option<SeqNum> {
        self.ours.filter(|ours| ours.iss == iss).map(|ours| ours.iss + ours.max as u32)
    }

    /// A segment came whole.
    pub(super) fn arrives(&mut self, view: &View<'_>) {
        let flags = view.flags();
        if flags.contains(Flags::RST) {
            return;
        }
        let Ok(header) = view.header() else { return };
        let ack = flags.contains(Flags::ACK).then_some(header.ack);
        if flags.contains(Flags::SYN) {
            let (mss, scale) = (header.options.mss, header.options.window_scale);
            if self.syns.len() >= 16 {
                self.syns.remove(0);
            }
            self.syns.push(Syn { irs: header.seq, mss, scale, window: header.window.raw() });
        }
        let len = view.payload().len() as u64
            + u64::from(flags.contains(Flags::SYN))
            + u64::from(flags.contains(Flags::FIN));
        let of_another = |theirs: &Theirs| flags.contains(Flags::SYN) && theirs.irs != header.seq;
        if self.theirs.is_none()
            && !flags.contains(Flags::SYN)
            && let Some((irs, max)) = &mut self.came
            && let Some(start) = offset(*irs, *max, header.seq)
        {
            *max = (*max).max(start + len);
        }
        if let Some(theirs) = &mut self.theirs
            && !of_another(theirs)
            && let Some(start) = offset(theirs.irs, theirs.max, header.seq)
        {
            theirs.max = theirs.max.max(start + len);
            if flags.contains(Flags::FIN) {
                theirs.fin = Some(start + len - 1);
            }
        }
        let (Some(ours), Some(ack)) = (&mut self.ours, ack) else { return };
        let Some(at) = offset(ours.iss, ours.max, ack).filter(|&at| at <= ours.max) else { return };
        // A window on a SYN has no scale; on any other segment ours counts only when both offered one.
        let shift = match (&self.theirs, ours.scale) {
            (Some(theirs), Some(_)) if !flags.contains(Flags::SYN) => theirs.scale.map_or(0, |s| s.min(14)),
            (None, Some(_)) if !flags.contains(Flags::SYN) => {
                // Theirs is not fixed yet: any of their SYNs may be it, so the widest bounds what may be sent.
                self.syns.iter().filter_map(|syn| syn.scale).max().map_or(0, |s| s.min(14))
            }
            _ => 0,
        };
        ours.edge = ours.edge.max(at + (u64::from(header.window.raw()) << shift));
        if at > ours.una {
            ours.acked += at - ours.una;
            ours.una = at;
        } else if at == ours.last_ack && len == 0 && ours.max > at {
            ours.disturbed = true; // A duplicate ACK: recovery has its own arithmetic.
        }
        ours.last_ack = at;
        if !header.options.sack.is_empty() {
            ours.disturbed = true;
        }
    }

    /// A segment goes out. Where `waits`, others may wait below TCP for a neighbour, or have been
    /// refused there for their size.
    pub(super) fn departs(&mut self, view: &View<'_>, default_mss: Mss, waits: bool) -> Broken {
        let flags = view.flags();
        let Ok(header) = view.header() else {
            return broken("every segment sent is well formed", format!("{view:?}"));
        };
        if flags.contains(Flags::RST) {
            return None;
        }
        let (syn, fin) = (flags.contains(Flags::SYN), flags.contains(Flags::FIN));
        let ack = flags.contains(Flags::ACK).then_some(header.ack);
        if syn && fin {
            return broken("no segment opens and closes at once", format!("{flags} seq {}", header.seq));
        }
        if !syn && ack.is_none() {
            return broken(
                "every segment but the first SYN and RST has ACK",
                format!("{flags} seq {}", header.seq),
            );
        }
        if syn {
            self.opens(header.seq, header.options.window_scale);
        } else {
            self.opens_by_an_older_cookie(header.seq);
        }
        if let Some(ack) = ack
            && let Some(found) = self.acknowledges(ack, header.window.raw(), syn)
        {
            return Some(found);
        }
        self.sends(view, header.seq, syn, fin, default_mss, waits)
    }

    /// Our SYN: a new incarnation, unless we know it.
    fn opens(&mut self, iss: SeqNum, scale: Option<u8>) {
        if !self.issued.iter().any(|(known, _)| *known == iss) {
            if self.issued.len() >= 8 {
                self.issued.remove(0);
            }
            self.issued.push((iss, scale));
        }
        // A SYN after ours was acknowledged, and data with it: the same cookie again (RFC 4987 §3.6).
        if self.ours.is_none_or(|ours| ours.iss != iss || ours.una > 1) {
            self.forget_theirs();
            self.ours = Some(Ours {
                iss,
                scale,
                max: 0,
                una: 0,
                edge: 0,
                acked: 0,
                disturbed: false,
                last_ack: 0,
                gap: None,
            });
        }
        if let Some(ours) = &mut self.ours {
            ours.scale = scale;
        }
    }

    /// The peer brought back a cookie of an epoch before that of our last SYN,ACK (RFC 4987 §3.6). What it told us of its
    /// window meanwhile was counted from the wrong number, so that nothing bounds what is sent from here on.
    fn opens_by_an_older_cookie(&mut self, seq: SeqNum) {
        let young = self.ours.is_some_and(|ours| ours.una <= 1 && ours.max <= 1 && ours.iss + 1 != seq);
        let older = self.issued.iter().find(|(iss, _)| young && *iss + 1 == seq).copied();
        if let Some((iss, scale)) = older {
            let edge = u64::MAX >> 1;
            self.ours = Some(Ours {
                iss,
                scale,
                max: 1,
                una: 1,
                edge,
                acked: 0,
                disturbed: true,
                last_ack: 0,
                gap: None,
            });
        }
    }

    /// What our ACK says of their numbers, and of our room.
    fn acknowledges(&mut self, ack: SeqNum, window: u16, syn: bool) -> Broken {
        let known = self.theirs.is_some_and(|theirs| theirs.knows(ack));
        if !known {
            // The first time that we acknowledge them: which of their SYNs was it?
            let Some(found) = self.syns.iter().rev().find(|syn| {
                let gone = ack.wrapping_since(syn.irs);
                (1..=1 << 20).contains(&gone)
            }) else {
                return None; // It answers something out of the blue, such as a challenge in TIME-WAIT.
            };
            let found = *found;
            let gone = u64::from(ack.wrapping_since(found.irs));
            self.forget_theirs();
            let came = self.came.filter(|(irs, _)| *irs == found.irs).map_or(0, |(_, max)| max);
            self.theirs = Some(Theirs {
                irs: found.irs,
                mss: found.mss,
                scale: found.scale,
                max: gone.max(came),
                fin: None,
                acked: 0,
                edge: 0,
            });
            if let Some(ours) = &mut self.ours {
                ours.edge = ours.edge.max(1 + u64::from(found.window));
            }
        }
        let (Some(theirs), Some(ours)) = (&mut self.theirs, &self.ours) else { return None };
        let at = offset(theirs.irs, theirs.max, ack)?;
        if at > theirs.max {
            return broken(
                "only what came is acknowledged",
                format!("ACK {at} past {}, counted from their SYN", theirs.max),
            );
        }
        if at < theirs.acked && self.reborn {
            (theirs.acked, theirs.edge, theirs.fin) = (at, 0, None);
        }
        if at < theirs.acked {
            return broken(
                "acknowledgments never go back",
                format!("ACK {at} after {}, counted from their SYN", theirs.acked),
            );
        }
        theirs.acked = at;
        let shift = match (ours.scale, theirs.scale) {
            (Some(ours), Some(_)) if !syn => ours.min(14),
            _ => 0,
        };
        let edge = at + (u64::from(window) << shift);
        // Rounding down to the scale's grain may hide less than one unit of what was offered; a SYN cannot say more than
        // 65,535, whatever was.
        // Once we have acknowledged their FIN, nothing can come, and it is all the same.
        let finished = theirs.fin.is_some_and(|fin| at > fin);
        if !syn && !finished && edge + (1 << shift) <= theirs.edge {
            return broken(
                "the right edge of our window never moves back",
                format!("{edge} after {}, counted from their SYN", theirs.edge),
            );
        }
        theirs.edge = theirs.edge.max(edge);
        None
    }

    /// What we send of our own numbers.
    fn sends(
        &mut self,
        view: &View<'_>,
        seq: SeqNum,
        syn: bool,
        fin: bool,
        default_mss: Mss,
        waits: bool,
    ) -> Broken {
        let ours = self.ours.as_mut()?;
        let start = offset(ours.iss, ours.max, seq)?;
        let octets = view.payload().len() as u64;
        let len = octets + u64::from(syn) + u64::from(fin);
        let end = start + len;
        if len == 0 {
            return None;
        }
        // RFC 9293 MUST-15, once we know which SYN of theirs it was.
        let mss = self.theirs.map_or(Mss::new(u16::MAX), |theirs| theirs.mss.map_or(default_mss, Mss::new));
        let size = view.payload().len() + view.option_bytes().len();
        if !syn && size > usize::from(mss.get()) {
            return broken(
                "no segment is larger than the peer's MSS",
                format!("{octets} octets and {} of options, MSS {}", view.option_bytes().len(), mss.get()),
            );
        }
        let left = ours.gap.map(|(from, to)| (if start <= from { from.max(end) } else { from }, to));
        ours.gap = left.filter(|(from, to)| from.max(&ours.una) < to);
        // One segment at a time may be held back, to see whether the peer tells of holes (RFC 9768 §5.3).
        let held_back = start > ours.max && start - ours.max <= u64::from(mss.get()) && ours.gap.is_none();
        if held_back && !waits {
            ours.gap = Some((ours.max, start));
        } else if start > ours.max && !waits {
            return broken("no number is left out", format!("sends {start}, but ended at {}", ours.max));
        }
        // One number past a shut window is a probe (RFC 9293 §3.8.6.1).
        let probe = len == 1 && start >= ours.edge.saturating_sub(1);
        if !syn && end > ours.edge && !probe {
            return broken(
                "nothing is sent beyond the peer's right edge",
                format!("{start}..{end} sent, but the edge is {}, counted from our SYN", ours.edge),
            );
        }
        if start < ours.max && !syn {
            ours.disturbed = true; // A retransmission.
        }
        ours.max = ours.max.max(end);
        // In slow start the window grows by no more than what is acknowledged (RFC 5681 §3.1), from the initial one.
        let flight = ours.max - ours.una.max(1);
        let most = initial_window(u32::from(mss.get())) + ours.acked + 2 * u64::from(mss.get());
        if !syn && !ours.disturbed && flight > most {
            return broken(
                "no more is in flight than slow start allows",
                format!("{flight} octets in flight after {} acknowledged, at most {most}", ours.acked),
            );
        }
        None
    }
}

impl Theirs {
    /// Whether `ack` can be of this incarnation.
    fn knows(&self, ack: SeqNum) -> bool {
        offset(self.irs, self.max, ack).is_some()
    }
}

/// Where `seq` lies, counted from `first` without wraps; `near` is an offset known to be within 2^30 of it. `None` when
/// it comes before `first`, or is nowhere near.
fn offset(first: SeqNum, near: u64, seq: SeqNum) -> Option<u64> {
    let base = first + (near as u32);
    let gap = i64::from(seq.raw().wrapping_sub(base.raw()) as i32);
    if gap.unsigned_abs() > 1 << 30 {
        return None;
    }
    u64::try_from(near as i64 + gap).ok()
}

fn broken(rule: &'static str, detail: String) -> Broken {
    Some((rule, detail))
}

#[cfg(test)]
mod tests;
