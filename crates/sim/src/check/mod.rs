//! What must always hold, checked in every run.
//!
//! ```text
//!   host ──departs──► [ wire.rs: checksums, MTU, MSS, ACK, right edge, start window ] ──► link
//!   host ◄─arrives── [ what it has been told: windows, acknowledgments, MSS       ] ◄── link
//!   host (after each turn) ─► [ host.rs: memory, deadlines, flight and cwnd       ]
//! ```
//!
//! What is seen on the wire is judged by what came over the wire, not by what the code under test believes: a sender that
//! ignores its own window is caught although its status looks fine.

mod flow;
mod host;
mod violation;
mod wire;

pub use violation::Violation;

use crate::HostId;
use flow::Flow;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

/// What is known of each connection on the wire, and which checks are on.
#[derive(Clone, Debug)]
pub struct Checks {
    on: bool,
    flows: HashMap<(HostId, SocketAddr, SocketAddr), Flow>,
    /// Hosts that have to find their neighbours first: what TCP has sent may wait for that.
    waiting: BTreeSet<HostId>,
    /// A connection may come back with the numbers of one that was reset.
    reborn: bool,
    packets: u64,
    segments: u64,
}

/// A rule that does not hold, and what was seen.
pub(crate) type Found = Option<(&'static str, String)>;

impl Checks {
    pub(crate) fn new() -> Self {
        Self {
            on: true,
            flows: HashMap::new(),
            waiting: BTreeSet::new(),
            reborn: false,
            packets: 0,
            segments: 0,
        }
    }

    /// Turns all checks off or on: a scene may break the rules on purpose.
    pub fn set(&mut self, on: bool) {
        self.on = on;
    }

    /// Connections may come back with the numbers of one that was reset, as they do from a cookie that arrives twice
    /// (RFC 4987 §3.6): a RST makes the checks forget what they know. Off at first.
    pub fn allow_rebirth(&mut self, on: bool) {
        self.reborn = on;
    }

    /// Packets and, among them, TCP segments that were checked on their way out.
    pub fn checked(&self) -> (u64, u64) {
        (self.packets, self.segments)
    }

    /// Connections' directions in which sequence numbers passed 2^31 or 2^32.
    pub fn wraps(&self) -> u64 {
        self.flows.values().filter(|flow| flow.wraps()).count() as u64
    }

    /// The host began anew, and knows nothing of its connections.
    pub(crate) fn forget(&mut self, host: HostId) {
        self.flows.retain(|&(of, ..), _| of != host);
    }
}
