//! TCP options (RFC 9293 §3.2, 7323, 2018, 7413, 9768).

use crate::{Mss, SeqNum, WindowScale};
use alloc::boxed::Box;

/// Options of one segment, without order and padding.
///
/// Emitted in this order: MSS, SACK-permitted and timestamps, AccECN, SACK-permitted without timestamps, window scale, SACK
/// blocks, Fast Open; with NOPs so that 32-bit fields fall on word boundaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The largest segment that the sender of this header takes. As it was said; see [`Mss`] for the floor.
    pub mss: Option<u16>,
    /// The shift of every later window from this sender; as it was said, which may be above 14.
    pub window_scale: Option<u8>,
    /// The sender understands SACK.
    pub sack_permitted: bool,
    /// Blocks received out of order.
    pub sack: SackBlocks,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// A Fast Open cookie, or (empty) a request for one.
    pub fast_open: Option<Box<FastOpenCookie>>,
    /// Counters of octets by ECN mark, as the sender of this header has received them.
    pub accurate_ecn: Option<Box<AccurateEcn>>,
    /// There was an MD5 signature (RFC 2385), which is recognised and not verified.
    pub md5: bool,
    /// There was an authentication option (RFC 5925), which is recognised and not verified.
    pub authentication: bool,
}

impl Options {
    /// No options.
    pub const NONE: Self = Self {
        mss: None,
        window_scale: None,
        sack_permitted: false,
        sack: SackBlocks::NONE,
        timestamps: None,
        fast_open: None,
        accurate_ecn: None,
        md5: false,
        authentication: false,
    };

    /// The peer's segment size as far as it can be trusted.
    pub fn trusted_mss(&self) -> Option<Mss> {
        self.mss.map(Mss::new)
    }

    /// The peer's window scale, at most 14 (RFC 7323 §2.3).
    pub fn trusted_scale(&self) -> Option<WindowScale> {
        self.window_scale.map(WindowScale::new)
    }
}

/// The timestamps option (RFC 7323 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// The sender's clock.
    pub value: u32,
    /// The clock value that the sender saw last; counts only with an ACK.
    pub echo: u32,
}

/// A half-open range of received octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlock {
    /// The first octet.
    pub start: SeqNum,
    /// The octet after the last.
    pub end: SeqNum,
}

/// Up to four blocks; the first may report a duplicate (RFC 2883).
///
/// Few segments have any, and every segment is handed on many times: they lie apart.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SackBlocks {
    /// Those beyond the count are all zeros.
    blocks: Option<Box<([SackBlock; 4], u8)>>,
}

impl SackBlocks {
    /// No blocks.
    pub const NONE: Self = Self { blocks: None };

    /// Adds a block unless there are four already, and says whether it did.
    pub fn push(&mut self, block: SackBlock) -> bool {
        let (blocks, count) = &mut **self.blocks.get_or_insert_default();
        let Some(slot) = blocks.get_mut(usize::from(*count)) else { return false };
        *slot = block;
        *count += 1;
        true
    }

    /// The blocks, first to last.
    pub fn as_slice(&self) -> &[SackBlock] {
        let blocks = self.blocks.as_deref();
        blocks.and_then(|(blocks, count)| blocks.get(..usize::from(*count))).unwrap_or(&[])
    }

    /// Drops all blocks after the first `count`.
    pub fn truncate(&mut self, count: usize) {
        if count == 0 {
            self.blocks = None;
        }
        if let Some((blocks, there)) = self.blocks.as_deref_mut()
            && count < usize::from(*there)
        {
            *there = count as u8;
            blocks.iter_mut().skip(count).for_each(|block| *block = SackBlock::default());
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.blocks.is_none()
    }
}

impl core::fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// The AccECN option (RFC 9768 §3.2.3): up to three counters of octets, of 24 bits each. Fields may be missing from the
/// tail of either order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccurateEcn {
    /// Whether ECT(1) comes first, and ECT(0) last: the order of kind 174, not of kind 172.
    pub ect1_first: bool,
    /// As on the wire: every header that is held has room for this.
    fields: [[u8; 3]; 3],
    count: u8,
}

impl AccurateEcn {
    /// The first `count` of `[ECT(0), CE, ECT(1)]`, or of `[ECT(1), CE, ECT(0)]` if `ect1_first`; the low 24 bits of each.
    pub fn new(ect1_first: bool, fields: [u32; 3], count: usize) -> Self {
        let wire = fields.map(|field| {
            let [_, a, b, c] = field.to_be_bytes();
            [a, b, c]
        });
        Self { ect1_first, fields: wire, count: count.min(3) as u8 }
    }

    /// The fields that are there, in their order, as octets of the wire.
    pub fn fields(&self) -> &[[u8; 3]] {
        self.fields.get(..usize::from(self.count)).unwrap_or(&[])
    }

    fn field(&self, index: usize) -> Option<u32> {
        let &[a, b, c] = self.fields().get(index)?;
        Some(u32::from_be_bytes([0, a, b, c]))
    }

    /// Octets received with ECT(0), plus one, modulo 2^24.
    pub fn ect0(&self) -> Option<u32> {
        self.field(if self.ect1_first { 2 } else { 0 })
    }

    /// Octets received with CE, modulo 2^24.
    pub fn ce(&self) -> Option<u32> {
        self.field(1)
    }

    /// Octets received with ECT(1), plus one, modulo 2^24.
    pub fn ect1(&self) -> Option<u32> {
        self.field(if self.ect1_first { 0 } else { 2 })
    }

    /// Octets of the option, without padding: 2, 5, 8 or 11.
    pub fn len(&self) -> usize {
        2 + 3 * usize::from(self.count)
    }

    /// Whether no counter is there.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// A Fast Open cookie of up to 16 octets (RFC 7413 §4.1.1); empty asks for one.
///
/// It travels in an option of its own, kind 34; or in the experimental one that came before it, kind 254 with the
/// experiment's number F989 (RFC 6994), which some peers still speak.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FastOpenCookie {
    octets: [u8; 16],
    len: u8,
    experimental: bool,
}

impl FastOpenCookie {
    /// A cookie of `octets`, unless there are more than 16.
    pub fn new(octets: &[u8]) -> Option<Self> {
        let mut cookie = Self::default();
        cookie.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        cookie.len = octets.len() as u8;
        Some(cookie)
    }

    /// The same in the experimental option, or in that of RFC 7413.
    #[must_use]
    pub const fn experimental(self, experimental: bool) -> Self {
        Self { experimental, ..self }
    }

    /// Whether it is in the experimental option.
    pub const fn is_experimental(&self) -> bool {
        self.experimental
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// Whether it asks for a cookie.
    pub const fn is_request(&self) -> bool {
        self.len == 0
    }
}

impl core::fmt::Debug for FastOpenCookie {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let experimental = if self.experimental { ", experimental" } else { "" };
        write!(f, "FastOpenCookie({:02x?}{experimental})", self.as_slice())
    }
}
