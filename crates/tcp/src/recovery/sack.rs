//! Which SACK blocks of an ACK mean something (RFC 2018 §3, 2883 §4).

use super::Place;
use super::ledger::Ledger;
use wire::SeqNum;
use wire::tcp::SackBlock;

/// The blocks of one ACK.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks {
    /// Islands, in ascending order.
    islands: [(Place, Place); 4],
    count: usize,
    /// The island that the ACK names first: what it grew by has just arrived.
    pub(super) first: Option<(Place, Place)>,
    /// What arrived twice (RFC 2883).
    pub(super) duplicate: Option<(Place, Place)>,
}

impl Blocks {
    /// Sorts out `blocks` of a segment that acknowledges `ack`. What lies outside SND.UNA … SND.NXT, or ends before it begins,
    /// is ignored (2018-14).
    pub(super) fn read(ledger: &Ledger, ack: SeqNum, blocks: &[SackBlock]) -> Self {
        let mut read = Self::default();
        for (index, block) in blocks.iter().enumerate() {
            if !block.start.before(block.end) {
                continue;
            }
            if index == 0 && is_duplicate(ack, blocks) {
                let places = ledger.place_behind(block.start).zip(ledger.place_behind(block.end));
                read.duplicate = places.filter(|&(start, end)| start < end && end <= ledger.nxt());
                continue;
            }
            let Some(end) = ledger.place(block.end).filter(|&end| end <= ledger.nxt()) else { continue };
            let start = ledger.place(block.start).unwrap_or(ledger.una());
            if start < end && block.start.at_or_after(ack) {
                read.take(start, end);
            }
        }
        read
    }

    fn take(&mut self, start: Place, end: Place) {
        self.first.get_or_insert((start, end));
        let Some(slot) = self.islands.get_mut(self.count) else { return };
        *slot = (start, end);
        self.count += 1;
        if let Some(known) = self.islands.get_mut(..self.count) {
            known.sort_unstable();
        }
    }

    /// The islands, in ascending order.
    pub(super) fn islands(&self) -> &[(Place, Place)] {
        self.islands.get(..self.count).unwrap_or(&[])
    }
}

/// Whether the first block reports a duplicate: it lies behind what its own segment acknowledges, or within the second
/// (2883-2).
fn is_duplicate(ack: SeqNum, blocks: &[SackBlock]) -> bool {
    let Some(first) = blocks.first() else { return false };
    let behind = first.start.before(ack) && first.end.at_or_before(ack);
    let within = blocks.get(1).is_some_and(|second| {
        second.start.before(second.end)
            && second.start.at_or_before(first.start)
            && first.end.at_or_before(second.end)
    });
    behind || within
}
