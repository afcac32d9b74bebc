//! Any bytes, and bytes that are nearly right, into every view.

mod exercise;

use handfast_wire::{Head, Protocol, ipv4, ipv6};
use proptest::prelude::*;

const ALL: [fn(&[u8]); 12] = [
    exercise::ethernet,
    exercise::arp,
    exercise::ipv4,
    exercise::ipv6,
    exercise::icmpv4,
    exercise::icmpv6,
    exercise::ndp,
    exercise::igmp,
    exercise::mld,
    exercise::udp,
    exercise::tcp,
    exercise::segmentation,
];

fn octets(len: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), len)
}

/// Octets of which many are small, as lengths and counts are.
fn small_octets(len: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![0u8..9, any::<u8>()], len)
}

fn lengths_set(mut packet: Vec<u8>, v6: bool) -> Vec<u8> {
    let len = packet.len() as u16;
    if v6 && packet.len() >= 40 {
        packet[0] = 0x60;
        packet[4..6].copy_from_slice(&(len - 40).to_be_bytes());
    } else if !v6 && packet.len() >= 20 {
        packet[0] = 0x45 + packet[0] % 3;
        packet[2..4].copy_from_slice(&len.to_be_bytes());
    }
    packet
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_bytes_into_every_view(bytes in octets(0..160)) {
        ALL.iter().for_each(|exercise| exercise(&bytes));
    }

    #[test]
    fn long_messages_too(kind: u8, code in 0u8..5, rest in octets(1000..2000)) {
        let bytes = [&[kind, code][..], &rest].concat();
        ALL.iter().for_each(|exercise| exercise(&bytes));
    }

    /// Covers: RFC 8200 8200-4
    #[test]
    fn extension_headers_of_every_kind_and_length(
        first in prop_oneof![Just(0u8), Just(43), Just(44), Just(60)],
        links in proptest::collection::vec(
            (prop_oneof![Just(0u8), Just(43), Just(44), Just(60), Just(6), Just(59)], 0u8..3, small_octets(6..30)),
            0..20,
        ),
    ) {
        let mut packet = vec![0; 40];
        packet[6] = first;
        for (next, units, fields) in links {
            packet.extend([next, units]);
            packet.extend(fields.iter().chain([0; 24].iter()).take(usize::from(units) * 8 + 6));
        }
        exercise::ipv6(&lengths_set(packet, true));
    }

    #[test]
    fn ip_headers_whose_lengths_agree(bytes in small_octets(0..120)) {
        exercise::ipv4(&lengths_set(bytes.clone(), false));
        exercise::ipv6(&lengths_set(bytes, true));
    }

    #[test]
    fn messages_whose_type_is_known(
        kind in prop_oneof![130u8..=137, Just(143u8), Just(0x11), Just(0x12), Just(0x16), Just(0x17), Just(0x22)],
        rest in small_octets(7..120),
    ) {
        let bytes = [&[kind, 0][..], &rest].concat();
        [exercise::ndp, exercise::igmp, exercise::mld, exercise::icmpv4, exercise::icmpv6]
            .iter()
            .for_each(|exercise| exercise(&bytes));
    }

    /// Covers: RFC 9293 MUST-5, MUST-6, MUST-7
    #[test]
    fn tcp_options_of_every_kind_and_length(
        bits: u16,
        options in proptest::collection::vec(
            (prop_oneof![0u8..9, Just(19u8), Just(29), Just(34), any::<u8>()], 0u8..20), 0..8),
        fields in octets(40),
    ) {
        let mut list = Vec::new();
        for (kind, length) in options {
            list.push(kind);
            if kind > 1 {
                list.push(length);
                list.extend(fields.iter().take(usize::from(length.saturating_sub(2))));
            }
        }
        list.resize(list.len().next_multiple_of(4).min(40), 0);
        let mut segment = fields[..20].to_vec();
        segment[12..14].copy_from_slice(&((5 + list.len() as u16 / 4) << 12 | bits & 0xfff).to_be_bytes());
        segment.extend(list);
        exercise::tcp(&segment);
    }

    #[test]
    fn trains_with_any_metadata(
        choice: u8, size in 0u8..60, start: u8, offset: u8, cut: u8, chunk: u8, udp: bool, v6: bool,
        transport in small_octets(20..40), payload in octets(0..300),
    ) {
        let mut transport = transport;
        transport[12] = 0x50;
        transport[13] &= !6; // no SYN or RST, which are refused
        let protocol = if udp { Protocol::UDP } else { Protocol::TCP };
        let packet = [transport, payload].concat();
        let mut head = Head::new();
        if v6 {
            let [src, dst] = exercise::V4.map(|addr| addr.to_ipv6_mapped());
            ipv6::Repr::new(src, dst, protocol).prepend_to(&mut head, packet.len()).unwrap();
        } else {
            let [src, dst] = exercise::V4;
            ipv4::Repr::new(src, dst, protocol).prepend_to(&mut head, packet.len()).unwrap();
        }
        let bytes = [&[choice & !1, size, start, offset, cut, chunk], head.as_slice(), &packet].concat();
        exercise::segmentation(&bytes);
    }
}
