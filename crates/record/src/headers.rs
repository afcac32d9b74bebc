//! Which octets of a frame are headers: what a recording without payload keeps of it.
//!
//! ```text
//!   ┌ link ┬ IP, its options ┬ transport header ┬ payload ──┐
//!   └──────────────── kept ─────────────────────┘ left out  │   what steers a host (ARP, neighbour discovery, groups)
//!                              └ checksum: masked, for it is a sum of the payload        is kept whole
//! ```

use wire::Protocol;

/// Octets from a frame's beginning in which all headers are, unless somebody plays tricks.
pub(crate) const LONGEST: usize = 512;
/// Octets of a datagram in which a transport header may stand, whichever fragment they come in.
const TRANSPORT: usize = 64;

/// What of a frame is headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headers {
    /// So many octets, from the beginning.
    pub(crate) len: usize,
    /// Where among them the transport header begins, if there is one.
    pub(crate) transport: usize,
    /// Whether they end within what was looked at: more octets would not make them longer.
    pub(crate) all: bool,
    /// The transport checksums among them.
    checksums: [Option<Sum>; 2],
}

/// A transport checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sum {
    at: usize,
    /// Zero says that there is none: in UDP. Elsewhere it is a sum like any other.
    may_be_none: bool,
}

/// Until the frame's end, wherever that is.
const WHOLE: Headers = Headers { len: usize::MAX, transport: 0, all: false, checksums: [None; 2] };

impl Headers {
    /// The headers of a frame of which `octets` is the beginning, or all.
    pub(crate) fn of(ethernet: bool, octets: &[u8]) -> Self {
        let found = Self::find(ethernet, octets);
        Self { len: found.len.min(octets.len()), all: found.len <= octets.len(), ..found }
    }

    /// The same, but that they may be longer than what is there.
    fn find(ethernet: bool, octets: &[u8]) -> Self {
        if !ethernet {
            return Self::ip(octets, 0);
        }
        let kind = |at: usize| octets.get(at..at + 2).map(|kind| [kind[0], kind[1]]);
        let start = if kind(12) == Some([0x81, 0]) { 18 } else { 14 };
        match kind(start - 2) {
            Some([0x08, 0x00] | [0x86, 0xdd]) => Self::ip(octets, start),
            Some([0x08, 0x06]) => WHOLE, // ARP
            _ => Self { len: start, ..Self::default() },
        }
    }

    /// Takes the sums of payload out of a copy of the headers. In UDP zero stays: it says that there is no sum.
    pub(crate) fn mask(&self, kept: &mut [u8]) {
        for Sum { at, may_be_none } in self.checksums.into_iter().flatten() {
            if let Some(sum) = kept.get_mut(at..at + 2)
                && !(may_be_none && *sum == [0, 0])
            {
                sum.fill(0xff);
            }
        }
    }

    fn ip(octets: &[u8], start: usize) -> Self {
        let at = |at: usize| octets.get(start + at).copied().unwrap_or(0);
        match at(0) >> 4 {
            4 => {
                let header = usize::from(at(0) & 0xf) * 4;
                let offset = usize::from(u16::from_be_bytes([at(6) & 0x1f, at(7)])) * 8;
                Self::transport(octets, start + header, Protocol::new(at(9)), offset)
            }
            6 => Self::ipv6(octets, start),
            _ => WHOLE,
        }
    }

    fn ipv6(octets: &[u8], start: usize) -> Self {
        let byte = |at: usize| octets.get(at).copied().unwrap_or(0);
        let (mut next, mut at, mut offset) = (Protocol::new(byte(start + 6)), start + 40, 0);
        // Extension headers: hop by hop, routing, destination options; then perhaps a fragment's.
        while at < octets.len() && offset == 0 {
            match next {
                Protocol::HOP_BY_HOP | Protocol::ROUTING | Protocol::DESTINATION_OPTIONS => {
                    next = Protocol::new(byte(at));
                    at += (usize::from(byte(at + 1)) + 1) * 8;
                }
                Protocol::FRAGMENT => {
                    next = Protocol::new(byte(at));
                    offset = usize::from(u16::from_be_bytes([byte(at + 2), byte(at + 3)]) & !7);
                    at += 8;
                }
                _ => return Self::transport(octets, at, next, offset),
            }
        }
        match next {
            // One more, behind the end of what is there.
            Protocol::HOP_BY_HOP | Protocol::ROUTING | Protocol::DESTINATION_OPTIONS => WHOLE,
            _ => Self::transport(octets, at, next, offset),
        }
    }

    /// `offset` is where in its datagram what begins at `start` stands.
    fn transport(octets: &[u8], start: usize, protocol: Protocol, offset: usize) -> Self {
        let byte = |at: usize| octets.get(start + at).copied().unwrap_or(0);
        if offset > 0 {
            return Self { len: start + TRANSPORT.saturating_sub(offset), ..Self::default() };
        }
        let (len, checksum) = match protocol {
            Protocol::TCP => (usize::from(byte(12) >> 4).max(5) * 4, 16),
            Protocol::UDP => (8, 6),
            Protocol::ICMP | Protocol::ICMPV6 => {
                let v6 = protocol == Protocol::ICMPV6;
                match byte(0) {
                    0 | 8 if !v6 => (8, 2),
                    128 | 129 if v6 => (8, 2),
                    // Errors quote the beginning of a packet, payload and all.
                    3 | 4 | 5 | 11 | 12 if !v6 => return Self::error(octets, start),
                    0..=127 if v6 => return Self::error(octets, start),
                    _ => return WHOLE,
                }
            }
            Protocol::IGMP => return WHOLE,
            _ => return Self { len: start, ..Self::default() },
        };
        let sum = Sum { at: start + checksum, may_be_none: protocol == Protocol::UDP };
        Self { len: start + len, transport: start, checksums: [Some(sum), None], all: false }
    }

    fn error(octets: &[u8], start: usize) -> Self {
        let begins = octets.get(start + 8).map_or(0, |first| first >> 4);
        // No error quotes an error: this ends.
        let quotes_error = matches!(begins, 4 | 6)
            && octets.get(start + 8..).is_some_and(|quoted| {
                let kind = if begins == 4 { usize::from(quoted[0] & 0xf) * 4 } else { 40 };
                let protocol = quoted.get(if begins == 4 { 9 } else { 6 }).copied().map(Protocol::new);
                matches!(protocol, Some(Protocol::ICMP | Protocol::ICMPV6))
                    && !matches!(quoted.get(kind), Some(0 | 8 | 128 | 129))
            });
        if quotes_error {
            let checksums = [Some(Sum { at: start + 2, may_be_none: false }), None];
            return Self { len: start + 8 + 48, checksums, ..Self::default() };
        }
        let quoted = Self::ip(octets, start + 8);
        let checksums = [Some(Sum { at: start + 2, may_be_none: false }), quoted.checksums[0]];
        Self { len: quoted.len, checksums, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v4(protocol: u8, fragment: u16, rest: &[u8]) -> Vec<u8> {
        let [f0, f1] = fragment.to_be_bytes();
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, f0, f1, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn headers_end_where_payload_begins() {
        let mut tcp = vec![0; 60];
        tcp[12] = 0x80;
        assert_eq!(Headers::of(false, &v4(6, 0, &tcp)).len, 20 + 32);
        assert_eq!(Headers::of(false, &v4(17, 0, &[1; 60])).len, 28);
        assert_eq!(Headers::of(false, &v4(1, 0, &[8; 60])).len, 28);
        assert_eq!(Headers::of(false, &v4(2, 0, &[8; 60])).len, 80);
        assert_eq!(Headers::of(false, &v4(99, 0, &[8; 60])).len, 20);
        // Of a second fragment as much as may still be header.
        assert_eq!(Headers::of(false, &v4(17, 1, &[8; 99])).len, 20 + 56);
        assert_eq!(Headers::of(false, &v4(17, 100, &[8; 99])).len, 20);
        // An error: down to the transport header that it quotes.
        let mut error = vec![3, 3, 9, 9, 0, 0, 0, 0];
        error.extend(v4(17, 0, &[7; 60]));
        let packet = v4(1, 0, &error);
        let headers = Headers::of(false, &packet);
        assert_eq!(headers.len, 20 + 8 + 28);
        let mut kept = packet[..headers.len].to_vec();
        headers.mask(&mut kept);
        assert_eq!((&kept[22..24], &kept[54..56]), (&[0xff, 0xff][..], &[0xff, 0xff][..]));
        // On Ethernet, tagged or not.
        let mut frame = vec![0; 12];
        frame.extend([0x81, 0, 0, 5, 8, 0]);
        frame.extend(v4(17, 0, &[1; 60]));
        assert_eq!(Headers::of(true, &frame).len, 18 + 28);
        assert_eq!(Headers::of(true, &[[0; 12].as_slice(), &[8, 6], &[1; 46]].concat()).len, 60);
    }

    #[test]
    fn no_sum_stays_no_sum() {
        let packet = v4(17, 0, &[0; 60]);
        let headers = Headers::of(false, &packet);
        let mut kept = packet[..headers.len].to_vec();
        headers.mask(&mut kept);
        assert_eq!(kept, packet[..28]);
        // A sum of TCP's that happens to be zero is one.
        let packet = v4(6, 0, &[0; 60]);
        let mut kept = packet[..Headers::of(false, &packet).len].to_vec();
        Headers::of(false, &packet).mask(&mut kept);
        assert_eq!(kept[36..38], [0xff, 0xff]);
    }

    proptest! {
        #[test]
        fn any_octets_have_headers_within_them(
            ethernet: bool, mut octets in proptest::collection::vec(any::<u8>(), 0..200), first: u8,
        ) {
            if let Some(at) = octets.get_mut(if ethernet { 14 } else { 0 }) {
                *at = [0x45, 0x60, 0x4f, first][usize::from(first % 4)];
            }
            if ethernet && octets.len() > 14 {
                (octets[12], octets[13]) = if first > 99 { (8, 0) } else { (0x86, 0xdd) };
            }
            let headers = Headers::of(ethernet, &octets);
            prop_assert!(headers.len <= octets.len());
            headers.mask(&mut octets[..headers.len].to_vec());
        }
    }
}
