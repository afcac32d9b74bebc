use super::*;
use crate::decode::{Decoder, Piece};
use crate::octets::Octets;
use bytes::Bytes;
use stack::journal::Arrived;
use stack::{
    Cidr, ConnectOptions, ConnectionId, EchoId, EchoSend, FastOpenConnect, FastOpenListen, InterfaceConfig,
    ListenConfig, ListenerId, PendingId, RouteEntry, Sharing, TcpBound, UdpBind, UdpId, UdpOptions, UdpSend,
    Verdict,
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

fn name_of_interface() -> InterfaceId {
    postcard::from_bytes(&[1]).unwrap()
}

/// One of each input.
fn samples() -> Vec<Input> {
    let now = Instant::from_millis(1_234);
    let interface = name_of_interface();
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
        Input::AddInterface(now, InterfaceConfig::new("tun", stack::Medium::Ip).address(cidr)),
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
        Input::TcpSend(
            now,
            connection,
            two,
            SendFlags { push: true, end_of_record: true, ..SendFlags::default() },
        ),
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
        Input::TcpSetCork(now, connection, true),
        Input::TcpSetUnsentLimit(now, connection, Some(4_000)),
        Input::TcpConnectWith(
            now,
            ConnectOptions::to(at),
            FastOpenConnect { cookie: true },
            b"early"[..].into(),
        ),
        Input::TcpListenerFastOpen(listener, Some(FastOpenListen { queue: 3, cookie: false })),
        Input::TcpSetFastOpenKeys(Some(listener)),
        Input::TcpForgetFastOpen,
        Input::TcpSetSynTimeout(now, connection, Duration::from_secs(3)),
        Input::TcpListenerConfig(listener, Arc::new(TcpConfig::default().pacing(false))),
        Input::TcpSetEcnHabits(now, connection, tcp::EcnHabits::LINUX),
    ]
}

/// What an encoder of its own makes of an input.
fn encoded(payload: bool, input: &Input) -> Vec<u8> {
    let (mut encoder, mut octets) = (Encoder::new(payload), Vec::new());
    match input {
        Input::HandlePacket(now, interface, arrived) => {
            let frame = arrived.clone().frame();
            encoder.put(&mut octets, Noted::Arrived(*now, *interface, Medium::Ip, &frame));
        }
        input => encoder.put(&mut octets, Noted::Input(input)),
    }
    encoder.settle(&mut octets);
    assert_eq!((encoder.inputs, encoder.frames), (1, 0));
    octets
}

#[test]
fn each_input_comes_back_as_it_was() {
    for input in samples() {
        let octets = encoded(true, &input);
        let mut from = Octets(&octets);
        let Some(Piece::Input(back)) = Decoder::new().piece(&mut from) else { panic!("{input:?}") };
        assert!(from.0.is_empty(), "{input:?}");
        assert_eq!(format!("{back:?}"), format!("{input:?}"));
        assert_eq!(back.payload().map(Payload::held), input.payload().map(Payload::held));
        // Cut anywhere, it is none.
        for end in 0..octets.len() {
            assert!(Decoder::new().piece(&mut Octets(&octets[..end])).is_none(), "{input:?} cut at {end}");
        }
    }
}

#[test]
fn without_payload_lengths_and_memory_stay() {
    for input in samples() {
        let octets = encoded(false, &input);
        let Some(Piece::Input(back)) = Decoder::new().piece(&mut Octets(&octets)) else {
            panic!("{input:?}")
        };
        if let (Some(was), Some(is)) = (input.payload(), back.payload()) {
            assert_eq!((was.len(), was.held(), was.chunks().len()), (is.len(), is.held(), is.chunks().len()));
        }
    }
}

/// A TCP segment over IPv4 with so many octets of payload, as a frame that goes out.
fn segment(seq: u32, port: u16, payload: &'static [u8]) -> Frame {
    let mut octets = vec![0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 1, 2, 10, 0, 0, 1, 10, 0, 0, 2];
    octets.extend(port.to_be_bytes());
    octets.extend([0, 80]);
    octets.extend(seq.to_be_bytes());
    // Some have options.
    let words = (seq % 13).saturating_sub(8) as u8;
    octets.extend([9, 9, 9, 9, 0x50 + (words << 4), 0x10, 3, 4, seq as u8, 7, 0, 0]);
    octets.extend([1; 16].iter().take(usize::from(words) * 4));
    let mut frame = Frame { body: Payload::copy_of(payload), ..Frame::default() };
    frame.head.prepend(octets.len()).expect("room").copy_from_slice(&octets);
    frame
}

/// One encoder and one decoder see them all: what one leaves out because it was there before, the other has.
#[test]
fn frames_in_a_row_come_back_each() {
    let interface = name_of_interface();
    let mut now = Instant::from_secs(5);
    for payload in [false, true] {
        let (mut encoder, mut octets, mut expected) = (Encoder::new(payload), Vec::new(), Vec::new());
        let mut lens = Vec::new();
        for n in 0..400u32 {
            let port = 1_000 + (n % 7) as u16;
            let said: &[u8] = if n % 5 == 0 { b"" } else { b"what is said" };
            let frame = segment(n * 1_448, port, said);
            now += Duration::from_nanos(u64::from(n % 3));
            let poll = Input::PollTransmit(now);
            encoder.put(&mut octets, Noted::Input(&poll));
            expected.push(format!("{poll:?}"));
            let at = if n % 11 == 0 { now + Duration::from_millis(1) } else { now };
            let before = octets.len();
            encoder.put(&mut octets, Noted::Sent(at, interface, Medium::Ip, &frame));
            lens.push(octets.len() - before);
            expected.push(format!("{:?}", Sent::of(at, interface, &frame, payload, Medium::Ip)));
            if n % 2 == 0 {
                let stamp = Instant::from_nanos(now.as_nanos() - u64::from(n % 4) * 500);
                let mut frame = Frame::received(frame.contiguous(), 2_048, stamp);
                frame.id = u64::from(n % 3);
                encoder.put(&mut octets, Noted::Arrived(now, interface, Medium::Ip, &frame));
                expected.push(format!("{:?}", arrived(now, interface, &frame, payload)));
                encoder.put(&mut octets, Noted::Drawn(RIGHT.0, RIGHT.1));
                expected.push(format!("{RIGHT:?}"));
            }
        }
        let (mut decoder, mut from) = (Decoder::new(), Octets(&octets));
        for expected in expected {
            let came = match decoder.piece(&mut from).expect("a piece") {
                Piece::Input(input) => format!("{input:?}"),
                Piece::Drawn(source, drawn) => format!("{:?}", (source, drawn)),
                Piece::Sent(sent) => format!("{sent:?}"),
            };
            assert_eq!(came, expected);
        }
        assert!(from.0.is_empty());
        // After the first of each of the seven: what is new in it, and little else.
        assert!(lens.iter().skip(7).all(|len| *len <= 50), "{lens:?}");
    }
}

/// What is left of a frame that arrived.
fn arrived(now: Instant, interface: InterfaceId, frame: &Frame, payload: bool) -> Input {
    let mut arrived = Arrived::of(frame);
    let octets = frame.body.contiguous();
    let headers = Headers::of(false, &octets);
    if !payload && headers.len < octets.len() {
        let mut kept = octets.to_vec();
        kept[headers.len..].fill(0);
        headers.mask(&mut kept[..headers.len]);
        arrived.octets = Payload::holding(kept.into(), frame.body.held());
    }
    Input::HandlePacket(now, interface, arrived)
}

/// Recordings are kept for years. When this fails, old ones cannot be read any more: raise [`crate::FORMAT`], then pin anew.
/// New inputs go to the end of [`Input`], and to the end of the samples.
#[test]
fn the_format_is_pinned() {
    let samples = samples();
    let mut octets = Vec::new();
    for (number, input) in samples.iter().take(64).enumerate() {
        let at = octets.len();
        octets.extend(encoded(true, input));
        match octets[at] & KIND {
            INPUT => assert_eq!(usize::from(octets[at + 1]), number, "{input:?}"),
            _ => assert!(matches!(input, Input::PollTransmit(_) | Input::PollEvent(_)), "{input:?}"),
        }
    }
    let (mut encoder, now) = (Encoder::new(false), Instant::from_secs(1));
    for n in 0..3 {
        let frame = segment(n, 7, b"words");
        encoder.put(&mut octets, Noted::Input(&Input::PollTransmit(now)));
        encoder.put(&mut octets, Noted::Sent(now, name_of_interface(), Medium::Ip, &frame));
        let frame = Frame::received(frame.contiguous(), 2_048, now);
        encoder.put(&mut octets, Noted::Arrived(now, name_of_interface(), Medium::Ip, &frame));
    }
    assert_eq!((crate::FORMAT, octets.len(), crc32fast::hash(&octets)), (7, 1_167, 2_709_752_216));
}

#[test]
fn any_octets_are_read_or_refused() {
    use proptest::prelude::*;
    proptest!(|(octets in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..8)| {
        let octets = [&[kind][..], &octets].concat();
        let (mut decoder, mut from) = (Decoder::new(), Octets(&octets));
        while decoder.piece(&mut from).is_some() {}
    });
}
