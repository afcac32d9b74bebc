//! The server's cookies: a MAC of both addresses (RFC 7413 §4.1.2).
//!
//! ```text
//!   client's address ─┐
//!   server's address ─┴─► SipHash-2-4 under the primary key ─► 8 octets, the low one first
//!                                   or the backup: good as well, and answered with a new one
//! ```
//!
//! Hosts that share an address and a key take each other's cookies (§6.3.4). Linux makes them in the same way, so a
//! pool may have both.

use core::fmt;
use core::hash::Hasher;
use core::str::FromStr;
use siphasher::sip::SipHasher24;
use wire::tcp::FastOpenCookie;

/// A secret of 128 bits. Debug output never shows it.
///
/// Written as four words of hexadecimal digits with dashes, the way that the settings of Linux have it.
///
/// ```
/// use handfast_tcp::fast_open::Key;
/// let key: Key = "00112233-44556677-8899aabb-ccddeeff".parse().unwrap();
/// assert_eq!(key, Key::new([0x33, 0x22, 0x11, 0, 0x77, 0x66, 0x55, 0x44, 0xbb, 0xaa, 0x99, 0x88, 0xff, 0xee, 0xdd, 0xcc]));
/// assert!("00112233".parse::<Key>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl Key {
    /// A key of octets from a strong source.
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// Another key, of which whoever knows neither can tell nothing.
    #[must_use]
    pub fn derive(&self, number: u64) -> Self {
        let mut octets = [0; 16];
        for (half, part) in octets.chunks_mut(8).zip(0u8..) {
            let mut hasher = SipHasher24::new_with_key(&self.0);
            hasher.write_u64(number);
            hasher.write_u8(part);
            half.copy_from_slice(&hasher.finish().to_le_bytes());
        }
        Self(octets)
    }

    fn hash(&self, addresses: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(addresses);
        hasher.finish()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key { .. }")
    }
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableKey;

impl fmt::Display for UnreadableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key is four words of up to eight hexadecimal digits, with dashes between them")
    }
}

impl core::error::Error for UnreadableKey {}

impl FromStr for Key {
    type Err = UnreadableKey;

    fn from_str(text: &str) -> Result<Self, UnreadableKey> {
        let mut octets = [0; 16];
        let mut words = text.split('-');
        for place in octets.chunks_mut(4) {
            let word = words.next().filter(|word| word.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let word = word.and_then(|word| u32::from_str_radix(word, 16).ok()).ok_or(UnreadableKey)?;
            place.copy_from_slice(&word.to_le_bytes());
        }
        words.next().map_or(Ok(Self(octets)), |_| Err(UnreadableKey))
    }
}

/// The keys in force: cookies of either are good, new ones are of the primary. To change keys without turning anybody
/// away, the old primary becomes the backup for as long as its cookies shall live (§4.1.2, property 5; 7413-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Cookies are made with it.
    pub primary: Key,
    /// The one before it.
    pub backup: Option<Key>,
}

/// What a cookie is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing: it is not ours, or has expired, or is another client's.
    Bad,
    /// It is of the primary key.
    Good,
    /// It is of the backup key: good, and to be replaced.
    Old,
}

impl Keys {
    /// The cookie for a client, as a number: `addresses` are the octets of the client's address and the server's.
    pub fn cookie(&self, addresses: &[u8]) -> u64 {
        self.primary.hash(addresses)
    }

    /// What `cookie` is worth from that client. As costly as to make one; nothing else is looked up (§4.1.2, property 3).
    pub fn judge(&self, addresses: &[u8], cookie: &FastOpenCookie) -> Judgement {
        let Ok(octets) = <[u8; 8]>::try_from(cookie.as_slice()) else { return Judgement::Bad };
        let said = u64::from_le_bytes(octets);
        if said == self.primary.hash(addresses) {
            Judgement::Good
        } else if self.backup.is_some_and(|backup| said == backup.hash(addresses)) {
            Judgement::Old
        } else {
            Judgement::Bad
        }
    }
}

/// A cookie of ours in its option.
pub fn cookie_of(number: u64) -> FastOpenCookie {
    FastOpenCookie::new(&number.to_le_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod rfc7413_4_1_2 {
    use super::*;

    const ADDRESSES: [u8; 8] = [10, 248, 0, 2, 192, 168, 0, 2];

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    /// What Linux answers under this key, to this client, as its own tests have it.
    #[test]
    fn a_pool_may_have_linux_hosts_in_it() {
        let keys = Keys { primary: key("a0bf63f7-ed803d81-cd641d30-cebc4a90"), backup: None };
        let cookie = cookie_of(keys.cookie(&ADDRESSES));
        assert_eq!(cookie.as_slice(), [0x00, 0xab, 0xaa, 0xab, 0xe8, 0xe9, 0x54, 0xc2]);
    }

    /// Covers: RFC 7413 7413-3
    #[test]
    fn a_cookie_is_one_clients_and_expires_with_its_key() {
        let (old, new, newest) = (Key::new([1; 16]), Key::new([2; 16]), Key::new([3; 16]));
        let keys = Keys { primary: old, backup: None };
        let cookie = cookie_of(keys.cookie(&ADDRESSES));
        assert_eq!(keys.judge(&ADDRESSES, &cookie), Judgement::Good);
        let another = [10, 248, 0, 3, 192, 168, 0, 2];
        assert_eq!(keys.judge(&another, &cookie), Judgement::Bad);
        assert_ne!(keys.cookie(&another), keys.cookie(&ADDRESSES));

        let rotated = Keys { primary: new, backup: Some(old) };
        assert_eq!(rotated.judge(&ADDRESSES, &cookie), Judgement::Old);
        let rotated = Keys { primary: newest, backup: Some(new) };
        assert_eq!(rotated.judge(&ADDRESSES, &cookie), Judgement::Bad);
        let short = FastOpenCookie::new(&cookie.as_slice()[..6]).unwrap();
        assert_eq!(keys.judge(&ADDRESSES, &short), Judgement::Bad);
    }

    #[test]
    fn derived_keys_differ_from_each_other_in_both_halves() {
        let master = Key::new([9; 16]);
        let (a, b) = (master.derive(1), master.derive(2));
        assert!(a != b && a != master);
        assert_ne!(a.0[..8], a.0[8..]);
        assert_ne!(a.0[8..], b.0[8..]);
        assert_eq!(a, master.derive(1));
    }

    #[test]
    fn a_key_is_read_as_four_words() {
        assert_eq!(key("1-2-3-4"), Key::new([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]));
        for wrong in ["", "1-2-3", "1-2-3-4-5", "1-2-3-x", "+1-2-3-4", "123456789-1-1-1"] {
            assert_eq!(wrong.parse::<Key>(), Err(UnreadableKey), "{wrong}");
        }
    }
}
