//! What the scripts say of themselves: `// Covers: RFC 5961 §3.2 (5961-3), RFC 9293 §3.10.7.4 (9293-E12)`.
//!
//! ```text
//!   crates/sim/scripts/TOPIC/NAME.pkt ─► Covers ─► Tag, Tag …  ─► report: evidence as that of a test
//! ```
//!
//! They are data, which a test of `sim` plays one and all: a script is as good as a test.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::tags::{self, Tag};

/// Where they live, from the workspace's root.
pub const DIRECTORY: &str = "crates/sim/scripts";

/// One script and the rules that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its path from the workspace's root, with `/`.
    pub file: String,
    /// The rules that it covers, or what is wrong with what it says.
    pub tags: Result<Vec<Tag>, String>,
}

impl Script {
    /// Its topic and name: `rst/in-window`.
    pub fn name(&self) -> &str {
        let below = self.file.strip_prefix(DIRECTORY).unwrap_or(&self.file);
        below.trim_start_matches('/').trim_end_matches(".pkt")
    }
}

/// All scripts of the workspace at `root`, in the order of their names.
///
/// # Errors
/// What can't be read.
pub fn read(root: &Path) -> io::Result<Vec<Script>> {
    let mut files = Vec::new();
    below(&root.join(DIRECTORY), &mut files)?;
    files.sort();
    let script = |path: PathBuf| {
        let parts = path.strip_prefix(root).unwrap_or(&path).components();
        let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
        Ok(Script { file: parts.join("/"), tags: covered(&fs::read_to_string(&path)?) })
    };
    files.into_iter().map(script).collect()
}

fn below(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    Ok(())
}

/// The rules that a script's text names: an RFC without one of its rules proves nothing, nor does a script that names none.
fn covered(text: &str) -> Result<Vec<Tag>, String> {
    let mut tags = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let Some(comment) = line.trim().strip_prefix("//").map(str::trim) else {
            goes_on = false;
            continue;
        };
        let list = match tags::covers(comment) {
            Some(list) => list,
            None if goes_on => comment,
            None => continue,
        };
        goes_on = tags::goes_on(list);
        for piece in list.split("RFC ").map(str::trim).filter(|piece| !piece.is_empty()) {
            let number = piece.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            let ids = tags::citations(piece);
            if number.is_empty() || ids.is_empty() {
                return Err(format!("`{piece}` names no rule"));
            }
            tags.extend(ids.into_iter().map(|id| Tag { rfc: Some(number.to_owned()), id: id.to_owned() }));
        }
    }
    if tags.is_empty() { Err("it names no rule that it covers".to_owned()) } else { Ok(tags) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<(String, String)> {
        covered(text).unwrap().into_iter().map(|tag| (tag.rfc.unwrap(), tag.id)).collect()
    }

    fn pair(rfc: &str, id: &str) -> (String, String) {
        (rfc.to_owned(), id.to_owned())
    }

    #[test]
    fn a_script_names_rules_behind_their_sections() {
        let text =
            "// What it shows.\n// Covers: RFC 5961 §3.2 (5961-3), RFC 9293 §3.10.7.4 (9293-E12, MUST-7)\n";
        assert_eq!(ids(text), [pair("5961", "5961-3"), pair("9293", "9293-E12"), pair("9293", "MUST-7")]);
        let two =
            "// Covers: RFC 5961 §3.2 (5961-3),\n//   RFC 9293 §3.1 (MUST-7)\n// differs: kernel 9293-E1\n";
        assert_eq!(ids(two), [pair("5961", "5961-3"), pair("9293", "MUST-7")]);
    }

    #[test]
    fn one_that_names_none_is_told() {
        for bad in ["", "// shows MUST-7\n", "// Covers: RFC 9293 §3.1\n", "// Covers: (MUST-7)\n"] {
            assert!(covered(bad).is_err(), "{bad}");
        }
    }
}
