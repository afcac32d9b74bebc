//! Expressions, from tokens: one function for each rank of operators, the loosest first.

use super::parse::Parser;
use super::syntax::{Expression, Meaning, Piece, Suffix};
use super::text::{Part, parts};
use super::token::Kind;
use super::{Or, refuse};

/// Operators of one rank bind from the left; each rank binds tighter than the one before it.
const RANKS: &[&[&str]] = &[&["|"], &["^"], &["&"], &["<<", ">>"], &["+", "-"], &["*", "/", "//", "%"]];

impl Parser<'_> {
    fn made(&self, start: usize, kind: Meaning) -> Expression {
        Expression { span: start..self.end(), kind }
    }

    /// An expression, or several between commas, which are a tuple.
    pub(super) fn tuple(&mut self) -> Or<Expression> {
        let start = self.span().start;
        let (mut values, commas) = self.values()?;
        match values.pop() {
            Some(value) if !commas => Ok(value),
            last => {
                values.extend(last);
                Ok(self.made(start, Meaning::Tuple(values)))
            }
        }
    }

    /// Expressions between commas, at least one, and whether there was a comma.
    pub(super) fn values(&mut self) -> Or<(Vec<Expression>, bool)> {
        let mut values = vec![self.expression()?];
        let mut commas = false;
        while self.take(",") {
            commas = true;
            let ends = matches!(self.peek(), Kind::Newline | Kind::End | Kind::Op(")" | "]" | "=" | ";"));
            if ends {
                break;
            }
            values.push(self.expression()?);
        }
        Ok((values, commas))
    }

    /// `a if b else c`, and all that binds tighter.
    pub(super) fn expression(&mut self) -> Or<Expression> {
        self.deeper(|parser| {
            let start = parser.span().start;
            let then = parser.any()?;
            if !parser.take_word("if") {
                return Ok(then);
            }
            let condition = Box::new(parser.any()?);
            if !parser.take_word("else") {
                return parser.expected("`else`");
            }
            let otherwise = Box::new(parser.expression()?);
            let then = Box::new(then);
            Ok(parser.made(start, Meaning::Choose { condition, then, otherwise }))
        })
    }

    fn any(&mut self) -> Or<Expression> {
        let start = self.span().start;
        let first = self.all()?;
        if !self.is_word("or") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word("or") {
            parts.push(self.all()?);
        }
        Ok(self.made(start, Meaning::Any(parts)))
    }

    fn all(&mut self) -> Or<Expression> {
        let start = self.span().start;
        let first = self.negation()?;
        if !self.is_word("and") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word("and") {
            parts.push(self.negation()?);
        }
        Ok(self.made(start, Meaning::All(parts)))
    }

    fn negation(&mut self) -> Or<Expression> {
        let start = self.span().start;
        if !self.take_word("not") {
            return self.comparison();
        }
        let inner = self.deeper(Self::negation)?;
        Ok(self.made(start, Meaning::Not(Box::new(inner))))
    }

    fn comparison(&mut self) -> Or<Expression> {
        let start = self.span().start;
        let first = self.ranked(RANKS)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.comparator() {
            rest.push((operator, self.ranked(RANKS)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(self.made(start, Meaning::Compare(Box::new(first), rest)))
    }

    /// Takes a comparing operator, if one stands here.
    fn comparator(&mut self) -> Option<&'static str> {
        if let &Kind::Op(operator @ ("==" | "!=" | "<" | ">" | "<=" | ">=")) = self.peek() {
            self.advance();
            return Some(operator);
        }
        if self.take_word("in") {
            return Some("in");
        }
        if self.take_word("is") {
            return Some(if self.take_word("not") { "is not" } else { "is" });
        }
        if self.is_word("not") {
            self.advance();
            if self.take_word("in") {
                return Some("not in");
            }
            self.at -= 1;
        }
        None
    }

    fn ranked(&mut self, ranks: &[&[&str]]) -> Or<Expression> {
        let Some((rank, tighter)) = ranks.split_first() else { return self.unary() };
        let start = self.span().start;
        let first = self.ranked(tighter)?;
        let mut rest = Vec::new();
        while let &Kind::Op(operator) = self.peek()
            && rank.contains(&operator)
        {
            self.advance();
            rest.push((operator, self.ranked(tighter)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(self.made(start, Meaning::Chain(Box::new(first), rest)))
    }

    fn unary(&mut self) -> Or<Expression> {
        let start = self.span().start;
        if let &Kind::Op(operator @ ("-" | "+" | "~")) = self.peek() {
            self.advance();
            let inner = self.deeper(Self::unary)?;
            return Ok(self.made(start, Meaning::Unary(operator, Box::new(inner))));
        }
        self.power()
    }

    /// `a ** b`, which binds from the right and tighter than the sign before it.
    fn power(&mut self) -> Or<Expression> {
        let start = self.span().start;
        let base = self.suffixed()?;
        if !self.take("**") {
            return Ok(base);
        }
        let exponent = self.deeper(Self::unary)?;
        Ok(self.made(start, Meaning::Chain(Box::new(base), vec![("**", exponent)])))
    }

    fn suffixed(&mut self) -> Or<Expression> {
        let start = self.span().start;
        let base = self.atom()?;
        let mut suffixes = Vec::new();
        loop {
            if self.take("(") {
                suffixes.push(Suffix::Call(self.list(")")?));
            } else if self.take("[") {
                suffixes.push(self.index()?);
            } else if self.take(".") {
                let name = self.name()?;
                self.need("(")?;
                suffixes.push(Suffix::Method(name, self.list(")")?));
            } else if suffixes.is_empty() {
                return Ok(base);
            } else {
                return Ok(self.made(start, Meaning::Suffixed(Box::new(base), suffixes)));
            }
        }
    }

    fn index(&mut self) -> Or<Suffix> {
        let from = if self.is(":") { None } else { Some(Box::new(self.expression()?)) };
        if self.take(":") {
            let to = if self.is("]") { None } else { Some(Box::new(self.expression()?)) };
            self.need("]")?;
            return Ok(Suffix::Slice(from, to));
        }
        self.need("]")?;
        match from {
            Some(index) => Ok(Suffix::Index(index)),
            None => self.expected("an index"),
        }
    }

    /// Expressions between commas up to a closing bracket.
    fn list(&mut self, close: &str) -> Or<Vec<Expression>> {
        let mut list = Vec::new();
        while !self.take(close) {
            list.push(self.expression()?);
            if !self.is(close) {
                self.need(",")?;
            }
        }
        Ok(list)
    }

    fn atom(&mut self) -> Or<Expression> {
        let span = self.span();
        let kind = match self.peek() {
            Kind::Int(value) => Meaning::Int(*value),
            Kind::Float(value) => Meaning::Float(*value),
            Kind::Text(_) | Kind::Formatted(_) => return self.strings(),
            Kind::Name(name) => match &**name {
                "True" => Meaning::Bool(true),
                "False" => Meaning::Bool(false),
                "None" => Meaning::None,
                _ => {
                    let name = self.name()?;
                    return Ok(self.made(span.start, Meaning::Name(name)));
                }
            },
            Kind::Op("(") => return self.bracketed(),
            Kind::Op("[") => {
                self.advance();
                let list = self.list("]")?;
                return Ok(self.made(span.start, Meaning::List(list)));
            }
            Kind::Op("{") => return self.dictionary(),
            _ => return self.expected("a value"),
        };
        self.advance();
        Ok(self.made(span.start, kind))
    }

    fn bracketed(&mut self) -> Or<Expression> {
        let start = self.span().start;
        self.need("(")?;
        if self.take(")") {
            return Ok(self.made(start, Meaning::Tuple(Vec::new())));
        }
        let mut inner = self.tuple()?;
        self.need(")")?;
        inner.span = start..self.end();
        Ok(inner)
    }

    fn dictionary(&mut self) -> Or<Expression> {
        let start = self.span().start;
        self.need("{")?;
        let mut pairs = Vec::new();
        while !self.take("}") {
            let key = self.expression()?;
            self.need(":")?;
            pairs.push((key, self.expression()?));
            if !self.is("}") {
                self.need(",")?;
            }
        }
        Ok(self.made(start, Meaning::Dict(pairs)))
    }

    /// Strings: several behind each other are one.
    fn strings(&mut self) -> Or<Expression> {
        let start = self.span().start;
        let mut pieces: Vec<Piece> = Vec::new();
        loop {
            match self.peek() {
                Kind::Text(text) => {
                    let text = text.clone();
                    pieces.push(Piece::Plain(text));
                }
                Kind::Formatted(raw) => {
                    let raw = raw.clone();
                    self.holes(&raw, &mut pieces)?;
                }
                _ => break,
            }
            self.advance();
        }
        let plain = |piece: &Piece| matches!(piece, Piece::Plain(_));
        if !pieces.iter().all(plain) {
            return Ok(self.made(start, Meaning::Formatted(pieces)));
        }
        let text = pieces.into_iter().map(|piece| match piece {
            Piece::Plain(text) => text,
            Piece::Hole { spec, .. } => spec,
        });
        let text = text.collect();
        Ok(self.made(start, Meaning::Text(text)))
    }

    /// The pieces of the string of `f` that stands here.
    fn holes(&mut self, raw: &str, pieces: &mut Vec<Piece>) -> Or<()> {
        let whole = self.span();
        // The marks on both sides are as long as each other; the prefix is one octet.
        let mark = (whole.len() - 1 - raw.len()) / 2;
        let inside = whole.start + 1 + mark;
        for part in parts(raw, inside)? {
            match part {
                Part::Plain(text) => pieces.push(Piece::Plain(text)),
                Part::Hole { expression, repr, spec } => {
                    let origin = inside + expression.start;
                    let mut inner = Parser::of_hole(&raw[expression], origin, self.depth)?;
                    let value = Box::new(inner.tuple()?);
                    if !matches!(inner.peek(), Kind::Newline | Kind::End) {
                        return refuse(inner.span(), "this does not belong to the expression");
                    }
                    pieces.push(Piece::Hole { value, repr, spec });
                }
            }
        }
        Ok(())
    }
}
