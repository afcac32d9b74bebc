//! Asks tshark what it finds in a capture, and what we do.

use handfast_explain::{Explainer, Finding, Findings, Limits, Reader};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Whether tshark can be asked. Without it these tests say nothing, and say so.
pub(crate) fn there_is_tshark() -> bool {
    let there = Command::new("tshark").arg("--version").output().is_ok_and(|out| out.status.success());
    if !there {
        assert_ne!(std::env::var("HANDFAST_NO_SKIP").as_deref(), Ok("1"), "tshark is missing");
        eprintln!("SKIPPED: tshark is missing, so nothing was compared with it");
    }
    there
}

/// Findings by packet number, of those packets that have any.
pub(crate) type Found = BTreeMap<u64, Findings>;

/// What tshark finds.
pub(crate) fn tshark(file: &Path) -> Found {
    let mut command = Command::new("tshark");
    // Addresses stay numbers, and nothing of the user's own settings counts.
    command.args(["-n", "-r"]).arg(file).args(["-T", "fields", "-E", "separator=/t", "-e", "frame.number"]);
    command.args(["-o", "tcp.check_checksum:FALSE", "-o", "tcp.analyze_sequence_numbers:TRUE"]);
    for finding in Finding::ALL {
        command.args(["-e", &format!("tcp.analysis.{}", finding.name())]);
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let mut found = Found::new();
    for line in text.lines() {
        let mut cells = line.split('\t');
        let number = cells.next().and_then(|cell| cell.parse().ok()).unwrap();
        let mut findings = Findings::NONE;
        for finding in Finding::ALL {
            if cells.next().is_some_and(|cell| !cell.is_empty()) {
                findings.insert(finding);
            }
        }
        assert_eq!(cells.next(), None, "{line}");
        if !findings.is_empty() {
            found.insert(number, findings);
        }
    }
    found
}

/// What we find, and how many packets there were.
pub(crate) fn ours(file: &Path) -> (Found, u64) {
    let mut reader = Reader::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut explainer = Explainer::new(Limits::default());
    let mut found = Found::new();
    while let Some(captured) = reader.read().unwrap() {
        if let Some(told) = explainer.push(&captured)
            && !told.findings.is_empty()
        {
            found.insert(told.number, told.findings);
        }
    }
    (found, reader.packets())
}

/// Packet by packet: number, ours, tshark's.
pub(crate) fn differences(file: &Path) -> Vec<(u64, Findings, Findings)> {
    let ((ours, _), theirs) = (ours(file), tshark(file));
    let numbers: std::collections::BTreeSet<u64> = ours.keys().chain(theirs.keys()).copied().collect();
    let of = |found: &Found, number: &u64| found.get(number).copied().unwrap_or_default();
    (numbers.iter())
        .map(|number| (*number, of(&ours, number), of(&theirs, number)))
        .filter(|(_, ours, theirs)| ours != theirs)
        .collect()
}
