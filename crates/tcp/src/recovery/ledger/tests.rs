//! The books against a plain list of octets.

use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Octet {
    Flies,
    Lost,
    Again,
    Sacked,
}

fn at(n: usize) -> Instant {
    Instant::from_millis(n as u64)
}

proptest! {
    /// Whatever happens in whatever order: each octet is delivered once, and every sum is that of the list.
    #[test]
    fn books_balance(start: u32, steps in proptest::collection::vec((0u8..8, 0u32..40, 1u32..40), 1..80)) {
        let base = SeqNum::new(start);
        let mut ledger = Ledger::new(base);
        ledger.set_grain(1);
        let (mut model, mut sent, mut told): (Vec<Octet>, Vec<usize>, Vec<bool>) = Default::default();
        let (mut una, mut nxt, mut reneged) = (0u32, 0u32, false);
        for (step, (kind, from, len)) in steps.into_iter().enumerate() {
            let (lo, hi) = (una + from.min(nxt - una), (una + from + len).min(nxt));
            let range = lo as usize..hi as usize;
            let mut runs = Vec::new();
            match kind {
                0 => {
                    ledger.push(at(step), base + nxt, base + nxt + len, Snapshot::default());
                    nxt += len;
                    model.resize(nxt as usize, Octet::Flies);
                    sent.resize(nxt as usize, step);
                    told.resize(nxt as usize, false);
                }
                1 if lo < hi => {
                    let mut marked = 0;
                    ledger.mark_lost(u64::from(lo), u64::from(hi), &mut |octets, _| marked += octets);
                    let part = &mut model[range];
                    let new = part.iter_mut().filter(|octet| matches!(octet, Octet::Flies | Octet::Again));
                    prop_assert_eq!(marked as usize, new.map(|octet| *octet = Octet::Lost).count());
                }
                2 if lo < hi => {
                    ledger.resent(at(step), at(step), base + lo, base + hi, Snapshot::default());
                    for octet in range {
                        if model[octet] != Octet::Sacked {
                            (model[octet], sent[octet]) = (Octet::Again, step);
                        }
                    }
                }
                3 => {
                    ledger.retire(base + lo, &mut |run| runs.push(*run));
                    una = lo;
                }
                4 if lo < hi => {
                    ledger.sack(u64::from(lo), u64::from(hi), &mut |run| runs.push(*run));
                    model[range].fill(Octet::Sacked);
                }
                5 => {
                    // What left before a certain step, and not later, is lost.
                    let newest = (at(from as usize), 0);
                    let judge = Judge { now: at(200), newest, patience: env::Duration::ZERO };
                    ledger.detect(&judge, &mut |_, _| {});
                    for octet in una as usize..nxt as usize {
                        if matches!(model[octet], Octet::Flies | Octet::Again) && sent[octet] < from as usize
                            && model[una as usize..].iter().any(|octet| *octet != Octet::Flies)
                        {
                            model[octet] = Octet::Lost;
                        }
                    }
                }
                6 if from == 0 => {
                    ledger.renege();
                    for octet in &mut model[una as usize..] {
                        if *octet == Octet::Sacked {
                            *octet = Octet::Lost;
                        }
                    }
                    // What is delivered again is told of again.
                    told[una as usize..].fill(false);
                    reneged = true; // and when it left is forgotten
                }
                _ => {}
            }
            for run in runs {
                let part = &mut told[run.start as usize..run.end as usize];
                prop_assert!(part.iter().all(|told| !*told), "delivered once");
                part.fill(true);
                prop_assert!(reneged || run.at == at(sent[run.end as usize - 1]));
            }
            prop_assert!(told[..una as usize].iter().all(|told| *told));
            let out = &model[una as usize..];
            let count = |what| out.iter().filter(|octet| **octet == what).count();
            prop_assert_eq!(ledger.outstanding() as usize, out.len());
            prop_assert_eq!(ledger.lost() as usize, count(Octet::Lost));
            prop_assert_eq!(ledger.sacked() as usize, count(Octet::Sacked));
            let first = out.iter().position(|octet| *octet == Octet::Lost);
            let run = first.map(|first| {
                let end = out[first..].iter().position(|octet| *octet != Octet::Lost);
                (base + una + first as u32, base + una + end.map_or(out.len(), |n| first + n) as u32)
            });
            prop_assert_eq!(ledger.next_lost(1 << 16), run);
            prop_assert!(ledger.entries() <= 3 * model.len() + 200);
        }
    }
}
