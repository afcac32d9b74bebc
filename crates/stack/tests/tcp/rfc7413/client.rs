//! §4.1.3, §4.2: a client.

use super::{ASKS, option};
use crate::bench::{Bench, Seen, at};
use env::Duration;
use stack::{ConnectOptions, ConnectionId, FastOpenConnect};
use tcp::fast_open::FastOpenState;
use tcp::{SendFlags, State};
use wire::tcp::{FastOpenCookie, Flags, Header, Options};
use wire::{Payload, SeqNum, WireWindow};

const SERVER: &str = "10.0.0.2:80";
const COOKIE: &[u8] = &[0xab, 0xcd, 0x12, 0x34];
const SYN_ACK: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());
const THEIRS: SeqNum = SeqNum::new(9_000);

/// OPEN with so many octets; its name, and how many went with the SYN.
fn open(bench: &mut Bench, octets: usize) -> (ConnectionId, usize) {
    open_as(bench, octets, ASKS)
}

fn open_as(bench: &mut Bench, octets: usize, how: FastOpenConnect) -> (ConnectionId, usize) {
    let data: Vec<u8> = (0..octets).map(|n| n as u8).collect();
    let options = ConnectOptions::to(at(SERVER));
    bench.host.tcp_connect_with(bench.now, options, how, data.into()).expect("a connection")
}

/// The server answers `to` with `flags`, acknowledging up to `ack` after the SYN's own number.
fn answer(bench: &mut Bench, to: &Seen, flags: Flags, ack: u32, options: Options) {
    let header = Header {
        seq: THEIRS,
        ack: to.header.seq + 1 + ack,
        flags,
        window: WireWindow::new(60_000),
        options,
        ..Header::default()
    };
    bench.arrive(to.dst, to.src, &header, b"");
}

fn options(mss: u16, cookie: Option<&[u8]>) -> Options {
    Options { mss: Some(mss), fast_open: cookie.and_then(option), ..Options::NONE }
}

/// Asks for a cookie, gets it, and closes.
fn acquainted(mss: u16) -> Bench {
    let mut bench = Bench::new();
    let (id, taken) = open(&mut bench, 100);
    assert_eq!(taken, 0);
    let syn = bench.one();
    assert!(syn.payload.is_empty() && asks(&syn));
    answer(&mut bench, &syn, SYN_ACK, 0, options(mss, Some(COOKIE)));
    bench.sent();
    assert_eq!(bench.host.tcp_fast_open_state(id), Some(FastOpenState::Given));
    bench.host.tcp_abort(bench.now, id);
    bench.sent();
    bench
}

fn asks(syn: &Seen) -> bool {
    syn.header.options.fast_open.as_ref().is_some_and(|cookie| cookie.is_request())
}

fn cookie(syn: &Seen) -> Option<&[u8]> {
    syn.header.options.fast_open.as_ref().map(|cookie| cookie.as_slice())
}

/// Covers: RFC 7413 7413-1
#[test]
fn a_plain_open_has_no_option_even_where_there_is_a_cookie() {
    let mut bench = acquainted(1460);
    bench.host.tcp_connect(bench.now, ConnectOptions::to(at(SERVER))).expect("a connection");
    assert_eq!(bench.one().header.options.fast_open, None);
}

/// Covers: RFC 7413 7413-4, 7413-8
#[test]
fn the_first_open_asks_and_the_second_sends_data_with_the_cookie() {
    let mut bench = acquainted(940);
    let to = ConnectOptions::to(at(SERVER));
    assert!(bench.host.tcp_may_connect_with(bench.now, &to, ASKS));
    let (id, taken) = open(&mut bench, 2_000);
    assert_eq!(taken, 900, "what the peer takes, beside the longest options");
    let syn = bench.one();
    assert_eq!((syn.flags(), syn.payload.len(), cookie(&syn)), (Flags::SYN, 900, Some(COOKIE)));
    let (new, mss) = ([1, 2, 3, 4, 5, 6, 7, 8], 1_000);
    answer(&mut bench, &syn, SYN_ACK, 900, options(mss, Some(&new)));
    let ack = bench.one();
    assert_eq!((ack.flags(), ack.payload.len()), (Flags::ACK, 0));
    assert_eq!(ack.header.seq, syn.header.seq + 901);
    assert_eq!(bench.host.tcp_fast_open_state(id), Some(FastOpenState::Accepted));
    assert_eq!(bench.host.tcp_status(id).map(|status| status.queued), Some(0));

    let (_, taken) = open(&mut bench, 2_000);
    let syn = bench.one();
    assert_eq!((taken, cookie(&syn)), (960, Some(&new[..])), "the newest cookie and size");
}

/// Covers: RFC 7413 7413-10
#[test]
fn what_is_not_acknowledged_with_the_syn_goes_with_the_third_segment() {
    for acked in [0, 9, 99] {
        let mut bench = acquainted(1460);
        let (id, taken) = open(&mut bench, 100);
        assert_eq!(taken, 100);
        let syn = bench.one();
        answer(&mut bench, &syn, SYN_ACK, acked, options(1460, Some(COOKIE)));
        let third = bench.one();
        assert_eq!(third.header.seq, syn.header.seq + 1 + acked);
        assert_eq!(third.payload, &syn.payload[acked as usize..]);
        assert_eq!(bench.host.tcp_fast_open_state(id), Some(FastOpenState::Refused));
        assert_eq!(bench.host.tcp_state(id), State::Established);
        let (_, taken) = open(&mut bench, 100);
        assert_eq!(taken, 100, "the cookie is as good as before");
    }
}

#[test]
fn a_refused_syn_goes_again_in_pieces_that_the_peer_takes() {
    let mut bench = acquainted(1460);
    let (id, taken) = open(&mut bench, 2_000);
    assert_eq!(taken, 1_420);
    let rest = bench.host.tcp_send(bench.now, id, Payload::copy_of(&[9; 580]), SendFlags::default());
    assert_eq!(rest, Ok(580));
    let syn = bench.one();
    answer(&mut bench, &syn, SYN_ACK, 0, options(1_000, None));
    let sent: Vec<Seen> = bench.sent();
    let lengths: Vec<usize> = sent.iter().map(|seen| seen.payload.len()).collect();
    assert_eq!(lengths, [1_000, 420], "as it went; what was written after it waits behind the small piece");
    let status = bench.host.tcp_status(id).expect("open");
    assert_eq!((status.in_flight, status.cwnd), (1_420, 10_000), "no congestion is to blame");
    let header = Header {
        seq: THEIRS + 1,
        ack: syn.header.seq + 1_421,
        flags: Flags::ACK,
        window: WireWindow::new(60_000),
        ..Header::default()
    };
    bench.arrive(syn.dst, syn.src, &header, b"");
    let data: Vec<u8> = sent.into_iter().chain([bench.one()]).flat_map(|seen| seen.payload).collect();
    let expected: Vec<u8> = (0..1_420).map(|n| n as u8).chain([9; 580]).collect();
    assert_eq!(data, expected, "once, and in order");
}

/// Covers: RFC 7413 7413-11, 7413-5
#[test]
fn a_syn_that_is_lost_goes_again_plain_and_the_way_is_spared_for_a_while() {
    let mut bench = acquainted(1460);
    let (id, _) = open(&mut bench, 100);
    let syn = bench.one();
    let again = bench.pass(1_500);
    let [(1_000, plain)] = &again[..] else { panic!("{again:?}") };
    assert_eq!((plain.flags(), plain.payload.len(), cookie(plain)), (Flags::SYN, 0, None));
    assert_eq!(plain.header.seq, syn.header.seq);
    answer(&mut bench, plain, SYN_ACK, 0, options(1460, None));
    let third = bench.one();
    assert_eq!(third.payload, syn.payload, "the data follows at once");
    assert_eq!(bench.host.tcp_fast_open_state(id), Some(FastOpenState::Lost));

    let (_, taken) = open(&mut bench, 100);
    let syn = bench.one();
    assert_eq!((taken, syn.header.options.fast_open), (0, None), "neither data nor option");
    bench.now += Duration::from_secs(61);
    let (_, taken) = open(&mut bench, 100);
    assert_eq!(taken, 100);
}

#[test]
fn a_late_answer_to_the_first_syn_counts() {
    let mut bench = acquainted(1460);
    let (id, _) = open(&mut bench, 100);
    let syn = bench.one();
    assert_eq!(bench.pass(1_500).len(), 1);
    answer(&mut bench, &syn, SYN_ACK, 100, options(1460, None));
    assert_eq!(bench.one().payload.len(), 0);
    assert_eq!(bench.host.tcp_fast_open_state(id), Some(FastOpenState::Accepted));
    assert_eq!(open(&mut bench, 100).1, 100);
}

/// Covers: RFC 7413 7413-5
#[test]
fn a_peer_that_never_answers_is_not_tried_so_again() {
    let mut bench = acquainted(1460);
    open(&mut bench, 100);
    assert!(bench.pass(250_000).len() > 5);
    assert_eq!(open(&mut bench, 100).1, 0);
}

#[test]
fn a_syn_ack_of_what_was_never_sent_is_refused_and_teaches_nothing() {
    let mut bench = acquainted(940);
    open(&mut bench, 100);
    let syn = bench.one();
    answer(&mut bench, &syn, SYN_ACK, 100_000, options(500, Some(&[7; 8])));
    let reset = bench.one();
    assert_eq!((reset.flags(), reset.header.seq), (Flags::RST, syn.header.seq + 100_001));
    let (_, taken) = open(&mut bench, 2_000);
    assert_eq!((taken, cookie(&bench.one())), (900, Some(COOKIE)));
}

#[test]
fn a_syn_ack_that_echoes_no_clock_of_ours_is_reset_and_the_right_one_still_opens() {
    let mut bench = acquainted(1460);
    let (id, _) = open(&mut bench, 100);
    let syn = bench.one();
    let ours = syn.header.options.timestamps.expect("timestamps").value;
    for (echo, flags) in
        [(ours.wrapping_sub(1), Flags::RST), (ours.wrapping_add(9_999), Flags::RST), (ours, Flags::ACK)]
    {
        assert_eq!(bench.host.tcp_state(id), State::SynSent);
        let timestamps = Some(wire::tcp::Timestamps { value: 7, echo });
        answer(&mut bench, &syn, SYN_ACK, 100, Options { timestamps, ..options(1460, None) });
        let seen = bench.one();
        assert_eq!((seen.flags(), seen.header.seq), (flags, syn.header.seq + 101));
    }
    assert_eq!(bench.host.tcp_state(id), State::Established);
}

#[test]
fn a_refused_connection_says_so_and_the_cookie_stays() {
    let mut bench = acquainted(1460);
    let (id, _) = open(&mut bench, 100);
    let syn = bench.one();
    answer(&mut bench, &syn, Flags::RST | Flags::ACK, 0, Options::NONE);
    assert_eq!(bench.host.tcp_state(id), State::Closed);
    assert_eq!(open(&mut bench, 100).1, 100);
}

#[test]
fn a_cookie_that_was_not_asked_for_is_not_kept() {
    let mut bench = Bench::new();
    let bare = FastOpenConnect { cookie: false };
    let (_, taken) = open_as(&mut bench, 2_000, bare);
    let syn = bench.one();
    assert_eq!((taken, syn.payload.len(), cookie(&syn)), (1_420, 1_420, None));
    answer(&mut bench, &syn, SYN_ACK, 1_420, options(1460, Some(COOKIE)));
    bench.sent();
    open(&mut bench, 100);
    assert!(asks(&bench.one()));
}

#[test]
fn syns_that_cross_make_one_connection_and_the_data_arrives_once() {
    let mut bench = acquainted(1460);
    let (id, _) = open(&mut bench, 100);
    let syn = bench.one();
    let header = Header {
        seq: THEIRS,
        flags: Flags::SYN,
        window: WireWindow::new(60_000),
        options: options(1_040, Some(&[5; 8])),
        ..Header::default()
    };
    bench.arrive(syn.dst, syn.src, &header, b"theirs");
    let syn_ack = bench.sent().remove(0);
    assert_eq!((syn_ack.flags(), syn_ack.payload.len(), cookie(&syn_ack)), (SYN_ACK, 0, None));
    assert_eq!(syn_ack.header.seq, syn.header.seq);
    let mut header = Header { ack: syn.header.seq + 1, flags: SYN_ACK, ..header };
    header.options = options(1_040, None);
    bench.arrive(syn.dst, syn.src, &header, b"");
    assert_eq!(bench.host.tcp_state(id), State::Established);
    let data: Vec<u8> = bench.sent().into_iter().flat_map(|seen| seen.payload).collect();
    assert_eq!(data, syn.payload);
}

#[test]
fn a_path_that_takes_less_is_asked_again_at_once_with_a_plain_syn() {
    let mut bench = acquainted(1460);
    let (id, _) = open(&mut bench, 1_400);
    let syn = bench.one();
    let (source, destination) = (syn.src, syn.dst);
    let packet = crate::bench::packet(source, destination, &syn.header, &syn.payload);
    crate::rfc1191::too_big(&mut bench, &packet, 840);
    let again = bench.one();
    assert_eq!((again.flags(), again.payload.len(), cookie(&again)), (Flags::SYN, 0, None));
    assert_eq!(again.header.options.mss, Some(800));
    answer(&mut bench, &again, SYN_ACK, 0, options(1460, None));
    let sent = bench.sent();
    assert!(sent.iter().all(|seen| seen.payload.len() <= 800));
    let data: Vec<u8> = sent.into_iter().flat_map(|seen| seen.payload).collect();
    assert_eq!(data, syn.payload, "all of it at once: nothing was lost to congestion");
    assert_eq!(bench.host.tcp_state(id), State::Established);
}

#[test]
fn the_experimental_form_is_learned_and_spoken() {
    let mut bench = Bench::new();
    open(&mut bench, 10);
    let syn = bench.one();
    answer(&mut bench, &syn, SYN_ACK, 0, options(1460, None));
    bench.sent();
    open(&mut bench, 10);
    let syn = bench.one();
    assert!(asks(&syn) && syn.header.options.fast_open.as_ref().is_some_and(|c| c.is_experimental()));
    let given = FastOpenCookie::new(COOKIE).map(|cookie| Box::new(cookie.experimental(true)));
    answer(&mut bench, &syn, SYN_ACK, 0, Options { fast_open: given.clone(), ..options(1460, None) });
    bench.sent();
    assert_eq!(open(&mut bench, 10).1, 10);
    assert_eq!(bench.one().header.options.fast_open, given);
}
