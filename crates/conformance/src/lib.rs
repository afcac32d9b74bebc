//! Which rule of which RFC is held where, and which test proves it.
//!
//! ```text
//!   requirements.tsv ──► requirements ─┐
//!   open.tsv ────────────────┐         │
//!                            ▼         ▼
//!   crates/**/*.rs ─► files ─► lexer ─► items ─► report ─► pages: docs/conformance/*.md
//!                     (the     (tokens, (tests    │
//!                     module   comments) and code └──► faults: what makes the gate fail
//!                     tree)              places)
//! ```
//!
//! Nothing is compiled or run: sources are read as text, but as *Rust* text. A tag inside a string is
//! no tag, a test in a file that no `mod` line reaches is no test, and neither is an ignored one.

pub mod files;
pub mod items;
pub mod lexer;
pub mod pages;
pub mod readme;
pub mod report;
pub mod requirements;
pub mod scripts;
pub mod tags;

use std::path::{Path, PathBuf};

/// The root of the workspace that this crate was built in.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
