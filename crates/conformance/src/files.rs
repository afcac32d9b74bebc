//! Which files are part of a crate: those that its `mod` lines reach, from its library, binaries and
//! integration tests.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::items::{Module, Scan, scan};

/// One source file that some crate compiles.
#[derive(Debug)]
pub struct Source {
    /// Its path from the workspace's root, with `/`.
    pub file: String,
    /// The crate's directory name, such as `tcp`.
    pub krate: String,
    /// Its module path, such as `tcp::sender::nagle` or `tcp/tests/two_hosts`.
    pub module: String,
    /// What is in it.
    pub scan: Scan,
}

/// All sources of the crates under `root/crates` but those named in `skip`, and the files that no crate
/// compiles although they hold tags (from the root, with `/`).
pub fn walk(root: &Path, skip: &[&str]) -> io::Result<(Vec<Source>, Vec<String>)> {
    let mut walk = Walk { root, seen: BTreeSet::new(), sources: Vec::new() };
    let mut strays = Vec::new();
    for dir in list(&root.join("crates"))? {
        let krate = name(&dir);
        if skip.contains(&krate.as_str()) || !dir.join("Cargo.toml").is_file() {
            continue;
        }
        for (file, module) in roots(&dir, &krate)? {
            let test = file.starts_with(dir.join("tests"));
            walk.visit(&file, &file.with_file_name(""), &krate, &module, test)?;
        }
        for file in under(&dir.join("src"))?.into_iter().chain(under(&dir.join("tests"))?) {
            if !walk.seen.contains(&file) {
                let stray = scan(&fs::read_to_string(&file)?, true);
                if !(stray.tests.is_empty() && stray.faults.is_empty()) {
                    strays.push(walk.shown(&file));
                }
            }
        }
    }
    walk.sources.sort_by(|a, b| a.file.cmp(&b.file));
    Ok((walk.sources, strays))
}

struct Walk<'a> {
    root: &'a Path,
    seen: BTreeSet<PathBuf>,
    sources: Vec<Source>,
}

impl Walk<'_> {
    fn shown(&self, file: &Path) -> String {
        let parts = file.strip_prefix(self.root).unwrap_or(file).components();
        parts.map(|p| p.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    /// Visits a file and those that it declares; `below` is where those of its own level live.
    fn visit(&mut self, file: &Path, below: &Path, krate: &str, module: &str, test: bool) -> io::Result<()> {
        if !self.seen.insert(file.to_path_buf()) {
            return Ok(());
        }
        let scan = scan(&fs::read_to_string(file)?, test);
        let modules = scan.modules.clone();
        let shown = self.shown(file);
        self.sources.push(Source { file: shown, krate: krate.to_owned(), module: module.to_owned(), scan });
        for Module { within, name, test: only_test, path } in modules {
            let inner = within.iter().fold(below.to_path_buf(), |dir, part| dir.join(part));
            let candidates = match path {
                Some(path) if within.is_empty() => vec![file.with_file_name(path)],
                Some(path) => vec![inner.join(path)],
                None => vec![inner.join(format!("{name}.rs")), inner.join(&name).join("mod.rs")],
            };
            let Some(found) = candidates.into_iter().find(|c| c.is_file()) else { continue };
            let mod_rs = found.file_name().is_some_and(|f| f == "mod.rs");
            let next = if mod_rs { found.with_file_name("") } else { found.with_extension("") };
            let module = [module].into_iter().chain(within.iter().map(String::as_str)).chain([name.as_str()]);
            let module = module.collect::<Vec<_>>().join("::");
            self.visit(&found, &next, krate, &module, test || only_test)?;
        }
        Ok(())
    }
}

/// Where compiling starts, by cargo's conventions and by `path = "….rs"` lines of the manifest.
fn roots(dir: &Path, krate: &str) -> io::Result<Vec<(PathBuf, String)>> {
    let mut roots = Vec::new();
    for file in ["src/lib.rs", "src/main.rs"] {
        roots.push((dir.join(file), krate.to_owned()));
    }
    for (from, shown) in [("src/bin", "bin"), ("tests", "tests")] {
        for entry in list(&dir.join(from))? {
            let stem = entry.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            let module = format!("{krate}/{shown}/{stem}");
            match entry.is_dir() {
                true => roots.push((entry.join("main.rs"), module)),
                false if entry.extension().is_some_and(|e| e == "rs") => roots.push((entry, module)),
                false => {}
            }
        }
    }
    for line in fs::read_to_string(dir.join("Cargo.toml"))?.lines() {
        let path =
            line.strip_prefix("path").map(|l| l.trim_start_matches([' ', '=']).trim().trim_matches('"'));
        if let Some(path) = path.filter(|p| p.ends_with(".rs")) {
            roots.push((dir.join(path), krate.to_owned()));
        }
    }
    roots.retain(|(file, _)| file.is_file());
    Ok(roots)
}

/// The entries of a directory in order; none if there is no such directory.
fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut entries = fs::read_dir(dir)?.map(|e| Ok(e?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

/// All Rust files below a directory.
fn under(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in list(dir)? {
        if entry.is_dir() {
            files.extend(under(&entry)?);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            files.push(entry);
        }
    }
    Ok(files)
}

fn name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}
