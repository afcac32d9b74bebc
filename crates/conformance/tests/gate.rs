//! The gate: what the pages say is so, and nothing that must be there is missing.

use std::collections::BTreeSet;
use std::fs;

use handfast_conformance::pages::pages;
use handfast_conformance::report::{DIRECTORY, Report};
use handfast_conformance::{readme, workspace_root};

const WRITE: &str = "run: cargo run -p handfast-conformance -- --write";

fn report() -> Report {
    Report::of_workspace(&workspace_root()).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn every_must_is_held_or_excepted_or_known_to_be_open_and_every_tag_is_sound() {
    let faults = report().faults();
    assert!(faults.is_empty(), "{} faults:\n{}\n{WRITE}", faults.len(), faults.join("\n"));
}

#[test]
fn the_pages_are_up_to_date() {
    let dir = workspace_root().join(DIRECTORY);
    let pages = pages(&report());
    for (name, text) in &pages {
        let there = fs::read_to_string(dir.join(name)).unwrap_or_default();
        assert!(there == *text, "{DIRECTORY}/{name} is out of date; {WRITE}");
    }
    let files = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<_> = files.filter(|name| name.ends_with(".md")).collect();
    assert_eq!(files, pages.into_keys().collect(), "a page of no RFC; {WRITE}");
}

#[test]
fn every_page_says_what_its_rfc_is_about() {
    for (name, text) in pages(&report()) {
        let title = text.lines().next().unwrap();
        let about = title.split_once(": ").map_or("", |(_, about)| about);
        assert!(name == "README.md" || !about.is_empty(), "{name}: {title}");
        assert!(!text.contains(") |  |  | "), "{name} has a blank where it should say what an RFC is about");
    }
}

#[test]
fn the_line_of_the_readme_is_up_to_date() {
    let read = |file: &str| fs::read_to_string(workspace_root().join(file)).unwrap();
    let text = read(readme::FILE);
    let renewed = readme::renewed(&text, &report(), &read(readme::GATE));
    assert!(renewed.as_ref() == Ok(&text), "{} is out of date; {WRITE}", readme::FILE);
}

#[test]
fn all_labels_of_rfc_9293_have_a_row() {
    let rows = report().requirements;
    for (label, last) in [("MUST-", 69), ("SHLD-", 31), ("MAY-", 18), ("REC-", 1), ("9293-E", 49)] {
        for n in 1..=last {
            let id = format!("{label}{n}");
            assert_eq!(rows.get(&id).map(|r| r.rfc.as_str()), Some("9293"), "{id}");
        }
    }
}
