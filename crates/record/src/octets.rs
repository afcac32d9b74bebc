//! Values to octets and back, as postcard does it: into a vector that others write to as well, and from a slice.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// Appends to a vector, as postcard wants it.
struct Tail<'a>(&'a mut Vec<u8>);

impl Flavor for Tail<'_> {
    type Output = ();

    fn try_push(&mut self, octet: u8) -> postcard::Result<()> {
        self.0.push(octet);
        Ok(())
    }

    fn try_extend(&mut self, octets: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(octets);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends `value`.
pub(crate) fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    // A vector takes everything, and none of our values is of a kind that postcard refuses (tested for each input).
    let written = postcard::serialize_with_flavor(value, Tail(out));
    debug_assert!(written.is_ok(), "{written:?}");
}

/// Appends a number as postcard does, seven bits an octet; most have one octet.
#[inline]
pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// What is still to be read.
#[derive(Debug)]
pub(crate) struct Octets<'a>(pub(crate) &'a [u8]);

impl<'a> Octets<'a> {
    /// The next value; `None` when it is none.
    pub(crate) fn take<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let (value, rest) = postcard::take_from_bytes(self.0).ok()?;
        self.0 = rest;
        Some(value)
    }

    /// The next octet.
    pub(crate) fn octet(&mut self) -> Option<u8> {
        self.octets(1)?.first().copied()
    }

    /// The next `count` octets, or `None` when there are not so many.
    pub(crate) fn octets(&mut self, count: usize) -> Option<&'a [u8]> {
        let (octets, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(octets)
    }
}
