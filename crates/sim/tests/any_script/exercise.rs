//! Any octets, read as a script, printed, its code run without a host, and played against one; the fuzz target `drill` has the same
//! body.

use env::{Duration, Instant};
use sim::packetdrill::Ours;
use sim::packetdrill::code::Program;
use sim::packetdrill::play::{Rules, play};
use sim::packetdrill::report::Verdict;
use sim::packetdrill::script::{Action, Event, Position, Script, customary, parse};

/// What `play` allows: time on the host's clock, packets and their octets.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 86_400);
const PACKETS: usize = 50_000;
const OCTETS: usize = 129 << 20;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It is no script, and that was told.
    Refused,
    /// It is a script of so many events.
    Read(usize),
}

/// Reads, prints, reads again; what must hold is asserted.
pub(crate) fn drill(octets: &[u8]) -> Came {
    let text = String::from_utf8_lossy(octets);
    let script = match parse(&text, &customary(false, false)) {
        Ok(script) => script,
        Err(error) => {
            let lines = text.split('\n').count();
            assert!(error.at.line as usize <= lines.max(1), "{error:?}");
            let told = error.in_file("x.pkt").to_string();
            assert!(told.starts_with("x.pkt:") && told.trim_end().ends_with('^'), "{told}");
            return Came::Refused;
        }
    };
    // What is defined is replaced once: where that gives another defined word, a second reading is another one.
    if script.options.iter().all(|setting| setting.name != "define") {
        let printed = script.to_string();
        let again = parse(&printed, &customary(false, false));
        let again = again.unwrap_or_else(|error| panic!("{}\n{text}", error.in_file("printed")));
        assert_eq!(placeless(again), placeless(script.clone()), "{printed}");
    }
    let mut program = Program::new();
    for event in &script.events {
        if let Action::Code(code) = &event.action
            && let Err(failure) = program.run(code, &|name: &str| name.starts_with("tcpi_").then_some(10))
        {
            assert!(failure.at >= code.at && !failure.message.is_empty(), "{failure:?}");
        }
    }
    ends(&script, Rules { strict: octets.len().is_multiple_of(2), ..Rules::default() });
    Came::Read(script.events.len())
}

/// Plays it: it ends, within what a script may take, and says why it failed if it did.
pub(crate) fn ends(script: &Script, rules: Rules) {
    let outcome = play(script, &mut Ours::new(7), &rules);
    assert!(outcome.ended <= Instant::ZERO + LONGEST, "{} ms\n{script}", outcome.ended.as_millis());
    let octets: usize = outcome.exchange.iter().map(|passed| passed.packet.len()).sum();
    assert!(outcome.exchange.len() <= PACKETS && octets <= OCTETS, "{octets} octets\n{script}");
    if let Verdict::Failed(why) = outcome.verdict {
        assert!(!why.what.is_empty(), "{script}");
    }
}

/// The script without what it says of where its parts stand.
pub(crate) fn placeless(mut script: Script) -> Script {
    let nowhere = Position::default();
    script.options.iter_mut().for_each(|setting| setting.at = nowhere);
    script.init.iter_mut().chain(&mut script.cleanup).for_each(|command| command.at = nowhere);
    for Event { at, action, .. } in &mut script.events {
        *at = nowhere;
        match action {
            Action::Command(command) => command.at = nowhere,
            Action::Code(code) => code.at = nowhere,
            Action::Packet(_) | Action::Call(_) => {}
        }
    }
    script
}
