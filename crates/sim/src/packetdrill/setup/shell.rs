//! Shell text in words: as much of a shell's grammar as scripts use.
//!
//! ```text
//!   a 'b c' && d > /dev/null || e | f ; g      words, what joins the commands, where their output goes
//! ```

/// When a command is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::packetdrill) enum Joint {
    /// In any case.
    #[default]
    Always,
    /// When the one before it succeeded.
    AndThen,
    /// When the one before it failed.
    OrElse,
}

/// One command of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) words: Vec<String>,
    pub(super) joint: Joint,
    /// Reads what the command before it writes.
    pub(super) piped: bool,
    /// The file that it writes to; nowhere is none.
    pub(super) file: Option<String>,
}

/// Commands of a text, in their order; `None` for what is more than words, quotes, `$(( … * … ))`, redirections of output and
/// the joints `;`, `&&`, `||`, `|`.
pub(super) fn parse(text: &str) -> Option<Vec<Simple>> {
    let text = text.replace("\\\n", " ");
    let mut commands = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if !line.starts_with('#') {
            line_of(line, &mut commands)?;
        }
    }
    Some(commands)
}

fn line_of(line: &str, commands: &mut Vec<Simple>) -> Option<()> {
    let mut current = Simple::default();
    let mut word = None::<String>;
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (octets, joint, piped) = match rest {
            _ if rest.starts_with("&>") => (0, Joint::Always, false),
            _ if rest.starts_with("||") => (2, Joint::OrElse, false),
            _ if rest.starts_with("&&") => (2, Joint::AndThen, false),
            _ if first == '|' => (1, Joint::Always, true),
            _ if first == ';' => (1, Joint::Always, false),
            _ => (0, Joint::Always, false),
        };
        if octets > 0 {
            current.words.extend(word.take());
            push(commands, std::mem::replace(&mut current, Simple { joint, piped, ..Simple::default() }));
            rest = rest.get(octets..)?;
            continue;
        }
        match first {
            ' ' | '\t' => {
                current.words.extend(word.take());
                rest = rest.get(1..)?;
            }
            '#' if word.is_none() => break,
            '"' | '\'' => {
                let (quoted, after) = rest.get(1..)?.split_once(first)?;
                word.get_or_insert_default().push_str(&expanded(quoted)?);
                rest = after;
            }
            '>' | '&' | '<' => rest = redirection(rest, &mut word, &mut current)?,
            _ => {
                let part = if rest.starts_with("$((") {
                    rest.find("))").map(|end| end + 2)?
                } else {
                    first.len_utf8()
                };
                let (piece, after) = rest.split_at_checked(part)?;
                let piece = if part > first.len_utf8() { expanded(piece)? } else { piece.to_owned() };
                word.get_or_insert_default().push_str(&piece);
                rest = after;
            }
        }
    }
    current.words.extend(word.take());
    push(commands, current);
    Some(())
}

fn push(commands: &mut Vec<Simple>, command: Simple) {
    if !command.words.is_empty() {
        commands.push(command);
    }
}

/// Notes where output goes, unless that is where other output goes. What is left of the text.
fn redirection<'a>(text: &'a str, word: &mut Option<String>, command: &mut Simple) -> Option<&'a str> {
    // A number in front of it is the descriptor that is meant.
    if word.as_deref().is_some_and(|word| word.bytes().all(|octet| octet.is_ascii_digit())) {
        *word = None;
    }
    command.words.extend(word.take());
    let after =
        text.strip_prefix("&>").or_else(|| text.strip_prefix(">>")).or_else(|| text.strip_prefix('>'))?;
    if let Some(after) = after.strip_prefix("&1").or_else(|| after.strip_prefix("&2")) {
        return Some(after);
    }
    let after = after.trim_start();
    let end = after.find([' ', '\t', ';', '|', '&', '<', '>']).unwrap_or(after.len());
    let (file, after) = after.split_at_checked(end)?;
    let plain = !file.is_empty() && !file.contains(['"', '\'', '$', '\\', '*']);
    if file != "/dev/null" {
        command.file = Some(file.to_owned());
    }
    plain.then_some(after)
}

/// Text in quotes: products in `$(( … ))` are worked out, other expansions are not known.
fn expanded(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("$((") {
        let (before, sum) = rest.split_at_checked(at)?;
        let (sum, after) = sum.strip_prefix("$((")?.split_once("))")?;
        let mut factors = sum.split('*').map(|factor| factor.trim().parse::<u64>().ok());
        let product = factors.try_fold(1u64, |product, factor| product.checked_mul(factor?))?;
        out.push_str(before);
        out.push_str(&product.to_string());
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}
