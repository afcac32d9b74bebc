use super::*;
use crate::testing::hex;
use std::vec::Vec;

const SRC: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const DST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

fn packet(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    Repr::new(SRC, DST, Protocol::new(first)).prepend_to(&mut head, payload.len()).unwrap();
    [head.as_slice(), payload].concat()
}

fn walked(first: u8, payload: &[u8]) -> Result<Chain, Refused> {
    View::new(&packet(first, payload)).unwrap().walk()
}

fn report(code: Problem, pointer: u32, even_multicast: bool) -> Result<Chain, Refused> {
    Err(Refused::Report { code, pointer, even_multicast })
}

#[test]
fn a_header_known_from_elsewhere_is_written_and_read() {
    // By scapy.
    let known = hex("60012345 00170640 20010db8000000000000000000000001 20010db8000000000000000000000002");
    let repr = Repr { flow_label: 0x12345, ..Repr::new(SRC, DST, Protocol::TCP) };
    let mut head = Head::new();
    repr.prepend_to(&mut head, 23).unwrap();
    assert_eq!(head.as_slice(), known);
    let bytes = [&known[..], &[0; 23], &[0xee; 3]].concat();
    let view = View::new(&bytes).unwrap();
    assert_eq!((view.repr(), view.payload().len(), view.payload_range()), (repr, 23, 40..63));
    assert_eq!(View::new(&bytes[..62]).err(), Some(Malformed::BadLength));
    assert_eq!(View::new(&bytes[..39]).err(), Some(Malformed::TooShort));
    let marked = Repr { dscp: 46, ecn: Ecn::Ce, ..repr };
    let mut head = Head::new();
    marked.prepend_to(&mut head, 0).unwrap();
    assert_eq!(head.as_slice()[..2], [0x6b, 0xb1]);
    assert_eq!(View::new(head.as_slice()).unwrap().repr(), marked);
    assert_eq!(repr.prepend_to(&mut Head::new(), 65_536), Err(NoRoom));
}

#[test]
fn without_extension_headers_the_upper_layer_follows() {
    let chain = walked(6, &[0; 20]).unwrap();
    assert_eq!((chain.protocol, chain.offset, chain.named_at), (Protocol::TCP, 40, 6));
    assert_eq!(walked(59, &[1, 2, 3]).unwrap().protocol, Protocol::NO_NEXT_HEADER);
    // An unknown one is named, for the stack to report at the octet that names it.
    assert_eq!(walked(253, &[0; 4]).unwrap().named_at, 6);
    assert_eq!(walked(60, &[253, 0, 1, 4, 0, 0, 0, 0]).unwrap().named_at, 40);
}

/// Covers: RFC 8200 8200-4
#[test]
fn headers_come_in_any_order_and_number_but_hop_by_hop_comes_first() {
    let dst = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let routing = |next: u8| [next, 0, 3, 0, 0, 0, 0, 0];
    let chain = walked(0, &[dst(60), dst(43), routing(60), dst(17)].concat()).unwrap();
    assert_eq!((chain.protocol, chain.offset, chain.named_at), (Protocol::UDP, 72, 64));
    assert_eq!(chain.routing, Some(Routing { kind: 3, at: 56 }));
    assert_eq!(walked(60, &[dst(0), dst(6)].concat()), report(Problem::NextHeader, 40, false));
    let mut many = vec_of(dst(60), MAX_EXTENSION_HEADERS - 1);
    many.extend(dst(17));
    assert!(walked(60, &many).is_ok());
    let mut too_many = vec_of(dst(60), MAX_EXTENSION_HEADERS);
    too_many.extend(dst(17));
    assert_eq!(walked(60, &too_many), Err(Refused::Silently(Malformed::TooMany)));
}

fn vec_of(header: [u8; 8], count: usize) -> Vec<u8> {
    header.iter().copied().cycle().take(8 * count).collect()
}

/// Covers: RFC 8200 8200-5
#[test]
fn the_top_two_bits_of_an_unknown_option_say_what_to_do() {
    for first in [0, 60] {
        let with = |kind: u8| walked(first, &[17, 0, 1, 0, kind, 1, 0, 0]);
        assert_eq!(with(0x1e).unwrap().protocol, Protocol::UDP);
        assert_eq!(with(0x5e), Err(Refused::Silently(Malformed::Unsupported)));
        assert_eq!(with(0x9e), report(Problem::Option, 44, true));
        assert_eq!(with(0xde), report(Problem::Option, 44, false));
    }
}

/// Covers: RFC 8200 8200-2
#[test]
fn the_first_wrong_header_decides() {
    let option = [43, 0, 0xde, 0, 1, 2, 0, 0];
    let routing = [6, 0, 99, 1, 0, 0, 0, 0];
    assert_eq!(walked(60, &[option, routing].concat()), report(Problem::Option, 42, false));
    assert_eq!(walked(43, &[routing, option].concat()), report(Problem::Field, 42, false));
}

/// Covers: RFC 8200 8200-6
#[test]
fn padding_of_every_length_is_skipped() {
    for length in 0..=255u8 {
        // PadN, then Pad1 up to the header's end.
        let units = (2 + 2 + usize::from(length)).div_ceil(8);
        let mut header = Vec::from([17, units as u8 - 1, 1, length]);
        header.resize(units * 8, 0);
        assert_eq!(walked(60, &header).unwrap().offset, 40 + header.len(), "{length}");
    }
    // PadN past the header's end, and one cut before its length.
    let bad = Err(Refused::Silently(Malformed::BadOption));
    assert_eq!(walked(60, &[17, 0, 1, 5, 0, 0, 0, 0]), bad);
    assert_eq!(walked(60, &[17, 0, 0, 0, 0, 0, 0, 1]), bad);
    let options = vec_of([0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0], 9);
    let many = [&[17, 9, 1, 4, 0, 0, 0, 0], &options[..]].concat();
    assert_eq!(walked(60, &many), Err(Refused::Silently(Malformed::TooMany)));
}

/// Covers: RFC 8200 8200-7; RFC 5095 5095-1
#[test]
fn a_routing_header_is_skipped_only_when_it_has_done_its_work() {
    for kind in [0, 2, 99] {
        let done = walked(43, &[17, 0, kind, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!((done.protocol, done.routing), (Protocol::UDP, Some(Routing { kind, at: 40 })));
        assert_eq!(walked(43, &[17, 0, kind, 1, 0, 0, 0, 0]), report(Problem::Field, 42, false));
    }
}

#[test]
fn a_router_alert_is_seen_where_we_write_it() {
    let mut head = Head::new();
    HopByHop { next_header: Protocol::ICMPV6, router_alert: 7 }.prepend_to(&mut head).unwrap();
    let chain = walked(0, head.as_slice()).unwrap();
    assert_eq!((chain.protocol, chain.router_alert), (Protocol::ICMPV6, Some(7)));
}

fn fragment(next: Protocol, offset: u16, more: bool, data: &[u8]) -> Result<Chain, Refused> {
    let mut head = Head::new();
    let header = FragmentHeader { next_header: next, offset, more, identification: 0xdead_beef };
    header.prepend_to(&mut head).unwrap();
    walked(44, &[head.as_slice(), data].concat())
}

#[test]
fn a_fragment_tells_what_reassembly_needs() {
    let later = fragment(Protocol::TCP, 2, false, &[0; 5]).unwrap();
    let expected = Fragment {
        offset: 16,
        more: false,
        identification: 0xdead_beef,
        next_header: Protocol::TCP,
        header_at: 40,
        named_at: 6,
    };
    assert_eq!((later.fragment, later.offset), (Some(expected), 48));
    let first = fragment(Protocol::TCP, 0, true, &[0x50; 24]).unwrap();
    assert!(first.fragment.is_some_and(|first| first.more && !first.is_atomic() && first.data_at() == 48));
}

/// Covers: RFC 8200 8200-15
#[test]
fn an_atomic_fragment_is_walked_like_a_whole_packet() {
    let chain = fragment(Protocol::UDP, 0, false, &[0; 5]).unwrap();
    assert!(chain.fragment.unwrap().is_atomic());
    assert_eq!((chain.protocol, chain.offset), (Protocol::UDP, 48));
}

/// Covers: RFC 8200 8200-12, 8200-13, 8200-14
#[test]
fn impossible_fragments_are_reported_at_the_field_to_blame() {
    assert_eq!(fragment(Protocol::UDP, 0, true, &[0; 13]), report(Problem::Field, 4, false));
    assert_eq!(fragment(Protocol::UDP, 8191, false, &[0; 64]), report(Problem::Field, 42, false));
    assert!(fragment(Protocol::UDP, 8191, false, &[0; 7]).is_ok());
    // The first fragment must hold the whole chain: too little of TCP, and of an extension header.
    assert_eq!(fragment(Protocol::TCP, 0, true, &[0; 8]), report(Problem::IncompleteChain, 0, false));
    let claims_more = [60, 4, 1, 4, 0, 0, 0, 0];
    let incomplete = report(Problem::IncompleteChain, 0, false);
    assert_eq!(fragment(Protocol::DESTINATION_OPTIONS, 0, true, &claims_more), incomplete);
    assert!(fragment(Protocol::UDP, 0, true, &[0; 8]).is_ok());
}
