//! pcapng: sections of blocks (draft-ietf-opsawg-pcapng).

use super::source::{Order, Source};
use super::{Broken, MAX_INTERFACES, MAX_PACKET, NotACapture, Record, Trouble};
use env::Instant;
use std::io::Read;

pub(super) const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Options of an interface of which more is not read.
const MAX_OPTIONS: usize = 1 << 16;

/// The section that is being read.
#[derive(Debug)]
pub(super) struct Sections {
    order: Order,
    interfaces: Vec<Interface>,
    /// Interfaces of the sections before.
    before: u32,
    /// The time of the packet before, for packets that have none.
    latest: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: u32,
    /// Octets kept of a packet; 0 for all.
    limit: u32,
    resolution: Resolution,
    /// Seconds to add to every time.
    offset: i64,
}

/// Units of time in a second.
#[derive(Clone, Copy, Debug)]
enum Resolution {
    Ten(u8),
    Two(u8),
}

impl Interface {
    fn instant(&self, ticks: u64) -> Instant {
        let units = match self.resolution {
            Resolution::Ten(digits) => 10u128.checked_pow(digits.into()),
            Resolution::Two(bits) => 1u128.checked_shl(bits.into()),
        };
        // A unit so small that 64 bits of it are less than a nanosecond.
        let nanos = units.map_or(0, |units| u128::from(ticks).saturating_mul(1_000_000_000) / units.max(1));
        let offset = i128::from(self.offset) * 1_000_000_000;
        let nanos = i128::try_from(nanos).unwrap_or(i128::MAX).saturating_add(offset);
        Instant::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }
}

/// A block that has begun.
struct Block {
    start: u64,
    kind: u32,
    /// Octets of it, as it says itself.
    length: u32,
}

impl Sections {
    /// Reads the first block, of which the type was read.
    pub(super) fn begin<R: Read>(source: &mut Source<R>) -> Result<Self, NotACapture> {
        let mut sections =
            Self { order: Order::Little, interfaces: Vec::new(), before: 0, latest: Instant::ZERO };
        let begun = source.exactly(4, 0).and_then(|()| {
            let length = source.word(0);
            sections.section(source, 0, length)
        });
        begun.map(|()| sections).map_err(|broken| match broken.why {
            Trouble::Io(kind) => NotACapture::Io(kind),
            Trouble::BadVersion(major) => NotACapture::BadVersion(major),
            Trouble::Cut { .. } => NotACapture::TooShort,
            _ => NotACapture::Unknown(SECTION.to_be_bytes()),
        })
    }

    /// Reads up to the next packet.
    pub(super) fn record<R: Read>(&mut self, source: &mut Source<R>) -> Result<Option<Record>, Broken> {
        loop {
            let start = source.position();
            if !source.begin(8)? {
                return Ok(None);
            }
            if source.word(0) == SECTION {
                let length = source.word(4);
                self.section(source, start, length)?;
                continue;
            }
            let [kind, length] = [0, 4].map(|at| self.order.u32(source.held(), at));
            let block = Block { start, kind, length };
            if length < 12 || !length.is_multiple_of(4) {
                return Err(Broken { offset: start, why: Trouble::BadLength(length) });
            }
            let record = match kind {
                INTERFACE => {
                    self.interface(source, &block)?;
                    None
                }
                PACKET | OLD_PACKET => Some(self.packet(source, &block)?),
                SIMPLE_PACKET => Some(self.simple(source, &block)?),
                _ => {
                    source.skip(u64::from(length) - 12, start)?;
                    None
                }
            };
            self.end(source, &block)?;
            if record.is_some() {
                return Ok(record);
            }
        }
    }

    /// A section's header from its byte order on. `length` is as it stands, in an order not known yet.
    fn section<R: Read>(&mut self, source: &mut Source<R>, start: u64, length: u32) -> Result<(), Broken> {
        let broken = |why| Broken { offset: start, why };
        source.exactly(16, start)?;
        self.order = match source.word(0) {
            BYTE_ORDER => Order::Big,
            magic if magic.swap_bytes() == BYTE_ORDER => Order::Little,
            magic => return Err(broken(Trouble::BadByteOrder(magic))),
        };
        let length = self.order.u32(&length.to_be_bytes(), 0);
        let major = self.order.u16(source.held(), 4);
        if major != 1 {
            return Err(broken(Trouble::BadVersion(major)));
        }
        if length < 28 || !length.is_multiple_of(4) {
            return Err(broken(Trouble::BadLength(length)));
        }
        self.before = self.before.saturating_add(self.interfaces.len() as u32);
        self.interfaces.clear();
        source.skip(u64::from(length) - 28, start)?;
        self.end(source, &Block { start, kind: SECTION, length })
    }

    fn interface<R: Read>(&mut self, source: &mut Source<R>, block: &Block) -> Result<(), Broken> {
        let broken = |why| Broken { offset: block.start, why };
        let body = block.length as usize - 12;
        if body < 8 {
            return Err(broken(Trouble::BadLength(block.length)));
        }
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(broken(Trouble::TooManyInterfaces));
        }
        let read = body.min(8 + MAX_OPTIONS);
        source.exactly(read, block.start)?;
        let held = source.held();
        let mut interface = Interface {
            link: self.order.u16(held, 0).into(),
            limit: self.order.u32(held, 4),
            resolution: Resolution::Ten(6),
            offset: 0,
        };
        let mut at = 8;
        while at + 4 <= held.len() {
            let [code, length] = [at, at + 2].map(|at| self.order.u16(held, at));
            let value = held.get(at + 4..).and_then(|rest| rest.get(..length.into())).unwrap_or(&[]);
            match (code, value) {
                (0, _) => break,
                (9, [two, ..]) if two & 0x80 != 0 => interface.resolution = Resolution::Two(two & 0x7f),
                (9, [ten, ..]) => interface.resolution = Resolution::Ten(*ten),
                (14, [_, _, _, _, _, _, _, _, ..]) => {
                    let [first, second] = [0, 4].map(|at| u64::from(self.order.u32(value, at)));
                    let (high, low) =
                        if self.order == Order::Big { (first, second) } else { (second, first) };
                    interface.offset = (high << 32 | low) as i64;
                }
                _ => {}
            }
            at += 4 + usize::from(length).next_multiple_of(4);
        }
        self.interfaces.push(interface);
        source.skip((body - read) as u64, block.start)
    }

    /// An Enhanced Packet Block, or the Packet Block of old.
    fn packet<R: Read>(&mut self, source: &mut Source<R>, block: &Block) -> Result<Record, Broken> {
        let broken = |why| Broken { offset: block.start, why };
        let Some(body) = (block.length - 12).checked_sub(20) else {
            return Err(broken(Trouble::BadLength(block.length)));
        };
        source.exactly(20, block.start)?;
        let number = match block.kind {
            PACKET => self.order.u32(source.held(), 0),
            _ => self.order.u16(source.held(), 0).into(),
        };
        let [high, low, captured, original] = [4, 8, 12, 16].map(|at| self.order.u32(source.held(), at));
        let Some(interface) = self.interfaces.get(number as usize).copied() else {
            return Err(broken(Trouble::NoInterface(number)));
        };
        if captured as usize > MAX_PACKET {
            return Err(broken(Trouble::TooLong(captured)));
        }
        if captured > body {
            return Err(broken(Trouble::BadLength(block.length)));
        }
        source.exactly(captured as usize, block.start)?;
        source.skip(u64::from(body - captured), block.start)?;
        let at = interface.instant(u64::from(high) << 32 | u64::from(low));
        self.latest = at;
        let interface_number = self.before.saturating_add(number);
        Ok(Record { at, link: interface.link, interface: interface_number, original: original as usize })
    }

    /// A Simple Packet Block: of interface 0, without a time.
    fn simple<R: Read>(&mut self, source: &mut Source<R>, block: &Block) -> Result<Record, Broken> {
        let broken = |why| Broken { offset: block.start, why };
        let Some(body) = (block.length - 12).checked_sub(4) else {
            return Err(broken(Trouble::BadLength(block.length)));
        };
        source.exactly(4, block.start)?;
        let original = self.order.u32(source.held(), 0);
        let Some(interface) = self.interfaces.first().copied() else {
            return Err(broken(Trouble::NoInterface(0)));
        };
        let limit = if interface.limit == 0 { u32::MAX } else { interface.limit };
        let captured = original.min(limit).min(body);
        if captured as usize > MAX_PACKET {
            return Err(broken(Trouble::TooLong(captured)));
        }
        source.exactly(captured as usize, block.start)?;
        source.skip(u64::from(body - captured), block.start)?;
        let (at, link) = (self.latest, interface.link);
        Ok(Record { at, link, interface: self.before, original: original as usize })
    }

    /// The length again, at a block's end.
    fn end<R: Read>(&self, source: &mut Source<R>, block: &Block) -> Result<(), Broken> {
        let last = self.order.u32(&source.aside(block.start)?, 0);
        if last != block.length {
            return Err(Broken { offset: block.start, why: Trouble::LengthsDiffer(block.length, last) });
        }
        Ok(())
    }
}
