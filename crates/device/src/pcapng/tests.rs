//! The file as an independent reader sees it, and what happens when it cannot be written.

use super::*;
use crate::memory::{self, tests::frame};
use crate::{BATCH, Device};
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, PcapNGReader};
use std::collections::VecDeque;
use wire::{Checksum, Head, Offload};

/// A packet as read back.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    interface: u32,
    nanos: u64,
    data: Vec<u8>,
    comments: Vec<String>,
    direction: u32,
    id: Option<u64>,
}

/// Reads a whole file: the names and link types of its interfaces, and its packets.
fn read(file: &[u8]) -> (Vec<(String, Linktype)>, Vec<Read>) {
    let (mut interfaces, mut packets) = (Vec::new(), Vec::new());
    let mut reader = PcapNGReader::new(1 << 20, file).expect("it begins with a section");
    loop {
        let (used, block) = match reader.next() {
            Ok((used, PcapBlockOwned::NG(block))) => (used, block),
            Ok(_) => panic!("it is no pcapng"),
            Err(PcapError::Eof) => return (interfaces, packets),
            Err(PcapError::Incomplete(_)) => {
                reader.refill().unwrap();
                continue;
            }
            Err(why) => panic!("{why:?}"),
        };
        match block {
            Block::SectionHeader(section) => {
                assert_eq!((section.major_version, section.minor_version), (1, 0))
            }
            Block::InterfaceDescription(interface) => {
                assert_eq!(interface.ts_resolution(), Some(1_000_000_000));
                interfaces.push((interface.if_name().unwrap().unwrap().to_owned(), interface.linktype));
            }
            Block::EnhancedPacket(packet) => {
                assert_eq!(packet.caplen, packet.origlen);
                let values = |code: u16| packet.options.iter().filter(move |option| option.code.0 == code);
                packets.push(Read {
                    interface: packet.if_id,
                    nanos: u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low),
                    data: packet.data[..packet.caplen as usize].to_vec(),
                    comments: values(1).map(|option| option.as_str().unwrap().to_owned()).collect(),
                    direction: values(2).next().unwrap().as_u32_le().unwrap(),
                    id: values(5).next().map(|option| option.as_u64_le().unwrap()),
                });
            }
            other => panic!("{other:?}"),
        }
        reader.consume(used);
    }
}

#[test]
fn an_independent_reader_finds_what_was_recorded() {
    let mut file = Writer::new(Vec::new(), Duration::from_secs(1_800_000_000)).unwrap();
    let one = file.interface("한 손", Medium::Ip).unwrap();
    let at = Instant::from_nanos(1_234_567_891);
    file.packet(one, at, Way::Out, 77, [&b"abc"[..], b"", b"de"], &["why: RTO #2", "둘"]).unwrap();
    let two = file.interface("b", Medium::Ethernet).unwrap();
    for length in 0..9 {
        file.packet(two, Instant::ZERO, Way::In, 0, [&[5; 9][..length]], &[]).unwrap();
    }
    file.packet(one, Instant::FAR, Way::In, 0, [], &["é".repeat(40_000).as_str()]).unwrap();
    let (interfaces, packets) = read(&file.into_inner().unwrap());
    assert_eq!(interfaces, [("한 손".to_owned(), Linktype::RAW), ("b".to_owned(), Linktype::ETHERNET)]);
    let first = Read {
        interface: 0,
        nanos: 1_800_000_001_234_567_891,
        data: b"abcde".into(),
        comments: vec!["why: RTO #2".into(), "둘".into()],
        direction: 2,
        id: Some(77),
    };
    assert_eq!(packets[0], first);
    assert!(
        (0..9).all(|length| packets[1 + length].data.len() == length && packets[1 + length].interface == 1)
    );
    assert_eq!((packets[10].nanos, packets[10].direction, packets[10].id), (u64::MAX, 1, None));
    assert_eq!(packets[10].comments, ["é".repeat(32_767)]);
}

/// A writer that is full after so many octets.
struct Disk(Vec<u8>, usize);

impl Write for Disk {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let room = octets.len().min(self.1 - self.0.len());
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend(&octets[..room]);
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_tap_records_both_ways_as_a_wire_would_carry_it_and_only_what_was_taken() {
    let capabilities = Capabilities { checksum: true, ..Capabilities::default() };
    let (a, mut b) = memory::pair(memory::Config { queue: 2, capabilities, ..memory::Config::default() });
    let mut tap = Tap::new(a, "a", Writer::new(Vec::new(), Duration::ZERO).unwrap()).unwrap();
    tap.set_comment(|way, frame| (way == Way::Out).then(|| format!("number {}", frame.id)));

    let offload = Offload { checksum: Checksum::Partial { start: 0, offset: 6 }, ..Offload::default() };
    let mut partial = Frame { offload, ..frame(0x11, 8) };
    partial.head = Head::new();
    let mut queue: VecDeque<_> = [partial, frame(2, 20), frame(3, 20), frame(4, 20)].into();
    assert_eq!(tap.transmit(Instant::from_secs(1), &mut queue).unwrap(), 2);
    assert_eq!(queue.iter().map(|frame| frame.id).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(tap.transmit(Instant::from_secs(1), &mut queue).unwrap(), 0);

    let mut got = Vec::new();
    b.receive(Instant::ZERO, &mut got).unwrap();
    assert_eq!(got[0].offload, offload, "the device itself got what it can finish");
    assert_eq!(tap.transmit(Instant::from_secs(2), &mut queue).unwrap(), 2);
    b.transmit(Instant::ZERO, &mut [frame(9, 30)].into()).unwrap();
    assert_eq!(tap.receive(Instant::from_secs(3), &mut Vec::new()).unwrap(), 1);
    assert_eq!((tap.missed(), tap.counters().tx_frames), (0, 4));

    let (_, file) = tap.finish();
    let (_, packets) = read(&file.unwrap());
    let short: Vec<_> =
        packets.iter().map(|p| (p.nanos / 1_000_000_000, p.direction, p.id.unwrap())).collect();
    assert_eq!(short, [(1, 2, 0x11), (1, 2, 2), (2, 2, 3), (2, 2, 4), (3, 1, 9)]);
    assert_eq!(packets[1].comments, ["number 2"]);
    assert!(packets[4].comments.is_empty());
    assert_eq!(packets[0].data[6..], (!0x4444u16).to_be_bytes());
}

#[test]
fn a_train_that_the_device_takes_whole_is_recorded_as_its_packets() {
    use crate::software::tests::{check_packet, train};
    let capabilities = Capabilities { segmentation: true, checksum: true, ..Capabilities::default() };
    let (a, mut b) = memory::pair(memory::Config { capabilities, ..memory::Config::default() });
    let mut tap = Tap::new(a, "a", Writer::new(Vec::new(), Duration::ZERO).unwrap()).unwrap();
    assert_eq!(tap.transmit(Instant::ZERO, &mut [train(250)].into()).unwrap(), 1);
    let mut got = Vec::new();
    b.receive(Instant::ZERO, &mut got).unwrap();
    assert_eq!((got.len(), got[0].len(), got[0].offload), (1, 290, train(250).offload));
    let (_, packets) = read(&tap.finish().1.unwrap());
    let texts: Vec<_> = packets.iter().map(|packet| check_packet(&packet.data)).collect();
    assert_eq!(texts, [(100, 0), (100, 100), (50, 200)]);
}

#[test]
fn a_device_that_cannot_cut_takes_part_of_a_train_and_the_rest_waits_as_packets() {
    use crate::software::tests::train;
    let (a, mut b) = memory::pair(memory::Config { queue: 1, ..memory::Config::default() });
    let mut tap = Tap::new(a, "a", Writer::new(Vec::new(), Duration::ZERO).unwrap()).unwrap();
    let mut queue: VecDeque<_> = [train(250)].into();
    let mut got = Vec::new();
    for waiting in [2, 1, 0] {
        tap.transmit(Instant::ZERO, &mut queue).unwrap();
        assert_eq!(queue.len(), waiting);
        b.receive(Instant::ZERO, &mut got).unwrap();
    }
    let (_, packets) = read(&tap.finish().1.unwrap());
    assert!(
        packets.iter().map(|packet| &packet.data).eq(got
            .iter()
            .map(|frame| frame.to_vec())
            .collect::<Vec<_>>()
            .iter())
    );
}

#[test]
fn many_frames_pass_a_tap_in_one_call() {
    let (a, b) = memory::pair(memory::Config::default());
    let mut tap = Tap::new(a, "a", Writer::new(Vec::new(), Duration::ZERO).unwrap()).unwrap();
    let count = 3 * BATCH + 7;
    let mut queue: VecDeque<_> = (0..count).map(|_| frame(1, 20)).collect();
    assert_eq!(tap.transmit(Instant::ZERO, &mut queue).unwrap(), count);
    assert_eq!((b.waiting(), read(&tap.finish().1.unwrap()).1.len()), (count, count));
}

#[test]
fn a_full_disk_stops_the_recording_and_never_the_traffic() {
    let (a, mut b) = memory::pair(memory::Config::default());
    let mut tap = Tap::new(a, "a", Writer::new(Disk(Vec::new(), 400), Duration::ZERO).unwrap()).unwrap();
    tap.transmit(Instant::ZERO, &mut (1..=10).map(|n| frame(n, 40)).collect()).unwrap();
    assert_eq!(tap.error().map(io::Error::kind), Some(io::ErrorKind::StorageFull));
    let missed = tap.missed();
    assert!((1..10).contains(&missed), "{missed}");
    b.transmit(Instant::ZERO, &mut [frame(1, 20)].into()).unwrap();
    let mut got = Vec::new();
    assert_eq!(tap.receive(Instant::ZERO, &mut got).unwrap(), 1);
    assert_eq!(b.receive(Instant::ZERO, &mut got).unwrap(), 10);
    assert_eq!(tap.missed(), missed + 1);
    tap.flush();
    assert!(tap.finish().1.is_err());
    assert!(Writer::new(Disk(Vec::new(), 10), Duration::ZERO).is_err());
}
