//! A TCP segment in any bytes.

use super::{Flags, Header, walk};
use crate::{Malformed, Protocol, SeqNum, WireWindow, checksum};
use core::net::IpAddr;
use core::ops::Range;

/// Octets of a header without options.
pub const HEADER_LEN: usize = 20;
/// The longest header.
pub const MAX_HEADER_LEN: usize = 60;
/// Octets from the header's first to its checksum field, for devices that finish checksums.
pub const CHECKSUM_OFFSET: u16 = 16;

/// A segment in any bytes, checked once: the data offset is at least 5 and within what is there.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    fixed: &'a [u8; HEADER_LEN],
    segment: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at an IP payload.
    ///
    /// # Errors
    /// `TooShort`, or `BadHeaderLength` (data offset below 5, or past the segment: RFC 9293 9293-E42).
    pub fn new(segment: &'a [u8]) -> Result<Self, Malformed> {
        let fixed = segment.first_chunk::<HEADER_LEN>().ok_or(Malformed::TooShort)?;
        let view = Self { fixed, segment };
        if view.header_len() < HEADER_LEN || view.header_len() > segment.len() {
            return Err(Malformed::BadHeaderLength);
        }
        Ok(view)
    }

    /// The sender's port.
    pub fn src_port(&self) -> u16 {
        u16::from_be_bytes([self.fixed[0], self.fixed[1]])
    }

    /// The receiver's port.
    pub fn dst_port(&self) -> u16 {
        u16::from_be_bytes([self.fixed[2], self.fixed[3]])
    }

    /// The number of the first octet.
    pub fn seq(&self) -> SeqNum {
        SeqNum::new(u32::from_be_bytes([self.fixed[4], self.fixed[5], self.fixed[6], self.fixed[7]]))
    }

    /// The acknowledgment field.
    pub fn ack(&self) -> SeqNum {
        SeqNum::new(u32::from_be_bytes([self.fixed[8], self.fixed[9], self.fixed[10], self.fixed[11]]))
    }

    /// Octets of header and options: the data offset field, in words of four (RFC 9293 §3.1).
    pub fn header_len(&self) -> usize {
        usize::from(self.fixed[12] >> 4) * 4
    }

    /// The control bits; the three reserved ones are ignored (RFC 9293 9293-E41).
    pub fn flags(&self) -> Flags {
        Flags::from_bits(u16::from_be_bytes([self.fixed[12], self.fixed[13]]))
    }

    /// The window field.
    pub fn window(&self) -> WireWindow {
        WireWindow::new(u16::from_be_bytes([self.fixed[14], self.fixed[15]]))
    }

    /// The checksum field.
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.fixed[16], self.fixed[17]])
    }

    /// Whether the checksum over pseudo-header, header and data verifies (RFC 9293 MUST-3).
    pub fn checksum_ok(&self, src: IpAddr, dst: IpAddr) -> bool {
        let length = self.segment.len() as u32;
        checksum::pseudo_header(src, dst, Protocol::TCP, length).with(self.segment).verifies()
    }

    /// The urgent pointer field.
    pub fn urgent(&self) -> u16 {
        u16::from_be_bytes([self.fixed[18], self.fixed[19]])
    }

    /// The options' octets, with their padding.
    pub fn option_bytes(&self) -> &'a [u8] {
        self.segment.get(HEADER_LEN..self.header_len()).unwrap_or(&[])
    }

    /// The data.
    pub fn payload(&self) -> &'a [u8] {
        self.segment.get(self.header_len()..).unwrap_or(&[])
    }

    /// Where the data lies, counted from the header's first octet: to slice the buffer that it came in.
    pub fn payload_range(&self) -> Range<usize> {
        self.header_len()..self.segment.len()
    }

    /// The owned meaning of the header, options included.
    ///
    /// # Errors
    /// `BadOption`: an option's length is below 2 or runs past the header. The segment is dropped (RFC 9293 MUST-7
    /// leaves the reaction open and suggests a reset, which would let one forged segment end a connection).
    pub fn header(&self) -> Result<Header, Malformed> {
        let flags = self.flags();
        Ok(Header {
            seq: self.seq(),
            ack: self.ack(),
            flags,
            window: self.window(),
            urgent: self.urgent(),
            options: walk::parse(self.option_bytes(), flags.contains(Flags::SYN))?,
        })
    }
}
