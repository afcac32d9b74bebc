//! What came of a call, against what must.

use super::arguments::length_of;
use super::{Name, Wanted, Writes};
use crate::packetdrill::linux;
use crate::packetdrill::report::Difference;
use crate::packetdrill::subject::{ControlMessage, EpollEvent, Out, Returned};
use std::net::SocketAddr;

/// What differs.
///
/// `address` is what the call wrote, as the script would call it.
pub(in crate::packetdrill::play) fn judge(
    wanted: &Wanted,
    returned: &Returned,
    address: Option<SocketAddr>,
) -> Vec<Difference> {
    let result: Vec<_> = result(wanted, returned).into_iter().collect();
    if !result.is_empty() {
        return result;
    }
    // What a call that failed left in its arguments says nothing.
    if returned.result.is_err() {
        return Vec::new();
    }
    let mut found = writes(&wanted.writes, &returned.out);
    found.extend(name(wanted.name, address));
    found
}

/// Address and length; a socket that knows no address writes none, and says that it has no octets.
fn name(wanted: Name, has: Option<SocketAddr>) -> impl Iterator<Item = Difference> {
    let same =
        |wanted: SocketAddr| has.is_some_and(|has| (has.ip(), has.port()) == (wanted.ip(), wanted.port()));
    let told = || has.map_or_else(|| "none".to_owned(), |has| has.to_string());
    let address = wanted.address.filter(|&wanted| !same(wanted));
    let address = address.map(|wanted| difference("address", wanted.to_string(), told()));
    let length = wanted.length.and_then(|wanted| {
        Difference::between("length of the address", wanted, has.as_ref().map_or(0, length_of))
    });
    address.into_iter().chain(length)
}

fn result(wanted: &Wanted, returned: &Returned) -> Option<Difference> {
    let told = match returned.result {
        Ok(value) => value.to_string(),
        Err(errno) => format!("-1 {errno}"),
    };
    let expected = match (wanted.result?, &wanted.errno) {
        (result, Some(errno)) => format!("{result} {errno}"),
        (result, None) => result.to_string(),
    };
    let right = match returned.result {
        Ok(value) if wanted.descriptor => wanted.result >= Some(0) && value >= 0,
        Ok(value) => wanted.result == Some(value),
        Err(errno) => {
            let named = wanted.errno.as_deref().and_then(linux::number);
            wanted.result == Some(-1) && named.is_none_or(|number| number == i64::from(errno.0))
        }
    };
    (!right).then_some(Difference { field: "result", expected, actual: told })
}

fn writes(wanted: &Writes, out: &Out) -> Vec<Difference> {
    let mut found = Vec::new();
    match wanted {
        Writes::Nothing => {}
        Writes::Data { octets, more } => {
            let same = if *more { out.data.starts_with(octets) } else { out.data == *octets };
            if !same {
                found.push(difference("data", quoted(octets), quoted(&out.data)));
            }
        }
        Writes::Value { value, length } => {
            if let Some(length) = length {
                found.extend(Difference::between("length", *length, out.value.len() as i64));
            }
            if let Some(value) = value
                && *value != out.value
            {
                found.push(difference("value", memory(value), memory(&out.value)));
            }
        }
        Writes::Message { flags, control } => {
            if let Some(flags) = flags {
                let name = |flags| linux::bits(flags, "MSG_");
                found.extend(Difference::between("msg_flags", name(*flags), name(i64::from(out.flags))));
            }
            if let Some(control) = control {
                found.extend(ancillary(control, &out.control));
            }
        }
        Writes::Polled(wanted) => {
            for (wanted, &has) in wanted.iter().zip(&out.polled) {
                if let Some(wanted) = wanted {
                    let name = |bits| linux::bits(bits, "POLL");
                    found.extend(Difference::between("revents", name(*wanted), name(i64::from(has))));
                }
            }
        }
        Writes::Ready { events, data, mask } => {
            let has = out.ready.first().copied().unwrap_or_else(EpollEvent::default);
            if let Some(events) = events {
                let name = |bits| linux::bits(bits, "EPOLL");
                found.extend(Difference::between("events", name(*events), name(i64::from(has.events))));
            }
            if let Some(data) = data {
                found.extend(Difference::between("data of the event", *data, has.data & mask));
            }
        }
    }
    found
}

fn difference(field: &'static str, expected: String, actual: String) -> Difference {
    Difference { field, expected, actual }
}

/// Each message has the octets that are wanted, and perhaps more behind them.
fn ancillary(wanted: &[ControlMessage], has: &[ControlMessage]) -> Option<Difference> {
    let same = |(wanted, has): (&ControlMessage, &ControlMessage)| {
        (wanted.level, wanted.kind) == (has.level, has.kind) && has.data.starts_with(&wanted.data)
    };
    let right = wanted.len() == has.len() && wanted.iter().zip(has).all(same);
    let told = |list: &[ControlMessage]| {
        let each =
            list.iter().map(|one| format!("level {} type {} {}", one.level, one.kind, memory(&one.data)));
        format!("[{}]", each.collect::<Vec<_>>().join(", "))
    };
    (!right).then(|| difference("msg_control", told(wanted), told(has)))
}

/// An integer where it is one, else octets.
fn memory(octets: &[u8]) -> String {
    match *octets {
        [a, b, c, d] => i32::from_ne_bytes([a, b, c, d]).to_string(),
        _ => quoted(octets),
    }
}

/// Octets as a string; of long ones the beginning.
fn quoted(octets: &[u8]) -> String {
    const SHOWN: usize = 64;
    let shown = octets.get(..SHOWN).unwrap_or(octets);
    let more = if octets.len() > SHOWN { "…" } else { "" };
    format!("\"{}\"{more}", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packetdrill::subject::Errno;

    fn wanted(result: i64, errno: Option<&str>) -> Wanted {
        Wanted { result: Some(result), errno: errno.map(str::to_owned), ..Wanted::default() }
    }

    #[test]
    fn a_result_is_compared_and_so_is_its_error() {
        let judge = |wanted: &Wanted, returned: &Returned| super::judge(wanted, returned, None);
        let again = Returned::error(Errno(11));
        assert_eq!(judge(&wanted(-1, Some("EAGAIN")), &again), []);
        assert_eq!(judge(&wanted(-1, None), &again), []);
        let differs = |wanted: &Wanted, returned: &Returned| {
            judge(wanted, returned)
                .into_iter()
                .map(|found| (found.expected, found.actual))
                .collect::<Vec<_>>()
        };
        let pipe = differs(&wanted(-1, Some("EPIPE")), &again);
        assert_eq!(pipe, [("-1 EPIPE".to_owned(), "-1 EAGAIN".to_owned())]);
        let short = differs(&wanted(1000, None), &Returned::value(999));
        assert_eq!(short, [("1000".to_owned(), "999".to_owned())]);
        assert_eq!(differs(&wanted(0, None), &again), [("0".to_owned(), "-1 EAGAIN".to_owned())]);
    }

    #[test]
    fn a_descriptor_has_any_number() {
        let judge = |wanted: &Wanted, returned: &Returned| super::judge(wanted, returned, None);
        let wanted = Wanted { descriptor: true, ..wanted(3, None) };
        assert_eq!(judge(&wanted, &Returned::value(77)), []);
        assert_eq!(judge(&wanted, &Returned::error(Errno(11))).len(), 1);
        let refused = Wanted { result: Some(-1), ..wanted };
        assert_eq!(judge(&refused, &Returned::value(77)).len(), 1);
    }

    #[test]
    fn values_are_compared_with_their_lengths() {
        let judge = |wanted: &Wanted, returned: &Returned| super::judge(wanted, returned, None);
        let value = Some(1100i32.to_ne_bytes().to_vec());
        let writes = Writes::Value { value, length: Some(4) };
        let wanted = Wanted { result: Some(0), writes, ..Wanted::default() };
        let returned = |value: Vec<u8>| Returned { result: Ok(0), out: Out { value, ..Out::default() } };
        assert_eq!(judge(&wanted, &returned(1100i32.to_ne_bytes().to_vec())), []);
        let found = judge(&wanted, &returned(1460i32.to_ne_bytes().to_vec()));
        assert_eq!(found, [difference("value", "1100".into(), "1460".into())]);
        assert_eq!(judge(&wanted, &returned(vec![1])).len(), 2);
    }

    #[test]
    fn addresses_are_compared_with_their_lengths() {
        let at = |text: &str| Some(text.parse::<SocketAddr>().unwrap());
        let found = |address, length, has| {
            let wanted = Wanted { name: Name { address, length }, ..wanted(0, None) };
            judge(&wanted, &Returned::value(0), has).into_iter().map(|found| found.field).collect::<Vec<_>>()
        };
        assert_eq!(found(at("192.0.2.1:80"), Some(16), at("192.0.2.1:80")), [""; 0]);
        assert_eq!(found(None, None, at("192.0.2.1:80")), [""; 0]);
        assert_eq!(
            found(at("192.0.2.1:81"), Some(28), at("192.0.2.1:80")),
            ["address", "length of the address"]
        );
        assert_eq!(found(at("[::ffff:192.0.2.1]:80"), None, at("192.0.2.1:80")), ["address"]);
        assert_eq!(found(None, Some(0), None), [""; 0]);
        assert_eq!(found(at("192.0.2.1:80"), Some(16), None).len(), 2);
    }
}
