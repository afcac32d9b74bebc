//! Calls: `read(4, ..., 1000) = -1 EAGAIN (Resource temporarily unavailable)`.

use super::super::call::{Call, Errno, Expression};
use super::lex::{Input, Out, expected, integer, note, sign, string, word, wrong};
use super::setting::{Defined, defined};
use super::structure::structure;
use env::Duration;
use std::net::{Ipv4Addr, Ipv6Addr};
use winnow::combinator::opt;
use winnow::prelude::*;
use winnow::stream::Location;

/// How deep lists and structures go.
const DEEPEST: u32 = 16;

/// A call, behind its time.
pub(super) fn call(input: &mut Input<'_>, until: Option<Duration>) -> Out<Call> {
    let Some((name, _)) = opt(word).parse_next(input)? else {
        return expected(input, "< or > and a packet, a call, a command in backticks, or %{ code }%");
    };
    if opt(sign("(")).parse_next(input)?.is_none() {
        return expected(input, "the arguments of a call in brackets");
    }
    let arguments = list(input, ")")?;
    if opt(sign("=")).parse_next(input)?.is_none() {
        return expected(input, "= and what the call returns");
    }
    let result = expression(input)?;
    let errno = match opt(word).parse_next(input)? {
        Some((name, _)) => {
            let note = opt(note).parse_next(input)?.unwrap_or_default().to_owned();
            Some(Errno { name: name.to_owned(), note })
        }
        None => None,
    };
    let note = opt(note).parse_next(input)?.map(str::to_owned);
    Ok(Call { name: name.to_owned(), arguments, result, errno, note, until })
}

/// Expressions between commas, up to a closing bracket, which is taken.
pub(super) fn list(input: &mut Input<'_>, close: &'static str) -> Out<Vec<Expression>> {
    let mut list = Vec::new();
    if opt(sign(close)).parse_next(input)?.is_some() {
        return Ok(list);
    }
    loop {
        list.push(expression(input)?);
        if opt(sign(close)).parse_next(input)?.is_some() {
            return Ok(list);
        }
        comma(input)?;
    }
}

/// The comma between two things, where one must be.
pub(super) fn comma(input: &mut Input<'_>) -> Out<()> {
    if opt(sign(",")).parse_next(input)?.is_none() {
        return expected(input, "a comma or the closing bracket");
    }
    Ok(())
}

/// An expression, one level deeper than whoever asks.
pub(super) fn expression(input: &mut Input<'_>) -> Out<Expression> {
    if input.state.depth >= DEEPEST {
        let start = input.current_token_start();
        return wrong(start..start + 1, format!("this is nested more than {DEEPEST} deep"));
    }
    input.state.depth += 1;
    let first = operand(input);
    input.state.depth -= 1;
    let first = first?;
    if !input.starts_with('|') {
        return Ok(first);
    }
    let mut parts = vec![first];
    while opt(sign("|")).parse_next(input)?.is_some() {
        parts.push(operand(input)?);
    }
    Ok(Expression::Or(parts))
}

fn operand(input: &mut Input<'_>) -> Out<Expression> {
    if opt(sign("...")).parse_next(input)?.is_some() {
        return Ok(Expression::Ellipsis);
    }
    match input.chars().next() {
        Some('[') => {
            sign("[").parse_next(input)?;
            list(input, "]").map(Expression::List)
        }
        Some('{') => structure(input),
        Some('"') => text(input),
        Some('*') => sign("*").parse_next(input).map(|()| Expression::Anything),
        Some('?') => sign("?").parse_next(input).map(|()| Expression::Anything),
        Some(first) if first == '-' || first.is_ascii_digit() => {
            let Some(((value, hex), _)) = opt(integer).parse_next(input)? else {
                return expected(input, "a number");
            };
            Ok(Expression::Integer { value, hex })
        }
        _ => named(input),
    }
}

/// Strings: several behind each other are one.
fn text(input: &mut Input<'_>) -> Out<Expression> {
    let mut octets = string(input)?;
    while input.starts_with('"') {
        octets.extend(string(input)?);
    }
    Ok(match opt(sign("...")).parse_next(input)? {
        Some(()) => Expression::TextAnd(octets),
        None => Expression::Text(octets),
    })
}

/// A symbol, what it was defined as, or an address.
fn named(input: &mut Input<'_>) -> Out<Expression> {
    let Some((name, span)) = opt(word).parse_next(input)? else { return expected(input, "a value") };
    if opt(sign("=")).parse_next(input)?.is_some() {
        let value = expression(input)?;
        return Ok(Expression::Assign(name.to_owned(), Box::new(value)));
    }
    if ["inet_addr", "inet6_addr"].contains(&name) {
        return address(input, name == "inet_addr");
    }
    Ok(match defined(input, name) {
        None => Expression::Symbol(name.to_owned()),
        Some(Defined::Integer(value)) => Expression::Integer { value, hex: false },
        Some(Defined::Text(text)) => Expression::Text(text.as_bytes().to_vec()),
        Some(Defined::Word(word)) => Expression::Symbol(word.to_owned()),
        Some(Defined::Command(text) | Defined::Other(text)) => {
            return wrong(
                span,
                format!("`{name}` is defined as `{}`, which is no value", text.escape_debug()),
            );
        }
    })
}

/// An address in quotes and brackets. Within a `sockaddr` scripts say `inet_addr` for IPv6 too.
fn address(input: &mut Input<'_>, v4: bool) -> Out<Expression> {
    if opt(sign("(")).parse_next(input)?.is_none() {
        return expected(input, "an address in brackets");
    }
    let start = input.current_token_start();
    if !input.starts_with('"') {
        return expected(input, "an address in quotes");
    }
    let octets = string(input)?;
    let text = String::from_utf8_lossy(&octets);
    let span = start..input.previous_token_end();
    if opt(sign(")")).parse_next(input)?.is_none() {
        return expected(input, "the closing bracket");
    }
    match (text.parse::<Ipv4Addr>(), text.parse::<Ipv6Addr>()) {
        (Ok(address), _) if v4 => Ok(Expression::InAddr(address)),
        (_, Ok(address)) => Ok(Expression::In6Addr(address)),
        _ => wrong(span, format!("`{}` is no such address", text.escape_debug())),
    }
}
