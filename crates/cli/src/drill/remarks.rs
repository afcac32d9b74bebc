//! What a script says of itself in comments, which no packetdrill reads.
//!
//! ```text
//!   // needs: kernel net.ipv4.tcp_ecn=3        the kernel is asked nothing unless it can be set so
//!   // differs: kernel sends a RST, because …  what is known to be otherwise there …
//!      +0 > . 1:1(0) ack 2                     … at the event that comes next, and nowhere else
//!   // loose: two ACKs may cross               does not hold under --strict
//! ```

use sim::packetdrill::script::{ParseError, Position, Script};
use std::ops::Range;

const DIFFERS: &str = "// differs: kernel";
const NEEDS: &str = "// needs: kernel";
const LOOSE: &str = "// loose:";

/// All that a script says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remarks {
    /// What the kernel is known to do otherwise.
    pub(super) differs: Vec<Differs>,
    /// Settings that the kernel has to have.
    pub(super) needs: Vec<Need>,
    /// Why it does not hold strictly.
    pub(super) loose: Option<String>,
}

/// A place where the kernel is known to do otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Differs {
    /// The line that says so.
    pub(super) line: u32,
    /// The lines of the event that is meant.
    event: Range<u32>,
    /// What it does, and why.
    pub(super) because: String,
}

/// A setting, and the value that the kernel must take for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) at: Position,
    /// With dots: `net.ipv4.tcp_ecn`.
    pub(super) name: String,
    pub(super) value: String,
}

impl Remarks {
    /// Reads the remarks of `script`, whose text is `text`.
    ///
    /// # Errors
    /// A remark that lacks what makes it one.
    pub(super) fn read(text: &str, script: &Script) -> Result<Self, ParseError> {
        let mut remarks = Self::default();
        let lines: Vec<&str> = text.lines().collect();
        for (index, whole) in lines.iter().enumerate() {
            let said = whole.trim();
            let line = u32::try_from(index).map_or(u32::MAX, |index| index + 1);
            let column = u32::try_from(whole.len() - whole.trim_start().len()).unwrap_or(0) + 1;
            let at = Position { line, column };
            let wrong = |why: &str| ParseError::at(text, at, said.chars().count(), why.to_owned());
            if let Some(because) = said.strip_prefix(DIFFERS) {
                let because = sentence(because, lines.get(index + 1..).unwrap_or_default());
                if because.is_empty() {
                    return Err(wrong("what the kernel does, and why, is missing behind `differs: kernel`"));
                }
                let event = event_behind(line, script)
                    .ok_or_else(|| wrong("no event follows that the kernel could differ in"))?;
                remarks.differs.push(Differs { line, event, because });
            } else if let Some(setting) = said.strip_prefix(NEEDS) {
                let wanted = setting.trim().split_once('=');
                let Some((name, value)) = wanted.filter(|(name, _)| is_setting(name)) else {
                    return Err(wrong("a setting of the kernel is missing, as in net.ipv4.tcp_ecn=3"));
                };
                remarks.needs.push(Need { at, name: name.to_owned(), value: value.to_owned() });
            } else if let Some(why) = said.strip_prefix(LOOSE) {
                let why = sentence(why, lines.get(index + 1..).unwrap_or_default());
                if why.is_empty() {
                    return Err(wrong("the reason is missing behind `loose:`"));
                }
                remarks.loose.get_or_insert(why);
            }
        }
        Ok(remarks)
    }

    /// What is said of what happened at `at`.
    pub(super) fn of(&self, at: Position) -> Option<&Differs> {
        self.differs.iter().find(|differs| differs.event.contains(&at.line))
    }
}

/// The rest of a remark, with the comments that go on right behind it.
fn sentence(first: &str, behind: &[&str]) -> String {
    let more = behind.iter().map_while(|line| line.trim().strip_prefix("//"));
    let more = more.take_while(|rest| !is_remark(rest)).map(str::trim);
    let words: Vec<&str> = std::iter::once(first.trim()).chain(more).collect();
    words.join(" ").trim().to_owned()
}

/// Whether a comment begins something of its own: `Covers:`, `loose:` …
fn is_remark(comment: &str) -> bool {
    let first = comment.split_whitespace().next().unwrap_or_default();
    first.strip_suffix(':').is_some_and(|word| word.chars().all(char::is_alphabetic))
}

/// A name below `/proc/sys`, and nowhere else.
fn is_setting(name: &str) -> bool {
    name.starts_with("net.") && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_')
}

/// The lines from the first event below a line to the one behind it.
fn event_behind(line: u32, script: &Script) -> Option<Range<u32>> {
    let events = script.events.iter().map(|event| event.at.line);
    let commands = script.init.iter().chain(&script.cleanup).map(|command| command.at.line);
    let mut lines: Vec<u32> = events.chain(commands).filter(|&at| at > line).collect();
    lines.sort_unstable();
    let first = *lines.first()?;
    let next = lines.into_iter().find(|&at| at > first).unwrap_or(u32::MAX);
    Some(first..next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::packetdrill::script::parse;
    use std::collections::BTreeMap;

    fn read(text: &str) -> Result<Remarks, ParseError> {
        Remarks::read(text, &parse(text, &BTreeMap::new()).unwrap())
    }

    fn at(line: u32) -> Position {
        Position { line, column: 1 }
    }

    const SOCKET: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";

    #[test]
    fn a_difference_is_of_the_next_event_and_has_a_reason() {
        let text = format!(
            "{SOCKET}// differs: kernel says no,\n// because it can\n+0 listen(3, 1) = 0\n+0 %{{\nassert 1\n}}%\n"
        );
        let remarks = read(&text).unwrap();
        assert_eq!(remarks.of(at(4)).unwrap().because, "says no, because it can");
        assert!([1, 5, 6].iter().all(|&line| remarks.of(at(line)).is_none()));
        let code = format!(
            "{SOCKET}// differs: kernel knows no such thing\n// Covers: nothing\n+0 %{{\nassert 1\n}}%\n"
        );
        let remarks = read(&code).unwrap();
        assert_eq!(remarks.of(at(5)).unwrap().because, "knows no such thing");
    }

    #[test]
    fn a_remark_without_what_makes_it_one_is_a_mistake() {
        for wrong in
            ["// differs: kernel\n", "// needs: kernel\n", "// needs: kernel ../x=1\n", "// loose:\n"]
        {
            let error = read(&format!("{wrong}{SOCKET}")).unwrap_err();
            assert_eq!((error.at, error.line.as_str()), (at(1), wrong.trim()));
        }
        assert!(read(&format!("{SOCKET}// differs: kernel does, because\n")).is_err(), "nothing follows");
    }

    #[test]
    fn what_is_needed_and_what_is_loose_is_known() {
        let remarks =
            read(&format!("// needs: kernel net.ipv4.tcp_ecn=3\n// loose: so it is\n{SOCKET}")).unwrap();
        let need = &remarks.needs[0];
        assert_eq!((need.name.as_str(), need.value.as_str()), ("net.ipv4.tcp_ecn", "3"));
        assert_eq!(remarks.loose.as_deref(), Some("so it is"));
    }
}
