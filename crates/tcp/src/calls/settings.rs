//! What a user may change on a live connection.

use crate::connection::{Connection, Data};
use crate::sender::SendHalf;
use crate::timeouts::Timer;
use crate::{ConfigError, EcnHabits, KeepAlive, TcpConfig};
use alloc::sync::Arc;
use env::Duration;

impl Connection {
    /// The settings in force.
    pub fn config(&self) -> &TcpConfig {
        &self.shared.config
    }

    /// Nagle's algorithm (RFC 9293 MUST-17).
    ///
    /// Switched off, what waits for an ACK or to be filled up goes at once.
    pub fn set_nagle(&mut self, on: bool) {
        self.change(|config| config.nagle = on);
        if !on {
            self.release_small();
        }
    }

    /// While it is on, nothing that fills no segment is sent but after a timeout: the user goes on writing (TCP_CORK of other
    /// systems; RFC 9293 §3.8.6.2.1 is about the same small segments). Off: what waits goes at once.
    pub fn set_cork(&mut self, on: bool) {
        if let Some(snd) = self.send_half()
            && snd.hold.cork(on)
            && !on
        {
            self.release_small();
        }
    }

    fn release_small(&mut self) {
        if let Some(snd) = self.send_half() {
            snd.release_small();
        }
    }

    fn send_half(&mut self) -> Option<&mut SendHalf> {
        match &mut self.data {
            Data::SynSent(snd) => Some(snd),
            Data::Open(open) => Some(&mut open.snd),
            Data::Over(_) => None,
        }
    }

    /// R2, the user timeout (RFC 9293 MUST-21; RFC 5482), within the limits of [`TcpConfig::user_timeout`].
    pub fn set_user_timeout(&mut self, timeout: Duration) {
        self.change(|config| config.user_timeout = crate::config::limited(timeout));
    }

    /// R2 while opening, as [`TcpConfig::syn_timeout`], from the first SYN on.
    pub fn set_syn_timeout(&mut self, timeout: Duration) {
        self.change(|config| config.syn_timeout = timeout);
        if let Data::SynSent(_) = self.data {
            // It is set again, from the first SYN on, when there is nothing more to send.
            self.shared.timers.cancel(Timer::User);
        }
    }

    /// Keep-alive (RFC 9293 MUST-24, MUST-27).
    ///
    /// # Errors
    /// As [`TcpConfig::keep_alive`].
    pub fn set_keep_alive(&mut self, probing: Option<KeepAlive>) -> Result<(), ConfigError> {
        let changed = self.config().clone().keep_alive(probing)?;
        self.shared.config = Arc::new(changed);
        Ok(())
    }

    /// Octets that may wait to be sent or acknowledged. What is queued already stays.
    ///
    /// # Errors
    /// As [`TcpConfig::send_buffer`].
    pub fn set_send_buffer(&mut self, octets: u32) -> Result<(), ConfigError> {
        let changed = self.config().clone().send_buffer(octets)?;
        self.shared.config = Arc::new(changed);
        self.tell_writer();
        Ok(())
    }

    /// Octets that may wait to be read. What was offered to the peer stays offered: a window is never pulled back
    /// (RFC 9293 SHLD-14). The scale was fixed by the handshake, and with it the largest window that can be told.
    ///
    /// # Errors
    /// As [`TcpConfig::receive_buffer`].
    pub fn set_receive_buffer(&mut self, octets: u32) -> Result<(), ConfigError> {
        let changed = self.config().clone().receive_buffer(octets)?;
        self.shared.config = Arc::new(changed);
        if let Data::Open(open) = &mut self.data {
            open.rcv.set_buffer(octets);
        }
        Ok(())
    }

    /// How long an ACK may wait (RFC 9293 §3.8.6.3). One that waits already waits as it would have.
    ///
    /// # Errors
    /// As [`TcpConfig::ack_delay`].
    pub fn set_ack_delay(&mut self, delay: Duration) -> Result<(), ConfigError> {
        let changed = self.config().clone().ack_delay(delay)?;
        self.shared.config = Arc::new(changed);
        if let Data::Open(open) = &mut self.data {
            open.rcv.set_ack_delay(delay);
        }
        Ok(())
    }

    /// Octets that may wait to be sent for the first time, as [`TcpConfig::unsent_limit`].
    pub fn set_unsent_limit(&mut self, octets: Option<u32>) {
        self.change(|config| config.unsent_limit = octets.map_or(u32::MAX, |octets| octets.max(1)));
        self.tell_writer();
    }

    /// What RFC 9768 leaves to a host, as [`TcpConfig::ecn_habits`], from now on. What the handshake came to stays.
    pub fn set_ecn_habits(&mut self, habits: EcnHabits) {
        self.change(|config| config.ecn_habits = habits);
        if let Data::Open(open) = &mut self.data
            && let Some(marks) = &mut open.marks
        {
            marks.set_habits(habits);
        }
    }

    /// Whether buffers may grow: the host says so while it has memory to spare. What has grown stays, for a window is
    /// never pulled back.
    pub fn allow_growth(&mut self, roomy: bool) {
        self.shared.roomy = roomy;
    }

    /// Whether soft errors are reported (RFC 9293 SHLD-20).
    pub fn set_soft_errors(&mut self, report: bool) {
        self.change(|config| config.soft_errors = report);
    }

    fn change(&mut self, change: impl FnOnce(&mut TcpConfig)) {
        change(Arc::make_mut(&mut self.shared.config));
    }
}
