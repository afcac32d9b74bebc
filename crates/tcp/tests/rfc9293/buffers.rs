//! Buffers that grow with what the path holds, where there is memory to spare, and what may wait unsent.

use crate::lone::{ISS, Lone, Peer, by_the_book};
use crate::pair::Pair;
use env::Duration;
use handfast_tcp::{Event, SendFlags, Status, TcpConfig};
use wire::Payload;
use wire::tcp::{Flags, SackBlock};

const LEAST: u32 = 16 << 10;
const MOST: u32 = 1 << 20;

/// Fills a path of 50 ms for so long, as a user that always writes and another that always reads; both hosts have memory to
/// spare, or not. What the sender and the receiver say then.
fn fills(pair: &mut Pair, span: Duration, roomy: bool) -> (Status, Status) {
    let end = pair.now + span;
    while pair.now < end {
        pair.a.tcp().allow_growth(roomy);
        if let Some(tcp) = &mut pair.b.connection {
            tcp.allow_growth(roomy);
        }
        pair.write(true, &[7; 60_000]);
        assert!(pair.step());
    }
    (pair.a.tcp().status(), pair.b.tcp().status())
}

fn opening() -> Pair {
    let config = TcpConfig::default()
        .send_buffer_range(LEAST, MOST)
        .and_then(|config| config.receive_buffer_range(LEAST, MOST))
        .unwrap();
    let mut pair = Pair::new(config.clone(), config);
    pair.delay = Duration::from_millis(25);
    pair.open();
    pair
}

#[test]
fn buffers_grow_with_the_window_up_to_their_limit_while_there_is_memory_to_spare() {
    let mut pair = opening();
    let (sender, receiver) = fills(&mut pair, Duration::from_secs(1), true);
    assert!(sender.send_buffer > LEAST && sender.send_buffer <= MOST, "{}", sender.send_buffer);
    assert_eq!(sender.send_buffer, (2 * sender.cwnd).clamp(LEAST, MOST));
    let (later, receiver_later) = fills(&mut pair, Duration::from_secs(3), true);
    assert!(later.send_buffer >= sender.send_buffer && later.send_buffer <= MOST, "{}", later.send_buffer);
    assert!(receiver.receive_buffer > LEAST && receiver_later.receive_buffer >= receiver.receive_buffer);
    assert!(receiver_later.receive_buffer <= MOST, "{}", receiver_later.receive_buffer);
}

#[test]
fn nothing_grows_while_memory_is_tight_and_a_window_that_was_offered_stays() {
    let mut pair = opening();
    let (sender, receiver) = fills(&mut pair, Duration::from_secs(2), false);
    assert_eq!((sender.send_buffer, receiver.receive_buffer), (LEAST, LEAST));
    let (sender, receiver) = fills(&mut pair, Duration::from_secs(3), true);
    assert!(sender.send_buffer > LEAST && receiver.receive_buffer > LEAST);
    let (tight, later) = fills(&mut pair, Duration::from_secs(1), false);
    assert_eq!(tight.send_buffer, LEAST, "what is written from here on fits into the least");
    assert_eq!(later.receive_buffer, receiver.receive_buffer);
}

/// What is SACKed above a hole has left the network and is kept here all the same: did it count, nothing new could be written
/// while a hole is repaired, and the window would stand empty.
#[test]
fn what_is_kept_above_a_hole_leaves_room_to_write_what_the_window_asks_for() {
    let config = by_the_book().send_buffer_range(8_000, MOST).unwrap();
    let mut lone = Lone::established(config, &Peer { sack: true, ..Peer::plain() });
    lone.tcp.allow_growth(true);
    let write = |lone: &mut Lone| {
        lone.tcp.send(lone.now, Payload::copy_of(&[7; 60_000]), SendFlags::default()).unwrap_or(0)
    };
    assert_eq!(write(&mut lone), 20_000, "twice the window");
    assert_eq!(lone.sent().len(), 10);
    assert_eq!(write(&mut lone), 0);
    lone.advance(Duration::from_millis(10));
    lone.events.clear();
    let mut segment = lone.segment(Flags::ACK, 1, 1, 65_535, 0);
    segment.header.options.sack.push(SackBlock { start: ISS + 8_001, end: ISS + 10_001 });
    lone.handle(segment);
    lone.sent();
    let status = lone.tcp.status();
    assert_eq!((status.sacked, status.cwnd, status.send_buffer), (2_000, 10_000, 22_000));
    assert!(lone.events.contains(&Event::Writable), "{:?}", lone.events);
    assert_eq!(write(&mut lone), 2_000);
}

#[test]
fn no_more_waits_unsent_than_was_asked_for_and_the_writer_hears_of_room() {
    let mut pair = Pair::configured(TcpConfig::default().unsent_limit(Some(5_000)));
    assert_eq!(pair.write(true, &[7; 60_000]), 5_000);
    assert_eq!(pair.write(true, &[7; 60_000]), 0, "all of it is unsent still");
    pair.a.events.clear();
    pair.settle(Duration::from_secs(1));
    assert!(pair.a.has(Event::Writable), "{:?}", pair.a.events);
    // A window's worth leaves at once, and no more than the limit ever waits behind it.
    let mut most = 0;
    for _ in 0..200 {
        pair.write(true, &[7; 60_000]);
        most = most.max(pair.a.tcp().status().unsent);
        assert!(pair.step());
    }
    assert_eq!(most, 5_000);
    // Another limit counts from here on; none at all leaves the buffer's.
    pair.a.tcp().set_unsent_limit(Some(9_000));
    pair.settle(Duration::from_secs(1));
    assert_eq!(pair.write(true, &[7; 60_000]), 9_000);
    pair.settle(Duration::from_secs(1));
    pair.a.tcp().set_unsent_limit(None);
    assert_eq!(pair.write(true, &[7; 60_000]), 60_000);
    assert!(pair.b.received.iter().all(|&octet| octet == 7));
}
