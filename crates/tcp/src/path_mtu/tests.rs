use super::search::{MAX_PROBES, Probe, RAISE_AFTER, Search, State};
use super::{BASE_V4, LEAST_V4, LEAST_V6, Test};
use crate::Path;
use alloc::vec::Vec;
use env::{Duration, Instant};
use wire::SeqNum;

const NOW: Instant = Instant::from_secs(1_000);

fn probe(size: u16) -> Probe {
    Probe { start: SeqNum::new(1), end: SeqNum::new(2), size }
}

/// Probes until there is nothing more to try, on a path that takes packets of up to `takes`; what was tried.
fn search(low: u16, most: u16, takes: u16) -> (Search, Vec<u16>) {
    let (mut search, mut tried) = (Search::default(), Vec::new());
    search.begin(low, most);
    while let Some(size) = search.wants(NOW) {
        search.left(probe(size));
        tried.push(size);
        if size <= takes {
            assert_eq!(search.passed(NOW), Some(size));
        } else {
            search.lost(NOW, Duration::ZERO);
        }
    }
    (search, tried)
}

/// Covers: RFC 8899 8899-15, 8899-17
#[test]
fn whatever_a_path_takes_is_found_but_for_an_octet_in_a_hundred_and_with_few_probes() {
    for takes in 1200..=1500 {
        let (search, tried) = search(1200, 1500, takes);
        let best = tried.iter().copied().filter(|&size| size <= takes).max().unwrap_or(1200);
        assert!(takes - best < 16, "{takes}: {best}, by {tried:?}");
        assert!(tried.len() <= 21, "{takes}: {tried:?}");
        for size in &tried {
            let times = tried.iter().filter(|&again| again == size).count();
            assert_eq!(
                times,
                if *size <= takes { 1 } else { usize::from(MAX_PROBES) },
                "{size} of {tried:?}"
            );
        }
        assert_eq!(
            search.state,
            if takes == 1500 { State::Whole } else { State::Complete(NOW + RAISE_AFTER) }
        );
    }
    assert_eq!(search(1200, 1500, 1500).1, [1500], "after an outage one probe is enough");
    assert_eq!(search(552, 9000, 8999).1.iter().max(), Some(&9000));
}

/// Covers: RFC 8899 8899-15, 8899-16; RFC 4821 4821-1
#[test]
fn each_event_leads_each_state_to_the_next() {
    #[derive(Clone, Copy, Debug)]
    enum On {
        Fell,
        Passed(u16),
        Lost(u16, u8),
        Inconclusive(u16),
        Allowed(u16, u16),
        TenMinutes,
    }
    use On::{Allowed, Fell, Inconclusive, Lost, Passed, TenMinutes};
    let complete = State::Complete(NOW + RAISE_AFTER);
    let whole = || Search::default();
    let searching = || search_at(1200, 1500);
    let done = || search(1280, 1500, 1280).0;
    for (from, event, to, next) in [
        (whole(), Fell, State::Searching, Some(1500)),
        (whole(), Allowed(1500, 1500), State::Whole, None),
        (whole(), Allowed(1280, 1500), State::Searching, Some(1500)),
        (searching(), Passed(1500), State::Whole, None),
        (searching(), Passed(1400), State::Searching, Some(1500)),
        (searching(), Lost(1500, 1), State::Searching, Some(1500)),
        (searching(), Lost(1500, 3), State::Searching, Some(1400)),
        (searching(), Inconclusive(1500), State::Searching, Some(1500)),
        (searching(), Allowed(1200, 1280), State::Searching, Some(1280)),
        (searching(), Allowed(1200, 1200), State::Whole, None),
        (searching(), Fell, State::Searching, Some(1500)),
        (search_at(1200, 1210), Lost(1210, 3), complete, None),
        (done(), Allowed(1280, 1500), complete, None),
        (done(), Allowed(1280, 1280), State::Whole, None),
        (done(), Allowed(1280, 9000), State::Searching, Some(9000)),
        (done(), Fell, State::Searching, Some(1500)),
        (done(), TenMinutes, State::Searching, Some(1500)),
    ] {
        let (mut search, mut now) = (from.clone(), NOW);
        match event {
            Fell => search.begin(1200, 1500),
            Passed(size) => {
                search.left(probe(size));
                assert_eq!(search.passed(now), Some(size));
            }
            Lost(size, times) => {
                for _ in 0..times {
                    search.left(probe(size));
                    search.lost(now, Duration::ZERO);
                }
            }
            Inconclusive(size) => {
                search.left(probe(size));
                search.inconclusive(now, Duration::ZERO);
            }
            Allowed(low, most) => search.allow(low, most),
            TenMinutes => {
                assert_eq!(search.wants(now + RAISE_AFTER - Duration::from_nanos(1)), None);
                now += RAISE_AFTER;
            }
        }
        assert_eq!((search.wants(now), search.state), (next, to), "{from:?}, {event:?}");
    }
}

fn search_at(low: u16, most: u16) -> Search {
    let mut search = Search::default();
    search.begin(low, most);
    search
}

/// Covers: RFC 8899 8899-6
#[test]
fn one_probe_at_a_time_and_none_before_its_headway() {
    let mut search = search_at(1200, 1500);
    search.left(probe(1500));
    assert_eq!(search.wants(NOW), None, "one is out");
    let headway = Duration::from_secs(2);
    search.lost(NOW, headway);
    assert_eq!(search.wants(NOW + Duration::from_millis(1_999)), None);
    assert_eq!(search.wants(NOW + headway), Some(1500));
    assert_eq!((search.figures.probes, search.figures.lost), (1, 1));
}

/// Covers: RFC 8899 8899-5
#[test]
fn a_routers_word_ends_tries_above_it_and_raises_nothing() {
    let mut search = search_at(1200, 1500);
    search.left(probe(1500));
    search.allow(1200, 1400);
    search.lost(NOW, Duration::ZERO);
    assert_eq!(search.wants(NOW), Some(1400), "to be tried, not believed");
    search.left(probe(1400));
    assert_eq!(search.passed(NOW), Some(1400));
    assert_eq!((search.wants(NOW), search.state), (None, State::Whole));
}

/// Covers: RFC 8899 8899-15
#[test]
fn a_test_is_of_the_base_and_then_of_the_least() {
    for (path, base, least) in [
        (Path::ipv4(1500), Test::Due(BASE_V4), Test::Due(LEAST_V4)),
        (Path::ipv6(1500), Test::Due(LEAST_V6), Test::Due(LEAST_V6)),
    ] {
        for (size, again, test) in [
            (1500, false, base),
            (1500, true, least),
            (LEAST_V4, false, Test::None),
            (LEAST_V4, true, Test::None),
        ] {
            let mut known = super::PathMtu::default();
            known.test_below(&path, size, again);
            assert_eq!(known.test, test, "{size}, {again}");
        }
    }
    assert_eq!(Path::ipv6(1500).mtu_of(1440), 1500);
    assert_eq!(Path::ipv4(1500).limit_of(1200), 1160);
}
