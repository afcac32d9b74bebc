//! Sequence numbers: points on a circle, which have no order.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// A point in the 32-bit sequence space, compared modulo 2^32 (RFC 9293 §3.4).
///
/// There is no `Ord` (three of them cannot be sorted), and a distance admits that it may not exist.
///
/// ```
/// use handfast_wire::SeqNum;
/// let last = SeqNum::new(u32::MAX);
/// assert!(last.before(last + 1));
/// assert_eq!((last + 10).since(last), Some(10));
/// assert_eq!(last.since(last + 10), None);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SeqNum(u32);

impl SeqNum {
    /// The point numbered `raw`.
    pub const fn new(raw: u32) -> Self {
        Self(raw)
    }

    /// The number on the wire.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// Whether `self` comes strictly before `other`, on the shorter way round.
    pub const fn before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// Whether `self` comes strictly after `other`.
    pub const fn after(self, other: Self) -> bool {
        other.before(self)
    }

    /// Whether `self` is `other` or comes before it.
    pub const fn at_or_before(self, other: Self) -> bool {
        !other.before(self)
    }

    /// Whether `self` is `other` or comes after it.
    pub const fn at_or_after(self, other: Self) -> bool {
        !self.before(other)
    }

    /// Octets from `start` up to `self`, or `None` when `self` comes first.
    pub fn since(self, start: Self) -> Option<u32> {
        u32::try_from(self.0.wrapping_sub(start.0) as i32).ok()
    }

    /// Octets from `start` up to `self` going forwards round the circle, however far.
    ///
    /// For distances known to be forwards, such as from a connection's first number to its last.
    pub const fn wrapping_since(self, start: Self) -> u32 {
        self.0.wrapping_sub(start.0)
    }

    /// Whether `self` lies in the `length` octets from `start` on.
    pub const fn within(self, start: Self, length: u32) -> bool {
        self.0.wrapping_sub(start.0) < length
    }

    /// The later of two points that are known to lie within half a circle.
    pub const fn later(self, other: Self) -> Self {
        if self.before(other) { other } else { self }
    }

    /// The earlier of two points that are known to lie within half a circle.
    pub const fn earlier(self, other: Self) -> Self {
        if self.before(other) { self } else { other }
    }
}

impl Add<u32> for SeqNum {
    type Output = Self;

    fn add(self, octets: u32) -> Self {
        Self(self.0.wrapping_add(octets))
    }
}

impl AddAssign<u32> for SeqNum {
    fn add_assign(&mut self, octets: u32) {
        *self = *self + octets;
    }
}

impl Sub<u32> for SeqNum {
    type Output = Self;

    fn sub(self, octets: u32) -> Self {
        Self(self.0.wrapping_sub(octets))
    }
}

impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod rfc9293_3_4 {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Covers: RFC 9293 9293-E36
        #[test]
        fn the_order_of_two_points_survives_every_wrap(start: u32, gap in 1..0x8000_0000u32) {
            let (a, b) = (SeqNum::new(start), SeqNum::new(start) + gap);
            prop_assume!(gap < 0x8000_0000);
            prop_assert!(a.before(b) && !b.before(a));
            prop_assert_eq!(b.since(a), Some(gap));
            prop_assert_eq!(a.since(b), None);
            prop_assert_eq!(a.later(b), b);
            prop_assert_eq!(a.earlier(b), a);
            prop_assert_eq!(b - gap, a);
        }

        #[test]
        fn within_is_half_open(start: u32, length: u32, offset: u32) {
            let at = SeqNum::new(start) + offset;
            prop_assert_eq!(at.within(SeqNum::new(start), length), offset < length);
        }
    }
}
