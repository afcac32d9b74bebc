//! The extension headers that we send: fragment, and hop-by-hop with router alert.

use crate::{Head, NoRoom, Protocol};

/// A fragment header (RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentHeader {
    /// What the reassembled payload starts with.
    pub next_header: Protocol,
    /// Where this part starts, in units of eight octets.
    pub offset: u16,
    /// Parts follow this one.
    pub more: bool,
    /// Names the packet that the parts belong to.
    pub identification: u32,
}

impl FragmentHeader {
    /// Octets of the header.
    pub const LEN: usize = 8;

    /// Writes the header before what `head` holds. The header before it says [`Protocol::FRAGMENT`].
    ///
    /// # Errors
    /// [`NoRoom`] in the head, which is then as it was.
    pub fn prepend_to(&self, head: &mut Head) -> Result<(), NoRoom> {
        let header = head.prepend(Self::LEN).and_then(|room| room.first_chunk_mut::<8>()).ok_or(NoRoom)?;
        header[0] = self.next_header.number();
        header[2..4].copy_from_slice(&(self.offset << 3 | u16::from(self.more)).to_be_bytes());
        header[4..8].copy_from_slice(&self.identification.to_be_bytes());
        Ok(())
    }
}

/// A hop-by-hop header with nothing but a router alert (RFC 2711), as MLD messages carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopByHop {
    /// What follows.
    pub next_header: Protocol,
    /// The router alert value: 0 for MLD.
    pub router_alert: u16,
}

impl HopByHop {
    /// Octets of the header.
    pub const LEN: usize = 8;

    /// Writes the header before what `head` holds. The IPv6 header says [`Protocol::HOP_BY_HOP`].
    ///
    /// # Errors
    /// [`NoRoom`] in the head, which is then as it was.
    pub fn prepend_to(&self, head: &mut Head) -> Result<(), NoRoom> {
        let header = head.prepend(Self::LEN).and_then(|room| room.first_chunk_mut::<8>()).ok_or(NoRoom)?;
        let [high, low] = self.router_alert.to_be_bytes();
        // Next header, length 0 (eight octets), router alert of two octets, PadN of none.
        *header = [self.next_header.number(), 0, 5, 2, high, low, 1, 0];
        Ok(())
    }
}
