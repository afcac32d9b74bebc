//! Statements, from tokens.

use super::syntax::{Doing, Expression, Meaning, Statement, Target};
use super::token::{Kind, Token, tokens};
use super::{Or, refuse};
use std::ops::Range;

/// The longest block, in octets.
const LONGEST: usize = 1 << 16;

/// How deep blocks and brackets may go.
const DEEPEST: u32 = 32;

/// What Python has and scripts here do without.
const NOT_SPOKEN: &[&str] = &[
    "def", "class", "import", "from", "lambda", "return", "yield", "try", "except", "raise", "with",
    "global", "nonlocal", "del", "async", "await", "exec",
];

/// Names that mean something to the language.
const KEYWORDS: &[&str] = &[
    "and", "or", "not", "in", "is", "if", "elif", "else", "for", "while", "assert", "pass", "break",
    "continue", "True", "False", "None",
];

/// The statements of a block.
pub(super) fn parse(text: &str) -> Or<Vec<Statement>> {
    if text.len() > LONGEST {
        return refuse(
            0..0,
            format!("a block of code has at most {LONGEST} octets, this one has {}", text.len()),
        );
    }
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0, origin: 0, loops: 0 };
    let mut statements = Vec::new();
    while parser.peek() != &Kind::End {
        parser.statement(&mut statements)?;
    }
    Ok(statements)
}

/// Tokens, and how far they are read.
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) depth: u32,
    /// Where `text` stands in the block: behind zero for the holes of a string.
    pub(super) origin: usize,
    /// How many loops we are in.
    loops: u32,
}

impl<'t> Parser<'t> {
    /// For an expression in a string, which stands at `origin` of the block.
    pub(super) fn of_hole(text: &'t str, origin: usize, depth: u32) -> Or<Self> {
        let tokens = tokens(text).map_err(|mut flaw| {
            flaw.span = flaw.span.start + origin..flaw.span.end + origin;
            flaw
        })?;
        Ok(Self { text, tokens, at: 0, depth, origin, loops: 0 })
    }

    pub(super) fn peek(&self) -> &Kind {
        // The last token is an End, and nobody goes behind it.
        self.tokens.get(self.at).map_or(&Kind::End, |token| &token.kind)
    }

    /// The octets of the token here.
    pub(super) fn span(&self) -> Range<usize> {
        let span =
            self.tokens.get(self.at).map_or(self.text.len()..self.text.len(), |token| token.span.clone());
        span.start + self.origin..span.end + self.origin
    }

    /// Where the token before ends.
    pub(super) fn end(&self) -> usize {
        let before = self.at.checked_sub(1).and_then(|before| self.tokens.get(before));
        before.map_or(0, |token| token.span.end) + self.origin
    }

    pub(super) fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    pub(super) fn is(&self, operator: &str) -> bool {
        matches!(self.peek(), Kind::Op(here) if *here == operator)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Kind::Name(here) if here == word)
    }

    pub(super) fn take(&mut self, operator: &str) -> bool {
        let is = self.is(operator);
        if is {
            self.advance();
        }
        is
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        if is {
            self.advance();
        }
        is
    }

    pub(super) fn need(&mut self, operator: &str) -> Or<()> {
        if self.take(operator) { Ok(()) } else { self.expected(&format!("`{operator}`")) }
    }

    pub(super) fn expected<T>(&self, what: &str) -> Or<T> {
        let found = match self.peek() {
            Kind::Name(name) => format!("`{name}`"),
            Kind::Op(operator) => format!("`{operator}`"),
            Kind::Int(_) | Kind::Float(_) => "a number".to_owned(),
            Kind::Text(_) | Kind::Formatted(_) => "a string".to_owned(),
            Kind::Newline => "the end of the line".to_owned(),
            Kind::Indent | Kind::Dedent => "another indentation".to_owned(),
            Kind::End => "the end of the code".to_owned(),
        };
        refuse(self.span(), format!("expected {what}, found {found}"))
    }

    /// A name that is no keyword.
    pub(super) fn name(&mut self) -> Or<String> {
        let Kind::Name(name) = self.peek() else { return self.expected("a name") };
        let name = name.clone();
        if KEYWORDS.contains(&&*name) {
            return self.expected("a name");
        }
        if NOT_SPOKEN.contains(&&*name) {
            return refuse(
                self.span(),
                format!("`{name}` is Python, but not of the part that scripts have here"),
            );
        }
        self.advance();
        Ok(name)
    }

    /// Goes one level deeper for `inner`.
    pub(super) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Or<T>) -> Or<T> {
        if self.depth >= DEEPEST {
            return refuse(self.span(), format!("this is nested more than {DEEPEST} deep"));
        }
        self.depth += 1;
        let out = inner(self);
        self.depth -= 1;
        out
    }

    /// A statement, or several on one line.
    fn statement(&mut self, out: &mut Vec<Statement>) -> Or<()> {
        let start = self.span().start;
        let compound = if self.take_word("if") {
            Some(self.deeper(Self::choice)?)
        } else if self.take_word("for") {
            Some(self.deeper(Self::each)?)
        } else if self.take_word("while") {
            let condition = self.expression()?;
            let body = self.deeper(Self::body_of_loop)?;
            Some(Doing::While { condition, body })
        } else {
            None
        };
        if let Some(kind) = compound {
            out.push(Statement { span: start..self.end(), kind });
            return Ok(());
        }
        loop {
            let start = self.span().start;
            let kind = self.simple()?;
            out.push(Statement { span: start..self.end(), kind });
            let more = self.take(";");
            if self.peek() == &Kind::Newline {
                self.advance();
                return Ok(());
            }
            if !more {
                return self.expected("an operator or the end of the line");
            }
        }
    }

    fn simple(&mut self) -> Or<Doing> {
        if self.take_word("assert") {
            let condition = self.expression()?;
            let message = if self.take(",") { Some(self.expression()?) } else { None };
            return Ok(Doing::Assert { condition, message });
        }
        for (word, doing) in [("pass", Doing::Pass), ("break", Doing::Break), ("continue", Doing::Continue)] {
            let span = self.span();
            if self.take_word(word) {
                let alone = self.loops == 0 && word != "pass";
                return if alone { refuse(span, format!("there is no loop to {word}")) } else { Ok(doing) };
            }
        }
        if self.is_word("print") && !self.follows("(") && !self.follows("=") {
            self.advance();
            return Ok(Doing::Print(self.values()?.0));
        }
        self.assignment()
    }

    /// Whether this operator is the next token but one.
    fn follows(&self, operator: &str) -> bool {
        matches!(self.tokens.get(self.at + 1), Some(Token { kind: Kind::Op(next), .. }) if *next == operator)
    }

    fn assignment(&mut self) -> Or<Doing> {
        let first = self.tuple()?;
        if let &Kind::Op(operator) = self.peek()
            && let Some(operator) = augmenting(operator)
        {
            let Meaning::Name(name) = first.kind else { return unassignable(&first) };
            self.advance();
            return Ok(Doing::Augment { name, operator, value: self.tuple()? });
        }
        let mut values = vec![first];
        while self.take("=") {
            values.push(self.tuple()?);
        }
        let Some(value) = values.pop() else { return self.expected("a value") };
        if values.is_empty() {
            return Ok(Doing::Expression(value));
        }
        let targets = values.iter().map(target).collect::<Or<_>>()?;
        Ok(Doing::Assign { targets, value })
    }

    /// From behind `if` or `elif`.
    fn choice(&mut self) -> Or<Doing> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let condition = self.expression()?;
            branches.push((condition, self.body()?));
            if self.take_word("elif") {
                continue;
            }
            if self.take_word("else") {
                otherwise = self.body()?;
            }
            return Ok(Doing::If { branches, otherwise });
        }
    }

    /// From behind `for`.
    fn each(&mut self) -> Or<Doing> {
        let mut names = vec![self.name()?];
        let mut several = false;
        while self.take(",") {
            several = true;
            names.push(self.name()?);
        }
        let target = match names.pop() {
            Some(name) if !several => Target::Name(name),
            last => Target::Each(names.into_iter().chain(last).collect()),
        };
        if !self.take_word("in") {
            return self.expected("`in`");
        }
        let values = self.tuple()?;
        let body = self.body_of_loop()?;
        Ok(Doing::For { target, values, body })
    }

    fn body_of_loop(&mut self) -> Or<Vec<Statement>> {
        self.loops += 1;
        let body = self.body();
        self.loops -= 1;
        body
    }

    /// `:` and an indented block, or statements on the same line.
    fn body(&mut self) -> Or<Vec<Statement>> {
        self.need(":")?;
        let mut body = Vec::new();
        if self.peek() != &Kind::Newline {
            self.statement(&mut body)?;
            return Ok(body);
        }
        self.advance();
        if self.peek() != &Kind::Indent {
            return self.expected("an indented block");
        }
        self.advance();
        while self.peek() != &Kind::Dedent {
            self.statement(&mut body)?;
        }
        self.advance();
        Ok(body)
    }
}

/// The operator that `+=` and its like apply.
fn augmenting(operator: &'static str) -> Option<&'static str> {
    let plain = operator.strip_suffix('=')?;
    ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^"].into_iter().find(|&known| known == plain)
}

fn target(expression: &Expression) -> Or<Target> {
    let name = |expression: &Expression| match &expression.kind {
        Meaning::Name(name) => Ok(name.clone()),
        _ => unassignable(expression),
    };
    match &expression.kind {
        Meaning::Tuple(names) => Ok(Target::Each(names.iter().map(name).collect::<Or<_>>()?)),
        _ => name(expression).map(Target::Name),
    }
}

fn unassignable<T>(expression: &Expression) -> Or<T> {
    refuse(expression.span.clone(), "only names are assigned to: lists and dictionaries never change here")
}
