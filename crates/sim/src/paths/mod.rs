//! How well connections do over paths that are long, lossy, shaky or unfair: a table in virtual time.
//!
//! ```text
//!    Path: rate × round trip × trouble ─► run: hosts, bottleneck, flows ─► RunReport: goodput, waiting, what was resent
//!                                              │
//!                                              └ Glance, every 5 ms: cwnd, in flight, queue … for plots
//!    table: all paths × all controllers, in parallel           fair: many flows, or two kinds, over one path
//!    scene: paths on which something was promised
//! ```
//!
//! Everything is drawn from a seed: the same seed gives the same table, digit for digit.

mod fair;
mod lab;
mod measure;
mod path;
mod run;
mod scene;
mod strict;
mod table;

pub use fair::{Contest, ContestReport, contests};
pub use measure::jain;
pub use path::{MTU, NotAPath, OUTAGE, Path, TROUBLE_AT, Trouble};
pub use run::{FlowConfig, FlowGlance, FlowReport, Glance, Resumed, RunReport, run};
pub use scene::{Judgement, SCENES, Scene};
pub use table::{Cell, Job, Outcome, all_cells, play, quick_cells};

use tcp::Congestion;

/// The controllers that are compared.
pub const CONTROLLERS: [Congestion; 3] = [Congestion::NewReno, Congestion::Cubic, Congestion::Bbr];

/// Those, and the ones that are tried when they are named: DCTCP is for networks that mark early, and most paths here don't.
pub const EVERY_CONTROLLER: [Congestion; 4] = {
    let [reno, cubic, bbr] = CONTROLLERS;
    [reno, cubic, bbr, Congestion::Dctcp]
};
