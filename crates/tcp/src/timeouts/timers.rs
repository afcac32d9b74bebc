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
}

const TIMERS: [Timer; 5] =
    [Timer::User, Timer::Retransmit, Timer::Persist, Timer::KeepAlive, Timer::FinWait2];

#[derive(Clone, Debug, Default)]
pub(crate) struct Timers([Option<Instant>; TIMERS.len()]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    pub(crate) fn set_if_idle(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize].get_or_insert(at);
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(crate) fn cancel_all(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes one expired timer, so that its handler may set it again without looping.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let timer = TIMERS.into_iter().find(|&t| self.0[t as usize].is_some_and(|at| at <= now))?;
        self.cancel(timer);
        Some(timer)
    }
}
