//! What a user could do now without waiting: STATUS (RFC 9293 §3.10.6) for those who wait.

use crate::ConnectionError;
use crate::TcpConfig;
use crate::connection::{Connection, Data};
use crate::receiver::ReceiveHalf;

/// Which calls would not have to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// RECEIVE would give octets, the end of the stream, or an error.
    pub readable: bool,
    /// Nothing will come after what is readable: the peer closed, or the connection is over.
    pub read_closed: bool,
    /// SEND would take octets, or fail.
    pub writable: bool,
    /// SEND will never take an octet again, and neither will RECEIVE give one after what is readable.
    pub write_closed: bool,
    /// How the connection was cut, if it was.
    pub error: Option<ConnectionError>,
    /// The peer's FIN had come, and everything before it was read, when the connection was cut: nothing was lost.
    pub finished: bool,
}

impl Connection {
    /// What a user could do now. If that is not to send, [`Event::Writable`](crate::Event::Writable) tells when it is.
    pub fn readiness(&mut self) -> Readiness {
        let room = self.send_room() > 0;
        match &mut self.data {
            Data::SynSent(_) => Readiness::default(),
            Data::Open(open) if !open.is_usable() => Readiness::default(),
            Data::Open(open) => {
                let read_closed = open.rcv.fin_received();
                let closing = open.snd.fin_queued();
                if !room && !closing {
                    open.snd.await_room();
                }
                Readiness {
                    readable: read_closed || open.rcv.readable() > 0,
                    read_closed,
                    writable: room || closing,
                    write_closed: closing && read_closed,
                    error: None,
                    finished: false,
                }
            }
            Data::Over(over) => Readiness {
                readable: true,
                read_closed: true,
                writable: true,
                write_closed: true,
                error: over.error,
                finished: over.finished || over.rcv.as_ref().is_some_and(ReceiveHalf::finished),
            },
        }
    }
}

/// Settings that users ask for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// As [`TcpConfig::nagle`].
    pub nagle: bool,
    /// As [`TcpConfig::ack_delay`].
    pub ack_delay: env::Duration,
    /// As [`TcpConfig::send_buffer`], in octets.
    pub send_buffer: u32,
    /// As [`TcpConfig::receive_buffer`], in octets.
    pub receive_buffer: u32,
    /// As [`TcpConfig::unsent_limit`].
    pub unsent_limit: Option<u32>,
    /// As [`TcpConfig::keep_alive`].
    pub keep_alive: Option<crate::KeepAlive>,
    /// As [`TcpConfig::user_timeout`].
    pub user_timeout: env::Duration,
    /// As [`TcpConfig::congestion`].
    pub congestion: crate::Congestion,
    /// As [`TcpConfig::ecn`].
    pub ecn: crate::Ecn,
}

impl TcpConfig {
    /// What is set.
    ///
    /// ```
    /// # use handfast_tcp::TcpConfig;
    /// assert!(TcpConfig::default().settings().nagle);
    /// assert!(!TcpConfig::default().nagle(false).settings().nagle);
    /// ```
    pub fn settings(&self) -> Settings {
        Settings {
            nagle: self.nagle,
            ack_delay: self.ack_delay,
            send_buffer: self.send_buffer,
            receive_buffer: self.receive_buffer,
            unsent_limit: (self.unsent_limit != u32::MAX).then_some(self.unsent_limit),
            keep_alive: self.keep_alive,
            user_timeout: self.user_timeout,
            congestion: self.congestion,
            ecn: self.ecn,
        }
    }
}
