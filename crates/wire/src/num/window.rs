//! Windows: what the header's 16 bits say, what they mean, and the shift between the two.

use core::fmt;

/// A window in octets, up to 2^30 (RFC 9293 REC-1: held and computed in 32 bits; RFC 7323 §2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(u32);

impl Window {
    /// No room.
    pub const ZERO: Self = Self(0);
    /// The largest window that can be told to a peer: 65,535 · 2^14 octets.
    pub const MAX: Self = Self(0xffff << 14);

    /// A window of `octets`, or the largest there is.
    pub const fn new(octets: u32) -> Self {
        if octets > Self::MAX.0 { Self::MAX } else { Self(octets) }
    }

    /// Octets.
    pub const fn octets(self) -> u32 {
        self.0
    }

    /// What the header says for this window: rounded *down* to the scale's grain.
    pub const fn to_wire(self, scale: WindowScale) -> WireWindow {
        let shifted = self.0 >> scale.shift();
        WireWindow::new(if shifted > 0xffff { 0xffff } else { shifted as u16 })
    }
}

/// The header's window field, an unsigned number of units that a scale gives a size to (RFC 9293 MUST-1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WireWindow(u16);

impl WireWindow {
    /// The field `raw`.
    pub const fn new(raw: u16) -> Self {
        Self(raw)
    }

    /// The field.
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// The window that the field means under `scale`.
    pub const fn scaled(self, scale: WindowScale) -> Window {
        Window((self.0 as u32) << scale.shift())
    }
}

impl fmt::Display for WireWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A shift of 0 to 14 (RFC 7323 §2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowScale(u8);

impl WindowScale {
    /// No scaling.
    pub const ZERO: Self = Self(0);
    /// The largest shift.
    pub const MAX: Self = Self(14);

    /// The scale `shift`, or 14 when it is larger, as RFC 7323 §2.3 has it.
    pub const fn new(shift: u8) -> Self {
        if shift > 14 { Self::MAX } else { Self(shift) }
    }

    /// The shift.
    pub const fn shift(self) -> u8 {
        self.0
    }

    /// The smallest scale under which `octets` can be told.
    pub const fn fitting(octets: u32) -> Self {
        let mut shift = 0;
        while shift < 14 && (octets >> shift) > 0xffff {
            shift += 1;
        }
        Self(shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Covers: RFC 9293 MUST-1, REC-1; RFC 7323 7323-8
    #[test]
    fn the_field_is_unsigned_and_shifts_stop_at_fourteen() {
        for raw in [0x7fff, 0x8000, 0xffff] {
            assert_eq!(WireWindow::new(raw).scaled(WindowScale::ZERO).octets(), u32::from(raw));
        }
        assert_eq!(WireWindow::new(0xffff).scaled(WindowScale::new(200)), Window::MAX);
        assert_eq!(Window::new(u32::MAX), Window::MAX);
    }

    proptest! {
        #[test]
        fn a_window_told_is_never_larger_than_the_window_meant(octets in 0..=Window::MAX.octets()) {
            let scale = WindowScale::fitting(octets);
            let told = Window::new(octets).to_wire(scale).scaled(scale);
            prop_assert!(told.octets() <= octets);
            prop_assert!(octets - told.octets() < 1 << scale.shift());
        }
    }
}
