//! The Internet checksum: computed wide, over ropes, and incrementally (RFC 1071, 1624).
//!
//! ```text
//!    chunk │ 32 octets │ 32 octets │ … │ rest      eight 64-bit lanes take a 32-bit word each: the compiler
//!             ▼ ▼ ▼ ▼ ▼ ▼ ▼ ▼                      turns them into vector adds, and no lane can overflow
//!          8 lanes ──► fold to 16 bits ──► swapped when the chunk starts at an odd octet ──► Sum
//! ```
//!
//! The sum does not depend on byte order (RFC 1071 §2(B)): words are read as the machine has them and the result
//! is turned once, at the end.

use crate::{Payload, Protocol};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A ones'-complement sum in the making, of octets given in any pieces.
///
/// ```
/// use handfast_wire::checksum::Sum;
/// let mut pieces = Sum::ZERO;
/// pieces.add(&[0x00, 0x01, 0xf2]); // an odd piece
/// pieces.add(&[0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
/// assert_eq!(pieces.fold(), 0xddf2); // RFC 1071 §3
/// assert_eq!(pieces.checksum(), !0xddf2);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    total: u64,
    odd: bool,
}

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self { total: 0, odd: false };

    /// Adds octets that follow those added before (RFC 1071 1071-1).
    pub fn add(&mut self, octets: &[u8]) {
        let sum = wide(octets);
        // RFC 1071 §2(B): shifting a run of octets by one swaps the bytes of its sum.
        self.total += u64::from(if self.odd { sum.swap_bytes() } else { sum });
        self.odd ^= octets.len() % 2 == 1;
    }

    /// Adds a 16-bit field. Only between whole words, that is, after an even number of octets.
    pub const fn add_u16(&mut self, field: u16) {
        self.total += field as u64;
    }

    /// Adds all octets of a rope.
    pub fn add_payload(&mut self, payload: &Payload) {
        for chunk in payload.chunks() {
            self.add(chunk);
        }
    }

    /// The same, with `octets` added.
    #[must_use]
    pub fn with(mut self, octets: &[u8]) -> Self {
        self.add(octets);
        self
    }

    /// The same, with a rope added.
    #[must_use]
    pub fn with_payload(mut self, payload: &Payload) -> Self {
        self.add_payload(payload);
        self
    }

    /// The 16-bit sum, not complemented: what an unfinished ("partial") checksum field holds.
    pub const fn fold(self) -> u16 {
        fold(self.total)
    }

    /// The checksum: the complement of the sum.
    pub const fn checksum(self) -> u16 {
        !self.fold()
    }

    /// Whether octets that include their checksum field are intact: the sum is all ones.
    pub const fn verifies(self) -> bool {
        self.fold() == 0xffff
    }
}

/// The sum of one slice.
pub fn sum(octets: &[u8]) -> Sum {
    Sum::ZERO.with(octets)
}

/// The pseudo-header of TCP and UDP over IPv4: `length` counts the transport header and its data (RFC 9293 §3.1).
pub fn pseudo_header_v4(src: Ipv4Addr, dst: Ipv4Addr, protocol: Protocol, length: u32) -> Sum {
    // A 32-bit number is congruent to the sum of its halves, so it may be added whole.
    let addresses = u64::from(src.to_bits()) + u64::from(dst.to_bits());
    Sum { total: addresses + u64::from(protocol.number()) + u64::from(length), odd: false }
}

/// The pseudo-header of upper layers over IPv6; `dst` is the final destination (RFC 8200 §8.1,
/// 8200-18).
pub fn pseudo_header_v6(src: Ipv6Addr, dst: Ipv6Addr, protocol: Protocol, length: u32) -> Sum {
    let mut sum = sum(&src.octets()).with(&dst.octets());
    sum.total += u64::from(protocol.number()) + u64::from(length);
    sum
}

/// The pseudo-header for either family. Both addresses are of one family in any packet that was parsed or routed.
pub fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: Protocol, length: u32) -> Sum {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => pseudo_header_v4(src, dst, protocol, length),
        (src, dst) => pseudo_header_v6(as_v6(src), as_v6(dst), protocol, length),
    }
}

/// Whether a TCP segment, UDP datagram or ICMPv6 message in a rope verifies under its pseudo-header.
///
/// For UDP, `payload` ends where the length field says, and a zero checksum field (none was made, RFC 768) is for
/// the caller to look at first.
pub fn verify(src: IpAddr, dst: IpAddr, protocol: Protocol, payload: &Payload) -> bool {
    pseudo_header(src, dst, protocol, payload.len() as u32).with_payload(payload).verifies()
}

/// The checksum after one of the words that it covers changed from `old` to `new` (RFC 1624 §3, equation 3;
/// 1071-1).
///
/// ```
/// // The example of RFC 1624 §4, where the older equation gives a wrong 0xffff.
/// assert_eq!(handfast_wire::checksum::update(0xdd2f, 0x5555, 0x3285), 0x0000);
/// ```
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(!checksum as u64 + !old as u64 + new as u64)
}

/// The same for a 32-bit field.
pub const fn update_u32(checksum: u16, old: u32, new: u32) -> u16 {
    let checksum = update(checksum, (old >> 16) as u16, (new >> 16) as u16);
    update(checksum, old as u16, new as u16)
}

const fn as_v6(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped(),
        IpAddr::V6(addr) => addr,
    }
}

const fn fold(sum: u64) -> u16 {
    // What is above a border is added to what is below it, and then the carry of that: no loop, no branch.
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// The folded sum of `octets` as big-endian words, an odd last octet padded with zero.
fn wide(octets: &[u8]) -> u16 {
    let (blocks, rest) = octets.as_chunks::<32>();
    let mut total = if blocks.is_empty() { 0 } else { wide_blocks(blocks) };
    let (words, rest) = rest.as_chunks::<4>();
    for word in words {
        total += u64::from(u32::from_ne_bytes(*word));
    }
    let (words, last) = rest.as_chunks::<2>();
    for word in words {
        total += u64::from(u16::from_ne_bytes(*word));
    }
    if let [last] = *last {
        total += u64::from(u16::from_ne_bytes([last, 0]));
    }
    u16::from_be(fold(total))
}

/// The sum of whole blocks: no lane of 64 bits overflows before there are 2^32 of them, nor do all lanes together before
/// there are 2^29.
fn wide_blocks(blocks: &[[u8; 32]]) -> u64 {
    let mut lanes = [0u64; 8];
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<4>().0) {
            *lane += u64::from(u32::from_ne_bytes(*word));
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod rfc1071 {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// The definition, one 16-bit word at a time.
    fn naive(octets: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in octets.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    /// Whether two folded sums are the same number: ones' complement has two zeros.
    fn same(a: u16, b: u16) -> bool {
        a == b || [a, b].iter().all(|sum| sum.is_multiple_of(0xffff))
    }

    /// Covers: RFC 9293 MUST-2; RFC 1071 1071-1
    #[test]
    fn a_known_ipv4_header_has_its_known_checksum() {
        let header = [
            0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01,
            0xc0, 0xa8, 0x00, 0xc7,
        ];
        assert!(sum(&header).verifies());
        let mut cleared = header;
        cleared[10..12].fill(0);
        assert_eq!(sum(&cleared).checksum(), 0xb861);
    }

    #[test]
    fn the_sum_of_no_octets_is_zero_and_a_single_octet_is_padded() {
        assert_eq!(Sum::ZERO.fold(), 0);
        assert_eq!(sum(&[]).fold(), 0);
        assert_eq!(sum(&[0xab]).fold(), 0xab00);
        assert_eq!(sum(&[0xff; 65_535]).fold(), naive(&[0xff; 65_535]));
    }

    #[test]
    fn a_long_length_counts_in_both_halves_of_its_32_bits() {
        let [a, b] = [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED];
        let long = pseudo_header_v6(a, b, Protocol::UDP, 0x0001_0002);
        assert_eq!(long.fold(), 1 + 17 + 1 + 2);
    }

    proptest! {
        /// Covers: RFC 1071 1071-1
        #[test]
        fn any_cut_into_pieces_gives_the_sum_of_the_definition(
            octets in proptest::collection::vec(any::<u8>(), 0..400),
            cuts in proptest::collection::vec(0usize..400, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(octets.len())).collect();
            cuts.push(octets.len());
            cuts.sort_unstable();
            let (mut at, mut pieces, mut rope) = (0, Sum::ZERO, Payload::EMPTY);
            for cut in cuts {
                pieces.add(&octets[at..cut]);
                rope.push(octets[at..cut].to_vec().into());
                at = cut;
            }
            prop_assert!(same(pieces.fold(), naive(&octets)));
            prop_assert_eq!(pieces.fold() == 0, octets.iter().all(|&octet| octet == 0));
            prop_assert_eq!(Sum::ZERO.with_payload(&rope).fold(), pieces.fold());
        }

        /// Covers: RFC 1071 1071-1
        #[test]
        fn an_incremental_update_is_a_fresh_computation(
            mut words in proptest::collection::vec(any::<u16>(), 1..40), at: proptest::sample::Index, new: u16,
        ) {
            let octets = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
            // RFC 1624 holds for data that is not all zero, as headers never are.
            words.push(0x4500);
            let before = sum(&octets(&words)).checksum();
            let at = at.index(words.len() - 1);
            let old = core::mem::replace(&mut words[at], new);
            prop_assert_eq!(update(before, old, new), sum(&octets(&words)).checksum());
            let twice = update_u32(before, u32::from(old), u32::from(new));
            prop_assert_eq!(twice, update(before, old, new));
        }

        /// Covers: RFC 9293 MUST-3
        #[test]
        fn any_flipped_bit_is_noticed(
            mut octets in proptest::collection::vec(any::<u8>(), 20..120), bit: proptest::sample::Index,
        ) {
            let (src, dst) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST));
            octets[16..18].fill(0);
            let filled = pseudo_header(src, dst, Protocol::TCP, octets.len() as u32).with(&octets).checksum();
            octets[16..18].copy_from_slice(&filled.to_be_bytes());
            prop_assert!(verify(src, dst, Protocol::TCP, &Payload::copy_of(&octets)));
            let bit = bit.index(octets.len() * 8);
            octets[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!verify(src, dst, Protocol::TCP, &Payload::copy_of(&octets)));
        }
    }
}
