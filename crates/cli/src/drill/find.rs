//! The scripts that are asked for, found and read.

use anyhow::Context as _;
use sim::packetdrill::find::scripts_below;
use sim::packetdrill::script::LONGEST;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Files as they are given, and every `*.pkt` below directories, sorted.
///
/// # Errors
/// A path that isn't there or can't be read; no script at all.
pub(super) fn scripts(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let what = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if what.is_dir() {
            let mut below = scripts_below(path)?;
            anyhow::ensure!(!below.is_empty(), "there is no script (*.pkt) in {}", path.display());
            found.append(&mut below);
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
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
