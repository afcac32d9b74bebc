//! Blocks of code: one program, run at the end over what the host said of itself at each block's time.

use super::{Done, Player, Stop};
use crate::packetdrill::script::Code;

/// A block, and what its names stood for when it was its turn.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) code: Code,
    pub(super) values: Vec<(&'static str, i64)>,
}

impl Player<'_> {
    /// Runs the blocks.
    pub(super) fn run_code(&mut self) -> Done {
        match self.snapshots.first() {
            None => Ok(()),
            Some(first) => Err(Stop::skip(
                first.code.at,
                format!("nobody here reads code yet ({} names)", first.values.len()),
            )),
        }
    }
}
