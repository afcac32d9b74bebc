//! Buffers that grow with what the path holds, where there is memory to spare, and what may wait unsent.

use crate::pair::Pair;
use env::Duration;
use handfast_tcp::{Event, Status, TcpConfig};

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
