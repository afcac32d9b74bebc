//! A network that marks whatever it may, all the time (RFC 3168, 9768).

use crate::pair::Pair;
use env::{Duration, Instant};
use handfast_tcp::{Congestion, CongestionHabits, Ecn, EcnHabits, Note, TcpConfig, Trigger};
use std::cell::Cell;
use std::rc::Rc;
use wire::tcp::Flags;

const ROUND_TRIP: Duration = Duration::from_millis(40);

fn config(controller: Congestion, ecn: Ecn) -> TcpConfig {
    TcpConfig::default().congestion(controller).ecn(ecn)
}

/// Whatever A sends that may be marked comes marked; how many octets and segments that were.
fn marked(pair: &mut Pair) -> Rc<Cell<(u64, u64)>> {
    let count = Rc::new(Cell::new((0, 0)));
    let counter = count.clone();
    pair.alter = Box::new(move |from_a, segment| {
        if from_a && matches!(segment.ecn, wire::Ecn::Ect0 | wire::Ecn::Ect1) {
            segment.ecn = wire::Ecn::Ce;
            let (octets, segments) = counter.get();
            counter.set((octets + segment.payload.len() as u64, segments + 1));
        }
    });
    count
}

/// When A answered marks.
fn answers(pair: &mut Pair) -> Vec<Instant> {
    std::iter::from_fn(|| pair.a.tcp().poll_note())
        .filter_map(|note| match note {
            Note::Window { at, trigger: Trigger::Marked, .. } => Some(at),
            _ => None,
        })
        .collect()
}

/// Covers: RFC 9768 9768-6; RFC 3168 3168-10
#[test]
fn where_all_is_marked_every_mark_is_counted_and_obeyed_once_a_round_trip() {
    for controller in Congestion::ALL {
        let mut pair = Pair::configured(config(controller, Ecn::Accurate));
        pair.delay = ROUND_TRIP / 2;
        let count = marked(&mut pair);
        pair.a.tcp().watch(true);
        let (begin, mut written, all) = (pair.now, 0, 120_000);
        while pair.a.tcp().status().octets_acknowledged < all as u64 {
            written += pair.write(true, &vec![7; all - written]);
            assert!(pair.step(), "{controller}: stuck");
        }
        let span = pair.now.since(begin);
        let (octets, segments) = count.get();
        assert!(segments > 50, "{controller}: {segments}");
        assert_eq!(pair.b.tcp().status().marks_received, segments, "{controller}");
        let status = pair.a.tcp().status();
        assert_eq!((status.marks_told, status.marked_segments), (octets, segments), "{controller}");
        let answers = answers(&mut pair);
        let gaps = || answers.windows(2).map(|two| two[1].since(two[0]));
        // A window that is paced ends when the last of it that had left then is acknowledged, which may be sooner.
        let paced = controller == Congestion::Bbr;
        assert!(paced || gaps().all(|gap| gap >= ROUND_TRIP), "{controller}: {:?}", gaps().min());
        // No window of data went by without an answer: windows go down from ten segments to two or fewer, but for BBR's, which
        // keep what is delivered.
        let window = if controller == Congestion::Bbr { 16 } else { 4 };
        let rounds = (span.as_nanos() / ROUND_TRIP.as_nanos()) as usize;
        assert!(answers.len() <= rounds + 1, "{controller}: {} in {rounds}", answers.len());
        assert!(answers.len() as u64 >= segments / window, "{controller}: {} for {segments}", answers.len());
    }
}

/// At one segment the sender waits for its timer; that others ask meanwhile, and are answered with the echo, is no reason to
/// wait anew.
///
/// Covers: RFC 3168 3168-12
#[test]
fn an_echo_that_goes_on_holds_nobody_up_for_ever() {
    let habits = [CongestionHabits::default(), CongestionHabits::LINUX];
    let controllers = [Congestion::NewReno, Congestion::Cubic, Congestion::Dctcp];
    for (controller, habits) in controllers.into_iter().flat_map(|one| habits.map(|habits| (one, habits))) {
        let mut pair = Pair::configured(config(controller, Ecn::Classic).congestion_habits(habits));
        marked(&mut pair);
        pair.write(true, &[7; 60_000]);
        let begin = pair.now;
        let mut asked = pair.now;
        while pair.b.received.len() < 60_000 {
            if pair.now >= asked {
                // B's ACK once more, and its echo.
                let ack = pair.seen.iter().rev().find(|seen| !seen.from_a && seen.kept);
                if let Some(mut ack) = ack.map(|seen| seen.segment.clone()) {
                    ack.header.flags |= Flags::ECE;
                    pair.inject(false, ack);
                }
                asked = pair.now + Duration::from_millis(50);
            }
            assert!(pair.step(), "{controller}: stuck");
            assert!(
                pair.now.since(begin) < Duration::from_secs(120),
                "{controller}: {:?}",
                pair.a.tcp().status()
            );
        }
    }
}

/// Linux's record of a connection that its user has closed knows no counter; RFC 9768 lets no ACK go without.
///
/// Covers: RFC 9768 9768-5
#[test]
fn the_last_acks_tell_of_marks_unless_a_user_who_is_gone_takes_them_along() {
    let last = |forgets: bool, released: bool| {
        let habits = EcnHabits { forgets_at_the_end: forgets, ..EcnHabits::default() };
        let mut pair = Pair::configured(config(Congestion::NewReno, Ecn::Accurate).ecn_habits(habits));
        if released {
            let now = pair.now;
            pair.a.tcp().release(now);
        } else {
            let now = pair.now;
            pair.a.tcp().close(now).unwrap();
        }
        pair.settle(Duration::from_millis(100));
        let now = pair.now;
        pair.b.tcp().close(now).unwrap();
        pair.settle(Duration::from_millis(100));
        let of_a = pair.seen.iter().rev().find(|seen| seen.from_a).expect("it acknowledges the FIN");
        let flags = of_a.segment.header.flags;
        assert!(!flags.contains(Flags::FIN), "{flags}");
        flags.intersects(Flags::AE | Flags::CWR | Flags::ECE)
    };
    assert!(last(false, true) && last(true, false));
    assert!(!last(true, true));
}

/// What the data says in IP that A sends, and how often: not capable, ECT(1), ECT(0).
fn codepoints(controller: Congestion, asks: Ecn) -> [u32; 3] {
    let mut pair = Pair::configured(config(controller, asks));
    let count = Rc::new(Cell::new([0; 3]));
    let counter = count.clone();
    pair.alter = Box::new(move |from_a, segment| {
        if from_a && !segment.payload.is_empty() {
            let mut seen = counter.get();
            match segment.ecn {
                wire::Ecn::NotEct => seen[0] += 1,
                wire::Ecn::Ect1 => seen[1] += 1,
                wire::Ecn::Ect0 => seen[2] += 1,
                wire::Ecn::Ce => {}
            }
            counter.set(seen);
        }
    });
    let mut written = 0;
    while pair.a.tcp().status().octets_acknowledged < 100_000 {
        written += pair.write(true, &vec![7; 100_000 - written]);
        assert!(pair.step(), "{controller}: stuck");
    }
    count.get()
}

/// Covers: RFC 9331 9331-1, 9331-2, 9331-3
#[test]
fn only_a_scalable_controller_with_exact_feedback_asks_for_the_low_latency_queue() {
    for controller in Congestion::ALL {
        let scalable = controller == Congestion::Dctcp;
        let [plain, low, classic] = codepoints(controller, Ecn::Accurate);
        assert_eq!((plain, low > 0, classic > 0), (0, scalable, !scalable), "{controller}");
        let [plain, low, classic] = codepoints(controller, Ecn::Classic);
        assert_eq!(
            (plain, low, classic > 0),
            (0, 0, true),
            "{controller}: one mark a round trip is all that is told"
        );
        let [plain, low, classic] = codepoints(controller, Ecn::Off);
        assert_eq!((plain > 0, low, classic), (true, 0, 0), "{controller}");
    }
}

/// RFC 9768 §3.2.2.3: the SYN,ACK tells how our SYN came, which was sent as not capable.
#[test]
fn where_the_syn_came_mangled_nothing_says_that_it_is_capable_and_marks_of_the_peer_are_told_all_the_same() {
    for (told, mangled) in [(0b010, false), (0b011, true), (0b100, true), (0b110, true)] {
        let config = config(Congestion::Cubic, Ecn::Accurate);
        let mut pair = Pair::new(config.clone(), config);
        let capable = Rc::new(Cell::new(0));
        let count = capable.clone();
        pair.alter = Box::new(move |from_a, segment| {
            let flags = segment.header.flags;
            if from_a {
                count.set(count.get() + u32::from(segment.ecn != wire::Ecn::NotEct));
            } else if flags.contains(Flags::SYN) {
                let others = flags & !(Flags::AE | Flags::CWR | Flags::ECE);
                segment.header.flags = others | Flags::from_bits(told << 6);
            } else if !segment.payload.is_empty() {
                segment.ecn = wire::Ecn::Ce;
            }
        });
        pair.open();
        pair.settle(Duration::from_secs(1));
        pair.write(true, &[7; 20_000]);
        pair.write(false, &[7; 20_000]);
        pair.settle(Duration::from_secs(5));
        assert_eq!(pair.b.received.len(), 20_000);
        assert_eq!(capable.get() == 0, mangled, "{told:03b}: {}", capable.get());
        assert!(pair.b.tcp().status().marks_told > 0, "{told:03b}: exact feedback was agreed on");
    }
}
