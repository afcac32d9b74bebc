//! Words, numbers, strings and comments: what all of the language is made of.
//!
//! ```text
//!   `win 257  // what it is`  ──►  word("win") · number(257) · blank
//! ```
//!
//! There are no tokens: `1:1001(1000)` is a range here and could be an IPv6 address there, so whoever asks says what it wants.
//! Each of these takes the blanks and comments behind it along.

use super::super::error::Lines;
use super::setting::{Defined, defined};
use std::collections::BTreeMap;
use std::ops::Range;
use winnow::combinator::{alt, eof, fail, not, opt, preceded, terminated};
use winnow::error::{AddContext, ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{any, literal, take_till, take_until, take_while};

/// A script on its way, and what is known beside it.
pub(super) type Input<'s> = Stateful<LocatingSlice<&'s str>, Known<'s>>;

/// What a parser comes to.
pub(super) type Out<T> = ModalResult<T, Flaw>;

/// What parsers know beside the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'s> {
    /// Symbols that stand for something else.
    pub defines: &'s BTreeMap<String, String>,
    /// For positions.
    pub lines: &'s Lines<'s>,
    /// How many brackets we are in.
    pub depth: u32,
}

/// What is wrong, on its way out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flaw {
    /// Which octets are meant.
    pub span: Range<usize>,
    /// What is said of them.
    pub why: Why,
}

/// What a flaw says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Why {
    /// Something else should stand here; what does is found out by whoever reports it.
    Expected(&'static str),
    /// Something stands here that makes no sense.
    Wrong(String),
}

impl<'s> ParserError<Input<'s>> for Flaw {
    type Inner = Self;

    fn from_input(input: &Input<'s>) -> Self {
        let at = input.current_token_start();
        Self { span: at..at, why: Why::Expected("") }
    }

    fn or(self, other: Self) -> Self {
        if self.span.start > other.span.start { self } else { other }
    }

    fn into_inner(self) -> Result<Self::Inner, Self> {
        Ok(self)
    }
}

/// A context is what was expected; the innermost that knows better stays.
impl<'s> AddContext<Input<'s>, &'static str> for Flaw {
    fn add_context(
        mut self,
        _: &Input<'s>,
        _: &<Input<'s> as Stream>::Checkpoint,
        expected: &'static str,
    ) -> Self {
        if self.why == Why::Expected("") {
            self.why = Why::Expected(expected);
        }
        self
    }
}

/// Refuses what stands at `span`, for good.
pub(super) fn wrong<T>(span: Range<usize>, why: impl Into<String>) -> Out<T> {
    Err(ErrMode::Cut(Flaw { span, why: Why::Wrong(why.into()) }))
}

/// Refuses what stands here, for good: something else was expected.
pub(super) fn expected<T>(input: &Input<'_>, what: &'static str) -> Out<T> {
    let at = input.current_token_start();
    Err(ErrMode::Cut(Flaw { span: at..at, why: Why::Expected(what) }))
}

/// Blanks and comments: `//` and `#` to the end of the line, `/* … */`.
pub(super) fn blank(input: &mut Input<'_>) -> Out<()> {
    loop {
        take_while(0.., char::is_whitespace).void().parse_next(input)?;
        let start = input.current_token_start();
        if input.starts_with("//") || input.starts_with('#') {
            take_till(0.., '\n').void().parse_next(input)?;
        } else if input.starts_with("/*") {
            if opt((take_until(0.., "*/"), "*/")).parse_next(input)?.is_none() {
                return wrong(start..start + 2, "this comment has no end");
            }
        } else {
            return Ok(());
        }
    }
}

/// Something, where it stands, and the blanks behind it.
pub(super) fn spanned<'s, T>(
    parser: impl Parser<Input<'s>, T, ErrMode<Flaw>>,
) -> impl Parser<Input<'s>, (T, Range<usize>), ErrMode<Flaw>> {
    terminated(parser.with_span(), blank)
}

/// A sign: `(`, say, or `...`.
pub(super) fn sign<'s>(sign: &'static str) -> impl Parser<Input<'s>, (), ErrMode<Flaw>> {
    terminated(literal(sign).void(), blank)
}

/// Whether a character may stand in a word.
pub(in super::super) fn of_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// A word: letters, digits and `_`, the first not a digit.
pub(super) fn word<'s>(input: &mut Input<'s>) -> Out<(&'s str, Range<usize>)> {
    let whole =
        take_while(1.., of_word).verify(|word: &str| !word.starts_with(|first: char| first.is_ascii_digit()));
    spanned(whole).parse_next(input)
}

/// This word, and not the start of a longer one.
pub(super) fn keyword<'s>(wanted: &'static str) -> impl Parser<Input<'s>, (), ErrMode<Flaw>> {
    terminated((literal(wanted), not(any.verify(|&next: &char| of_word(next)))).void(), blank)
}

/// Digits of a hash or a cookie, and the octets that they stand for.
pub(super) fn octets(input: &mut Input<'_>) -> Out<Vec<u8>> {
    let (digits, span): (&str, _) = spanned(take_while(1.., of_word)).parse_next(input)?;
    let defined = input.state.defines.get(digits).map_or(digits, String::as_str);
    match from_hex(defined) {
        Some(octets) => Ok(octets),
        None => wrong(span, format!("`{defined}` is not octets in hexadecimal, two digits each")),
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<u32>> = digits.chars().map(|digit| digit.to_digit(16)).collect();
    let (pairs, rest) = nibbles.as_deref()?.as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|[high, low]| u8::try_from(high << 4 | low).ok()).collect()
}

/// An integer, or a word that was defined as one, and whether it is in hexadecimal.
pub(super) fn integer(input: &mut Input<'_>) -> Out<((i64, bool), Range<usize>)> {
    let by_name = |input: &mut Input<'_>| {
        let (name, span) = word(input)?;
        match defined(input, name) {
            Some(Defined::Integer(value)) => Ok(((value, false), span)),
            _ => fail.parse_next(input),
        }
    };
    alt((literally, by_name)).parse_next(input)
}

fn literally(input: &mut Input<'_>) -> Out<((i64, bool), Range<usize>)> {
    let text = (opt('-'), take_while(1.., of_word)).take();
    let text = text
        .verify(|text: &str| text.trim_start_matches('-').starts_with(|first: char| first.is_ascii_digit()));
    let (text, span): (&str, _) = spanned(text).parse_next(input)?;
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let value = match hex {
        // All 64 bits may be written: 0xffffffffffffffff is -1, as in C.
        Some(digits) => u64::from_str_radix(digits, 16).map(u64::cast_signed),
        None => text.parse::<i64>(),
    };
    match value {
        Ok(value) => Ok(((value, hex.is_some()), span)),
        Err(_) => wrong(span, format!("`{text}` is no number of 64 bits")),
    }
}

/// A number from 0 to `most`, where there must be one.
pub(super) fn number(input: &mut Input<'_>, what: &'static str, most: u32) -> Out<u32> {
    let Some(((value, _), span)) = opt(integer).parse_next(input)? else {
        return match opt(word).parse_next(input)? {
            Some((name, span)) => {
                wrong(span, format!("expected {what}, found `{name}`, which isn't defined as a number"))
            }
            None => expected(input, what),
        };
    };
    match u32::try_from(value) {
        Ok(value) if value <= most => Ok(value),
        _ => wrong(span, format!("{what} is from 0 to {most}")),
    }
}

/// A number of 16 bits.
pub(super) fn number16(input: &mut Input<'_>, what: &'static str) -> Out<u16> {
    // Held to 16 bits by its limit.
    Ok(number(input, what, u16::MAX.into())? as u16)
}

/// A number of 8 bits.
pub(super) fn number8(input: &mut Input<'_>, what: &'static str) -> Out<u8> {
    // Held to 8 bits by its limit.
    Ok(number(input, what, u8::MAX.into())? as u8)
}

/// What stands between two marks, the second not behind a `\`.
pub(super) fn between<'s>(mark: char) -> impl Parser<Input<'s>, (&'s str, Range<usize>), ErrMode<Flaw>> {
    move |input: &mut Input<'s>| {
        let ((), start) = literal(mark).void().with_span().parse_next(input)?;
        let mut escaped = false;
        let ends = input.find(|char| {
            let ends = char == mark && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        });
        let Some(len) = ends else {
            return wrong(start, format!("this {mark} has no second one"));
        };
        let inner: &'s str = input.next_slice(len);
        terminated(mark, blank).parse_next(input)?;
        Ok((inner, start.end..start.end + len))
    }
}

/// A string in double quotes, its escapes undone.
pub(super) fn string(input: &mut Input<'_>) -> Out<Vec<u8>> {
    let (text, span) = between('"').parse_next(input)?;
    unescape(text).or_else(|(at, why)| wrong(span.start + at..span.start + at + 1, why))
}

/// The octets that a string of C stands for.
fn unescape(text: &str) -> Result<Vec<u8>, (usize, String)> {
    let mut octets = Vec::with_capacity(text.len());
    let mut left = text.bytes().enumerate();
    while let Some((at, octet)) = left.next() {
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        octets.push(match left.next().map(|(_, octet)| octet) {
            Some(plain @ (b'\\' | b'"' | b'\'')) => plain,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 0x0b,
            Some(b'x') => {
                let digits = text.get(at + 2..at + 4).and_then(from_hex);
                let [octet] = digits.unwrap_or_default()[..] else {
                    return Err((at, "two hexadecimal digits belong behind \\x".to_owned()));
                };
                left.nth(1);
                octet
            }
            _ => {
                return Err((
                    at,
                    "no such escape: \\\\ \\\" \\' \\f \\n \\r \\t \\v \\xhh are known".to_owned(),
                ));
            }
        });
    }
    Ok(octets)
}

/// The text up to a colon, which is taken too.
pub(super) fn up_to_colon<'s>(input: &mut Input<'s>) -> Out<&'s str> {
    terminated(take_till(0.., [':', '\n']), sign(":")).context("a colon").parse_next(input)
}

/// The end of the script.
pub(super) fn end(input: &mut Input<'_>) -> Out<()> {
    eof.void().parse_next(input)
}

/// What stands in round brackets, as it is written.
pub(super) fn note<'s>(input: &mut Input<'s>) -> Out<&'s str> {
    let text = preceded('(', terminated(take_till(0.., [')', '\n']), sign(")")));
    text.map(str::trim).parse_next(input)
}
