//! Scripts in directories, in an order that doesn't depend on the file system.

use anyhow::Context as _;
use sim::packetdrill::script::LONGEST;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Directories within directories, at most.
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
            walk(path, &mut Vec::new(), &mut below)?;
            anyhow::ensure!(!below.is_empty(), "there is no script (*.pkt) in {}", path.display());
            below.sort();
            found.append(&mut below);
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

/// Goes through a directory that lies in those of `above`: links that lead back to one of them are not followed.
fn walk(dir: &Path, above: &mut Vec<PathBuf>, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let told = || format!("cannot read {}", dir.display());
    let real = std::fs::canonicalize(dir).with_context(told)?;
    if above.len() >= DEEPEST || above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    for entry in std::fs::read_dir(dir).with_context(told)? {
        let path = entry.with_context(told)?.path();
        if path.is_dir() {
            walk(&path, above, found)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    above.pop();
    Ok(())
}

/// Reads a script, of which there is no more than the language allows.
///
/// # Errors
/// A sentence.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot read it: {error}");
    let file = File::open(path).map_err(cannot)?;
    let mut octets = Vec::new();
    file.take(LONGEST as u64 + 1).read_to_end(&mut octets).map_err(cannot)?;
    if octets.len() > LONGEST {
        return Err(format!("a script has at most {LONGEST} octets, and this one has more"));
    }
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_where_it_lies_is_not_followed() {
        let dir = std::env::temp_dir().join(format!("handfast-find-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("below")).unwrap();
        std::fs::write(dir.join("below/a.pkt"), "").unwrap();
        std::os::unix::fs::symlink("..", dir.join("below/up")).unwrap();
        let found = scripts(std::slice::from_ref(&dir)).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(found, [dir.join("below/a.pkt")]);
    }

    #[test]
    fn no_more_is_read_than_a_script_may_have() {
        let why = read(Path::new("/dev/zero")).unwrap_err();
        assert!(why.contains("at most"), "{why}");
    }
}
