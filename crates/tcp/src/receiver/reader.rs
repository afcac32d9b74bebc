//! The user's side: what waits to be read, and how large the buffer for it is (RFC 9293 §3.9.1.4).

use super::accounting::{Account, WHOLE};
use super::{ORIGIN, Place, ReceiveHalf, narrow};
use bytes::Bytes;
use env::{Duration, Instant};

/// The user's side.
impl ReceiveHalf {
    /// The next octets in order, at most `max` of them, shared and not copied.
    pub(crate) fn receive(&mut self, max: usize) -> Option<Bytes> {
        let taken = self.ready.take(max);
        self.read_some(taken.is_some());
        taken
    }

    /// Moves octets in order to `out`, and says how many.
    pub(crate) fn receive_into(&mut self, out: &mut [u8]) -> usize {
        let taken = self.ready.take_into(out);
        self.read_some(taken > 0);
        taken
    }

    /// Copies octets in order to `out`, leaves them to be received, and says how many.
    pub(crate) fn peek_into(&self, out: &mut [u8]) -> usize {
        self.ready.peek_into(out)
    }

    /// How many octets are in order and not received yet.
    pub(crate) fn readable(&self) -> usize {
        self.ready.len()
    }

    /// Octets that came in order, ever, read or not.
    pub(crate) fn arrived(&self) -> u64 {
        self.nxt - ORIGIN - 1 - u64::from(self.fin_received())
    }

    /// The largest payload of a segment that came, or what is taken for it.
    pub(crate) fn largest_seen(&self) -> u32 {
        self.policy.rmss()
    }

    /// Whether the peer's FIN is in order, with all octets before it received or not.
    pub(crate) fn fin_received(&self) -> bool {
        self.fin.is_some_and(|fin| fin < self.nxt)
    }

    /// Whether the peer closed and all it sent was received.
    pub(crate) fn finished(&self) -> bool {
        self.fin_received() && self.ready.is_empty()
    }

    /// Octets from the next one to receive to the end of the urgent data, some of which may be still to come (RFC 9293
    /// MUST-33).
    pub(crate) fn urgent_remaining(&self) -> u32 {
        let end = self.fin.map_or(self.urgent, |fin| self.urgent.min(fin));
        narrow(end.saturating_sub(self.read()))
    }

    /// Whether the peer pushed something of what is readable (RFC 9293 MAY-17).
    pub(crate) fn pushed(&self) -> bool {
        self.push > self.read()
    }

    /// Fixes the size of the buffer. What was offered stays offered (RFC 9293 SHLD-14).
    pub(crate) fn set_buffer(&mut self, octets: u32) {
        self.made_room = true;
        self.buffer = octets.max(1);
        self.tuning.set_limit(self.buffer);
    }

    /// How much may wait to be read: octets, or memory where that is counted.
    pub(crate) fn buffer(&self) -> u32 {
        self.buffer
    }

    /// Octets that may wait to be read.
    pub(super) fn octets(&self) -> u32 {
        self.account.map_or(self.buffer, |account| account.octets(self.buffer)).max(1)
    }

    /// Octets that count against the buffer: what waits to be read, and where memory is counted what is above holes, too.
    pub(super) fn waiting(&self) -> u32 {
        let above = if self.account.is_some() { self.buffered_out_of_order() } else { 0 };
        u32::try_from(self.ready.len().saturating_add(above)).unwrap_or(u32::MAX)
    }

    /// Something was read, or nothing.
    fn read_some(&mut self, some: bool) {
        self.made_room |= some;
        if some && self.account.is_some() {
            self.policy.read(self.nxt - self.acked);
        }
    }

    /// Where memory is counted, what waits above holes makes the buffer grow to twice that: it is what a sender has in flight,
    /// and it will send as much again until it hears that the hole is filled. None of it can be read before.
    pub(crate) fn grow_for_holes(&mut self) {
        if let (Some(account), Some(queue)) = (self.account, &self.queue) {
            let wish = account.memory(u32::try_from(queue.len()).unwrap_or(u32::MAX).saturating_mul(2));
            self.buffer = self.buffer.max(self.tuning.limited(wish));
        }
    }

    /// Data arrived which echoes that timestamp of ours, `age` after it was sent.
    pub(crate) fn saw_echo(&mut self, echo: u32, age: Duration) {
        self.tuning.measure(echo, age);
    }

    /// The round trip as data that came tells it, by the echo of our timestamps.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.tuning.round_trip()
    }

    /// Lets the buffer grow to what the user reads in a round trip; `least` is the shortest that the send half measured.
    pub(crate) fn grow_buffer(&mut self, now: Instant, least: Option<Duration>) {
        let read = self.read();
        let share = self.account.map_or(WHOLE, Account::share);
        let size = self.tuning.size(now, self.buffer, read, least, share);
        self.made_room |= size > self.buffer;
        self.buffer = size;
    }

    /// How long an ACK may wait from now on.
    pub(crate) fn set_ack_delay(&mut self, delay: Duration) {
        self.policy.set_delay(delay);
    }

    /// Reports of what is above a hole may wait for a twentieth of the round trip, and for `longest`, `most` of them together;
    /// `smoothed` is the round trip that the send half measured.
    pub(crate) fn set_patience(&mut self, longest: Duration, most: u8, smoothed: Option<Duration>) {
        let round_trip = self.round_trip().into_iter().chain(smoothed).min();
        self.policy.set_patience(longest, most, round_trip);
    }

    /// Octets of memory that wait here, in order and out of order, bookkeeping included.
    ///
    /// A little over twice the buffer at most, whatever a peer sends.
    pub(crate) fn held(&self) -> usize {
        self.ready.held().saturating_add(self.queue.as_ref().map_or(0, |queue| queue.held()))
    }

    /// Octets that wait above a hole.
    pub(crate) fn buffered_out_of_order(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len())
    }

    /// The place of the next octet to receive.
    pub(super) fn read(&self) -> Place {
        let end = self.nxt - u64::from(self.fin_received());
        end.saturating_sub(self.ready.len() as u64)
    }
}
