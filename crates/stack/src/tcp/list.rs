//! Looking at many connections, a few at a time: so many that nobody may hold the host for as long as all of them take.

use super::api::{ConnectionId, ListenerId};
use crate::Host;
use ::tcp::State;
use alloc::vec::Vec;
use core::net::SocketAddr;
use env::{Duration, Instant};

/// Where a walk over the connections stands; [`ListCursor::default`] is its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListCursor(usize);

/// One connection at one instant. Octets are of the users' data: what is in headers, and SYN and FIN, is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Its name.
    pub id: ConnectionId,
    /// Our end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Its state.
    pub state: State,
    /// Since when there is a machine for it: the SYN that we sent, or the ACK that made an accepted one ESTABLISHED.
    pub opened: Instant,
    /// Its user has let go of it: it only delivers what is left.
    pub released: bool,
    /// Nobody has accepted it yet.
    pub waiting: bool,
    /// Octets that were written, ever.
    pub written: u64,
    /// Octets of them that are not acknowledged.
    pub send_queue: usize,
    /// Octets of them that were never sent.
    pub unsent: u32,
    /// Octets that arrived in order, ever, read or not.
    pub received: u64,
    /// Octets of them that are not read.
    pub receive_queue: usize,
    /// Octets sent again, ever.
    pub retransmitted: u64,
    /// Smoothed round trip, once measured.
    pub rtt: Option<Duration>,
    /// The least round trip.
    pub min_rtt: Option<Duration>,
    /// Retransmission timeout, back-off included.
    pub rto: Duration,
    /// Congestion window, in octets.
    pub cwnd: u32,
    /// Slow-start threshold, in octets.
    pub ssthresh: u32,
    /// Octets believed to be in the network.
    pub in_flight: u32,
    /// What the peer has room for, in octets.
    pub send_window: u32,
    /// What we have offered, in octets.
    pub receive_window: u32,
    /// The largest payload of a segment, in octets.
    pub segment_size: u32,
}

/// One listener at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerInfo {
    /// Its name.
    pub id: ListenerId,
    /// Where it listens.
    pub local: SocketAddr,
    /// Connections that wait to be accepted.
    pub waiting: usize,
    /// How many may.
    pub backlog: usize,
    /// Half-open peers, and requests without a verdict.
    pub half_open: usize,
    /// How many are remembered before cookies stand in.
    pub syn_queue: usize,
}

impl Host {
    /// Adds the next connections to `out`: a walk over all of them in steps, each of which looks at `steps` places at
    /// most. Gives where to go on; `None` at the end.
    ///
    /// A connection that is there from the first step to the last is seen once. One that comes or goes meanwhile may be
    /// seen or not.
    ///
    /// ```
    /// # use handfast_stack::{Host, HostConfig, ListCursor};
    /// # let host = Host::new(HostConfig::default(), [1; 32])?;
    /// let (mut all, mut next) = (Vec::new(), Some(ListCursor::default()));
    /// while let Some(cursor) = next {
    ///     next = host.tcp_list(cursor, 256, &mut all); // others may have the host in between
    /// }
    /// assert!(all.is_empty());
    /// # Ok::<_, handfast_stack::HostConfigError>(())
    /// ```
    pub fn tcp_list(
        &self,
        cursor: ListCursor,
        steps: usize,
        out: &mut Vec<ConnectionInfo>,
    ) -> Option<ListCursor> {
        let all = &self.tcp.connections;
        let end = cursor.0.saturating_add(steps.max(1)).min(all.places());
        for index in cursor.0..end {
            let Some(slot) = all.at(index) else { continue };
            let status = slot.connection.status();
            out.push(ConnectionInfo {
                id: ConnectionId(slot.key),
                local: slot.flow.local(),
                remote: slot.flow.remote(),
                state: status.state.unwrap_or(State::Closed),
                opened: slot.opened,
                released: slot.released,
                waiting: slot.queued_at.is_some(),
                written: slot.written,
                send_queue: status.queued,
                unsent: status.unsent,
                received: slot.read.saturating_add(status.readable as u64),
                receive_queue: status.readable,
                retransmitted: status.retransmitted_octets,
                rtt: status.srtt,
                min_rtt: status.min_rtt,
                rto: status.rto,
                cwnd: status.cwnd,
                ssthresh: status.ssthresh,
                in_flight: status.in_flight,
                send_window: status.snd_wnd,
                receive_window: status.rcv_wnd,
                segment_size: status.segment_size,
            });
        }
        (end < all.places()).then_some(ListCursor(end))
    }

    /// Every listener. There are few: at most one for each address and port.
    pub fn tcp_list_listeners(&self) -> Vec<ListenerInfo> {
        let info = |id: ListenerId| {
            let listener = self.tcp.listeners.get(id.0)?;
            Some(ListenerInfo {
                id,
                local: listener.local,
                waiting: listener.accept.len(),
                backlog: listener.config.backlog,
                half_open: listener.half_open,
                syn_queue: listener.config.syn_queue,
            })
        };
        self.tcp_listeners().filter_map(info).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectOptions, HostConfig, InterfaceConfig, Medium};
    use alloc::collections::BTreeSet;

    const NOW: Instant = Instant::from_secs(1);

    fn host() -> Host {
        let mut host = Host::new(HostConfig::default(), [7; 32]).unwrap();
        let wire = InterfaceConfig::new("wire", Medium::Ip).address("10.0.0.1/24".parse().unwrap());
        host.add_interface(NOW, wire).unwrap();
        host
    }

    #[test]
    fn a_walk_sees_each_connection_that_stays_once_whatever_comes_and_goes() {
        let mut host = host();
        let open = |host: &mut Host, now| {
            host.tcp_connect(now, ConnectOptions::to("10.0.0.2:80".parse().unwrap())).unwrap()
        };
        let ids: Vec<_> = (0..1_000).map(|_| open(&mut host, NOW)).collect();
        let (mut seen, mut next, mut steps) = (Vec::new(), Some(ListCursor::default()), 0);
        while let Some(cursor) = next {
            let before = seen.len();
            next = host.tcp_list(cursor, 7, &mut seen);
            assert!(seen.len() - before <= 7, "a step has its bound");
            // One of each tenth goes, and others come.
            if steps < 100 {
                host.tcp_abort(NOW, ids[steps * 10]);
                host.tcp_release(NOW, ids[steps * 10]);
                open(&mut host, NOW);
            }
            steps += 1;
        }
        let names: BTreeSet<_> = seen.iter().map(|info| info.id).collect();
        assert_eq!(names.len(), seen.len(), "none twice");
        let stayed = ids.iter().enumerate().filter(|(n, _)| n % 10 != 0).map(|(_, id)| id);
        assert_eq!(stayed.filter(|id| !names.contains(id)).count(), 0, "all that stayed");
        let info = seen.iter().find(|info| info.id == ids[1]).unwrap();
        assert_eq!((info.state, info.opened, info.written), (State::SynSent, NOW, 0));
        assert_eq!(info.remote, "10.0.0.2:80".parse().unwrap());
        assert!(!info.released && !info.waiting);
    }
}
