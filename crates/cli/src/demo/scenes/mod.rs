//! The scenes, in the order in which they are best seen.

mod handshake;

use super::{Scene, Text};
use crate::demo::stage::PORT;

/// Every scene.
pub(super) const ALL: &[Scene] = &[handshake::SCENE];
