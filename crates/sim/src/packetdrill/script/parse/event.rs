//! Events: a time, and what happens then.
//!
//! ```text
//!   0.1          absolute           0.1~0.2      somewhere between
//!   +0.1         from the last      +0.1~+0.2    the same from the last
//!   *            any                +0...0.2     a call that blocks until then
//! ```

use super::super::ast::{Action, Code, Command, Event, Time};
use super::super::packet::Direction;
use super::call::call;
use super::lex::{Input, Out, blank, end, expected, sign, spanned, wrong};
use super::packet::packet;
use super::setting::command;
use env::Duration;
use std::ops::Range;
use winnow::combinator::{opt, preceded};
use winnow::prelude::*;
use winnow::stream::Location;
use winnow::token::{literal, one_of, take_until, take_while};

/// What may stand where an event begins.
const A_TIME: &str = "a time such as +.01";

/// Whether something looks like the beginning of an event.
pub(super) fn begins(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || ['+', '*', '.'].contains(&first))
}

/// The command before all events, the events, and the command behind them.
pub(super) fn events(input: &mut Input<'_>) -> Out<(Option<Command>, Vec<Event>, Option<Command>)> {
    let init = untimed(input)?;
    let mut events = Vec::new();
    while begins(input) {
        let start = input.current_token_start();
        let event = event(input)?;
        follows(events.last(), &event, start..input.previous_token_end())?;
        events.push(event);
    }
    if events.is_empty() {
        return expected(input, A_TIME);
    }
    let cleanup = untimed(input)?;
    let rest = if cleanup.is_some() { "the end of the script behind a last command" } else { A_TIME };
    end.context(rest).parse_next(input)?;
    Ok((init, events, cleanup))
}

fn untimed(input: &mut Input<'_>) -> Out<Option<Command>> {
    let at = input.state.lines.position(input.current_token_start());
    Ok(opt(command).parse_next(input)?.map(|text| Command { at, text }))
}

/// Refuses times that go back: what can be seen of that before the script is run.
fn follows(before: Option<&Event>, event: &Event, span: Range<usize>) -> Out<()> {
    let absolute = |time| match time {
        Time::Absolute(time) | Time::AbsoluteRange(time, _) => Some(time),
        _ => None,
    };
    let Some(before) = before else {
        return match event.time {
            Time::Absolute(time) | Time::Relative(time) if time.is_zero() => Ok(()),
            _ => wrong(span.start..span.start + 1, "the first event is at time 0"),
        };
    };
    if absolute(event.time).is_some_and(|time| absolute(before.time).is_some_and(|before| time < before)) {
        return wrong(span.start..span.start + 1, "this is before the event before");
    }
    Ok(())
}

fn event(input: &mut Input<'_>) -> Out<Event> {
    let start = input.current_token_start();
    let at = input.state.lines.position(start);
    let time = time(input)?;
    let span = start..input.previous_token_end();
    let action = action(input, time)?;
    let leaves = matches!(&action, Action::Packet(packet) if packet.direction == Direction::Outbound);
    match time {
        Time::Any if !leaves => wrong(span, "the time * is for packets that leave only"),
        Time::AbsoluteRange(..) | Time::RelativeRange(..) if !leaves => {
            wrong(span, "a range of times is for packets that leave only")
        }
        Time::AbsoluteRange(from, to) | Time::RelativeRange(from, to) if to < from => {
            wrong(span, "this range ends before it begins")
        }
        _ => Ok(Event { at, time, action }),
    }
}

fn time(input: &mut Input<'_>) -> Out<Time> {
    if opt(sign("*")).parse_next(input)?.is_some() {
        return Ok(Time::Any);
    }
    let relative = opt(sign("+")).parse_next(input)?.is_some();
    let from = seconds(input)?;
    if opt(sign("~")).parse_next(input)?.is_none() {
        return Ok(if relative { Time::Relative(from) } else { Time::Absolute(from) });
    }
    if relative && opt(sign("+")).parse_next(input)?.is_none() {
        return expected(input, "the + of the end of a relative range");
    }
    let to = seconds(input)?;
    Ok(if relative { Time::RelativeRange(from, to) } else { Time::AbsoluteRange(from, to) })
}

/// Seconds, with at most nine digits behind the point: `0`, `.01`, `1.5`.
fn seconds(input: &mut Input<'_>) -> Out<Duration> {
    let digits = |from| take_while(from.., |char: char| char.is_ascii_digit());
    let point = (one_of('.'), digits(1));
    let text = (digits(0), opt(point)).take().verify(|text: &str| !text.is_empty());
    let Some((text, span)) = opt(spanned(text)).parse_next(input)? else { return expected(input, A_TIME) };
    let text: &str = text;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole = if whole.is_empty() { Ok(0) } else { whole.parse::<u32>() };
    match (whole, part.len()) {
        (Ok(whole), ..=9) => {
            let nanos = format!("{part:0<9}").parse().unwrap_or_default();
            Ok(Duration::new(whole.into(), nanos))
        }
        (Ok(_), _) => wrong(span, "time is counted in nanoseconds, nine digits behind the point"),
        (Err(_), _) => wrong(span, "this is longer than anybody waits"),
    }
}

fn action(input: &mut Input<'_>, time: Time) -> Out<Action> {
    let start = input.current_token_start();
    let at = input.state.lines.position(start);
    if input.starts_with("%{") {
        return code(input).map(Action::Code);
    }
    if input.starts_with(['<', '>']) {
        return packet(input).map(Action::Packet);
    }
    if let Some(text) = opt(command).parse_next(input)? {
        return Ok(Action::Command(Command { at, text }));
    }
    let until = opt(preceded(sign("..."), seconds)).parse_next(input)?;
    if let (Some(until), Time::Absolute(from) | Time::Relative(from)) = (until, time)
        && until < from
    {
        return wrong(start..start + 3, "this call returns before it is made");
    }
    call(input, until).map(Action::Call)
}

fn code(input: &mut Input<'_>) -> Out<Code> {
    let ((), mark) = literal("%{").void().with_span().parse_next(input)?;
    let at = input.state.lines.position(mark.end);
    let Some((text, _)) = opt((take_until(0.., "}%"), "}%")).parse_next(input)? else {
        return wrong(mark, "this code has no }% at its end");
    };
    blank(input)?;
    let text: &str = text;
    Ok(Code { at, text: text.to_owned() })
}
