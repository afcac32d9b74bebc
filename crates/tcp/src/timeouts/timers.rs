//! Timers are data: a name each, one array, no callbacks, nothing to leak.

use env::Instant;

/// The timers of a connection. The delayed ACK's is the receiver's own, TIME-WAIT's that of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// RFC 6298 §5.
    Retransmit,
    /// Window probes, and the override of silly-window avoidance (RFC 9293 §3.8.6).
    Persist,
    /// RFC 9293 §3.8.4.
    KeepAlive,
    /// R2 and the user timeout (RFC 9293 §3.8.3, §3.10.8).
    User,
    /// The bound of an orphan's FIN-WAIT-2.
    FinWait2,
    /// The next train may leave.
    Pacing,
}

const TIMERS: [Timer; 6] =
    [Timer::User, Timer::Retransmit, Timer::Persist, Timer::KeepAlive, Timer::FinWait2, Timer::Pacing];

/// When each fires; [`Instant::FAR`] is never.
#[derive(Clone, Debug)]
pub(crate) struct Timers([Instant; TIMERS.len()]);

impl Default for Timers {
    fn default() -> Self {
        Self([Instant::FAR; TIMERS.len()])
    }
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = at;
    }

    pub(crate) fn set_if_idle(&mut self, timer: Timer, at: Instant) {
        if self.0[timer as usize] == Instant::FAR {
            self.set(timer, at);
        }
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        self.set(timer, Instant::FAR);
    }

    pub(crate) fn cancel_all(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.into_iter().min().filter(|at| *at != Instant::FAR)
    }

    /// Takes one expired timer, so that its handler may set it again without looping.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let expired = |at: Instant| at <= now && at != Instant::FAR;
        let timer = TIMERS.into_iter().find(|&t| expired(self.0[t as usize]))?;
        self.cancel(timer);
        Some(timer)
    }
}
