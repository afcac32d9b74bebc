//! Mistakes that the grammar allows: names that nobody has, calls with too few arguments, code that is no Python.
//!
//! ```text
//!   text ─► parse ─► Script ─► check ─► it can be played, or is beyond a host: the player says
//!                                 └───► lissten(3, 1)      ParseError: where, and a mark under it
//!                                       ^^^^^^^
//! ```
//!
//! What somebody has, though no host here does (`splice`, `--psp_udp_port`), is no mistake: whoever plays the script skips it, and says
//! why. A word that is in none of these tables is one that was written wrongly, and must not pass for such a reason.

use super::call::{Call, Cmsg, EpollEvent, Expression, ExtendedError, Pollfd};
use super::error::{ParseError, offset};
use super::{Action, Body, Code, Icmp, Script, Setting};
use crate::packetdrill::{code, linux};
use std::ops::Range;

/// Calls that are played: the least and the most arguments that each has.
const CALLS: &[(&str, usize, usize)] = &[
    ("socket", 3, 3),
    ("bind", 3, 3),
    ("listen", 2, 2),
    ("accept", 3, 3),
    ("accept4", 4, 4),
    ("connect", 3, 3),
    ("getsockname", 3, 3),
    ("getpeername", 3, 3),
    ("read", 3, 3),
    ("readv", 3, 3),
    ("recv", 4, 4),
    ("recvfrom", 6, 6),
    ("recvmsg", 3, 3),
    ("write", 3, 3),
    ("writev", 3, 3),
    ("send", 4, 4),
    ("sendto", 6, 6),
    ("sendmsg", 3, 3),
    ("shutdown", 2, 2),
    ("close", 1, 1),
    ("fcntl", 2, 3),
    ("ioctl", 2, 3),
    ("getsockopt", 5, 5),
    ("setsockopt", 5, 5),
    ("poll", 3, 3),
    ("epoll_create", 1, 1),
    ("epoll_create1", 1, 1),
    ("epoll_ctl", 4, 4),
    ("epoll_wait", 4, 4),
];

/// Calls that systems have, and hosts here don't.
const OTHER_CALLS: &[&str] = &[
    "cap_get",
    "cap_set",
    "dup",
    "dup2",
    "dup3",
    "epoll_pwait",
    "eventfd",
    "fstat",
    "io_uring_enter",
    "mmap",
    "munmap",
    "open",
    "pipe",
    "pipe2",
    "ppoll",
    "pread",
    "preadv",
    "pselect",
    "psp_rx_assoc",
    "psp_tx_assoc",
    "pwrite",
    "pwritev",
    "recvmmsg",
    "sctp_bindx",
    "sctp_connectx",
    "sctp_recvmsg",
    "sctp_recvv",
    "sctp_send",
    "sctp_sendmsg",
    "sctp_sendv",
    "select",
    "sendfile",
    "sendmmsg",
    "socketpair",
    "splice",
    "tee",
    "unlink",
    "vmsplice",
];

/// Options that interpreters of the language know, ours among them.
const OPTIONS: &[&str] = &[
    "bind_port",
    "code_command",
    "code_format",
    "code_sockopt",
    "connect_port",
    "debug",
    "define",
    "dry_run",
    "gateway_ip",
    "init_scripts",
    "ip_version",
    "is_anyip",
    "local_ip",
    "mss",
    "mtu",
    "netmask_ip",
    "no_cleanup",
    "non_fatal",
    "persistent_tun_dev",
    "psp_udp_port",
    "remote_ip",
    "send_omit_free",
    "so_filename",
    "so_flags",
    "speed",
    "strict",
    "strict_segments",
    "tcp_ts_ecr_scaled",
    "tcp_ts_tick_usecs",
    "tolerance_percent",
    "tolerance_usecs",
    "tun_dev",
    "udp_encapsulation",
    "verbose",
    "wire_client",
    "wire_client_dev",
    "wire_server",
    "wire_server_dev",
    "wire_server_ip",
    "wire_server_port",
];

/// Says whether all names of a script, which `text` is, are somebody's, its calls have their arguments, and its code is code.
///
/// # Errors
/// The first that isn't so, and where it stands.
pub fn check(text: &str, script: &Script) -> Result<(), ParseError> {
    for line in &script.options {
        option(text, line)?;
    }
    let ends = script.events.iter().skip(1).map(|event| event.at).map(Some).chain([None]);
    for (event, next) in script.events.iter().zip(ends) {
        let start = offset(text, event.at);
        let end = next.map_or(text.len(), |next| offset(text, next)).max(start);
        let place = Place { text, span: start..end };
        match &event.action {
            Action::Call(call) => place.call(call)?,
            Action::Packet(packet) => {
                if let Body::Icmp(icmp) = &packet.body {
                    place.icmp(icmp)?;
                }
            }
            Action::Code(code) => python(text, code)?,
            Action::Command(_) => {}
        }
    }
    Ok(())
}

fn option(text: &str, line: &Setting) -> Result<(), ParseError> {
    if OPTIONS.contains(&line.name.as_str()) {
        return Ok(());
    }
    let marked = line.name.chars().count() + 2;
    Err(ParseError::at(text, line.at, marked, format!("nobody knows an option --{}", line.name)))
}

fn python(text: &str, code: &Code) -> Result<(), ParseError> {
    code::check(code).map_err(|failure| ParseError::at(text, failure.at, 0, failure.message))
}

/// The text of one event.
struct Place<'t> {
    text: &'t str,
    span: Range<usize>,
}

impl Place<'_> {
    /// An error about a word of the event; about its beginning where a definition stands for the word.
    fn wrong(&self, word: &str, message: String) -> ParseError {
        let found = words(&self.text[self.span.clone()]).find(|(_, found)| *found == word);
        let start = self.span.start + found.map_or(0, |(at, _)| at);
        let length = found.map_or(1, |(_, found)| found.len());
        ParseError::new(self.text, start..start + length, message)
    }

    fn call(&self, call: &Call) -> Result<(), ParseError> {
        let name = call.name.as_str();
        let Some((_, least, most)) = CALLS.iter().find(|(known, ..)| *known == name) else {
            if OTHER_CALLS.contains(&name) {
                return Ok(());
            }
            return Err(self.wrong(name, format!("nobody knows a call `{name}`")));
        };
        let count = call.arguments.len();
        if !(*least..=*most).contains(&count) {
            let wanted = if least == most { least.to_string() } else { format!("{least} or {most}") };
            return Err(self.wrong(name, format!("`{name}` has {count} arguments, and needs {wanted}")));
        }
        let errno = call.errno.iter().map(|errno| errno.name.as_str());
        let mut unknown = errno.filter(|name| !name.starts_with('E') || linux::number(name).is_none());
        if let Some(name) = unknown.next() {
            return Err(self.wrong(name, format!("`{name}` is the name of no error")));
        }
        let mut unknown = None;
        for argument in call.arguments.iter().chain([&call.result]) {
            symbols(argument, &mut |name| {
                if unknown.is_none() && linux::number(name).is_none() {
                    unknown = Some(name.to_owned());
                }
            });
        }
        unknown.map_or(Ok(()), |name| Err(self.wrong(&name, format!("nobody knows the name `{name}`"))))
    }

    fn icmp(&self, icmp: &Icmp) -> Result<(), ParseError> {
        let plain = Icmp { code: None, ..icmp.clone() };
        let known = |icmp: &Icmp| icmp.numbers(false).is_ok() || icmp.numbers(true).is_ok();
        match &icmp.code {
            _ if !known(&plain) => {
                Err(self.wrong(&icmp.kind, format!("ICMP has no type `{}`, of either version", icmp.kind)))
            }
            Some(code) if !known(icmp) => {
                Err(self
                    .wrong(code, format!("`{}` of ICMP has no code `{code}`, of either version", icmp.kind)))
            }
            _ => Ok(()),
        }
    }
}

/// The words of a text, and where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let of_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    text.split(move |char| !of_word(char)).map(|word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}

/// Hands over all names within an expression.
fn symbols(expression: &Expression, tell: &mut dyn FnMut(&str)) {
    use Expression as E;
    match expression {
        E::Symbol(name) => tell(name),
        E::Or(list) | E::List(list) | E::Braces(list) => list.iter().for_each(|one| symbols(one, tell)),
        E::Assign(_, value) => symbols(value, tell),
        E::Msghdr(message) => {
            [&message.name, &message.name_length, &message.flags]
                .into_iter()
                .for_each(|one| symbols(one, tell));
            message.control.iter().flatten().for_each(|one| symbols(one, tell));
        }
        E::Cmsg(cmsg) => {
            let Cmsg { level, kind, data } = &**cmsg;
            [level, kind, data].into_iter().for_each(|one| symbols(one, tell));
        }
        E::Pollfd(poll) => {
            let Pollfd { fd, events, revents } = &**poll;
            [fd, events, revents].into_iter().for_each(|one| symbols(one, tell));
        }
        E::EpollEvent(event) => {
            let EpollEvent { events, data, member: _ } = &**event;
            [events, data].into_iter().for_each(|one| symbols(one, tell));
        }
        E::ExtendedError(error) => {
            let ExtendedError { errno, origin, kind, code, info, data } = &**error;
            [errno, origin, kind, code, info, data].into_iter().for_each(|one| symbols(one, tell));
        }
        E::Ellipsis
        | E::Anything
        | E::Integer { .. }
        | E::Text(_)
        | E::TextAnd(_)
        | E::InAddr(_)
        | E::In6Addr(_)
        | E::SockAddr(_)
        | E::Iovec(_)
        | E::Linger { .. }
        | E::Timestamping { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packetdrill::script::{customary, parse};

    const SOCKET: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";

    /// What is marked, and what is said.
    fn mistake(line: &str) -> Option<(String, String)> {
        let text = format!("{SOCKET}{line}\n");
        let script = parse(&text, &customary(false, false)).unwrap_or_else(|why| panic!("{why}"));
        let error = check(&text, &script).err()?;
        let column = error.at.column as usize - 1;
        let marked = error.line.chars().skip(column).take(error.marked).collect();
        assert_eq!(error.at.line, 2, "{error}");
        Some((marked, error.message))
    }

    #[test]
    fn a_name_that_nobody_has_is_marked() {
        for (line, word) in [
            ("+0 lissten(3, 1) = 0", "lissten"),
            ("+0 setsockopt(3, SOL_SOCKET, SO_REUSEADR, [1], 4) = 0", "SO_REUSEADR"),
            ("+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR|SO_REUSE, [1], 4) = 0", "SO_REUSE"),
            ("+0 listen(3, 1) = -1 EWRONG (no such)", "EWRONG"),
            ("+0 listen(3) = 0", "listen"),
            ("+0 poll([{fd=3, events=POLLINN}], 1, 0) = 0", "POLLINN"),
            ("+0 < icmp unreachable frag_neded mtu 1200 [1:1001(1000)]", "frag_neded"),
            ("+0 < icmp foo bar", "foo"),
            ("+0 %{ assert a = 10 }%", "= 10 }%"),
        ] {
            let found = mistake(line);
            assert_eq!(found.as_ref().map(|(marked, _)| marked.as_str()), Some(word), "{line}: {found:?}");
        }
        let options = format!("--foo=2\n{SOCKET}");
        let error = check(&options, &parse(&options, &customary(false, false)).unwrap()).unwrap_err();
        assert_eq!((error.at.line, error.at.column, error.marked), (1, 1, 5));
    }

    #[test]
    fn what_somebody_has_is_no_mistake() {
        for line in [
            "+0 splice(3, 0, 4, 0, 8192, SPLICE_F_MOVE) = 8192",
            "+0 listen(3, 1) = -1 EXDEV (Invalid cross-device link)",
            "+0 getsockopt(3, SOL_SOCKET, SO_COOKIE, ..., [8]) = 0",
            "+0 < icmp packet_too_big mtu 1280 [1:1001(1000)]",
            "+0 < icmp type_77 code_3",
            "+0 %{ assert tcpi_rtt > 0 }%",
        ] {
            assert_eq!(mistake(line), None, "{line}");
        }
    }
}
