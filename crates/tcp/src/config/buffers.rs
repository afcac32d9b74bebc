//! Buffers and the windows that they give: how much may wait, to be sent and to be read, and what of it counts.

use super::TcpConfig;
use crate::{ConfigError, ReceiveAccounting};
use wire::{Mss, WindowScale};

impl TcpConfig {
    /// Octets that may wait to be sent or acknowledged: so many and no more, 2 KiB to 1 GiB. The default grows instead,
    /// see [`send_buffer_range`](Self::send_buffer_range).
    ///
    /// # Errors
    /// [`ConfigError::Buffer`] outside these limits.
    pub fn send_buffer(self, octets: u32) -> Result<Self, ConfigError> {
        self.send_buffer_range(octets, octets)
    }

    /// Octets that may wait to be sent or acknowledged: `least` at first, and twice the congestion window when that is
    /// more, up to `most`. Default 1 MiB to 32 MiB; 2 KiB to 1 GiB. No memory is held while nothing waits, and the
    /// host's budget bounds the sum.
    ///
    /// # Errors
    /// [`ConfigError::Buffer`] outside these limits, or when `most` is less than `least`.
    pub fn send_buffer_range(self, least: u32, most: u32) -> Result<Self, ConfigError> {
        let (send_buffer, send_buffer_limit) = buffers(least, most)?;
        Ok(Self { send_buffer, send_buffer_limit, ..self })
    }

    /// Octets that may wait to be sent for the first time, beside what the buffer has room for; a writer that keeps little
    /// unsent can change its mind late. Default no limit; at least 1.
    #[must_use]
    pub fn unsent_limit(self, octets: Option<u32>) -> Self {
        Self { unsent_limit: octets.map_or(u32::MAX, |octets| octets.max(1)), ..self }
    }

    /// Octets that may wait to be read, and the largest window ever offered: so many and no more, 2 KiB to 1 GiB (RFC
    /// 7323 §2.3). The default grows instead, see [`receive_buffer_range`](Self::receive_buffer_range).
    ///
    /// # Errors
    /// [`ConfigError::Buffer`] outside these limits.
    pub fn receive_buffer(self, octets: u32) -> Result<Self, ConfigError> {
        self.receive_buffer_range(octets, octets)
    }

    /// Octets that may wait to be read, and the largest window ever offered: `least` at first, then twice what the user
    /// reads in a round trip, up to `most`. Default 1 MiB to 32 MiB; 2 KiB to 1 GiB (RFC 7323 §2.3). No memory is held
    /// while nothing waits, and nothing grows while the host's budget is tight. What is held for a full buffer is at most an
    /// eighth more where segments are full, and a little over twice as much whatever a peer sends.
    ///
    /// # Errors
    /// [`ConfigError::Buffer`] outside these limits, or when `most` is less than `least`.
    pub fn receive_buffer_range(self, least: u32, most: u32) -> Result<Self, ConfigError> {
        let (receive_buffer, receive_buffer_limit) = buffers(least, most)?;
        Ok(Self { receive_buffer, receive_buffer_limit, ..self })
    }

    /// What a receive buffer counts. Default [`ReceiveAccounting::Octets`]; by memory, as Linux has it, where a bound on what a
    /// connection holds matters more than a window that is always as wide.
    #[must_use]
    pub fn receive_accounting(self, accounting: ReceiveAccounting) -> Self {
        Self { receive_accounting: accounting, ..self }
    }

    /// Whether a segment that begins in the window and ends beyond it is taken whole where nothing waits to be read, and dropped
    /// whole where something does, as Linux has it: for peers whose one segment is more than the window that they see,
    /// because a device joined it of several or their windows are tiny. A connection may hold that segment, up to 64 KiB,
    /// more than its buffer. A FIN needs no room, and is taken at a shut window, too: peers that send it there send it until
    /// it is. Default no: segments are cut at the window, FINs with them (RFC 9293 §3.10.7.4).
    #[must_use]
    pub fn whole_segments(self, on: bool) -> Self {
        Self { whole_segments: on, ..self }
    }

    /// The shift of our windows: the least that the largest buffer needs (RFC 7323 §2.2).
    pub(crate) fn receive_scale(&self) -> WindowScale {
        WindowScale::fitting(self.receive_accounting.octets(self.receive_buffer_limit))
    }

    /// The window that our SYN offers, where we announce segments of up to `mss`, before its field cuts it.
    pub(crate) fn first_window(&self, mss: Mss) -> u32 {
        let mss = self.mss_limit.map_or(mss, |limit| limit.min(mss));
        self.receive_accounting.first_window(self.receive_buffer, mss.get().into())
    }
}

fn buffers(least: u32, most: u32) -> Result<(u32, u32), ConfigError> {
    let sound = (2048..=1 << 30).contains(&least) && (least..=1 << 30).contains(&most);
    if sound { Ok((least, most)) } else { Err(ConfigError::Buffer) }
}
