//! Scripts out of nothing: each is one that the language can say.

use env::Duration;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sim::packetdrill::script::*;
use std::net::SocketAddr;

/// A script whose positions say nothing.
pub(crate) fn script() -> impl Strategy<Value = Script> {
    let events = vec(event(), 0..6);
    (vec(setting(), 0..3), option::of(command()), command(), events, option::of(command())).prop_map(
        |(options, init, first, events, cleanup)| {
            let at = Position::default();
            let first = Event { at, time: Time::Absolute(Duration::ZERO), action: Action::Command(first) };
            let events = std::iter::once(first).chain(events).collect();
            Script { options, init, events, cleanup }
        },
    )
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z_][a-zA-Z0-9_]{0,8}".prop_filter("a word of the language", |name| {
        !["mtu", "id", "inet_addr", "inet6_addr", "flags"].contains(&&**name)
    })
}

fn setting() -> impl Strategy<Value = Setting> {
    let value = prop_oneof![
        "[!#-_a-z{-~]{1,12}",
        "([a-z ]|\\\\\"|=|`|/|#){0,8}",
        "[A-Z]{1,4}=\"[a-z` ]{0,4}\"",
        "[A-Z]{1,4}=`[a-z\" ]{0,4}`"
    ];
    let name = name().prop_filter("what is defined is replaced", |name| name != "define");
    (name, option::of(value)).prop_map(|(name, value)| Setting { at: Position::default(), name, value })
}

fn command() -> impl Strategy<Value = Command> {
    "([ -Z^_a-~\n]|\\\\`){0,12}[ a-z]".prop_map(|text| Command { at: Position::default(), text })
}

fn code() -> impl Strategy<Value = Code> {
    "[ -|~\n]{0,20}".prop_map(|text| Code { at: Position::default(), text })
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..5_000_u64).prop_map(Duration::from_millis),
        (0..5_000_000_000_u64).prop_map(Duration::from_nanos)
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let relative = || time().prop_map(Time::Relative);
    let others = prop_oneof![
        command().prop_map(Action::Command),
        code().prop_map(Action::Code),
        call().prop_map(Action::Call)
    ];
    let blocking = (time(), time(), call()).prop_map(|(from, more, call)| {
        let until = Some(from + more);
        (Time::Relative(from), Action::Call(Call { until, ..call }))
    });
    let loose = prop_oneof![
        Just(Time::Any),
        (time(), time()).prop_map(|(from, more)| Time::RelativeRange(from, from + more)),
        (time(), time()).prop_map(|(from, more)| Time::AbsoluteRange(from, from + more)).no_shrink(),
        relative(),
    ];
    let packets = (loose, packet()).prop_map(|(time, packet)| {
        let time = match (packet.direction, time) {
            // Absolute times must not go back, which one event alone can't see to.
            (_, Time::AbsoluteRange(..)) | (Direction::Inbound, _) => Time::Relative(Duration::ZERO),
            _ => time,
        };
        (time, Action::Packet(packet))
    });
    let timed = prop_oneof![(relative(), others), blocking, packets];
    timed.prop_map(|(time, action)| Event { at: Position::default(), time, action })
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Inbound), Just(Direction::Outbound)]
}

fn ip() -> impl Strategy<Value = Ip> {
    let ecn = prop::sample::select(vec![Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce]);
    let tos = prop_oneof![Just(Tos::Unchecked), ecn.prop_map(Tos::Ecn), any::<u8>().prop_map(Tos::Octet)];
    (tos, option::of(0..0x10_0000_u32), option::of(any::<u8>())).prop_map(|(tos, flow_label, ttl)| Ip {
        tos,
        flow_label,
        ttl,
        ..Ip::default()
    })
}

fn outer() -> impl Strategy<Value = Outer> {
    prop_oneof![
        (ip(), any::<[u8; 4]>(), any::<[u8; 4]>()).prop_map(|(ip, src, dst)| Outer::Ipv4 {
            ip,
            src: src.into(),
            dst: dst.into()
        }),
        (ip(), any::<[u16; 8]>(), vec(prop_oneof![Just(0), any::<u16>()], 8)).prop_map(|(ip, src, dst)| {
            let dst: [u16; 8] = dst.try_into().unwrap_or_default();
            Outer::Ipv6 { ip, src: src.into(), dst: dst.into() }
        }),
        "([a-z,]([a-z0-9 ,]{0,8}[a-z0-9])?)?".prop_map(Outer::Gre),
        Just(Outer::Mpls("(label 1, tc 2, ttl 3)".to_owned())),
    ]
}

fn packet() -> impl Strategy<Value = Packet> {
    let psp = option::of(any::<u32>().prop_map(|spi| Outer::Psp { spi }));
    (direction(), vec(outer(), 0..2), psp, ip(), option::of(any::<(u16, u16)>()), body(), any::<u8>())
        .prop_map(|(direction, mut outer, psp, mut ip, ports, body, fill)| {
            outer.extend(psp);
            if direction == Direction::Outbound && fill.is_multiple_of(8) {
                ip.tos = Tos::AnyEct;
            }
            let (mut ports, mut body) = (ports, body);
            match &mut body {
                Body::Tcp(tcp) if direction == Direction::Inbound => {
                    tcp.window = tcp.window.or(Some(0));
                    ip.bad_sum = fill.is_multiple_of(3);
                    let part =
                        Fragment { from: u16::from(fill) * 8, to: u16::from(fill) * 8 + 1, id: tcp.seq };
                    ip.fragment = fill.is_multiple_of(5).then_some(part);
                    if tcp.options == Options::Any {
                        tcp.options = Options::default();
                    }
                }
                Body::Icmp(_) => ports = None,
                Body::Tcp(_) | Body::Udp(_) => {}
            }
            let mut packet = Packet { direction, outer, ip, ports, body, payload: None };
            if packet.payload_len() < 64 && fill.is_multiple_of(2) {
                packet.payload = Some(vec![fill; packet.payload_len()]);
            }
            packet
        })
}

fn body() -> impl Strategy<Value = Body> {
    let quoted = prop_oneof![
        Just(Quoted::Unsaid),
        (any::<u32>(), any::<u16>()).prop_map(|(seq, len)| Quoted::Tcp { seq, len }),
        any::<u16>().prop_map(|len| Quoted::Udp { len }),
        any::<u16>().prop_map(|len| Quoted::Raw { len }),
    ];
    let icmp = (name(), option::of(name()), option::of(any::<u32>()), option::of(any::<u16>()), quoted)
        .prop_map(|(kind, code, mtu, id, quoted)| Icmp { kind, code, mtu, id, quoted });
    prop_oneof![
        3 => tcp().prop_map(Body::Tcp),
        1 => any::<u16>().prop_map(|len| Body::Udp(Udp { len })),
        1 => icmp.prop_map(Body::Icmp),
    ]
}

fn tcp() -> impl Strategy<Value = Tcp> {
    let flags = any::<(bool, bool, bool, bool, bool, bool, bool, bool, bool)>();
    let flags = flags.prop_map(|(fin, syn, rst, psh, ack, urg, ece, cwr, ae)| Flags {
        fin,
        syn,
        rst,
        psh,
        ack,
        urg,
        ece,
        cwr,
        ae,
    });
    let len = prop_oneof![0..70_u16, any::<u16>()];
    let options = prop_oneof![
        1 => Just(Options::Any),
        4 => vec(tcp_option(), 0..4).prop_map(fitted),
    ];
    let numbers =
        (any::<u32>(), len, option::of(any::<u32>()), option::of(any::<u16>()), option::of(any::<u16>()));
    (flags, numbers, options).prop_map(|(flags, (seq, len, ack, window, urgent), options)| Tcp {
        flags,
        seq,
        len,
        ack,
        window,
        urgent,
        options,
    })
}

/// As many options as a header has room for, its words filled up.
fn fitted(mut list: Vec<TcpOption>) -> Options {
    let taken = |list: &[TcpOption]| list.iter().map(TcpOption::octets).sum::<usize>();
    while taken(&list) > 40 {
        list.pop();
    }
    while !taken(&list).is_multiple_of(4) {
        list.push(TcpOption::Nop);
    }
    Options::Exactly(list)
}

fn tcp_option() -> impl Strategy<Value = TcpOption> {
    let octets = || vec(any::<u8>(), 0..18);
    prop_oneof![
        Just(TcpOption::EndOfList),
        Just(TcpOption::Nop),
        any::<u16>().prop_map(TcpOption::Mss),
        any::<u8>().prop_map(TcpOption::WindowScale),
        Just(TcpOption::SackPermitted),
        vec(any::<(u32, u32)>(), 1..4).prop_map(TcpOption::Sack),
        any::<(u32, u32)>().prop_map(|(value, echo)| TcpOption::Timestamps { value, echo }),
        octets().prop_map(TcpOption::Md5),
        octets().prop_map(TcpOption::FastOpen),
        octets().prop_map(TcpOption::FastOpenExperimental),
        (any::<bool>(), vec(0..0x100_0000_u32, 1..4))
            .prop_map(|(ect1_first, counters)| TcpOption::AccEcn { ect1_first, counters }),
        (any::<u8>(), option::of(any::<u8>()), octets()).prop_map(|(kind, len, data)| TcpOption::Other {
            kind,
            len,
            data
        }),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let note = || "([a-zA-Z']([a-zA-Z ,|]{0,10}[a-z])?)?";
    let errno = (name(), note()).prop_map(|(name, note)| Errno { name, note });
    let said = prop_oneof![
        Just((None, None)),
        errno.prop_map(|errno| (Some(errno), None)),
        note().prop_map(|note| (None, Some(note))),
    ];
    (name(), vec(expression(), 0..4), expression(), said).prop_map(
        |(name, arguments, result, (errno, note))| Call { name, arguments, result, errno, note, until: None },
    )
}

fn integer() -> impl Strategy<Value = Expression> {
    (prop_oneof![-9..99_i64, any::<i64>()], any::<bool>())
        .prop_map(|(value, hex)| Expression::Integer { value, hex })
}

fn address() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        any::<([u8; 4], u16)>().prop_map(|(address, port)| SocketAddr::from((address, port))),
        any::<([u16; 8], u16)>().prop_map(|(address, port)| SocketAddr::from((address, port))),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    use Expression as E;
    let leaf = prop_oneof![
        Just(E::Ellipsis),
        Just(E::Anything),
        integer(),
        name().prop_map(E::Symbol),
        vec(any::<u8>(), 0..9).prop_map(E::Text),
        vec(any::<u8>(), 0..9).prop_map(E::TextAnd),
        any::<[u8; 4]>().prop_map(|octets| E::InAddr(octets.into())),
        any::<[u16; 8]>().prop_map(|groups| E::In6Addr(groups.into())),
        address().prop_map(E::SockAddr),
        any::<i64>().prop_map(E::Iovec),
        any::<(i64, i64)>().prop_map(|(onoff, linger)| E::Linger { onoff, linger }),
        any::<(i64, i64)>().prop_map(|(sec, nsec)| E::Timestamping { sec, nsec }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let flags = vec(prop_oneof![name().prop_map(E::Symbol), integer()], 2..4).prop_map(E::Or);
        let one = || prop_oneof![inner.clone(), flags.clone()];
        let members =
            prop::sample::select(vec![EpollMember::Fd, EpollMember::Ptr, EpollMember::U32, EpollMember::U64]);
        prop_oneof![
            flags.clone(),
            vec(one(), 0..3).prop_map(E::List),
            // Two values may be a buffer of a vector.
            vec(one(), 3..5).prop_map(E::Braces),
            (vec(any::<i64>(), 0..3), one(), option::of(vec(one(), 0..2))).prop_map(
                |(iov, flags, control)| {
                    let any = || E::Ellipsis;
                    E::Msghdr(Box::new(Msghdr { name: any(), name_length: any(), iov, flags, control }))
                }
            ),
            (one(), one(), one()).prop_map(|(level, kind, data)| E::Cmsg(Box::new(Cmsg {
                level,
                kind,
                data
            }))),
            (one(), one(), one()).prop_map(|(fd, events, revents)| E::Pollfd(Box::new(Pollfd {
                fd,
                events,
                revents
            }))),
            (one(), members, one()).prop_map(|(events, member, data)| E::EpollEvent(Box::new(EpollEvent {
                events,
                member,
                data
            }))),
            (one(), one(), one(), one(), one(), one()).prop_map(|(errno, origin, kind, code, info, data)| {
                E::ExtendedError(Box::new(ExtendedError { errno, origin, kind, code, info, data }))
            }),
            (name(), one()).prop_map(|(name, value)| E::Assign(name, Box::new(value))),
        ]
    })
}
