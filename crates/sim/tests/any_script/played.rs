//! Our own scripts, broken and played: whatever is left of them, it ends, and says how.
//!
//! ```text
//!   a script ─► lines removed, doubled, swapped; numbers and octets changed ─► parse ─► play: passed, failed, skipped
//! ```
//!
//! That it ends needs no clock: the player counts how often time goes on, and each such step of the host is bounded work.

use crate::exercise::{LONGEST, ends};
use crate::mutate;
use env::{Instant, Rng};
use sim::packetdrill::Ours;
use sim::packetdrill::play::{Rules, play};
use sim::packetdrill::report::Verdict;
use sim::packetdrill::script::{customary, parse};
use sim::packetdrill::subject::IpVersion;
use std::path::Path;

/// Broken copies of each script.
const COPIES: usize = 12;
/// Removes, doubles or swaps lines, or changes numbers in them.
fn mutate_lines(text: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=rng.below(3) {
        if lines.is_empty() {
            break;
        }
        let at = rng.below(lines.len() as u64) as usize;
        let other = rng.below(lines.len() as u64) as usize;
        match rng.below(5) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(other, lines[at].clone()),
            2 => lines.swap(at, other),
            _ => lines[at] = renumbered(&lines[at], rng),
        }
    }
    lines.join("\n") + "\n"
}

/// The line with one of its numbers changed, to a neighbour or to something far away.
fn renumbered(line: &str, rng: &mut Rng) -> String {
    let digits: Vec<usize> =
        line.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
    let Some(&at) = digits.get(rng.below(digits.len().max(1) as u64) as usize) else {
        return line.to_owned();
    };
    let mut changed = line.to_owned();
    let new = ["0", "1", "9", "65535", "2147483648", "4294967295", ""][rng.below(7) as usize];
    changed.replace_range(at..=at, new);
    changed
}

#[test]
fn whatever_is_left_of_a_script_ends() {
    let mut rng = Rng::seeded(11);
    let (mut played, mut all) = (0, 0);
    for text in scripts() {
        for copy in 0..COPIES {
            let version = IpVersion::ALL[rng.below(3) as usize];
            let rules = Rules { version, strict: rng.below(2) == 0, ..Rules::default() };
            let mut broken = mutate_lines(&text, &mut rng);
            if copy % 4 == 3 {
                let mut octets = broken.into_bytes();
                mutate(&mut octets, &mut rng);
                broken = String::from_utf8_lossy(&octets).into_owned();
            }
            let v6 = version == IpVersion::V6;
            if let Ok(script) = parse(&broken, &customary(v6, version != IpVersion::V4)) {
                ends(&script, rules);
                played += 1;
            }
            all += 1;
        }
    }
    // Many can be read, or little is shown.
    assert!(played * 3 > all, "{played} of {all} were played");
}

#[test]
fn a_script_that_waits_for_ever_is_ended() {
    for time in ["4000000000", "+4000000000"] {
        let text = format!("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n{time} close(3) = 0\n");
        let script = parse(&text, &customary(false, false)).unwrap();
        let outcome = play(&script, &mut Ours::new(7), &Rules::default());
        assert!(matches!(outcome.verdict, Verdict::Failed(why) if why.what.starts_with("it never ends")));
        assert_eq!(outcome.ended, Instant::ZERO + LONGEST);
    }
}

fn scripts() -> Vec<String> {
    let mut paths = Vec::new();
    below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts"), &mut paths);
    paths.sort();
    assert!(paths.len() > 100, "{} scripts", paths.len());
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn below(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
}
