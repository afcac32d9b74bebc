//! No reason goes without its words: the lists of the crates that name them are read from their sources, for another
//! crate's enum can grow without a match here failing to compile.

use super::*;
use tcp::ResetWhy;

const EVENTS: &str = include_str!("../../../tcp/src/event.rs");
const ERRORS: &str = include_str!("../../../tcp/src/error.rs");
const ENGLISH: &str = include_str!("en.rs");
const KOREAN: &str = include_str!("ko.rs");

/// The variants that `source` declares for `name`.
fn variants<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
    let body = source.split_once(&format!("pub enum {name} {{\n")).unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let names = body.lines().filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        let first = line.chars().next()?;
        first.is_ascii_uppercase().then(|| line.split(|c: char| !c.is_alphanumeric()).next().unwrap())
    });
    names.collect()
}

fn assert_spoken(translation: &str, source: &str, name: &str, at_least: usize) {
    let variants = variants(source, name);
    assert!(variants.len() >= at_least, "{name}: {variants:?}");
    for variant in variants {
        let path = format!("{name}::{variant}");
        let spoken = translation.split(&path).skip(1);
        let whole = spoken.filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric())).count();
        assert!(whole > 0, "{name}::{variant} has no words");
    }
}

#[test]
fn korean_has_words_for_every_reason() {
    for (name, at_least) in
        [("Why", 20), ("ChallengeTo", 3), ("ResetWhy", 7), ("Discard", 15), ("Cause", 3), ("Trigger", 6)]
    {
        assert_spoken(KOREAN, EVENTS, name, at_least);
    }
    assert_spoken(KOREAN, ERRORS, "ConnectionError", 6);
}

#[test]
fn english_has_words_where_the_protocol_has_none() {
    for (name, at_least) in [("Discard", 15), ("Cause", 3), ("Trigger", 6)] {
        assert_spoken(ENGLISH, EVENTS, name, at_least);
    }
}

#[test]
fn korean_is_korean() {
    let hangul = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
    for why in [
        Why::OpensConnection,
        Why::RetransmissionTimeout(2),
        Why::DelayedAck(Duration::from_millis(40)),
        Why::DelayedReport(2),
        Why::Reset(ResetWhy::Refused),
    ] {
        assert!(hangul(&Lang::Ko.why(why)) && !hangul(&Lang::En.why(why)), "{why:?}");
    }
    for why in Lost::ALL {
        assert!(hangul(&Lang::Ko.lost(why)));
    }
    for why in stack::Drop::ALL {
        assert!(hangul(&Lang::Ko.drop(*why)) && !Lang::En.drop(*why).is_empty());
    }
}
/// Timers are named in strings: each that `tcp` names has words here.
#[test]
fn every_timer_that_ends_a_state_has_words() {
    let mut named = 0;
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tcp/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for rest in source.split("Cause::Timeout(\"").skip(1) {
                let name = rest.split('"').next().unwrap();
                let spoken = format!("Cause::Timeout(\"{name}\")");
                assert!(
                    ENGLISH.contains(&spoken) && KOREAN.contains(&spoken),
                    "{name} in {}",
                    path.display()
                );
                named += 1;
            }
        }
    }
    assert!(named >= 3);
}

#[test]
fn languages_read_back() {
    for lang in Lang::ALL {
        assert_eq!(lang.to_string().parse(), Ok(lang));
    }
    assert_eq!("fr".parse::<Lang>(), Err(UnknownLang));
}

#[test]
fn spans_are_said_in_the_unit_that_fits() {
    let said = |nanos: u64| Lang::En.span(Duration::from_nanos(nanos));
    assert_eq!(said(1_500), "1 µs");
    assert_eq!(said(40_000_000), "40 ms");
    assert_eq!(said(1_990_000_000), "1.99 s");
    assert_eq!(Lang::Ko.span(Duration::from_secs(60)), "60초");
    assert_eq!(Lang::clock(Duration::from_millis(60_030), 3), "60.030");
}
