//! TCP options: `<mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 8>`.

use super::super::packet::{Options, TcpOption};
use super::lex::{Input, Out, expected, keyword, number, number8, number16, octets, sign, word, wrong};
use winnow::combinator::opt;
use winnow::prelude::*;
use winnow::stream::Location;

/// A header has room for so many octets of options (RFC 9293 §3.1).
const ROOM: usize = 40;

/// The options in `<…>`, or none.
pub(super) fn options(input: &mut Input<'_>) -> Out<Options> {
    let start = input.current_token_start();
    if opt(sign("<")).parse_next(input)?.is_none() {
        return Ok(Options::default());
    }
    let options = match opt(sign("...")).parse_next(input)? {
        Some(()) => Options::Any,
        None => Options::Exactly(list(input, start)?),
    };
    if opt(sign(">")).parse_next(input)?.is_none() {
        return expected(input, "a comma or the > at the end of the options");
    }
    Ok(options)
}

/// Options between commas, as many as a header has room for, and so that they fill its words.
fn list(input: &mut Input<'_>, start: usize) -> Out<Vec<TcpOption>> {
    let mut list = Vec::new();
    let mut taken = 0;
    loop {
        let option = option(input)?;
        taken += option.octets();
        list.push(option);
        if taken > ROOM {
            return wrong(start..start + 1, format!("a header has room for {ROOM} octets of options"));
        }
        if opt(sign(",")).parse_next(input)?.is_none() {
            break;
        }
    }
    if !taken.is_multiple_of(4) {
        let span = start..input.previous_token_end();
        return wrong(span, format!("options fill words of 4 octets, these take {taken}: add nop"));
    }
    Ok(list)
}

fn option(input: &mut Input<'_>) -> Out<TcpOption> {
    const AN_OPTION: &str = "nop, eol, mss, wscale, sackOK, sack, TS, md5, FO, FOEXP, ECN or kind";
    let Some((name, span)) = opt(word).parse_next(input)? else { return expected(input, AN_OPTION) };
    Ok(match name {
        "nop" => TcpOption::Nop,
        "eol" => TcpOption::EndOfList,
        "mss" => TcpOption::Mss(number16(input, "an MSS")?),
        "wscale" => TcpOption::WindowScale(number8(input, "a window scale")?),
        "sackOK" => TcpOption::SackPermitted,
        "sack" => TcpOption::Sack(blocks(input)?),
        "TS" => {
            let value = behind(input, "val", "val N of a timestamp")?;
            let echo = behind(input, "ecr", "ecr N of a timestamp")?;
            TcpOption::Timestamps { value, echo }
        }
        "md5" => TcpOption::Md5(hex(input)?),
        "FO" => TcpOption::FastOpen(hex(input)?),
        "FOEXP" => TcpOption::FastOpenExperimental(hex(input)?),
        "ECN" => accurate_ecn(input)?,
        "kind" => other(input)?,
        _ => return wrong(span, format!("expected {AN_OPTION}, found `{name}`")),
    })
}

/// Octets in hexadecimal, or none.
fn hex(input: &mut Input<'_>) -> Out<Vec<u8>> {
    Ok(opt(octets).parse_next(input)?.unwrap_or_default())
}

fn behind(input: &mut Input<'_>, name: &'static str, what: &'static str) -> Out<u32> {
    if opt(keyword(name)).parse_next(input)?.is_none() {
        return expected(input, what);
    }
    number(input, what, u32::MAX)
}

fn blocks(input: &mut Input<'_>) -> Out<Vec<(u32, u32)>> {
    const AN_EDGE: &str = "an edge of a SACK block";
    let mut blocks = Vec::new();
    while blocks.is_empty() || input.starts_with(|first: char| first.is_ascii_digit()) {
        let left = number(input, AN_EDGE, u32::MAX)?;
        if opt(sign(":")).parse_next(input)?.is_none() {
            return expected(input, "the colon of a block such as 1001:2001");
        }
        blocks.push((left, number(input, AN_EDGE, u32::MAX)?));
    }
    Ok(blocks)
}

/// Counters in the order that they travel in: `e0b`, `ceb`, `e1b`, or `e1b`, `ceb`, `e0b`, cut short where one likes.
fn accurate_ecn(input: &mut Input<'_>) -> Out<TcpOption> {
    const A_COUNTER: &str = "a counter of AccECN";
    let ect1_first = if opt(keyword("e0b")).parse_next(input)?.is_some() {
        false
    } else if opt(keyword("e1b")).parse_next(input)?.is_some() {
        true
    } else {
        return expected(input, "e0b or e1b behind ECN");
    };
    let mut counters = vec![number(input, A_COUNTER, 0xff_ffff)?];
    for name in ["ceb", if ect1_first { "e0b" } else { "e1b" }] {
        if opt(keyword(name)).parse_next(input)?.is_none() {
            break;
        }
        counters.push(number(input, A_COUNTER, 0xff_ffff)?);
    }
    Ok(TcpOption::AccEcn { ect1_first, counters })
}

/// `kind N [len L] [hex HEX]`
fn other(input: &mut Input<'_>) -> Out<TcpOption> {
    let kind = number8(input, "the kind of an option")?;
    let len = opt(keyword("len")).parse_next(input)?.is_some();
    let len = if len { Some(number8(input, "the length of an option")?) } else { None };
    let data = if opt(keyword("hex")).parse_next(input)?.is_some() { hex(input)? } else { Vec::new() };
    Ok(TcpOption::Other { kind, len, data })
}
