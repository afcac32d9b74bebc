//! What the transports know of neighbours (RFC 4861 §7.3.1, RFC 1122 §3.3.1.4).

use crate::net::{MAC, Net, any, to};
use env::Duration;
use handfast_stack::{ConnectOptions, ListenConfig, Medium, UdpSend};
use tcp::SendFlags;
use wire::Payload;

/// While TCP sees that what it sends arrives, nobody has to ask whether the neighbour is there; UDP sees nothing.
///
/// Covers: RFC 791 791-28; RFC 4861 4861-11
#[test]
fn a_neighbour_that_tcp_vouches_for_is_not_asked() {
    for address in ["10.0.0.2", "fd00::2"] {
        let asked = |net: &Net| net.a.counters().arp_out_requests + net.a.counters().nd_out_solicits;
        let mut net = Net::on(MAC.map(Medium::Ethernet));
        net.wait(Duration::from_secs(5));
        let listener = net.b.tcp_listen(net.now, to(address, 80), ListenConfig::default()).unwrap();
        let id = net.a.tcp_connect(net.now, ConnectOptions::to(to(address, 80))).unwrap();
        net.wait(Duration::from_secs(1));
        let (theirs, _) = net.b.tcp_accept(listener).unwrap();
        let before = asked(&net);
        for _ in 0..120 {
            net.a.tcp_send(net.now, id, Payload::copy_of(b"tick"), SendFlags::default()).unwrap();
            net.wait(Duration::from_secs(1));
            assert_eq!(net.b.tcp_receive(net.now, theirs, 9).unwrap().data.len(), 4);
        }
        assert_eq!(asked(&net), before);

        let mut net = Net::on(MAC.map(Medium::Ethernet));
        net.wait(Duration::from_secs(5));
        let socket = net.a.udp_bind(any(0)).unwrap();
        let sink = net.b.udp_bind(any(7)).unwrap();
        let before = asked(&net);
        for _ in 0..120 {
            net.a.udp_send(net.now, socket, UdpSend::to(&b"tick"[..], to(address, 7))).unwrap();
            net.wait(Duration::from_secs(1));
        }
        assert!(asked(&net) > before + 1 && net.b.udp_receive(sink).is_some());
    }
}
