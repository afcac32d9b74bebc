//! Good captures to begin from, small enough that a mutation hits something.

use wire::tcp::{Flags, Header, Options, SackBlock, Timestamps};
use wire::{Head, Payload, Protocol, SeqNum, WireWindow, icmpv4, ipv4, ipv6, tcp, udp};

/// A classic file, little-endian, in microseconds.
pub(crate) fn classic(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    file.extend(link.to_le_bytes());
    for (n, packet) in packets.iter().enumerate() {
        let n = n as u32;
        file.extend(
            [1 + n / 4, n * 1000, packet.len() as u32, packet.len() as u32]
                .iter()
                .flat_map(|f| f.to_le_bytes()),
        );
        file.extend(packet);
    }
    file
}

/// A pcapng file, big-endian, in nanoseconds, of two sections.
fn sections(link: u16, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let length = 12 + body.len() as u32;
        file.extend(kind.to_be_bytes());
        file.extend(length.to_be_bytes());
        file.extend(body);
        file.extend(length.to_be_bytes());
    };
    for half in packets.chunks(packets.len().div_ceil(2).max(1)) {
        block(0x0a0d_0d0a, &[0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
        let [a, b] = link.to_be_bytes();
        block(1, &[a, b, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0]);
        for (n, packet) in half.iter().enumerate() {
            let length = packet.len() as u32;
            let mut body: Vec<u8> =
                [0, 0, n as u32 * 1_000_000, length, length].iter().flat_map(|f| f.to_be_bytes()).collect();
            body.extend(packet);
            body.resize(body.len().next_multiple_of(4), 0);
            block(6, &body);
        }
        block(5, &[0; 12]);
    }
    file
}

fn v4(protocol: Protocol, from: u8, to: u8, head: &mut Head, body: &Payload) -> Vec<u8> {
    let repr = ipv4::Repr::new([10, 0, 0, from].into(), [10, 0, 0, to].into(), protocol);
    repr.prepend_to(head, body.len()).unwrap();
    [head.as_slice(), &body.to_vec()].concat()
}

fn v6(from: u8, to: u8, head: &mut Head, body: &Payload) -> Vec<u8> {
    let end = |n: u8| std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n.into());
    ipv6::Repr::new(end(from), end(to), Protocol::TCP).prepend_to(head, body.len()).unwrap();
    [head.as_slice(), &body.to_vec()].concat()
}

/// One connection from its beginning to its end, with a loss, a zero window, a datagram and an error.
fn conversation(six: bool) -> Vec<Vec<u8>> {
    let (s, a, f, r) = (Flags::SYN, Flags::ACK, Flags::FIN, Flags::RST);
    let steps: [(u8, Flags, u32, u32, usize, u16); 16] = [
        (1, s, 0, 0, 0, 9000),
        (2, s | a, 0, 1, 0, 9000),
        (1, a, 1, 1, 0, 9000),
        (1, a, 1, 1, 30, 9000),
        (1, a, 61, 1, 30, 9000),
        (2, a, 1, 31, 0, 9000),
        (2, a, 1, 31, 0, 9000),
        (2, a, 1, 31, 0, 9000),
        (1, a, 31, 1, 30, 9000),
        (2, a, 1, 91, 0, 0),
        (1, a, 91, 1, 1, 9000),
        (2, a, 1, 91, 0, 0),
        (2, a, 1, 91, 0, 500),
        (1, f | a, 91, 1, 10, 9000),
        (2, f | a, 1, 102, 0, 500),
        (1, r, 102, 0, 0, 0),
    ];
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for (from, flags, seq, ack, len, window) in steps {
        let mut options = Options { timestamps: Some(Timestamps { value: 1, echo: 2 }), ..Options::NONE };
        if flags.contains(s) {
            (options.mss, options.window_scale, options.sack_permitted) = (Some(20), Some(3), true);
        } else if ack == 31 {
            options.sack.push(SackBlock { start: SeqNum::new(61), end: SeqNum::new(91) });
        }
        let (seq, ack) = (SeqNum::new(seq), SeqNum::new(ack));
        let header = Header { seq, ack, flags, window: WireWindow::new(window), urgent: 0, options };
        let (src, dst) = if from == 1 { (1025, 80) } else { (80, 1025) };
        let (mut head, body) = (Head::new(), Payload::copy_of(&vec![7; len]));
        header.prepend_to(&mut head, src, dst).unwrap();
        let ends: [std::net::IpAddr; 2] = [[10, 0, 0, from].into(), [10, 0, 0, 3 - from].into()];
        if six {
            packets.push(v6(from, 3 - from, &mut head, &body));
        } else {
            tcp::fill_checksum(&mut head, &body, ends[0], ends[1]).unwrap();
            packets.push(v4(Protocol::TCP, from, 3 - from, &mut head, &body));
        }
    }
    if !six {
        let (mut head, body) = (Head::new(), Payload::copy_of(b"question"));
        udp::Repr { src_port: 9, dst_port: 53 }.prepend_to(&mut head, body.len()).unwrap();
        packets.push(v4(Protocol::UDP, 1, 2, &mut head, &body));
        let quoted = packets.last().unwrap().clone();
        let code = icmpv4::Unreachable::Port;
        let error = icmpv4::Repr::DestinationUnreachable { code, quoted: &quoted }.emit();
        packets.push(v4(Protocol::ICMP, 2, 1, &mut Head::new(), &Payload::copy_of(&error)));
    }
    packets
}

/// Each in a format and on a link of its own.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let framed = |header: &[u8]| -> Vec<Vec<u8>> {
        conversation(false).into_iter().map(|packet| [header, &packet].concat()).collect()
    };
    let ethernet = [&[2; 12][..], &[0x81, 0, 0, 5, 8, 0]].concat();
    let cooked = [&[0; 14][..], &[8, 0]].concat();
    let cooked2 = [&[8, 0][..], &[0; 18]].concat();
    vec![
        classic(101, &conversation(false)),
        classic(101, &conversation(true)),
        classic(1, &framed(&ethernet)),
        classic(113, &framed(&cooked)),
        sections(101, &conversation(false)),
        sections(276, &framed(&cooked2)),
        sections(0, &framed(&[2, 0, 0, 0])),
    ]
}
