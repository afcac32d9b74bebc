//! What scripts come to, and what is said of what is none.

use super::super::*;
use env::Duration;
use std::collections::BTreeMap;

fn read(text: &str) -> Result<Script, ParseError> {
    parse(text, &customary(false, false))
}

/// The action of a script of one event after another one, at the time given.
fn event(line: &str) -> Event {
    let script =
        read(&format!("0 `true`\n{line}")).unwrap_or_else(|error| panic!("{}", error.in_file("test")));
    script.events[1].clone()
}

fn packet(line: &str) -> Packet {
    match event(&format!("+0 {line}")).action {
        Action::Packet(packet) => packet,
        other => panic!("{other:?}"),
    }
}

fn call(line: &str) -> Call {
    match event(&format!("+0 {line}")).action {
        Action::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

/// What is said of a script that is none: everything behind the file's name.
fn refused(text: &str) -> String {
    let error = read(text).expect_err(text);
    error.in_file("x").to_string()
}

#[test]
fn a_script_has_settings_commands_and_events() {
    let text = "// A script.\n--mss=1000 // of the peer\n--define=CC=\"reno\"\n--strict_segments\n\n`./defaults.sh\nsysctl -q a=1`\n\
                0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3 # a socket\n/* then\nnothing */ +.1 %{ assert True }%\n`cleanup`";
    let script = read(text).unwrap();
    assert_eq!(script.option("mss"), Some("1000"));
    assert_eq!(script.option("define"), Some("CC=\"reno\""));
    assert_eq!((script.option("strict_segments"), script.option("mtu")), (Some(""), None));
    assert_eq!(script.init.unwrap().text, "./defaults.sh\nsysctl -q a=1");
    assert_eq!(script.events[0].at, Position { line: 8, column: 1 });
    let Action::Code(code) = &script.events[1].action else { panic!("{:?}", script.events[1]) };
    assert_eq!((&*code.text, code.at), (" assert True ", Position { line: 10, column: 18 }));
    assert_eq!(script.cleanup.unwrap().text, "cleanup");
}

#[test]
fn times_are_exact() {
    let ms = Duration::from_millis;
    let time = |text: &str| event(&format!("{text} > . 1:1(0) ack 1")).time;
    assert_eq!(time("1.5"), Time::Absolute(ms(1500)));
    assert_eq!(time("+.01"), Time::Relative(ms(10)));
    assert_eq!(time("*"), Time::Any);
    assert_eq!(time("1~1.01"), Time::AbsoluteRange(ms(1000), ms(1010)));
    assert_eq!(time("+.1 ~ +0.2"), Time::RelativeRange(ms(100), ms(200)));
    assert_eq!(time("0.000000001"), Time::Absolute(Duration::from_nanos(1)));
    let read = event("+.1...0.3 read(4, ..., 10) = 10");
    assert_eq!(read.time, Time::Relative(ms(100)));
    assert!(matches!(read.action, Action::Call(Call { until: Some(until), .. }) if until == ms(300)));
}

#[test]
fn segments_are_read_whole() {
    let got = packet(
        "< [ce, ttl 9] 8080 > 5000 SEWA 10:30(20) ack 7 win 8 urg 9 <mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 8>",
    );
    let list = vec![
        TcpOption::Mss(1460),
        TcpOption::SackPermitted,
        TcpOption::Timestamps { value: 1, echo: 2 },
        TcpOption::Nop,
        TcpOption::WindowScale(8),
    ];
    let tcp = Tcp {
        flags: Flags { syn: true, ece: true, cwr: true, ae: true, ..Flags::default() },
        seq: 10,
        len: 20,
        ack: Some(7),
        window: Some(8),
        urgent: Some(9),
        options: Options::Exactly(list),
    };
    let ip = Ip { tos: Tos::Ecn(Ecn::Ce), flow_label: None, ttl: Some(9), ..Ip::default() };
    let ports = Some((8080, 5000));
    let want = Packet {
        direction: Direction::Inbound,
        outer: vec![],
        ip,
        ports,
        body: Body::Tcp(tcp),
        payload: None,
    };
    assert_eq!(got, want);
    assert_eq!(got.tcp().map(|tcp| tcp.flags.ace()), Some(7));
}

#[test]
fn every_option_is_known() {
    let options = |text: &str| packet(&format!("> . 1:1(0) ack 1 <{text}>")).tcp().unwrap().options.clone();
    let one = |text: &str| match options(text) {
        Options::Exactly(list) => list[0].clone(),
        Options::Any => panic!("{text}"),
    };
    assert_eq!(options("..."), Options::Any);
    assert_eq!(one("sack 1:2 3:4,nop,nop"), TcpOption::Sack(vec![(1, 2), (3, 4)]));
    assert_eq!(one("FO,nop,nop"), TcpOption::FastOpen(vec![]));
    assert_eq!(one("FO 0123,nop,eol,nop,nop"), TcpOption::FastOpen(vec![1, 0x23]));
    let cookie = vec![0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb];
    assert_eq!(one("FOEXP TFO_COOKIE"), TcpOption::FastOpenExperimental(cookie));
    assert_eq!(one("md5 00ff"), TcpOption::Md5(vec![0, 255]));
    let counters = vec![1, 0, 0xff_ffff];
    assert_eq!(one("ECN e1b 1 ceb 0 e0b 16777215,nop"), TcpOption::AccEcn { ect1_first: true, counters });
    let counters = vec![5];
    assert_eq!(one("ECN e0b 5,nop,nop,nop"), TcpOption::AccEcn { ect1_first: false, counters });
    assert_eq!(one("kind 77 len 0 hex 0102"), TcpOption::Other { kind: 77, len: Some(0), data: vec![1, 2] });
}

#[test]
fn datagrams_and_messages_are_read() {
    let udp = packet("> udp 53 > 99 (4) \"a\\x00\\n\\\\\"");
    assert_eq!(
        (udp.ports, udp.body, udp.payload),
        (Some((53, 99)), Body::Udp(Udp { len: 4 }), Some(b"a\0\n\\".to_vec()))
    );
    let Body::Icmp(icmp) = packet("< icmp unreachable frag_needed mtu 1200 [1:1001(1000)]").body else {
        panic!()
    };
    assert_eq!(
        (&*icmp.kind, icmp.code.as_deref(), icmp.mtu),
        ("unreachable", Some("frag_needed"), Some(1200))
    );
    assert_eq!(icmp.quoted, Quoted::Tcp { seq: 1, len: 1000 });
    let Body::Icmp(icmp) = packet("< icmp echo_request id 7 [raw (64)]").body else { panic!() };
    assert_eq!((icmp.id, icmp.quoted), (Some(7), Quoted::Raw { len: 64 }));
    let Body::Icmp(icmp) = packet("< icmp packet_too_big mtu 1280 [udp (9)]").body else { panic!() };
    assert_eq!((icmp.code, icmp.mtu, icmp.quoted), (None, Some(1280), Quoted::Udp { len: 9 }));
    let Body::Icmp(icmp) = packet("< icmp unreachable CODE").body else { panic!() };
    assert_eq!(icmp.code.as_deref(), Some("host_unreachable"));
}

#[test]
fn packets_that_arrive_may_be_in_parts_and_wrong() {
    let ip = packet("< [frag 8:1480 id 7, badsum, ect0] udp (3000)").ip;
    let fragment = Some(Fragment { from: 8, to: 1480, id: 7 });
    assert_eq!(ip, Ip { tos: Tos::Ecn(Ecn::Ect0), fragment, bad_sum: true, ..Ip::default() });
    assert!(refused("0 > [badsum] udp (1)").contains("for packets that arrive only"));
    assert!(refused("0 < [frag 4:8 id 1] udp (1)").contains("begins at a multiple of 8"));
}

#[test]
fn what_is_wrapped_is_kept_and_said_to_be_beyond_us() {
    let wrapped = packet("< ipv4 192.0.2.9 > 192.168.0.1: ipv6 fd::1 > fd::2: gre flags 0: S 0:0(0) win 1");
    assert_eq!(wrapped.outer.len(), 3);
    assert_eq!(wrapped.unsupported(), Some("IP in IP is not spoken here"));
    let inner = Ip::default();
    let (src, dst) = ("fd::1".parse().unwrap(), "fd::2".parse().unwrap());
    assert_eq!(wrapped.outer[1], Outer::Ipv6 { ip: inner, src, dst });
    assert_eq!(
        packet("> encap psp spi 0x1 . 1:1(0) ack 1").unsupported(),
        Some("PSP encryption is not spoken here")
    );
    assert_eq!(packet("> . 1:1(0) ack 1").unsupported(), None);
}

#[test]
fn calls_have_arguments_results_and_errors() {
    let read = call("read(4, ..., 0x10) = -1 EAGAIN (Resource temporarily unavailable)");
    let hex = Expression::Integer { value: 16, hex: true };
    assert_eq!(read.arguments, [Expression::integer(4), Expression::Ellipsis, hex]);
    assert_eq!(read.result, Expression::integer(-1));
    let note = "Resource temporarily unavailable".to_owned();
    assert_eq!(read.errno, Some(Errno { name: "EAGAIN".to_owned(), note }));
    let fcntl = call("fcntl(4, F_GETFL) = 0x2 (flags O_RDWR)");
    assert_eq!((fcntl.errno, fcntl.note.as_deref()), (None, Some("flags O_RDWR")));
    assert_eq!(call("close(*) = ?").result, Expression::Anything);
    let flags = &call("socket(..., SOCK_STREAM|SOCK_NONBLOCK, 0) = 3").arguments[1];
    let values = |name: &str| Some(if name == "SOCK_STREAM" { 1 } else { 2048 });
    assert_eq!(flags.evaluate(&values), Some(2049));
    assert_eq!(flags.evaluate(&|_| None), None);
}

#[test]
fn structures_are_told_by_their_fields() {
    use Expression as E;
    let argument = |text: &str| call(&format!("f({text}) = 0")).arguments[0].clone();
    let address = "192.0.2.1:80".parse().unwrap();
    let text = "{sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr(\"192.0.2.1\")}";
    assert_eq!(argument(text), E::SockAddr(address));
    let text = "{sa_family = AF_INET6, sin_port = htons(80), sin_addr = inet_addr(\"fd::1\")}";
    assert_eq!(argument(text), E::SockAddr("[fd::1]:80".parse().unwrap()));
    assert_eq!(argument("{onoff=1, linger=2}"), E::Linger { onoff: 1, linger: 2 });
    assert_eq!(argument("[{..., 10}, {...,20}]"), E::List(vec![E::Iovec(10), E::Iovec(20)]));
    let fd = |fd, revents| {
        E::Pollfd(Box::new(Pollfd { fd: E::integer(fd), events: E::symbol("POLLIN"), revents }))
    };
    assert_eq!(argument("{fd=4, events=POLLIN}"), fd(4, E::integer(0)));
    assert_eq!(argument("{fd=4, events=POLLIN, revents=POLLHUP}"), fd(4, E::symbol("POLLHUP")));
    let event = EpollEvent { events: E::symbol("EPOLLIN"), member: EpollMember::Ptr, data: E::integer(9) };
    assert_eq!(argument("{events=EPOLLIN, ptr=9}"), E::EpollEvent(Box::new(event)));
    let E::Msghdr(message) = argument(
        "{msg_name(...)=..., msg_iov(2)=[{..., 1},{..., 2}], msg_flags=MSG_ERRQUEUE, \
         msg_control=[{cmsg_level=CMSG_LEVEL_IP, cmsg_type=CMSG_TYPE_RECVERR, \
         cmsg_data={ee_errno=0, ee_origin=5, ee_type=0, ee_code=1, ee_info=0, ee_data=3}}]}",
    ) else {
        panic!("no message")
    };
    assert_eq!((message.iov, message.flags), (vec![1, 2], E::symbol("MSG_ERRQUEUE")));
    let [E::Cmsg(cmsg)] = &message.control.unwrap()[..] else { panic!("no control message") };
    assert_eq!((&cmsg.level, &cmsg.kind), (&E::symbol("SOL_IP"), &E::symbol("IP_RECVERR")));
    assert!(matches!(&cmsg.data, E::ExtendedError(error) if error.data == E::integer(3)));
    let assigned = E::Assign("a".to_owned(), Box::new(E::integer(1)));
    assert_eq!(argument("{a=1, 2}"), E::Braces(vec![assigned, E::integer(2)]));
    assert_eq!(argument("\"ab\" \"\\x00c\"..."), E::TextAnd(b"ab\0c".to_vec()));
    assert_eq!(argument("inet6_addr(\"fd::1\")"), E::In6Addr("fd::1".parse().unwrap()));
}

#[test]
fn a_definition_from_outside_wins() {
    let text = "--define=A=1\n--define=B=0x10\n--define=C=`true`\n0 f(A, B) = 0\n+0 C";
    let outside = BTreeMap::from([("A".to_owned(), "NAME".to_owned())]);
    let script = parse(text, &outside).unwrap();
    let Action::Call(call) = &script.events[0].action else { panic!("{:?}", script.events[0]) };
    assert_eq!(call.arguments, [Expression::symbol("NAME"), Expression::integer(16)]);
    assert!(matches!(&script.events[1].action, Action::Command(command) if command.text == "true"));
}

#[test]
fn errors_show_where_and_why() {
    let at = |text: &str| refused(text).lines().next().unwrap().to_owned();
    assert_eq!(
        refused("0 `a`\n\tfoo socket(...) = 3\n"),
        "x:2:2: expected a time such as +.01, found `foo`\n  |\n2 |  foo socket(...) = 3\n  |  ^^^"
    );
    assert_eq!(
        refused("0 < S 0:0(0)\n+0 close(3) = 0"),
        "x:1:3: a packet that arrives needs a window: win N\n  |\n1 | 0 < S 0:0(0)\n  |   ^"
    );
    assert_eq!(
        at("0 close(3)\n+0 close(4) = 0"),
        "x:1:11: expected = and what the call returns, found the end of the line"
    );
    assert_eq!(at("0 close(3) ="), "x:1:13: expected a value, found the end of the script");
    assert_eq!(at("0 > . 1:1001(999) ack 1"), "x:1:7: 999 octets from 1 on end at 1000, not at 1001");
    assert_eq!(at("0 > SX. 1:1(0)"), "x:1:6: no such flag: . F S R P U E W A, or 0 to 7 for ACE, are known");
    assert_eq!(at("0 > E.5 1:1(0)"), "x:1:7: E, W and A are the bits of the ACE digit: one or the other");
    assert_eq!(at("0 > . 1:1(0) win 65536"), "x:1:18: a window is from 0 to 65535");
    assert_eq!(at("0 > . 1:1(0) <nop>"), "x:1:14: options fill words of 4 octets, these take 1: add nop");
    assert_eq!(
        at("0 > . 1:1(0) <mss Q>"),
        "x:1:19: expected an MSS, found `Q`, which isn't defined as a number"
    );
    assert_eq!(
        at("0 > . 1:1(0) <md5 123,nop>"),
        "x:1:19: `123` is not octets in hexadecimal, two digits each"
    );
    assert_eq!(
        at("0 < [ect01] . 1:1(0) win 1"),
        "x:1:3: ect01 leaves open which: for packets that leave only"
    );
    assert_eq!(at("0 `a`\n* close(3) = 0"), "x:2:1: the time * is for packets that leave only");
    assert_eq!(at("0 `a`\n2~1 > . 1:1(0)"), "x:2:1: this range ends before it begins");
    assert_eq!(at("0 `a`\n2 `a`\n1 `a`"), "x:3:1: this is before the event before");
    assert_eq!(at("1 `a`"), "x:1:1: the first event is at time 0");
    assert_eq!(
        at("0 f(\"\\q\") = 0"),
        "x:1:6: no such escape: \\\\ \\\" \\' \\f \\n \\r \\t \\v \\xhh are known"
    );
    assert_eq!(at("0 %{ assert"), "x:1:3: this code has no }% at its end");
    assert_eq!(at("0 `a"), "x:1:3: this ` has no second one");
    assert_eq!(at("/* a"), "x:1:1: this comment has no end");
    assert_eq!(at(""), "x:1:1: expected a time such as +.01, found the end of the script");
    assert_eq!(
        at("0 `a` `b` `c`"),
        "x:1:11: expected the end of the script behind a last command, found ```"
    );
    assert_eq!(at("0 > { 1:1(0)"), "x:1:5: expected TCP flags such as S. (or udp, icmp), found `{`");
}

#[test]
fn nothing_is_too_deep_too_long_or_too_big() {
    let deep = format!("0 f({}", "[".repeat(100_000));
    assert!(refused(&deep).contains("nested more than 16 deep"), "{}", refused(&deep));
    assert!(refused("0 f(99999999999999999999) = 0").contains("no number of 64 bits"));
    assert!(refused("99999999999 `a`").contains("longer than anybody waits"));
    assert!(refused("0.0000000001 `a`").contains("nine digits"));
    let long = " ".repeat(LONGEST + 1);
    assert!(refused(&long).contains("a script has at most"), "{}", refused(&long));
}
