//! SEGMENT ARRIVES (RFC 9293 §3.10.7): one line a step, one file a step, in the RFC's order.
//!
//! ```text
//!   SYN-SENT ─► syn_sent
//!   SYN-RECEIVED … LAST-ACK ─► timestamp ► sequence ► reset ► syn ► ack ► urgent ► text ► fin
//!   TIME-WAIT ─► its record                        each may stop what follows
//!   CLOSED ─► nobody is here: the host answers
//! ```

mod ack;
mod fin;
mod marks;
mod reset;
mod sequence;
mod syn;
mod syn_sent;
mod text;

use crate::connection::{Connection, Data, Open, Shared};
use crate::{
    Cause, ChallengeTo, ConnectionError, Discard, Note, ResetWhy, Segment, State, TimeWaitOutcome, Transmit,
    Why,
};
use core::ops::ControlFlow;
use env::Instant;
use wire::SeqNum;
use wire::tcp::{Flags, Header};

/// Why the steps end early. Stopping is not an error.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// Drop it, in silence.
    Discard(Discard),
    /// Drop it, and acknowledge what we have.
    Ack(Why, Discard),
    /// Drop it, and let the peer confirm where it is (RFC 5961).
    Challenge(ChallengeTo, Discard),
    /// Drop it, and say that it belongs to no connection: RST at SEG.ACK.
    Reset(SeqNum),
    /// The connection is over.
    Closed(Option<ConnectionError>, &'static str),
    /// The connection is over, and the peer is told so.
    Abort(ConnectionError, ResetWhy),
    /// Both are done: TIME-WAIT.
    TimeWait(&'static str),
}

pub(crate) type Step = ControlFlow<Stop>;

/// Finds the state's own rules.
pub(crate) fn dispatch(connection: &mut Connection, now: Instant, segment: &Segment) {
    match &mut connection.data {
        Data::SynSent(_) => connection.arrives_in_syn_sent(now, segment),
        Data::Open(open) => {
            let step = open.segment_arrives(&mut connection.shared, now, segment);
            if let ControlFlow::Break(stop) = step {
                connection.stop(now, segment, stop);
            }
        }
        Data::Over(over) => {
            let Some(record) = &mut over.time_wait else {
                // Nobody is here; the host that holds the tables answers (§3.10.7.1).
                connection.shared.reply = crate::closed::answer(segment);
                return;
            };
            match record.handle_segment(now, segment) {
                TimeWaitOutcome::Send(transmit) => connection.shared.reply = Some(transmit),
                TimeWaitOutcome::Ignore(why) => discarded(&mut connection.shared, now, segment, why),
                // Only a host with a listener could take it.
                TimeWaitOutcome::Reopen { .. } => {
                    discarded(&mut connection.shared, now, segment, Discard::TimeWait);
                }
            }
        }
    }
}

impl Open {
    /// RFC 9293 §3.10.7.4, "Other States".
    fn segment_arrives(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) -> Step {
        self.check_same_syn(shared, now, seg)?; //   RFC 7413 §4.2.2, on an early connection
        self.check_timestamp(shared, now, seg)?; //  RFC 7323 §5.3, before the window
        self.check_sequence(shared, now, seg)?; //   first
        self.check_reset(seg)?; //                   second; RFC 5961 §3
        //                                           third: no security compartments
        self.check_syn(seg)?; //                     fourth; RFC 5961 §4
        shared.last_heard = now;
        shared.keep_alive_probes = 0;
        self.note_marks(now, seg); //                RFC 3168 §6.1.3, 9768 §3.2
        self.take_ack(shared, now, seg)?; //         fifth; RFC 5961 §5, 5681, 6298
        self.take_urgent(shared, seg); //            sixth; RFC 6093
        let fin = self.take_text(shared, now, seg)?; // seventh
        self.take_fin(shared, now, fin) //           eighth
    }
}

/// Counts and notes what was not used.
pub(crate) fn discarded(shared: &mut Shared, at: Instant, segment: &Segment, why: Discard) {
    shared.discards = Some(why);
    shared.note(|| Note::Discarded { at, why, segment: segment.clone() });
}

impl Connection {
    /// Does what a step that stopped asks for.
    fn stop(&mut self, now: Instant, segment: &Segment, stop: Stop) {
        let Data::Open(open) = &mut self.data else { return };
        match stop {
            Stop::Discard(why) => discarded(&mut self.shared, now, segment, why),
            Stop::Ack(why, discard) => {
                discarded(&mut self.shared, now, segment, discard);
                open.rcv.demand_ack(why);
            }
            Stop::Challenge(to, discard) => {
                discarded(&mut self.shared, now, segment, discard);
                if self.shared.challenges.take(now) {
                    self.shared.reply = Some(open.bare_ack(now, &self.shared, Why::ChallengeAck(to)));
                }
            }
            Stop::Reset(seq) => {
                discarded(&mut self.shared, now, segment, Discard::UnacceptableAck);
                if !segment.has(Flags::RST) {
                    self.shared.reply = Some(reset_at(seq, ResetWhy::BadAck));
                }
            }
            Stop::Closed(error, what) => self.end(now, error, Cause::Arrived(what)),
            Stop::Abort(error, why) => {
                self.fail(now, error, why);
                if why == ResetWhy::DataUnread && segment.has(Flags::ACK) {
                    // Where the peer says that it is: there it takes a RST at once (RFC 5961 §3.2), and what we have sent may
                    // be still on its way.
                    self.shared.reply = Some(reset_at(segment.header.ack, why));
                }
            }
            Stop::TimeWait(what) => self.enter_time_wait(now, Cause::Arrived(what)),
        }
    }

    /// The reason for which the last segment, or a part of it, was not used; once.
    pub fn take_discard(&mut self) -> Option<Discard> {
        self.shared.discards.take()
    }
}

/// `<SEQ=SEG.ACK><CTL=RST>` (RFC 9293 §3.5.2, group 2).
fn reset_at(seq: SeqNum, why: ResetWhy) -> Transmit {
    let header = Header { seq, flags: Flags::RST, ..Header::default() };
    Transmit::now(Segment { header, ..Segment::default() }, Why::Reset(why))
}

/// Moves `open` to `next` and tells those who watch.
pub(crate) fn move_to(open: &mut Open, shared: &mut Shared, now: Instant, next: State, cause: Cause) {
    shared.note_state(now, open.phase, next, cause);
    open.phase = next;
}
