//! Classic pcap: a header, then records to the end (draft-ietf-opsawg-pcap).

use super::source::{Order, Source};
use super::{Broken, MAX_PACKET, NotACapture, Record, Trouble};
use env::Instant;
use std::io::Read;

/// How the records of a classic file are written.
#[derive(Debug)]
pub(super) struct Classic {
    order: Order,
    /// Nanoseconds in a unit of the fraction of a second.
    unit: u64,
    /// Octets of a record's header: an old patched libpcap wrote eight more.
    header: usize,
    link: u32,
}

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const PATCHED: u32 = 0xa1b2_cd34;

impl Classic {
    /// Reads the file's header, of which `magic` was read.
    pub(super) fn begin<R: Read>(magic: u32, source: &mut Source<R>) -> Result<Self, NotACapture> {
        let known = |magic| matches!(magic, MICROSECONDS | NANOSECONDS | PATCHED);
        let (order, magic) = match magic {
            magic if known(magic) => (Order::Big, magic),
            magic if known(magic.swap_bytes()) => (Order::Little, magic.swap_bytes()),
            magic => return Err(other(magic.to_be_bytes())),
        };
        match source.fill(20) {
            Ok(20) => {}
            Ok(_) => return Err(NotACapture::TooShort),
            Err(error) => return Err(NotACapture::Io(error.kind())),
        }
        let header = source.held();
        let version = order.u16(header, 0);
        if version != 2 {
            return Err(NotACapture::BadVersion(version));
        }
        // The upper bits tell of frame check sequences.
        let link = order.u32(header, 16) & 0x0fff_ffff;
        let unit = if magic == NANOSECONDS { 1 } else { 1000 };
        Ok(Self { order, unit, header: if magic == PATCHED { 24 } else { 16 }, link })
    }

    pub(super) fn record<R: Read>(&mut self, source: &mut Source<R>) -> Result<Option<Record>, Broken> {
        let start = source.position();
        if !source.begin(self.header)? {
            return Ok(None);
        }
        let [seconds, fraction, captured, original] =
            [0, 4, 8, 12].map(|at| self.order.u32(source.held(), at));
        if captured as usize > MAX_PACKET {
            return Err(Broken { offset: start, why: Trouble::TooLong(captured) });
        }
        source.exactly(captured as usize, start)?;
        let nanos = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.unit;
        let at = Instant::from_nanos(nanos);
        Ok(Some(Record { at, link: self.link, interface: 0, original: original as usize }))
    }
}

/// What a file may be that is not a capture of ours.
fn other(first: [u8; 4]) -> NotACapture {
    NotACapture::Is(match first {
        [0x1f, 0x8b, ..] => "compressed with gzip: unpack it first (gzip -dc FILE | handfast explain -)",
        [0x28, 0xb5, 0x2f, 0xfd] => {
            "compressed with zstd: unpack it first (zstd -dc FILE | handfast explain -)"
        }
        [0xfd, b'7', b'z', b'X'] => "compressed with xz: unpack it first (xz -dc FILE | handfast explain -)",
        [0x04, 0x22, 0x4d, 0x18] => {
            "compressed with lz4: unpack it first (lz4 -dc FILE | handfast explain -)"
        }
        [b'P', b'K', 3, 4] => "a zip archive: unpack it first",
        [b's', b'n', b'o', b'o'] => "a capture of Solaris' snoop: convert it first (editcap -F pcapng)",
        _ => return NotACapture::Unknown(first),
    })
}
