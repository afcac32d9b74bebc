//! The way out: route, fit, sum, prepend, queue.

use crate::{Datagram, Delivered, ErrorKind, Ip, SendFailure};
use env::Instant;

impl Ip {
    /// Sends a datagram, or a train of them.
    ///
    /// # Errors
    /// [`SendFailure`]; nothing was sent then.
    pub(crate) fn send(&mut self, now: Instant, datagram: Datagram) -> Result<(), SendFailure> {
        let _ = now;
        let _route = self.route(datagram.dst, Some(datagram.src), datagram.interface)?;
        Err(SendFailure::Down)
    }

    /// Answers a packet that came in with an ICMP error, unless it is one that is never answered, or there were too
    /// many errors lately.
    pub(crate) fn send_error(&mut self, now: Instant, kind: ErrorKind, about: &Delivered) {
        let _ = (now, kind, about);
    }
}
