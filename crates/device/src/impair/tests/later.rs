//! What becomes of a link later, marks, and how long what is held back is held back.

use super::*;
use std::net::Ipv4Addr;
use wire::{Ecn, Head, Protocol, ipv4};

/// Milliseconds at which each packet arrived.
fn arrivals(frames: &[Frame]) -> Vec<u64> {
    frames.iter().map(|frame| frame.arrived.as_millis()).collect()
}

#[test]
fn what_waits_when_the_rate_changes_leaves_at_the_new_rate() {
    // 1,000 octets take 1 ms at 8 Mbit/s and 2 ms at 4 Mbit/s; the third one is half sent when it changes.
    let (got, _) = run(&mut link("rate=8mbit,rate=4mbit@2500us"), 5, Duration::ZERO);
    assert_eq!(got.iter().map(|f| f.arrived.as_micros()).collect::<Vec<_>>(), [1000, 2000, 3500, 5500, 7500]);
    let (got, _) = run(&mut link("rate=4mbit,rate=8mbit@6ms,rate=2mbit@2ms"), 4, Duration::ZERO);
    // 2 ms, then 4 ms at the slowest, then at the fastest.
    assert_eq!(arrivals(&got), [2, 6, 7, 8]);
    // A rate that comes to a link without one holds up only what comes after it.
    let (got, _) = run(&mut link("rate=8mbit@1ms"), 3, Duration::from_millis(1));
    assert_eq!(arrivals(&got), [0, 2, 3]);
}

#[test]
fn mtu_delay_and_loss_become_others_in_silence() {
    let mut link = link("mtu=1280@10ms,mtu=1500,delay=1ms,delay=5ms@20ms,loss=100%@30ms");
    let (got, events) = run(&mut link, 40, Duration::from_millis(1));
    assert_eq!(arrivals(&got)[..2], [1, 2]);
    assert_eq!((got[20].id, got[20].arrived), (21, Instant::from_millis(25)));
    assert_eq!(got.len(), 30);
    assert_eq!(link.counters().lost_by(Lost::Chance), 10);
    assert!(events.iter().all(|event| event.what != What::Lost(Lost::TooLarge)));
    let mut sizes = Vec::new();
    let mut narrow = self::link("mtu=1280@10ms");
    for at in [9, 10] {
        narrow.offer(Instant::from_millis(at), packet(at, 1400), &mut |event| sizes.push(event.what));
    }
    assert_eq!(sizes, [What::Queued { delay: Duration::ZERO }, What::Lost(Lost::TooLarge)]);
}

#[test]
fn a_profile_for_a_later_clock_does_the_same_later() {
    let text = "rate=8mbit,cut=2ms-4ms,rate=4mbit@6ms,mtu=500@8ms";
    let by = Duration::from_secs(7);
    let early: Profile = text.parse().unwrap();
    let late = early.clone().later(by);
    let fates = |profile: Profile, start: Instant| {
        let mut link = Link::new(Medium::Ip, profile, 3);
        let mut fates = Vec::new();
        for n in 0..10 {
            let at = start + Duration::from_millis(n);
            link.offer(at, packet(n, 600), &mut |event| fates.push((event.id, event.what)));
        }
        fates
    };
    assert_eq!(fates(early, Instant::ZERO), fates(late, Instant::ZERO + by));
}

#[test]
fn held_back_for_any_time_is_uniform_up_to_the_most() {
    let mut link = link("delay=5ms,reorder=10%/0-20ms");
    let (got, events) = run(&mut link, 20_000, Duration::from_millis(1));
    let held: std::collections::HashSet<_> =
        events.iter().filter(|event| event.what == What::Reordered).map(|event| event.id).collect();
    let late = |frame: &Frame| frame.arrived.since(Instant::from_millis(frame.id - 1)).as_secs_f64() - 0.005;
    assert!(got.iter().all(|frame| (late(frame) > 0.0) == held.contains(&frame.id)));
    let lates: Vec<_> = got.iter().map(late).filter(|&late| late > 0.0).collect();
    assert!((1_700..2_300).contains(&lates.len()));
    let quarter = |n: usize| lates.iter().filter(|&&late| late <= 0.005 * n as f64).count() as f64;
    for n in 1..4 {
        assert!((quarter(n) / lates.len() as f64 - n as f64 / 4.0).abs() < 0.05);
    }
    assert_eq!(quarter(4) as usize, lates.len());
}

/// What a router of RFC 3168 §5 does.
#[test]
fn what_finds_too_much_waiting_is_marked_and_still_delivered() {
    let capable = |id| {
        let mut head = Head::new();
        let (src, dst) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let ecn = if id == 5 { Ecn::NotEct } else { Ecn::Ect0 };
        ipv4::Repr { ecn, ..ipv4::Repr::new(src, dst, Protocol::TCP) }.prepend_to(&mut head, 980).unwrap();
        Frame { head, body: vec![0; 980].into(), id, ..Frame::default() }
    };
    let mut link = link("rate=8mbit,mark=2kB");
    let mut events = Vec::new();
    for id in 1..=6 {
        link.offer(Instant::ZERO, capable(id), &mut |event| events.push(event));
    }
    // The first is being sent, two may wait; the fifth does not understand marks.
    let marked: Vec<_> = events.iter().filter(|e| e.what == What::Marked).map(|e| e.id).collect();
    assert_eq!(marked, [4, 6]);
    assert_eq!(link.waiting(Instant::ZERO), (6000, Duration::from_millis(6)));
    assert_eq!(link.waiting(Instant::from_micros(2500)), (4000, Duration::from_micros(3500)));
    let got: Vec<_> = std::iter::from_fn(|| link.poll(Instant::FAR, &mut |_| {})).collect();
    let ecn: Vec<_> = got.iter().map(|p| ipv4::View::new(&p.contiguous()).unwrap().ecn()).collect();
    use Ecn::{Ce, Ect0, NotEct};
    assert_eq!(ecn, [Ect0, Ect0, Ect0, Ce, NotEct, Ce]);
    assert_eq!((link.counters().marked, link.counters().delivered), (2, 6));
    assert_eq!(link.waiting(Instant::from_secs(1)), (0, Duration::ZERO));
}
