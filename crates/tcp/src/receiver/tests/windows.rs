//! The offered window: where its edge may go, and when the peer hears of it.

use super::*;

fn told(half: &mut ReceiveHalf) -> u32 {
    let scale = half.offer_scale();
    half.advertise().scaled(scale).octets()
}

/// Silly windows.
mod rfc9293_3_8_6_2_2 {
    use super::*;

    /// Covers: RFC 9293 MUST-39
    #[test]
    fn a_user_that_reads_octet_by_octet_moves_the_edge_in_steps() {
        for (buffer, step) in [(5000, MSS), (1200, 598)] {
            let mut half = half(buffer);
            half.take_text(NOW, &data(0, buffer as usize));
            assert_eq!(told(&mut half), 0);
            let mut edges = Vec::from([half.right_edge()]);
            for n in 1..=buffer {
                read(&mut half, 1);
                assert!(n % step == 0 || !half.window_update_due(), "{n}");
                half.advertise();
                if edges.last() != Some(&half.right_edge()) {
                    edges.push(half.right_edge());
                }
            }
            assert!(edges.len() > 1);
            for pair in edges.windows(2) {
                assert!(pair[1].since(pair[0]) >= Some(step));
            }
        }
    }

    #[test]
    fn a_closed_window_is_opened_by_a_segments_worth_and_a_wide_one_left_to_the_next_ack() {
        let mut closed = half(10_000);
        closed.take_text(NOW, &data(0, 10_000));
        closed.advertise();
        read(&mut closed, 999);
        assert!(!closed.window_update_due());
        read(&mut closed, 1);
        assert!(closed.window_update_due());
        assert_eq!(told(&mut closed), 1000);
        assert!(!closed.window_update_due());
        let mut wide = half(10_000);
        wide.take_text(NOW, &data(0, 4500));
        read(&mut wide, 4500);
        assert!(!wide.window_update_due());
    }

    #[test]
    fn nobody_hears_of_reads_while_the_window_is_wide() {
        let mut half = half(10_000);
        for n in 0..100 {
            half.take_text(NOW, &data(n * 100, 100));
            half.advertise();
            read(&mut half, 100);
            assert!(!half.window_update_due());
        }
    }

    #[test]
    fn a_connection_that_nobody_read_from_yet_sends_no_window_update() {
        let half = ReceiveHalf::new(NOW, IRS, ReceiveSettings { offered: 1000, ..settings(1 << 20) });
        assert!(!half.window_update_due());
    }
}

/// Scales and edges.
mod rfc7323_2 {
    use super::*;

    /// Covers: RFC 7323 7323-4
    #[test]
    fn the_window_of_our_syn_counts_unscaled_until_the_first_ack() {
        let mut half = ReceiveHalf::new(NOW, IRS, ReceiveSettings { offered: 60_000, ..settings(1 << 20) });
        assert_eq!(half.window(), 60_000);
        assert_eq!(told(&mut half), 1 << 20);
        assert_eq!(half.window(), 1 << 20);
    }

    /// Covers: RFC 7323 7323-9, 7323-10
    #[test]
    fn what_rounding_takes_back_is_accepted_all_the_same() {
        let scale = WindowScale::new(10);
        let coarse = ReceiveSettings { scale, offered: 4096, ..settings(4096) };
        let mut half = ReceiveHalf::new(NOW, IRS, coarse);
        half.take_text(NOW, &data(0, 100));
        assert_eq!(half.advertise().scaled(scale).octets(), 3072);
        assert_eq!(half.right_edge(), seq(4096));
        assert_eq!(half.check(seq(4000), 96), Acceptability::Acceptable);
        assert_eq!(half.take_text(NOW, &data(100, 3996)).delivered, 3996);
    }

    /// Covers: RFC 9293 SHLD-14
    #[test]
    fn between_grains_the_window_is_rounded_up_while_there_is_room() {
        let scale = WindowScale::new(10);
        let coarse = ReceiveSettings { scale, offered: 8192, ..settings(8192) };
        let mut half = ReceiveHalf::new(NOW, IRS, coarse);
        half.take_text(NOW, &data(0, 100));
        read(&mut half, 100);
        assert_eq!(half.advertise().scaled(scale).octets(), 8192);
        assert_eq!(half.right_edge(), seq(8292));
    }

    #[test]
    fn a_buffer_smaller_than_a_grain_still_opens() {
        let scale = WindowScale::new(14);
        let mut half = ReceiveHalf::new(NOW, IRS, ReceiveSettings { scale, offered: 0, ..settings(2048) });
        assert_eq!(half.advertise().raw(), 1);
    }

    #[test]
    fn a_smaller_buffer_takes_nothing_back() {
        let mut half = half(10_000);
        half.set_buffer(2000);
        assert_eq!(told(&mut half), 10_000);
        half.take_text(NOW, &data(0, 9000));
        assert_eq!(told(&mut half), 1000);
        assert_eq!(read(&mut half, 9000), 9000);
        half.advertise();
        assert_eq!(half.window(), 2000);
        half.set_buffer(20_000);
        assert!(half.window_update_due());
        assert_eq!(told(&mut half), 20_000);
    }
}

#[derive(Clone, Debug)]
enum Act {
    Arrive(usize),
    Read(usize),
    Ack,
    Buffer(u32),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1usize..3000).prop_map(Act::Arrive),
        3 => (1usize..5000).prop_map(Act::Read),
        3 => Just(Act::Ack),
    ]
}

fn act_on_buffers() -> impl Strategy<Value = Act> {
    prop_oneof![9 => act(), 1 => (2048u32..200_000).prop_map(Act::Buffer)]
}

proptest! {
    /// Covers: RFC 9293 SHLD-14, MUST-39; RFC 7323 7323-9, 7323-10
    #[test]
    fn the_edge_never_goes_back_and_goes_on_in_steps_within_the_buffer(
        buffer in 2048u32..300_000, shift in 0u8..4,
        acts in proptest::collection::vec(act(), 1..200),
    ) {
        let scale = WindowScale::new(WindowScale::fitting(buffer).shift() + shift);
        let grain = 1 << scale.shift();
        let mut half = ReceiveHalf::new(NOW, IRS, ReceiveSettings { scale, ..settings(buffer) });
        let step = (buffer / 2 - 2 * grain).min(MSS);
        let (mut sent, mut edge, mut heard) = (0usize, half.right_edge(), half.right_edge());
        for act in acts {
            match act {
                Act::Arrive(len) => {
                    let len = len.min(half.window() as usize);
                    if len > 0 {
                        prop_assert_eq!(half.take_text(NOW, &data(sent, len)).delivered as usize, len);
                        sent += len;
                    }
                }
                Act::Read(count) => {
                    let waited = half.readable();
                    read(&mut half, count);
                    if waited > 0 && half.readable() == 0 {
                        // Nobody is left waiting: the peer may send, or is told so now.
                        let open = heard.since(half.nxt()).unwrap_or(0);
                        prop_assert!(half.window_update_due() || open >= buffer / 2);
                    }
                }
                Act::Ack => {
                    let field = half.advertise().scaled(scale).octets();
                    let told = half.nxt() + field;
                    prop_assert!(told.at_or_before(half.right_edge()));
                    prop_assert!(told.since(heard).is_some() || heard.since(told) < Some(grain));
                    let moved = half.right_edge().since(edge);
                    prop_assert!(moved.is_some_and(|moved| moved < grain || moved >= step), "{:?}", moved);
                    prop_assert!(half.window() as usize + half.readable() <= buffer.max(0xffff) as usize);
                    (edge, heard) = (half.right_edge(), told);
                }
                Act::Buffer(_) => {}
            }
        }
    }

    #[test]
    fn no_choice_of_buffers_pulls_the_edge_back(
        acts in proptest::collection::vec(act_on_buffers(), 1..200),
    ) {
        let mut half = half(65_000);
        let (mut sent, mut edge) = (0usize, half.right_edge());
        for act in acts {
            match act {
                Act::Arrive(len) => {
                    let len = len.min(half.window() as usize);
                    half.take_text(NOW, &data(sent, len));
                    sent += len;
                }
                Act::Read(count) => { read(&mut half, count); }
                Act::Ack => { half.advertise(); }
                Act::Buffer(octets) => half.set_buffer(octets),
            }
            prop_assert!(half.right_edge().at_or_after(edge));
            edge = half.right_edge();
        }
    }

    /// Covers: RFC 9293 MUST-40, SHLD-19; RFC 5681 5681-28
    #[test]
    fn whatever_is_in_order_is_acknowledged_in_time(
        steps in proptest::collection::vec((1usize..1001, 0u64..30, any::<bool>()), 1..200),
    ) {
        let mut half = settled(1 << 20);
        let (mut now, mut sent, mut acked, mut since) = (NOW, 16, 16, None);
        for (len, wait, read_too) in steps {
            half.take_text(now, &data(sent, len));
            sent += len;
            since = since.or(Some(now));
            if read_too {
                read(&mut half, usize::MAX >> 40);
            }
            prop_assert!(half.ack_due(now).is_some() || half.ack_deadline().is_some());
            prop_assert!(half.ack_due(now).is_some() || sent - acked < 2 * MSS as usize);
            now += Duration::from_millis(wait);
            if let Some(at) = half.ack_deadline().filter(|&at| at <= now) {
                half.on_timeout(at);
            }
            if half.ack_due(now).is_some() {
                half.advertise();
                let first = since.take();
                prop_assert!(first.is_none_or(|first| now.since(first) < Duration::from_millis(40 + 30)));
                acked = sent;
                prop_assert_eq!((half.ack_due(now), half.ack_deadline()), (None, None));
            }
        }
    }
}

/// A peer that sends all it may, and avoids silly windows itself (RFC 9293 §3.8.6.2.1).
struct Greedy {
    sent: usize,
    acked: usize,
    window: usize,
    widest: usize,
    mss: usize,
    stream: usize,
}

impl Greedy {
    fn hears(&mut self, half: &mut ReceiveHalf) {
        self.acked = half.nxt().wrapping_since(seq(0)) as usize;
        self.window = told(half) as usize;
        self.widest = self.widest.max(self.window);
    }

    fn next(&mut self) -> Option<Segment> {
        let usable = (self.acked + self.window).saturating_sub(self.sent);
        let left = self.stream - self.sent;
        let len = usable.min(left).min(self.mss);
        let idle = self.acked == self.sent;
        let worth = len == self.mss || (len == left && idle) || len >= self.widest / 2;
        (len > 0 && worth).then(|| {
            self.sent += len;
            data(self.sent - len, len)
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Nobody loses anything here, so nobody may have to wait for a timer other than that of the delayed ACK.
    ///
    /// Covers: RFC 9293 MUST-39, SHLD-14
    #[test]
    fn a_greedy_peer_and_a_moody_reader_never_wait_for_each_other(
        buffer in 2048u32..200_000, mss in 88u32..61_000, shift in 0u8..3, offered in 0u32..0x1_0000,
        moods in proptest::collection::vec(0usize..4000, 1..20),
    ) {
        let scale = WindowScale::new(WindowScale::fitting(buffer).shift() + shift);
        let given = ReceiveSettings { mss, scale, offered: offered.min(buffer), ..settings(buffer) };
        let mut half = ReceiveHalf::new(NOW, IRS, given);
        let stream = buffer as usize * 3 + 17;
        let mut peer = Greedy { sent: 0, acked: 0, window: 0, widest: 0, mss: mss as usize, stream };
        peer.hears(&mut half); // The ACK that completes the handshake.
        let (mut now, mut got, mut acks, mut moods) = (NOW, 0, 0, moods.into_iter().cycle());
        while got < stream {
            let segment = peer.next();
            if let Some(segment) = &segment {
                prop_assert_eq!(half.check(segment.header.seq, segment.seq_len()), Acceptability::Acceptable);
                let taken = half.take_text(now, segment);
                prop_assert_eq!((taken.delivered as usize, taken.discard), (segment.payload.len(), None));
            }
            let mood = moods.next().unwrap_or(0);
            // A moody reader, but one that reads on when there is nothing else to do.
            let hunger = if segment.is_none() { mood.max(1) } else { mood };
            let ate = read(&mut half, hunger);
            got += ate;
            if half.ack_due(now).is_some() || half.window_update_due() {
                acks += 1;
                peer.hears(&mut half);
            } else if segment.is_none() && ate == 0 {
                let Some(deadline) = half.ack_deadline() else {
                    return Err(TestCaseError::fail(std::format!("both wait, {got} of {stream} read")));
                };
                now = deadline;
                half.on_timeout(now);
            }
        }
        let least = mss.min(buffer / 2) as usize;
        prop_assert!(acks <= 32 + 2 * stream.div_ceil(least), "{acks} ACKs");
    }
}
