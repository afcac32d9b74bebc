//! Initial sequence numbers: a clock plus a secret (RFC 6528 §3, RFC 9293 §3.4.1).
//!
//! ```text
//!   ISN = M + F(connection, secret)     M: one every 4 µs (MUST-8)     F: SipHash-2-4 (MUST-9)
//! ```

use core::hash::{Hash, Hasher};
use env::Instant;
use siphasher::sip::SipHasher24;
use wire::SeqNum;

/// Draws initial sequence numbers and timestamp offsets that only the holder of a secret can foresee.
///
/// Debug output never shows the secret.
#[derive(Clone)]
pub struct Generator {
    key: [u8; 16],
}

impl Generator {
    /// A generator with a secret of 128 bits from a strong source (6528-3, 6528-5): this crate has none of its own.
    pub const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The first number of a connection that opens at `now` (RFC 9293 MUST-8, MUST-9, SHLD-1; 6528-1, 6528-2).
    ///
    /// One connection's numbers grow with the clock from one incarnation to the next (6528-6).
    ///
    /// `connection` is whatever names it: both addresses and both ports.
    pub fn iss(&self, now: Instant, connection: &impl Hash) -> SeqNum {
        let ticks = now.as_nanos() / 4_000;
        SeqNum::new((ticks as u32).wrapping_add(self.hash(b'i', connection) as u32))
    }

    /// What is added to a connection's timestamp clock, so that it tells nothing about the host (RFC 7323 §5.4,
    /// 7323-28).
    pub fn timestamp_offset(&self, connection: &impl Hash) -> u32 {
        self.hash(b't', connection) as u32
    }

    fn hash(&self, purpose: u8, connection: &impl Hash) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(purpose);
        connection.hash(&mut hasher);
        hasher.finish()
    }
}

impl core::fmt::Debug for Generator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Generator { .. }")
    }
}

#[cfg(test)]
mod rfc6528_3 {
    use super::*;
    use alloc::format;

    const TUPLE: (u32, u16, u32, u16) = (0x0a00_0001, 50_000, 0x0a00_0002, 80);

    /// Covers: RFC 9293 MUST-8; RFC 6528 6528-1, 6528-6
    #[test]
    fn the_clock_component_ticks_every_four_microseconds() {
        let generator = Generator::new([7; 16]);
        let first = generator.iss(Instant::from_secs(1), &TUPLE);
        let later = generator.iss(Instant::from_secs(1) + env::Duration::from_micros(4_000), &TUPLE);
        assert_eq!(later.since(first), Some(1_000));
    }

    /// Covers: RFC 9293 MUST-9, SHLD-1; RFC 6528 6528-2
    #[test]
    fn one_bit_of_the_secret_or_of_the_connection_changes_everything() {
        let mut key = [7; 16];
        let at = Instant::from_secs(1);
        let one = Generator::new(key).iss(at, &TUPLE);
        key[0] ^= 1;
        assert_ne!(one, Generator::new(key).iss(at, &TUPLE));
        assert_ne!(one, Generator::new([7; 16]).iss(at, &(TUPLE.0, 50_001u16, TUPLE.2, TUPLE.3)));
    }

    /// Covers: RFC 9293 MUST-9; RFC 6528 6528-2
    #[test]
    fn numbers_of_different_connections_spread_evenly() {
        // Chi-square over 256 bins of a million draws: the 99.99 % quantile of 255 degrees of freedom is about 347.
        let generator = Generator::new(*b"0123456789abcdef");
        let mut bins = [0u32; 256];
        for n in 0..1_000_000u32 {
            bins[(generator.iss(Instant::ZERO, &(n, 80u16)).raw() >> 24) as usize] += 1;
        }
        let expected = 1_000_000.0 / 256.0;
        let chi: f64 = bins.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
        assert!(chi < 347.0, "{chi}");
    }

    #[test]
    fn the_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Generator::new([9; 16])), "Generator { .. }");
    }
}
