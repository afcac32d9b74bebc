//! In software what a device cannot do: finish a partial checksum, cut a train into its packets.

use crate::{Capabilities, Medium};
use wire::{Frame, segmentation};

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
/// Packets keep the train's `id` and `arrived`. `false` when the frame is malformed (a train that cannot be cut, a
/// partial checksum beyond its end); nothing was given to `out` then.
pub fn finish(mut frame: Frame, can: &Capabilities, out: &mut dyn FnMut(Frame)) -> bool {
    let train = frame.offload.segment_size.is_some();
    if train && !can.segmentation {
        return segmentation::split(frame, can.medium).is_ok_and(|packets| {
            packets.for_each(out);
            true
        });
    }
    // Who cuts a train sums each of its packets anyway.
    if !train && !can.checksum && segmentation::finish_checksum(&mut frame).is_err() {
        return false;
    }
    out(frame);
    true
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU16;
    use wire::{Checksum, Head, Offload, Payload, Protocol, SegmentKind, ipv4, tcp, udp};

    const SRC: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const DST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    /// A train of `size` octets of text in packets of 100, its checksum partial.
    pub(crate) fn train(size: usize) -> Frame {
        let body = Payload::from(vec![b'x'; size]);
        let mut head = Head::new();
        tcp::Header::default().prepend_to(&mut head, 1, 2).unwrap();
        tcp::fill_partial_checksum(&mut head, body.len(), SRC.into(), DST.into()).unwrap();
        ipv4::Repr::new(SRC, DST, Protocol::TCP).prepend_to(&mut head, body.len()).unwrap();
        let offload = Offload {
            checksum: Checksum::Partial { start: 20, offset: tcp::CHECKSUM_OFFSET },
            segment_size: NonZeroU16::new(100),
            segment_kind: Some(SegmentKind::Tcp4),
        };
        Frame { head, body, offload, id: 5, ..Frame::default() }
    }

    /// Octets of text of a whole TCP packet whose checksums hold, and its sequence number.
    pub(crate) fn check_packet(octets: &[u8]) -> (usize, u32) {
        let ip = ipv4::View::new(octets).unwrap();
        let segment = tcp::View::new(ip.payload()).unwrap();
        assert!(ip.checksum_ok() && segment.checksum_ok(IpAddr::V4(SRC), IpAddr::V4(DST)));
        (segment.payload().len(), segment.seq().raw())
    }

    fn finished(frame: Frame, segmentation: bool, checksum: bool) -> Vec<Frame> {
        let mut packets = Vec::new();
        let can = Capabilities { segmentation, checksum, ..Capabilities::default() };
        assert!(finish(frame, &can, &mut |packet| packets.push(packet)));
        packets
    }

    #[test]
    fn a_train_is_cut_for_a_device_that_cannot_and_left_whole_for_one_that_can() {
        let whole = train(250);
        assert_eq!(finished(whole.clone(), true, true), std::slice::from_ref(&whole));
        for checksum in [false, true] {
            let packets = finished(whole.clone(), false, checksum);
            let seen: Vec<_> = packets.iter().map(|packet| check_packet(&packet.contiguous())).collect();
            assert_eq!(seen, [(100, 0), (100, 100), (50, 200)]);
            assert!(packets.iter().all(|packet| packet.id == 5 && packet.offload == Offload::default()));
        }
    }

    #[test]
    fn a_partial_checksum_is_finished_unless_the_device_does_that() {
        let mut packet = train(80);
        packet.offload.segment_size = None;
        assert_eq!(finished(packet.clone(), false, true), [packet.clone()]);
        assert_eq!(check_packet(&finished(packet, false, false)[0].contiguous()), (80, 0));
    }

    #[test]
    fn what_cannot_be_finished_is_refused() {
        let mut junk = train(250);
        junk.head = Head::new();
        let mut short = train(0);
        short.offload.segment_size = None;
        short.offload.checksum = Checksum::Partial { start: 60, offset: udp::CHECKSUM_OFFSET };
        for frame in [junk, short] {
            assert!(!finish(frame, &Capabilities::default(), &mut |packet| panic!("{packet:?}")));
        }
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
