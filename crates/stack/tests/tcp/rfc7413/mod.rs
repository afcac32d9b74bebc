//! Fast Open (RFC 7413), section by section: a server whose peers we are, a client whose server we are, and two hosts.

mod client;
mod pair;
mod server;

use stack::{FastOpenConnect, FastOpenListen};
use tcp::fast_open::{Key, Keys};
use wire::tcp::FastOpenCookie;

/// Settings of a listener that takes data with a SYN.
const SERVES: Option<FastOpenListen> = Some(FastOpenListen { queue: 4, cookie: true });
const ASKS: FastOpenConnect = FastOpenConnect { cookie: true };

fn keys(primary: u8, backup: Option<u8>) -> Option<Keys> {
    let key = |octet| Key::new([octet; 16]);
    Some(Keys { primary: key(primary), backup: backup.map(key) })
}

/// An option with these octets.
fn option(octets: &[u8]) -> Option<Box<FastOpenCookie>> {
    Some(Box::new(FastOpenCookie::new(octets).expect("at most 16")))
}
