use super::*;
use stack::journal::Arrived;
use stack::{
    Cidr, ConnectOptions, ConnectionId, EchoId, EchoSend, InterfaceConfig, ListenConfig, ListenerId,
    PendingId, RouteEntry, Sharing, TcpBound, UdpBind, UdpId, UdpOptions, UdpSend, Verdict,
};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tcp::{KeepAlive, SendFlags, TcpConfig};
use wire::{Offload, ipv4};

/// A name as a host would give it: index 1, the second that was there.
fn name<T: for<'de> serde::Deserialize<'de>>() -> T {
    postcard::from_bytes(&[1, 2]).unwrap()
}

/// One of each input.
fn samples() -> Vec<Input> {
    let now = Instant::from_millis(1_234);
    let interface: InterfaceId = postcard::from_bytes(&[1]).unwrap();
    let (address, at) = ("10.0.0.1".parse::<IpAddr>().unwrap(), "10.0.0.2:80".parse::<SocketAddr>().unwrap());
    let bound: TcpBound = postcard::from_bytes(&postcard::to_allocvec(&(at, false, true)).unwrap()).unwrap();
    let cidr: Cidr = "fd00::1/64".parse().unwrap();
    let (connection, listener): (ConnectionId, ListenerId) = (name(), name());
    let (pending, udp, echo): (PendingId, UdpId, EchoId) = (name(), name(), name());
    let mut two = Payload::copy_of(b"one");
    two.push(Bytes::from_static(b"two"));
    let tcp = Some(Arc::new(TcpConfig::default().nagle(false)));
    let offload = Offload { segment_size: NonZeroU16::new(1448), ..Offload::default() };
    let octets = Payload::holding(Bytes::from_static(b"\x45 no packet at all"), 2_048);
    let settings = UdpOptions { ip_options: Some(ipv4::Options::ROUTER_ALERT), ..UdpOptions::default() };
    vec![
        Input::HandlePacket(now, interface, Arrived { at: now, id: 7, offload, octets }),
        Input::HandleTimeout(now),
        Input::PollTransmit(now),
        Input::PollEvent(3),
        Input::AddInterface(now, InterfaceConfig::new("tun", Medium::Ip).address(cidr)),
        Input::AddAddress(now, interface, cidr),
        Input::RemoveAddress(now, interface, address),
        Input::SetMtu(interface, 1_400),
        Input::SetUp(now, interface, false),
        Input::AddRoute(RouteEntry { destination: cidr, gateway: Some(address), interface, metric: 2 }),
        Input::RemoveRoute(cidr, None, interface),
        Input::TcpListen(now, at, ListenConfig { tcp: tcp.clone(), ..ListenConfig::default() }),
        Input::TcpAccept(listener),
        Input::TcpPending(listener),
        Input::TcpDecide(now, pending, Verdict::Unreachable),
        Input::TcpUnlisten(now, listener),
        Input::TcpConnect(now, ConnectOptions { tcp, ..ConnectOptions::to(at) }),
        Input::TcpSend(now, connection, two, SendFlags { push: true, urgent: false }),
        Input::TcpReceive(now, connection, 99),
        Input::TcpReceiveInto(now, connection, 1_000),
        Input::TcpClose(now, connection),
        Input::TcpRelease(now, connection),
        Input::TcpAbort(now, connection),
        Input::TcpFlush(now, connection),
        Input::TcpSetNagle(now, connection, true),
        Input::TcpSetUserTimeout(now, connection, Duration::from_secs(9)),
        Input::TcpSetKeepAlive(now, connection, Some(KeepAlive::default())),
        Input::TcpSetBuffers(now, connection, Some(5_000), None),
        Input::TcpSetMarks(connection, Some(3), None),
        Input::TcpSetPortRange(1_024..=2_000),
        Input::UdpOpen,
        Input::UdpBind(UdpBind { port: 7, ..UdpBind::default() }),
        Input::UdpConnect(udp, at),
        Input::UdpDisconnect(udp),
        Input::UdpSend(now, udp, UdpSend::to(b"hello", at)),
        Input::UdpReceive(udp),
        Input::UdpReceiveTrain(udp),
        Input::UdpTakeFault(udp),
        Input::UdpOptionsMut(udp, settings),
        Input::UdpDeliveryProblem(now, address),
        Input::UdpJoin(now, udp, address, Some(interface)),
        Input::UdpLeave(now, udp, address, None),
        Input::UdpClose(now, udp),
        Input::UdpSetPortRange(1_024..=2_000),
        Input::UdpSetReservedPorts(vec![5_000..=5_010]),
        Input::EchoOpen,
        Input::EchoSend(now, echo, EchoSend::new(address, 1, b"ping")),
        Input::EchoReceive(echo),
        Input::EchoTakeFault(echo),
        Input::EchoClose(echo),
        Input::TcpSetLinger(connection, Some(Duration::ZERO)),
        Input::TcpSetAckDelay(now, connection, Duration::from_millis(9)),
        Input::TcpListenerTtl(listener, Some(5)),
        Input::TcpBind(at, false, Sharing { address: true, port: false }),
        Input::TcpUnbind(bound),
    ]
}

#[test]
fn each_input_comes_back_as_it_was() {
    for input in samples() {
        let mut octets = Vec::new();
        Encoder::new(true).put(&mut octets, &Note::Input(input.clone()));
        let mut decoder = Decoder(&octets);
        let Some(Piece::Input(back)) = decoder.piece() else { panic!("{input:?}") };
        assert!(decoder.0.is_empty(), "{input:?}");
        assert_eq!(format!("{back:?}"), format!("{input:?}"));
        assert_eq!(back.payload().map(Payload::held), input.payload().map(Payload::held));
        // Cut anywhere, it is none.
        for end in 0..octets.len() {
            assert!(Decoder(&octets[..end]).piece().is_none(), "{input:?} cut at {end}");
        }
    }
}

#[test]
fn without_payload_lengths_and_memory_stay() {
    for input in samples() {
        let mut octets = Vec::new();
        Encoder::new(false).put(&mut octets, &Note::Input(input.clone()));
        let Some(Piece::Input(back)) = Decoder(&octets).piece() else { panic!("{input:?}") };
        if let (Some(was), Some(is)) = (input.payload(), back.payload()) {
            assert_eq!((was.len(), was.held(), was.chunks().len()), (is.len(), is.held(), is.chunks().len()));
        }
    }
}

/// Recordings are kept for years. When this fails, old ones cannot be read any more: raise [`crate::FORMAT`], then pin anew.
/// New inputs go to the end of [`Input`], and to the end of the samples.
#[test]
fn the_format_is_pinned() {
    let samples = samples();
    let mut octets = Vec::new();
    for (number, input) in samples.iter().take(55).enumerate() {
        let at = octets.len();
        Encoder::new(true).put(&mut octets, &Note::Input(input.clone()));
        assert_eq!(usize::from(octets[at + 1]), number, "{input:?}");
    }
    assert_eq!((crate::FORMAT, octets.len(), crc32fast::hash(&octets)), (2, 769, 2_697_870_288));
}

#[test]
fn any_octets_are_read_or_refused() {
    use proptest::prelude::*;
    proptest!(|(octets in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..4)| {
        let octets = [&[kind][..], &octets].concat();
        let mut decoder = Decoder(&octets);
        while decoder.piece().is_some() {}
    });
}
