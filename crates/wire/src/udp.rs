//! UDP (RFC 768; over IPv6 RFC 8200 §8.1 and RFC 6935).
//!
//! ```text
//!    IP payload   │ header 8 │ data           │ surplus │
//!                 └── length ────────────────┘           8 ≤ length ≤ IP payload
//! ```

use crate::{Head, Malformed, NoRoom, Payload, Protocol, checksum};
use core::net::IpAddr;
use core::ops::Range;

/// Octets of the header: two ports, length, checksum (RFC 768 768-1).
pub const HEADER_LEN: usize = 8;
/// Octets from the header's first to its checksum field, for devices that finish checksums.
pub const CHECKSUM_OFFSET: u16 = 6;

/// A datagram in any bytes, checked once: the length field agrees with what is there.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER_LEN],
    datagram: &'a [u8],
    surplus: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at an IP payload.
    ///
    /// # Errors
    /// `TooShort`, or `BadLength` (length below 8, or past the IP payload: RFC 768 768-3). A length of 0, which RFC 2675 gives a
    /// meaning in jumbograms, is bad too.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = bytes.first_chunk::<HEADER_LEN>().ok_or(Malformed::TooShort)?;
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        if length < HEADER_LEN {
            return Err(Malformed::BadLength);
        }
        let (datagram, surplus) = bytes.split_at_checked(length).ok_or(Malformed::BadLength)?;
        Ok(Self { header, datagram, surplus })
    }

    /// Where it came from; 0 when no reply is wanted.
    pub fn src_port(&self) -> u16 {
        u16::from_be_bytes([self.header[0], self.header[1]])
    }

    /// Where it goes.
    pub fn dst_port(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// The length field: octets of header and data.
    pub fn length(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    /// The checksum field; 0 says that none was made.
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// Whether the sender made a checksum. Over IPv6 it must have (RFC 8200 §8.1, RFC 6935 §5).
    pub fn has_checksum(&self) -> bool {
        self.checksum() != 0
    }

    /// Whether the checksum verifies. Look at [`has_checksum`](Self::has_checksum) first: none is not a good one
    /// (RFC 1122 1122U-5).
    pub fn checksum_ok(&self, src: IpAddr, dst: IpAddr) -> bool {
        checksum::pseudo_header(src, dst, Protocol::UDP, u32::from(self.length()))
            .with(self.datagram)
            .verifies()
    }

    /// The data.
    pub fn payload(&self) -> &'a [u8] {
        self.datagram.get(HEADER_LEN..).unwrap_or(&[])
    }

    /// Where the data lies, counted from the header's first octet: to slice the buffer that it came in.
    pub fn payload_range(&self) -> Range<usize> {
        HEADER_LEN..self.datagram.len()
    }

    /// Octets of the IP payload after the datagram's end, where RFC 9868 has options. Not data (RFC 768 768-4).
    pub fn surplus(&self) -> &'a [u8] {
        self.surplus
    }

    /// The owned meaning of the header.
    pub fn repr(&self) -> Repr {
        Repr { src_port: self.src_port(), dst_port: self.dst_port() }
    }
}

/// A header that may be sent. The length is computed when it is written, the checksum by [`fill_checksum`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Where it comes from; 0 when no reply is wanted.
    pub src_port: u16,
    /// Where it goes.
    pub dst_port: u16,
}

impl Repr {
    /// Writes the header before what `head` holds (nothing, as a rule); `body_len` octets follow the head.
    /// The checksum field is zero: none was made.
    ///
    /// # Errors
    /// [`NoRoom`] in the head, or more than 65,535 octets in all. The head is then as it was.
    pub fn prepend_to(&self, head: &mut Head, body_len: usize) -> Result<(), NoRoom> {
        let length = u16::try_from(HEADER_LEN + head.len() + body_len).map_err(|_| NoRoom)?;
        let header = head.prepend(HEADER_LEN).and_then(|room| room.first_chunk_mut::<8>()).ok_or(NoRoom)?;
        header[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        header[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        header[4..6].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

/// Writes the checksum of a datagram (RFC 768 768-5): `head` begins with the UDP header (no IP header yet) and `body` follows.
///
/// A sum of zero is sent as all ones, since zero says that none was made (RFC 768 768-6; 6935-1; 8200-19).
///
/// # Errors
/// `TooShort` when `head` holds no UDP header.
pub fn fill_checksum(head: &mut Head, body: &Payload, src: IpAddr, dst: IpAddr) -> Result<(), Malformed> {
    let length = (head.len() + body.len()) as u32;
    let bytes = head.as_mut_slice();
    bytes.get_mut(6..8).ok_or(Malformed::TooShort)?.fill(0);
    let sum = checksum::pseudo_header(src, dst, Protocol::UDP, length).with(bytes).with_payload(body);
    let checksum = match sum.checksum() {
        0 => 0xffff,
        checksum => checksum,
    };
    bytes.get_mut(6..8).ok_or(Malformed::TooShort)?.copy_from_slice(&checksum.to_be_bytes());
    Ok(())
}

/// Writes the pseudo-header's sum only, for a device that adds the rest
/// ([`Checksum::Partial`](crate::Checksum::Partial) with [`CHECKSUM_OFFSET`]). `head` begins with the UDP header.
///
/// # Errors
/// `TooShort` when `head` holds no UDP header.
pub fn fill_partial_checksum(
    head: &mut Head,
    body_len: usize,
    src: IpAddr,
    dst: IpAddr,
) -> Result<(), Malformed> {
    let length = (head.len() + body_len) as u32;
    let sum = checksum::pseudo_header(src, dst, Protocol::UDP, length).fold();
    head.as_mut_slice().get_mut(6..8).ok_or(Malformed::TooShort)?.copy_from_slice(&sum.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod rfc768 {
    use super::*;
    use crate::testing::hex;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;
    use std::vec::Vec;

    const V4: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2))];
    const V6: [IpAddr; 2] = [
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
    ];

    fn written(ports: (u16, u16), body: &Payload, [src, dst]: [IpAddr; 2]) -> Vec<u8> {
        let mut head = Head::new();
        Repr { src_port: ports.0, dst_port: ports.1 }.prepend_to(&mut head, body.len()).unwrap();
        fill_checksum(&mut head, body, src, dst).unwrap();
        [head.as_slice(), &body.to_vec()].concat()
    }

    /// Covers: RFC 768 768-1, 768-5; RFC 1122 1122U-5; RFC 8200 8200-18
    #[test]
    fn datagrams_known_from_elsewhere_are_written_and_read() {
        // By scapy: an odd length over IPv4, an even one over IPv6.
        let odd = hex("0035 0fa0 000d 2829 68656c6c6f");
        let even = hex("0035 0fa0 000c c9a7 6576656e");
        for (known, data, addresses) in [(odd, &b"hello"[..], V4), (even, b"even", V6)] {
            assert_eq!(written((53, 4000), &Payload::copy_of(data), addresses), known);
            let view = View::new(&known).unwrap();
            assert!(view.has_checksum() && view.checksum_ok(addresses[0], addresses[1]));
            assert_eq!((view.repr(), view.payload()), (Repr { src_port: 53, dst_port: 4000 }, data));
            let mut wrong = known.clone();
            wrong[9] ^= 1;
            assert!(!View::new(&wrong).unwrap().checksum_ok(addresses[0], addresses[1]));
        }
    }

    /// Covers: RFC 768 768-3
    #[test]
    fn a_length_below_eight_or_past_the_ip_payload_is_malformed() {
        let mut bytes = hex("0035 0fa0 000c 0000 01020304");
        for length in (0..8).chain([13, 0xff]) {
            bytes[5] = length;
            assert_eq!(View::new(&bytes).err(), Some(Malformed::BadLength), "{length}");
        }
        bytes[5] = 8;
        assert_eq!(View::new(&bytes).unwrap().payload(), []);
        assert_eq!(View::new(&bytes[..7]).err(), Some(Malformed::TooShort));
    }

    /// Covers: RFC 768 768-4
    #[test]
    fn octets_beyond_the_length_are_surplus_and_not_data() {
        let datagram = written((1, 2), &Payload::copy_of(&[7; 20]), V4);
        let bytes = [&datagram[..], &[9; 12]].concat();
        let view = View::new(&bytes).unwrap();
        assert_eq!((view.payload(), view.surplus()), (&[7; 20][..], &[9; 12][..]));
        assert_eq!(view.payload_range(), 8..28);
        assert!(view.checksum_ok(V4[0], V4[1]));
    }

    /// Covers: RFC 768 768-6; RFC 6935 6935-1; RFC 8200 8200-19
    #[test]
    fn a_sum_of_zero_is_sent_as_all_ones() {
        for addresses in [V4, V6] {
            // Data that brings the sum to all ones, so that its complement is zero.
            let plain = written((1, 2), &Payload::copy_of(&[0, 0]), addresses);
            let filler = Payload::copy_of(&plain[6..8]);
            let bytes = written((1, 2), &filler, addresses);
            assert_eq!(bytes[6..8], [0xff, 0xff]);
            assert!(View::new(&bytes).unwrap().checksum_ok(addresses[0], addresses[1]));
        }
        let mut none = Head::new();
        Repr { src_port: 0, dst_port: 2 }.prepend_to(&mut none, 0).unwrap();
        assert!(!View::new(none.as_slice()).unwrap().has_checksum());
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let repr = Repr { src_port: 1, dst_port: 2 };
        assert_eq!(repr.prepend_to(&mut Head::new(), 65_528), Err(NoRoom));
        assert_eq!(repr.prepend_to(&mut Head::new(), 65_527), Ok(()));
        assert_eq!(fill_checksum(&mut Head::new(), &Payload::EMPTY, V4[0], V4[1]), Err(Malformed::TooShort));
    }

    proptest! {
        /// Covers: RFC 768 768-5
        #[test]
        fn any_datagram_verifies_and_a_partial_sum_can_be_finished(
            data in proptest::collection::vec(any::<u8>(), 0..100), cut: proptest::sample::Index, six: bool,
        ) {
            let addresses = if six { V6 } else { V4 };
            let at = cut.index(data.len() + 1);
            let mut body = Payload::copy_of(&data[..at]);
            body.push(data[at..].to_vec().into());
            let bytes = written((1, 2), &body, addresses);
            prop_assert!(View::new(&bytes).unwrap().checksum_ok(addresses[0], addresses[1]));
            let mut head = Head::new();
            Repr { src_port: 1, dst_port: 2 }.prepend_to(&mut head, body.len()).unwrap();
            fill_partial_checksum(&mut head, body.len(), addresses[0], addresses[1]).unwrap();
            let finished = checksum::sum(head.as_slice()).with_payload(&body).checksum();
            let full = View::new(&bytes).unwrap().checksum();
            prop_assert!(finished == full || (finished == 0 && full == 0xffff));
        }
    }
}
