//! The walk along received options (RFC 9293 §3.2).
//!
//! | what arrives                                        | what happens                                 |
//! |-----------------------------------------------------|----------------------------------------------|
//! | a length below 2 or past the header                 | the segment is malformed (MUST-7)            |
//! | an unknown kind                                     | skipped by its length (MUST-6)               |
//! | a known kind with a length that it can't have       | skipped by its length, as if unknown         |
//! | MSS, scale, SACK-permitted, cookie without SYN      | skipped: they count on a SYN only            |
//! | a kind twice                                        | the later counts                             |
//! | anything after End of Option List                   | not looked at (MUST-69)                      |

use super::{AccurateEcn, FastOpenCookie, Options, SackBlock, SackBlocks, Timestamps};
use crate::{Malformed, SeqNum};
use alloc::boxed::Box;

pub(super) const END_OF_OPTIONS: u8 = 0;
pub(super) const NO_OPERATION: u8 = 1;
pub(super) const MSS: u8 = 2;
pub(super) const WINDOW_SCALE: u8 = 3;
pub(super) const SACK_PERMITTED: u8 = 4;
pub(super) const SACK: u8 = 5;
pub(super) const TIMESTAMPS: u8 = 8;
const MD5: u8 = 19;
const AUTHENTICATION: u8 = 29;
pub(super) const FAST_OPEN: u8 = 34;
/// An experiment, named by the two octets that follow (RFC 6994).
pub(super) const EXPERIMENT: u8 = 254;
/// That it is Fast Open.
pub(super) const FAST_OPEN_EXPERIMENT: [u8; 2] = [0xf9, 0x89];
pub(super) const ACCURATE_ECN_0: u8 = 172;
pub(super) const ACCURATE_ECN_1: u8 = 174;

/// Reads the options of a segment, with a SYN or any other (RFC 9293 MUST-4, MUST-5, MUST-6, MUST-7, MUST-69).
pub(super) fn parse(mut octets: &[u8], syn: bool) -> Result<Options, Malformed> {
    let mut options = Options::NONE;
    // What every segment of a connection with timestamps has, as RFC 7323 appendix A would have it.
    if let [NO_OPERATION, NO_OPERATION, TIMESTAMPS, 10, data @ ..] = octets
        && data.len() == 8
    {
        take(&mut options, TIMESTAMPS, data, syn);
        return Ok(options);
    }
    loop {
        // Octet by octet: options need no alignment (RFC 9293 MUST-64).
        octets = match *octets {
            [] | [END_OF_OPTIONS, ..] => return Ok(options),
            [NO_OPERATION, ref rest @ ..] => rest,
            [_] => return Err(Malformed::BadOption),
            [kind, length, ..] => {
                let (option, rest) =
                    octets.split_at_checked(usize::from(length)).ok_or(Malformed::BadOption)?;
                take(&mut options, kind, option.get(2..).ok_or(Malformed::BadOption)?, syn);
                rest
            }
        };
    }
}

/// What a SYN alone may say is skipped elsewhere (RFC 9293 MUST-65; 7323-3; 2018-1; RFC 7413 §4.1.1).
fn take(options: &mut Options, kind: u8, data: &[u8], syn: bool) {
    match (kind, data) {
        (MSS, &[high, low]) if syn => options.mss = Some(u16::from_be_bytes([high, low])), // MUST-65
        (WINDOW_SCALE, &[shift]) if syn => options.window_scale = Some(shift),             // RFC 7323 §2.2
        (SACK_PERMITTED, &[]) if syn => options.sack_permitted = true,                     // RFC 2018 §2
        (SACK, _) => {
            // RFC 2018 2018-14: whole blocks, at least one; a header has no room for more than four.
            if let (blocks @ [_, ..], []) = data.as_chunks::<8>() {
                options.sack = SackBlocks::NONE;
                for &[a, b, c, d, e, f, g, h] in blocks {
                    let start = SeqNum::new(u32::from_be_bytes([a, b, c, d]));
                    let end = SeqNum::new(u32::from_be_bytes([e, f, g, h]));
                    options.sack.push(SackBlock { start, end });
                }
            }
        }
        (TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
            let value = u32::from_be_bytes([a, b, c, d]);
            let echo = u32::from_be_bytes([e, f, g, h]);
            options.timestamps = Some(Timestamps { value, echo });
        }
        (FAST_OPEN, cookie) if syn => take_cookie(options, cookie, false),
        (EXPERIMENT, &[high, low, ref cookie @ ..]) if syn && [high, low] == FAST_OPEN_EXPERIMENT => {
            take_cookie(options, cookie, true);
        }
        // RFC 9768 §3.2.3: whole fields count, however long it is; on a SYN that asks it is nothing (§3.2.3.2.1), which whoever
        // reads a SYN knows.
        (ACCURATE_ECN_0 | ACCURATE_ECN_1, fields) => {
            let (whole, _) = fields.as_chunks::<3>();
            let mut counters = [0; 3];
            for (counter, &[a, b, c]) in counters.iter_mut().zip(whole) {
                *counter = u32::from_be_bytes([0, a, b, c]);
            }
            let first = kind == ACCURATE_ECN_1;
            options.accurate_ecn = Some(Box::new(AccurateEcn::new(first, counters, whole.len())));
        }
        (MD5, signature) if signature.len() == 16 => options.md5 = true,
        (AUTHENTICATION, fields) if fields.len() >= 2 => options.authentication = true,
        _ => {} // MUST-6; among them the user timeout option (5482-4)
    }
}

/// RFC 7413 §4.1.1: empty, or an even number of octets from 4 to 16; any other is skipped (7413-2).
fn take_cookie(options: &mut Options, cookie: &[u8], experimental: bool) {
    if matches!(cookie.len(), 0 | 4 | 6 | 8 | 10 | 12 | 14 | 16) {
        let cookie = FastOpenCookie::new(cookie);
        options.fast_open = cookie.map(|cookie| Box::new(cookie.experimental(experimental)));
    }
}
