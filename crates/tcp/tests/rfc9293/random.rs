//! Anything at all arrives in every state: nothing panics, nothing grows, nothing goes round for ever.

use crate::lone::{Lone, Peer};
use env::Duration;
use handfast_tcp::{Connection, SendFlags, State, TcpConfig};
use proptest::prelude::*;
use wire::Payload;
use wire::tcp::{Flags, SackBlock, SackBlocks, Timestamps};

/// What happens next, in small numbers; see [`act`].
type Step = (u8, u16, i32, i32, u16, u16);

/// A connection that is as far as `stage` says, for a user who wrote and closed or not.
fn staged(stage: u8, stamps: bool, written: usize) -> Lone {
    let mut lone = Lone::opening(TcpConfig::default().receive_buffer(20_000).unwrap());
    lone.transmits();
    if stage >= 1 {
        let peer = Peer { sack: true, stamps, scale: Some(3), ..Peer::plain() };
        let mut syn = lone.syn_ack(&peer);
        if stage == 1 {
            syn.header.flags = Flags::SYN; // both opened at once
        }
        lone.handle(syn);
        lone.transmits();
    }
    if written > 0 {
        let _: Result<usize, _> =
            lone.tcp.send(lone.now, Payload::copy_of(&vec![7; written]), SendFlags::default());
    }
    if stage == 3 {
        let fin = lone.segment(Flags::FIN | Flags::ACK, 1, 1, 1_000, 0);
        lone.handle(fin);
    }
    if stage >= 3 {
        let _: Result<(), _> = lone.tcp.close(lone.now);
    }
    lone.transmits();
    lone
}

/// A segment near the edges of both windows, or a call, or time.
fn act(lone: &mut Lone, (kind, flags, seq, ack, window, more): Step) {
    let status = lone.tcp.status();
    match kind {
        0..=9 => {
            let octets = usize::from(more % 3_000);
            let mut segment = lone.segment(Flags::from_bits(flags & 0x1ff), 0, 0, window, octets);
            segment.header.seq = [status.rcv_nxt, status.rcv_edge][usize::from(kind & 1)] + seq as u32;
            segment.header.ack = [status.snd_una, status.snd_nxt][usize::from(kind >> 1 & 1)] + ack as u32;
            segment.header.urgent = more.rotate_left(3);
            if kind & 4 > 0 {
                let value = lone.peer_clock().wrapping_add(seq as u32);
                segment.header.options.timestamps = Some(Timestamps { value, echo: lone.echo });
                segment.header.options.mss = Some(more);
                segment.header.options.window_scale = Some(more as u8);
            }
            if kind & 8 > 0 {
                let mut blocks = SackBlocks::NONE;
                blocks
                    .push(SackBlock { start: status.snd_una + ack as u32, end: status.snd_nxt + seq as u32 });
                segment.header.options.sack = blocks;
            }
            if more & 0x800 > 0 {
                segment.segment_size = std::num::NonZeroU16::new(window);
            }
            lone.handle(segment);
        }
        10 => drop(lone.tcp.receive(lone.now, usize::from(more))),
        11 => drop(lone.tcp.send(
            lone.now,
            Payload::copy_of(&vec![1; usize::from(more)]),
            SendFlags { urgent: more & 1 > 0, ..SendFlags::default() },
        )),
        12 => drop(lone.tcp.handle_path_mtu(lone.now, more, (seq & 1 > 0).then_some(status.snd_una))),
        13 => match more % 40 {
            0 => lone.tcp.release(lone.now),
            1 => lone.tcp.abort(lone.now),
            2 => drop(lone.tcp.close(lone.now)),
            3 => lone.tcp.flush(),
            _ => {}
        },
        _ => {
            lone.now += Duration::from_millis(u64::from(more) * 3);
            lone.tcp.handle_timeout(lone.now);
        }
    }
}

fn offset() -> impl Strategy<Value = i32> {
    prop_oneof![4 => -3..4i32, 2 => -3_000..3_000i32, 1 => any::<i32>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Covers: RFC 9293 9293-E33, 9293-E36
    #[test]
    fn whatever_arrives_the_connection_stays_sound(
        stage in 0u8..5, stamps: bool, written in 0usize..30_000,
        steps in proptest::collection::vec((0u8..16, any::<u16>(), offset(), offset(), any::<u16>(), any::<u16>()), 1..60),
    ) {
        let mut lone = staged(stage, stamps, written);
        let mut closed = 0;
        for step in steps {
            // Most segments that count have ACK and no SYN or RST.
            let flags = if step.5 & 3 > 0 { step.1 & !0x6 | 0x10 } else { step.1 };
            act(&mut lone, (step.0, flags, step.2, step.3, step.4, step.5));
            lone.events.clear();
            let sent = lone.transmits().len();
            prop_assert!(sent <= 1_100, "{sent} segments at once");
            prop_assert!(lone.events.len() <= 10);
            closed += lone.events.iter().filter(|event| matches!(event, handfast_tcp::Event::Closed(_))).count();
            prop_assert!(closed <= 1);
            let status = lone.tcp.status();
            prop_assert!(lone.tcp.held() <= (1 << 20) + 2 * 20_000 + 70_000, "{}", lone.tcp.held());
            prop_assert!(status.snd_una.at_or_before(status.snd_nxt));
            let over = matches!(lone.tcp.state(), State::Closed);
            let waits = status.snd_una != status.snd_nxt || (status.unsent > 0 && status.state != Some(State::SynReceived));
            prop_assert!(over || !waits || lone.tcp.poll_timeout().is_some(), "{status:?}");
            prop_assert!(lone.tcp.poll_timeout().is_none_or(|at| at > lone.now), "a deadline in the past: {status:?}");
        }
        // The user lets go: it ends.
        lone.tcp.release(lone.now);
        lone.advance(Duration::from_secs(1_500));
        prop_assert_eq!(lone.tcp.state(), State::Closed);
    }
}

/// With the box of its open state, under 1.5 KiB (asserted beside the types).
#[test]
fn a_connection_is_small_and_holds_nothing_while_it_is_idle() {
    assert!(size_of::<Connection>() <= 400, "{} octets", size_of::<Connection>());
    let mut lone = Lone::plain();
    assert_eq!(lone.tcp.held(), 0);
    lone.write(5_000);
    assert!((5_000..5_100).contains(&lone.tcp.held()));
    lone.sent();
    lone.acked(5_001);
    lone.arrives(Flags::ACK, 1, 5_001, 65_535, 900);
    assert!((900..2_048).contains(&lone.tcp.held()));
    drop(lone.tcp.receive(lone.now, usize::MAX));
    assert_eq!(lone.tcp.held(), 0);
}
