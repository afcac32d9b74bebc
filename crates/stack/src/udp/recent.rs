//! A small memory of where datagrams went lately: what an ICMP error quotes must have been sent.
//!
//! A connected socket's peer is proof enough. For the rest this remembers a fingerprint of each (port, destination), in
//! a table of fixed size where a newer one takes an older one's slot. It decides only whether an error may change what
//! the host believes of a path (RFC 5927); the user is told in any case.

use super::table::End;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use siphasher::sip::SipHasher13;

const SLOTS: usize = 1024;

#[derive(Clone)]
pub(super) struct Recent {
    key: [u8; 16],
    slots: Vec<u32>,
}

impl Recent {
    pub(super) const fn new(key: [u8; 16]) -> Self {
        Self { key, slots: Vec::new() }
    }

    pub(super) fn note(&mut self, port: u16, to: End) {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, 0);
        }
        let (slot, print) = self.print(port, to);
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = print;
        }
    }

    pub(super) fn has(&self, port: u16, to: End) -> bool {
        let (slot, print) = self.print(port, to);
        self.slots.get(slot) == Some(&print)
    }

    fn print(&self, port: u16, to: End) -> (usize, u32) {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        (port, to).hash(&mut hasher);
        let hash = hasher.finish();
        (hash as usize % SLOTS, (hash >> 32) as u32 | 1)
    }
}

/// Never the secret.
impl core::fmt::Debug for Recent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Recent { .. }")
    }
}
