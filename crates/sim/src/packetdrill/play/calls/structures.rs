//! C's structures: as a script writes them, and as they lie in memory.

use super::arguments::{Arguments, low};
use super::{NotMade, is_any};
use crate::packetdrill::script::Expression;
use crate::packetdrill::script::call::{EpollMember, ExtendedError};
use crate::packetdrill::subject::{ControlMessage, EpollEvent, Fd};

/// The lengths of `[{..., 1000}, {..., 2000}]`.
pub(super) fn iovecs(args: Arguments<'_>, list: &Expression) -> Result<Vec<usize>, NotMade> {
    let Expression::List(list) = list else {
        return NotMade::wrong(format!("`{}` wants a list of buffers", args.call.name));
    };
    let length = |element: &Expression| match element {
        Expression::Iovec(length) => args.size(*length),
        _ => NotMade::wrong("a buffer is written `{..., 1000}`"),
    };
    list.iter().map(length).collect()
}

/// An option's value, to be set.
pub(super) fn option_value(args: Arguments<'_>, value: &Expression) -> Result<Vec<u8>, NotMade> {
    Ok(match value {
        Expression::Text(octets) | Expression::TextAnd(octets) => octets.clone(),
        Expression::Linger { onoff, linger } => {
            [low(*onoff).to_ne_bytes(), low(*linger).to_ne_bytes()].concat()
        }
        Expression::InAddr(address) => address.octets().to_vec(),
        Expression::In6Addr(address) => address.octets().to_vec(),
        Expression::List(list) => {
            let values = list.iter().map(|element| args.value(element));
            let octets = values.map(|value| value.map(|value| low(value).to_ne_bytes()));
            octets.collect::<Result<Vec<_>, _>>()?.concat()
        }
        Expression::Integer { .. } | Expression::Symbol(_) | Expression::Or(_) => {
            low(args.value(value)?).to_ne_bytes().to_vec()
        }
        _ => return NotMade::skip("a structure that no option here has"),
    })
}

/// An option's value, to be compared; none where any will do.
pub(super) fn wanted_value(args: Arguments<'_>, value: &Expression) -> Result<Option<Vec<u8>>, NotMade> {
    let any = match value {
        Expression::List(list) => list.iter().all(is_any),
        value => is_any(value),
    };
    if any { Ok(None) } else { option_value(args, value).map(Some) }
}

/// What each descriptor is asked for, and what must have happened.
pub(super) type Polls = (Vec<(Fd, i16)>, Vec<Option<i64>>);

/// `[{fd=4, events=POLLIN, revents=0}]`
pub(super) fn pollfds(args: Arguments<'_>, list: &Expression) -> Result<Polls, NotMade> {
    let Expression::List(list) = list else {
        return NotMade::wrong("`poll` wants a list of `{fd=…, events=…}`");
    };
    let (mut fds, mut wanted) = (Vec::new(), Vec::new());
    for element in list {
        let Expression::Pollfd(element) = element else {
            return NotMade::wrong("what `poll` waits for is written `{fd=…, events=…}`");
        };
        let fd = args.descriptor(args.value(&element.fd)?);
        fds.push((fd, args.value(&element.events)? as i16));
        wanted.push(args.value_or_any(&element.revents)?);
    }
    Ok((fds, wanted))
}

/// `{events=EPOLLIN, fd=4}`, and which bits of its data count.
pub(super) fn epoll_event(args: Arguments<'_>, event: &Expression) -> Result<(EpollEvent, u64), NotMade> {
    let Expression::EpollEvent(event) = event else {
        return NotMade::wrong("an event is written `{events=…, fd=…}`");
    };
    let data = args.value_or_any(&event.data)?.unwrap_or(0);
    let events = args.value_or_any(&event.events)?.unwrap_or(0);
    let mask = match event.member {
        EpollMember::Fd | EpollMember::U32 => 0xffff_ffff,
        EpollMember::Ptr | EpollMember::U64 => u64::MAX,
    };
    Ok((EpollEvent { events: low(events).cast_unsigned(), data: data.cast_unsigned() & mask }, mask))
}

/// Ancillary data that must have come; none where the line doesn't say.
pub(super) fn control(
    args: Arguments<'_>,
    list: Option<&[Expression]>,
) -> Result<Option<Vec<ControlMessage>>, NotMade> {
    let messages = list.map(|list| list.iter().map(|message| cmsg(args, message)).collect());
    messages.transpose()
}

/// `{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=1000}`
pub(super) fn cmsg(args: Arguments<'_>, message: &Expression) -> Result<ControlMessage, NotMade> {
    let Expression::Cmsg(message) = message else {
        return NotMade::wrong("ancillary data is written `{cmsg_level=…, cmsg_type=…, cmsg_data=…}`");
    };
    let data = match &message.data {
        Expression::ExtendedError(error) => extended_error(args, error)?,
        Expression::Timestamping { .. } => {
            return NotMade::skip("timestamps of packets that left are an interface of Linux");
        }
        data => option_value(args, data)?,
    };
    Ok(ControlMessage {
        level: low(args.value(&message.level)?),
        kind: low(args.value(&message.kind)?),
        data,
    })
}

/// `struct sock_extended_err`, as Linux lays it out.
fn extended_error(args: Arguments<'_>, error: &ExtendedError) -> Result<Vec<u8>, NotMade> {
    let word = |expression| args.value(expression).map(|value| low(value).to_ne_bytes());
    let octet = |expression| args.value(expression).map(|value| value as u8);
    let mut octets = word(&error.errno)?.to_vec();
    octets.extend([octet(&error.origin)?, octet(&error.kind)?, octet(&error.code)?, 0]);
    octets.extend(word(&error.info)?);
    octets.extend(word(&error.data)?);
    Ok(octets)
}
