//! The user's calls for Fast Open. It is off until one of them is made (RFC 7413 §2; 7413-1).

use super::{FastOpenConnect, FastOpenListen, Serving};
use crate::tcp::api::{ConnectError, ConnectOptions, ConnectionId, ListenerId};
use crate::{Host, Input};
use ::tcp::fast_open::{FastOpenState, Keys};
use alloc::boxed::Box;
use env::Instant;
use wire::Payload;

/// Fast Open (RFC 7413).
impl Host {
    /// OPEN, active, with data (RFC 7413 §4.2.2): as [`tcp_connect`](Self::tcp_connect), and as much of `data` goes with the
    /// SYN as fits there; how many octets that is is told, the rest was not taken. It is none as long as the peer has given
    /// no cookie (the SYN asks for one), and where such SYNs were lost.
    ///
    /// What goes with a SYN may be delivered to the peer's application **more than once**: by a copy of the SYN that arrives
    /// when its connection is over and forgotten (§2.1). Send only what does no harm when it is done twice: a request that
    /// reads, the first message of a TLS handshake (§6).
    ///
    /// # Errors
    /// As [`tcp_connect`](Self::tcp_connect).
    pub fn tcp_connect_with(
        &mut self,
        now: Instant,
        options: ConnectOptions,
        fast_open: FastOpenConnect,
        data: Payload,
    ) -> Result<(ConnectionId, usize), ConnectError> {
        self.note(|| Input::TcpConnectWith(now, options.clone(), fast_open, data.clone()));
        self.tcp.connect(&mut self.ip, now, options, Some((fast_open, data)))
    }

    /// Whether data would go with the SYN of such an OPEN now.
    pub fn tcp_may_connect_with(
        &mut self,
        now: Instant,
        options: &ConnectOptions,
        fast_open: FastOpenConnect,
    ) -> bool {
        let (remote, wanted) = (options.remote, options.local.map(|local| local.ip()));
        let Ok(route) = self.ip.route_to(remote.ip(), wanted) else { return false };
        let opening = self.tcp.known.opening(now, route.src, remote.ip(), remote.port(), fast_open);
        opening.is_some_and(|opening| opening.carries_data())
    }

    /// Whether a listener takes data with a SYN, and delivers it before the handshake is complete; `None`, as from the
    /// beginning: no. It may be changed at any time. `false` when the listener is gone.
    ///
    /// An application that says yes may get the same data **more than once**, in connections of their own, when the network
    /// doubles a SYN or somebody plays it again (§2.1, §6.1). A connection may be accepted before its peer has shown that it
    /// is there, and end by a reset at once.
    pub fn tcp_listener_fast_open(
        &mut self,
        listener: ListenerId,
        fast_open: Option<FastOpenListen>,
    ) -> bool {
        self.note(|| Input::TcpListenerFastOpen(listener, fast_open));
        let Some(listener) = self.tcp.listeners.get_mut(listener.0) else { return false };
        match (fast_open, &mut listener.fast_open) {
            (Some(config), Some(serving)) => {
                serving.config = FastOpenListen { queue: config.queue.max(1), ..config };
            }
            (Some(config), none) => *none = Some(Box::new(Serving::new(config, None))),
            (None, serving) => *serving = None,
        }
        true
    }

    /// The keys of a listener's cookies, or of all listeners that have none of their own; `None`: those that the host
    /// derives, and changes, by itself. Hosts that serve one address need the same keys (RFC 7413 §6.3.4). `false` when the
    /// listener is gone, or takes no data with a SYN.
    pub fn tcp_set_fast_open_keys(&mut self, listener: Option<ListenerId>, keys: Option<Keys>) -> bool {
        // That they changed is noted, and what they are is not: what follows from them is an outcome of chance.
        self.note(|| Input::TcpSetFastOpenKeys(listener));
        let Some(listener) = listener else {
            self.tcp.fast_open_keys = keys;
            return true;
        };
        let listener = self.tcp.listeners.get_mut(listener.0);
        let Some(serving) = listener.and_then(|listener| listener.fast_open.as_deref_mut()) else {
            return false;
        };
        serving.keys = keys;
        true
    }

    /// Forgets the cookies of all peers, and which ways lost SYNs.
    pub fn tcp_forget_fast_open(&mut self) {
        self.note(|| Input::TcpForgetFastOpen);
        self.tcp.known.forget();
    }

    /// How far Fast Open came on a connection; `None` when neither side tried it, or the connection is gone.
    pub fn tcp_fast_open_state(&self, id: ConnectionId) -> Option<FastOpenState> {
        self.tcp.connections.get(id.0)?.connection.fast_open_state()
    }
}
