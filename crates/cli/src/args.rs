//! What can be asked.

use clap::{Parser, Subcommand};

use crate::bench;
use crate::demo;
use crate::drill;
use crate::explain;
#[cfg(target_os = "linux")]
use crate::{http, nc, ping, resolve, serve};
use crate::{pages, replay, swarm};
use std::num::NonZeroU64;

/// The transport layer in user space: TCP and UDP over IPv4 and IPv6, complete, deterministic, visible.
#[derive(Debug, Parser)]
#[command(name = "handfast", version, max_term_width = 100, after_help = format!("{EXAMPLES}\n\n{CODES}"))]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The exit codes of all commands.
pub(crate) const CODES: &str = "\
Exit codes:
    0  it worked
    1  something here failed: a file, an interface, a permission, a script of drill
    2  it was asked wrongly
    3  a name was not found
    4  no connection: refused, unreachable
    5  no answer in time
    6  the connection broke
    7  the server answered with an error
    8  what was checked does not hold: a replay that differs, a world of sim that failed
  130  it was interrupted, or had to cut connections off";

const EXAMPLES: &str = "\
Examples:
  handfast demo                 two hosts shake hands, talk and part, packet by packet
  handfast demo --list          every scene there is
  handfast demo lost-syn --lang ko
  handfast demo transfer --file README.md --loss 5% --delay 20ms
  handfast explain a.pcapng --summary
  handfast replay run.hfr --ladder
  handfast drill crates/sim/scripts
  handfast sim swarm --seeds 1000
  sudo handfast serve . &                                 a host of its own, with files
  sudo handfast get http://10.111.0.2/README.md --trace   and another one that fetches one, packet by packet";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Bench(bench::BenchArgs),
    Demo(demo::DemoArgs),
    Drill(drill::DrillArgs),
    Explain(explain::ExplainArgs),
    Replay(replay::ReplayArgs),
    Sim(swarm::SimArgs),
    #[cfg(target_os = "linux")]
    Serve(serve::ServeArgs),
    #[cfg(target_os = "linux")]
    Get(http::GetArgs),
    #[cfg(target_os = "linux")]
    Put(http::PutArgs),
    #[cfg(target_os = "linux")]
    Nc(nc::NcArgs),
    #[cfg(target_os = "linux")]
    Ping(ping::PingArgs),
    #[cfg(target_os = "linux")]
    Resolve(resolve::ResolveArgs),
    Completions(pages::CompletionsArgs),
    Man(pages::ManArgs),
}

/// A seed.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

/// How many of something.
pub(crate) fn count(text: &str) -> Result<NonZeroU64, String> {
    text.parse().map_err(|_| format!("give a whole number from 1 to {}", u64::MAX))
}
