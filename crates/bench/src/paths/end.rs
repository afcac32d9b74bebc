//! What both kinds of end share: the run they are part of, and what they say when it is over.

use super::series::Series;
use super::stream::Stream;
use crate::BenchError;
use device::kernel_tcp::KernelTcp;
use driver::Clock;
use env::{Duration, Instant};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

/// A run of one cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<'a> {
    pub(super) clock: Clock,
    pub(super) began: Instant,
    pub(super) lasting: Duration,
    /// Somebody wants everything to end.
    pub(super) stop: &'a AtomicBool,
}

impl Run<'_> {
    /// When it is over.
    pub(super) fn end(&self) -> Instant {
        self.began + self.lasting
    }

    pub(super) fn is_over(&self) -> bool {
        self.clock.now() >= self.end() || self.stop.load(Ordering::Relaxed)
    }
}

/// What an end says.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// What it read.
    pub(super) series: Series,
    pub(super) said: Said,
    /// A connection of the kernel's that is reset when this is dropped: not before the other end has looked at its own.
    pub(super) open: Option<TcpStream>,
}

/// What a stack says of its connection.
#[derive(Clone, Debug, Default)]
pub enum Said {
    /// Nothing: there was no connection.
    #[default]
    Nothing,
    /// The kernel.
    Kernel {
        /// The congestion control that ran.
        controller: String,
        /// TCP_INFO.
        told: KernelTcp,
        /// Packets that were lost between the kernel and the relay: there must be none.
        dropped: u64,
    },
    /// Handfast: STATUS, while there was a connection.
    Ours(Option<Box<tcp::Status>>),
}

impl Ended {
    /// Notes octets that were read, which must be those that come next.
    pub(super) fn take(
        &mut self,
        run: &Run<'_>,
        expected: &mut Stream,
        octets: &[u8],
    ) -> Result<(), BenchError> {
        if !expected.follow(octets) {
            return Err(BenchError::Harmed { after: self.series.octets() });
        }
        self.series.add(run.began, run.clock.now(), octets.len());
        Ok(())
    }
}
