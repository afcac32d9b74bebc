//! §4.2, §5.1: a server.

use super::{SERVES, keys, option};
use crate::bench::{Bench, Peer, Seen};
use stack::{ConnectionId, FastOpenListen, HostEvent, ListenConfig, ListenerId};
use tcp::fast_open::FastOpenState;
use tcp::{ConnectionError, ReceiveError, SendFlags, State};
use wire::Payload;
use wire::tcp::{FastOpenCookie, Flags};

const SYN_ACK: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());

/// A host that serves, under known keys.
fn serving(fast_open: Option<FastOpenListen>) -> (Bench, ListenerId) {
    let mut bench = Bench::new();
    let listener = bench.listen("10.0.0.1:80", ListenConfig::default());
    assert!(bench.host.tcp_listener_fast_open(listener, fast_open));
    assert!(bench.host.tcp_set_fast_open_keys(None, keys(1, None)));
    (bench, listener)
}

fn peer(port: u16) -> Peer {
    Peer::new(&format!("10.0.0.2:{port}"), "10.0.0.1:80")
}

/// The cookie that the host gives when it is asked.
fn cookie(bench: &mut Bench) -> Box<FastOpenCookie> {
    let mut peer = peer(999);
    peer.options.fast_open = option(&[]);
    peer.send(bench, Flags::SYN, b"");
    let syn_ack = bench.one();
    assert_eq!(syn_ack.header.ack, peer.seq);
    peer.take(&syn_ack);
    peer.send(bench, Flags::RST, b"");
    assert!(bench.sent().is_empty());
    syn_ack.header.options.fast_open.expect("a cookie")
}

/// SYN with `data` and `cookie`, and what answers it.
fn knock(bench: &mut Bench, peer: &mut Peer, cookie: &FastOpenCookie, data: &[u8]) -> Seen {
    peer.options.fast_open = Some(Box::new(*cookie));
    peer.send(bench, Flags::SYN, data);
    let syn_ack = bench.one();
    assert_eq!(syn_ack.flags(), SYN_ACK);
    syn_ack
}

fn accept(bench: &mut Bench, listener: ListenerId) -> ConnectionId {
    bench.host.tcp_accept(listener).expect("somebody is there").0
}

fn read(bench: &mut Bench, id: ConnectionId) -> Result<Vec<u8>, ReceiveError> {
    bench.host.tcp_receive(bench.now, id, 1 << 20).map(|received| received.data.to_vec())
}

/// Covers: RFC 7413 7413-9
#[test]
fn data_with_a_good_cookie_is_read_before_the_handshake_is_complete_and_acknowledged_with_the_syn() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    let mut peer = peer(1);
    let syn_ack = knock(&mut bench, &mut peer, &cookie, b"question");
    assert_eq!((syn_ack.header.ack, syn_ack.header.options.fast_open.clone()), (peer.seq, None));
    peer.take(&syn_ack);
    let id = accept(&mut bench, listener);
    assert_eq!(bench.host.tcp_state(id), State::SynReceived);
    assert_eq!(bench.host.tcp_status(id).and_then(|s| s.fast_open), Some(FastOpenState::Served));
    assert_eq!(read(&mut bench, id), Ok(b"question".to_vec()));

    // And the answer may go before it is, too.
    let taken = bench.host.tcp_send(bench.now, id, Payload::copy_of(b"answer"), SendFlags::default());
    assert_eq!(taken, Ok(6));
    let answer = bench.one();
    assert_eq!((&answer.payload[..], answer.header.ack), (&b"answer"[..], peer.seq));
    peer.take(&answer);
    peer.send(&mut bench, Flags::ACK, b"");
    assert_eq!(bench.host.tcp_state(id), State::Established);
    assert_eq!(bench.host.tcp_status(id).map(|status| status.queued), Some(0));
    assert_eq!(bench.host.counters().tcp_fast_open_passive, 1);
}

/// Covers: RFC 7413 7413-9
#[test]
fn the_same_syn_again_is_answered_again_and_its_data_is_not_taken_twice() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    let mut first = peer(1);
    let mut again = first.clone();
    knock(&mut bench, &mut first, &cookie, b"once");
    let syn_ack = knock(&mut bench, &mut again, &cookie, b"once");
    assert_eq!(syn_ack.header.ack, first.seq);
    // Without the option and data, as a client repeats it.
    let mut plain = peer(1);
    plain.send(&mut bench, Flags::SYN, b"");
    let syn_ack = bench.one();
    assert_eq!((syn_ack.flags(), syn_ack.header.ack), (SYN_ACK, first.seq));
    first.take(&syn_ack);
    first.send(&mut bench, Flags::ACK, b" more");
    let id = accept(&mut bench, listener);
    assert_eq!(read(&mut bench, id), Ok(b"once more".to_vec()));
    assert_eq!(bench.host.tcp_accept(listener), None, "one connection");
}

/// Covers: RFC 7413 7413-10
#[test]
fn a_bad_cookie_gets_a_plain_handshake_and_a_new_one() {
    let (mut bench, listener) = serving(SERVES);
    let good = cookie(&mut bench);
    for (n, bad) in [&[7; 8][..], &good.as_slice()[..4], &[0; 16]].into_iter().enumerate() {
        for experimental in [false, true] {
            let mut peer = peer(10 + 2 * n as u16 + u16::from(experimental));
            let begins = peer.seq;
            let bad = FastOpenCookie::new(bad).expect("short").experimental(experimental);
            let syn_ack = knock(&mut bench, &mut peer, &bad, b"question");
            assert_eq!(syn_ack.header.ack, begins + 1);
            let given = syn_ack.header.options.fast_open.expect("a cookie");
            assert_eq!(*given, good.experimental(experimental), "in the form that it was asked in");
            assert_eq!(bench.host.tcp_accept(listener), None);
        }
    }
    assert_eq!(bench.host.counters().tcp_fast_open_passive_fails, 6);
}

/// Covers: RFC 7413 7413-1, 7413-6
#[test]
fn nobody_takes_data_with_a_syn_unless_told_to() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    assert!(bench.host.tcp_listener_fast_open(listener, None));
    let other = bench.listen("10.0.0.1:81", ListenConfig::default());
    for (port, listener) in [("10.0.0.1:80", listener), ("10.0.0.1:81", other)] {
        for option in [*cookie, FastOpenCookie::default()] {
            let mut peer = Peer::new("10.0.0.2:7", port);
            let begins = peer.seq;
            let syn_ack = knock(&mut bench, &mut peer, &option, b"question");
            assert_eq!((syn_ack.header.ack, syn_ack.header.options.fast_open.as_ref()), (begins + 1, None));
            assert_eq!(bench.host.tcp_accept(listener), None);
            peer.seq = begins + 1;
            peer.send(&mut bench, Flags::RST, b"");
        }
    }
}

/// Covers: RFC 7413 7413-7
#[test]
fn beyond_the_limit_handshakes_are_plain_until_one_is_complete() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    let mut peers: Vec<Peer> = (1..=4).map(peer).collect();
    for peer in &mut peers {
        let syn_ack = knock(&mut bench, peer, &cookie, b"question");
        assert_eq!(syn_ack.header.ack, peer.seq);
        peer.take(&syn_ack);
    }
    let mut late = peer(5);
    let syn_ack = knock(&mut bench, &mut late, &cookie, b"question");
    assert_eq!(syn_ack.header.ack, late.seq - 8);
    assert_eq!(bench.host.counters().tcp_fast_open_overflows, 1);

    peers[0].send(&mut bench, Flags::ACK, b"");
    let mut next = peer(6);
    let syn_ack = knock(&mut bench, &mut next, &cookie, b"question");
    assert_eq!(syn_ack.header.ack, next.seq);

    // A RST frees no place, for a minute: forged SYNs are answered by those they name (§5.1).
    peers[1].send(&mut bench, Flags::RST, b"");
    let mut spared = peer(7);
    let syn_ack = knock(&mut bench, &mut spared, &cookie, b"question");
    assert_eq!(syn_ack.header.ack, spared.seq - 8);
    bench.pass(61_000);
    let mut later = peer(8);
    peers[2].send(&mut bench, Flags::ACK, b"");
    bench.sent();
    let syn_ack = knock(&mut bench, &mut later, &cookie, b"question");
    assert_eq!(syn_ack.header.ack, later.seq);
    assert!(bench.host.tcp_accept(listener).is_some());
}

/// Covers: RFC 7413 7413-11
#[test]
fn a_syn_ack_that_is_not_answered_goes_again_without_option_or_data_and_nothing_else_does() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    bench.host.tcp_set_fast_open_keys(None, keys(2, Some(1)));
    let mut peer = peer(1);
    let syn_ack = knock(&mut bench, &mut peer, &cookie, b"question");
    assert_eq!(syn_ack.header.ack, peer.seq, "the old key is good");
    assert!(syn_ack.header.options.fast_open.is_some_and(|new| new != cookie), "and there is a new one");
    let id = accept(&mut bench, listener);
    bench.host.tcp_send(bench.now, id, Payload::copy_of(b"answer"), SendFlags::default()).expect("room");
    bench.one();
    let again = bench.pass(200_000);
    assert_eq!(again.iter().map(|(at, _)| at / 1_000).collect::<Vec<_>>(), [1, 3, 7, 15, 31]);
    for (_, seen) in &again {
        assert_eq!((seen.flags(), seen.header.ack), (SYN_ACK, peer.seq));
        assert!(seen.payload.is_empty() && seen.header.options.fast_open.is_none());
    }
    let timed_out = HostEvent::TcpClosed(id, Some(ConnectionError::TimedOut));
    assert!(bench.events().contains(&timed_out), "the user has it, and hears of it");
}

/// Covers: RFC 7413 7413-12
#[test]
fn no_more_than_the_initial_window_is_sent_before_the_handshake_is_complete() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    let mut peer = peer(1);
    peer.options.mss = Some(1000);
    let syn_ack = knock(&mut bench, &mut peer, &cookie, b"question");
    peer.take(&syn_ack);
    let id = accept(&mut bench, listener);
    let data = vec![7; 1 << 20];
    bench.host.tcp_send(bench.now, id, Payload::copy_of(&data), SendFlags::default()).expect("room");
    let early: usize = bench.pass(20).iter().map(|(_, seen)| seen.payload.len()).sum();
    assert_eq!(early, 10_000, "ten segments (RFC 6928)");
    peer.send(&mut bench, Flags::ACK, b"");
    assert_eq!(bench.host.tcp_state(id), State::Established);
    peer.ack += 10_000;
    peer.send(&mut bench, Flags::ACK, b"");
    let after: usize = bench.pass(100).iter().map(|(_, seen)| seen.payload.len()).sum();
    assert!(after > 10_000, "{after}");
}

#[test]
fn one_may_be_accepted_without_data_and_speak_first() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    let mut peer = peer(1);
    let syn_ack = knock(&mut bench, &mut peer, &cookie, b"");
    assert_eq!(syn_ack.header.ack, peer.seq);
    peer.take(&syn_ack);
    let id = accept(&mut bench, listener);
    assert_eq!(read(&mut bench, id), Err(ReceiveError::Empty));
    assert_eq!(bench.host.tcp_fast_open_state(id), None, "no data came with the SYN");
    bench.host.tcp_send(bench.now, id, Payload::copy_of(b"hello"), SendFlags::default()).expect("room");
    assert_eq!(bench.one().payload, b"hello");
}

#[test]
fn without_cookies_any_data_is_taken_where_the_listener_says_so() {
    let (mut bench, listener) = serving(Some(FastOpenListen { queue: 4, cookie: false }));
    let mut bare = peer(1);
    bare.send(&mut bench, Flags::SYN, b"question");
    let syn_ack = bench.one();
    assert_eq!((syn_ack.header.ack, syn_ack.header.options.fast_open), (bare.seq, None));
    let id = accept(&mut bench, listener);
    assert_eq!(read(&mut bench, id), Ok(b"question".to_vec()));
    // And where it does not, data alone is no Fast Open.
    assert!(bench.host.tcp_listener_fast_open(listener, SERVES));
    let mut bare = peer(2);
    bare.send(&mut bench, Flags::SYN, b"question");
    let syn_ack = bench.one();
    assert_eq!((syn_ack.header.ack, syn_ack.header.options.fast_open), (bare.seq - 8, None));
}

#[test]
fn an_early_connection_ends_with_its_listener_and_with_data_unread() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    let mut peers = [peer(1), peer(2)];
    for peer in &mut peers {
        let syn_ack = knock(&mut bench, peer, &cookie, b"question");
        peer.take(&syn_ack);
    }
    let id = accept(&mut bench, listener);
    bench.host.tcp_release(bench.now, id);
    let reset = bench.one();
    assert_eq!((reset.flags(), reset.header.seq), (Flags::RST | Flags::ACK, peers[0].ack));
    bench.host.tcp_unlisten(bench.now, listener);
    let reset = bench.one();
    assert_eq!((reset.flags(), reset.header.seq), (Flags::RST | Flags::ACK, peers[1].ack));
    bench.pass(1);
    assert_eq!(bench.host.tcp_counts().connections, 0);
}

#[test]
fn a_fin_with_the_third_segment_is_taken_and_one_with_the_syn_waits() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    let mut peer = peer(1);
    peer.options.fast_open = Some(cookie);
    peer.send(&mut bench, Flags::SYN | Flags::FIN, b"question");
    let syn_ack = bench.one();
    assert_eq!(syn_ack.header.ack, peer.seq - 1);
    peer.take(&syn_ack);
    peer.seq = peer.seq - 1;
    peer.send(&mut bench, Flags::FIN | Flags::ACK, b"");
    assert_eq!(bench.one().header.ack, peer.seq);
    let id = accept(&mut bench, listener);
    assert_eq!(bench.host.tcp_state(id), State::CloseWait);
    assert_eq!(read(&mut bench, id), Ok(b"question".to_vec()));
    assert_eq!(read(&mut bench, id), Err(ReceiveError::Finished));
}

#[test]
fn who_closes_early_sends_its_fin_early() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    let mut peer = peer(1);
    let syn_ack = knock(&mut bench, &mut peer, &cookie, b"question");
    peer.take(&syn_ack);
    let id = accept(&mut bench, listener);
    assert_eq!(read(&mut bench, id), Ok(b"question".to_vec()));
    bench.host.tcp_send(bench.now, id, Payload::copy_of(b"answer"), SendFlags::default()).expect("room");
    bench.host.tcp_close(bench.now, id).expect("open");
    let fin = bench.one();
    assert_eq!((fin.flags().contains(Flags::FIN), &fin.payload[..]), (true, &b"answer"[..]));
    assert_eq!(bench.host.tcp_state(id), State::SynReceived);
    peer.take(&fin);
    peer.send(&mut bench, Flags::ACK, b"");
    assert_eq!(bench.host.tcp_state(id), State::FinWait2);
}

/// Covers: RFC 4987 4987-7
#[test]
fn a_syn_cookie_takes_no_data() {
    let (mut bench, listener) = serving(SERVES);
    let cookie = cookie(&mut bench);
    let config = ListenConfig { cookies: stack::CookieUse::Always, ..ListenConfig::default() };
    let always = bench.listen("10.0.0.1:81", config);
    assert!(bench.host.tcp_listener_fast_open(always, SERVES));
    let mut peer = Peer::new("10.0.0.2:7", "10.0.0.1:81");
    let syn_ack = knock(&mut bench, &mut peer, &cookie, b"question");
    assert_eq!((syn_ack.header.ack, syn_ack.header.options.fast_open), (peer.seq - 8, None));
    assert_eq!(bench.host.tcp_counts().connections, 0);
    assert_eq!(bench.host.tcp_accept(listener), None);
}
