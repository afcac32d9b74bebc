//! The timestamp clock (RFC 7323 §4.1, §5.4).

use env::Instant;

/// The timestamp of `now` on a connection whose clock is shifted by `offset`.
///
/// Whole milliseconds, wrapping every 49 days: between the 59 ns and the 1 s a tick that RFC 7323 §5.4 allows
/// (7323-17, 7323-25). The offset, drawn with a key, keeps the clock from telling how long the host has been up
/// (7323-28).
///
/// ```
/// use handfast_tcp::timestamp;
/// let at = env::Instant::from_millis(1_000);
/// assert_eq!(timestamp(at, 5), 1_005);
/// assert_eq!(timestamp(at, u32::MAX), 999);
/// ```
pub const fn timestamp(now: Instant, offset: u32) -> u32 {
    (now.as_millis() as u32).wrapping_add(offset)
}

/// Whether timestamp `value` is older than `recent`, on the shorter way round (RFC 7323 §5.2).
pub(crate) const fn is_older(value: u32, recent: u32) -> bool {
    (value.wrapping_sub(recent) as i32) < 0
}

#[cfg(test)]
mod rfc7323_4_1 {
    use super::*;
    use env::Duration;

    /// Covers: RFC 7323 7323-17, 7323-25
    #[test]
    fn the_clock_ticks_every_millisecond_and_wraps() {
        let start = Instant::from_secs(7);
        let later = start + Duration::from_millis(1_500);
        assert_eq!(timestamp(later, 3).wrapping_sub(timestamp(start, 3)), 1_500);
        let wrap = Instant::from_millis(1 << 32);
        assert_eq!(timestamp(wrap, 9), 9);
        assert!(is_older(timestamp(wrap - Duration::from_millis(1), 9), timestamp(wrap, 9)));
        assert!(!is_older(9, 9));
    }
}
