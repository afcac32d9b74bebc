//! What stands before the IP header, by LINKTYPE.
//!
//! ```text
//!   1 Ethernet (with tags)   113, 276 Linux cooked   0, 108 BSD loopback   12, 14, 101, 228, 229 raw IP
//! ```

/// What a captured frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network<'a> {
    /// An IP packet, of whichever version.
    Ip(&'a [u8]),
    /// An ARP packet.
    Arp,
    /// Something else.
    Other,
    /// Its link header was cut off.
    Short,
    /// A link type that is not read.
    UnknownLink,
}

/// Tags that may stand before what a frame carries; nobody nests more of them on purpose.
const MOST_TAGS: usize = 8;

/// Reads the link header of a frame.
pub(crate) fn strip(link: u32, frame: &[u8]) -> Network<'_> {
    let read = match link {
        0 | 108 => loopback(frame),
        1 => half(frame, 12).and_then(|kind| typed(kind, frame.get(14..)?)),
        12 | 14 | 101 | 228 | 229 => Some(Network::Ip(frame)),
        113 => half(frame, 14).and_then(|kind| typed(kind, frame.get(16..)?)),
        276 => half(frame, 0).and_then(|kind| typed(kind, frame.get(20..)?)),
        _ => return Network::UnknownLink,
    };
    read.unwrap_or(Network::Short)
}

fn half(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|&two| u16::from_be_bytes(two))
}

/// What an EtherType stands for; tags (IEEE 802.1Q, 802.1ad) and PPPoE sessions are stepped over.
fn typed(mut kind: u16, mut rest: &[u8]) -> Option<Network<'_>> {
    for _ in 0..MOST_TAGS {
        match kind {
            0x0800 | 0x86dd => return Some(Network::Ip(rest)),
            0x0806 => return Some(Network::Arp),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                kind = half(rest, 2)?;
                rest = rest.get(4..)?;
            }
            0x8864 => {
                // Six octets of PPPoE, two of PPP (RFC 2516, RFC 1332, RFC 5072).
                let protocol = half(rest, 6)?;
                rest = rest.get(8..)?;
                return Some(match protocol {
                    0x0021 | 0x0057 => Network::Ip(rest),
                    _ => Network::Other,
                });
            }
            _ => return Some(Network::Other),
        }
    }
    Some(Network::Other)
}

/// Four octets of address family: in the byte order of whoever captured (0), or in network order (108).
fn loopback(frame: &[u8]) -> Option<Network<'_>> {
    let family = u32::from_be_bytes(*frame.first_chunk()?);
    let rest = frame.get(4..)?;
    // IPv6 is 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on Darwin, 10 on Linux.
    let is_ip = |family| matches!(family, 2 | 10 | 24 | 28 | 30);
    Some(if is_ip(family) || is_ip(family.swap_bytes()) { Network::Ip(rest) } else { Network::Other })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: &[u8] = &[0x45, 0];

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn each_link_type_is_stepped_over() {
        let macs = [0; 12];
        for (link, header) in [
            (1, frame(&[&macs, &[8, 0]])),
            (1, frame(&[&macs, &[0x81, 0, 0, 5, 8, 0]])),
            (1, frame(&[&macs, &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x86, 0xdd]])),
            (1, frame(&[&macs, &[0x88, 0x64, 0x11, 0, 0, 1, 0, 4, 0, 0x21]])),
            (113, frame(&[&[0; 14], &[8, 0]])),
            (276, frame(&[&[8, 0], &[0; 18]])),
            (0, vec![2, 0, 0, 0]),
            (0, vec![0, 0, 0, 2]),
            (0, vec![30, 0, 0, 0]),
            (108, vec![0, 0, 0, 24]),
            (12, vec![]),
            (14, vec![]),
            (101, vec![]),
            (228, vec![]),
            (229, vec![]),
        ] {
            let whole = frame(&[&header, IP]);
            assert_eq!(strip(link, &whole), Network::Ip(IP), "{link} {header:x?}");
            if !header.is_empty() {
                assert_eq!(strip(link, &header[..header.len() - 1]), Network::Short, "{link} {header:x?}");
            }
        }
        assert_eq!(strip(1, &frame(&[&macs, &[8, 6]])), Network::Arp);
        assert_eq!(strip(1, &frame(&[&macs, &[0x88, 0xcc]])), Network::Other);
        assert_eq!(strip(147, IP), Network::UnknownLink);
        let nested = frame(&[&macs, &[0x81, 0, 0, 1].repeat(40), &[8, 0], IP]);
        assert_eq!(strip(1, &nested), Network::Other);
    }
}
