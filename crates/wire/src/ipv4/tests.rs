use super::*;
use crate::testing::hex;
use std::vec::Vec;

const SRC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const DST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

fn packet(repr: Repr, payload: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    repr.prepend_to(&mut head, payload.len()).unwrap();
    [head.as_slice(), payload].concat()
}

/// Covers: RFC 791 791-13
#[test]
fn a_header_known_from_elsewhere_is_written_and_read() {
    // By scapy: a UDP datagram of 13 octets, identification 7, may be fragmented.
    let known = hex("45000021 00070000 4011f6c1 c0000201 c0000202");
    let repr = Repr { identification: 7, dont_fragment: false, ..Repr::new(SRC, DST, Protocol::UDP) };
    let written = packet(repr, &[0; 13]);
    assert_eq!(written[..20], known);
    let view = View::new(&written).unwrap();
    assert!(view.checksum_ok());
    assert_eq!(view.repr(), repr);
}

/// Covers: RFC 791 791-1
#[test]
fn each_malformation_has_its_name() {
    let good = packet(Repr::new(SRC, DST, Protocol::TCP), &[1, 2, 3, 4]);
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        View::new(&bytes).map(|view| view.checksum_ok())
    };
    assert_eq!(View::new(&good[..19]).err(), Some(Malformed::TooShort));
    assert_eq!(changed(0, 0x65), Err(Malformed::BadVersion));
    for ihl in 0..5 {
        assert_eq!(changed(0, 0x40 | ihl), Err(Malformed::BadHeaderLength));
    }
    // 24 octets in all: a header of 24 leaves no payload, one of 28 does not fit.
    assert!(changed(0, 0x46).is_ok());
    assert_eq!(changed(0, 0x47), Err(Malformed::BadHeaderLength));
    assert_eq!(changed(3, 19), Err(Malformed::BadHeaderLength));
    assert_eq!(changed(3, 25), Err(Malformed::BadLength));
    assert_eq!(changed(2, 0xff), Err(Malformed::BadLength));
    assert_eq!(changed(8, 63), Ok(false));
}

#[test]
fn what_follows_the_total_length_is_padding() {
    let mut bytes = packet(Repr::new(SRC, DST, Protocol::TCP), &[1, 2, 3, 4]);
    bytes.extend([0xee; 22]);
    let view = View::new(&bytes).unwrap();
    assert_eq!((view.payload(), view.payload_range()), (&[1, 2, 3, 4][..], 20..24));
    assert_eq!(View::quoted(&bytes[..22]).unwrap().payload(), [1, 2]);
}

#[test]
fn fragments_tell_their_place_in_octets() {
    let repr = Repr {
        dont_fragment: false,
        more_fragments: true,
        fragment_offset: 185,
        ..Repr::new(SRC, DST, Protocol::UDP)
    };
    let bytes = packet(repr, &[0; 8]);
    let view = View::new(&bytes).unwrap();
    assert!(view.is_fragment() && view.more_fragments() && !view.dont_fragment());
    assert_eq!((view.fragment_offset(), view.repr()), (1480, repr));
    let last = Repr { more_fragments: false, ..repr };
    assert!(View::new(&packet(last, &[])).unwrap().is_fragment());
    assert!(!View::new(&packet(Repr::new(SRC, DST, Protocol::UDP), &[])).unwrap().is_fragment());
}

fn with_options(octets: &[u8]) -> Vec<u8> {
    packet(Repr { options: Options::new(octets).unwrap(), ..Repr::new(SRC, DST, Protocol::TCP) }, &[])
}

/// Covers: RFC 9293 MAY-10, MAY-11; RFC 791 791-11
#[test]
fn source_routes_are_noticed_and_time_stamps_and_routes_skipped() {
    let seen = |octets: &[u8]| View::new(&with_options(octets)).unwrap().check_options();
    let nothing = OptionsSeen::default();
    assert_eq!(seen(&[]), Ok(nothing));
    // Internet timestamp, record route, end.
    assert_eq!(seen(&[68, 4, 5, 0, 7, 7, 4, 0, 0, 0, 0, 0]), Ok(nothing));
    let routed = OptionsSeen { source_route: true, ..nothing };
    assert_eq!(seen(&[1, 131, 7, 4, 10, 0, 0, 1]), Ok(routed));
    assert_eq!(seen(&[137, 3, 4]), Ok(routed));
    assert_eq!(seen(Options::ROUTER_ALERT.as_slice()), Ok(OptionsSeen { router_alert: true, ..nothing }));
    // After the end, nothing is looked at.
    assert_eq!(seen(&[0, 131, 0, 0]), Ok(nothing));
}

/// Covers: RFC 791 791-11
#[test]
fn an_option_of_illegal_length_is_pointed_at() {
    for (octets, at) in
        [(&[131, 0, 0, 0][..], 20), (&[1, 1, 131, 1], 22), (&[1, 7, 9, 0], 21), (&[1, 1, 1, 7], 23)]
    {
        assert_eq!(View::new(&with_options(octets)).unwrap().check_options(), Err(at), "{octets:?}");
    }
}

#[test]
fn only_copied_options_go_into_later_fragments() {
    let options = Options::new(&[7, 3, 4, 1, 148, 4, 0, 0]).unwrap();
    assert_eq!(options.copied(), Options::ROUTER_ALERT);
    assert!(Options::new(&[1; 41]).is_none());
    assert_eq!(Options::new(&[1; 37]).unwrap().as_slice().len(), 40);
}

#[test]
fn a_packet_of_more_than_65535_octets_is_not_written() {
    let repr = Repr::new(SRC, DST, Protocol::TCP);
    let mut head = Head::new();
    assert_eq!(repr.prepend_to(&mut head, 65_516), Err(NoRoom));
    assert!(head.is_empty());
    assert_eq!(repr.prepend_to(&mut head, 65_515), Ok(()));
    assert_eq!(repr.emit(&mut [0; 19], 0), Err(NoRoom));
}
