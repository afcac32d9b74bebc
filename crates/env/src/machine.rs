//! The shape of every protocol machine.

use crate::Instant;

/// A protocol machine: it never reads a clock, opens a socket, sleeps, spawns or locks.
///
/// After anything goes in (a packet, a timeout, a user's call), poll each way out until it is empty:
/// [`poll_transmit`](Self::poll_transmit), then [`poll_event`](Self::poll_event), and then ask
/// [`poll_timeout`](Self::poll_timeout) when to come back. `now` never goes back. A call to
/// [`handle_timeout`](Self::handle_timeout) that is early is harmless; one that is late only makes us slow.
///
/// A packet carries the instant at which it *arrived*, stamped by whoever read it; `now` is when its turn
/// came. The two differ when a batch waits, and only the former may enter a round-trip estimate.
pub trait Machine {
    /// What travels: typed segments for a connection, frames for a host.
    type Packet;
    /// What a machine sends, with whatever it wants to say about it.
    type Transmit;
    /// What its owner is told.
    type Event;

    /// Takes something that arrived.
    fn handle_packet(&mut self, now: Instant, packet: Self::Packet);

    /// Runs every timer that is due at `now`.
    fn handle_timeout(&mut self, now: Instant);

    /// Takes the next thing to send, or `None` when there is nothing to send at `now`.
    fn poll_transmit(&mut self, now: Instant) -> Option<Self::Transmit>;

    /// When to call [`handle_timeout`](Self::handle_timeout) next, if ever.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Takes the next event.
    fn poll_event(&mut self) -> Option<Self::Event>;
}
