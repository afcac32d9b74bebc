//! Scripts that are meant to fail: packetdrill's own tests are such, and say so in a comment.
//!
//! ```text
//!   // Failure: error handling packet: Timed out waiting for packet      what follows must fail, or a call that still blocks there
//!   +2 > S 0:0(0) <...>
//! ```
//!
//! The words behind it are packetdrill's own, and so are not compared with ours: what counts is that the script fails, and where.

use super::report::{Failure, Outcome, Verdict};
use super::script::{Action, Event, Script};

/// What begins such a comment.
const MARK: &str = "Failure:";

/// That a script is meant to fail, and where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meant {
    /// The line of the comment, from 1.
    pub line: u32,
}

impl Meant {
    /// What the text of a script says of its own failure.
    pub fn of(text: &str) -> Option<Self> {
        let said = |line: &str| {
            let comment =
                line.trim_start().strip_prefix("//").or_else(|| line.trim_start().strip_prefix('#'));
            comment.is_some_and(|comment| comment.trim_start().starts_with(MARK))
        };
        let line = text.lines().position(said)?;
        u32::try_from(line + 1).ok().map(|line| Self { line })
    }

    /// What becomes of the outcome: who fails where it is meant to has passed, and who passes hasn't.
    #[must_use]
    pub fn judged(self, script: &Script, outcome: Outcome) -> Outcome {
        let verdict = match &outcome.verdict {
            Verdict::Failed(failure) if self.means(script, failure) => Verdict::Passed,
            Verdict::Passed => {
                let at = self.event(script).map(|event| event.at).unwrap_or_default();
                let what = "the script says that this fails, and it didn't";
                Verdict::Failed(Box::new(Failure::told(at, outcome.ended, what)))
            }
            other => other.clone(),
        };
        Outcome { verdict, ..outcome }
    }

    /// The event behind the comment.
    fn event(self, script: &Script) -> Option<&Event> {
        script.events.iter().find(|event| event.at.line > self.line)
    }

    fn means(self, script: &Script, failure: &Failure) -> bool {
        let Some(event) = self.event(script) else { return false };
        // A call that blocks is made beside what follows it: either may be found out first.
        let blocks = |event: &&Event| matches!(&event.action, Action::Call(call) if call.until.is_some());
        let before = script.events.iter().take_while(|event| event.at.line < self.line).filter(blocks).last();
        failure.at == event.at || before.is_some_and(|call| call.at == failure.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packetdrill::Ours;
    use crate::packetdrill::play::{Rules, play};
    use crate::packetdrill::script::parse;
    use std::collections::BTreeMap;

    fn verdict(text: &str) -> Verdict {
        let script = parse(text, &BTreeMap::new()).unwrap();
        let outcome = play(&script, &mut Ours::new(0), &Rules::default());
        Meant::of(text).expect("it says so").judged(&script, outcome).verdict
    }

    #[test]
    fn what_fails_behind_the_comment_is_well() {
        let refused = "socket(..., SOCK_STREAM, IPPROTO_UDP)";
        assert_eq!(
            verdict(&format!("0 {refused} = -1\n// Failure: no\n+0 {refused} = 3\n")),
            Verdict::Passed
        );
        let script = format!("// Failure: later\n0 `true`\n+0 {refused} = 3\n");
        assert!(matches!(verdict(&script), Verdict::Failed(why) if why.at.line == 3), "it fails too late");
        let script = format!("// Failure: no\n0 {refused} = -1\n");
        assert!(matches!(verdict(&script), Verdict::Failed(why) if why.at.line == 2), "it doesn't fail");
    }

    #[test]
    fn a_call_that_blocks_may_fail_in_its_place() {
        let script = "--tolerance_usecs=1000\n\
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
            +0...9 connect(3, ..., ...) = 0\n\
            +0 > S 0:0(0) <...>\n\
            +.1 < R. 0:0(0) ack 1 win 0\n\
            // Failure: nothing comes\n\
            +.1 > S 0:0(0) <...>\n";
        assert_eq!(verdict(script), Verdict::Passed);
    }

    #[test]
    fn only_a_comment_says_it() {
        assert_eq!(Meant::of("0 `echo Failure: x`\n"), None);
        assert_eq!(Meant::of("// so\n  // Failure: x\n"), Some(Meant { line: 2 }));
    }
}
