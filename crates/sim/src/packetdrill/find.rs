//! Scripts in directories, in an order that doesn't depend on the file system.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

/// Directories within directories, at most.
const DEEPEST: usize = 32;

/// A directory that can't be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub why: io::Error,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}", self.path.display())
    }
}

impl Error for Unreadable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.why)
    }
}

/// Every `*.pkt` in `directory` and the directories below it, sorted.
///
/// # Errors
/// The first directory that can't be read.
pub fn scripts_below(directory: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let mut found = Vec::new();
    walk(directory, &mut Vec::new(), &mut found)?;
    found.sort();
    Ok(found)
}

/// Goes through a directory that lies in those of `above`: links that lead back to one of them are not followed.
fn walk(directory: &Path, above: &mut Vec<PathBuf>, found: &mut Vec<PathBuf>) -> Result<(), Unreadable> {
    let unreadable = |why| Unreadable { path: directory.to_owned(), why };
    let real = fs::canonicalize(directory).map_err(unreadable)?;
    if above.len() >= DEEPEST || above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            walk(&path, above, found)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    above.pop();
    Ok(())
}
