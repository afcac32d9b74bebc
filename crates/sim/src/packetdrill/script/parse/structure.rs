//! Structures: `{fd=4, events=POLLIN}` and the like, told apart by the names of their fields.

use super::super::call::{Cmsg, EpollEvent, EpollMember, Expression, ExtendedError, Msghdr, Pollfd};
use super::call::{comma, expression};
use super::lex::{Input, Out, expected, sign, word, wrong};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use winnow::combinator::{opt, peek};
use winnow::prelude::*;
use winnow::stream::Location;

/// `name=value`, `name(argument)=value`, or a value alone.
struct Field<'s> {
    name: Option<&'s str>,
    /// What stands in brackets behind the name, and where.
    bracketed: Option<(Expression, Range<usize>)>,
    value: Expression,
}

/// A structure, its braces included.
pub(super) fn structure(input: &mut Input<'_>) -> Out<Expression> {
    let start = input.current_token_start();
    sign("{").parse_next(input)?;
    if input.starts_with('(')
        || opt(peek(|input: &mut Input<'_>| flags_of_gre(input))).parse_next(input)?.is_some()
    {
        return wrong(start..start + 1, "headers of GRE and MPLS are not spoken here");
    }
    let mut fields = Vec::new();
    while opt(sign("}")).parse_next(input)?.is_none() {
        if !fields.is_empty() {
            comma(input)?;
        }
        fields.push(field(input)?);
    }
    meaning(fields, start..input.previous_token_end())
}

fn flags_of_gre(input: &mut Input<'_>) -> Out<()> {
    word.verify(|(name, _)| *name == "flags").parse_next(input)?;
    winnow::token::one_of(['[', '0']).void().parse_next(input)
}

fn field<'s>(input: &mut Input<'s>) -> Out<Field<'s>> {
    let before = input.checkpoint();
    let Some((name, _)) = opt(word).parse_next(input)? else {
        return Ok(Field { name: None, bracketed: None, value: expression(input)? });
    };
    let opens = input.starts_with('(');
    if opens && !["msg_name", "msg_iov"].contains(&name) || !opens && !input.starts_with('=') {
        input.reset(&before);
        return Ok(Field { name: None, bracketed: None, value: expression(input)? });
    }
    let mut bracketed = None;
    if opt(sign("(")).parse_next(input)?.is_some() {
        let start = input.current_token_start();
        let length = expression(input)?;
        bracketed = Some((length, start..input.previous_token_end()));
        if opt(sign(")")).parse_next(input)?.is_none() {
            return expected(input, "the closing bracket");
        }
    }
    if opt(sign("=")).parse_next(input)?.is_none() {
        return expected(input, "= and the value of the field");
    }
    let value = if name == "sin_port" { port(input)? } else { expression(input)? };
    Ok(Field { name: Some(name), bracketed, value })
}

/// `htons(80)`, or the number alone.
fn port(input: &mut Input<'_>) -> Out<Expression> {
    let named = opt(word.verify(|(name, _)| *name == "htons")).parse_next(input)?;
    if named.is_some() && opt(sign("(")).parse_next(input)?.is_none() {
        return expected(input, "a port in brackets");
    }
    let port = expression(input)?;
    if named.is_some() && opt(sign(")")).parse_next(input)?.is_none() {
        return expected(input, "the closing bracket");
    }
    Ok(port)
}

/// Which structure has these fields.
fn meaning(fields: Vec<Field<'_>>, span: Range<usize>) -> Out<Expression> {
    use Expression as E;
    let names: Vec<&str> = fields.iter().map(|field| field.name.unwrap_or_default()).collect();
    let mut values = fields.iter().map(|field| field.value.clone());
    let mut next = || values.next().unwrap_or(E::Ellipsis);
    Ok(match names[..] {
        ["", ""] if fields[0].value == E::Ellipsis && fields[1].value.as_integer().is_some() => {
            E::Iovec(fields[1].value.as_integer().unwrap_or_default())
        }
        ["sa_family", "sin_port", "sin_addr"] => return socket_address(&fields, span),
        ["msg_name", "msg_iov", "msg_flags"] | ["msg_name", "msg_iov", "msg_flags", "msg_control"] => {
            return message(&fields, span);
        }
        ["cmsg_level", "cmsg_type", "cmsg_data"] => {
            E::Cmsg(Box::new(Cmsg { level: next(), kind: next(), data: next() }))
        }
        ["fd", "events"] => {
            E::Pollfd(Box::new(Pollfd { fd: next(), events: next(), revents: E::integer(0) }))
        }
        ["fd", "events", "revents"] => {
            E::Pollfd(Box::new(Pollfd { fd: next(), events: next(), revents: next() }))
        }
        ["events", name @ ("fd" | "ptr" | "u32" | "u64")] => {
            let member = match name {
                "fd" => EpollMember::Fd,
                "ptr" => EpollMember::Ptr,
                "u32" => EpollMember::U32,
                _ => EpollMember::U64,
            };
            E::EpollEvent(Box::new(EpollEvent { events: next(), member, data: next() }))
        }
        ["onoff", "linger"] => match (next().as_integer(), next().as_integer()) {
            (Some(onoff), Some(linger)) => E::Linger { onoff, linger },
            _ => return wrong(span, "both fields of linger are numbers"),
        },
        ["scm_sec", "scm_nsec"] => match (next().as_integer(), next().as_integer()) {
            (Some(sec), Some(nsec)) => E::Timestamping { sec, nsec },
            _ => return wrong(span, "both fields of a timestamp are numbers"),
        },
        ["ee_errno", "ee_origin", "ee_type", "ee_code", "ee_info", "ee_data"] => {
            E::ExtendedError(Box::new(ExtendedError {
                errno: next(),
                origin: next(),
                kind: next(),
                code: next(),
                info: next(),
                data: next(),
            }))
        }
        _ => E::Braces(fields.into_iter().map(plain).collect()),
    })
}

/// A field of a structure that has no name here.
fn plain(field: Field<'_>) -> Expression {
    match field.name {
        Some(name) => Expression::Assign(name.to_owned(), Box::new(field.value)),
        None => field.value,
    }
}

fn socket_address(fields: &[Field<'_>], span: Range<usize>) -> Out<Expression> {
    let Some(port) = fields[1].value.as_integer().and_then(|port| u16::try_from(port).ok()) else {
        return wrong(span, "a port is from 0 to 65535");
    };
    let address = match (&fields[0].value, &fields[2].value) {
        (Expression::Symbol(family), Expression::InAddr(address)) if family == "AF_INET" => {
            IpAddr::V4(*address)
        }
        (Expression::Symbol(family), Expression::In6Addr(address)) if family == "AF_INET6" => {
            IpAddr::V6(*address)
        }
        _ => return wrong(span, "a socket address is AF_INET or AF_INET6 with an address of that family"),
    };
    Ok(Expression::SockAddr(SocketAddr::new(address, port)))
}

fn message(fields: &[Field<'_>], span: Range<usize>) -> Out<Expression> {
    let Expression::List(buffers) = &fields[1].value else {
        return wrong(span, "msg_iov is a list of buffers such as [{..., 1000}]");
    };
    let octets = |buffer: &Expression| match buffer {
        Expression::Iovec(octets) => Some(*octets),
        _ => None,
    };
    let Some(iov) = buffers.iter().map(octets).collect() else {
        return wrong(span, "msg_iov is a list of buffers such as [{..., 1000}]");
    };
    if let Some((said, span)) = &fields[1].bracketed
        && *said != Expression::Ellipsis
        && said.as_integer().and_then(|said| usize::try_from(said).ok()) != Some(buffers.len())
    {
        return wrong(span.clone(), format!("as many buffers are said as are listed: {}", buffers.len()));
    }
    let name_length = fields[0].bracketed.as_ref().map_or(Expression::Ellipsis, |(said, _)| said.clone());
    let control = match fields.get(3).map(|field| &field.value) {
        None => None,
        Some(Expression::List(messages)) => Some(messages.clone()),
        Some(_) => return wrong(span, "msg_control is a list of control messages"),
    };
    let (name, flags) = (fields[0].value.clone(), fields[2].value.clone());
    Ok(Expression::Msghdr(Box::new(Msghdr { name, name_length, iov, flags, control })))
}
