//! Arguments of a call, one by one: how many there are, and what each must be.

use super::{Descriptors, Name, NotMade, is_any};
use crate::packetdrill::linux;
use crate::packetdrill::play::rules::Settings;
use crate::packetdrill::script::{Call, Expression};
use crate::packetdrill::subject::{Fd, IpVersion};
use env::Duration;
use std::net::SocketAddr;

/// A buffer of a script is no larger: what a script says shall not make us run out of memory.
const LARGEST: i64 = 64 << 20;

/// The arguments of one call.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    pub(super) call: &'a Call,
    pub(super) settings: &'a Settings,
    pub(super) fds: &'a Descriptors,
}

impl<'a> Arguments<'a> {
    /// That there are so many arguments.
    pub(super) fn count(self, least: usize, most: usize) -> Result<(), NotMade> {
        let count = self.call.arguments.len();
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let wanted = if least == most { least.to_string() } else { format!("{least} or {most}") };
        NotMade::wrong(format!("`{}` has {count} arguments, and needs {wanted}", self.call.name))
    }

    /// The argument at an index.
    pub(super) fn at(self, index: usize) -> Result<&'a Expression, NotMade> {
        match self.call.arguments.get(index) {
            Some(argument) => Ok(argument),
            None => NotMade::wrong(format!("`{}` has no argument {}", self.call.name, index + 1)),
        }
    }

    /// What a number is.
    pub(super) fn value(self, expression: &Expression) -> Result<i64, NotMade> {
        let mut unknown = None;
        if let Some(value) = expression.evaluate(&linux::number) {
            return Ok(value);
        }
        name_in(expression, &mut |name| {
            if unknown.is_none() && linux::number(name).is_none() {
                unknown = Some(name.to_owned());
            }
        });
        match unknown {
            Some(name) => NotMade::skip(format!("`{name}` is no number known here")),
            None => NotMade::wrong(format!("`{}` wants a number", self.call.name)),
        }
    }

    /// A number; `...` where any will do is none.
    pub(super) fn value_or_any(self, expression: &Expression) -> Result<Option<i64>, NotMade> {
        if is_any(expression) { Ok(None) } else { self.value(expression).map(Some) }
    }

    /// A number at an index.
    pub(super) fn number(self, index: usize) -> Result<i64, NotMade> {
        self.value(self.at(index)?)
    }

    /// A number of 32 bits at an index, read as C does.
    pub(super) fn int(self, index: usize) -> Result<i32, NotMade> {
        self.number(index).map(low)
    }

    /// A list's one number.
    pub(super) fn bracketed(self, expression: &Expression) -> Result<Option<i64>, NotMade> {
        match expression {
            Expression::List(list) => match list.as_slice() {
                [one] => self.value_or_any(one),
                _ => NotMade::wrong("one number in brackets is wanted"),
            },
            other => self.value_or_any(other),
        }
    }

    /// The subject's name for a descriptor of the script: one that it doesn't have gives one that nobody has.
    pub(super) fn fd(self, index: usize) -> Result<Fd, NotMade> {
        Ok(self.descriptor(self.number(index)?))
    }

    /// The same for a number.
    pub(super) fn descriptor(self, number: i64) -> Fd {
        self.fds.get(&number).copied().unwrap_or(Fd(-1))
    }

    /// A length in octets at an index.
    pub(super) fn length(self, index: usize) -> Result<usize, NotMade> {
        self.size(self.number(index)?)
    }

    /// A length in octets.
    pub(super) fn size(self, length: i64) -> Result<usize, NotMade> {
        let fits = usize::try_from(length).ok().filter(|_| length <= LARGEST);
        fits.map_or_else(|| NotMade::wrong(format!("{length} is no length of a buffer")), Ok)
    }

    /// Milliseconds to wait; none is for ever.
    pub(super) fn timeout(self, index: usize) -> Result<Option<Duration>, NotMade> {
        Ok(u64::try_from(self.number(index)?).ok().map(Duration::from_millis))
    }

    /// Whether a pointer is `NULL`.
    pub(super) fn is_null(self, index: usize) -> Result<bool, NotMade> {
        self.at(index).map(is_null)
    }

    /// An address; `...` is `otherwise`, and a family without an address is none.
    fn address(self, index: usize, otherwise: SocketAddr) -> Result<Option<SocketAddr>, NotMade> {
        match self.at(index)? {
            Expression::Ellipsis => Ok(Some(otherwise)),
            Expression::SockAddr(address) => {
                Ok(Some(self.settings.socket_address(address.ip(), address.port())))
            }
            other => match self.value(other)? {
                linux::AF_UNSPEC => Ok(None),
                family => NotMade::skip(format!("addresses of family {family} are not spoken here")),
            },
        }
    }
}

impl Arguments<'_> {
    /// An address that a call is given, and the length that goes with it: a script can't lie about that.
    pub(super) fn given(self, index: usize, otherwise: SocketAddr) -> Result<Option<SocketAddr>, NotMade> {
        let address = self.address(index, otherwise)?;
        let said = match self.call.arguments.get(index + 1) {
            Some(said) => self.value_or_any(said)?,
            None => None,
        };
        match (said, &address) {
            (Some(said), Some(address)) if self.octets(said) != length_of(address) => {
                NotMade::skip(format!("an address is handed over whole, and not with a length of {said}"))
            }
            _ => Ok(address),
        }
    }

    /// An address that a call must write, and its length in the argument behind it.
    pub(super) fn name(self, index: usize) -> Result<Name, NotMade> {
        let length = match self.at(index + 1)? {
            null if is_null(null) => None,
            length => self.bracketed(length)?.map(|said| self.octets(said)),
        };
        Ok(Name { address: self.expected(self.at(index)?)?, length })
    }

    /// The same of an address alone.
    pub(super) fn expected(self, address: &Expression) -> Result<Option<SocketAddr>, NotMade> {
        match address {
            any if is_any(any) || is_null(any) => Ok(None),
            Expression::SockAddr(address) => {
                let shown = self.settings.socket_address(address.ip(), address.port());
                if shown.is_ipv6() != (self.settings.version != IpVersion::V4) {
                    return NotMade::skip(format!("it is for hosts with the address {}", address.ip()));
                }
                Ok(Some(shown))
            }
            _ => NotMade::wrong(format!("`{}` writes a socket address, `...` or NULL", self.call.name)),
        }
    }

    /// The length of an address that a script says: one of IPv4 is that of IPv6 where sockets are.
    pub(super) fn octets(self, said: i64) -> i64 {
        if self.settings.version != IpVersion::V4 && said == SOCKADDR_IN { SOCKADDR_IN6 } else { said }
    }

    /// How many buffers a call says that it has: as many as it lists.
    pub(super) fn buffers(self, index: usize, listed: usize) -> Result<(), NotMade> {
        if usize::try_from(self.number(index)?) == Ok(listed) {
            return Ok(());
        }
        NotMade::wrong(format!("`{}` says another number of buffers than it lists", self.call.name))
    }
}

/// Octets of `struct sockaddr_in`, and of `struct sockaddr_in6`.
const SOCKADDR_IN: i64 = 16;
const SOCKADDR_IN6: i64 = 28;

/// How many octets an address takes.
pub(super) const fn length_of(address: &SocketAddr) -> i64 {
    if address.is_ipv4() { SOCKADDR_IN } else { SOCKADDR_IN6 }
}

fn is_null(expression: &Expression) -> bool {
    match expression {
        Expression::Symbol(name) => name == "NULL",
        Expression::Integer { value, .. } => *value == 0,
        _ => false,
    }
}

/// C's `int` of a number.
pub(super) const fn low(number: i64) -> i32 {
    number as i32
}

fn name_in(expression: &Expression, tell: &mut dyn FnMut(&str)) {
    match expression {
        Expression::Symbol(name) => tell(name),
        Expression::Or(parts) => parts.iter().for_each(|part| name_in(part, tell)),
        _ => {}
    }
}
