//! Each rule is broken once, and found.

use super::*;
use std::net::{IpAddr, Ipv4Addr};
use wire::tcp::{Header, Options};
use wire::{Head, Payload, WireWindow};

const US: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const ISS: SeqNum = SeqNum::new(u32::MAX - 10);
const IRS: SeqNum = SeqNum::new(7_000);

fn octets(header: &Header, payload: usize) -> Vec<u8> {
    let (mut head, payload) = (Head::new(), Payload::from(vec![7; payload]));
    header.prepend_to(&mut head, 1, 2).unwrap();
    wire::tcp::fill_checksum(&mut head, &payload, US, US).unwrap();
    [head.as_slice(), &payload.contiguous()].concat()
}

struct Scene(Flow);

impl Scene {
    /// Open, with an MSS of 1,000 and 8,000 octets of room either way.
    fn open() -> Self {
        let mut scene = Self(Flow::default());
        assert_eq!(scene.out(Flags::SYN, 0, 0, 8_000, 0), None);
        let options = Options { mss: Some(1_000), ..Options::NONE };
        let flags = Flags::SYN | Flags::ACK;
        let window = WireWindow::new(8_000);
        let syn_ack = Header { seq: IRS, ack: ISS + 1, flags, window, urgent: 0, options };
        scene.0.arrives(&View::new(&octets(&syn_ack, 0)).unwrap());
        assert_eq!(scene.out(Flags::ACK, 1, 1, 8_000, 0), None);
        scene
    }

    /// A segment leaves; numbers count from the SYNs. Gives the rule that it breaks.
    fn out(&mut self, flags: Flags, seq: u32, ack: u32, window: u16, payload: usize) -> Option<&'static str> {
        let ack = if flags.contains(Flags::ACK) { IRS + ack } else { SeqNum::default() };
        let window = WireWindow::new(window);
        let header = Header { seq: ISS + seq, ack, flags, window, ..Header::default() };
        let octets = octets(&header, payload);
        let found = self.0.departs(&View::new(&octets).unwrap(), Mss::DEFAULT_V4, false);
        found.map(|(rule, _)| rule)
    }

    /// A segment comes.
    fn come(&mut self, seq: u32, ack: u32, window: u16, payload: usize) {
        let window = WireWindow::new(window);
        let header =
            Header { seq: IRS + seq, ack: ISS + ack, flags: Flags::ACK, window, ..Header::default() };
        self.0.arrives(&View::new(&octets(&header, payload)).unwrap());
    }
}

#[test]
fn offsets_are_counted_over_any_number_of_wraps() {
    let first = SeqNum::new(u32::MAX - 5);
    assert_eq!(offset(first, 0, first), Some(0));
    assert_eq!(offset(first, 0, first + 20), Some(20));
    let far = 3 * (1u64 << 32) + 7;
    assert_eq!(offset(first, far, first + 7), Some(far));
    assert_eq!(offset(first, far, first + 6), Some(far - 1));
    assert_eq!(offset(first, 0, first - 1), None);
    assert_eq!(offset(first, 0, first + (1 << 31)), None);
}

#[test]
fn an_honest_conversation_breaks_no_rule() {
    let mut scene = Scene::open();
    for n in 0..8 {
        assert_eq!(scene.out(Flags::ACK, 1 + n * 1_000, 1, 8_000, 1_000), None, "{n}");
    }
    scene.come(1, 8_001, 4_000, 500);
    assert_eq!(scene.out(Flags::ACK, 8_001, 501, 7_500, 0), None);
    assert_eq!(scene.out(Flags::ACK | Flags::FIN, 8_001, 501, 7_500, 999), None);
    assert_eq!(scene.0.highest(), 9_001);
    assert!(scene.0.wraps());
}

#[test]
fn what_lies_beyond_the_right_edge_is_found_but_for_a_probe() {
    let mut scene = Scene::open();
    scene.come(1, 1, 1_000, 0); // The edge stays at 8,001: windows that shrink are not the sender's fault.
    for n in 0..7 {
        assert_eq!(scene.out(Flags::ACK, 1 + n * 1_000, 1, 8_000, 1_000), None);
    }
    assert_eq!(scene.out(Flags::ACK, 7_001, 1, 8_000, 999), None);
    assert_eq!(
        scene.out(Flags::ACK, 8_000, 1, 8_000, 2),
        Some("nothing is sent beyond the peer's right edge")
    );
    assert_eq!(scene.out(Flags::ACK, 8_000, 1, 8_000, 1), None);
    assert_eq!(scene.out(Flags::ACK, 8_001, 1, 8_000, 1), None, "a probe");
}

#[test]
fn more_than_slow_start_allows_is_found() {
    let mut scene = Scene::open();
    scene.come(1, 1, 60_000, 0);
    for n in 0..12 {
        assert_eq!(scene.out(Flags::ACK, 1 + n * 1_000, 1, 8_000, 1_000), None, "{n}");
    }
    let rule = "no more is in flight than slow start allows";
    assert_eq!(scene.out(Flags::ACK, 12_001, 1, 8_000, 1_000), Some(rule));
}

#[test]
fn segments_that_are_too_large_lack_ack_or_leave_a_gap_are_found() {
    let mut scene = Scene::open();
    assert_eq!(scene.out(Flags::ACK, 1, 1, 8_000, 1_001), Some("no segment is larger than the peer's MSS"));
    let rule = "every segment but the first SYN and RST has ACK";
    assert_eq!(scene.out(Flags::PSH, 1, 0, 8_000, 1), Some(rule));
    assert_eq!(scene.out(Flags::FIN, 1, 0, 8_000, 0), Some(rule));
    assert_eq!(scene.out(Flags::RST, 1, 0, 0, 0), None);
    let rule = "no number is left out";
    assert_eq!(scene.out(Flags::ACK, 1_002, 1, 8_000, 1), Some(rule), "more than a segment");
    assert_eq!(scene.out(Flags::ACK, 2, 1, 8_000, 1), None, "a segment may be held back");
    assert_eq!(scene.out(Flags::ACK, 5, 1, 8_000, 1), Some(rule), "one at a time");
    let rule = "no segment opens and closes at once";
    assert_eq!(scene.out(Flags::SYN | Flags::FIN, 1, 0, 8_000, 0), Some(rule));
}

#[test]
fn acknowledgments_of_what_never_came_and_those_that_go_back_are_found() {
    let mut scene = Scene::open();
    assert_eq!(scene.out(Flags::ACK, 1, 2, 8_000, 0), Some("only what came is acknowledged"));
    scene.come(1, 1, 8_000, 100);
    assert_eq!(scene.out(Flags::ACK, 1, 101, 7_900, 0), None);
    assert_eq!(scene.out(Flags::ACK, 1, 100, 7_901, 0), Some("acknowledgments never go back"));
}

#[test]
fn a_window_that_is_pulled_back_is_found() {
    let mut scene = Scene::open();
    scene.come(1, 1, 8_000, 100);
    assert_eq!(scene.out(Flags::ACK, 1, 101, 7_900, 0), None);
    let rule = "the right edge of our window never moves back";
    assert_eq!(scene.out(Flags::ACK, 1, 101, 7_899, 0), Some(rule));
}
