//! OPEN, active (RFC 9293 §3.9.1.1, §3.10.1).

use super::api::{ConnectError, ConnectOptions, ConnectionId};
use super::arena::Arena;
use super::fast_open::FastOpenConnect;
use super::segment::Marks;
use super::table::{OPEN, RECORD};
use super::time_wait::TimeWaitSlot;
use super::{Tcp, Whose};
use crate::demux::{Demux, Flow};
use crate::{Account, Ip, PortError, SendFailure};
use ::tcp::{Connection, State, TcpConfig};
use alloc::sync::Arc;
use core::net::SocketAddr;
use env::{Duration, Instant};
use wire::{Payload, Port, SeqNum};

/// So long after its end a 4-tuple whose connection had timestamps may be opened again by us.
const REST: Duration = Duration::from_secs(1);
/// How far beyond the old connection's last number a new one begins, at least.
const APART: u32 = 65_537;

impl Tcp {
    pub(super) fn connect(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        options: ConnectOptions,
        with: Option<(FastOpenConnect, Payload)>,
    ) -> Result<(ConnectionId, usize), ConnectError> {
        let flow = self.choose_flow(ip, now, &options)?;
        let path = self.path(ip, &flow).ok_or(ConnectError::NetworkUnreachable)?;
        ip.budget.charge(Account::TcpRecord, RECORD).map_err(|_| ConnectError::OutOfMemory)?;

        let mut iss = self.first_number(ip, now, &flow);
        if let Some(Whose::TimeWait(key)) = self.demux.get(&flow)
            && let Some(floor) = self.take_time_wait(ip, now, key)
        {
            iss = beyond(iss, floor);
        }
        let mut config = options.tcp.unwrap_or_else(|| self.config.clone());
        if config.asks_for_marks() && self.paths.marks_fail(now, &flow) {
            config = Arc::new(TcpConfig::clone(&config).without_asking_for_marks());
            ip.counters.tcp_path_marks_spared = ip.counters.tcp_path_marks_spared.saturating_add(1);
        }
        let ttl = options.ttl.unwrap_or(ip.config.hop_limit).max(1);
        let marks = Marks { ttl, dscp: options.dscp, dont_fragment: config.forbids_fragments() };
        let offset = self.timestamp_offset(ip, &flow);
        let with = with.and_then(|(ask, data)| {
            let opening = self.known.opening(now, flow.local, flow.remote, flow.remote_port, ask)?;
            Some((opening, data))
        });
        let (connection, taken) = match with {
            Some((opening, data)) => Connection::open_with(now, config, path, iss, offset, opening, data),
            None => (Connection::open(now, config, path, iss, offset), 0),
        };
        let key = self.enter(ip, now, connection, flow, marks, State::SynSent);
        if let (Some(slot), Some(port)) = (self.connections.get_mut(key), Port::new(flow.local_port)) {
            slot.claimed = Some(self.ports.connect(flow.local, port));
            slot.written = taken as u64;
        }
        ip.counters.tcp_active_opens = ip.counters.tcp_active_opens.saturating_add(1);
        self.note_state(ip, now, &flow, State::Closed, State::SynSent, OPEN);
        self.touched(ip, now, key);
        Ok((ConnectionId(key), taken))
    }

    fn choose_flow(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        options: &ConnectOptions,
    ) -> Result<Flow, ConnectError> {
        let remote = options.remote;
        let to = remote.ip();
        // RFC 9293 MUST-46.
        if to.is_unspecified() || to.is_multicast() || ip.is_broadcast(None, to) || remote.port() == 0 {
            return Err(ConnectError::InvalidRemote);
        }
        if let core::net::IpAddr::V4(v4) = to
            && v4.is_broadcast()
        {
            return Err(ConnectError::InvalidRemote);
        }
        let wanted = options.local.map(|local| local.ip());
        if wanted.is_some_and(|local| local.is_ipv4() != to.is_ipv4()) {
            return Err(ConnectError::InvalidRemote);
        }
        // RFC 9293 MUST-43, MUST-44; the 4-tuple keeps the address for good (MUST-45).
        let route = ip.route_to(to, wanted).map_err(|failure| match failure {
            SendFailure::NoSource => ConnectError::AddrNotAvailable,
            _ => ConnectError::NetworkUnreachable,
        })?;
        let flow = |port: u16| Flow::new(SocketAddr::new(route.src, port), remote);
        if let Some(port) = options.local.and_then(|local| Port::new(local.port())) {
            let flow = flow(port.get());
            let taken = !options.reuse && self.ports.is_bound(Some(route.src), port)
                || !is_free(&self.demux, &self.time_waits, now, &flow, true);
            return if taken { Err(ConnectError::AddrInUse) } else { Ok(flow) };
        }
        // A 4-tuple that rests in TIME-WAIT only when there is no other (RFC 6056 §3.1).
        let (demux, resting, ports) = (&self.demux, &self.time_waits, &mut self.ports);
        let mut choose = |reuse| {
            let taken = |port: Port| !is_free(demux, resting, now, &flow(port.get()), reuse);
            ports.choose(&mut ip.rng, route.src, remote, taken)
        };
        let chosen = choose(false)
            .or_else(|error| if error == PortError::NoneFree { choose(true) } else { Err(error) });
        chosen.map(|port| flow(port.get())).map_err(|_| ConnectError::AddrNotAvailable)
    }
}

/// Whether a connection can be opened at `flow`.
///
/// With `reuse`, one in TIME-WAIT can, when the last connection had timestamps and a second has passed: the peer (which
/// closed last, and has no TIME-WAIT) sends stamps that are newer than those of any old duplicate, which PAWS then tells
/// apart (RFC 7323 §5; RFC 6191 is the other direction). Without timestamps it has to wait.
fn is_free(
    demux: &Demux<Whose>,
    resting: &Arena<TimeWaitSlot>,
    now: Instant,
    flow: &Flow,
    reuse: bool,
) -> bool {
    match demux.get(flow) {
        None => true,
        Some(Whose::TimeWait(key)) if reuse => resting
            .get(key)
            .is_some_and(|slot| slot.record.timestamps().is_some() && now.since(slot.entered) >= REST),
        Some(_) => false,
    }
}

/// A first number that the old connection's segments cannot reach (RFC 9293 §3.4.1, MAY-2; RFC 1122 §4.2.2.13).
pub(super) fn beyond(iss: SeqNum, floor: SeqNum) -> SeqNum {
    if iss.after(floor + APART) { iss } else { floor + APART }
}
