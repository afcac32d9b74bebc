//! What is public of a crate, read from its source: no more of Rust than rustfmt leaves to be read line by line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Where cargo has the source of the package `name` that this crate is built with.
pub(crate) fn of(name: &str) -> PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|package| package["name"] == name).expect("a package of that name");
    Path::new(found["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

/// What a type has.
#[derive(Debug, Default)]
pub(crate) struct Public {
    pub(crate) methods: BTreeSet<String>,
    pub(crate) traits: BTreeSet<String>,
}

/// The public methods of the type `name`, and the traits implemented for it, in all files under `dir`. What is for other
/// systems than Linux is left away.
pub(crate) fn public(dir: &Path, name: &str) -> Public {
    let mut found = Public::default();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let within = public(&path, name);
            found.methods.extend(within.methods);
            found.traits.extend(within.traits);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            search(&fs::read_to_string(path).unwrap(), name, &mut found);
        }
    }
    found
}

fn search(text: &str, name: &str, found: &mut Public) {
    let is_it = |of: &str| of.trim_end_matches('{').split('<').next().is_some_and(|of| of.trim() == name);
    // The indentation of the block that we are in: of the type itself, or of what is for another system.
    let (mut within, mut elsewhere) = (None, None);
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let code = line.trim();
        if elsewhere.is_some_and(|at| indent <= at && code == "}") {
            elsewhere = None;
        } else if elsewhere.is_some() {
            continue;
        } else if code.starts_with("cfg_windows!") || code.starts_with("cfg_unstable!") {
            elsewhere = Some(indent);
        } else if within.is_some_and(|at| indent <= at && code == "}") {
            within = None;
        } else if let Some(rest) = code.strip_prefix("impl").filter(|_| code.ends_with('{')) {
            let rest = rest.trim_start_matches(['<', '\'', '_', 'a', '>']).trim();
            match rest.rsplit_once(" for ") {
                Some((of, to)) if is_it(to) => {
                    let short = of.rsplit("fmt::").next().unwrap_or(of);
                    found.traits.insert(short.to_owned());
                }
                None if is_it(rest) => within = Some(indent),
                _ => {}
            }
        } else if within.is_some() && code.starts_with("pub ") {
            let words = code.trim_start_matches("pub ").trim_start_matches("const ");
            let words = words.trim_start_matches("async ").trim_start_matches("unsafe ");
            if let Some(method) = words.strip_prefix("fn ") {
                let end = method.find(['(', '<']).unwrap_or(method.len());
                found.methods.insert(method[..end].to_owned());
            }
        }
    }
}

#[test]
fn what_is_public_is_found_and_what_is_private_or_elsewhere_is_not() {
    let text = "\
impl Other {
    pub fn other(&self) {}
}
cfg_net! {
    impl<'a> Half<'a> {
        pub async fn seen<T>(
            &self,
        ) {
        }
        pub(crate) fn hidden(&self) {}
        fn private(&self) {}
    }
    impl fmt::Debug for Half<'_> {
    }
}
cfg_windows! {
    impl AsRawSocket for Half<'_> {
    }
}
pub fn free() {}
";
    let mut found = Public::default();
    search(text, "Half", &mut found);
    assert_eq!(found.methods.into_iter().collect::<Vec<_>>(), ["seen"]);
    assert_eq!(found.traits.into_iter().collect::<Vec<_>>(), ["Debug"]);
}
