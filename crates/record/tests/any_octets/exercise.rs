//! Any octets, read as a recording and replayed; the fuzz target `recording` has the same body.
//!
//! ```text
//!   kind ┬ 0: the rest is the file
//!        ├ 1: the rest is what is in a block, behind a head with the usual settings: checksums are right, values are not
//!        └ 2: length of a head (2), the head, what is in a block
//! ```

use env::Instant;
use record::{Head, Recording, Replay};
use stack::{Host, HostConfig};

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Came {
    /// The file could be opened.
    pub(crate) opened: bool,
    /// Inputs that were read and given to a host.
    pub(crate) inputs: u64,
    /// Frames that the host sent.
    pub(crate) frames: u64,
}

/// Reads and replays; what must hold is asserted.
pub(crate) fn replay(octets: &[u8]) -> Came {
    let Some((kind, rest)) = octets.split_first() else { return Came::default() };
    match kind % 3 {
        0 => both(rest),
        1 => both(&file(&head(kind & 4 != 0), rest)),
        _ => {
            let Some((len, rest)) = rest.split_first_chunk() else { return Came::default() };
            let (head, pieces) = rest.split_at(rest.len().min(u16::from_be_bytes(*len).into()));
            both(&file(head, pieces))
        }
    }
}

/// A head with the usual settings, as JSON.
pub(crate) fn head(payload: bool) -> Vec<u8> {
    let (program, about) = ("0".to_owned(), String::new());
    let head = Head { program, payload, about, began: 0, config: HostConfig::default() };
    serde_json::to_vec(&head).unwrap()
}

/// A file of which every checksum is right.
pub(crate) fn file(head: &[u8], pieces: &[u8]) -> Vec<u8> {
    let mut file = b"HFREC\r\n\x1a".to_vec();
    file.extend(record::FORMAT.to_be_bytes());
    file.extend((head.len() as u32).to_be_bytes());
    file.extend(head);
    file.extend(crc32fast::hash(head).to_be_bytes());
    for (kind, octets) in [(b'B', pieces), (b'E', &[])] {
        file.push(kind);
        file.extend((octets.len() as u32).to_be_bytes());
        file.extend(crc32fast::hash(octets).to_be_bytes());
        file.extend(octets);
    }
    file
}

fn both(file: &[u8]) -> Came {
    as_users_do(file);
    to_the_end(file)
}

/// Ends where a host does otherwise than it did: as a rule at once.
fn as_users_do(file: &[u8]) {
    let mut replay = match Replay::open(file) {
        Ok(replay) => replay,
        Err(why) => return assert!(!why.to_string().is_empty()),
    };
    let mut at = Instant::ZERO;
    loop {
        match replay.step() {
            Ok(Some(stepped)) => {
                assert!(stepped.at >= at && stepped.number <= file.len() as u64);
                at = stepped.at;
            }
            Ok(None) => return assert!(replay.done().end.is_some()),
            Err(why) => return assert!(!why.to_string().is_empty()),
        }
    }
}

/// Gives a host every input that can be read, whatever it does.
fn to_the_end(file: &[u8]) -> Came {
    let mut came = Came::default();
    let Ok(mut recording) = Recording::open(file) else { return came };
    let head = recording.head();
    let Ok(mut host) = Host::new(head.config.clone(), [7; 32]) else { return came };
    host.rehearse(head.payload).unwrap();
    came.opened = true;
    while let Ok(Some(entry)) = recording.next_entry() {
        came.inputs += 1;
        for (source, drawn) in entry.drawn {
            host.give(source, drawn);
        }
        entry.input.apply(&mut host);
        let _ = host.rehearsed();
        while host.poll_note().is_some() {
            came.frames += 1;
        }
        assert!(host.tcp_counts().connections as u64 <= came.inputs);
    }
    assert!(came.inputs <= file.len() as u64);
    came
}
