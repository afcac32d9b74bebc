//! Chance from the system.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;

/// 32 octets from the system's strong source, for [`stack::Host::new`]: every secret of a host is drawn from them
/// (RFC 4086; 6528-3, 6528-5).
///
/// Waits until the source is ready, which it is from soon after boot.
///
/// # Errors
/// The system has none.
pub fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let mut filled = 0;
    while let Some(rest) = seed.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
    }
    Ok(seed)
}

#[cfg(test)]
mod tests {
    /// Covers: RFC 6528 6528-3, 6528-5
    #[test]
    fn no_two_seeds_are_the_same_and_none_is_zeros() {
        let (one, two) = (super::seed().unwrap(), super::seed().unwrap());
        assert!(one != two && one != [0; 32] && two != [0; 32]);
    }
}
