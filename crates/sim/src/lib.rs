//! Many hosts on virtual time: the real code under every fault that can be thought of, without waiting.
//!
//! ```text
//!   World        hosts, links, a schedule of faults, one clock that jumps; what must always hold, checked at each step
//!   Pair         two hosts and a link: where most scenes begin
//!   swarm        random worlds by seed
//!   transfer     a file over a link that does its worst
//!   model        every state that two connections can reach together, for small parameters
//!   forge        packets that nobody sent
//!   paths        how well connections do over long, lossy and shaky paths, as a table
//!   packetdrill  scripts in packetdrill's language, played against a host
//! ```

mod check;
pub mod forge;
pub mod model;
pub mod packetdrill;
mod pair;
pub mod paths;
pub mod swarm;
mod transfer;
mod world;

pub use check::{Checks, Violation};
pub use device::impair::Profile;
pub use env::{Duration, Instant};
pub use pair::{Pair, PairConfig};
pub use transfer::{TransferConfig, TransferError, TransferReport, transfer};
pub use world::{Fault, Happened, HostId, LinkId, Logged, Record, Recorded, Stepped, SwitchId, World};
