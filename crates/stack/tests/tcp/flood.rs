//! Floods: of SYNs, of forged ACKs, of strays.

use crate::bench::{Bench, Peer, Two};
use env::Duration;
use stack::{Account, CookieUse, Drop, ListenConfig};
use tcp::State;
use wire::SeqNum;
use wire::tcp::{Flags, Timestamps};

const SYN_ACK: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());

fn small(cookies: CookieUse) -> ListenConfig {
    ListenConfig { syn_queue: 16, cookies, ..ListenConfig::default() }
}

mod rfc4987_3_6 {
    use super::*;

    /// Covers: RFC 4987 4987-1, 4987-5, 4987-8
    #[test]
    fn when_the_queue_is_full_answers_are_cookies_and_memory_stays() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", small(CookieUse::Auto));
        for n in 0..100_000 {
            Peer::of_crowd(n, "10.0.0.1:80").send(&mut bench, Flags::SYN, b"");
            assert_eq!(bench.sent().len(), 1, "everybody is answered");
        }
        assert_eq!(bench.host.tcp_counts().half_open, 16);
        assert_eq!(bench.host.counters().tcp_cookies_sent, 100_000 - 16);
        let held = bench.host.budget().held_for(Account::TcpRecord);
        assert!(held <= 16 * 1_024, "{held}");

        let mut client = Peer::new("10.0.0.2:9", "10.0.0.1:80");
        client.open(&mut bench);
        client.send(&mut bench, Flags::ACK, b"hello");
        let (id, _) = bench.host.tcp_accept(listener).expect("its cookie was good");
        assert_eq!(&bench.host.tcp_receive(bench.now, id, 9).expect("data").data[..], b"hello");
        assert_eq!(bench.host.counters().tcp_cookies_accepted, 1);

        // The flood ends; the queue empties, and records are kept again.
        bench.pass(70_000);
        let sent = bench.host.counters().tcp_cookies_sent;
        Peer::new("10.0.0.2:10", "10.0.0.1:80").open(&mut bench);
        assert_eq!(bench.host.counters().tcp_cookies_sent, sent);
        assert!(bench.host.tcp_accept(listener).is_some());
    }

    /// Covers: RFC 4987 4987-5; RFC 9293 9293-E3
    #[test]
    fn a_forged_or_late_cookie_is_reset() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", small(CookieUse::Always));
        let mut client = Peer::new("10.0.0.2:9", "10.0.0.1:80");
        client.send(&mut bench, Flags::SYN, b"");
        let syn_ack = bench.one();
        client.take(&syn_ack);
        let good = client.clone();
        for forge in [1u32, 16, 1 << 20] {
            let mut forged = Peer { ack: good.ack + forge, ..good.clone() };
            forged.send(&mut bench, Flags::ACK, b"");
            assert_eq!((bench.one().flags(), bench.host.tcp_counts().connections), (Flags::RST, 0));
        }
        assert_eq!(bench.host.counters().dropped(Drop::TcpBadCookie), 3);
        bench.now += Duration::from_secs(125);
        good.clone().send(&mut bench, Flags::ACK, b"");
        assert_eq!(bench.one().flags(), Flags::RST);
        assert!(bench.host.tcp_accept(listener).is_none());
    }

    /// Covers: RFC 4987 4987-6
    #[test]
    fn with_timestamps_scale_and_sack_come_back_with_the_cookie() {
        for stamp in [None, Some(1_000)] {
            let mut bench = Bench::new();
            let listener = bench.listen("0.0.0.0:80", small(CookieUse::Always));
            let mut client = Peer { stamp, ..Peer::new("10.0.0.2:9", "10.0.0.1:80") };
            client.options.window_scale = Some(7);
            client.options.sack_permitted = true;
            client.open(&mut bench);
            let (id, _) = bench.host.tcp_accept(listener).expect("open");
            let status = bench.host.tcp_status(id).expect("open");
            assert_eq!((status.timestamps, status.sack), (stamp.is_some(), stamp.is_some()));
            assert_eq!(status.scales.map(|(theirs, _)| theirs), stamp.map(|_| 7));
        }
    }

    /// Covers: RFC 4987 4987-9
    #[test]
    fn when_the_third_segment_is_lost_the_first_data_opens() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", small(CookieUse::Always));
        let mut client = Peer::new("10.0.0.2:9", "10.0.0.1:80");
        client.send(&mut bench, Flags::SYN, b"");
        let syn_ack = bench.one();
        client.take(&syn_ack);
        bench.pass(3_000);
        client.send(&mut bench, Flags::ACK, b"GET");
        let (id, _) = bench.host.tcp_accept(listener).expect("open");
        assert_eq!(&bench.host.tcp_receive(bench.now, id, 9).expect("data").data[..], b"GET");
    }

    #[test]
    fn without_cookies_a_full_queue_drops() {
        let mut bench = Bench::new();
        bench.listen("0.0.0.0:80", small(CookieUse::Off));
        let answered = (0..100)
            .map(|n| {
                Peer::of_crowd(n, "10.0.0.1:80").send(&mut bench, Flags::SYN, b"");
                bench.sent().len()
            })
            .sum::<usize>();
        assert_eq!((answered, bench.host.counters().dropped(Drop::TcpSynQueueFull)), (16, 84));
    }

    /// Covers: RFC 4987 4987-10, 4987-11
    #[test]
    fn who_is_connected_and_who_comes_during_a_flood_notices_nothing() {
        let mut two = Two::new();
        let listener = two.listen(1, "10.0.0.2:80", small(CookieUse::Auto));
        let before = two.connect(0, "10.0.0.2:80");
        two.run(50);
        let (theirs, _) = two.hosts[1].tcp_accept(listener).expect("open");
        let mut octets = 0;
        let mut crowd = 0;
        let mut during = Vec::new();
        for _ in 0..50 {
            octets += two.send(0, before, &[7; 1_000]);
            for _ in 0..200 {
                crowd += 1;
                two.forge_syn(1, crowd, "10.0.0.2:80");
            }
            during.push(two.connect(0, "10.0.0.2:80"));
            two.run(20);
        }
        two.run(500);
        assert_eq!(two.receive(1, theirs).len(), octets);
        assert!(during.iter().all(|id| two.state(0, *id) == State::Established));
        assert_eq!(two.hosts[0].counters().tcp_retrans_segs, 0, "not one segment was lost");
        assert!(two.hosts[1].counters().tcp_cookies_sent > 9_000);
    }
}

mod strays {
    use super::*;

    #[test]
    fn resets_to_strays_are_limited_and_come_back() {
        let mut bench = Bench::new();
        let flood = |bench: &mut Bench| {
            let mut resets = 0;
            for n in 0..10_000 {
                Peer::of_crowd(n, "10.0.0.1:9").send(bench, Flags::ACK, b"");
                resets += bench.sent().len();
            }
            resets
        };
        let first = flood(&mut bench);
        assert!((700..1_500).contains(&first), "{first}");
        assert_eq!(bench.host.counters().dropped(Drop::RateLimited), 10_000 - first as u64);
        bench.now += Duration::from_secs(1);
        let second = flood(&mut bench);
        assert!((700..1_500).contains(&second), "{second}");
        assert_ne!(first, second, "how many there are tells nothing");
    }

    /// Covers: RFC 9293 9293-E2
    #[test]
    fn a_reset_is_never_answered() {
        let mut bench = Bench::new();
        for flags in [Flags::RST, Flags::RST | Flags::ACK, Flags::RST | Flags::SYN] {
            Peer::new("10.0.0.2:9", "10.0.0.1:9").send(&mut bench, flags, b"x");
        }
        assert!(bench.sent().is_empty());
    }

    /// Covers: RFC 7323 7323-23
    #[test]
    fn a_reset_to_a_stray_echoes_its_timestamp() {
        let mut bench = Bench::new();
        let mut peer = Peer { stamp: Some(77), ack: SeqNum::new(9), ..Peer::new("10.0.0.2:9", "10.0.0.1:9") };
        peer.send(&mut bench, Flags::ACK, b"");
        let reset = bench.one();
        assert_eq!(reset.header.options.timestamps, Some(Timestamps { value: 0, echo: 77 }));
    }

    /// A stranger makes us send no more octets than it sends, but for six SYN-ACKs to one SYN.
    ///
    /// Covers: RFC 4987 4987-2, 4987-10
    #[test]
    fn nobody_is_amplified() {
        let mut bench = Bench::new();
        bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut peer = Peer { stamp: Some(1), ..Peer::new("10.0.0.2:9", "10.0.0.1:80") };
        peer.options.window_scale = Some(7);
        peer.options.sack_permitted = true;
        peer.send(&mut bench, Flags::SYN, b"");
        let sent = bench.pass(300_000);
        assert_eq!(sent.len(), 6);
        let asked = peer.header(Flags::SYN).encoded_len();
        assert!(sent.iter().all(|(_, seen)| seen.flags() == SYN_ACK && seen.header.encoded_len() <= asked));
    }
}
