//! A train is its segments: whatever is joined can be had back.

use super::*;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use wire::tcp::{Header, Options, Timestamps};
use wire::{Ecn, SeqNum, WireWindow, ethernet, segmentation};

/// A segment of one of a few flows, and what may keep it from joining.
#[derive(Clone, Debug)]
struct Segment {
    flow: u8,
    v4: bool,
    seq: u32,
    ack: u32,
    window: u16,
    flags: Flags,
    stamp: Option<u32>,
    ecn: Ecn,
    ttl: u8,
    size: usize,
    broken: bool,
}

impl Segment {
    fn frame(&self, medium: Medium) -> Frame {
        let octets: Vec<u8> = (0..self.size).map(|n| (self.seq as usize + n) as u8).collect();
        let body = Payload::from(octets);
        let mut options = Options::NONE;
        options.timestamps = self.stamp.map(|value| Timestamps { value, echo: 1 });
        let header = Header {
            seq: SeqNum::new(self.seq),
            ack: SeqNum::new(self.ack),
            flags: self.flags,
            window: WireWindow::new(self.window),
            options,
            ..Header::default()
        };
        let mut head = Head::new();
        header.prepend_to(&mut head, 1000 + u16::from(self.flow), 80).unwrap();
        if self.v4 {
            let (src, dst) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
            tcp::fill_checksum(&mut head, &body, IpAddr::V4(src), IpAddr::V4(dst)).unwrap();
            let ip = ipv4::Repr { ecn: self.ecn, ttl: self.ttl, ..ipv4::Repr::new(src, dst, Protocol::TCP) };
            ip.prepend_to(&mut head, body.len()).unwrap();
        } else {
            let (src, dst) = (Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED);
            tcp::fill_checksum(&mut head, &body, IpAddr::V6(src), IpAddr::V6(dst)).unwrap();
            let ip =
                ipv6::Repr { ecn: self.ecn, hop_limit: self.ttl, ..ipv6::Repr::new(src, dst, Protocol::TCP) };
            ip.prepend_to(&mut head, body.len()).unwrap();
        }
        if medium == Medium::Ethernet {
            let ethertype = if self.v4 { ethernet::EtherType::IPV4 } else { ethernet::EtherType::IPV6 };
            let [src, dst] = [1, 2].map(|n| ethernet::MacAddr::new([2, 0, 0, 0, 0, n]));
            ethernet::Repr { dst, src, ethertype, vlan: None }.prepend_to(&mut head).unwrap();
        }
        let mut octets = [head.as_slice(), &body.to_vec()].concat();
        if self.broken
            && let Some(last) = octets.last_mut()
        {
            *last ^= 1;
        }
        Frame { body: octets.into(), id: 7, ..Frame::default() }
    }
}

fn plain(seq: u32, size: usize) -> Segment {
    Segment {
        flow: 0,
        v4: true,
        seq,
        ack: 5,
        window: 100,
        flags: Flags::ACK,
        stamp: Some(9),
        ecn: Ecn::Ect0,
        ttl: 64,
        size,
        broken: false,
    }
}

fn joined(segments: &[Segment], medium: Medium) -> Vec<Frame> {
    let mut frames = vec![plain(0, 3).frame(medium)];
    frames.extend(segments.iter().map(|segment| segment.frame(medium)));
    Coalescer::default().run(medium, &mut frames, 1);
    assert_eq!(frames.remove(0), plain(0, 3).frame(medium), "what was there before is not touched");
    frames
}

/// Payload octets of each packet of each frame: one number for a packet, several for a train.
fn shapes(frames: &[Frame], medium: Medium) -> Vec<Vec<usize>> {
    let packets = |frame: &Frame| -> Vec<usize> {
        segmentation::split(frame.clone(), medium)
            .unwrap()
            .map(|packet| {
                let octets = packet.to_vec();
                let layout = layout(&octets, medium).unwrap();
                layout.end - layout.payload_at
            })
            .collect()
    };
    frames.iter().map(packets).collect()
}

fn shape(segments: &[Segment]) -> Vec<Vec<usize>> {
    shapes(&joined(segments, Medium::Ip), Medium::Ip)
}

#[test]
fn segments_that_follow_each_other_are_joined_up_to_a_short_one_or_a_push() {
    let run: Vec<_> = (0..5).map(|n| plain(n * 100, 100)).collect();
    assert_eq!(shape(&run), [[100; 5]]);
    let short = [plain(0, 100), plain(100, 60), plain(160, 60), plain(220, 100)];
    assert_eq!(shape(&short), [vec![100, 60], vec![60], vec![100]]);
    let pushed = Segment { flags: Flags::ACK | Flags::PSH, ..plain(100, 100) };
    let push = [plain(0, 100), pushed, plain(200, 100), plain(300, 100)];
    let frames = joined(&push, Medium::Ip);
    assert_eq!(shapes(&frames, Medium::Ip), [[100, 100], [100, 100]]);
    let flags = |frame: &Frame| layout(&frame.contiguous(), Medium::Ip).unwrap().flags;
    assert_eq!(frames.iter().map(flags).collect::<Vec<_>>(), [Flags::ACK | Flags::PSH, Flags::ACK]);
    assert!(frames.iter().all(|frame| frame.offload.checksum == Checksum::Verified && frame.id == 7));
    assert_eq!(frames[0].body.held(), frames[0].len(), "it holds what it needs");
}

#[test]
fn whatever_tells_something_else_stays_apart() {
    let second = plain(100, 100);
    let apart = [
        Segment { seq: 101, ..second.clone() },
        Segment { seq: 99, ..second.clone() },
        Segment { ack: 6, ..second.clone() },
        Segment { window: 99, ..second.clone() },
        Segment { stamp: Some(10), ..second.clone() },
        Segment { stamp: None, ..second.clone() },
        Segment { ecn: Ecn::Ce, ..second.clone() },
        Segment { ttl: 63, ..second.clone() },
        Segment { size: 101, ..second.clone() },
        Segment { size: 0, ..second.clone() },
        Segment { flow: 1, ..second.clone() },
        Segment { v4: false, ..second.clone() },
        Segment { broken: true, ..second.clone() },
        Segment { flags: Flags::ACK | Flags::FIN, ..second.clone() },
        Segment { flags: Flags::ACK | Flags::URG, ..second.clone() },
        Segment { flags: Flags::ACK | Flags::CWR, ..second.clone() },
        Segment { flags: Flags::ACK | Flags::ECE, ..second.clone() },
    ];
    for segment in apart {
        assert_eq!(shape(&[plain(0, 100), segment.clone()]).len(), 2, "{segment:?}");
    }
    assert_eq!(shape(&[plain(0, 100), second]).len(), 1);
}

/// Two segments that follow each other on Ethernet, the link header of the second changed by `change`.
fn on_ethernet(change: impl Fn(&mut Vec<u8>)) -> [Frame; 2] {
    let medium = Medium::Ethernet;
    let mut second = plain(100, 100).frame(medium).to_vec();
    change(&mut second);
    [plain(0, 100).frame(medium), Frame { body: second.into(), id: 7, ..Frame::default() }]
}

#[test]
fn segments_under_another_link_header_stay_apart() {
    let vlan = |id: u8| move |octets: &mut Vec<u8>| drop(octets.splice(12..12, [0x81, 0, 0, id]));
    let joined = |frames: &[Frame]| {
        let mut frames = frames.to_vec();
        (Coalescer::default().run(Medium::Ethernet, &mut frames, 0), frames.len())
    };
    assert_eq!(joined(&on_ethernet(|_| {})), (1, 1));
    // Another destination, a group, another source, a VLAN.
    assert_eq!(joined(&on_ethernet(|octets| octets[5] ^= 1)), (0, 2));
    assert_eq!(joined(&on_ethernet(|octets| octets[..6].fill(0xff))), (0, 2));
    assert_eq!(joined(&on_ethernet(|octets| octets[11] ^= 1)), (0, 2));
    assert_eq!(joined(&on_ethernet(vlan(5))), (0, 2));
    // And between VLANs.
    let [_, five] = on_ethernet(vlan(5));
    let [_, six] = on_ethernet(|octets| {
        let later = plain(200, 100).frame(Medium::Ethernet).to_vec();
        *octets = later;
        vlan(6)(octets);
    });
    assert_eq!(joined(&[five.clone(), six]), (0, 2));
    let [_, also_five] = on_ethernet(|octets| {
        *octets = plain(200, 100).frame(Medium::Ethernet).to_vec();
        vlan(5)(octets);
    });
    assert_eq!(joined(&[five, also_five]), (1, 1));
    // The headers end at the same octet, but begin at another: a tag is as long as the options that are missing.
    let bare = |seq| Segment { stamp: None, ..plain(seq, 100) };
    let mut tagged = bare(0).frame(Medium::Ethernet).to_vec();
    (0..3).for_each(|_| vlan(5)(&mut tagged));
    let tagged = Frame { body: tagged.into(), ..Frame::default() };
    assert_eq!(joined(&[tagged, plain(100, 100).frame(Medium::Ethernet)]), (0, 2));
}

#[test]
fn what_cutting_a_train_would_clear_is_not_joined() {
    // A reserved bit, and an urgent pointer without its flag.
    for (at, bit) in [(12, 8), (19, 1)] {
        let before = [plain(0, 100), plain(100, 100)].map(|segment| {
            let mut octets = segment.frame(Medium::Ip).to_vec();
            octets[20 + at] ^= bit;
            put(&mut octets, 20 + 16, 0);
            let (src, dst) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
            let length = (octets.len() - 20) as u32;
            let sum = checksum::pseudo_header_v4(src, dst, Protocol::TCP, length).with(&octets[20..]);
            put(&mut octets, 20 + 16, sum.checksum());
            Frame { body: octets.into(), ..Frame::default() }
        });
        let first = before[0].contiguous();
        assert!(verify(&first, &layout(&first, Medium::Ip).unwrap()), "the checksum is not why");
        let mut after = before.to_vec();
        assert_eq!(Coalescer::default().run(Medium::Ip, &mut after, 0), 0);
        assert!(after == before);
    }
}

#[test]
fn what_is_sent_to_a_group_is_not_joined() {
    let mut frames = on_ethernet(|octets| octets[0] |= 1).to_vec();
    let mut first = frames[0].to_vec();
    first[0] |= 1;
    frames[0].body = first.into();
    let before = frames.clone();
    assert_eq!(Coalescer::default().run(Medium::Ethernet, &mut frames, 0), 0);
    assert!(frames == before, "not a mark on them either");
}

#[test]
fn flows_are_joined_apart_and_nothing_of_a_flow_passes_what_came_before_it() {
    let other = |segment: Segment| Segment { flow: 1, ..segment };
    let ack = plain(200, 0);
    let batch = [
        plain(0, 100),
        other(plain(0, 50)),
        plain(100, 100),
        other(plain(50, 50)),
        ack,
        plain(200, 100),
        other(plain(100, 50)),
    ];
    assert_eq!(shape(&batch), [vec![100, 100], vec![50, 50, 50], vec![0], vec![100]]);
    // More flows than can be watched at once: none is lost.
    let many: Vec<_> =
        (0..2).flat_map(|n| (0..20).map(move |flow| Segment { flow, ..plain(n * 10, 10) })).collect();
    assert_eq!(shape(&many).concat(), [10; 40]);
}

#[test]
fn no_train_is_longer_than_a_packet_can_be() {
    let run: Vec<_> = (0..70).map(|n| plain(n * 1448, 1448)).collect();
    let frames = joined(&run, Medium::Ip);
    assert!(frames.iter().all(|frame| frame.len() <= LONGEST));
    assert_eq!(frames.len(), 2);
    assert_eq!(shapes(&frames, Medium::Ip).concat(), [1448; 70]);
}

fn segment() -> impl Strategy<Value = Segment> {
    // Mostly what follows; sometimes anything.
    let rare = |odds: u32| (0..odds).prop_map(|n| n == 0);
    (
        (0u8..3, any::<bool>(), 0u32..6, 0usize..4),
        (rare(8), rare(8), rare(8), rare(8), rare(8), rare(8), rare(12)),
        prop_oneof![8 => Just(Flags::ACK), 2 => Just(Flags::ACK | Flags::PSH), 1 => Just(Flags::ACK | Flags::FIN), 1 => Just(Flags::ACK | Flags::SYN)],
    )
        .prop_map(|((flow, v4, step, size), (ack, window, stamp, none, ce, ttl, broken), flags)| Segment {
            flow,
            v4,
            seq: step * 40,
            ack: 5 + u32::from(ack),
            window: 100 + u16::from(window),
            flags,
            stamp: if none { None } else { Some(9 + u32::from(stamp)) },
            ecn: if ce { Ecn::Ce } else { Ecn::Ect0 },
            ttl: 64 - u8::from(ttl),
            size: [40, 40, 17, 0][size],
            broken,
        })
}

/// Each packet of a flow, in order, without what a train does not keep: the identification and the sums of IPv4. Keyed
/// by IP version and port.
fn packets(frames: Vec<Frame>, medium: Medium) -> std::collections::BTreeMap<(bool, Vec<u8>), Vec<Vec<u8>>> {
    let mut flows = std::collections::BTreeMap::<_, Vec<_>>::new();
    for frame in frames {
        for packet in segmentation::split(frame, medium).unwrap() {
            let mut octets = packet.to_vec();
            let layout = layout(&octets, medium).unwrap();
            if layout.v4 {
                octets[layout.network_at + 4..layout.network_at + 6].fill(0);
                octets[layout.network_at + 10..layout.network_at + 12].fill(0);
            }
            flows.entry((layout.v4, ports(&octets, &layout).to_vec())).or_default().push(octets);
        }
    }
    flows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_was_joined_can_be_had_back(
        mut segments in proptest::collection::vec(segment(), 0..40), in_order: bool, ethernet: bool,
    ) {
        let medium = if ethernet { Medium::Ethernet } else { Medium::Ip };
        if in_order {
            // Each flow without gaps, so that much is joined.
            let mut next = std::collections::BTreeMap::new();
            for segment in &mut segments {
                let next = next.entry((segment.flow, segment.v4)).or_insert(0);
                segment.seq = *next;
                *next += segment.size as u32;
            }
        }
        let before: Vec<_> = segments.iter().map(|segment| segment.frame(medium)).collect();
        let after = joined(&segments, medium);
        prop_assert!(after.len() <= before.len());
        prop_assert_eq!(packets(before, medium), packets(after, medium));
    }

    #[test]
    fn no_octets_hurt(
        frames in proptest::collection::vec((0usize..3, proptest::collection::vec(any::<(proptest::sample::Index, u8)>(), 0..4), 0usize..120), 0..10),
        ethernet: bool,
    ) {
        let medium = if ethernet { Medium::Ethernet } else { Medium::Ip };
        let mut batch: Vec<Frame> = frames
            .iter()
            .enumerate()
            .map(|(n, (cut, flips, keep))| {
                let mut octets = plain(n as u32 * 40, 40).frame(medium).to_vec();
                flips.iter().for_each(|(at, flip)| octets[at.index(80)] ^= flip);
                octets.truncate(if *cut == 0 { *keep } else { octets.len() });
                Frame { body: octets.into(), ..Frame::default() }
            })
            .collect();
        let octets: usize = batch.iter().map(Frame::len).sum();
        Coalescer::default().run(medium, &mut batch, 0);
        prop_assert!(batch.iter().map(Frame::len).sum::<usize>() <= octets);
        for frame in batch.into_iter().filter(|frame| frame.offload.segment_size.is_some()) {
            prop_assert!(segmentation::split(frame, medium).is_ok());
        }
    }
}
