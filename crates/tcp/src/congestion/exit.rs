//! Who watches delay during the first slow start, if anybody does.

use super::classic::Classic;
use super::hystart::{self, HyStart};
use super::{AckSample, SlowStartExit};
use alloc::boxed::Box;

/// A watch that may end slow start.
#[derive(Clone, Debug)]
pub(super) enum Exit {
    PlusPlus(HyStart),
    Classic(Classic),
}

impl Exit {
    /// Whom `choice` names.
    pub(super) fn new(choice: SlowStartExit) -> Option<Box<Self>> {
        match choice {
            SlowStartExit::HyStartPlusPlus => Some(Box::new(Self::PlusPlus(HyStart::new()))),
            SlowStartExit::HyStart => Some(Box::new(Self::Classic(Classic::default()))),
            SlowStartExit::Loss => None,
        }
    }

    /// Takes an ACK into account that finds `cwnd` octets, of a sender that is paced or not; `true` when slow start is over.
    pub(super) fn on_ack(&mut self, sample: &AckSample, cwnd: u32, segment_size: u32, paced: bool) -> bool {
        match self {
            Self::PlusPlus(watch) => watch.on_ack(sample, paced),
            Self::Classic(watch) => watch.on_ack(sample, cwnd, segment_size, paced),
        }
    }

    /// Octets that an ACK of `octets` lets the window grow by, of a sender that is paced or not.
    pub(super) fn growth(&self, octets: u32, segment_size: u32, paced: bool) -> u32 {
        match self {
            Self::PlusPlus(watch) => watch.growth(octets, segment_size, paced),
            Self::Classic(_) => hystart::most(octets, segment_size, paced),
        }
    }

    /// For people.
    pub(super) fn phase(&self) -> &'static str {
        match self {
            Self::PlusPlus(watch) => watch.phase(),
            Self::Classic(_) => "slow start",
        }
    }
}
