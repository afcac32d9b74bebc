//! A stack with one fault is told by at least two scripts.

use crate::library::{Way, Written, all};
use tcp::{Sabotage, TcpConfig};

/// Plays every script against a host with a fault, by IPv4.
fn caught(scripts: &[Written], change: fn(TcpConfig) -> TcpConfig) -> Vec<&str> {
    let way = Way { change: Some(change), ..Way::default() };
    scripts.iter().filter(|script| script.play(&way).is_err()).map(|script| script.name.as_str()).collect()
}

/// A settings' change is a function without surroundings, so each fault has one.
macro_rules! faults {
    ($($fault:ident),* $(,)?) => {
        &[$((Sabotage::$fault, |config| config.sabotage(Some(Sabotage::$fault)))),*]
    };
}

type Broken = (Sabotage, fn(TcpConfig) -> TcpConfig);

const FAULTS: &[Broken] = faults![
    IgnoreCwnd,
    NoPersistTimer,
    LoseFinWithData,
    WindowEdgeOffByOne,
    ResetAnywhere,
    NoBackOff,
    SilentOnDuplicates,
    ShortTimeWait,
    ForgetWindowScale,
    SackEdgeOffByOne,
    PawsOff,
    ChallengeUnlimited,
    ChecksumUnchecked,
];

#[test]
fn every_fault_fails_at_least_two_scripts_and_no_fault_fails_none() {
    let scripts = all();
    let fail_anyway = caught(&scripts, |config| config.sabotage(None));
    let mut unnoticed = Vec::new();
    for &(fault, change) in FAULTS {
        let mut by = caught(&scripts, change);
        by.retain(|name| !fail_anyway.contains(name));
        println!("{fault:?}: {} scripts: {}", by.len(), by.join(", "));
        if by.len() < 2 {
            unnoticed.push(fault);
        }
    }
    assert!(unnoticed.is_empty(), "fewer than two scripts fail with {unnoticed:?}");
    assert!(fail_anyway.is_empty(), "these fail without a fault: {}", fail_anyway.join(", "));
}

#[test]
fn every_fault_there_is_has_been_tried() {
    assert!(Sabotage::ALL.iter().all(|fault| FAULTS.iter().any(|(tried, _)| tried == fault)));
}
