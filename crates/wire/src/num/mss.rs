//! Maximum segment size.

/// Octets of a segment without headers: at least [`Mss::FLOOR`], so that a hostile peer cannot make us send
/// a header for every few octets (CVE-2019-11479).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "u16", into = "u16")
)]
pub struct Mss(u16);

impl Mss {
    /// The least segment size we ever agree to: 88 octets, room for data behind the largest headers in the
    /// smallest IPv4 packet of the old days' links.
    pub const FLOOR: Self = Self(88);
    /// What to assume of an IPv4 peer that says nothing (RFC 9293 MUST-15).
    pub const DEFAULT_V4: Self = Self(536);
    /// What to assume of an IPv6 peer that says nothing (RFC 9293 MUST-15).
    pub const DEFAULT_V6: Self = Self(1220);

    /// A size of `octets`, or the floor when that is more.
    pub const fn new(octets: u16) -> Self {
        if octets < Self::FLOOR.0 { Self::FLOOR } else { Self(octets) }
    }

    /// Octets.
    pub const fn get(self) -> u16 {
        self.0
    }
}
#[cfg(feature = "serde")]
impl From<u16> for Mss {
    fn from(octets: u16) -> Self {
        Self::new(octets)
    }
}

#[cfg(feature = "serde")]
impl From<Mss> for u16 {
    fn from(mss: Mss) -> Self {
        mss.get()
    }
}
