//! A recording to begin with: sockets of each kind, which talk over the loopback interface and to a silent link.

use crate::exercise;
use env::{Duration, Instant, Machine as _};
use stack::{
    ConnectOptions, EchoSend, Host, HostConfig, InterfaceConfig, ListenConfig, Medium, UdpBind, UdpSend,
};
use tcp::{SendFlags, TcpConfig};
use wire::{Frame, Payload};

/// What stands before the pieces of its only block.
fn beginning(payload: bool) -> usize {
    let empty = record::of_host(&mut host(payload), payload, "").unwrap();
    empty.len() - 9
}

fn host(payload: bool) -> Host {
    let mut host = Host::new(HostConfig::default(), [9; 32]).unwrap();
    host.journal(payload).unwrap();
    host
}

/// The octets of a file.
pub(crate) fn recording(payload: bool) -> Vec<u8> {
    let mut host = host(payload);
    let mut now = Instant::from_secs(1);
    let tun = InterfaceConfig::new("tun", Medium::Ip).address("10.0.0.1/24".parse().unwrap());
    let interface = host.add_interface(now, tun).unwrap();
    let listener = host.tcp_listen(now, "127.0.0.1:80".parse().unwrap(), ListenConfig::default()).unwrap();
    let settings = Some(TcpConfig::default().nagle(false).into());
    let near = ConnectOptions { tcp: settings, ..ConnectOptions::to("127.0.0.1:80".parse().unwrap()) };
    let near = host.tcp_connect(now, near).unwrap();
    let udp = host.udp_open().unwrap();
    host.udp_bind(UdpBind { port: 7, ..UdpBind::default() }).unwrap();
    host.udp_send(now, udp, UdpSend::to(b"words", "10.0.0.2:7".parse().unwrap())).unwrap();
    let echo = host.echo_open().unwrap();
    host.echo_send(now, echo, EchoSend::new("127.0.0.1".parse().unwrap(), 1, b"ping")).unwrap();
    let mut far = None;
    for round in 0..6 {
        while host.poll_transmit(now).is_some() {}
        while host.poll_event().is_some() {}
        host.handle_packet(now, (interface, Frame::received(vec![0x45; 28].into(), 28, now)));
        far = far.or_else(|| host.tcp_accept(listener).map(|(id, _)| id));
        if let Some(far) = far {
            let _ = host.tcp_send(now, near, Payload::copy_of(&[7; 300]), SendFlags::default());
            let _ = host.tcp_receive_into(now, far, &mut [0; 1000]);
            if round == 4 {
                host.tcp_close(now, near).unwrap();
                host.tcp_release(now, far);
            }
        }
        now += Duration::from_millis(50);
        host.handle_timeout(now);
    }
    record::of_host(&mut host, payload, "").unwrap()
}

/// Inputs for [`exercise::replay`]: a file, and the block of one behind both kinds of head.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (payload, kind) in [(false, 1), (true, 4)] {
        let file = recording(payload);
        // Behind it: an end without octets.
        let pieces = file[beginning(payload)..file.len() - 9].to_vec();
        all.push([&[kind][..], &pieces].concat());
        let head = exercise::head(payload);
        all.push([&[2][..], &(head.len() as u16).to_be_bytes(), &head, &pieces].concat());
        all.push([&[0][..], &file].concat());
    }
    all
}
