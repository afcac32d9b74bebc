//! Two connections face to face, and a network between them that marks.

use super::*;
use crate::connection::Data;
use crate::listener::{HalfOpen, HalfOpenOutcome, Offer};
use crate::{Congestion, Connection, Path, Segment, SendFlags, State, TcpConfig, Transmit, Why};
use alloc::vec::Vec;
use env::{Duration, Instant};
use wire::Payload;

const PATH: fn() -> Path = || Path { train_limit: 0, ..Path::ipv4(1500) };
const STEP: Duration = Duration::from_millis(10);

fn config(ecn: Ecn) -> TcpConfig {
    TcpConfig::default().ecn(ecn).nagle(false).congestion(Congestion::NewReno) // whose answers are simplest
}

/// A client and a server after the handshake, in which `mark` saw every segment; the server is none if the handshake died.
struct Pair {
    now: Instant,
    client: Connection,
    server: Option<Connection>,
    syn_ack: Segment,
    third: Segment,
}

impl Pair {
    fn new(client: Ecn, server: Ecn, mut mark: impl FnMut(&mut Segment)) -> Self {
        let now = Instant::from_secs(1);
        let (client, server) = (config(client), config(server));
        let mut client = Connection::open(now, client, PATH(), SeqNum::new(1000), 0);
        let mut syn = client.poll_transmit(now).expect("a SYN").segment;
        assert_eq!(syn.ecn, wire::Ecn::NotEct); // 3168-4
        mark(&mut syn);
        let offer = Offer {
            config: &server,
            path: PATH(),
            receive_window: 65_535,
            timestamp_offset: 0,
            retransmissions: 5,
        };
        let mut record = HalfOpen::answer(now, &syn, SeqNum::new(9000), &offer);
        let mut syn_ack = record.poll_transmit(now).expect("a SYN,ACK").segment;
        assert_eq!(syn_ack.ecn, wire::Ecn::NotEct);
        mark(&mut syn_ack);
        client.handle_segment(now, syn_ack.clone());
        let mut third = client.poll_transmit(now).expect("an ACK").segment;
        mark(&mut third);
        let HalfOpenOutcome::Established(accepted) = record.handle_segment(now, &third) else {
            panic!("not established")
        };
        let mut server = Connection::accepted(now, server, PATH(), accepted);
        server.handle_segment(now, third.clone());
        Self { now, client, server: Some(server), syn_ack, third }
    }

    fn server(&mut self) -> &mut Connection {
        self.server.as_mut().expect("a server")
    }

    /// The client sends `octets`; what goes out of it.
    fn write(&mut self, octets: usize) -> Vec<Transmit> {
        let now = self.now;
        self.client.send(now, Payload::copy_of(&alloc::vec![7; octets]), SendFlags::default()).expect("room");
        self.flow()
    }

    fn flow(&mut self) -> Vec<Transmit> {
        let now = self.now;
        core::iter::from_fn(|| self.client.poll_transmit(now)).collect()
    }

    /// The server takes `segments`, and what it answers goes back to the client, after a round trip.
    fn deliver(&mut self, segments: impl IntoIterator<Item = Segment>) -> Vec<Transmit> {
        self.now += STEP;
        let now = self.now;
        let server = self.server.as_mut().expect("a server");
        let mut answers = Vec::new();
        for segment in segments {
            server.handle_segment(now, segment);
            let mut chunk = [0; 4096];
            while server.receive_into(now, &mut chunk).is_ok() {}
            answers.extend(core::iter::from_fn(|| server.poll_transmit(now)));
        }
        for answer in &answers {
            self.client.handle_segment(now, answer.segment.clone());
        }
        answers
    }

    /// Nothing moves until the next timer of either: what the server then says.
    fn wait(&mut self) -> Vec<Transmit> {
        let server = self.server.as_mut().expect("a server");
        let next = [self.client.poll_timeout(), server.poll_timeout()].into_iter().flatten().min();
        self.now = self.now.max(next.expect("a timer"));
        server.handle_timeout(self.now);
        let late: Vec<_> = core::iter::from_fn(|| server.poll_transmit(self.now)).collect();
        for answer in &late {
            self.client.handle_segment(self.now, answer.segment.clone());
        }
        self.client.handle_timeout(self.now);
        late
    }

    /// `octets` go over, the `n`th segment marked if `marked(n)`; the answers.
    fn transfer(&mut self, octets: usize, marked: impl Fn(usize) -> bool) -> Vec<Transmit> {
        let mut sent = self.write(octets);
        let mut answers = Vec::new();
        let mut count = 0;
        while !sent.is_empty() {
            let segments = sent.drain(..).map(|transmit| {
                let mut segment = transmit.segment;
                if marked(count) && segment.ecn != wire::Ecn::NotEct {
                    segment.ecn = wire::Ecn::Ce;
                }
                count += 1;
                segment
            });
            let segments: Vec<_> = segments.collect();
            answers.extend(self.deliver(segments));
            sent = self.flow();
            while sent.is_empty() && self.client.status().queued > 0 {
                answers.extend(self.wait());
                sent = self.flow();
            }
        }
        answers
    }
}

fn bits(segment: &Segment) -> u8 {
    ace(segment.header.flags)
}

mod rfc3168_6_1 {
    use super::*;

    /// Covers: RFC 3168 3168-1, 3168-2, 3168-4, 3168-5, 3168-7
    #[test]
    fn the_syns_agree_on_marks_or_do_not() {
        let asked = Pair::new(Ecn::Classic, Ecn::Accept, |_| {});
        assert_eq!((bits(&asked.syn_ack), asked.client.status().ecn), (0b001, Some(EcnMode::Classic)));
        assert_eq!(asked.server.map(|s| s.status().ecn), Some(Some(EcnMode::Classic)));
        for (client, server) in
            [(Ecn::Accept, Ecn::Classic), (Ecn::Classic, Ecn::Off), (Ecn::Off, Ecn::Accept)]
        {
            let none = Pair::new(client, server, |_| {});
            assert_eq!((bits(&none.syn_ack), none.client.status().ecn), (0, None), "{client:?} {server:?}");
            assert_eq!(none.server.map(|s| s.status().ecn), Some(None));
        }
        // A peer that sends the reserved bits back has understood nothing.
        assert_eq!(read_answer(Ecn::Classic, Flags::CWR | Flags::ECE), None);
        assert_eq!(read_answer(Ecn::Accurate, BITS), None);
    }

    /// Covers: RFC 3168 3168-8
    #[test]
    fn a_syn_that_is_lost_twice_asks_no_more() {
        for ecn in [Ecn::Classic, Ecn::Accurate] {
            let habits = EcnHabits::default();
            assert_ne!(ask(ecn, 0, &habits), Flags::NONE);
            assert_ne!(ask(ecn, 1, &habits), Flags::NONE);
            assert_eq!(ask(ecn, 2, &habits), Flags::NONE);
            let insistent = EcnHabits { fall_back: false, ..habits };
            assert_ne!(ask(ecn, 2, &insistent), Flags::NONE);
        }
    }

    /// Covers: RFC 3168 3168-3, 3168-9, 3168-15
    #[test]
    fn new_data_is_capable_and_nothing_else() {
        let mut pair = Pair::new(Ecn::Classic, Ecn::Accept, |_| {});
        assert_eq!(pair.third.ecn, wire::Ecn::NotEct);
        let sent = pair.write(4000);
        assert!(sent.iter().all(|transmit| transmit.segment.ecn == wire::Ecn::Ect0));
        let answers = pair.deliver(sent.into_iter().map(|transmit| transmit.segment));
        assert!(!answers.is_empty() && answers.iter().all(|ack| ack.segment.ecn == wire::Ecn::NotEct));
        let mut plain = Pair::new(Ecn::Off, Ecn::Accept, |_| {});
        assert!(plain.write(4000).iter().all(|transmit| transmit.segment.ecn == wire::Ecn::NotEct));
    }

    /// Covers: RFC 3168 3168-16
    #[test]
    fn what_is_sent_again_is_not_capable() {
        let mut pair = Pair::new(Ecn::Classic, Ecn::Accept, |_| {});
        pair.write(3000);
        for _ in 0..2 {
            pair.now = pair.client.poll_timeout().expect("a timer");
            pair.client.handle_timeout(pair.now);
        }
        let again = pair.flow();
        assert!(!again.is_empty());
        for transmit in &again {
            assert_eq!(transmit.segment.ecn, wire::Ecn::NotEct, "{}", transmit.why);
            assert!(!transmit.segment.has(Flags::CWR));
        }
    }

    /// Covers: RFC 3168 3168-6, 3168-10, 3168-11, 3168-13, 3168-14
    #[test]
    fn a_mark_is_echoed_until_it_is_answered_and_answered_once_a_window() {
        let mut pair = Pair::new(Ecn::Classic, Ecn::Accept, |_| {});
        pair.transfer(40_000, |_| false);
        let before = pair.client.status().cwnd;
        let sent: Vec<_> = pair.write(30_000).into_iter().map(|transmit| transmit.segment).collect();
        let mut marked = sent.clone();
        marked[0].ecn = wire::Ecn::Ce;
        let answers = pair.deliver(marked);
        assert_eq!(answers[0].why, Why::Marked);
        assert!(answers.iter().all(|ack| ack.segment.has(Flags::ECE)), "until it is confirmed");
        let after = pair.client.status().cwnd;
        assert!(after < before && after >= before / 3, "once, though many ACKs tell: {before} {after}");
        // The next new data confirms it, once, and the echo ends.
        let next = pair.write(5_000);
        let confirming = next.iter().filter(|transmit| transmit.segment.has(Flags::CWR)).count();
        assert_eq!((confirming, next[0].segment.has(Flags::CWR)), (1, true));
        let answers = pair.deliver(next.into_iter().map(|transmit| transmit.segment));
        assert!(!answers.is_empty() && !answers.iter().any(|ack| ack.segment.has(Flags::ECE)));
    }

    /// Covers: RFC 3168 3168-12
    #[test]
    fn at_one_segment_marks_slow_the_sender_to_its_timer() {
        let mut pair = Pair::new(Ecn::Classic, Ecn::Accept, |_| {});
        let answers = pair.transfer(200_000, |_| true);
        assert!(answers.iter().any(|ack| ack.segment.has(Flags::ECE)));
        let status = pair.client.status();
        assert!(status.cwnd <= 2 * status.segment_size, "{}", status.cwnd);
        assert!(
            pair.now.since(Instant::from_secs(1)) > Duration::from_secs(2),
            "it waited for its timer: {:?} {status:?}",
            pair.now
        );
        assert_eq!((status.state, status.queued), (Some(State::Established), 0));
    }

    /// Covers: RFC 3168 3168-17
    #[test]
    fn a_window_probe_is_not_capable() {
        let mut pair = Pair::new(Ecn::Classic, Ecn::Accept, |_| {});
        let Data::Open(open) = &mut pair.client.data else { panic!("not open") };
        open.snd.edge = open.snd.nxt;
        assert!(pair.write(100).is_empty());
        pair.now = pair.client.poll_timeout().expect("a timer");
        pair.client.handle_timeout(pair.now);
        let probe = &pair.flow()[0];
        assert!(matches!(probe.why, Why::WindowProbe(_)), "{}", probe.why);
        assert_eq!(probe.segment.ecn, wire::Ecn::NotEct);
    }
}

mod rfc9768 {
    use super::*;

    /// News of so many octets, in segments of a thousand.
    fn news(octets: u32) -> News {
        News { octets, segment_size: 1000, stamp: None }
    }

    /// Covers: RFC 9768 9768-1, 9768-2
    #[test]
    fn every_pair_of_table_2() {
        for (mark, code) in [
            (wire::Ecn::NotEct, 0b010),
            (wire::Ecn::Ect1, 0b011),
            (wire::Ecn::Ect0, 0b100),
            (wire::Ecn::Ce, 0b110),
        ] {
            let pair = Pair::new(Ecn::Accurate, Ecn::Accept, |segment| segment.ecn = mark);
            assert_eq!((bits(&pair.syn_ack), bits(&pair.third)), (code, code), "told on both ways");
            assert_eq!(pair.client.status().ecn, Some(EcnMode::Accurate));
            assert_eq!(pair.server.map(|s| s.status().ecn), Some(Some(EcnMode::Accurate)));
        }
        assert_eq!(read_answer(Ecn::Accurate, Flags::ECE), Some(EcnMode::Classic));
        assert_eq!(read_answer(Ecn::Accurate, Flags::NONE), None);
        assert_eq!(read_answer(Ecn::Accurate, Flags::AE | Flags::ECE), Some(EcnMode::Accurate));
    }

    /// Covers: RFC 9768 9768-3
    #[test]
    fn a_syn_with_bits_of_the_future_asks_for_counters() {
        let mut syn = Segment::default();
        for number in 1..8 {
            syn.header.flags = Flags::SYN | ace_flags(number);
            let mode = Terms::of(Ecn::Accept, &EcnHabits::default(), &syn).map(|terms| terms.mode);
            let want = if number == 0b011 { EcnMode::Classic } else { EcnMode::Accurate };
            assert_eq!(mode, Some(want), "{number:03b}");
        }
    }

    /// Covers: RFC 9768 9768-4
    #[test]
    fn two_modes_in_one_handshake_end_it() {
        let now = Instant::from_secs(1);
        let config = config(Ecn::Accept);
        let offer = Offer {
            config: &config,
            path: PATH(),
            receive_window: 65_535,
            timestamp_offset: 0,
            retransmissions: 5,
        };
        let mut syn = Segment::default();
        syn.header.flags = Flags::SYN | BITS;
        let mut record = HalfOpen::answer(now, &syn, SeqNum::new(9), &offer);
        let first = record.poll_transmit(now).expect("a SYN,ACK");
        assert!(first.segment.header.options.accurate_ecn.is_some());
        syn.header.flags = Flags::SYN | Flags::CWR | Flags::ECE;
        let HalfOpenOutcome::Send(reset) = record.handle_segment(now, &syn) else { panic!("no reset") };
        assert!(reset.segment.has(Flags::RST));
        // A plain one is answered as before, and then nothing is capable.
        syn.header.flags = Flags::SYN;
        let HalfOpenOutcome::Send(again) = record.handle_segment(now, &syn) else { panic!("no answer") };
        assert_eq!(bits(&again.segment), 0b010);
        assert_eq!(
            again.segment.header.options.accurate_ecn, None,
            "the option is left out when it goes again"
        );
    }

    /// Covers: RFC 9768 9768-5
    #[test]
    fn counters_tell_every_mark_in_flags_and_octets() {
        let mut pair = Pair::new(Ecn::Accurate, Ecn::Accept, |_| {});
        assert_eq!(
            pair.syn_ack.header.options.accurate_ecn.as_ref().map(|option| option.ce()),
            Some(Some(0))
        );
        assert!(pair.third.header.options.accurate_ecn.is_some(), "shows that the option comes through");
        let answers = pair.transfer(60_000, |n| n % 5 == 2);
        let marked = pair.server().status().marks_received;
        assert!(marked >= 8);
        assert_eq!(u64::from(bits(&answers.last().expect("some").segment)), (5 + marked) % 8);
        let told = pair.client.status().marks_told;
        let size = u64::from(pair.client.status().segment_size);
        assert!(told.abs_diff(marked * size) <= 2 * size, "{told} of {}", marked * size);
        assert!(answers.iter().all(|ack| !ack.segment.has(Flags::SYN)));
        // CWR is a bit of the counter now, and confirms nothing.
        assert!(pair.write(3_000).iter().all(|transmit| bits(&transmit.segment) == 5));
    }

    /// Covers: RFC 9768 9768-6
    #[test]
    fn marks_are_acknowledged_at_the_first_and_at_every_second() {
        let mut pair = Pair::new(Ecn::Accurate, Ecn::Accept, |_| {});
        pair.transfer(60_000, |_| false); // past the quick ACKs of the beginning
        let sent: Vec<_> = pair.write(12_000).into_iter().map(|transmit| transmit.segment).collect();
        let answers: Vec<_> = sent
            .into_iter()
            .map(|mut segment| {
                segment.ecn = wire::Ecn::Ce;
                let now = pair.now;
                let server = pair.server();
                server.handle_segment(now, segment);
                server.poll_transmit(now).map(|transmit| transmit.why)
            })
            .collect();
        assert_eq!(answers[0], Some(Why::Marked), "the first after one without");
        assert!(answers.chunks(2).all(|two| two.iter().any(Option::is_some)), "{answers:?}");
    }

    /// Covers: RFC 9768 9768-7
    #[test]
    fn with_counters_a_duplicate_is_reported_as_ever() {
        let mut pair = Pair::new(Ecn::Accurate, Ecn::Accept, |_| {});
        let sent: Vec<_> = pair.write(1_000).into_iter().map(|transmit| transmit.segment).collect();
        pair.deliver(sent.clone());
        let answers = pair.deliver(sent);
        let blocks = &answers[0].segment.header.options.sack;
        assert_eq!(blocks.as_slice().first().map(|block| block.start), Some(SeqNum::new(1001)));
    }

    #[test]
    fn a_peer_that_wiped_the_field_is_not_heeded_and_nothing_is_capable() {
        let wipe = |segment: &mut Segment| {
            if segment.header.flags == Flags::ACK | ace_flags(0b010) {
                segment.header.flags = Flags::ACK;
            }
        };
        let mut pair = Pair::new(Ecn::Accurate, Ecn::Accept, wipe);
        let now = pair.now;
        let server = pair.server();
        server.send(now, Payload::copy_of(&[1; 100]), SendFlags::default()).expect("room");
        assert_eq!(server.poll_transmit(now).expect("data").segment.ecn, wire::Ecn::NotEct);
    }

    #[test]
    fn without_the_option_the_safest_likely_number_is_taken() {
        let mut marks = Marks::new(EcnMode::Accurate, true, SeqNum::new(0), EcnHabits::default());
        let ack = |number: u8| {
            let mut segment = Segment::default();
            segment.header.flags = Flags::ACK | ace_flags(number);
            segment
        };
        assert_eq!(marks.told(&ack(5), &news(2_000)), 0, "two segments, and not one mark");
        assert_eq!(marks.told(&ack(6), &news(2_000)), 1000);
        assert_eq!(marks.told(&ack(0), &news(20_000)), 18_000, "two, ten or eighteen of twenty");
        assert_eq!(marks.told(&ack(1), &news(0)), 0, "no news: an ACK that was overtaken, maybe");
        let later = News { stamp: Some(7), ..news(0) };
        assert_eq!(marks.told(&ack(1), &later), 1000, "something without data was marked");
    }

    proptest::proptest! {
        /// Whatever a peer says, no more is taken for marked than was acknowledged, and a segment.
        #[test]
        fn lies_cost_a_window_at_most(says in proptest::collection::vec((0u8..8, 0u32..100_000, 0u32..1 << 24, 0u8..3), 1..60)) {
            let mut marks = Marks::new(EcnMode::Accurate, true, SeqNum::new(0), EcnHabits::default());
            for (number, acked, counter, option) in says {
                let mut segment = Segment::default();
                segment.header.flags = Flags::ACK | ace_flags(number);
                segment.header.options.accurate_ecn = (option > 0)
                    .then(|| alloc::boxed::Box::new(wire::tcp::AccurateEcn::new(option > 1, [counter; 3], 3)));
                proptest::prop_assert!(marks.told(&segment, &news(acked)) <= acked.max(1000));
            }
        }
    }
}
