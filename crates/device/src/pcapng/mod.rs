//! Recording what passes, as a pcapng file that Wireshark opens.
//!
//! ```text
//!    section header ─ interface 0 (name, link type, ns) ─ interface 1 … ─ packet ─ packet ─ …
//!                                                                           time, direction, number, comments
//! ```
//!
//! [`Writer`] writes blocks of the format (draft-ietf-opsawg-pcapng) to anything that takes octets; [`Tap`] records
//! what passes through a device.

mod tap;

pub use tap::Tap;

use crate::{Capabilities, Duration, Instant, Medium, finish};
use std::io::{self, Write};
use wire::Frame;

/// Which way a recorded packet went, seen from the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It was received.
    In,
    /// It was sent.
    Out,
}

/// An interface of a file, from [`Writer::interface`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceId {
    number: u32,
    medium: Medium,
}

/// Writes a pcapng file, one whole block at a time. Give it a buffered writer.
///
/// After an error nothing more should be written: the file may end in half a block.
///
/// ```
/// use handfast_device::pcapng::{Way, Writer};
/// use handfast_device::{Duration, Frame, Instant, Medium};
/// let mut file = Writer::new(Vec::new(), Duration::ZERO)?;
/// let client = file.interface("client", Medium::Ip)?;
/// let packet = Frame { body: b"\x45 and more".into(), id: 1, ..Frame::default() };
/// file.frame(client, Instant::from_millis(3), Way::Out, &packet, &["retransmission: RTO #2"])?;
/// assert_eq!(file.into_inner()?[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    epoch: Duration,
    interfaces: u32,
    /// The block under construction; kept for its room.
    block: Vec<u8>,
}

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;

const LINKTYPE_ETHERNET: u16 = 1;
const LINKTYPE_RAW: u16 = 101;

impl<W: Write> Writer<W> {
    /// Begins a file. `epoch` is when [`Instant::ZERO`] was, since 1970; zero is fine where time is virtual.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(out: W, epoch: Duration) -> io::Result<Self> {
        let mut file = Self { out, epoch, interfaces: 0, block: Vec::new() };
        file.begin(SECTION);
        file.block.extend(0x1a2b_3c4du32.to_le_bytes());
        file.block.extend(1u16.to_le_bytes());
        file.block.extend(0u16.to_le_bytes());
        file.block.extend(u64::MAX.to_le_bytes()); // The section's length is not known.
        file.option(4, concat!("handfast ", env!("CARGO_PKG_VERSION")).as_bytes());
        file.end()?;
        Ok(file)
    }

    /// Describes an interface. Its packets come after it.
    ///
    /// # Errors
    /// What the writer beneath says.
    pub fn interface(&mut self, name: &str, medium: Medium) -> io::Result<InterfaceId> {
        self.begin(INTERFACE);
        let link_type = match medium {
            Medium::Ip => LINKTYPE_RAW,
            Medium::Ethernet => LINKTYPE_ETHERNET,
        };
        self.block.extend(u32::from(link_type).to_le_bytes());
        self.block.extend(0u32.to_le_bytes()); // No limit to what is captured of a packet.
        self.option(2, name.as_bytes());
        self.option(9, &[9]); // Times count 10^-9 seconds.
        self.end()?;
        let number = self.interfaces;
        self.interfaces += 1;
        Ok(InterfaceId { number, medium })
    }

    /// Records one packet, given in parts, with comments. `id` names it among copies of the file; 0 when unknown.
    ///
    /// # Errors
    /// What the writer beneath says; `InvalidInput` for 4 GiB or more.
    pub fn packet<'a>(
        &mut self,
        interface: InterfaceId,
        at: Instant,
        way: Way,
        id: u64,
        parts: impl IntoIterator<Item = &'a [u8]>,
        comments: &[&str],
    ) -> io::Result<()> {
        let nanos = at.as_nanos().saturating_add(u64::try_from(self.epoch.as_nanos()).unwrap_or(u64::MAX));
        self.begin(PACKET);
        self.block.extend(interface.number.to_le_bytes());
        self.block.extend(((nanos >> 32) as u32).to_le_bytes());
        self.block.extend((nanos as u32).to_le_bytes());
        let lengths = self.block.len();
        self.block.extend([0; 8]);
        let start = self.block.len();
        parts.into_iter().for_each(|part| self.block.extend(part));
        let Ok(length) = u32::try_from(self.block.len() - start) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a packet of 4 GiB or more"));
        };
        self.block[lengths..lengths + 4].copy_from_slice(&length.to_le_bytes());
        self.block[lengths + 4..start].copy_from_slice(&length.to_le_bytes());
        self.pad();
        for comment in comments {
            self.option(1, comment.as_bytes());
        }
        let direction: u32 = match way {
            Way::In => 1,
            Way::Out => 2,
        };
        self.option(2, &direction.to_le_bytes());
        if id != 0 {
            self.option(5, &id.to_le_bytes());
        }
        self.end()
    }

    /// Records a frame as the packets that it is: a train cut, a partial checksum finished, so that the file shows
    /// what a wire would carry. A train that cannot be cut is recorded as it is.
    ///
    /// # Errors
    /// As [`packet`](Self::packet).
    pub fn frame(
        &mut self,
        interface: InterfaceId,
        at: Instant,
        way: Way,
        frame: &Frame,
        comments: &[&str],
    ) -> io::Result<()> {
        let plain = Capabilities { medium: interface.medium, mtu: usize::MAX, ..Capabilities::default() };
        let mut result = Ok(());
        let mut write = |packet: &Frame| {
            let head = std::iter::once(packet.head.as_slice());
            let parts = head.chain(packet.body.chunks().iter().map(|chunk| &chunk[..]));
            self.packet(interface, at, way, packet.id, parts, comments)
        };
        let whole = finish(frame.clone(), &plain, &mut |packet| {
            if result.is_ok() {
                result = write(&packet);
            }
        });
        if whole { result } else { write(frame) }
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// What the writer beneath says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the file and gives back what it was written to.
    ///
    /// # Errors
    /// What the writer beneath says when it is flushed.
    pub fn into_inner(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.block.extend(kind.to_le_bytes());
        self.block.extend([0; 4]);
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    /// An option: a code, a length, a value of at most 65,535 octets (cut at a character when it is text).
    fn option(&mut self, code: u16, value: &[u8]) {
        let mut length = value.len().min(usize::from(u16::MAX));
        while length < value.len() && length > 0 && value[length] & 0xc0 == 0x80 {
            length -= 1;
        }
        self.block.extend(code.to_le_bytes());
        self.block.extend((length as u16).to_le_bytes());
        self.block.extend(&value[..length]);
        self.pad();
    }

    /// The end of the options, the length at both ends, and out with it.
    fn end(&mut self) -> io::Result<()> {
        self.block.extend([0; 4]);
        let Ok(length) = u32::try_from(self.block.len() + 4) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a block of 4 GiB or more"));
        };
        self.block[4..8].copy_from_slice(&length.to_le_bytes());
        self.block.extend(length.to_le_bytes());
        self.out.write_all(&self.block)
    }
}

#[cfg(test)]
mod tests;
