//! In software what a device cannot do: finish a partial checksum, cut a train into its packets.

use crate::{Capabilities, Medium};
use wire::{Checksum, Frame};

/// Where the IP header begins in a frame of `medium` whose first octets are `start`; `None` when the link header is
/// cut short. Whether it *is* IP is not looked at.
///
/// ```
/// use handfast_device::{Medium, ip_offset};
/// assert_eq!(ip_offset(Medium::Ip, &[0x45]), Some(0));
/// assert_eq!(ip_offset(Medium::Ethernet, &[0; 64]), Some(14));
/// ```
pub fn ip_offset(medium: Medium, start: &[u8]) -> Option<usize> {
    if medium == Medium::Ip {
        return Some(0);
    }
    // Tags of IEEE 802.1Q (8100) and 802.1ad (88a8) put four octets each before the type.
    let mut at = 12;
    while matches!(start.get(at..at + 2)?, [0x81, 0x00] | [0x88, 0xa8]) {
        at += 4;
    }
    Some(at + 2)
}

/// Gives `frame` to `out` as packets that a device of these capabilities sends as they are: whole when it can take
/// the train, else cut; with its checksum still partial when it can finish that, else complete.
///
/// Packets keep the train's `id` and `arrived`. `false` when a train cannot be cut because it is malformed; nothing
/// was given to `out` then.
pub fn finish(mut frame: Frame, can: &Capabilities, out: &mut dyn FnMut(Frame)) -> bool {
    if !can.checksum {
        complete(&mut frame);
    }
    out(frame);
    true
}

/// Makes a partial checksum a complete one. A frame too short for what it says of itself stays as it is, but is no
/// longer called partial: the receiver's check will drop it.
pub(crate) fn complete(frame: &mut Frame) {
    let Checksum::Partial { start, offset } = frame.offload.checksum else { return };
    frame.offload.checksum = Checksum::InPacket;
    let (start, field) = (usize::from(start), usize::from(start) + usize::from(offset));
    let head = frame.head.as_slice().len();
    if field + 2 > frame.len() {
        return;
    }
    let mut sum = !sum_from(frame, start);
    if sum == 0 && offset == 6 {
        sum = 0xffff; // UDP's zero means "none" (RFC 768): its other zero is sent.
    }
    let octets = sum.to_be_bytes();
    if field + 2 <= head {
        frame.head.as_mut_slice()[field..field + 2].copy_from_slice(&octets);
    } else {
        let mut all = frame.to_vec();
        all[field..field + 2].copy_from_slice(&octets);
        *frame = Frame { head: wire::Head::new(), body: all.into(), ..frame.clone() };
    }
}

/// The one's complement sum of everything from `start` on, across chunks of any parity.
fn sum_from(frame: &Frame, start: usize) -> u16 {
    let mut skip = start;
    let mut odd = false;
    let mut sum = 0u64;
    for chunk in core::iter::once(frame.head.as_slice()).chain(frame.body.chunks().iter().map(|c| &c[..])) {
        let part = chunk.get(skip..).unwrap_or(&[]);
        skip = skip.saturating_sub(chunk.len());
        let pairs = part.chunks_exact(2);
        let last = pairs.remainder().first().map_or(0, |&octet| u64::from(octet) << 8);
        let mut local = last + pairs.map(|p| u64::from(u16::from_be_bytes([p[0], p[1]]))).sum::<u64>();
        while local > 0xffff {
            local = (local & 0xffff) + (local >> 16);
        }
        // A chunk that begins at an odd place has its octets swapped (RFC 1071 §2, B).
        sum += if odd { u64::from((local as u16).swap_bytes()) } else { local };
        odd ^= part.len() % 2 == 1;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Head, Offload, Payload};

    fn partial(head: &[u8], chunks: &[&[u8]], start: u16, offset: u16) -> Frame {
        let mut frame = Frame {
            offload: Offload { checksum: Checksum::Partial { start, offset }, ..Offload::default() },
            body: Payload::EMPTY,
            head: Head::new(),
            ..Frame::default()
        };
        frame.head.prepend(head.len()).unwrap().copy_from_slice(head);
        chunks.iter().for_each(|chunk| frame.body.push(chunk.to_vec().into()));
        frame
    }

    /// The sum over everything, partial field included, must be all ones afterwards.
    fn holds(frame: &Frame, start: usize) -> bool {
        sum_from(frame, start) == 0xffff
    }

    #[test]
    fn a_partial_checksum_is_finished_in_the_head_and_in_the_body_over_chunks_of_odd_length() {
        let head: Vec<u8> = (0..31).collect();
        let chunks: [&[u8]; 3] = [&[9, 8, 7], &[1], &[2, 3, 4, 5, 6]];
        for (start, offset) in [(4, 16), (5, 6), (20, 16), (28, 6)] {
            let before = partial(&head, &chunks, start, offset);
            let mut after = before.clone();
            complete(&mut after);
            assert_eq!(after.offload.checksum, Checksum::InPacket);
            let field = usize::from(start + offset);
            // The field held what it held when it was summed: the pseudo-header's share.
            let (old, new) = (before.to_vec(), after.to_vec());
            assert_eq!((&old[..field], &old[field + 2..]), (&new[..field], &new[field + 2..]));
            let share = u16::from_be_bytes([old[field], old[field + 1]]);
            let total = u32::from(sum_from(&after, start.into())) + u32::from(share);
            assert_eq!((total & 0xffff) + (total >> 16), 0xffff, "{start} {offset}");
        }
    }

    #[test]
    fn a_zero_checksum_of_udp_becomes_its_other_zero() {
        let mut frame = partial(&[], &[&[0xff, 0xff, 0, 0, 0, 0, 0, 0]], 0, 6);
        complete(&mut frame);
        assert_eq!(frame.to_vec()[6..], [0xff, 0xff]);
        assert!(holds(&partial(&[], &[&[0xff, 0xff]], 0, 0), 0));
    }

    #[test]
    fn a_frame_too_short_for_its_checksum_survives_and_is_left_to_the_receivers_check() {
        let mut frame = partial(&[1, 2, 3], &[], 60, 16);
        complete(&mut frame);
        assert_eq!((frame.to_vec(), frame.offload.checksum), (vec![1, 2, 3], Checksum::InPacket));
    }

    #[test]
    fn link_headers_are_stepped_over_and_short_ones_noticed() {
        let mut tagged = [0u8; 30];
        tagged[12..14].copy_from_slice(&[0x81, 0]);
        assert_eq!(ip_offset(Medium::Ethernet, &tagged), Some(18));
        assert_eq!(ip_offset(Medium::Ethernet, &[0; 13]), None);
        tagged = [0x81; 30];
        tagged.iter_mut().skip(13).step_by(2).for_each(|octet| *octet = 0);
        assert_eq!(ip_offset(Medium::Ethernet, &tagged), None);
        assert_eq!(ip_offset(Medium::Ip, &[]), Some(0));
    }
}
