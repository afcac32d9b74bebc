//! What is said: questions of ours, and what an answer means.

use dhcproto::v4::{
    Decodable, Decoder, DhcpOption, Encodable, Encoder, Flags, Message, MessageType, OptionCode,
};
use env::Duration;
use stack::Cidr;
use std::net::Ipv4Addr;
use wire::ethernet::MacAddr;

/// The length of the fixed part before the hardware address, and of an Ethernet address in it (RFC 2131 §2).
const HARDWARE_AT: usize = 28;

/// Where the options begin: behind the fixed part and the four octets that say that there are any (RFC 2131 §3).
const OPTIONS_AT: usize = 240;

/// A lease is at least this long, whatever the server says: one of a second would be asked for without end.
const LEAST: Duration = Duration::from_secs(60);

/// What a server lends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address, and its network.
    pub address: Cidr,
    /// The first router, if one was told.
    pub router: Option<Ipv4Addr>,
    /// Name servers, the preferred first; eight at most.
    pub name_servers: Vec<Ipv4Addr>,
    /// The largest packet on the link in octets, if it was told: 576 to 65,535.
    pub mtu: Option<u16>,
    /// Who lends it.
    pub server: Ipv4Addr,
    /// For how long.
    pub duration: Duration,
    /// From when on it is to be renewed by its server, since it began (T1).
    pub renew: Duration,
    /// From when on by any server (T2).
    pub rebind: Duration,
}

/// An answer to one of our questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This may be had.
    Offer(Lease),
    /// This is ours.
    Ack(Lease),
    /// Not this.
    Nak,
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) kind: MessageType,
    pub(crate) xid: u32,
    /// Seconds since we began to ask.
    pub(crate) seconds: u16,
    pub(crate) mac: MacAddr,
    /// Our address, once it is ours.
    pub(crate) own: Option<Ipv4Addr>,
    /// The address that we would like.
    pub(crate) wanted: Option<Ipv4Addr>,
    /// Whom we mean.
    pub(crate) server: Option<Ipv4Addr>,
}

/// The octets of a question; `None` if it cannot be written.
pub(crate) fn write(question: &Question) -> Option<Vec<u8>> {
    let mut message = Message::new_with_id(
        question.xid,
        question.own.unwrap_or(Ipv4Addr::UNSPECIFIED),
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::UNSPECIFIED,
        &question.mac.octets(),
    );
    message.set_secs(question.seconds);
    if question.own.is_none() {
        // Without an address we hear only what goes to everybody (RFC 2131 §4.1).
        message.set_flags(Flags::default().set_broadcast());
    }
    let options = message.opts_mut();
    options.insert(DhcpOption::MessageType(question.kind));
    options.insert(DhcpOption::ClientIdentifier([&[1][..], &question.mac.octets()].concat()));
    if let Some(wanted) = question.wanted {
        options.insert(DhcpOption::RequestedIpAddress(wanted));
    }
    if let Some(server) = question.server {
        options.insert(DhcpOption::ServerIdentifier(server));
    }
    if matches!(question.kind, MessageType::Discover | MessageType::Request) {
        options.insert(DhcpOption::MaxMessageSize(1500));
        options.insert(DhcpOption::ParameterRequestList(vec![
            OptionCode::SubnetMask,
            OptionCode::Router,
            OptionCode::DomainNameServer,
            OptionCode::InterfaceMtu,
            OptionCode::AddressLeaseTime,
            OptionCode::Renewal,
            OptionCode::Rebinding,
        ]));
    }
    let mut octets = Vec::with_capacity(300);
    message.encode(&mut Encoder::new(&mut octets)).ok()?;
    // Some relays drop what is shorter than a message of BOOTP (RFC 1542 §2.1).
    octets.resize(octets.len().max(300), 0);
    Some(octets)
}

/// What `octets` answer to the question `xid` of `mac`, if they do.
pub(crate) fn read(octets: &[u8], xid: u32, mac: MacAddr) -> Option<Answer> {
    // Looked up here, as the reader's own accessor believes the length that the message tells.
    if octets.get(HARDWARE_AT..HARDWARE_AT + 6)? != mac.octets() {
        return None;
    }
    let message = Message::decode(&mut Decoder::new(&plain(octets)?)).ok()?;
    if message.opcode() != dhcproto::v4::Opcode::BootReply || message.xid() != xid {
        return None;
    }
    match message.opts().msg_type()? {
        MessageType::Offer => lease(&message).map(Answer::Offer),
        MessageType::Ack => lease(&message).map(Answer::Ack),
        MessageType::Nak => Some(Answer::Nak),
        _ => None,
    }
}

/// The message with those options alone that we ask for, each of the length that RFC 2132 gives it: the reader takes
/// others at their word, and some of their words end in a panic.
fn plain(octets: &[u8]) -> Option<Vec<u8>> {
    let (fixed, mut options) = octets.split_at_checked(OPTIONS_AT)?;
    let mut plain = fixed.to_vec();
    while let Some((&code, rest)) = options.split_first() {
        match OptionCode::from(code) {
            OptionCode::Pad => options = rest,
            OptionCode::End => break,
            code => {
                let (&length, rest) = rest.split_first()?;
                let (value, rest) = rest.split_at_checked(length.into())?;
                if is_sound(code, value.len()) {
                    plain.extend([code.into(), length]);
                    plain.extend(value);
                }
                options = rest;
            }
        }
    }
    plain.push(OptionCode::End.into());
    Some(plain)
}

/// Whether an option is one of ours, and `length` octets are what it takes.
fn is_sound(code: OptionCode, length: usize) -> bool {
    match code {
        OptionCode::MessageType => length == 1,
        OptionCode::InterfaceMtu => length == 2,
        OptionCode::SubnetMask
        | OptionCode::ServerIdentifier
        | OptionCode::AddressLeaseTime
        | OptionCode::Renewal
        | OptionCode::Rebinding => length == 4,
        OptionCode::Router | OptionCode::DomainNameServer => length > 0 && length.is_multiple_of(4),
        _ => false,
    }
}

fn lease(message: &Message) -> Option<Lease> {
    let options = message.opts();
    let seconds = |code| match options.get(code) {
        Some(
            DhcpOption::AddressLeaseTime(seconds)
            | DhcpOption::Renewal(seconds)
            | DhcpOption::Rebinding(seconds),
        ) => Some(Duration::from_secs((*seconds).into())),
        _ => None,
    };
    let Some(DhcpOption::ServerIdentifier(server)) = options.get(OptionCode::ServerIdentifier) else {
        return None;
    };
    let prefix = match options.get(OptionCode::SubnetMask) {
        Some(DhcpOption::SubnetMask(mask)) => prefix(*mask)?,
        _ => natural_prefix(message.yiaddr()),
    };
    let duration = seconds(OptionCode::AddressLeaseTime)?.max(LEAST);
    let (half, most) = (duration / 2, duration / 8 * 7);
    // RFC 2131 §4.4.5: T1 before T2 before the end; otherwise they are ours to choose.
    let renew = seconds(OptionCode::Renewal).filter(|t1| (LEAST / 2..most).contains(t1)).unwrap_or(half);
    let rebind = seconds(OptionCode::Rebinding).filter(|t2| (renew..duration).contains(t2)).unwrap_or(most);
    Some(Lease {
        address: Cidr::new(message.yiaddr().into(), prefix)?,
        router: match options.get(OptionCode::Router) {
            Some(DhcpOption::Router(routers)) => routers.first().copied(),
            _ => None,
        },
        name_servers: match options.get(OptionCode::DomainNameServer) {
            Some(DhcpOption::DomainNameServer(servers)) => servers.iter().copied().take(8).collect(),
            _ => Vec::new(),
        },
        mtu: match options.get(OptionCode::InterfaceMtu) {
            Some(DhcpOption::InterfaceMtu(mtu)) if *mtu >= 576 => Some(*mtu),
            _ => None,
        },
        server: *server,
        duration,
        renew,
        rebind,
    })
}

/// How many ones a mask begins with; `None` when others follow after a zero.
fn prefix(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    let ones = bits.leading_ones();
    (bits.count_ones() == ones).then_some(ones as u8)
}

/// What the network of an address was before there were masks: what RFC 2132 §3.3 leaves to guess.
fn natural_prefix(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAC: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);

    fn offer() -> Vec<u8> {
        let (us, server) = (Ipv4Addr::new(10, 0, 0, 9), Ipv4Addr::new(10, 0, 0, 1));
        let zero = Ipv4Addr::UNSPECIFIED;
        let mut message = Message::new_with_id(5, zero, us, server, zero, &MAC.octets());
        message.set_opcode(dhcproto::v4::Opcode::BootReply);
        for option in [
            DhcpOption::MessageType(MessageType::Offer),
            DhcpOption::ServerIdentifier(server),
            DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 252, 0)),
            DhcpOption::Router(vec![server]),
            DhcpOption::DomainNameServer(vec![server; 20]),
            DhcpOption::AddressLeaseTime(8000),
            DhcpOption::InterfaceMtu(1400),
        ] {
            message.opts_mut().insert(option);
        }
        message.to_vec().unwrap()
    }

    #[test]
    fn an_offer_is_understood() {
        let Some(Answer::Offer(lease)) = read(&offer(), 5, MAC) else { panic!() };
        assert_eq!(lease.address, "10.0.0.9/22".parse().unwrap());
        assert_eq!((lease.mtu, lease.name_servers.len()), (Some(1400), 8));
        let seconds = [lease.duration, lease.renew, lease.rebind].map(|t| t.as_secs());
        assert_eq!(seconds, [8000, 4000, 7000]);
        assert_eq!(read(&offer(), 6, MAC), None, "somebody else's question");
        assert_eq!(read(&offer(), 5, MacAddr::new([2, 0, 0, 0, 0, 2])), None);
    }

    /// Each code with each length: what nobody asked for changes nothing, and nothing panics.
    #[test]
    fn options_that_lie_about_their_length_are_passed_over() {
        let whole = offer();
        let end = whole.iter().rposition(|&octet| octet == 255).unwrap();
        for code in 1..255_u8 {
            for length in 0..20_u8 {
                let mut octets = whole[..end].to_vec();
                octets.extend([code, length]);
                octets.resize(octets.len() + usize::from(length), 0);
                octets.push(255);
                let answer = read(&octets, 5, MAC);
                if !is_sound(code.into(), length.into()) {
                    assert_eq!(answer, read(&whole, 5, MAC), "option {code} of {length} octets");
                }
                octets.truncate(end + 1);
                assert_eq!(read(&octets, 5, MAC), None, "option {code} without a length");
            }
        }
    }

    #[test]
    fn a_question_is_no_answer() {
        let question = Question {
            kind: MessageType::Request,
            xid: 5,
            seconds: 3,
            mac: MAC,
            own: None,
            wanted: Some(Ipv4Addr::new(10, 0, 0, 9)),
            server: Some(Ipv4Addr::new(10, 0, 0, 1)),
        };
        let octets = write(&question).unwrap();
        assert!(octets.len() >= 300);
        assert_eq!(octets[10] & 0x80, 0x80, "answer to everybody");
        assert_eq!(read(&octets, 5, MAC), None);
        let renewal = Question { own: question.wanted, wanted: None, server: None, ..question };
        assert_eq!(write(&renewal).unwrap()[10] & 0x80, 0);
    }

    #[test]
    fn a_mask_with_holes_is_none() {
        assert_eq!(prefix(Ipv4Addr::new(255, 255, 0, 0)), Some(16));
        assert_eq!(prefix(Ipv4Addr::new(255, 0, 255, 0)), None);
        assert_eq!(natural_prefix(Ipv4Addr::new(192, 168, 0, 1)), 24);
    }

    proptest! {
        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&octets, 5, MAC);
        }

        #[test]
        fn no_change_to_an_offer_panics(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut octets = offer();
            for (at, value) in changes {
                let at = at.index(octets.len());
                octets[at] = value;
            }
            octets.truncate(cut.index(octets.len()) + 1);
            if let Some(Answer::Offer(lease) | Answer::Ack(lease)) = read(&octets, 5, MAC) {
                prop_assert!(lease.renew <= lease.rebind && lease.rebind <= lease.duration);
            }
        }
    }
}
