//! Writing a TCP header, its options in the order that everyone expects.

use super::view::{HEADER_LEN, MAX_HEADER_LEN};
use super::walk::{
    ACCURATE_ECN_0, ACCURATE_ECN_1, END_OF_OPTIONS, EXPERIMENT, FAST_OPEN, FAST_OPEN_EXPERIMENT, MSS,
    NO_OPERATION, SACK, SACK_PERMITTED, TIMESTAMPS, WINDOW_SCALE,
};
use super::{AccurateEcn, FastOpenCookie, Flags, Header, Options, SackBlock, Timestamps};
use crate::{Head, Malformed, NoRoom, Payload, Protocol, checksum};
use core::net::IpAddr;

impl Header {
    /// Octets of the header as [`prepend_to`](Self::prepend_to) writes it, options and padding included: a
    /// multiple of four, 20 to 60.
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + Encoded::of(&self.options, self.flags.contains(Flags::SYN)).len
    }

    /// Writes the header before what `head` holds (nothing, as a rule). The checksum field is zero: see
    /// [`fill_checksum`].
    ///
    /// Options that only a SYN may carry (RFC 9293 MUST-65, RFC 7323 §2.2, RFC 2018 §2, RFC 7413 §4.1.1) are left
    /// out of other segments, and SACK blocks that do not fit are left out from the last.
    ///
    /// # Errors
    /// [`NoRoom`] in the head, which is then as it was.
    pub fn prepend_to(&self, head: &mut Head, src_port: u16, dst_port: u16) -> Result<(), NoRoom> {
        let syn = self.flags.contains(Flags::SYN);
        let no_others = self.options.sack.is_empty() && self.options.accurate_ecn.is_none();
        if let (Some(stamps), false, true) = (self.options.timestamps, syn, no_others) {
            // What every segment of a connection with timestamps has, and most have nothing else.
            return self.write(head, src_port, dst_port, &encode_timestamps(stamps, [NO_OPERATION; 2]));
        }
        let options = Encoded::of(&self.options, syn);
        self.write(head, src_port, dst_port, options.octets.get(..options.len).ok_or(NoRoom)?)
    }

    fn write(&self, head: &mut Head, src_port: u16, dst_port: u16, options: &[u8]) -> Result<(), NoRoom> {
        let room = head.prepend(HEADER_LEN + options.len()).ok_or(NoRoom)?;
        let (fixed, rest) = room.split_first_chunk_mut::<HEADER_LEN>().ok_or(NoRoom)?;
        // The three bits between data offset and AE are reserved and sent as zero (RFC 9293 9293-E41).
        let offset_and_flags = ((HEADER_LEN + options.len()) as u16 / 4) << 12 | self.flags.bits();
        fixed[0..2].copy_from_slice(&src_port.to_be_bytes());
        fixed[2..4].copy_from_slice(&dst_port.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.seq.raw().to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ack.raw().to_be_bytes());
        fixed[12..14].copy_from_slice(&offset_and_flags.to_be_bytes());
        fixed[14..16].copy_from_slice(&self.window.raw().to_be_bytes());
        fixed[18..20].copy_from_slice(&self.urgent.to_be_bytes());
        rest.copy_from_slice(options);
        Ok(())
    }
}

/// Writes the checksum of a segment (RFC 9293 MUST-2): `head` begins with the TCP header (no IP header yet) and `body` follows.
///
/// # Errors
/// `TooShort` when `head` holds no TCP header.
pub fn fill_checksum(head: &mut Head, body: &Payload, src: IpAddr, dst: IpAddr) -> Result<(), Malformed> {
    let length = (head.len() + body.len()) as u32;
    let bytes = head.as_mut_slice();
    bytes.get_mut(16..18).ok_or(Malformed::TooShort)?.fill(0);
    let sum = checksum::pseudo_header(src, dst, Protocol::TCP, length).with(bytes).with_payload(body);
    bytes.get_mut(16..18).ok_or(Malformed::TooShort)?.copy_from_slice(&sum.checksum().to_be_bytes());
    Ok(())
}

/// Writes the pseudo-header's sum only, for a device that adds the rest
/// ([`Checksum::Partial`](crate::Checksum::Partial) with
/// [`CHECKSUM_OFFSET`](super::CHECKSUM_OFFSET)). `head` begins with the TCP header.
///
/// # Errors
/// `TooShort` when `head` holds no TCP header.
pub fn fill_partial_checksum(
    head: &mut Head,
    body_len: usize,
    src: IpAddr,
    dst: IpAddr,
) -> Result<(), Malformed> {
    let length = (head.len() + body_len) as u32;
    let sum = checksum::pseudo_header(src, dst, Protocol::TCP, length).fold();
    head.as_mut_slice().get_mut(16..18).ok_or(Malformed::TooShort)?.copy_from_slice(&sum.to_be_bytes());
    Ok(())
}

/// The timestamps option in three words, after two octets of something else.
fn encode_timestamps(stamps: Timestamps, pad: [u8; 2]) -> [u8; 12] {
    let [a, b, c, d] = stamps.value.to_be_bytes();
    let [e, f, g, h] = stamps.echo.to_be_bytes();
    [pad[0], pad[1], TIMESTAMPS, 10, a, b, c, d, e, f, g, h]
}

/// Options in bytes, padded to whole words.
struct Encoded {
    octets: [u8; MAX_HEADER_LEN - HEADER_LEN],
    len: usize,
    /// SACK blocks that are there.
    blocks: usize,
    /// Something had no room.
    cut: bool,
}

impl Encoded {
    /// Every option but NOP has its length (RFC 9293 MUST-68), and what is left of the last word is NOPs: where there
    /// is no end of the list, there is nothing after it (MUST-69). Counters of marks give way to whatever is pressed for room.
    fn of(options: &Options, syn: bool) -> Self {
        let plain = Self::lay(options, syn, None);
        let Some(counters) = options.accurate_ecn.as_deref() else { return plain };
        let counted = Self::lay(options, syn, Some(counters));
        let fits = (counted.blocks, counted.cut) == (plain.blocks, plain.cut);
        if fits { counted } else { plain }
    }

    fn lay(options: &Options, syn: bool, counters: Option<&AccurateEcn>) -> Self {
        let octets = [END_OF_OPTIONS; MAX_HEADER_LEN - HEADER_LEN];
        let mut out = Self { octets, len: 0, blocks: 0, cut: false };
        // RFC 9293 MUST-14; on nothing but a SYN, MUST-65.
        if let Some(mss) = options.mss.filter(|_| syn) {
            let [high, low] = mss.to_be_bytes();
            out.put(&[MSS, 4, high, low]);
        }
        let sack_permitted = options.sack_permitted && syn;
        if let Some(stamps) = options.timestamps {
            // What would be two octets of padding before the timestamps says SACK-permitted on a SYN.
            let pad = if sack_permitted { [SACK_PERMITTED, 2] } else { [NO_OPERATION; 2] };
            out.put(&encode_timestamps(stamps, pad));
        }
        if let Some(counters) = counters {
            let kind = if counters.ect1_first { ACCURATE_ECN_1 } else { ACCURATE_ECN_0 };
            out.put(&[kind, counters.len() as u8]);
            counters.fields().iter().for_each(|field| out.put(field));
        }
        if sack_permitted && options.timestamps.is_none() {
            out.pad_to(2);
            out.put(&[SACK_PERMITTED, 2]);
        }
        if let Some(shift) = options.window_scale.filter(|_| syn) {
            out.pad_to(1);
            out.put(&[WINDOW_SCALE, 3, shift]);
        }
        out.put_blocks(options.sack.as_slice());
        if let Some(cookie) = options.fast_open.as_ref().filter(|_| syn) {
            out.put_cookie(cookie);
        }
        out.pad_to(0);
        out
    }

    /// RFC 2018 2018-6: as many as fit, and their edges on words.
    fn put_blocks(&mut self, blocks: &[SackBlock]) {
        let fitting = self.room().saturating_sub((6 - self.len % 4) % 4 + 2) / 8;
        let blocks = blocks.get(..fitting).unwrap_or(blocks);
        if blocks.is_empty() {
            return;
        }
        self.blocks = blocks.len();
        self.pad_to(2);
        self.put(&[SACK, (2 + blocks.len() * 8) as u8]);
        for block in blocks {
            self.put(&block.start.raw().to_be_bytes());
            self.put(&block.end.raw().to_be_bytes());
        }
    }

    /// RFC 7413 §4.1.1; all of it or nothing.
    fn put_cookie(&mut self, cookie: &FastOpenCookie) {
        let [high, low] = FAST_OPEN_EXPERIMENT;
        let (experiment, rfc7413) = ([EXPERIMENT, 4, high, low], [FAST_OPEN, 2]);
        let head = if cookie.is_experimental() { &experiment[..] } else { &rfc7413[..] };
        let octets = cookie.as_slice();
        self.pad_to(0);
        let (at, len) = (self.len, head.len() + octets.len());
        if len.next_multiple_of(4) > self.room() {
            self.cut = true;
            return;
        }
        self.put(head);
        self.put(octets);
        if let Some(length) = self.octets.get_mut(at + 1) {
            *length = len as u8;
        }
    }

    /// NOPs, until the next octet is the `place`th of a word.
    fn pad_to(&mut self, place: usize) {
        while self.len % 4 != place && self.room() > 0 {
            self.put(&[NO_OPERATION]);
        }
    }

    fn room(&self) -> usize {
        self.octets.len() - self.len
    }

    fn put(&mut self, octets: &[u8]) {
        match self.octets.get_mut(self.len..self.len + octets.len()) {
            Some(room) => {
                room.copy_from_slice(octets);
                self.len += octets.len();
            }
            None => self.cut = true,
        }
    }
}
