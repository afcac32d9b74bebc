//! What is read, what is refused, and that the two forms say the same.

use super::*;
use proptest::prelude::*;

#[test]
fn the_long_form_is_read() {
    let text = "delay=80ms, jitter=1.5ms,shuffle,rate=20mbit,queue=100/64kB,loss=1%,burst=1%/25%,reorder=3%/25ms,\
                duplicate=1%,corrupt=0.1%,cut=2s-5s,cut=7s-8s,mtu=1280,drop=3+7,drop=9,mark=30kB,rate=5mbit@3s,\
                mtu=1000@4s, delay=9ms@5s,loss=2%@6s";
    let want = Profile {
        delay: Duration::from_millis(80),
        jitter: Duration::from_micros(1500),
        shuffle: true,
        rate: NonZeroU64::new(20_000_000),
        queue: Queue { packets: 100, octets: 64_000 },
        loss: 0.01,
        burst: Some(Burst { enter: 0.01, leave: 0.25, bad: 1.0, good: 0.0 }),
        reorder: 0.03,
        reorder_by: Duration::from_millis(25),
        duplicate: 0.01,
        corrupt: 0.001,
        cuts: [(2, 5), (7, 8)]
            .map(|(a, b)| Cut { from: Instant::from_secs(a), until: Instant::from_secs(b) })
            .into(),
        mtu: Some(1280),
        mark: Some(30_000),
        changes: [
            (3, Becomes::Rate(NonZeroU64::new(5_000_000).unwrap())),
            (4, Becomes::Mtu(1000)),
            (5, Becomes::Delay(Duration::from_millis(9))),
            (6, Becomes::Loss(0.02)),
        ]
        .map(|(at, to)| Change { at: Instant::from_secs(at), to })
        .into(),
        drop: vec![3, 7, 9],
        ..Profile::default()
    };
    let spread: Profile = "reorder=3%/0-25ms".parse().unwrap();
    assert!(spread.reorder_any && spread.reorder_by == Duration::from_millis(25));
    assert_eq!(spread.to_string().parse(), Ok(spread));
    assert_eq!(text.parse(), Ok(want.clone()));
    assert_eq!(want.to_string().parse(), Ok(want));
    assert_eq!("".parse(), Ok(Profile::default()));
    assert_eq!(Profile::default().to_string(), "");
}

#[test]
fn what_is_wrong_is_said_with_what_to_write() {
    for (text, says) in [
        (
            "lose=1%",
            "a link has no `lose`; it has delay, jitter, shuffle, rate, queue, loss, burst, reorder, \
                     duplicate, corrupt, cut, mtu, mark, bleach, mangle, drop, written as in delay=80ms,loss=1%",
        ),
        ("loss", "`loss` has no value: give a share from 0 to 1 or in percent, as in 0.02 or 2%"),
        ("loss=101%", "`loss=101%` does not work: give a share from 0 to 1 or in percent, as in 0.02 or 2%"),
        ("delay=80", "`delay=80` does not work: give a time with its unit, as in 80ms (ns, us, ms, s)"),
        ("cut=5s-2s", "`cut=5s-2s` does not work: give from when until when, as in 2s-5s"),
    ] {
        assert_eq!(text.parse::<Profile>().unwrap_err().to_string(), says);
    }
    for text in [
        "shuffle=1",
        "rate=0bit",
        "rate=5",
        "rate=99999999999999999999gbit",
        "queue=99999999999999999999MB",
        "queue=",
        "queue=-1",
        "burst=1%",
        "burst=1%/2%/3%/4%/5%",
        "mtu=0",
        "drop=0",
        "reorder=3%/x",
        "delay=-1ms",
        "delay=1e400s",
        "loss=nan",
        "loss=inf",
        "cut=2s",
        "reorder=3%/5ms-25ms",
        "mark=7",
        "queue=5@1s",
        "rate=0bit@1s",
        "rate=1mbit@1",
        "mtu=0@1s",
        "delay=ms",
    ] {
        assert!(text.parse::<Profile>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_what_was_read_is_written_alike(text in "[a-z=0-9.%/,+@-]{0,40}") {
        if let Ok(profile) = text.parse::<Profile>() {
            prop_assert_eq!(profile.to_string().parse(), Ok(profile));
        }
    }

    #[test]
    fn numbers_survive_being_written(
        delay in 0u64..1 << 50, rate in 1u64..1 << 40, loss in 0.0f64..=1.0, reorder in 0.0f64..=1.0,
        by in 0u64..1 << 40, octets in any::<u32>(), enter in 0.0f64..=1.0,
    ) {
        let profile = Profile {
            delay: Duration::from_nanos(delay), rate: NonZeroU64::new(rate), loss, reorder,
            reorder_by: Duration::from_nanos(by), queue: Queue { packets: 7, octets: octets as usize },
            burst: Some(Burst { enter, leave: 0.5, bad: 1.0, good: loss }), ..Profile::default()
        };
        prop_assert_eq!(profile.to_string().parse(), Ok(profile));
    }
}
