use super::*;
use pcap_parser::traits::PcapReaderIterator as _;
use pcap_parser::{Block, PcapBlockOwned, PcapError};

/// A file under construction, in either byte order.
struct File {
    big: bool,
    octets: Vec<u8>,
}

impl File {
    fn new(big: bool) -> Self {
        Self { big, octets: Vec::new() }
    }

    fn u16(&mut self, n: u16) {
        self.octets.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn u32(&mut self, n: u32) {
        self.octets.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn classic(big: bool, magic: u32, link: u32) -> Self {
        let mut file = Self::new(big);
        file.u32(magic);
        file.u16(2);
        file.u16(4);
        [0, 0, 65_535, link].into_iter().for_each(|n| file.u32(n));
        file
    }

    fn record(&mut self, seconds: u32, fraction: u32, packet: &[u8], original: u32) {
        [seconds, fraction, packet.len() as u32, original].into_iter().for_each(|n| self.u32(n));
        self.octets.extend(packet);
    }

    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) {
        let start = self.octets.len();
        self.u32(kind);
        self.u32(0);
        body(self);
        self.octets.resize(self.octets.len().next_multiple_of(4), 0);
        let length = (self.octets.len() - start + 4) as u32;
        self.u32(length);
        let octets = if self.big { length.to_be_bytes() } else { length.to_le_bytes() };
        self.octets[start + 4..start + 8].copy_from_slice(&octets);
    }

    fn section(&mut self) {
        self.block(sections::SECTION, |file| {
            file.u32(0x1a2b_3c4d);
            file.u16(1);
            file.u16(0);
            [u32::MAX; 2].into_iter().for_each(|n| file.u32(n));
        });
    }

    fn interface(&mut self, link: u16, limit: u32, options: impl FnOnce(&mut Self)) {
        self.block(1, |file| {
            file.u16(link);
            file.u16(0);
            file.u32(limit);
            options(file);
        });
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.u16(code);
        self.u16(value.len() as u16);
        self.octets.extend(value);
        self.octets.resize(self.octets.len().next_multiple_of(4), 0);
    }

    fn packet(&mut self, interface: u32, ticks: u64, packet: &[u8], original: u32) {
        self.block(6, |file| {
            [interface, (ticks >> 32) as u32, ticks as u32, packet.len() as u32, original]
                .into_iter()
                .for_each(|n| file.u32(n));
            file.octets.extend(packet);
            file.octets.resize(file.octets.len().next_multiple_of(4), 0);
            file.option(1, b"a comment");
        });
    }
}

/// Each packet: time, link, interface, octets, original length.
type Read = (u64, u32, u32, Vec<u8>, usize);

fn read(octets: &[u8]) -> (Vec<Read>, Option<Broken>) {
    let mut reader = Reader::new(octets).unwrap();
    let mut packets = Vec::new();
    loop {
        match reader.read() {
            Ok(Some(c)) => {
                packets.push((c.at.as_nanos(), c.link, c.interface, c.octets.to_vec(), c.original));
            }
            Ok(None) => return (packets, None),
            Err(broken) => return (packets, Some(broken)),
        }
    }
}

#[test]
fn classic_files_are_read_in_both_orders_and_units() {
    for big in [false, true] {
        for (magic, nanos) in [(0xa1b2_c3d4, 5_000_007_000), (0xa1b2_3c4d, 5_000_000_007)] {
            let mut file = File::classic(big, magic, 0x1000_0000 | 101);
            file.record(5, 7, b"abc", 1500);
            file.record(6, 0, b"", 0);
            let (packets, broken) = read(&file.octets);
            assert_eq!(broken, None);
            assert_eq!(packets.len(), 2);
            assert_eq!(packets[0], (nanos, 101, 0, b"abc".to_vec(), 1500));
        }
        let mut patched = File::classic(big, 0xa1b2_cd34, 1);
        [1, 2, 3, 3, 0, 0].into_iter().for_each(|n| patched.u32(n));
        patched.octets.extend(b"abc");
        assert_eq!(read(&patched.octets).0[0].3, b"abc");
    }
}

#[test]
fn sections_have_orders_interfaces_and_units_of_their_own() {
    let mut file = File::new(false);
    file.section();
    file.interface(101, 0, |file| file.option(9, &[9]));
    file.interface(1, 0, |file| {
        file.option(2, b"name");
        file.option(9, &[0x80 | 10]);
        file.option(14, &(-3i64).to_le_bytes());
    });
    file.packet(0, 1 << 33 | 5, b"one", 3);
    file.packet(1, 4 * 1024 + 512, b"two!", 2000);
    file.block(0x0bad, |file| file.octets.extend([0; 40]));
    file.big = true;
    file.section();
    file.interface(113, 2, |_| {});
    file.packet(0, 7, b"three", 5);
    file.block(3, |file| {
        file.u32(100);
        file.octets.extend(b"four");
    });
    file.block(2, |file| {
        file.u16(0);
        file.u16(9);
        [0, 8, 4, 4].into_iter().for_each(|n| file.u32(n));
        file.octets.extend(b"five");
    });
    let (packets, broken) = read(&file.octets);
    assert_eq!(broken, None);
    let expected: [Read; 5] = [
        ((1 << 33) + 5, 101, 0, b"one".to_vec(), 3),
        (1_500_000_000, 1, 1, b"two!".to_vec(), 2000),
        (7000, 113, 2, b"three".to_vec(), 5),
        (7000, 113, 2, b"fo".to_vec(), 100),
        (8000, 113, 2, b"five".to_vec(), 4),
    ];
    assert_eq!(packets.len(), expected.len());
    for (one, other) in packets.iter().zip(&expected) {
        assert_eq!(one, other);
    }
}

#[test]
fn a_cut_file_is_read_as_far_as_it_goes_and_says_where_it_ends() {
    let mut file = File::new(true);
    file.section();
    file.interface(101, 0, |_| {});
    let head = file.octets.len();
    file.packet(0, 1, b"one", 3);
    let first = file.octets.len();
    file.packet(0, 2, b"two", 3);
    for end in head..file.octets.len() {
        let (packets, broken) = read(&file.octets[..end]);
        assert_eq!(packets.len(), usize::from(end >= first), "{end}");
        let start = if end < first { head } else { first };
        let whole = end == head || end == first;
        match broken {
            None => assert!(whole, "{end}"),
            Some(Broken { offset, why: Trouble::Cut { missing } }) => {
                assert!(!whole && offset == start as u64 && missing > 0, "{end}");
            }
            Some(other) => panic!("{end}: {other}"),
        }
    }
    let mut classic = File::classic(false, 0xa1b2_c3d4, 1);
    classic.record(1, 0, b"one", 3);
    classic.record(1, 0, b"two", 3);
    let (packets, broken) = read(&classic.octets[..classic.octets.len() - 1]);
    let cut = Broken { offset: 24 + 19, why: Trouble::Cut { missing: 1 } };
    assert_eq!((packets.len(), broken), (1, Some(cut)));
}

#[test]
fn lies_are_said_to_be_such_and_cost_no_memory() {
    let mut long = File::classic(false, 0xa1b2_c3d4, 1);
    [1, 1, u32::MAX, u32::MAX].into_iter().for_each(|n| long.u32(n));
    assert_eq!(read(&long.octets).1, Some(Broken { offset: 24, why: Trouble::TooLong(u32::MAX) }));
    let begun = || {
        let mut file = File::new(false);
        file.section();
        file.interface(1, 0, |_| {});
        file
    };
    let offset = begun().octets.len() as u64;
    let lie = |write: &dyn Fn(&mut File)| {
        let mut file = begun();
        write(&mut file);
        let (packets, broken) = read(&file.octets);
        assert!(packets.is_empty());
        let broken = broken.unwrap();
        assert_eq!(broken.offset, offset, "{broken}");
        broken.why
    };
    let length = |n: u32| lie(&move |file| [6, n, 0, 0, 0].into_iter().for_each(|n| file.u32(n)));
    assert_eq!(length(8), Trouble::BadLength(8));
    assert_eq!(length(33), Trouble::BadLength(33));
    assert_eq!(length(28), Trouble::BadLength(28));
    assert_eq!(lie(&|file| file.packet(9, 1, b"", 0)), Trouble::NoInterface(9));
    let claims = |captured| {
        lie(&move |file: &mut File| {
            file.block(6, |file| [0, 0, 0, captured, captured].into_iter().for_each(|n| file.u32(n)));
        })
    };
    assert_eq!(claims(u32::MAX), Trouble::TooLong(u32::MAX));
    assert_eq!(claims(64), Trouble::BadLength(32));
    let differ = lie(&|file| {
        file.packet(0, 1, b"one!", 4);
        *file.octets.last_mut().unwrap() = 1;
    });
    assert!(matches!(differ, Trouble::LengthsDiffer(..)), "{differ}");
}

#[test]
fn what_is_no_capture_is_named() {
    let why = |octets: &[u8]| Reader::new(octets).err().unwrap();
    assert_eq!(why(b""), NotACapture::Empty);
    assert_eq!(why(b"abc"), NotACapture::TooShort);
    assert_eq!(why(&0xa1b2_c3d4u32.to_be_bytes()), NotACapture::TooShort);
    assert!(matches!(why(&[0x1f, 0x8b, 8, 0]), NotACapture::Is(what) if what.contains("gzip")));
    assert_eq!(why(b"#!/bin/sh"), NotACapture::Unknown(*b"#!/b"));
    let mut old = File::new(true);
    old.u32(0xa1b2_c3d4);
    old.u16(9);
    old.octets.resize(24, 0);
    assert_eq!(why(&old.octets), NotACapture::BadVersion(9));
}

/// Another reader says the same, of files that our own writer makes and of the one above.
#[test]
fn pcap_parser_reads_the_same() {
    let mut file = File::new(true);
    file.section();
    file.interface(101, 0, |file| file.option(9, &[9]));
    for n in 0..300u32 {
        file.packet(0, u64::from(n) * 1_000_003, &vec![n as u8; (n % 90) as usize], n % 90 + n % 3);
    }
    let (ours, broken) = read(&file.octets);
    assert_eq!(broken, None);
    let mut theirs = Vec::new();
    let mut reader = pcap_parser::PcapNGReader::new(1 << 16, &file.octets[..]).unwrap();
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                if let PcapBlockOwned::NG(Block::EnhancedPacket(packet)) = block {
                    let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                    let octets = packet.data[..packet.caplen as usize].to_vec();
                    theirs.push((ticks, 101, packet.if_id, octets, packet.origlen as usize));
                }
                reader.consume(offset);
            }
            Err(PcapError::Eof) => break,
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(ours.len(), theirs.len());
    assert!(ours.iter().zip(&theirs).all(|(one, other)| one == other));
}
