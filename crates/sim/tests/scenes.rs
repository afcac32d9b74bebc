//! Scenes that RFC 9293 tells of, played by two hosts.

use device::impair::Verdict;
use env::Instant;
use handfast_sim::{Duration, Fault, Happened, HostId, LinkId, Logged, Pair, PairConfig, World, forge};
use stack::trace::Content;
use stack::{ConnectOptions, ConnectionId, HostConfig, HostEvent, ListenConfig, ListenerId, Trace};
use std::net::SocketAddr;
use tcp::{ConnectionError, Note, ReceiveError, SendFlags, State, TcpConfig};
use wire::SeqNum;
use wire::tcp::{Flags, Header};

const SECOND: Duration = Duration::from_secs(1);

fn listen(pair: &mut Pair, at: SocketAddr) -> ListenerId {
    pair.world.call(pair.server, |host, now| host.tcp_listen(now, at, ListenConfig::default()).unwrap())
}

fn connect(world: &mut World, host: HostId, from: Option<SocketAddr>, to: SocketAddr) -> ConnectionId {
    let options = ConnectOptions { local: from, ..ConnectOptions::to(to) };
    world.call(host, |host, now| host.tcp_connect(now, options).unwrap())
}

fn accept(pair: &mut Pair, listener: ListenerId) -> ConnectionId {
    pair.world.call(pair.server, |host, _| host.tcp_accept(listener).unwrap().0)
}

/// A connection, open on both sides.
fn open(pair: &mut Pair) -> (ConnectionId, ConnectionId, ListenerId) {
    let at = Pair::server_at(false, 80);
    let listener = listen(pair, at);
    let client = connect(&mut pair.world, pair.client, None, at);
    pair.world.run_for(SECOND);
    let server = accept(pair, listener);
    (client, server, listener)
}

fn send(world: &mut World, host: HostId, id: ConnectionId, data: &'static [u8]) {
    let taken = world.call(host, |host, now| host.tcp_send(now, id, data.into(), SendFlags::default()));
    assert_eq!(taken, Ok(data.len()));
}

fn receive(world: &mut World, host: HostId, id: ConnectionId) -> Result<Vec<u8>, ReceiveError> {
    world.call(host, |host, now| host.tcp_receive(now, id, 1 << 20)).map(|got| got.data.to_vec())
}

fn events(world: &mut World, host: HostId) -> Vec<HostEvent> {
    std::iter::from_fn(|| world.poll_event(host)).collect()
}

fn state(pair: &Pair, host: HostId, id: ConnectionId) -> State {
    pair.world.host(host).tcp_state(id)
}

/// The states that a host's connections went through, in order.
fn states(log: &[Logged], of: HostId) -> Vec<State> {
    let change = |logged: &Logged| match &logged.what {
        Happened::Host(host, Trace::Tcp { note: Note::State { to, .. }, .. }) if *host == of => Some(*to),
        _ => None,
    };
    log.iter().filter_map(change).collect()
}

/// TCP segments that a host sent, as flags.
fn sent(log: &[Logged], of: HostId) -> Vec<(Instant, Header, usize)> {
    let one = |logged: &Logged| match &logged.what {
        Happened::Host(host, Trace::Sent { at, packet, .. }) if *host == of => match &packet.content {
            Content::Tcp { header, len, .. } => Some((*at, header.clone(), *len)),
            _ => None,
        },
        _ => None,
    };
    log.iter().filter_map(one).collect()
}

/// Covers: RFC 9293 MUST-10, 9293-E49
#[test]
fn syns_that_cross_make_one_connection() {
    for v6 in [false, true] {
        let mut pair = Pair::new(3);
        pair.world.watch(false);
        let (here, there) = (Pair::client_at(v6, 5_000), Pair::server_at(v6, 6_000));
        let a = connect(&mut pair.world, pair.client, Some(here), there);
        let b = connect(&mut pair.world, pair.server, Some(there), here);
        send(&mut pair.world, pair.client, a, b"from a");
        send(&mut pair.world, pair.server, b, b"from b");
        pair.world.run_for(SECOND);
        let log = pair.world.take_log();
        let through = [State::SynSent, State::SynReceived, State::Established];
        assert_eq!(states(&log, pair.client), through);
        assert_eq!(states(&log, pair.server), through);
        assert_eq!(receive(&mut pair.world, pair.client, a).unwrap(), b"from b");
        assert_eq!(receive(&mut pair.world, pair.server, b).unwrap(), b"from a");
        assert!(sent(&log, pair.client).len() <= 6, "no storm of ACKs");
        for (host, id) in [(pair.client, a), (pair.server, b)] {
            assert_eq!(pair.world.host(host).tcp_counts().connections, 1);
            pair.world.call(host, |host, now| host.tcp_close(now, id).unwrap());
        }
        pair.world.run_for(SECOND);
        let log = pair.world.take_log();
        let through = [State::FinWait1, State::Closing, State::TimeWait];
        assert_eq!(states(&log, pair.client), through);
        assert_eq!(states(&log, pair.server), through);
    }
}

/// Covers: RFC 9293 MUST-13, 9293-E23
#[test]
fn the_active_closer_lingers_for_exactly_twice_the_segment_lifetime() {
    let config = PairConfig {
        client: HostConfig {
            tcp: TcpConfig::default().msl(Duration::from_secs(7)).unwrap(),
            ..HostConfig::default()
        },
        ..PairConfig::default()
    };
    let mut pair = Pair::with(4, config);
    let (client, server, _) = open(&mut pair);
    let host = pair.client;
    pair.world.call(host, |host, now| host.tcp_close(now, client).unwrap());
    pair.world.run_for(SECOND);
    // The last ACK is lost, so that the server's FIN comes again.
    let count = pair.world.link(pair.there).counters().offered;
    pair.world.judge(pair.there, move |_, n| if n == count + 1 { Verdict::Drop } else { Verdict::Pass });
    pair.world.call(pair.server, |host, now| host.tcp_close(now, server).unwrap());
    let entered = |pair: &mut Pair| state(pair, host, client) == State::TimeWait;
    assert!(pair.world.run_till(SECOND, |world| world.host(host).tcp_state(client) == State::TimeWait));
    assert!(entered(&mut pair) && pair.world.host(host).tcp_counts().time_wait == 1);
    assert_eq!(state(&pair, pair.server, server), State::LastAck);
    let server_host = pair.server;
    assert!(
        pair.world.run_till(SECOND * 3, |world| world.host(server_host).tcp_state(server) == State::Closed)
    );
    // The client saw the FIN again one link's delay before the server saw the ACK of it: from then on it counts anew.
    let again = pair.world.now() - Duration::from_millis(10);
    pair.world.run_until(again + SECOND * 14 - Duration::from_nanos(1));
    assert_eq!(pair.world.host(host).tcp_counts().time_wait, 1);
    pair.world.run_until(again + SECOND * 14);
    assert_eq!(pair.world.host(host).tcp_counts().time_wait, 0);
    assert_eq!(state(&pair, host, client), State::Closed);
}

/// Covers: RFC 9293 9293-E34, MUST-12
#[test]
fn a_peer_that_lost_power_answers_with_a_reset_and_can_be_called_again() {
    let mut pair = Pair::new(5);
    let (client, ..) = open(&mut pair);
    pair.world.apply(Fault::Restart(pair.server));
    assert_eq!(pair.world.host(pair.server).tcp_counts().connections, 0);
    events(&mut pair.world, pair.client);
    send(&mut pair.world, pair.client, client, b"are you there?");
    pair.world.run_for(SECOND);
    let told = events(&mut pair.world, pair.client);
    assert!(told.contains(&HostEvent::TcpClosed(client, Some(ConnectionError::Reset))), "{told:?}");
    assert_eq!(
        receive(&mut pair.world, pair.client, client),
        Err(ReceiveError::Closed(ConnectionError::Reset))
    );
    let (again, server, _) = open(&mut pair);
    send(&mut pair.world, pair.client, again, b"hello");
    pair.world.run_for(SECOND);
    assert_eq!(receive(&mut pair.world, pair.server, server).unwrap(), b"hello");
}

/// Covers: RFC 9293 9293-E34; RFC 5961 5961-6, 5961-7
#[test]
fn a_client_that_lost_power_and_calls_again_from_the_same_port_gets_through() {
    let mut pair = Pair::new(6);
    let (from, at) = (Pair::client_at(false, 40_000), Pair::server_at(false, 80));
    let listener = listen(&mut pair, at);
    connect(&mut pair.world, pair.client, Some(from), at);
    pair.world.run_for(SECOND);
    let old = accept(&mut pair, listener);
    pair.world.apply(Fault::Restart(pair.client));
    pair.world.watch(false);
    let again = connect(&mut pair.world, pair.client, Some(from), at);
    pair.world.run_for(SECOND * 5);
    // SYN, challenge ACK, RST from SYN-SENT, SYN again: RFC 9293 figure 9, as RFC 5961 §4 has it.
    let log = pair.world.take_log();
    assert_eq!(sent(&log, pair.server)[0].1.flags, Flags::ACK);
    assert_eq!(sent(&log, pair.client)[1].1.flags, Flags::RST);
    assert_eq!(state(&pair, pair.client, again), State::Established);
    assert_eq!(receive(&mut pair.world, pair.server, old), Err(ReceiveError::Closed(ConnectionError::Reset)));
    let new = accept(&mut pair, listener);
    assert_eq!(state(&pair, pair.server, new), State::Established);
}

/// Covers: RFC 9293 9293-E35
#[test]
fn an_old_duplicate_syn_dies_by_the_third_leg() {
    let mut pair = Pair::new(7);
    let at = Pair::server_at(false, 80);
    let from = Pair::client_at(false, 40_000);
    let listener = listen(&mut pair, at);
    let header = Header { seq: SeqNum::new(90), flags: Flags::SYN, ..Header::default() };
    let interface = pair.world.interfaces(pair.server)[0];
    let old = forge::segment(from, at, &header, wire::Payload::EMPTY);
    pair.world.apply(Fault::Inject(pair.server, interface, old));
    assert_eq!(pair.world.host(pair.server).tcp_counts().half_open, 1);
    pair.world.run_for(SECOND);
    // The client, which never sent it, has answered the SYN-ACK with a RST.
    assert_eq!(pair.world.host(pair.server).tcp_counts().half_open, 0);
    assert!(pair.world.call(pair.server, |host, _| host.tcp_accept(listener)).is_none());
    let client = connect(&mut pair.world, pair.client, Some(from), at);
    pair.world.run_for(SECOND);
    assert_eq!(state(&pair, pair.client, client), State::Established);
}

/// Covers: RFC 5961 5961-2, 5961-3
#[test]
fn a_blind_reset_ends_nothing() {
    let mut pair = Pair::new(8);
    let (client, server, _) = open(&mut pair);
    let (local, remote) = pair.world.host(pair.server).tcp_addrs(server).unwrap();
    let status = pair.world.host(pair.server).tcp_status(server).unwrap();
    let interface = pair.world.interfaces(pair.server)[0];
    for offset in [1, 1_000, status.rcv_wnd - 1, status.rcv_wnd, 1 << 30] {
        let header = Header { seq: status.rcv_nxt + offset, flags: Flags::RST, ..Header::default() };
        let reset = forge::segment(remote, local, &header, wire::Payload::EMPTY);
        pair.world.apply(Fault::Inject(pair.server, interface, reset));
    }
    pair.world.run_for(SECOND);
    assert_eq!(state(&pair, pair.server, server), State::Established);
    assert_eq!(state(&pair, pair.client, client), State::Established);
    let header = Header { seq: status.rcv_nxt, flags: Flags::RST, ..Header::default() };
    let reset = forge::segment(remote, local, &header, wire::Payload::EMPTY);
    pair.world.apply(Fault::Inject(pair.server, interface, reset));
    assert_eq!(
        receive(&mut pair.world, pair.server, server),
        Err(ReceiveError::Closed(ConnectionError::Reset))
    );
}

/// Covers: RFC 9293 9293-E39
#[test]
fn a_megabyte_written_and_closed_at_once_arrives_before_the_end() {
    let link: device::impair::Profile = "delay=20ms,loss=3%".parse().unwrap();
    let config = PairConfig { there: link.clone(), back: link, ..PairConfig::default() };
    let mut pair = Pair::with(9, config);
    let (client, server, _) = open(&mut pair);
    let file: Vec<u8> = (0..1u32 << 20).map(|n| (n * 7 + (n >> 8)) as u8).collect();
    let taken = pair.world.call(pair.client, |host, now| {
        let taken = host.tcp_send(now, client, file.clone().into(), SendFlags::default());
        host.tcp_close(now, client).unwrap();
        taken
    });
    assert_eq!(taken, Ok(file.len()));
    let (mut got, mut ended) = (Vec::new(), false);
    let host = pair.server;
    pair.world.run_till(Duration::from_secs(600), |world| {
        loop {
            match world.call(host, |host, now| host.tcp_receive(now, server, 1 << 20)) {
                Ok(received) => got.extend_from_slice(&received.data),
                Err(ReceiveError::Finished) => {
                    ended = true;
                    return true;
                }
                Err(ReceiveError::Empty) => return false,
                Err(why) => panic!("{why}"),
            }
        }
    });
    assert!(ended && got == file, "{} octets, ended: {ended}", got.len());
}

#[test]
fn a_paused_host_finds_what_arrived_and_loses_nothing() {
    let mut pair = Pair::new(10);
    let (client, server, _) = open(&mut pair);
    pair.world.apply(Fault::Pause(pair.server, SECOND * 5));
    send(&mut pair.world, pair.client, client, b"while you slept");
    pair.world.run_for(SECOND * 4);
    assert!(pair.world.is_paused(pair.server));
    assert_eq!(pair.world.host(pair.server).tcp_status(server).unwrap().readable, 0);
    pair.world.run_for(SECOND * 2);
    assert_eq!(receive(&mut pair.world, pair.server, server).unwrap(), b"while you slept");
}

#[test]
fn a_router_that_takes_less_is_learned_of() {
    for v6 in [false, true] {
        let mut pair = Pair::new(11);
        let link: LinkId = pair.there;
        pair.world.route_errors(link, true);
        let at = Pair::server_at(v6, 80);
        let listener = listen(&mut pair, at);
        let client = connect(&mut pair.world, pair.client, None, at);
        pair.world.run_for(SECOND);
        let server = accept(&mut pair, listener);
        pair.world.apply(Fault::Mtu(link, Some(1_300)));
        let data: &'static [u8] = &[7; 5_000];
        send(&mut pair.world, pair.client, client, data);
        pair.world.run_for(SECOND * 5);
        let mut got = Vec::new();
        while let Ok(part) = receive(&mut pair.world, pair.server, server) {
            got.extend(part);
        }
        assert_eq!(got, data);
        assert_eq!(pair.world.host(pair.client).route(at.ip(), None).unwrap().path_mtu, 1_300);
    }
}

/// Covers: RFC 7323 7323-9
#[test]
fn a_buffer_that_changes_while_opening_leaves_what_the_syn_told_as_it_was() {
    for (before, after) in [(1 << 20, 4_096), (4_096, 1 << 20)] {
        let tcp = TcpConfig::default().receive_buffer(before).unwrap();
        let client = HostConfig { tcp, ..HostConfig::default() };
        let mut pair = Pair::with(12, PairConfig { client, ..PairConfig::default() });
        let at = Pair::server_at(false, 80);
        let listener = listen(&mut pair, at);
        let client = connect(&mut pair.world, pair.client, None, at);
        pair.world.call(pair.client, |host, now| {
            host.tcp_set_buffers(now, client, None, Some(after)).unwrap();
        });
        pair.world.run_for(SECOND);
        let server = accept(&mut pair, listener);
        let (ours, theirs) = (
            pair.world.host(pair.client).tcp_status(client).unwrap(),
            pair.world.host(pair.server).tcp_status(server).unwrap(),
        );
        // What one side offers is what the other may use: in the grain of the scale that the SYN told.
        let grain = 1 << ours.scales.unwrap().1;
        assert_eq!(ours.scales.unwrap().1, theirs.scales.unwrap().0);
        assert!(theirs.snd_wnd.abs_diff(ours.rcv_wnd) < grain, "{} {}", theirs.snd_wnd, ours.rcv_wnd);
    }
}
