//! Faults on purpose, where they are the host's own: without the feature `sabotage` these are constants, and nothing is
//! compiled in.
//!
//! ```text
//!   HostConfig::tcp: TcpConfig::sabotage, first_number ─► the one place that asks
//! ```

use crate::Ip;

/// Whether TCP takes segments whose checksum is wrong.
#[cfg(feature = "sabotage")]
pub(crate) fn believes_checksums(ip: &Ip) -> bool {
    ip.config.tcp.has(tcp::Sabotage::ChecksumUnchecked)
}

/// Never.
#[cfg(not(feature = "sabotage"))]
pub(crate) const fn believes_checksums(_ip: &Ip) -> bool {
    false
}

/// Where connections begin to count, if a test says so.
#[cfg(feature = "sabotage")]
pub(crate) fn fixed_first_number(ip: &Ip) -> Option<u32> {
    ip.config.tcp.fixed_first_number()
}

/// Nobody does.
#[cfg(not(feature = "sabotage"))]
pub(crate) const fn fixed_first_number(_ip: &Ip) -> Option<u32> {
    None
}
