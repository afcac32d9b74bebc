//! Every script holds for each kind of address, where it says nothing else strictly, and where numbers and clocks wrap.

use crate::library::{Way, all};
use handfast_sim::packetdrill::play::Rules;
use handfast_sim::packetdrill::subject::IpVersion;
use handfast_sim::{Duration, Instant};

/// So close to where they wrap that a handshake and a segment go beyond.
const NEAR: u32 = u32::MAX - 700;

/// Plays all scripts in each way; what fails is told together.
fn hold(ways: &[Way]) {
    let scripts = all();
    assert!(!scripts.is_empty());
    let mut failed = Vec::new();
    let mut played = 0;
    for script in &scripts {
        for way in ways {
            let version = way.rules.version;
            if version == IpVersion::Mapped && !script.is_tcp() || way.rules.strict && !script.is_strict() {
                continue;
            }
            match script.play(way) {
                Ok(applies) => played += usize::from(applies),
                Err(why) => failed.push(format!("{} ({}): {why}", script.name, version.name())),
            }
        }
    }
    assert!(failed.is_empty(), "{} of {played} fail:\n{}", failed.len(), failed.join("\n"));
    println!("{} scripts, played {played} times", scripts.len());
    // By two families at the least, but for those that are for one of them.
    assert!(played >= scripts.len(), "{played} of {} were played", scripts.len());
}

/// A way, for each kind of address.
fn each(way: Way) -> [Way; 3] {
    IpVersion::ALL.map(|version| Way { rules: Rules { version, ..way.rules }, ..way })
}

#[test]
fn every_script_holds_for_each_kind_of_address() {
    hold(&each(Way::default()));
}

#[test]
fn every_script_holds_strictly() {
    hold(&each(Way { rules: Rules { strict: true, ..Rules::default() }, ..Way::default() }));
}

#[test]
fn what_is_said_to_hold_loosely_does_not_hold_strictly() {
    let rules = Rules { strict: true, ..Rules::default() };
    for script in all().iter().filter(|script| !script.is_strict()) {
        let holds = each(Way { rules, ..Way::default() }).iter().all(|way| script.play(way).is_ok());
        assert!(!holds, "{} holds strictly: it need not be loose", script.name);
    }
}

#[test]
fn every_script_holds_where_the_sequence_numbers_of_both_ends_wrap() {
    hold(&each(Way {
        rules: Rules { isn: NEAR, ..Rules::default() },
        change: Some(|config| config.first_number(Some(NEAR))),
        ..Way::default()
    }));
}

#[test]
fn every_script_holds_where_signed_and_unsigned_milliseconds_wrap() {
    for wrap in [1u64 << 31, 1 << 32] {
        let start = Instant::ZERO + Duration::from_millis(wrap - 150);
        hold(&each(Way { start: Some(start), ..Way::default() }));
    }
}
