//! `--name=value`: what a script says of itself before it begins.

use super::super::ast::Setting;
use super::lex::{Input, Out, between, blank, expected, of_word, word};
use std::collections::BTreeMap;
use winnow::combinator::{alt, fail, opt, repeat};
use winnow::prelude::*;
use winnow::stream::Location;
use winnow::token::{literal, take_while};

/// All settings, and the blanks before them.
pub(super) fn settings(input: &mut Input<'_>) -> Out<Vec<Setting>> {
    blank(input)?;
    repeat(0.., setting).parse_next(input)
}

/// A setting has no blanks but within quotes: the next line is another.
fn setting(input: &mut Input<'_>) -> Out<Setting> {
    let at = input.state.lines.position(input.current_token_start());
    literal("--").parse_next(input)?;
    let Some(name) = opt(take_while(1.., of_word)).parse_next(input)? else {
        return expected(input, "the name of an option");
    };
    let name: &str = name;
    let value = if opt('=').parse_next(input)?.is_some() {
        let Some(value) = opt(alt((quoted, definition, bare))).parse_next(input)? else {
            return expected(input, "the value of the option");
        };
        Some(value)
    } else {
        None
    };
    blank(input)?;
    Ok(Setting { at, name: name.to_owned(), value })
}

fn quoted(input: &mut Input<'_>) -> Out<String> {
    Ok(between('"').parse_next(input)?.0.to_owned())
}

/// `NAME=VALUE`, the value perhaps in quotes or backticks, which stay.
fn definition(input: &mut Input<'_>) -> Out<String> {
    let name: &str = take_while(1.., of_word).parse_next(input)?;
    '='.parse_next(input)?;
    let value = alt((
        between('"').map(|(text, _)| format!("\"{text}\"")),
        between('`').map(|(text, _)| format!("`{text}`")),
        bare,
    ))
    .parse_next(input)?;
    Ok(format!("{name}={value}"))
}

fn bare(input: &mut Input<'_>) -> Out<String> {
    let value: &str = take_while(1.., of_value).parse_next(input)?;
    Ok(value.to_owned())
}

/// Whether a character may stand in a value without quotes.
pub(in super::super) fn of_value(char: char) -> bool {
    char.is_ascii_graphic() && !['"', '`'].contains(&char)
}

/// What the settings define.
pub(super) fn definitions(settings: &[Setting]) -> BTreeMap<String, String> {
    let defines = settings.iter().filter(|setting| setting.name == "define");
    let pairs = defines.filter_map(|setting| setting.value().split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What a word stands for.
#[derive(Debug)]
pub(super) enum Defined<'s> {
    /// A number.
    Integer(i64),
    /// A string, without its quotes.
    Text(&'s str),
    /// A command, without its backticks.
    Command(&'s str),
    /// Another word.
    Word(&'s str),
    /// Something that is no word, and so nothing that could stand where one does.
    Other(&'s str),
}

/// What `word` stands for, if it was defined.
pub(super) fn defined<'s>(input: &Input<'s>, word: &str) -> Option<Defined<'s>> {
    let value = input.state.defines.get(word)?.as_str();
    let inner = |mark| value.strip_prefix(mark).map(|rest: &str| rest.strip_suffix(mark).unwrap_or(rest));
    let hex = value.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok());
    Some(if let Some(text) = inner('"') {
        Defined::Text(text)
    } else if let Some(command) = inner('`') {
        Defined::Command(command)
    } else if let Some(value) = hex.or_else(|| value.parse().ok()) {
        Defined::Integer(value)
    } else if value.chars().all(of_word) {
        Defined::Word(value)
    } else {
        Defined::Other(value)
    })
}

/// A command in backticks, or a word that stands for one.
pub(super) fn command(input: &mut Input<'_>) -> Out<String> {
    let by_name = |input: &mut Input<'_>| {
        let (name, _) = word(input)?;
        match defined(input, name) {
            Some(Defined::Command(text)) => Ok(text.to_owned()),
            _ => fail.parse_next(input),
        }
    };
    alt((between('`').map(|(text, _)| text.to_owned()), by_name)).parse_next(input)
}

/// What public scripts take as defined, for packets of IPv6 or of IPv4, and sockets of IPv6 or not: the cookies that hosts of
/// theirs give out, and the levels of control messages.
pub fn customary(v6_packets: bool, v6_sockets: bool) -> BTreeMap<String, String> {
    let by_packets = match v6_packets {
        true => {
            [("TFO_COOKIE", "c1d1e9742a47a9bc"), ("TFO_COOKIE_ZERO", "82af1a8f9a205c34"), ("MSS", "1440")]
        }
        false => {
            [("TFO_COOKIE", "3021b9d889017eeb"), ("TFO_COOKIE_ZERO", "b7c12350a90dc8f5"), ("MSS", "1460")]
        }
    };
    let by_sockets = match v6_packets || v6_sockets {
        true => [("CMSG_LEVEL_IP", "SOL_IPV6"), ("CMSG_TYPE_RECVERR", "IPV6_RECVERR")],
        false => [("CMSG_LEVEL_IP", "SOL_IP"), ("CMSG_TYPE_RECVERR", "IP_RECVERR")],
    };
    let code = if v6_packets { "address_unreachable" } else { "host_unreachable" };
    let all = by_packets.into_iter().chain(by_sockets).chain([("CODE", code)]);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
