//! Batches in which there is something to join, as the body reads them: for the property test and the fuzz target.

use std::net::{Ipv4Addr, Ipv6Addr};
use wire::ethernet::{self, EtherType, MacAddr};
use wire::tcp::{Flags, Header, Options, Timestamps};
use wire::{Head, Protocol, ipv4, ipv6};

/// How many there are.
#[allow(dead_code, reason = "for the property test")]
pub(crate) const COUNT: usize = 8;

/// Each of a first segment, some that follow it, a short one, and one that does not follow.
pub(crate) fn all() -> Vec<Vec<u8>> {
    (0..COUNT).map(|n| batch(n & 1 == 1, n & 2 == 2, n & 4 == 4)).collect()
}

fn batch(on_ethernet: bool, v4: bool, push: bool) -> Vec<u8> {
    let text = [7; 60];
    let mut options = Options::NONE;
    options.timestamps = push.then_some(Timestamps { value: 1, echo: 2 });
    let mut head = Head::new();
    let header = Header { flags: Flags::ACK, options, ..Header::default() };
    header.prepend_to(&mut head, 1, 2).expect("a head has room for a TCP header");
    if v4 {
        let repr = ipv4::Repr::new(Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2), Protocol::TCP);
        repr.prepend_to(&mut head, text.len()).expect("a head has room for an IPv4 header");
    } else {
        let repr = ipv6::Repr::new(Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED, Protocol::TCP);
        repr.prepend_to(&mut head, text.len()).expect("a head has room for an IPv6 header");
    }
    if on_ethernet {
        let [src, dst] = [1, 2].map(|n| MacAddr::new([2, 0, 0, 0, 0, n]));
        let ethertype = if v4 { EtherType::IPV4 } else { EtherType::IPV6 };
        let repr = ethernet::Repr { dst, src, ethertype, vlan: push.then_some(5) };
        repr.prepend_to(&mut head).expect("a head has room for an Ethernet header");
    }
    let length = (head.len() + text.len()) as u16;
    // Where the flags are.
    let flags = (head.len() - if push { 32 } else { 20 } + 13) as u16;
    let follow = |flip: u8, cut: u8, pad: u8| {
        let [high, low] = flags.to_be_bytes();
        [3, high, low, flip, cut, pad]
    };
    let last = follow(if push { Flags::PSH.bits() as u8 } else { 0 }, 20, u8::from(on_ethernet) * 6);
    [
        &[on_ethernet.into(), 2][..],
        &length.to_be_bytes(),
        head.as_slice(),
        &text,
        &follow(0, 0, 0),
        &follow(0, 0, 0),
        &last,
        &follow(0, 0, 0),
    ]
    .concat()
}
