//! What must hold of any batch that is coalesced: the property test and the fuzz target run this body.

use handfast_device::coalesce::Coalescer;
use handfast_device::{Frame, Medium, ip_offset};
use std::net::{Ipv4Addr, Ipv6Addr};
use wire::checksum::{Sum, pseudo_header_v4, pseudo_header_v6, sum};
use wire::{Protocol, segmentation};

/// Frames of one input.
const MOST: usize = 128;

/// Where the headers of TCP over bare IP are: the IP header, the segment, the packet's end.
struct Tcp {
    v4: bool,
    ip: usize,
    segment: usize,
    end: usize,
}

/// Finds TCP over IPv4 without fragments, or directly over IPv6. Not by the code under test.
fn tcp(octets: &[u8], medium: Medium) -> Option<Tcp> {
    let ip = ip_offset(medium, octets)?;
    let packet = octets.get(ip..)?;
    let field = |at: usize| Some(usize::from(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?])));
    let v4 = match packet.first()? >> 4 {
        4 => true,
        6 => false,
        _ => return None,
    };
    let (segment, end, protocol) = if v4 {
        let whole = field(6)? & 0x3fff == 0;
        (usize::from(packet[0] & 15) * 4, field(2)?, packet.get(9).filter(|_| whole)?)
    } else {
        (40, 40 + field(4)?, packet.get(6)?)
    };
    let fits = segment >= 20 && segment + 20 <= end && end <= packet.len();
    let fits = fits && usize::from(packet.get(segment + 12)? >> 4) * 4 >= 20;
    (*protocol == 6 && fits).then_some(Tcp { v4, ip, segment: ip + segment, end: ip + end })
}

/// The pseudo-header's sum.
fn pseudo(octets: &[u8], at: &Tcp) -> Sum {
    let length = (at.end - at.segment) as u32;
    let v4 = |from: usize| Ipv4Addr::from(*octets[at.ip + from..].first_chunk().expect("a whole header"));
    let v6 = |from: usize| Ipv6Addr::from(*octets[at.ip + from..].first_chunk().expect("a whole header"));
    if at.v4 {
        pseudo_header_v4(v4(12), v4(16), Protocol::TCP, length)
    } else {
        pseudo_header_v6(v6(8), v6(24), Protocol::TCP, length)
    }
}

/// Whether the checksums of IP and of TCP hold.
fn sums_hold(octets: &[u8], at: &Tcp) -> (bool, bool) {
    let ip = !at.v4 || sum(&octets[at.ip..at.segment]).verifies();
    (ip, pseudo(octets, at).with(&octets[at.segment..at.end]).verifies())
}

/// Makes the length of IP and all checksums right.
fn mend(octets: &mut [u8], medium: Medium) {
    let Some(ip) = ip_offset(medium, octets) else { return };
    let Some(packet) = octets.get_mut(ip..).filter(|packet| packet.len() >= 40) else { return };
    let len = packet.len().min(65_535) as u16;
    if packet[0] >> 4 == 4 {
        packet[2..4].copy_from_slice(&len.to_be_bytes());
    } else {
        packet[4..6].copy_from_slice(&(len - 40).to_be_bytes());
    }
    let Some(at) = tcp(octets, medium) else { return };
    if at.v4 {
        octets[at.ip + 10..at.ip + 12].fill(0);
        let right = sum(&octets[at.ip..at.segment]).checksum();
        octets[at.ip + 10..at.ip + 12].copy_from_slice(&right.to_be_bytes());
    }
    octets[at.segment + 16..at.segment + 18].fill(0);
    let right = pseudo(octets, &at).with(&octets[at.segment..at.end]).checksum();
    octets[at.segment + 16..at.segment + 18].copy_from_slice(&right.to_be_bytes());
}

/// Makes of a segment the one that follows it.
fn follow(octets: &mut [u8], medium: Medium) {
    let Some(at) = tcp(octets, medium) else { return };
    let text = at.segment + usize::from(octets[at.segment + 12] >> 4) * 4;
    let number = at.segment + 4..at.segment + 8;
    let mut seq = [0; 4];
    seq.copy_from_slice(&octets[number.clone()]);
    let next = u32::from_be_bytes(seq).wrapping_add(at.end.saturating_sub(text) as u32);
    octets[number].copy_from_slice(&next.to_be_bytes());
}

/// What a train must keep of a packet: all but the padding of the link and the identification; of checksums, whether
/// they hold.
fn kept(octets: &[u8], medium: Medium) -> Vec<u8> {
    let Some(at) = tcp(octets, medium) else { return octets.to_vec() };
    let (ip, segment) = sums_hold(octets, &at);
    let mut kept = octets[..at.end].to_vec();
    if at.v4 {
        kept[at.ip + 4..at.ip + 6].fill(0);
        kept[at.ip + 10..at.ip + 12].copy_from_slice(&[0, ip.into()]);
    }
    kept[at.segment + 16..at.segment + 18].copy_from_slice(&[0, segment.into()]);
    kept
}

/// What tells a flow: addresses and ports, if it is TCP. All else is one flow.
fn flow(octets: &[u8], medium: Medium) -> Vec<u8> {
    let Some(at) = tcp(octets, medium) else { return Vec::new() };
    let addresses = if at.v4 { at.ip + 12..at.ip + 20 } else { at.ip + 8..at.ip + 40 };
    [&octets[addresses], &octets[at.segment..at.segment + 4]].concat()
}

/// Coalesces a batch and cuts it again: the same packets, each flow in the same order, and a train is sound. Says how
/// many trains there were.
pub(crate) fn any_batch(batch: &[Vec<u8>], medium: Medium) -> u64 {
    let frame = |octets: &Vec<u8>| Frame { body: octets.clone().into(), ..Frame::default() };
    let mut frames: Vec<Frame> = batch.iter().map(frame).collect();
    let made = Coalescer::default().run(medium, &mut frames, 0);
    let (mut after, mut trains) = (Vec::new(), 0);
    for frame in frames {
        if frame.offload.segment_size.is_none() {
            after.push(frame.to_vec());
            continue;
        }
        trains += 1;
        let whole = frame.to_vec();
        assert!(tcp(&whole, medium).is_some_and(|at| at.end == whole.len()), "a train is one packet");
        let first = after.len();
        after.extend(segmentation::split(frame, medium).expect("a train can be cut").map(|one| one.to_vec()));
        assert!(after.len() > first + 1, "a train is more than one");
        for packet in &after[first..] {
            let at = tcp(packet, medium).expect("a packet of a train is TCP");
            assert_eq!(sums_hold(packet, &at), (true, true));
        }
    }
    assert_eq!(made, trains);
    let by_flow = |packets: &[Vec<u8>]| {
        let mut all: Vec<_> =
            packets.iter().map(|packet| (flow(packet, medium), kept(packet, medium))).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    };
    let (before, after) = (by_flow(batch), by_flow(&after));
    assert_eq!(before.len(), after.len(), "as many packets as there were");
    for ((flow, one), (_, other)) in before.iter().zip(&after) {
        let at = one.iter().zip(other).position(|(one, other)| one != other);
        assert!(
            one == other,
            "the same packets in flow {flow:?}: {} octets, {}, first other at {at:?}",
            one.len(),
            other.len()
        );
    }
    trains
}

/// The same for octets that tell of a batch. The first says whether it is Ethernet; then come frames:
///
/// ```text
///    kind 0 │ length, 2 octets │ the frame
///    kind 1 │ at, 2 octets │ flip │ cut │ pad     the frame before, as what follows it; one octet is another, its end is
///                                               cut off, and the link pads it
///    kind + 2: lengths and checksums are made right
/// ```
pub(crate) fn coalesce(bytes: &[u8]) -> u64 {
    let Some((&ethernet, mut rest)) = bytes.split_first() else { return 0 };
    let medium = if ethernet & 1 == 1 { Medium::Ethernet } else { Medium::Ip };
    let mut batch: Vec<Vec<u8>> = Vec::new();
    while let Some((&kind, after)) = rest.split_first()
        && batch.len() < MOST
    {
        let (mut octets, pad);
        if kind & 1 == 0 {
            let Some((&length, after)) = after.split_first_chunk() else { break };
            let length = usize::from(u16::from_be_bytes(length)).min(after.len());
            let (frame, after) = after.split_at(length);
            (octets, pad, rest) = (frame.to_vec(), 0, after);
        } else {
            let Some((&[high, low, flip, cut, padding], after)) = after.split_first_chunk() else { break };
            octets = batch.last().cloned().unwrap_or_default();
            follow(&mut octets, medium);
            octets.truncate(octets.len() - octets.len().min(cut.into()));
            if let Some(octet) = octets.get_mut(usize::from(u16::from_be_bytes([high, low]))) {
                *octet ^= flip;
            }
            (pad, rest) = (usize::from(padding), after);
        }
        if kind & 2 != 0 {
            mend(&mut octets, medium);
        }
        octets.resize(octets.len() + pad, 0);
        batch.push(octets);
    }
    any_batch(&batch, medium)
}
