//! Scripts in directories, in an order that doesn't depend on the file system.

use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// Directories within directories, at most: links may make a circle of them.
const DEEPEST: usize = 32;

/// Files as they are given, and every `*.pkt` below directories, sorted.
///
/// # Errors
/// A path that isn't there or can't be read; no script at all.
pub(super) fn scripts(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let what = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if what.is_dir() {
            let mut below = Vec::new();
            walk(path, DEEPEST, &mut below)?;
            anyhow::ensure!(!below.is_empty(), "there is no script (*.pkt) in {}", path.display());
            below.sort();
            found.append(&mut below);
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn walk(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
    let told = || format!("cannot read {}", dir.display());
    for entry in std::fs::read_dir(dir).with_context(told)? {
        let path = entry.with_context(told)?.path();
        if path.is_dir() {
            walk(&path, depth, found)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    Ok(())
}
