//! What a client knows of its peers: cookies, segment sizes, and ways that lose such SYNs (RFC 7413 §4.1.3).
//!
//! ```text
//!   our address, theirs ────────► cookie, MSS, which form of the option      1,024 of each,
//!   our address, theirs, port ──► strikes, and until when none is tried      the longest unused go
//! ```
//!
//! | what happened                                  | strikes                             |
//! |------------------------------------------------|-------------------------------------|
//! | data or a cookie was taken                     | none any more                       |
//! | a SYN with data was lost, a plain one answered | two                                 |
//! | a SYN that asks was lost, a plain one answered | one: any SYN may be lost once       |
//! | the data was not taken, and no cookie came     | one                                 |
//! | the peer gave no cookie                        | none: the next SYN asks in the other form, once |
//!
//! From two on there is a pause of a minute, twice as long with each that follows, up to an hour (7413-5).

use super::FastOpenConnect;
use super::lru::Lru;
use crate::demux::Flow;
use ::tcp::fast_open::{Answer, FastOpenState, Opening};
use core::net::IpAddr;
use env::{Duration, Instant};
use wire::Mss;
use wire::tcp::FastOpenCookie;

/// Peers, and ways, that are remembered.
const MOST: usize = 1024;
/// So many strikes, and there is a pause.
const OUT: u8 = 2;
/// The first pause.
const PAUSE: Duration = Duration::from_secs(60);
/// How often it doubles.
const DOUBLINGS: u8 = 6;

/// The cache of a host that opens connections with data.
#[derive(Clone, Debug)]
pub(in crate::tcp) struct Known {
    peers: Lru<(IpAddr, IpAddr), Peer>,
    ways: Lru<(IpAddr, IpAddr, u16), Way>,
}

/// What a peer gave.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    cookie: Option<FastOpenCookie>,
    mss: Option<Mss>,
    form: Form,
}

/// In which form to ask a peer that has given no cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    #[default]
    First,
    /// It knows nothing of RFC 7413; of the experiment before it?
    Experimental,
    /// Not of that either.
    Again,
}

/// How it went on the way to a port.
#[derive(Clone, Copy, Debug)]
struct Way {
    strikes: u8,
    until: Instant,
}

impl Default for Way {
    fn default() -> Self {
        Self { strikes: 0, until: Instant::ZERO }
    }
}

impl Known {
    pub(in crate::tcp) const fn new() -> Self {
        Self { peers: Lru::new(MOST), ways: Lru::new(MOST) }
    }

    /// What the next SYN may do; `None`: nothing, for now.
    pub(in crate::tcp) fn opening(
        &self,
        now: Instant,
        local: IpAddr,
        remote: IpAddr,
        port: u16,
        ask: FastOpenConnect,
    ) -> Option<Opening> {
        if self.ways.get(&(local, remote, port)).is_some_and(|way| now < way.until) {
            return None;
        }
        let peer = self.peers.get(&(local, remote)).copied().unwrap_or_default();
        let request = || FastOpenCookie::default().experimental(peer.form == Form::Experimental);
        let option = ask.cookie.then(|| peer.cookie.unwrap_or_else(request)); // 7413-4, 7413-8
        Some(Opening { option, mss: peer.mss })
    }

    /// What became of it.
    pub(super) fn learn(&mut self, now: Instant, flow: &Flow, answer: &Answer) {
        let way = (flow.local, flow.remote, flow.remote_port);
        match strikes(answer) {
            Some(0) => {}
            Some(more) => {
                let way = self.ways.touch(way);
                way.strikes = way.strikes.saturating_add(more);
                if let Some(over) = way.strikes.checked_sub(OUT) {
                    way.until = now + PAUSE * (1 << over.min(DOUBLINGS));
                }
            }
            None => self.ways.remove(&way),
        }
        if answer.mss.is_none() && answer.cookie.is_none() && answer.state != FastOpenState::Withheld {
            return;
        }
        let peer = self.peers.touch((flow.local, flow.remote));
        peer.mss = answer.mss.or(peer.mss);
        peer.cookie = answer.cookie.or(peer.cookie);
        if answer.state == FastOpenState::Withheld && peer.cookie.is_none() {
            let next = if answer.option == Some(true) { Form::Again } else { Form::Experimental };
            peer.form = peer.form.max(next);
        }
    }

    pub(super) fn forget(&mut self) {
        self.peers.clear();
        self.ways.clear();
    }
}

/// What an answer adds to the strikes; `None`: all are forgiven.
fn strikes(answer: &Answer) -> Option<u8> {
    match answer.state {
        // Without the option nothing says that it was Fast Open that was lost.
        FastOpenState::Lost if answer.option.is_none() => Some(0),
        FastOpenState::Lost if answer.data => Some(OUT),
        FastOpenState::Lost => Some(1),
        FastOpenState::Refused if !answer.some && answer.cookie.is_none() => Some(1),
        FastOpenState::Withheld => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod rfc7413_4_1_3 {
    use super::*;
    use core::net::SocketAddr;

    const NOW: Instant = Instant::from_secs(1_000);

    fn flow() -> Flow {
        let [ours, theirs] = ["10.0.0.1:5000", "10.0.0.2:80"].map(|at| at.parse::<SocketAddr>().unwrap());
        Flow::new(ours, theirs)
    }

    fn answer(state: FastOpenState, data: bool) -> Answer {
        Answer { state, data, option: Some(false), some: false, cookie: None, mss: Mss::new(940).into() }
    }

    fn next(known: &Known, now: Instant) -> Option<Opening> {
        let flow = flow();
        known.opening(now, flow.local, flow.remote, flow.remote_port, FastOpenConnect::default())
    }

    /// Covers: RFC 7413 7413-4
    #[test]
    fn the_last_cookie_and_size_are_for_the_pair_of_addresses() {
        let (mut known, flow) = (Known::new(), flow());
        assert_eq!(next(&known, NOW), Some(Opening::asks(false)));
        for octets in [[1; 4], [2; 4]] {
            let cookie = FastOpenCookie::new(&octets);
            known.learn(NOW, &flow, &Answer { cookie, ..answer(FastOpenState::Given, false) });
            assert_eq!(next(&known, NOW), Some(Opening { option: cookie, mss: Some(Mss::new(940)) }));
        }
        let ask = FastOpenConnect::default();
        let port = known.opening(NOW, flow.local, flow.remote, 81, ask).unwrap();
        assert!(port.carries_data(), "whatever the port");
        let other = known.opening(NOW, flow.remote, flow.local, 80, ask).unwrap();
        assert!(!other.carries_data(), "another pair");
        let bare = known.opening(NOW, flow.local, flow.remote, 80, FastOpenConnect { cookie: false });
        assert_eq!(bare, Some(Opening { option: None, mss: Some(Mss::new(940)) }));
    }

    /// Covers: RFC 7413 7413-5
    #[test]
    fn a_way_that_loses_data_with_a_syn_is_spared_it_for_a_while_and_longer_each_time() {
        let (mut known, flow) = (Known::new(), flow());
        let mut now = NOW;
        for pause in [60, 240, 960, 3_840, 3_840] {
            known.learn(now, &flow, &answer(FastOpenState::Lost, true));
            assert_eq!(next(&known, now + Duration::from_secs(pause - 1)), None);
            now += Duration::from_secs(pause);
            assert!(next(&known, now).is_some(), "after {pause} s");
        }
        let cookie = FastOpenCookie::new(&[1; 8]);
        known.learn(now, &flow, &Answer { cookie, ..answer(FastOpenState::Accepted, true) });
        known.learn(now, &flow, &answer(FastOpenState::Lost, false));
        assert!(next(&known, now).is_some(), "one lost request proves nothing");
        known.learn(now, &flow, &answer(FastOpenState::Lost, false));
        assert_eq!(next(&known, now), None, "two do");
        known.forget();
        assert_eq!(next(&known, now), Some(Opening::asks(false)));
    }

    #[test]
    fn a_peer_without_cookies_is_asked_once_in_the_form_of_old() {
        let (mut known, flow) = (Known::new(), flow());
        let mut forms = Vec::new();
        for _ in 0..4 {
            let option = next(&known, NOW).unwrap().option.unwrap();
            forms.push(option.is_experimental());
            let option = Some(option.is_experimental());
            known.learn(NOW, &flow, &Answer { option, ..answer(FastOpenState::Withheld, false) });
        }
        assert_eq!(forms, [false, true, false, false]);
    }

    #[test]
    fn nothing_grows_without_bound() {
        let mut known = Known::new();
        for n in 0..3_000u32 {
            let remote = SocketAddr::new(IpAddr::V4(n.into()), 80);
            let flow = Flow::new(flow().local(), remote);
            known.learn(NOW, &flow, &answer(FastOpenState::Lost, true));
            assert_eq!(known.opening(NOW, flow.local, flow.remote, 80, FastOpenConnect::default()), None);
        }
        let first = known.opening(NOW, flow().local, IpAddr::V4(0.into()), 80, FastOpenConnect::default());
        assert_eq!(first, Some(Opening::asks(false)), "the oldest made room");
    }

    use alloc::vec::Vec;
}
