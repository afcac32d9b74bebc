//! RFC 9293 §3.1 and §3.2, octet by octet.

use super::*;
use crate::testing::hex;
use crate::{Head, Malformed, Payload, SeqNum, WireWindow};
use alloc::boxed::Box;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;
use std::vec::Vec;

const V4: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2))];
const V6: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
];

fn written(header: &Header) -> Vec<u8> {
    let mut head = Head::new();
    header.prepend_to(&mut head, 1025, 80).unwrap();
    head.as_slice().to_vec()
}

/// A segment with these flags and option octets.
fn segment(flags: Flags, options: &[u8]) -> Vec<u8> {
    let mut bytes = written(&Header { flags, ..Header::default() });
    bytes.extend(options);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes[12] = (bytes.len() * 4) as u8;
    bytes
}

fn options(flags: Flags, octets: &[u8]) -> Result<Options, Malformed> {
    View::new(&segment(flags, octets)).unwrap().header().map(|header| header.options)
}

/// Covers: RFC 9293 9293-E41
#[test]
fn each_control_bit_has_its_place_in_the_header() {
    let sixth = |flags: Flags| written(&Header { flags, ..Header::default() })[13] & 0b11_1111;
    assert_eq!(sixth(Flags::SYN), 0b000010);
    assert_eq!(sixth(Flags::ACK), 0b010000);
    assert_eq!(sixth(Flags::FIN), 0b000001);
    assert_eq!(sixth(Flags::URG), 0b100000);
    assert_eq!(sixth(Flags::PSH), 0b001000);
    assert_eq!(sixth(Flags::RST), 0b000100);
    let golden = [
        (Flags::SYN, "0401 0050 00000001 00000002 50 02 0200 0000 0000"),
        (Flags::ACK, "0401 0050 00000001 00000002 50 10 0200 0000 0000"),
        (Flags::FIN, "0401 0050 00000001 00000002 50 01 0200 0000 0000"),
        (Flags::SYN | Flags::ECE | Flags::CWR, "0401 0050 00000001 00000002 50 c2 0200 0000 0000"),
        (Flags::ACK | Flags::AE, "0401 0050 00000001 00000002 51 10 0200 0000 0000"),
    ];
    for (flags, bytes) in golden {
        let (seq, ack) = (SeqNum::new(1), SeqNum::new(2));
        let header = Header { seq, ack, flags, window: WireWindow::new(0x200), ..Header::default() };
        assert_eq!(written(&header), hex(bytes), "{flags}");
        assert_eq!(View::new(&hex(bytes)).unwrap().header(), Ok(header));
    }
}

/// Covers: RFC 9293 9293-E41
#[test]
fn reserved_bits_are_ignored_and_never_sent() {
    let plain = segment(Flags::ACK, &[]);
    let mut reserved = plain.clone();
    reserved[12] |= 0b1110;
    let header = View::new(&reserved).unwrap().header().unwrap();
    assert_eq!(Ok(&header), View::new(&plain).unwrap().header().as_ref());
    assert_eq!(written(&header), plain);
}

/// Covers: RFC 9293 9293-E42
#[test]
fn a_data_offset_below_five_or_past_the_end_is_malformed() {
    let mut bytes = segment(Flags::ACK, &[]);
    for offset in (0..5).chain([6, 15]) {
        bytes[12] = offset << 4;
        assert_eq!(View::new(&bytes).err(), Some(Malformed::BadHeaderLength), "{offset}");
    }
    bytes[12] = 0x60;
    bytes.extend([1, 1, 1, 1, 9]);
    let view = View::new(&bytes).unwrap();
    assert_eq!((view.header_len(), view.payload(), view.payload_range()), (24, &[9][..], 24..25));
    assert_eq!(View::new(&bytes[..19]).err(), Some(Malformed::TooShort));
}

/// Covers: RFC 9293 MUST-2, MUST-4, MUST-14, MUST-68
#[test]
fn a_syn_known_from_elsewhere_is_written_octet_by_octet() {
    // By scapy, in the order in which Linux puts its options.
    let known = hex("0401 0050 00000001 00000000 a002 ffff bfa8 0000
                     020405b4 0402 080a 00000001 00000000 01 030308");
    let header = Header {
        seq: SeqNum::new(1),
        flags: Flags::SYN,
        window: WireWindow::new(0xffff),
        options: Options {
            mss: Some(1460),
            window_scale: Some(8),
            sack_permitted: true,
            timestamps: Some(Timestamps { value: 1, echo: 0 }),
            ..Options::NONE
        },
        ..Header::default()
    };
    let mut head = Head::new();
    header.prepend_to(&mut head, 1025, 80).unwrap();
    fill_checksum(&mut head, &Payload::EMPTY, V4[0], V4[1]).unwrap();
    assert_eq!(head.as_slice(), known);
    let view = View::new(&known).unwrap();
    assert!(view.checksum_ok(V4[0], V4[1]));
    assert_eq!((view.src_port(), view.dst_port(), view.header()), (1025, 80, Ok(header)));
}

/// Covers: RFC 9293 MUST-2, MUST-3; RFC 8200 8200-18
#[test]
fn an_ipv6_segment_of_odd_length_has_its_known_checksum_in_one_piece_or_many() {
    let known = hex("0401 0050 00000001 00000002 5018 0200 7a9c 0000 6f6464");
    assert!(View::new(&known).unwrap().checksum_ok(V6[0], V6[1]));
    let header = View::new(&known).unwrap().header().unwrap();
    let mut body = Payload::EMPTY;
    [b"o", b"d", b"d"].iter().for_each(|octet| body.push(octet.to_vec().into()));
    let mut head = Head::new();
    header.prepend_to(&mut head, 1025, 80).unwrap();
    fill_checksum(&mut head, &body, V6[0], V6[1]).unwrap();
    assert_eq!(head.as_slice(), &known[..20]);
    for bit in 0..known.len() * 8 {
        let mut flipped = known.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!View::new(&flipped).is_ok_and(|view| view.checksum_ok(V6[0], V6[1])), "bit {bit}");
    }
    assert!(!View::new(&known).unwrap().checksum_ok(V6[0], V6[0]));
}

/// Covers: RFC 9293 MUST-4, MUST-64
#[test]
fn mss_is_read_at_any_alignment() {
    for octets in [
        &[2, 4, 5, 0xb4, 0][..],
        &[1, 2, 4, 5, 0xb4],
        &[1, 1, 2, 4, 5, 0xb4],
        &[1, 1, 1, 2, 4, 5, 0xb4, 0],
        &[3, 3, 7, 2, 4, 5, 0xb4],
    ] {
        assert_eq!(options(Flags::SYN, octets).unwrap().mss, Some(1460), "{octets:?}");
    }
}

/// Kind 28 is the user timeout option, which we neither send nor adopt.
///
/// Covers: RFC 9293 MUST-5, MUST-6; RFC 5482 5482-4
#[test]
fn unknown_kinds_are_skipped_by_their_length_on_any_segment() {
    let stamps = [8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    for flags in [Flags::SYN, Flags::ACK, Flags::FIN | Flags::ACK, Flags::RST, Flags::ACK | Flags::PSH] {
        for kind in [28, 79, 200, 253, 254] {
            let read =
                options(flags, &[&[kind, 2, kind, 6, 9, 9, 9, 9], &stamps[..], &[kind, 3, 0]].concat());
            assert_eq!(read.unwrap().timestamps, Some(Timestamps { value: 1, echo: 2 }), "{flags} {kind}");
        }
    }
}

/// Covers: RFC 9293 MUST-7
#[test]
fn an_illegal_option_length_makes_the_segment_malformed() {
    for flags in [Flags::SYN, Flags::ACK] {
        for kind in [2, 3, 4, 5, 8, 34, 200] {
            for length in [0, 1, 39, 255] {
                assert_eq!(
                    options(flags, &[kind, length, 0, 0]),
                    Err(Malformed::BadOption),
                    "{kind} {length}"
                );
            }
        }
        assert_eq!(options(flags, &[1, 1, 1, 200]), Err(Malformed::BadOption));
    }
}

/// Covers: RFC 9293 MUST-69
#[test]
fn what_follows_the_end_of_the_list_is_not_looked_at() {
    assert_eq!(options(Flags::SYN, &[3, 3, 7, 0, 2, 0, 0xff, 0xff]).unwrap().window_scale, Some(7));
    assert_eq!(options(Flags::SYN, &[0, 2, 4, 5]).unwrap(), Options::NONE);
}

/// Covers: RFC 9293 MUST-65; RFC 7323 7323-3; RFC 2018 2018-1
#[test]
fn what_only_a_syn_may_say_is_neither_read_nor_written_elsewhere() {
    let octets = [2, 4, 5, 0xb4, 3, 3, 7, 4, 2, 34, 6, 1, 2, 3, 4];
    let said = options(Flags::SYN, &octets).unwrap();
    assert_eq!((said.mss, said.window_scale, said.sack_permitted), (Some(1460), Some(7), true));
    assert_eq!(said.fast_open, FastOpenCookie::new(&[1, 2, 3, 4]).map(Box::new));
    assert_eq!(options(Flags::ACK, &octets), Ok(Options::NONE));
    let header = Header { flags: Flags::ACK, options: said, ..Header::default() };
    assert_eq!(header.encoded_len(), HEADER_LEN);
}

/// Covers: RFC 7413 7413-2
#[test]
fn a_cookie_has_an_even_length_of_four_to_sixteen_or_asks_for_one() {
    for (head, experimental) in [(&[34, 2][..], false), (&[254, 4, 0xf9, 0x89][..], true)] {
        for length in 0..=17 {
            let mut octets = head.to_vec();
            octets[1] += length;
            octets.resize(head.len() + usize::from(length), 7);
            let cookie = options(Flags::SYN, &octets).unwrap().fast_open;
            let legal = length == 0 || (length % 2 == 0 && (4..=16).contains(&length));
            assert_eq!(cookie.is_some(), legal, "{length}");
            assert!(cookie.is_none_or(|cookie| {
                cookie.as_slice().len() == usize::from(length)
                    && cookie.is_request() == (length == 0)
                    && cookie.is_experimental() == experimental
            }));
            assert_eq!(options(Flags::ACK, &octets), Ok(Options::NONE), "on a SYN only");
        }
    }
    assert_eq!(options(Flags::SYN, &[254, 4, 0xf9, 0x88]), Ok(Options::NONE), "another experiment");
}

/// Covers: RFC 2018 2018-14
#[test]
fn sack_of_a_length_that_it_cannot_have_is_ignored() {
    for length in (2..38).filter(|length| (length - 2) % 8 != 0 || *length == 2) {
        let mut octets = Vec::from([5, length as u8]);
        octets.resize(length, 1);
        assert!(options(Flags::ACK, &octets).unwrap().sack.is_empty(), "{length}");
    }
    let four = [&[5, 34][..], &[0, 0, 0, 1, 0, 0, 0, 2].repeat(4)].concat();
    assert_eq!(options(Flags::ACK, &four).unwrap().sack.as_slice().len(), 4);
}

#[test]
fn known_kinds_of_a_wrong_length_are_ignored_and_signatures_recognised() {
    assert_eq!(options(Flags::SYN, &[2, 3, 5, 3, 4, 7, 7, 4, 3, 1, 8, 4, 0, 0]), Ok(Options::NONE));
    let signed = [&[19, 18][..], &[7; 16], &[29, 4, 0, 0]].concat();
    let read = options(Flags::ACK, &signed).unwrap();
    assert!(read.md5 && read.authentication);
}

#[test]
fn options_stand_in_the_order_that_everyone_expects() {
    let (mss, scale, stamps) = (Some(1460), Some(8), Some(Timestamps { value: 1, echo: 2 }));
    let mut blocks = SackBlocks::NONE;
    blocks.push(SackBlock { start: SeqNum::new(3), end: SeqNum::new(4) });
    let layout = |flags: Flags, options: Options| {
        written(&Header { flags, options, ..Header::default() })[HEADER_LEN..].to_vec()
    };
    let syn = Options { mss, window_scale: scale, sack_permitted: true, ..Options::NONE };
    assert_eq!(layout(Flags::SYN, syn), hex("020405b4 0101 0402 01 030308"));
    let stamped = Options { timestamps: stamps, ..Options::NONE };
    assert_eq!(layout(Flags::ACK, stamped.clone()), hex("0101 080a 00000001 00000002"));
    assert_eq!(layout(Flags::SYN, stamped.clone()), hex("0101 080a 00000001 00000002"));
    let sack = Options { sack: blocks.clone(), ..Options::NONE };
    assert_eq!(layout(Flags::ACK, sack), hex("0101 050a 00000003 00000004"));
    let both = Options { sack: blocks, ..stamped };
    assert_eq!(layout(Flags::ACK, both), hex("0101 080a 00000001 00000002 0101 050a 00000003 00000004"));
    let marks = Some(Box::new(AccurateEcn::new(false, [1, 2, 3], 1)));
    let counts = Options { timestamps: stamps, accurate_ecn: marks, ..Options::NONE };
    assert_eq!(layout(Flags::ACK, counts), hex("0101 080a 00000001 00000002 ac05 000001 010101"));
    let asks = Options { mss, fast_open: FastOpenCookie::new(&[]).map(Box::new), ..Options::NONE };
    assert_eq!(layout(Flags::SYN, asks), hex("020405b4 2202 0101"));
    let cookie = FastOpenCookie::new(&[0xab, 0xcd, 0x12, 0x34]).unwrap().experimental(true);
    let sends = Options { mss, fast_open: Some(Box::new(cookie)), ..Options::NONE };
    assert_eq!(layout(Flags::SYN, sends), hex("020405b4 fe08f989 abcd1234"));
}

/// Covers: RFC 2018 2018-6
#[test]
fn as_many_sack_blocks_are_written_as_fit() {
    let mut options = Options::NONE;
    for block in 0..4 {
        options.sack.push(SackBlock { start: SeqNum::new(block * 10), end: SeqNum::new(block * 10 + 5) });
    }
    let blocks = |options: &Options| {
        let bytes = written(&Header { flags: Flags::ACK, options: options.clone(), ..Header::default() });
        View::new(&bytes).unwrap().header().unwrap().options.sack
    };
    assert_eq!(blocks(&options), options.sack);
    options.timestamps = Some(Timestamps::default());
    let three = blocks(&options);
    assert_eq!(three.as_slice(), &options.sack.as_slice()[..3]);
}

#[test]
fn a_partial_checksum_is_the_pseudo_headers_sum() {
    let mut head = Head::new();
    Header { flags: Flags::ACK, ..Header::default() }.prepend_to(&mut head, 1, 2).unwrap();
    let mut whole = head.clone();
    fill_partial_checksum(&mut head, 3, V4[0], V4[1]).unwrap();
    let body = Payload::copy_of(b"odd");
    let finished = crate::checksum::sum(head.as_slice()).with_payload(&body).checksum();
    fill_checksum(&mut whole, &body, V4[0], V4[1]).unwrap();
    assert_eq!(View::new(whole.as_slice()).unwrap().checksum(), finished);
    assert_eq!(fill_checksum(&mut Head::new(), &body, V4[0], V4[1]), Err(Malformed::TooShort));
}

proptest! {
    /// Covers: RFC 9293 MUST-68, MUST-69
    #[test]
    fn every_option_but_the_two_single_octets_carries_its_length_and_padding_ends_on_a_word(
        bits: u16, mss: Option<u16>, scale: Option<u8>, sack_permitted: bool, stamps: Option<(u32, u32)>,
        blocks in proptest::collection::vec(any::<(u32, u32)>(), 0..5), cookie: Option<[u8; 8]>, experimental: bool,
    ) {
        let mut options = Options {
            mss,
            window_scale: scale,
            sack_permitted,
            timestamps: stamps.map(|(value, echo)| Timestamps { value, echo }),
            fast_open: cookie
                .and_then(|cookie| FastOpenCookie::new(&cookie))
                .map(|cookie| Box::new(cookie.experimental(experimental))),
            ..Options::NONE
        };
        for (start, end) in blocks {
            options.sack.push(SackBlock { start: SeqNum::new(start), end: SeqNum::new(end) });
        }
        let header = Header { flags: Flags::from_bits(bits), options, ..Header::default() };
        let bytes = written(&header);
        prop_assert_eq!(bytes.len(), header.encoded_len());
        prop_assert!(bytes.len() <= MAX_HEADER_LEN && bytes.len().is_multiple_of(4));
        let mut rest = &bytes[HEADER_LEN..];
        while let Some((&kind, after)) = rest.split_first() {
            rest = match kind {
                1 => after,
                0 => {
                    prop_assert!(after.iter().all(|&octet| octet == 0));
                    &[]
                }
                _ => &rest[usize::from(after[0])..],
            };
        }
        let syn = header.flags.contains(Flags::SYN);
        let read = View::new(&bytes).unwrap().header().unwrap();
        prop_assert_eq!(read.options.mss, mss.filter(|_| syn));
        prop_assert_eq!(read.options.timestamps, header.options.timestamps);
    }
}

/// Where Linux, too, puts counters of marks: what follows shares the words that they leave open.
#[test]
fn counters_of_marks_come_before_what_fills_their_word() {
    let counters = |count| Some(Box::new(AccurateEcn::new(true, [1, 2, 3], count)));
    let syn_ack = |timestamps, count| Header {
        flags: Flags::SYN | Flags::ACK,
        options: Options {
            mss: Some(1460),
            sack_permitted: true,
            window_scale: Some(8),
            timestamps,
            accurate_ecn: counters(count),
            ..Options::NONE
        },
        ..Header::default()
    };
    let plain = "02 04 05 b4 ae 0b 000001 000002 000003 01 01 01 04 02 01 03 03 08";
    assert_eq!(&written(&syn_ack(None, 3))[20..], hex(plain));
    let stamped = "02 04 05 b4 04 02 08 0a 00000000 00000000 ae 0b 000001 000002 000003 01 01 03 03 08";
    assert_eq!(&written(&syn_ack(Some(Timestamps::default()), 3))[20..], hex(stamped));
    // One counter and four blocks fill the header, for the blocks need one octet of padding and not three.
    let mut header = Header { flags: Flags::ACK, ..Header::default() };
    header.options.accurate_ecn = counters(1);
    (0..4).for_each(|_| assert!(header.options.sack.push(SackBlock::default())));
    let octets = written(&header);
    assert_eq!((octets.len(), &octets[20..28]), (60, &hex("ae 05 000001 01 05 22")[..]));
    // Two leave no room for the fourth: it is the counters that give way.
    header.options.accurate_ecn = counters(2);
    assert_eq!(written(&header)[20..24], hex("01 01 05 22"));
}
