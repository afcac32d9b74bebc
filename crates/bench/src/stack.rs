//! What a stack must do to be measured: the calls of a user, and turns of its loop.

use crate::BenchError;
use env::Instant;

/// A stack on a link, with one user.
///
/// The traffic of [`crate::traffic`] is written once against this, and so is the same for every stack.
pub(crate) trait Stack {
    /// Names a connection.
    type Id: Copy;

    /// What people call it.
    const NAME: &'static str;

    /// Has up to `at_once` connections to `port` wait to be accepted.
    fn listen(&mut self, now: Instant, port: u16, at_once: usize) -> Result<(), BenchError>;

    /// Takes a connection that is established.
    fn accept(&mut self) -> Option<Self::Id>;

    /// Begins a connection to the other end's `port`.
    fn connect(&mut self, now: Instant, port: u16) -> Result<Self::Id, BenchError>;

    /// Whether the handshake is over.
    fn is_established(&self, id: Self::Id) -> bool;

    /// Copies as many of `octets` as there is room for into the connection, and says how many.
    fn send(&mut self, now: Instant, id: Self::Id, octets: &[u8]) -> Result<usize, BenchError>;

    /// Copies what has arrived into `into`, and says how many octets.
    fn receive(&mut self, now: Instant, id: Self::Id, into: &mut [u8]) -> Result<usize, BenchError>;

    /// Whether the peer has closed and everything was read.
    fn is_finished(&mut self, now: Instant, id: Self::Id) -> bool;

    /// Ends our direction.
    fn close(&mut self, now: Instant, id: Self::Id) -> Result<(), BenchError>;

    /// The user needs the connection no more; both directions have ended.
    fn forget(&mut self, now: Instant, id: Self::Id);

    /// Takes in what arrived, does what is due, sends what is to be sent.
    fn turn(&mut self, now: Instant) -> Result<(), BenchError>;

    /// Sends what is to be sent: enough after a user's call.
    fn flush(&mut self, now: Instant) -> Result<(), BenchError>;

    /// Frames sent so far; a train is one.
    fn frames(&self) -> u64;
}

/// A stack that can wait on its thread until something happens.
#[cfg(target_os = "linux")]
pub(crate) trait Waits {
    /// Waits until the device has something or has room again, something is due, or `limit`.
    fn wait(&mut self, now: Instant, limit: Instant) -> Result<(), BenchError>;
}
