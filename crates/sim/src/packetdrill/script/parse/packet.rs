//! Packet lines, from the direction to the end of the options.

use super::super::icmp::{Icmp, Quoted};
use super::super::packet::{
    Body, Direction, Ecn, Flags, Fragment, Ip, Options, Outer, Packet, Tcp, Tos, Udp,
};
use super::lex::{
    Input, Out, blank, expected, keyword, number, number8, number16, sign, spanned, string, up_to_colon,
    word, wrong,
};
use super::option::options;
use super::setting::{Defined, defined};
use std::ops::Range;
use std::str::FromStr;
use winnow::combinator::{alt, opt, peek, preceded};
use winnow::prelude::*;
use winnow::stream::Location;
use winnow::token::{one_of, take_while};

/// A packet, its direction included.
pub(super) fn packet(input: &mut Input<'_>) -> Out<Packet> {
    let (sign, line) = spanned(one_of(['<', '>'])).parse_next(input)?;
    let direction = if sign == '<' { Direction::Inbound } else { Direction::Outbound };
    let mut outer = Vec::new();
    while let Some(header) = opt(encapsulation).parse_next(input)? {
        outer.push(header);
    }
    let ip = ip(input)?;
    if direction == Direction::Inbound && ip.tos == Tos::AnyEct {
        return wrong(line, "ect01 leaves open which: for packets that leave only");
    }
    if direction == Direction::Outbound && (ip.fragment.is_some() || ip.bad_sum) {
        return wrong(line, "frag and badsum are for packets that arrive only");
    }
    if opt(keyword("encap")).parse_next(input)?.is_some() {
        outer.push(psp(input)?);
    }
    let (ports, body) = if opt(keyword("udp")).parse_next(input)?.is_some() {
        let ports = ports(input)?;
        (ports, Body::Udp(Udp { len: in_brackets(input, "octets of payload")? }))
    } else if opt(keyword("icmp")).parse_next(input)?.is_some() {
        (None, Body::Icmp(icmp(input)?))
    } else {
        let ports = ports(input)?;
        (ports, Body::Tcp(tcp(input, direction, &line)?))
    };
    let mut packet = Packet { direction, outer, ip, ports, body, payload: None };
    packet.payload = payload(input, packet.payload_len())?;
    Ok(packet)
}

/// A header around the packet, but for PSP's.
fn encapsulation(input: &mut Input<'_>) -> Out<Outer> {
    alt((
        preceded(keyword("ipv4"), |input: &mut Input<'_>| {
            let (ip, src, dst) = tunnel(input)?;
            Ok(Outer::Ipv4 { ip, src, dst })
        }),
        preceded(keyword("ipv6"), |input: &mut Input<'_>| {
            let (ip, src, dst) = tunnel(input)?;
            Ok(Outer::Ipv6 { ip, src, dst })
        }),
        preceded(alt((keyword("gre"), keyword("GREv0"))), up_to_colon)
            .map(|text| Outer::Gre(text.trim().to_owned())),
        preceded(keyword("mpls"), up_to_colon).map(|text| Outer::Mpls(text.trim().to_owned())),
    ))
    .parse_next(input)
}

/// The addresses of an outer header.
fn tunnel<A: FromStr>(input: &mut Input<'_>) -> Out<(Ip, A, A)> {
    let ip = ip(input)?;
    let src = address(input, |input| sign(">").parse_next(input))?;
    let dst = address(input, |input| sign(":").parse_next(input))?;
    Ok((ip, src, dst))
}

/// An address and the sign behind it. A colon may be part of either, so it is taken off the end of what stands there.
fn address<A: FromStr>(input: &mut Input<'_>, behind: fn(&mut Input<'_>) -> Out<()>) -> Out<A> {
    const AN_ADDRESS: &str = "an address of this version";
    let of_address = |char: char| char.is_ascii_hexdigit() || [':', '.'].contains(&char);
    let start = input.current_token_start();
    let all: &str = peek(take_while(0.., of_address)).parse_next(input)?;
    let text = if all.parse::<A>().is_ok() { all } else { all.strip_suffix(':').unwrap_or(all) };
    let Ok(address) = text.parse() else {
        return wrong(start..start + all.len().max(1), format!("expected {AN_ADDRESS}, found `{all}`"));
    };
    winnow::token::take(text.len()).parse_next(input)?;
    blank(input)?;
    behind(input)?;
    Ok(address)
}

fn psp(input: &mut Input<'_>) -> Out<Outer> {
    if opt((keyword("psp"), keyword("spi"))).parse_next(input)?.is_none() {
        return expected(input, "psp spi N behind encap");
    }
    Ok(Outer::Psp { spi: number(input, "an index of security parameters", u32::MAX)? })
}

/// What is said of the IP header, if anything.
fn ip(input: &mut Input<'_>) -> Out<Ip> {
    let mut ip = Ip::default();
    if opt(alt((sign("["), sign("(")))).parse_next(input)?.is_none() {
        return Ok(ip);
    }
    loop {
        said_of_ip(input, &mut ip)?;
        if opt(sign(",")).parse_next(input)?.is_none() {
            break;
        }
    }
    if opt(alt((sign("]"), sign(")")))).parse_next(input)?.is_none() {
        return expected(input, "the closing bracket");
    }
    Ok(ip)
}

fn said_of_ip(input: &mut Input<'_>, ip: &mut Ip) -> Out<()> {
    const KNOWN: &str = "noecn, ect0, ect1, ect01, ce, tos, flowlabel, ttl, frag or badsum";
    let Some((name, span)) = opt(word).parse_next(input)? else { return expected(input, KNOWN) };
    let tos = match name {
        "noecn" => Tos::Ecn(Ecn::NotEct),
        "ect0" => Tos::Ecn(Ecn::Ect0),
        "ect1" => Tos::Ecn(Ecn::Ect1),
        "ce" => Tos::Ecn(Ecn::Ce),
        "ect01" => Tos::AnyEct,
        "tos" => Tos::Octet(number8(input, "an octet of TOS")?),
        "flowlabel" => {
            ip.flow_label = Some(number(input, "a flow label", 0xf_ffff)?);
            return Ok(());
        }
        "ttl" => {
            ip.ttl = Some(number8(input, "a time to live")?);
            return Ok(());
        }
        "frag" => {
            ip.fragment = Some(fragment(input)?);
            return Ok(());
        }
        "badsum" => {
            ip.bad_sum = true;
            return Ok(());
        }
        _ => return wrong(span, format!("expected {KNOWN}, found `{name}`")),
    };
    if ip.tos != Tos::Unchecked {
        return wrong(span, "that octet was spoken of before");
    }
    ip.tos = tos;
    Ok(())
}

/// `0:1480 id 7`
fn fragment(input: &mut Input<'_>) -> Out<Fragment> {
    const AN_OCTET: &str = "an octet of the packet";
    let start = input.current_token_start();
    let from = number16(input, AN_OCTET)?;
    if opt(sign(":")).parse_next(input)?.is_none() {
        return expected(input, "the colon of octets such as 0:1480");
    }
    let to = number16(input, AN_OCTET)?;
    if from >= to || !from.is_multiple_of(8) {
        return wrong(start..start + 1, "a fragment begins at a multiple of 8 and has at least an octet");
    }
    if opt(keyword("id")).parse_next(input)?.is_none() {
        return expected(input, "id N of the fragment");
    }
    Ok(Fragment { from, to, id: number(input, "an identification", u32::MAX)? })
}

/// `8080 > 5000`, if it stands there.
fn ports(input: &mut Input<'_>) -> Out<Option<(u16, u16)>> {
    if !input.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(None);
    }
    let src = number16(input, "a port")?;
    if opt(sign(">")).parse_next(input)?.is_none() {
        return expected(input, "> and the other port");
    }
    Ok(Some((src, number16(input, "a port")?)))
}

/// `(N)`
fn in_brackets(input: &mut Input<'_>, what: &'static str) -> Out<u16> {
    if opt(sign("(")).parse_next(input)?.is_none() {
        return expected(input, "a number of octets in brackets");
    }
    let number = number16(input, what)?;
    if opt(sign(")")).parse_next(input)?.is_none() {
        return expected(input, "the closing bracket");
    }
    Ok(number)
}

/// `1:1001(1000)`: the first number and the length. The second number is there for readers, and must be right.
fn range(input: &mut Input<'_>) -> Out<(u32, u16)> {
    let start = input.current_token_start();
    let first = number(input, "a sequence number", u32::MAX)?;
    if opt(sign(":")).parse_next(input)?.is_none() {
        return expected(input, "the colon of a range such as 1:1001(1000)");
    }
    let last = number(input, "a sequence number", u32::MAX)?;
    let len = in_brackets(input, "octets of payload")?;
    if first.wrapping_add(len.into()) != last {
        let should = first.wrapping_add(len.into());
        let span = start..input.previous_token_end();
        return wrong(span, format!("{len} octets from {first} on end at {should}, not at {last}"));
    }
    Ok((first, len))
}

fn tcp(input: &mut Input<'_>, direction: Direction, line: &Range<usize>) -> Out<Tcp> {
    let flags = flags(input)?;
    let (seq, len) = range(input)?;
    let behind = |input: &mut Input<'_>, word| Ok(opt(keyword(word)).parse_next(input)?.is_some());
    let mut tcp = Tcp { flags, seq, len, ..Tcp::default() };
    if behind(input, "ack")? {
        tcp.ack = Some(number(input, "an acknowledgment number", u32::MAX)?);
    }
    if behind(input, "win")? {
        tcp.window = Some(number16(input, "a window")?);
    }
    if behind(input, "urg")? {
        tcp.urgent = Some(number16(input, "an urgent pointer")?);
    }
    if direction == Direction::Inbound && tcp.window.is_none() {
        return wrong(line.clone(), "a packet that arrives needs a window: win N");
    }
    tcp.options = options(input)?;
    if direction == Direction::Inbound && tcp.options == Options::Any {
        return wrong(line.clone(), "<...> leaves open which options: for packets that leave only");
    }
    Ok(tcp)
}

/// Flags as tcpdump writes them, `.` for ACK; or `-` for none.
fn flags(input: &mut Input<'_>) -> Out<Flags> {
    let of_flags = |char: char| char.is_ascii_alphanumeric() || char == '.';
    let text = alt(("-", take_while(1.., of_flags)));
    let Some((text, span)) = opt(spanned(text)).parse_next(input)? else {
        return expected(input, "TCP flags such as S. (or udp, icmp)");
    };
    let text: &str = text;
    if text.starts_with(|first: char| first.is_ascii_lowercase()) {
        let why = "expected TCP flags such as S., or udp, or icmp (the word for ICMPv6, too)";
        return wrong(span, format!("{why}, found `{text}`"));
    }
    let mut flags = Flags::default();
    let mut ecn = false;
    for (at, flag) in text.char_indices() {
        let here = span.start + at..span.start + at + 1;
        let ace = flag.to_digit(8);
        if ecn && ace.is_some() || ecn_digit(text, at) && ['E', 'W', 'A'].contains(&flag) {
            return wrong(here, "E, W and A are the bits of the ACE digit: one or the other");
        }
        match flag {
            '.' => flags.ack = true,
            'F' => flags.fin = true,
            'S' => flags.syn = true,
            'R' => flags.rst = true,
            'P' => flags.psh = true,
            'U' => flags.urg = true,
            'E' => flags.ece = true,
            'W' => flags.cwr = true,
            'A' => flags.ae = true,
            '-' => {}
            _ => match ace {
                Some(ace) => {
                    (flags.ae, flags.cwr, flags.ece) = (ace & 4 != 0, ace & 2 != 0, ace & 1 != 0);
                }
                None => return wrong(here, "no such flag: . F S R P U E W A, or 0 to 7 for ACE, are known"),
            },
        }
        ecn |= ace.is_some() || ['E', 'W', 'A'].contains(&flag);
    }
    Ok(flags)
}

/// Whether a digit of ACE stands before `at`.
fn ecn_digit(text: &str, at: usize) -> bool {
    text[..at].contains(|flag: char| flag.is_ascii_digit())
}

fn icmp(input: &mut Input<'_>) -> Out<Icmp> {
    let Some((kind, _)) = opt(word).parse_next(input)? else { return expected(input, "a type of ICMP") };
    let mut icmp = Icmp { kind: kind.to_owned(), code: None, mtu: None, id: None, quoted: Quoted::Unsaid };
    let named = |input: &mut Input<'_>, word| Ok(opt(keyword(word)).parse_next(input)?.is_some());
    let mut mtu = named(input, "mtu")?;
    let mut id = !mtu && named(input, "id")?;
    if !mtu && !id {
        icmp.code = opt(word).parse_next(input)?.map(|(code, _)| match defined(input, code) {
            Some(Defined::Word(word)) => word.to_owned(),
            _ => code.to_owned(),
        });
        mtu = named(input, "mtu")?;
    }
    if mtu {
        icmp.mtu = Some(number(input, "an MTU", u32::MAX)?);
    }
    id = id || named(input, "id")?;
    if id {
        icmp.id = Some(number16(input, "an identifier")?);
    }
    if opt(sign("[")).parse_next(input)?.is_some() {
        icmp.quoted = quoted(input)?;
    }
    Ok(icmp)
}

fn quoted(input: &mut Input<'_>) -> Out<Quoted> {
    let named = |input: &mut Input<'_>, word| Ok(opt(keyword(word)).parse_next(input)?.is_some());
    let quoted = if named(input, "udp")? {
        Quoted::Udp { len: in_brackets(input, "octets of payload")? }
    } else if named(input, "raw")? {
        Quoted::Raw { len: in_brackets(input, "octets of the message")? }
    } else {
        let (seq, len) = range(input)?;
        Quoted::Tcp { seq, len }
    };
    if opt(sign("]")).parse_next(input)?.is_none() {
        return expected(input, "the closing bracket");
    }
    Ok(quoted)
}

/// The octets of the payload, which must be as many as the line says.
fn payload(input: &mut Input<'_>, len: usize) -> Out<Option<Vec<u8>>> {
    let start = input.current_token_start();
    if !input.starts_with('"') {
        return Ok(None);
    }
    let octets = string(input)?;
    if octets.len() != len {
        let span = start..input.previous_token_end();
        return wrong(span, format!("the line says {len} octets, these are {}", octets.len()));
    }
    Ok(Some(octets))
}
