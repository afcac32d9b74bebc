//! From text to tokens, lines and their indentation included.
//!
//! ```text
//!   "if a:␤  b = 1␤"  ──►  if  a  :  ⏎  →  b  =  1  ⏎  ←
//! ```
//!
//! A line goes on behind a `\`, and within brackets. What stands on the line of the `%{` is not indented.

use super::{Or, refuse, text};
use std::ops::Range;

/// A token, and which octets it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name(String),
    Int(i128),
    Float(f64),
    /// A string.
    Text(String),
    /// A string with expressions in it, escapes not yet undone.
    Formatted(String),
    /// An operator or a bracket.
    Op(&'static str),
    Newline,
    Indent,
    Dedent,
    End,
}

/// Operators and brackets; of two that begin alike, the longer one first.
const OPERATORS: &[&str] = &[
    "**=", "//=", "<<=", ">>=", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=", "*=", "/=", "%=",
    "&=", "|=", "^=", "+", "-", "*", "/", "%", "&", "|", "^", "~", "<", ">", "=", "(", ")", "[", "]", "{",
    "}", ",", ":", ".", ";",
];

struct Reader<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    /// How many brackets are open: line ends mean nothing within.
    open: u32,
    /// The indentations of the blocks that we are in.
    indents: Vec<usize>,
}

/// The tokens of a block, an [`Kind::End`] behind them.
pub(super) fn tokens(text: &str) -> Or<Vec<Token>> {
    let start = text.len() - text.trim_start_matches([' ', '\t']).len();
    let mut reader = Reader { text, at: start, tokens: Vec::new(), open: 0, indents: vec![0] };
    if text[start..].starts_with(['\n', '\r']) {
        // The first line that says something sets the indentation of all.
        let indent = text[start..].lines().find(|line| says(line)).map_or(0, indentation);
        reader.indents = vec![indent];
    }
    while reader.at < text.len() {
        reader.token()?;
    }
    reader.newline();
    while reader.indents.len() > 1 {
        reader.indents.pop();
        reader.push(Kind::Dedent, 0);
    }
    reader.push(Kind::End, 0);
    Ok(reader.tokens)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

fn says(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

impl Reader<'_> {
    fn push(&mut self, kind: Kind, len: usize) {
        self.tokens.push(Token { kind, span: self.at..self.at + len });
        self.at += len;
    }

    /// Ends the line, if it says anything.
    fn newline(&mut self) {
        let last = self.tokens.last().map(|token| &token.kind);
        if !matches!(last, None | Some(Kind::Newline | Kind::Indent | Kind::Dedent)) {
            self.push(Kind::Newline, 0);
        }
    }

    fn token(&mut self) -> Or<()> {
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else { return Ok(()) };
        match first {
            ' ' | '\t' | '\r' => self.at += 1,
            '#' => self.at += rest.find('\n').unwrap_or(rest.len()),
            '\\' => {
                let blank = rest[1..].len() - rest[1..].trim_start_matches([' ', '\t', '\r']).len();
                if !rest[1 + blank..].starts_with('\n') {
                    return refuse(self.at..self.at + 1, "nothing may follow a \\ on its line");
                }
                self.at += blank + 2;
            }
            '\n' => {
                self.at += 1;
                if self.open == 0 {
                    self.newline();
                    self.indent()?;
                }
            }
            '"' | '\'' => self.string(0)?,
            'f' | 'F' | 'r' | 'R' if rest[1..].starts_with(['"', '\'']) => self.string(1)?,
            _ if first.is_ascii_digit() => self.number()?,
            '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number()?,
            _ if first.is_alphabetic() || first == '_' => {
                let of_name = |char: char| char.is_alphanumeric() || char == '_';
                let len = rest.find(|char| !of_name(char)).unwrap_or(rest.len());
                self.push(Kind::Name(rest[..len].to_owned()), len);
            }
            _ => self.operator()?,
        }
        Ok(())
    }

    /// Looks at how far the line that begins here is indented.
    fn indent(&mut self) -> Or<()> {
        let line = self.text[self.at..].lines().next().unwrap_or_default();
        if !says(line) {
            return Ok(());
        }
        let indent = indentation(line);
        let current = self.indents.last().copied().unwrap_or_default();
        if indent > current {
            self.indents.push(indent);
            self.push(Kind::Indent, indent);
            return Ok(());
        }
        while self.indents.len() > 1 && self.indents.last().is_some_and(|&open| open > indent) {
            self.indents.pop();
            self.push(Kind::Dedent, 0);
        }
        self.at += indent;
        if self.indents.last() == Some(&indent) {
            Ok(())
        } else {
            refuse(self.at..self.at + 1, "this line is indented as no block is")
        }
    }

    fn operator(&mut self) -> Or<()> {
        let rest = &self.text[self.at..];
        let Some(operator) = OPERATORS.iter().find(|operator| rest.starts_with(**operator)) else {
            let len = rest.chars().next().map_or(1, char::len_utf8);
            let sign = rest[..len].escape_debug();
            return refuse(self.at..self.at + len, format!("`{sign}` means nothing here"));
        };
        match *operator {
            "(" | "[" | "{" => self.open += 1,
            ")" | "]" | "}" => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        self.push(Kind::Op(operator), operator.len());
        Ok(())
    }

    fn number(&mut self) -> Or<()> {
        let rest = &self.text[self.at..];
        let of_number = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '.';
        let mut len = rest.find(|char| !of_number(char)).unwrap_or(rest.len());
        let radix = match rest.get(..2) {
            Some("0x" | "0X") => 16,
            Some("0o" | "0O") => 8,
            Some("0b" | "0B") => 2,
            _ => 10,
        };
        // The sign of an exponent belongs to the number.
        let exponent = |len: usize| radix == 10 && rest[..len].ends_with(['e', 'E']);
        if exponent(len) && rest[len..].starts_with(['+', '-']) {
            let behind = &rest[len + 1..];
            len += 1 + behind.find(|char: char| !char.is_ascii_digit()).unwrap_or(behind.len());
        }
        let digits = rest[..len].replace('_', "");
        let int = match radix {
            10 => digits.parse().ok(),
            _ => i128::from_str_radix(&digits[2..], radix).ok(),
        };
        let kind = match (int, digits.parse::<f64>()) {
            (Some(int), _) => Kind::Int(int),
            (None, Ok(float)) if float.is_finite() && digits.contains(['.', 'e', 'E']) => Kind::Float(float),
            _ => return refuse(self.at..self.at + len, format!("`{}` is no number of ours", &rest[..len])),
        };
        self.push(kind, len);
        Ok(())
    }

    /// A string behind a prefix of so many octets.
    fn string(&mut self, prefix: usize) -> Or<()> {
        let rest = &self.text[self.at + prefix..];
        let mark =
            if rest.starts_with("\"\"\"") || rest.starts_with("'''") { &rest[..3] } else { &rest[..1] };
        let inside = &rest[mark.len()..];
        let mut escaped = false;
        let mut len = None;
        for (at, char) in inside.char_indices() {
            if !escaped && inside[at..].starts_with(mark) {
                len = Some(at);
                break;
            }
            if char == '\n' && mark.len() == 1 && !escaped {
                break;
            }
            escaped = char == '\\' && !escaped;
        }
        let Some(len) = len else { return refuse(self.at..self.at + prefix + 1, "this string has no end") };
        let raw = inside[..len].to_owned();
        let start = self.at + prefix + mark.len();
        let kind = match &self.text[self.at..self.at + prefix] {
            "f" | "F" => Kind::Formatted(raw),
            "r" | "R" => Kind::Text(raw),
            _ => Kind::Text(text::unescape(&raw, start)?),
        };
        self.push(kind, prefix + 2 * mark.len() + len);
        Ok(())
    }
}
