//! First step: is any of it new, and within the window (RFC 9293 §3.10.7.4); before it, is it old (RFC 7323 §5.3).

use super::{Step, Stop};
use crate::connection::{Open, Shared};
use crate::receiver::{Acceptability, TimestampCheck};
use crate::sabotage::Sabotage;
use crate::{ChallengeTo, Discard, Segment, State, Why};
use core::ops::ControlFlow;
use env::Instant;
use wire::tcp::Flags;

impl Open {
    /// PAWS, once, when a segment arrives (RFC 7323 §5.3, R1; 7323-14, 7323-21, 7323-22, 7323-24): not for RST, which
    /// no forged timestamp shall shield from.
    pub(super) fn check_timestamp(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) -> Step {
        if !self.agreed.timestamps || seg.has(Flags::RST) || self.snd.fault.has(Sabotage::PawsOff) {
            return ControlFlow::Continue(());
        }
        match self.rcv.check_timestamp(now, seg.header.options.timestamps, !seg.payload.is_empty()) {
            TimestampCheck::Fine => ControlFlow::Continue(()),
            // A peer that restarted may have lost its taste for timestamps: the SYN is challenged all the same.
            TimestampCheck::Missing if seg.has(Flags::SYN) => ControlFlow::Continue(()),
            TimestampCheck::Missing if shared.config.lacking_timestamps => ControlFlow::Continue(()),
            TimestampCheck::Missing => ControlFlow::Break(Stop::Discard(Discard::NoTimestamp)),
            // Two ends that both think so of each other would answer each other's ACKs for ever (9293-E49).
            TimestampCheck::Old if seg.seq_len() == 0 && !shared.challenges.take(now) => {
                ControlFlow::Break(Stop::Discard(Discard::OldTimestamp))
            }
            TimestampCheck::Old => {
                self.rcv.saw_old(seg);
                ControlFlow::Break(Stop::Ack(Why::OldTimestamp, Discard::OldTimestamp))
            }
        }
    }

    /// The four-case test (9293-E9), and what follows from failing it: an ACK, never a RST (9293-E47).
    pub(super) fn check_sequence(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) -> Step {
        let reset = seg.has(Flags::RST);
        let checked = match self.rcv.check(seg.header.seq, seg.seq_len()) {
            Acceptability::Acceptable if !reset && self.rcv.overshoots(seg) => Acceptability::BeyondWindow,
            checked => checked,
        };
        match checked {
            Acceptability::Acceptable => {
                // A number that was never sent, as who forges has to guess one, makes no timestamp good.
                let guessed = seg.has(Flags::ACK) && seg.header.ack.after(self.snd.nxt);
                if !reset && !guessed {
                    self.rcv.update_timestamp(now, seg.header.seq, seg.header.options.timestamps);
                }
                ControlFlow::Continue(())
            }
            _ if reset => ControlFlow::Break(Stop::Discard(Discard::UnacceptableReset)),
            Acceptability::Duplicate
                if !seg.payload.is_empty() && self.snd.fault.has(Sabotage::SilentOnDuplicates) =>
            {
                ControlFlow::Break(Stop::Discard(Discard::Duplicate))
            }
            refused => {
                self.note_syn_ack(seg);
                // What is just behind us came from a peer that is where we think it is: its ACK counts. Without this,
                // simultaneous open, self-connect and crossing FINs and probes would wait for a timer (9293-E49).
                let empty_behind = seg.seq_len() == 0 && seg.header.seq + 1 == self.rcv.nxt();
                let just_behind = seg.end() == self.rcv.nxt() || empty_behind;
                let repeats_syn = just_behind || seg.header.seq == self.irs;
                if self.phase == State::SynReceived && seg.has(Flags::SYN) && repeats_syn {
                    if seg.has(Flags::ACK) && !self.early && shared.client().is_some() {
                        self.rcv.saw_syn_again(); // Data came with both SYNs: the peer hears at once what of it counts.
                    }
                    return ControlFlow::Continue(());
                }
                if seg.has(Flags::SYN) && !just_behind {
                    // From a peer that restarted, or forged (RFC 5961 §4: wherever it lies).
                    return ControlFlow::Break(Stop::Challenge(ChallengeTo::Syn, Discard::UnexpectedSyn));
                }
                // Two ends with shut windows whose probes have crossed would answer each other's empty ACKs, which lie
                // beyond the window, for ever (9293-E49): as for challenges, so many a second and no more.
                if seg.seq_len() == 0 && !just_behind && !shared.challenges.take(now) {
                    return ControlFlow::Break(Stop::Discard(Discard::OutsideWindow));
                }
                let why = self.rcv.refuse(refused, seg).unwrap_or(Discard::Duplicate);
                if just_behind && refused == Acceptability::Duplicate && !seg.has(Flags::SYN) {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(Stop::Discard(why))
                }
            }
        }
    }
}
