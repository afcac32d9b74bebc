//! What strings are made of: escapes, and the holes of those that begin with `f`.

use super::{Or, refuse};
use std::ops::Range;

/// Undoes the escapes of a string that stands at `start`. An unknown one stays as it is, as Python leaves it.
pub(super) fn unescape(raw: &str, start: usize) -> Or<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.char_indices();
    while let Some((at, char)) = rest.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match rest.next().map(|(_, char)| char) {
            Some('\n') => {}
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some(plain @ ('\\' | '\'' | '"')) => out.push(plain),
            Some('x') => {
                let digits = raw.get(at + 2..at + 4).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(octet) = digits else {
                    return refuse(start + at..start + at + 2, "two hexadecimal digits belong behind \\x");
                };
                out.push(char::from(octet));
                rest.nth(1);
            }
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    Ok(out)
}

/// A part of a string that begins with `f`.
pub(super) enum Part {
    /// What stands there as it is, escapes undone.
    Plain(String),
    /// `{expression!r:spec}`: the octets of the expression in the string, whether `!r` follows, and the specification.
    Hole { expression: Range<usize>, repr: bool, spec: String },
}

/// The parts of a string that begins with `f`, whose text stands at `start`.
pub(super) fn parts(raw: &str, start: usize) -> Or<Vec<Part>> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(char) = raw[at..].chars().next() {
        let doubled = raw[at + char.len_utf8()..].starts_with(char);
        match char {
            '{' | '}' if doubled => {
                plain.push(char);
                at += 2;
            }
            '{' => {
                parts.push(Part::Plain(unescape(&std::mem::take(&mut plain), start)?));
                let (part, behind) = hole(raw, at + 1, start)?;
                parts.push(part);
                at = behind;
            }
            '}' => return refuse(start + at..start + at + 1, "a lone } in a string of f is written }}"),
            _ => {
                plain.push(char);
                at += char.len_utf8();
            }
        }
    }
    parts.push(Part::Plain(unescape(&plain, start)?));
    Ok(parts)
}

/// A hole from behind its `{`, and where the text goes on.
fn hole(raw: &str, from: usize, start: usize) -> Or<(Part, usize)> {
    let mut depth = 0_u32;
    let mut quote = None;
    let mut end = None;
    for (at, char) in raw[from..].char_indices() {
        match char {
            '\'' | '"' if quote == Some(char) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(char),
            _ if quote.is_some() => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ':' => {
                end = Some((from + at, char));
                break;
            }
            '!' if depth == 0 && !raw[from + at..].starts_with("!=") => {
                end = Some((from + at, char));
                break;
            }
            _ => {}
        }
    }
    let open = start + from - 1..start + from;
    let Some((end, mut sign)) = end else { return refuse(open, "this { has no }") };
    let mut at = end + 1;
    let mut repr = false;
    if sign == '!' {
        let conversion = raw[at..].chars().next();
        repr = conversion == Some('r');
        if !matches!(conversion, Some('r' | 's')) {
            return refuse(open, "of conversions only !r and !s are known");
        }
        sign = raw[at + 1..].chars().next().unwrap_or_default();
        at += 1 + sign.len_utf8().min(raw.len() - at - 1);
    }
    let mut spec = String::new();
    if sign == ':' {
        let Some(len) = raw[at..].find('}') else { return refuse(open, "this { has no }") };
        raw[at..at + len].clone_into(&mut spec);
        at += len + 1;
    } else if sign != '}' {
        return refuse(open, "this { has no }");
    }
    Ok((Part::Hole { expression: from..end, repr, spec }, at))
}
