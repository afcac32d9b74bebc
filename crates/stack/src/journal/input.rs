//! Everything that can go into a host, as values: one for each call that changes something.

use crate::{
    Cidr, ConnectOptions, ConnectionId, EchoId, EchoSend, FastOpenConnect, FastOpenListen, Host,
    InterfaceConfig, InterfaceId, ListenConfig, ListenerId, PendingId, RouteEntry, Sharing, TcpBound,
    UdpBind, UdpId, UdpOptions, UdpSend, Verdict,
};
use ::tcp::{ConfigError, EcnHabits, KeepAlive, SendFlags, TcpConfig};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::ops::RangeInclusive;
use env::{Duration, Instant, Machine as _};
use wire::{Frame, Offload, Payload};

/// What a call answers is nobody's business here.
fn ignore<T>(_answer: T) {}

/// One thing that goes into a host: named as the call of [`Host`] is, with its arguments in their order.
///
/// A recording says them by number: a new one goes to the end.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(missing_docs, reason = "each is the call of its name")]
pub enum Input {
    HandlePacket(Instant, InterfaceId, Arrived),
    HandleTimeout(Instant),
    PollTransmit(Instant),
    /// So often in a row.
    PollEvent(u32),
    AddInterface(Instant, InterfaceConfig),
    AddAddress(Instant, InterfaceId, Cidr),
    RemoveAddress(Instant, InterfaceId, IpAddr),
    SetMtu(InterfaceId, u16),
    SetUp(Instant, InterfaceId, bool),
    AddRoute(RouteEntry),
    RemoveRoute(Cidr, Option<IpAddr>, InterfaceId),
    TcpListen(Instant, SocketAddr, ListenConfig),
    TcpAccept(ListenerId),
    TcpPending(ListenerId),
    TcpDecide(Instant, PendingId, Verdict),
    TcpUnlisten(Instant, ListenerId),
    TcpConnect(Instant, ConnectOptions),
    TcpSend(Instant, ConnectionId, #[cfg_attr(feature = "serde", serde(skip))] Payload, SendFlags),
    TcpReceive(Instant, ConnectionId, usize),
    /// With a buffer of so many octets.
    TcpReceiveInto(Instant, ConnectionId, usize),
    TcpClose(Instant, ConnectionId),
    TcpRelease(Instant, ConnectionId),
    TcpAbort(Instant, ConnectionId),
    TcpFlush(Instant, ConnectionId),
    TcpSetNagle(Instant, ConnectionId, bool),
    TcpSetUserTimeout(Instant, ConnectionId, Duration),
    TcpSetKeepAlive(Instant, ConnectionId, Option<KeepAlive>),
    TcpSetBuffers(Instant, ConnectionId, Option<u32>, Option<u32>),
    TcpSetMarks(ConnectionId, Option<u8>, Option<u8>),
    TcpSetPortRange(RangeInclusive<u16>),
    UdpOpen,
    UdpBind(UdpBind),
    UdpConnect(UdpId, SocketAddr),
    UdpDisconnect(UdpId),
    UdpSend(Instant, UdpId, UdpSend),
    UdpReceive(UdpId),
    UdpReceiveTrain(UdpId),
    UdpTakeFault(UdpId),
    /// With what the settings were after it.
    UdpOptionsMut(UdpId, UdpOptions),
    UdpDeliveryProblem(Instant, IpAddr),
    UdpJoin(Instant, UdpId, IpAddr, Option<InterfaceId>),
    UdpLeave(Instant, UdpId, IpAddr, Option<InterfaceId>),
    UdpClose(Instant, UdpId),
    UdpSetPortRange(RangeInclusive<u16>),
    UdpSetReservedPorts(Vec<RangeInclusive<u16>>),
    EchoOpen,
    EchoSend(Instant, EchoId, EchoSend),
    EchoReceive(EchoId),
    EchoTakeFault(EchoId),
    EchoClose(EchoId),
    TcpSetLinger(ConnectionId, Option<Duration>),
    TcpSetAckDelay(Instant, ConnectionId, Duration),
    TcpListenerTtl(ListenerId, Option<u8>),
    TcpBind(SocketAddr, bool, Sharing),
    TcpUnbind(TcpBound),
    TcpSetCork(Instant, ConnectionId, bool),
    TcpSetUnsentLimit(Instant, ConnectionId, Option<u32>),
    TcpConnectWith(
        Instant,
        ConnectOptions,
        FastOpenConnect,
        #[cfg_attr(feature = "serde", serde(skip))] Payload,
    ),
    TcpListenerFastOpen(ListenerId, Option<FastOpenListen>),
    /// Of one listener, or of all that have none of their own; which is a secret.
    TcpSetFastOpenKeys(Option<ListenerId>),
    TcpForgetFastOpen,
    TcpSetSynTimeout(Instant, ConnectionId, Duration),
    TcpListenerConfig(ListenerId, Arc<TcpConfig>),
    TcpSetEcnHabits(Instant, ConnectionId, EcnHabits),
}

/// A frame that arrived: what of it a host looks at.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Arrived {
    /// When it was read from its device.
    pub at: Instant,
    /// Which transmission of its sender it is; 0 when unknown.
    pub id: u64,
    /// What its device knows of it.
    pub offload: Offload,
    /// All of it, in one piece.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub octets: Payload,
}

impl Arrived {
    /// What a host looks at of `frame`; shares its octets unless they are in pieces.
    pub fn of(frame: &Frame) -> Self {
        let whole = frame.head.as_slice().is_empty() && frame.body.chunks().len() <= 1;
        let octets = if whole {
            frame.body.clone()
        } else {
            let held = if frame.head.as_slice().is_empty() { frame.body.held() } else { frame.len() };
            Payload::holding(frame.contiguous(), held)
        };
        Self { at: frame.arrived, id: frame.id, offload: frame.offload, octets }
    }

    /// The frame again.
    pub fn frame(self) -> Frame {
        Frame { body: self.octets, offload: self.offload, arrived: self.at, id: self.id, ..Frame::default() }
    }
}

impl Input {
    /// When it goes in, for those that say so.
    pub const fn now(&self) -> Option<Instant> {
        match self {
            Self::HandlePacket(now, ..)
            | Self::HandleTimeout(now)
            | Self::PollTransmit(now)
            | Self::AddInterface(now, _)
            | Self::AddAddress(now, ..)
            | Self::RemoveAddress(now, ..)
            | Self::SetUp(now, ..)
            | Self::TcpListen(now, ..)
            | Self::TcpDecide(now, ..)
            | Self::TcpUnlisten(now, _)
            | Self::TcpConnect(now, _)
            | Self::TcpConnectWith(now, ..)
            | Self::TcpSend(now, ..)
            | Self::TcpReceive(now, ..)
            | Self::TcpReceiveInto(now, ..)
            | Self::TcpClose(now, _)
            | Self::TcpRelease(now, _)
            | Self::TcpAbort(now, _)
            | Self::TcpFlush(now, _)
            | Self::TcpSetNagle(now, ..)
            | Self::TcpSetUserTimeout(now, ..)
            | Self::TcpSetKeepAlive(now, ..)
            | Self::TcpSetBuffers(now, ..)
            | Self::TcpSetAckDelay(now, ..)
            | Self::TcpSetCork(now, ..)
            | Self::TcpSetUnsentLimit(now, ..)
            | Self::TcpSetSynTimeout(now, ..)
            | Self::TcpSetEcnHabits(now, ..)
            | Self::UdpSend(now, ..)
            | Self::UdpDeliveryProblem(now, _)
            | Self::UdpJoin(now, ..)
            | Self::UdpLeave(now, ..)
            | Self::UdpClose(now, _)
            | Self::EchoSend(now, ..) => Some(*now),
            _ => None,
        }
    }

    /// The octets in it that are a user's, or a peer's: what a recording may leave out.
    pub const fn payload(&self) -> Option<&Payload> {
        match self {
            Self::HandlePacket(_, _, arrived) => Some(&arrived.octets),
            Self::TcpSend(_, _, data, _) | Self::TcpConnectWith(.., data) => Some(data),
            Self::UdpSend(_, _, send) => Some(&send.data),
            Self::EchoSend(_, _, send) => Some(&send.data),
            _ => None,
        }
    }

    /// The same, to be put back.
    pub const fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Self::HandlePacket(_, _, arrived) => Some(&mut arrived.octets),
            Self::TcpSend(_, _, data, _) | Self::TcpConnectWith(.., data) => Some(data),
            Self::UdpSend(_, _, send) => Some(&mut send.data),
            Self::EchoSend(_, _, send) => Some(&mut send.data),
            _ => None,
        }
    }

    /// Whether the settings in it are within their limits: those of an input that was read from a file need not be.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::TcpListen(_, _, ListenConfig { tcp: Some(tcp), .. })
            | Self::TcpConnect(_, ConnectOptions { tcp: Some(tcp), .. })
            | Self::TcpConnectWith(_, ConnectOptions { tcp: Some(tcp), .. }, ..)
            | Self::TcpListenerConfig(_, tcp) => tcp.check(),
            _ => Ok(()),
        }
    }

    /// Makes the call on `host`. Its answer is forgotten: what a host does shows in its frames.
    pub fn apply(self, host: &mut Host) {
        match self {
            Self::HandlePacket(now, interface, arrived) => {
                host.handle_packet(now, (interface, arrived.frame()));
            }
            Self::HandleTimeout(now) => host.handle_timeout(now),
            Self::PollTransmit(now) => ignore(host.poll_transmit(now)),
            // When there is none, there is none the next time.
            Self::PollEvent(times) => ignore((0..times).all(|_| host.poll_event().is_some())),
            Self::AddInterface(now, config) => ignore(host.add_interface(now, config)),
            Self::AddAddress(now, interface, address) => ignore(host.add_address(now, interface, address)),
            Self::RemoveAddress(now, interface, address) => {
                ignore(host.remove_address(now, interface, address));
            }
            Self::SetMtu(interface, mtu) => ignore(host.set_mtu(interface, mtu)),
            Self::SetUp(now, interface, up) => ignore(host.set_up(now, interface, up)),
            Self::AddRoute(entry) => ignore(host.add_route(entry)),
            Self::RemoveRoute(to, gateway, interface) => {
                host.remove_route(to, gateway, interface);
            }
            Self::UdpDeliveryProblem(now, to) => host.udp_delivery_problem(now, to),
            tcp_or_sockets => tcp_or_sockets.apply_call(host),
        }
    }

    fn apply_call(self, host: &mut Host) {
        match self {
            Self::TcpListen(now, local, config) => ignore(host.tcp_listen(now, local, config)),
            Self::TcpAccept(listener) => ignore(host.tcp_accept(listener)),
            Self::TcpPending(listener) => ignore(host.tcp_pending(listener)),
            Self::TcpDecide(now, request, verdict) => {
                host.tcp_decide(now, request, verdict);
            }
            Self::TcpUnlisten(now, listener) => host.tcp_unlisten(now, listener),
            Self::TcpConnect(now, options) => ignore(host.tcp_connect(now, options)),
            Self::TcpSend(now, id, data, flags) => ignore(host.tcp_send(now, id, data, flags)),
            Self::TcpReceive(now, id, max) => ignore(host.tcp_receive(now, id, max)),
            Self::TcpReceiveInto(now, id, room) => {
                // No more room than is read: what was recorded may say any number.
                let there = host.tcp_status(id).map_or(0, |status| status.readable).max(1);
                ignore(host.tcp_receive_into(now, id, &mut vec![0; room.min(there)]));
            }
            Self::TcpClose(now, id) => ignore(host.tcp_close(now, id)),
            Self::TcpRelease(now, id) => host.tcp_release(now, id),
            Self::TcpAbort(now, id) => host.tcp_abort(now, id),
            Self::TcpFlush(now, id) => host.tcp_flush(now, id),
            Self::TcpSetNagle(now, id, on) => host.tcp_set_nagle(now, id, on),
            Self::TcpSetUserTimeout(now, id, timeout) => host.tcp_set_user_timeout(now, id, timeout),
            Self::TcpSetKeepAlive(now, id, probing) => ignore(host.tcp_set_keep_alive(now, id, probing)),
            Self::TcpSetBuffers(now, id, send, receive) => {
                ignore(host.tcp_set_buffers(now, id, send, receive));
            }
            Self::TcpSetMarks(id, ttl, dscp) => host.tcp_set_marks(id, ttl, dscp),
            Self::TcpSetPortRange(range) => ignore(host.tcp_set_port_range(range)),
            Self::TcpSetLinger(id, linger) => host.tcp_set_linger(id, linger),
            Self::TcpSetAckDelay(now, id, delay) => ignore(host.tcp_set_ack_delay(now, id, delay)),
            Self::TcpListenerTtl(listener, ttl) => ignore(host.tcp_listener_ttl(listener, ttl)),
            Self::TcpConnectWith(now, options, fast_open, data) => {
                ignore(host.tcp_connect_with(now, options, fast_open, data));
            }
            Self::TcpListenerFastOpen(listener, fast_open) => {
                host.tcp_listener_fast_open(listener, fast_open);
            }
            Self::TcpSetFastOpenKeys(listener) => {
                host.tcp_set_fast_open_keys(listener, None);
            }
            Self::TcpForgetFastOpen => host.tcp_forget_fast_open(),
            Self::TcpBind(local, dual_stack, sharing) => {
                ignore(host.tcp_bind(local, dual_stack, sharing));
            }
            Self::TcpUnbind(bound) => host.tcp_unbind(bound),
            Self::TcpSetSynTimeout(now, id, timeout) => host.tcp_set_syn_timeout(now, id, timeout),
            Self::TcpListenerConfig(listener, config) => ignore(host.tcp_listener_config(listener, config)),
            Self::TcpSetCork(now, id, on) => host.tcp_set_cork(now, id, on),
            Self::TcpSetUnsentLimit(now, id, octets) => host.tcp_set_unsent_limit(now, id, octets),
            Self::TcpSetEcnHabits(now, id, habits) => host.tcp_set_ecn_habits(now, id, habits),
            sockets => sockets.apply_datagram_call(host),
        }
    }

    fn apply_datagram_call(self, host: &mut Host) {
        match self {
            Self::UdpOpen => ignore(host.udp_open()),
            Self::UdpBind(bind) => ignore(host.udp_bind(bind)),
            Self::UdpConnect(id, remote) => ignore(host.udp_connect(id, remote)),
            Self::UdpDisconnect(id) => ignore(host.udp_disconnect(id)),
            Self::UdpSend(now, id, send) => ignore(host.udp_send(now, id, send)),
            Self::UdpReceive(id) => ignore(host.udp_receive(id)),
            Self::UdpReceiveTrain(id) => ignore(host.udp_receive_train(id)),
            Self::UdpTakeFault(id) => ignore(host.udp_take_fault(id)),
            Self::UdpOptionsMut(id, options) => {
                if let Some(there) = host.udp_options_mut(id) {
                    *there = options;
                }
            }
            Self::UdpJoin(now, id, group, interface) => ignore(host.udp_join(now, id, group, interface)),
            Self::UdpLeave(now, id, group, interface) => ignore(host.udp_leave(now, id, group, interface)),
            Self::UdpClose(now, id) => {
                host.udp_close(now, id);
            }
            Self::UdpSetPortRange(range) => ignore(host.udp_set_port_range(range)),
            Self::UdpSetReservedPorts(ports) => host.udp_set_reserved_ports(ports),
            Self::EchoOpen => ignore(host.echo_open()),
            Self::EchoSend(now, id, send) => ignore(host.echo_send(now, id, send)),
            Self::EchoReceive(id) => ignore(host.echo_receive(id)),
            Self::EchoTakeFault(id) => ignore(host.echo_take_fault(id)),
            Self::EchoClose(id) => {
                host.echo_close(id);
            }
            _ => {}
        }
    }
}
