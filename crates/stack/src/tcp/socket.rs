//! What sockets ask beyond the calls of RFC 9293: readiness, options as they stand, ports held before they are used.

use super::api::{ConnectionId, ListenError, ListenerId};
use super::{Tcp, calls::GONE};
use crate::journal::Input;
use crate::ports::{Claimed, Hold, overlap};
use crate::{Host, PortError};
use ::tcp::{ConfigError, Readiness, ReceiveError, Settings, SoftError, TcpConfig};
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};
use env::{Duration, Instant};
use wire::Port;

/// A local address and port that a socket holds and does not use yet (bind of POSIX). To be given back with
/// [`Host::tcp_unbind`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[must_use = "a port that is not given back, once, is held for good"]
pub struct TcpBound {
    local: SocketAddr,
    /// For both IP versions.
    dual: bool,
    reuse: bool,
}

impl TcpBound {
    /// The address and port.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    fn claimed(&self) -> Option<Claimed> {
        let address = (!self.dual).then_some(self.local.ip());
        let hold = Hold::Bound { reuse: self.reuse };
        Port::new(self.local.port()).map(|port| Claimed { address, port, hold })
    }
}

/// How a port is shared with other sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sharing {
    /// With others that allow it, as long as none of them listens (SO_REUSEADDR).
    pub address: bool,
    /// With others that allow it, listeners among them (SO_REUSEPORT).
    pub port: bool,
}

/// The options of a connection as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpOptions {
    /// TCP's own.
    pub settings: Settings,
    /// TTL or hop limit of what is sent (RFC 9293 MUST-49).
    pub ttl: u8,
    /// Differentiated services code point of what is sent (RFC 9293 MUST-48).
    pub dscp: u8,
    /// As [`Host::tcp_set_linger`].
    pub linger: Option<Duration>,
}

impl Host {
    /// What could be done on a connection without waiting. Where SEND would have to wait,
    /// [`crate::HostEvent::TcpWritable`] follows. `None` when it is gone.
    pub fn tcp_readiness(&mut self, id: ConnectionId) -> Option<Readiness> {
        let slot = self.tcp.connections.get_mut(id.0)?;
        let mut readiness = slot.connection.readiness();
        let (_, queued) = slot.connection.unacknowledged();
        if queued > 0 && readiness.error.is_none() && self.ip.budget.room(crate::Account::TcpSend) == 0 {
            readiness.writable &= readiness.write_closed;
            slot.starved = true;
        }
        Some(readiness)
    }

    /// RECEIVE piece by piece into `sink`, at most `max` octets: the user's one copy, into memory of any kind. Says how
    /// many.
    ///
    /// # Errors
    /// As [`tcp_receive`](Self::tcp_receive).
    pub fn tcp_receive_with(
        &mut self,
        now: Instant,
        id: ConnectionId,
        max: usize,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<usize, ReceiveError> {
        let slot = self.tcp.connections.get_mut(id.0).ok_or(ReceiveError::Closed(GONE))?;
        let mut count = 0;
        let result = loop {
            match slot.connection.receive(now, max - count) {
                Ok(received) => {
                    sink(&received.data);
                    count += received.data.len();
                }
                Err(_) if count > 0 => break Ok(count),
                Err(why) => break Err(why),
            }
            if count == max {
                break Ok(count);
            }
        };
        slot.read += count as u64;
        // What it came to is known only now; nothing was drawn or sent meanwhile.
        self.note(|| match count {
            0 => Input::TcpReceive(now, id, max),
            _ => Input::TcpReceiveInto(now, id, count),
        });
        self.tcp.touched(&mut self.ip, now, id.0);
        result
    }

    /// What becomes of a connection that is [let go of](Self::tcp_release) while something is not acknowledged (SO_LINGER):
    /// `None`: it is delivered. Zero: the connection is aborted at once. Otherwise: aborted after so long.
    pub fn tcp_set_linger(&mut self, id: ConnectionId, linger: Option<Duration>) {
        self.note(|| Input::TcpSetLinger(id, linger));
        if let Some(slot) = self.tcp.connections.get_mut(id.0) {
            slot.linger = linger;
        }
    }

    /// How long an ACK of a connection may wait.
    ///
    /// # Errors
    /// As [`tcp::TcpConfig::ack_delay`](::tcp::TcpConfig::ack_delay).
    pub fn tcp_set_ack_delay(
        &mut self,
        now: Instant,
        id: ConnectionId,
        delay: Duration,
    ) -> Result<(), ConfigError> {
        self.note(|| Input::TcpSetAckDelay(now, id, delay));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return Ok(()) };
        slot.connection.set_ack_delay(delay)?;
        self.tcp.touched(&mut self.ip, now, id.0);
        Ok(())
    }

    /// The options of a connection; `None` when it is gone.
    pub fn tcp_options(&self, id: ConnectionId) -> Option<TcpOptions> {
        let slot = self.tcp.connections.get(id.0)?;
        Some(TcpOptions {
            settings: slot.connection.config().settings(),
            ttl: slot.marks.ttl,
            dscp: slot.marks.dscp,
            linger: slot.linger,
        })
    }

    /// The settings of connections that ask for no others.
    pub fn tcp_config(&self) -> &TcpConfig {
        &self.tcp.config
    }

    /// TTL or hop limit of what is sent, unless a socket has its own.
    pub fn hop_limit(&self) -> u8 {
        self.ip.config.hop_limit
    }

    /// The last ICMP error about a connection that did not end it (RFC 9293 MUST-47).
    pub fn tcp_soft_error(&self, id: ConnectionId) -> Option<SoftError> {
        self.tcp.connections.get(id.0)?.soft_error
    }

    /// TTL or hop limit of connections that a listener opens from now on; `None` when it is gone. Gives the one in force.
    pub fn tcp_listener_ttl(&mut self, listener: ListenerId, ttl: Option<u8>) -> Option<u8> {
        if ttl.is_some() {
            self.note(|| Input::TcpListenerTtl(listener, ttl));
        }
        let config = &mut self.tcp.listeners.get_mut(listener.0)?.config;
        config.ttl = ttl.map(|ttl| ttl.max(1)).or(config.ttl);
        Some(config.ttl.unwrap_or(self.ip.config.hop_limit))
    }

    /// Settings of connections that a listener opens from now on; what is half open keeps its own. `false` when the listener
    /// is gone.
    pub fn tcp_listener_config(&mut self, listener: ListenerId, config: Arc<TcpConfig>) -> bool {
        self.note(|| Input::TcpListenerConfig(listener, config.clone()));
        let found = self.tcp.listeners.get_mut(listener.0);
        found.map(|listener| listener.tcp = config).is_some()
    }

    /// Holds `local` for a socket that is to connect or listen later; port 0 is chosen. With `dual_stack`, `[::]` is
    /// held for both IP versions.
    ///
    /// # Errors
    /// [`ListenError`]: nothing is held.
    pub fn tcp_bind(
        &mut self,
        local: SocketAddr,
        dual_stack: bool,
        sharing: Sharing,
    ) -> Result<TcpBound, ListenError> {
        self.note(|| Input::TcpBind(local, dual_stack, sharing));
        let address = local.ip();
        if !address.is_unspecified() && !self.ip.is_local(address) {
            return Err(ListenError::AddrNotAvailable);
        }
        let dual = dual_stack && address.is_unspecified() && address.is_ipv6();
        let bound = (!dual).then_some(address);
        let shared = sharing.address || sharing.port;
        let claimed = match Port::new(local.port()) {
            Some(port) if self.tcp.listens(bound, port, sharing.port) => Err(PortError::InUse),
            Some(port) => self.tcp.ports.bind(bound, port, shared),
            None => self.tcp.ports.bind_any(&mut self.ip.rng, bound, shared),
        };
        let claimed = claimed.map_err(|error| match error {
            PortError::InUse => ListenError::AddrInUse,
            _ => ListenError::AddrNotAvailable,
        })?;
        Ok(TcpBound { local: SocketAddr::new(address, claimed.port.get()), dual, reuse: shared })
    }

    /// Ends [`tcp_bind`](Self::tcp_bind).
    pub fn tcp_unbind(&mut self, bound: TcpBound) {
        self.note(|| Input::TcpUnbind(bound.clone()));
        if let Some(claimed) = bound.claimed() {
            self.tcp.ports.release(claimed);
        }
    }
}

impl Tcp {
    /// Whether a listener is in the way of another socket at `address` (`None`: both IP versions) and `port`.
    pub(super) fn listens(&self, address: Option<IpAddr>, port: Port, shares: bool) -> bool {
        let keys = self.listening.get(&port.get()).map_or(&[][..], |keys| &keys[..]);
        keys.iter().filter_map(|key| self.listeners.get(*key)).any(|listener| {
            overlap(listener.claimed.address, address) && !(shares && listener.config.reuse_port)
        })
    }
}
