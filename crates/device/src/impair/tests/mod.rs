//! What links do, by seed.

mod later;

use super::*;
use crate::memory::{self, tests::frame};
use crate::{Device, Medium};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::num::NonZeroU64;
use wire::{Checksum, Frame, Offload};

fn link(spec: &str) -> Link {
    Link::new(Medium::Ip, spec.parse().unwrap(), 1)
}

/// Packet `id` of `len` octets.
fn packet(id: u64, len: usize) -> Frame {
    Frame { id, ..frame(0x45, len) }
}

/// Sends `count` packets of 1,000 octets, `gap` apart; gives what arrived, and every event.
fn run(link: &mut Link, count: u64, gap: Duration) -> (Vec<Frame>, Vec<LinkEvent>) {
    let (mut got, mut events, mut now) = (Vec::new(), Vec::new(), Instant::ZERO);
    for id in 1..=count {
        while link.poll_timeout().is_some_and(|due| due <= now) {
            got.extend(link.poll(now, &mut |event| events.push(event)));
        }
        link.offer(now, packet(id, 1000), &mut |event| events.push(event));
        now += gap;
    }
    got.extend(std::iter::from_fn(|| link.poll(Instant::FAR, &mut |event| events.push(event))));
    (got, events)
}

fn ids(frames: &[Frame]) -> Vec<u64> {
    frames.iter().map(|frame| frame.id).collect()
}

#[test]
fn a_perfect_link_delivers_at_once_in_order_and_unchanged() {
    let mut link = link("");
    let verified = Offload { checksum: Checksum::Verified, ..Offload::default() };
    let sent = Frame { offload: verified, ..packet(9, 40) };
    let now = Instant::from_secs(3);
    link.offer(now, sent.clone(), &mut |_| {});
    assert_eq!(link.poll(now, &mut |_| {}), Some(Frame { arrived: now, ..sent }));
    let (got, events) = run(&mut self::link(""), 100, Duration::ZERO);
    assert_eq!(ids(&got), (1..=100).collect::<Vec<_>>());
    assert!(
        events.iter().all(|e| matches!(e.what, What::Delivered | What::Queued { delay: Duration::ZERO }))
    );
}

#[test]
fn delay_and_rate_add_up_and_the_stamp_is_the_arrival_not_the_turn() {
    // 1,000 octets at 8 Mbit/s take 1 ms each.
    let (got, _) = run(&mut link("delay=20ms,rate=8mbit"), 3, Duration::ZERO);
    assert_eq!(got.iter().map(|frame| frame.arrived.as_millis()).collect::<Vec<_>>(), [21, 22, 23]);
}

#[test]
fn the_queue_of_a_slow_link_drops_its_tail_by_packets_or_by_octets() {
    for (queue, arrive) in [("2", 3), ("0", 1), ("9/2500B", 3), ("9/999B", 1)] {
        let mut link = link(&format!("rate=8mbit,queue={queue}"));
        let (got, events) = run(&mut link, 10, Duration::ZERO);
        assert_eq!(ids(&got), (1..=arrive).collect::<Vec<_>>(), "{queue}");
        assert_eq!(link.counters().lost_by(Lost::QueueFull), 10 - arrive);
        assert!(events.iter().any(|e| e.id == arrive + 1 && e.what == What::Lost(Lost::QueueFull)));
    }
    // Room comes back as packets leave.
    let (got, _) = run(&mut link("rate=8mbit,queue=0"), 10, Duration::from_millis(1));
    assert_eq!(got.len(), 10);
}

#[test]
fn jitter_keeps_order_unless_it_may_shuffle_and_never_arrives_before_it_left() {
    let spread = |frames: &[Frame]| {
        frames
            .iter()
            .map(|f| f.arrived.since(Instant::from_millis(f.id - 1)).as_millis() as u64)
            .collect::<Vec<_>>()
    };
    let (got, _) = run(&mut link("delay=20ms,jitter=15ms"), 1000, Duration::from_millis(1));
    assert!(got.is_sorted_by_key(|frame| frame.id));
    assert!(spread(&got).into_iter().all(|delay| (5..=35).contains(&delay)));
    let (got, _) = run(&mut link("delay=20ms,jitter=15ms,shuffle"), 1000, Duration::from_millis(1));
    assert!(!got.is_sorted_by_key(|frame| frame.id));
    assert!(got.is_sorted_by_key(|frame| frame.arrived));
    let delays = spread(&got);
    assert!(delays.iter().all(|delay| (5..=35).contains(delay)));
    assert!(delays.iter().any(|&d| d < 8) && delays.iter().any(|&d| d > 32));
    let (got, _) = run(&mut link("delay=1ms,jitter=15ms,shuffle"), 1000, Duration::from_millis(1));
    assert!(got.iter().all(|frame| frame.arrived >= Instant::from_millis(frame.id - 1)));
}

#[test]
fn bursts_lose_in_runs_of_the_promised_share_and_length() {
    let (got, _) = run(&mut link("burst=1%/25%"), 100_000, Duration::ZERO);
    let lost = 100_000 - got.len();
    // p / (p + r) = 3.85 % of packets in runs of 1 / r = 4.
    assert!((3_400..4_300).contains(&lost), "{lost}");
    let runs = got.windows(2).filter(|two| two[1].id != two[0].id + 1).count();
    let mean = lost as f64 / runs as f64;
    assert!((3.6..4.4).contains(&mean), "{mean}");
}

#[test]
fn a_packet_held_back_is_overtaken_and_told_of() {
    let mut link = link("delay=5ms,reorder=10%/3500us");
    let (got, events) = run(&mut link, 1000, Duration::from_millis(1));
    let held: Vec<_> = events.iter().filter(|e| e.what == What::Reordered).map(|e| e.id).collect();
    assert_eq!(held.len() as u64, link.counters().reordered);
    assert!((70..130).contains(&held.len()), "{}", held.len());
    for frame in &got {
        let late = frame.arrived.since(Instant::from_millis(frame.id - 1));
        let want = if held.contains(&frame.id) { 8_500 } else { 5_000 };
        assert_eq!(late, Duration::from_micros(want));
    }
}

#[test]
fn a_corrupted_packet_differs_in_the_told_bit_and_must_be_checked_again() {
    let mut link = link("corrupt=100%");
    let verified = Offload { checksum: Checksum::Verified, ..Offload::default() };
    let mut hit = std::collections::HashSet::new();
    for id in 0..500 {
        let sent = Frame { offload: verified, ..packet(id, 20) };
        let mut bit = None;
        link.offer(Instant::ZERO, sent.clone(), &mut |event| {
            if let What::Corrupted { bit: which } = event.what {
                bit = Some(which);
            }
        });
        let got = link.poll(Instant::ZERO, &mut |_| {}).unwrap();
        assert_eq!(got.offload.checksum, Checksum::InPacket);
        let mut octets = sent.to_vec();
        octets[bit.unwrap() as usize / 8] ^= 0x80 >> (bit.unwrap() % 8);
        assert_eq!((got.to_vec(), got.id), (octets, id));
        hit.insert(bit.unwrap());
    }
    assert!(hit.len() > 140, "all bits of the packet are within reach: {} of 160", hit.len());
}

#[test]
fn corruption_leaves_the_ethernet_header_alone_and_finishes_a_partial_checksum_first() {
    let mut link = Link::new(Medium::Ethernet, "corrupt=1".parse().unwrap(), 5);
    for _ in 0..200 {
        link.offer(Instant::ZERO, frame(0, 16), &mut |_| {});
        let got = link.poll(Instant::ZERO, &mut |_| {}).unwrap().to_vec();
        assert_eq!(got[..14], [0; 14]);
        assert_eq!(got[14..].iter().map(|octet| octet.count_ones()).sum::<u32>(), 1);
    }
    let partial = Offload { checksum: Checksum::Partial { start: 0, offset: 6 }, ..Offload::default() };
    let mut link = Link::new(Medium::Ip, "corrupt=1".parse().unwrap(), 5);
    link.offer(Instant::ZERO, Frame { offload: partial, ..frame(0x11, 8) }, &mut |_| {});
    let got = link.poll(Instant::ZERO, &mut |_| {}).unwrap();
    let sum = !0x4444u16;
    let mut complete = vec![0x11; 6];
    complete.extend(sum.to_be_bytes());
    let differ: u32 = complete.iter().zip(got.to_vec()).map(|(a, b)| (a ^ b).count_ones()).sum();
    assert_eq!((differ, got.offload), (1, Offload::default()));
}

#[test]
fn a_cut_loses_what_enters_and_what_would_leave_and_then_heals() {
    let mut link = link("delay=5ms,cut=10ms-20ms");
    let (got, events) = run(&mut link, 30, Duration::from_millis(1));
    // Sent at 0 … 29 ms; those of 5 … 19 ms arrive in it or enter in it.
    assert_eq!(ids(&got), (1..=5).chain(21..=30).collect::<Vec<_>>());
    assert_eq!(events.iter().filter(|e| e.what == What::Lost(Lost::Cut)).count(), 15);
    link.cut(Instant::FAR - Duration::from_secs(9), Instant::FAR);
    link.offer(Instant::FAR - Duration::from_secs(1), packet(1, 40), &mut |_| {});
    assert_eq!(link.counters().lost_by(Lost::Cut), 16);
}

#[test]
fn the_mtu_and_the_list_are_exact() {
    let mut link = link("mtu=100,drop=2+4");
    let mut fates = Vec::new();
    for (id, len) in [(1, 100), (2, 100), (3, 101), (4, 50), (5, 50)] {
        link.offer(Instant::ZERO, packet(id, len), &mut |event| fates.push((event.id, event.what)));
    }
    let queued = What::Queued { delay: Duration::ZERO };
    let lost = What::Lost;
    let judged = lost(Lost::Judged);
    assert_eq!(fates, [(1, queued), (2, judged), (3, lost(Lost::TooLarge)), (4, judged), (5, queued)]);
}

#[test]
fn a_judge_decides_before_chance_does() {
    let mut link = link("delay=1ms");
    link.set_judge(|_, count| match count {
        1 => Verdict::Drop,
        2 => Verdict::Delay(Duration::from_millis(5)),
        3 => Verdict::Duplicate,
        4 => Verdict::Corrupt,
        _ => Verdict::Pass,
    });
    let (got, events) = run(&mut link, 5, Duration::ZERO);
    assert_eq!(ids(&got), [3, 3, 4, 5, 2]);
    assert_ne!(got[2].to_vec(), packet(4, 1000).to_vec());
    assert_eq!(got[4].arrived, Instant::from_millis(6));
    for (id, what) in [(1, What::Lost(Lost::Judged)), (2, What::Reordered), (3, What::Duplicated)] {
        assert!(events.iter().any(|event| (event.id, event.what) == (id, what)));
    }
}

#[test]
fn turning_one_impairment_on_leaves_what_the_others_do_as_it_was() {
    let arrivals = |spec: &str| {
        let (got, _) = run(&mut link(spec), 2000, Duration::from_millis(1));
        got.into_iter().map(|frame| (frame.id, frame.arrived)).collect::<Vec<_>>()
    };
    let without = arrivals("delay=9ms,jitter=3ms,shuffle,loss=10%");
    let with = arrivals("delay=9ms,jitter=3ms,shuffle,loss=10%,corrupt=50%,burst=1%/20%");
    assert!(with.iter().all(|arrival| without.contains(arrival)));
    assert!(with.len() < without.len());
}

#[test]
fn each_packet_of_a_train_has_a_fate_of_its_own() {
    use crate::software::tests::{check_packet, train};
    let mut link = link("drop=2");
    let mut fates = Vec::new();
    link.offer(Instant::ZERO, train(250), &mut |event| {
        fates.push((event.id, event.part, event.octets, event.what))
    });
    let queued = What::Queued { delay: Duration::ZERO };
    assert_eq!(fates, [(5, 0, 140, queued), (5, 1, 140, What::Lost(Lost::Judged)), (5, 2, 90, queued)]);
    let texts: Vec<_> = std::iter::from_fn(|| link.poll(Instant::ZERO, &mut |_| {}))
        .map(|packet| check_packet(&packet.contiguous()))
        .collect();
    assert_eq!(texts, [(100, 0), (50, 200)]);
    let junk = Frame { head: wire::Head::new(), ..train(250) };
    link.offer(Instant::ZERO, junk, &mut |event| assert_eq!(event.what, What::Lost(Lost::Malformed)));
    assert_eq!((link.counters().lost_by(Lost::Malformed), link.in_flight()), (1, 0));
}

#[test]
fn what_is_on_the_way_is_bounded() {
    let mut link = link("delay=1s");
    for id in 0..MAX_IN_FLIGHT as u64 + 10 {
        link.offer(Instant::ZERO, packet(id, 1), &mut |_| {});
    }
    assert_eq!((link.in_flight(), link.counters().lost_by(Lost::InFlight)), (MAX_IN_FLIGHT, 10));
}

proptest! {
    /// Each rate comes out within five standard deviations (and a packet or two) of what was asked for.
    #[test]
    fn rates_are_as_asked_for_whatever_the_seed(
        seed in any::<u64>(), loss in 0.0f64..0.5, reorder in 0.0f64..0.5, duplicate in 0.0f64..0.5,
        corrupt in 0.0f64..0.5,
    ) {
        let profile = Profile { loss, reorder, duplicate, corrupt, ..Profile::default() };
        let mut link = Link::new(Medium::Ip, profile, seed);
        run(&mut link, 4000, Duration::from_millis(1));
        let counters = link.counters();
        let close = |count: u64, of: u64, share: f64| {
            let want = of as f64 * share;
            (count as f64 - want).abs() <= 5.0 * (want * (1.0 - share)).sqrt() + 2.0
        };
        prop_assert!(close(counters.lost_by(Lost::Chance), 4000, loss));
        let through = 4000 - counters.lost();
        prop_assert!(close(counters.reordered, through, reorder));
        prop_assert!(close(counters.duplicated, through, duplicate));
        prop_assert!(close(counters.corrupted, through, corrupt));
    }

    #[test]
    fn the_same_seed_tells_the_same_story_and_nothing_comes_from_nowhere(
        seed in any::<u64>(), loss in 0.0f64..0.3, burst in proptest::bool::ANY, shuffle in any::<bool>(),
        jitter in 0u64..20, rate in proptest::option::of(1_000_000u64..100_000_000), queue in 0usize..20,
        gap in 0u64..2_000, stop in 0u64..400,
    ) {
        let profile = Profile {
            loss, shuffle, reorder: 0.1, duplicate: 0.1, corrupt: 0.1,
            burst: burst.then_some(Burst { enter: 0.05, leave: 0.3, bad: 0.9, good: 0.01 }),
            delay: Duration::from_millis(10), jitter: Duration::from_millis(jitter),
            rate: rate.and_then(NonZeroU64::new), queue: Queue { packets: queue, octets: 10_000 },
            cuts: vec![Cut { from: Instant::from_millis(30), until: Instant::from_millis(35) }],
            drop: vec![7], ..Profile::default()
        };
        let mut one = Link::new(Medium::Ip, profile.clone(), seed);
        let mut two = Link::new(Medium::Ip, profile, seed);
        let gap = Duration::from_micros(gap);
        let (got, events) = run(&mut one, 400, gap);
        prop_assert_eq!(&(got.clone(), events.clone()), &run(&mut two, 400, gap));

        let counters = one.counters();
        prop_assert_eq!(counters.offered + counters.duplicated, counters.delivered + counters.lost());
        let told = |of: fn(&What) -> bool| events.iter().filter(|event| of(&event.what)).count() as u64;
        prop_assert_eq!(told(|what| matches!(what, What::Lost(_))), counters.lost());
        prop_assert_eq!(told(|what| *what == What::Delivered), counters.delivered);
        prop_assert_eq!(told(|what| *what == What::Duplicated), counters.duplicated);
        prop_assert_eq!(got.len() as u64, counters.delivered);
        prop_assert!(got.is_sorted_by_key(|frame| frame.arrived));

        // In the middle too, what is in flight makes up the difference; and a clone goes on alike.
        let mut part = Link::new(Medium::Ip, one.profile().clone(), seed);
        for id in 0..stop {
            part.offer(Instant::ZERO + gap * id as u32, packet(id, 100), &mut |_| {});
        }
        let counters = part.counters();
        prop_assert_eq!(
            counters.offered + counters.duplicated,
            counters.delivered + counters.lost() + part.in_flight() as u64
        );
        let mut clone = part.clone();
        prop_assert_eq!(run(&mut part, 50, gap), run(&mut clone, 50, gap));
    }
}

#[test]
fn a_device_behind_links_is_delayed_both_ways_and_says_when_to_turn_it() {
    let (a, mut b) = memory::pair(memory::Config::default());
    let (out, into) = ("delay=20ms".parse().unwrap(), "delay=30ms,drop=1".parse().unwrap());
    let mut a = Impaired::new(a, out, into, 1);
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let book = told.clone();
    a.on_event(move |direction, event| book.lock().unwrap().push((direction, event.id, event.what)));

    let mut got = Vec::new();
    assert_eq!(a.transmit(Instant::ZERO, &mut [packet(1, 40)].into()).unwrap(), 1);
    b.transmit(Instant::ZERO, &mut [packet(2, 40), packet(3, 40)].into()).unwrap();
    assert_eq!(a.receive(Instant::ZERO, &mut got).unwrap(), 0);
    assert_eq!(a.poll_timeout(), Some(Instant::from_millis(20)));
    let due = Instant::from_millis(20);
    a.transmit(due, &mut VecDeque::new()).unwrap();
    assert_eq!(b.receive(due, &mut Vec::new()).unwrap(), 1);
    assert_eq!(a.poll_timeout(), Some(Instant::from_millis(30)));
    assert_eq!(a.receive(Instant::from_millis(33), &mut got).unwrap(), 1);
    assert_eq!((got[0].id, got[0].arrived), (3, Instant::from_millis(30)));
    assert_eq!((a.poll_timeout(), a.counters().impaired), (None, 1));
    let told = told.lock().unwrap();
    assert!(told.contains(&(Direction::Out, 1, What::Delivered)));
    assert!(told.contains(&(Direction::In, 2, What::Lost(Lost::Judged))));
}

#[test]
fn what_is_ahead_of_its_time_enters_the_link_at_its_time() {
    let (a, mut b) = memory::pair(memory::Config::default());
    let mut a = Impaired::new(a, "delay=1ms".parse().unwrap(), Profile::default(), 1);
    assert_eq!(a.capabilities().ahead, Duration::from_millis(1));
    let micros = Instant::from_micros;
    let leaving = |id, leaves| Frame { leaves, ..packet(id, 40) };
    let early =
        [leaving(1, micros(700)), leaving(2, micros(900)), leaving(3, micros(500)), leaving(4, micros(0))];
    assert_eq!(a.transmit(micros(10), &mut early.into()).unwrap(), 4);
    assert_eq!(a.poll_timeout(), Some(micros(500)));
    // It is turned late, and then with something that leaves at once.
    a.transmit(micros(800), &mut [packet(5, 40)].into()).unwrap();
    assert_eq!(a.poll_timeout(), Some(micros(900)));
    let (mut got, mut arrivals) = (Vec::new(), Vec::new());
    while let Some(due) = a.poll_timeout() {
        a.receive(due, &mut Vec::new()).unwrap();
        let before = got.len();
        b.receive(due, &mut got).unwrap();
        arrivals.resize(arrivals.len() + got.len() - before, due);
    }
    assert_eq!(ids(&got), [4, 3, 1, 5, 2]);
    assert_eq!(arrivals, [1_010, 1_500, 1_700, 1_800, 1_900].map(micros));
    assert!(got.iter().all(|frame| frame.leaves == Instant::ZERO));
}

#[test]
fn a_device_that_takes_nothing_is_tried_again_and_nothing_is_lost() {
    let (a, mut b) = memory::pair(memory::Config { queue: 10, ..memory::Config::default() });
    let mut a = Impaired::new(a, Profile::default(), Profile::default(), 1);
    let mut sent: VecDeque<_> = (0..2000).map(|id| packet(id, 40)).collect();
    let (mut now, mut got) = (Instant::ZERO, Vec::new());
    a.transmit(now, &mut sent).unwrap();
    assert!(!sent.is_empty(), "what waits inside is bounded");
    assert!(a.poll_timeout().is_some_and(|retry| retry > now), "it asks to be tried again");
    while got.len() < 2000 {
        now = a.poll_timeout().unwrap_or(now);
        b.receive(now, &mut got).unwrap();
        a.transmit(now, &mut sent).unwrap();
    }
    assert_eq!(ids(&got), (0..2000).collect::<Vec<_>>());
}
