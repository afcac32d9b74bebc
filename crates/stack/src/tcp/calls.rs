//! The user's calls (RFC 9293 §3.9.1, §3.10.1–6), by their names there.

use super::api::{
    ConnectError, ConnectOptions, ConnectionId, ListenConfig, ListenError, ListenerId, Pending, PendingId,
    Verdict,
};
use crate::{Account, Host, Input};
use ::tcp::{
    ConfigError, ConnectionError, EcnHabits, KeepAlive, ReceiveError, Received, SendError, SendFlags, State,
    Status,
};
use core::net::SocketAddr;
use core::ops::RangeInclusive;
use env::{Duration, Instant};
use wire::Payload;

/// What a connection may queue when the host's memory is used up and it has nothing queued: nobody is starved for ever.
const LEAST: usize = 4_096;

/// Fewer octets in one write than this are copied by the connection that they are written to.
const FEW: usize = 1024;

/// What a call on a connection that is gone gets.
pub(super) const GONE: ConnectionError = ConnectionError::Aborted;

/// TCP.
impl Host {
    /// OPEN, passive: listens at `local`, whose address may be unspecified and whose port may be 0 (one is chosen).
    ///
    /// # Errors
    /// [`ListenError`]: nothing was opened.
    pub fn tcp_listen(
        &mut self,
        now: Instant,
        local: SocketAddr,
        config: ListenConfig,
    ) -> Result<ListenerId, ListenError> {
        self.note(|| Input::TcpListen(now, local, config.clone()));
        let _ = now;
        self.tcp.listen(&mut self.ip, local, config)
    }

    /// Takes the connection that has waited longest to be accepted, and its peer's address. It may be over already: then
    /// its events say so.
    pub fn tcp_accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddr)> {
        self.note(|| Input::TcpAccept(listener));
        let listener = self.tcp.listeners.get_mut(listener.0)?;
        let key = listener.accept.pop_front()?;
        let slot = self.tcp.connections.get_mut(key)?;
        slot.queued_at = None;
        let peer = slot.flow.remote();
        self.tcp.spread_news(key);
        Some((ConnectionId(key), peer))
    }

    /// Takes the next connection request of a listener with deferred accept: each is shown once, and decided by
    /// [`tcp_decide`](Self::tcp_decide).
    pub fn tcp_pending(&mut self, listener: ListenerId) -> Option<Pending> {
        self.note(|| Input::TcpPending(listener));
        self.tcp.next_pending(listener.0)
    }

    /// Decides about a request; `false` when it is gone.
    pub fn tcp_decide(&mut self, now: Instant, request: PendingId, verdict: Verdict) -> bool {
        self.note(|| Input::TcpDecide(now, request, verdict));
        self.tcp.decide(&mut self.ip, now, request.0, verdict)
    }

    /// CLOSE of a listener (RFC 9293 §3.10.4): connections that nobody has accepted are reset.
    pub fn tcp_unlisten(&mut self, now: Instant, listener: ListenerId) {
        self.note(|| Input::TcpUnlisten(now, listener));
        self.tcp.unlisten(&mut self.ip, now, listener.0);
    }

    /// Where a listener listens.
    pub fn tcp_listener_addr(&self, listener: ListenerId) -> Option<SocketAddr> {
        self.tcp.listeners.get(listener.0).map(|listener| listener.local)
    }

    /// OPEN, active (RFC 9293 §3.10.1): SYN-SENT. What is sent before ESTABLISHED waits until then.
    ///
    /// # Errors
    /// [`ConnectError`]: nothing was opened.
    pub fn tcp_connect(
        &mut self,
        now: Instant,
        options: ConnectOptions,
    ) -> Result<ConnectionId, ConnectError> {
        self.note(|| Input::TcpConnect(now, options.clone()));
        self.tcp.connect(&mut self.ip, now, options, None).map(|(id, _)| id)
    }

    /// SEND (RFC 9293 §3.10.2): takes as many octets as there is room for, at least one, and says how many.
    ///
    /// # Errors
    /// [`SendError`]: nothing was taken. [`SendError::Full`]: [`crate::HostEvent::TcpWritable`] follows.
    pub fn tcp_send(
        &mut self,
        now: Instant,
        id: ConnectionId,
        data: Payload,
        flags: SendFlags,
    ) -> Result<usize, SendError> {
        self.note(|| Input::TcpSend(now, id, data.clone(), flags));
        let mut data = data;
        data.truncate(self.tcp_send_admits(id, data.len())?);
        let slot = self.tcp.connections.get_mut(id.0).ok_or(SendError::Closed(Some(GONE)))?;
        let taken = slot.connection.send(now, data, flags);
        slot.written += taken.map_or(0, |count| count as u64);
        self.tcp.touched(&mut self.ip, now, id.0);
        taken
    }

    /// How many of `len` octets the host has memory for.
    fn tcp_send_admits(&mut self, id: ConnectionId, len: usize) -> Result<usize, SendError> {
        let slot = self.tcp.connections.get_mut(id.0).ok_or(SendError::Closed(Some(GONE)))?;
        let (_, queued) = slot.connection.unacknowledged();
        let room = self.ip.budget.room(Account::TcpSend).max(if queued == 0 { LEAST } else { 0 });
        if len <= room {
            return Ok(len);
        }
        slot.starved = true;
        if room == 0 { Err(SendError::Full) } else { Ok(room) }
    }

    /// SEND of a few octets, which a connection copies in any case: no memory of their own is made for them before.
    fn tcp_send_few(&mut self, now: Instant, id: ConnectionId, octets: &[u8]) -> Result<usize, SendError> {
        self.note(|| Input::TcpSend(now, id, Payload::copy_of(octets), SendFlags::default()));
        let count = self.tcp_send_admits(id, octets.len())?;
        let slot = self.tcp.connections.get_mut(id.0).ok_or(SendError::Closed(Some(GONE)))?;
        let taken = slot.connection.send_small(now, octets.get(..count).unwrap_or(octets));
        slot.written += taken.map_or(0, |count| count as u64);
        self.tcp.touched(&mut self.ip, now, id.0);
        taken
    }

    /// SEND of the user's own memory: the one copy of what there is room for. Says how many octets.
    ///
    /// # Errors
    /// As [`tcp_send`](Self::tcp_send).
    pub fn tcp_send_slice(
        &mut self,
        now: Instant,
        id: ConnectionId,
        octets: &[u8],
        flags: SendFlags,
    ) -> Result<usize, SendError> {
        // One octet though there is no room: SEND then says why not, and tells when there is.
        let count = self.tcp_send_room(id).max(1).min(octets.len());
        let octets = octets.get(..count).unwrap_or(octets);
        if count < FEW && flags == SendFlags::default() {
            return self.tcp_send_few(now, id, octets);
        }
        let copy = self.tcp.blocks.copy_of(octets);
        self.tcp_send(now, id, copy, flags)
    }

    /// Octets that SEND would take now.
    pub fn tcp_send_room(&self, id: ConnectionId) -> usize {
        self.tcp.connections.get(id.0).map_or(0, |slot| slot.connection.send_room())
    }

    /// RECEIVE (RFC 9293 §3.10.3): the next octets, at most `max`, without a copy.
    ///
    /// # Errors
    /// [`ReceiveError`]: nothing is there. [`ReceiveError::Empty`]: [`crate::HostEvent::TcpReadable`] follows.
    pub fn tcp_receive(
        &mut self,
        now: Instant,
        id: ConnectionId,
        max: usize,
    ) -> Result<Received, ReceiveError> {
        self.note(|| Input::TcpReceive(now, id, max));
        let slot = self.tcp.connections.get_mut(id.0).ok_or(ReceiveError::Closed(GONE))?;
        let received = slot.connection.receive(now, max);
        slot.read += received.as_ref().map_or(0, |received| received.data.len() as u64);
        self.tcp.touched(&mut self.ip, now, id.0);
        received
    }

    /// RECEIVE into `out`: the user's one copy. Says how many octets.
    ///
    /// # Errors
    /// As [`tcp_receive`](Self::tcp_receive).
    pub fn tcp_receive_into(
        &mut self,
        now: Instant,
        id: ConnectionId,
        out: &mut [u8],
    ) -> Result<usize, ReceiveError> {
        self.note(|| Input::TcpReceiveInto(now, id, out.len()));
        let slot = self.tcp.connections.get_mut(id.0).ok_or(ReceiveError::Closed(GONE))?;
        let count = slot.connection.receive_into(now, out);
        slot.read += count.map_or(0, |count| count as u64);
        self.tcp.touched(&mut self.ip, now, id.0);
        count
    }

    /// Copies what RECEIVE would give, and leaves it there.
    ///
    /// # Errors
    /// As [`tcp_receive`](Self::tcp_receive).
    pub fn tcp_peek_into(&mut self, id: ConnectionId, out: &mut [u8]) -> Result<usize, ReceiveError> {
        let slot = self.tcp.connections.get_mut(id.0).ok_or(ReceiveError::Closed(GONE))?;
        slot.connection.peek_into(out)
    }

    /// CLOSE (RFC 9293 §3.10.4): our direction ends after what was sent; receiving goes on.
    ///
    /// # Errors
    /// [`SendError::Closing`] the second time, [`SendError::Closed`] when it is gone.
    pub fn tcp_close(&mut self, now: Instant, id: ConnectionId) -> Result<(), SendError> {
        self.note(|| Input::TcpClose(now, id));
        let slot = self.tcp.connections.get_mut(id.0).ok_or(SendError::Closed(Some(GONE)))?;
        let closed = slot.connection.close(now);
        self.tcp.touched(&mut self.ip, now, id.0);
        closed
    }

    /// The user lets go: CLOSE, or a RST if anything is left unread (RFC 9293 SHLD-3), or as
    /// [`tcp_set_linger`](Self::tcp_set_linger) has it. The name means nothing after
    /// that; the host goes on until the connection has ended.
    pub fn tcp_release(&mut self, now: Instant, id: ConnectionId) {
        self.note(|| Input::TcpRelease(now, id));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.released = true;
        match slot.linger {
            Some(Duration::ZERO) => slot.connection.abort(now),
            linger => slot.linger_until = linger.map(|linger| now + linger),
        }
        slot.connection.release(now);
        self.tcp.touched(&mut self.ip, now, id.0);
    }

    /// ABORT (RFC 9293 §3.10.5): RST, and nothing waits for anything.
    pub fn tcp_abort(&mut self, now: Instant, id: ConnectionId) {
        self.note(|| Input::TcpAbort(now, id));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.connection.abort(now);
        self.tcp.touched(&mut self.ip, now, id.0);
    }

    /// FLUSH (RFC 9293 MAY-14): forgets what was not sent yet.
    pub fn tcp_flush(&mut self, now: Instant, id: ConnectionId) {
        self.note(|| Input::TcpFlush(now, id));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.connection.flush();
        self.tcp.touched(&mut self.ip, now, id.0);
    }

    /// STATUS (RFC 9293 §3.10.6); `None` when it is gone.
    pub fn tcp_status(&self, id: ConnectionId) -> Option<Status> {
        self.tcp.connections.get(id.0).map(|slot| slot.connection.status())
    }

    /// The state of a connection; CLOSED when it is gone.
    pub fn tcp_state(&self, id: ConnectionId) -> State {
        self.tcp.connections.get(id.0).map_or(State::Closed, |slot| slot.connection.state())
    }

    /// Our end and the other, while there is a connection.
    pub fn tcp_addrs(&self, id: ConnectionId) -> Option<(SocketAddr, SocketAddr)> {
        self.tcp.connections.get(id.0).map(|slot| (slot.flow.local(), slot.flow.remote()))
    }

    /// Nagle's algorithm (RFC 9293 MUST-17).
    pub fn tcp_set_nagle(&mut self, now: Instant, id: ConnectionId, on: bool) {
        self.note(|| Input::TcpSetNagle(now, id, on));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.connection.set_nagle(on);
        self.tcp.touched(&mut self.ip, now, id.0);
    }

    /// Whether what fills no segment waits, as [`tcp::Connection::set_cork`](::tcp::Connection::set_cork).
    pub fn tcp_set_cork(&mut self, now: Instant, id: ConnectionId, on: bool) {
        self.note(|| Input::TcpSetCork(now, id, on));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.connection.set_cork(on);
        self.tcp.touched(&mut self.ip, now, id.0);
    }

    /// R2 while opening, as [`tcp::TcpConfig::syn_timeout`](::tcp::TcpConfig::syn_timeout).
    pub fn tcp_set_syn_timeout(&mut self, now: Instant, id: ConnectionId, timeout: Duration) {
        self.note(|| Input::TcpSetSynTimeout(now, id, timeout));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.connection.set_syn_timeout(timeout);
        self.tcp.touched(&mut self.ip, now, id.0);
    }

    /// Octets that may wait to be sent for the first time, as
    /// [`tcp::TcpConfig::unsent_limit`](::tcp::TcpConfig::unsent_limit).
    pub fn tcp_set_unsent_limit(&mut self, now: Instant, id: ConnectionId, octets: Option<u32>) {
        self.note(|| Input::TcpSetUnsentLimit(now, id, octets));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.connection.set_unsent_limit(octets);
        self.tcp.touched(&mut self.ip, now, id.0);
    }

    /// How marks are told exactly, as [`tcp::TcpConfig::ecn_habits`](::tcp::TcpConfig::ecn_habits).
    pub fn tcp_set_ecn_habits(&mut self, now: Instant, id: ConnectionId, habits: EcnHabits) {
        self.note(|| Input::TcpSetEcnHabits(now, id, habits));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.connection.set_ecn_habits(habits);
        self.tcp.touched(&mut self.ip, now, id.0);
    }

    /// R2 as a time (RFC 9293 MUST-21, RFC 5482).
    pub fn tcp_set_user_timeout(&mut self, now: Instant, id: ConnectionId, timeout: Duration) {
        self.note(|| Input::TcpSetUserTimeout(now, id, timeout));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.connection.set_user_timeout(timeout);
        self.tcp.touched(&mut self.ip, now, id.0);
    }

    /// Keep-alive (RFC 9293 MUST-24, MUST-27).
    ///
    /// # Errors
    /// As [`tcp::TcpConfig::keep_alive`](::tcp::TcpConfig::keep_alive).
    pub fn tcp_set_keep_alive(
        &mut self,
        now: Instant,
        id: ConnectionId,
        probing: Option<KeepAlive>,
    ) -> Result<(), ConfigError> {
        self.note(|| Input::TcpSetKeepAlive(now, id, probing));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return Ok(()) };
        slot.connection.set_keep_alive(probing)?;
        self.tcp.touched(&mut self.ip, now, id.0);
        Ok(())
    }

    /// Send and receive buffers of a live connection, in octets; `None` leaves one as it is.
    ///
    /// # Errors
    /// As [`tcp::TcpConfig::send_buffer`](::tcp::TcpConfig::send_buffer).
    pub fn tcp_set_buffers(
        &mut self,
        now: Instant,
        id: ConnectionId,
        send: Option<u32>,
        receive: Option<u32>,
    ) -> Result<(), ConfigError> {
        self.note(|| Input::TcpSetBuffers(now, id, send, receive));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return Ok(()) };
        if let Some(octets) = send {
            slot.connection.set_send_buffer(octets)?;
        }
        if let Some(octets) = receive {
            slot.connection.set_receive_buffer(octets)?;
        }
        self.tcp.touched(&mut self.ip, now, id.0);
        Ok(())
    }

    /// TTL and differentiated services code point of what a connection sends from now on (RFC 9293 MUST-48, MUST-49,
    /// SHLD-21).
    pub fn tcp_set_marks(&mut self, id: ConnectionId, ttl: Option<u8>, dscp: Option<u8>) {
        self.note(|| Input::TcpSetMarks(id, ttl, dscp));
        let Some(slot) = self.tcp.connections.get_mut(id.0) else { return };
        slot.marks.ttl = ttl.unwrap_or(slot.marks.ttl).max(1);
        slot.marks.dscp = dscp.unwrap_or(slot.marks.dscp) & 0x3f;
    }

    /// The range that ports of unnamed ends are chosen from.
    ///
    /// # Errors
    /// [`crate::PortError::Range`].
    pub fn tcp_set_port_range(&mut self, range: RangeInclusive<u16>) -> Result<(), crate::PortError> {
        self.note(|| Input::TcpSetPortRange(range.clone()));
        self.tcp.ports.set_range(range)
    }

    /// How many connections, half-open peers, requests without a verdict, and TIME-WAIT records there are.
    pub fn tcp_counts(&self) -> TcpCounts {
        TcpCounts {
            connections: self.tcp.connections.len(),
            half_open: self.tcp.half_opens.len(),
            pending: self.tcp.pendings.len(),
            time_wait: self.tcp.time_waits.len(),
            listeners: self.tcp.listeners.len(),
        }
    }

    /// Every listener, for those who list them.
    pub fn tcp_listeners(&self) -> impl Iterator<Item = ListenerId> {
        self.tcp.listeners.keys().into_iter().map(ListenerId)
    }

    /// Every connection, for those who list them.
    pub fn tcp_connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.tcp.connections.keys().into_iter().map(ConnectionId)
    }
}

/// How many records of each kind a host's TCP has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounts {
    /// Connections that their users have not let go of, or that have not ended.
    pub connections: usize,
    /// Half-open peers of listeners.
    pub half_open: usize,
    /// Requests without a verdict.
    pub pending: usize,
    /// TIME-WAIT records.
    pub time_wait: usize,
    /// Listeners.
    pub listeners: usize,
}
