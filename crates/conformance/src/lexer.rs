//! Rust source cut into the few kinds of token that matter here, with its comments kept.
//!
//! Only what is needed to tell code from strings and comments: raw strings, nested block comments,
//! and characters against lifetimes. Every input gives tokens; what is no Rust gives odd ones.

/// A token and the line (from 1) that it starts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// The line that it starts on, from 1.
    pub line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A comment, or one line of a block comment, without its marks.
    Comment {
        /// The text after the marks, trimmed.
        text: String,
        /// Whether it speaks of what follows, of what surrounds it, or is no documentation.
        doc: Doc,
    },
    /// An identifier, a keyword or a number.
    Word(String),
    /// A string literal's content, escapes left alone.
    Text(String),
    /// One punctuation character.
    Punct(char),
}

/// What a comment documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doc {
    /// `//` or `/*`: nothing.
    None,
    /// `///` or `/**`: the item that follows.
    Outer,
    /// `//!` or `/*!`: the item around it.
    Inner,
}

/// Cuts a source file into tokens.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: source.chars().collect(), at: 0, line: 1, out: Vec::new() };
    while lexer.step() {}
    lexer.out
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    out: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn push(&mut self, line: usize, kind: Kind) {
        self.out.push(Token { kind, line });
    }

    fn step(&mut self) -> bool {
        let line = self.line;
        match (self.peek(0), self.peek(1)) {
            (None, _) => return false,
            (Some('/'), Some('/')) => self.line_comment(),
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(line),
            (Some('\''), _) => self.quote(line),
            (Some(c), _) if c.is_alphanumeric() || c == '_' => self.word(line),
            (Some(c), _) => {
                self.bump();
                if !c.is_whitespace() {
                    self.push(line, Kind::Punct(c));
                }
            }
        }
        true
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|&c| c != '\n') {
            text.push(c);
            self.bump();
        }
        let (doc, rest) = match text.strip_prefix("//").unwrap_or(&text) {
            t if t.starts_with("//") => (Doc::None, t.trim_start_matches('/')),
            t if t.starts_with('/') => (Doc::Outer, &t[1..]),
            t if t.starts_with('!') => (Doc::Inner, &t[1..]),
            t => (Doc::None, t),
        };
        let text = rest.trim().to_owned();
        self.push(line, Kind::Comment { text, doc });
    }

    fn block_comment(&mut self) {
        let start = self.line;
        let mut depth = 0;
        let mut text = String::new();
        while let Some(c) = self.bump() {
            text.push(c);
            match (c, self.peek(0)) {
                ('/', Some('*')) => {
                    depth += 1;
                    text.extend(self.bump());
                }
                ('*', Some('/')) => {
                    depth -= 1;
                    text.extend(self.bump());
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
        let doc = match text.get(2..3) {
            Some("*") if !text.starts_with("/**/") && !text.starts_with("/***") => Doc::Outer,
            Some("!") => Doc::Inner,
            _ => Doc::None,
        };
        for (n, row) in text.lines().enumerate() {
            let text = row.trim().trim_matches(|c| matches!(c, '/' | '*' | '!')).trim().to_owned();
            self.push(start + n, Kind::Comment { text, doc });
        }
    }

    fn string(&mut self, line: usize) {
        self.bump();
        let mut text = String::new();
        while let Some(c) = self.bump() {
            match c {
                '"' => break,
                '\\' => {
                    text.push(c);
                    text.extend(self.bump());
                }
                _ => text.push(c),
            }
        }
        self.push(line, Kind::Text(text));
    }

    fn raw_string(&mut self, line: usize, hashes: usize) {
        for _ in 0..=hashes {
            self.bump();
        }
        let mut text = String::new();
        while let Some(c) = self.bump() {
            if c == '"' && (0..hashes).all(|n| self.peek(n) == Some('#')) {
                for _ in 0..hashes {
                    self.bump();
                }
                break;
            }
            text.push(c);
        }
        self.push(line, Kind::Text(text));
    }

    /// A character literal, or a lifetime (which leaves no token).
    fn quote(&mut self, line: usize) {
        self.bump();
        match (self.peek(0), self.peek(1)) {
            (Some('\\'), _) => {
                let mut text = String::new();
                text.extend(self.bump());
                text.extend(self.bump());
                while let Some(c) = self.bump().filter(|&c| c != '\'') {
                    text.push(c);
                }
                self.push(line, Kind::Text(text));
            }
            (Some(c), Some('\'')) => {
                self.bump();
                self.bump();
                self.push(line, Kind::Text(c.to_string()));
            }
            _ => {
                while self.peek(0).is_some_and(|c| c.is_alphanumeric() || c == '_') && self.bump().is_some() {
                }
            }
        }
    }

    fn word(&mut self, line: usize) {
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|&c| c.is_alphanumeric() || c == '_') {
            word.push(c);
            self.bump();
        }
        if matches!(word.as_str(), "r" | "br" | "cr") {
            let mut hashes = 0;
            while self.peek(hashes) == Some('#') {
                hashes += 1;
            }
            match self.peek(hashes) {
                Some('"') => return self.raw_string(line, hashes),
                // `r#type`: the identifier after the mark.
                Some(_) if hashes == 1 && word == "r" => {
                    self.bump();
                    return self.word(line);
                }
                _ => {}
            }
        }
        if matches!(word.as_str(), "b" | "c") && self.peek(0) == Some('"') {
            return self.string(line);
        }
        if word == "b" && self.peek(0) == Some('\'') {
            return self.quote(line);
        }
        self.push(line, Kind::Word(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        let kept = tokens(source).into_iter().map(|t| match t.kind {
            Kind::Comment { text, doc } => format!("{doc:?}:{text}"),
            Kind::Word(w) => w,
            Kind::Text(t) => format!("\"{t}\""),
            Kind::Punct(c) => c.to_string(),
        });
        kept.collect()
    }

    #[test]
    fn what_looks_like_a_comment_inside_a_string_is_text() {
        assert_eq!(words(r#"a("// Covers: x \" {")"#), ["a", "(", "\"// Covers: x \\\" {\"", ")"]);
        assert_eq!(words("b(r#\"/* \" { \"#)"), ["b", "(", "\"/* \" { \"", ")"]);
        assert_eq!(words("b\"{\" c\"}\" br\"//\""), ["\"{\"", "\"}\"", "\"//\""]);
    }

    #[test]
    fn lifetimes_are_not_characters_and_characters_are_not_braces() {
        assert_eq!(words("fn a<'b>(c: &'b d)"), ["fn", "a", "<", ">", "(", "c", ":", "&", "d", ")"]);
        assert_eq!(
            words(r"'{' '\'' '\u{7d}' b'}' 'x'"),
            ["\"{\"", "\"\\'\"", "\"\\u{7d}\"", "\"}\"", "\"x\""]
        );
    }

    #[test]
    fn comments_keep_their_kind_and_block_comments_nest() {
        assert_eq!(words("/// a\n//! b\n// c\n//// d"), ["Outer:a", "Inner:b", "None:c", "None:d"]);
        assert_eq!(words("/* a /* b */ c */ d"), ["None:a /* b */ c", "d"]);
        assert_eq!(words("/** e\n * f */ g"), ["Outer:e", "Outer:f", "g"]);
    }

    #[test]
    fn raw_identifiers_and_unfinished_input_do_not_derail() {
        assert_eq!(words("r#type r"), ["type", "r"]);
        for odd in ["\"", "'", "/*", "r#\"", "'\\", "b'", "r##", "/"] {
            tokens(odd);
        }
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let lines: Vec<_> = tokens("a\n\"\n\"\n/*\n*/ b").iter().map(|t| t.line).collect();
        assert_eq!(lines, [1, 2, 4, 5, 5]);
    }
}
