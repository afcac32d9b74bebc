//! A recording in memory, for simulations and tests: a host that was noted all along, written at once.

use crate::entry::Encoder;
use crate::file::{END, Head, PIECES, beginning, block};
use stack::Host;

/// Everything that `host` has noted since [`Host::journal`] was called with `payload`, as the octets of a file.
///
/// # Errors
/// The settings cannot be written as JSON: not with the settings there are.
pub fn of_host(host: &mut Host, payload: bool, about: &str) -> serde_json::Result<Vec<u8>> {
    let head = Head {
        program: env!("CARGO_PKG_VERSION").into(),
        payload,
        about: about.into(),
        began: 0,
        config: host.config().clone(),
    };
    let mut file = beginning(&head)?;
    let mut encoder = Encoder::new(payload);
    let mut pieces = Vec::new();
    while let Some(note) = host.poll_note() {
        // An input and what came of it stay in one block.
        if pieces.len() >= 1 << 20 && matches!(note, stack::Note::Input(_)) {
            encoder.settle(&mut pieces);
            file.extend_from_slice(&block(PIECES, &pieces));
            file.append(&mut pieces);
        }
        encoder.put_note(&mut pieces, &note, host);
    }
    encoder.settle(&mut pieces);
    file.extend_from_slice(&block(PIECES, &pieces));
    file.append(&mut pieces);
    file.extend_from_slice(&block(END, &[]));
    Ok(file)
}
