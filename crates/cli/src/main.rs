//! The `handfast` command.
//!
//! ```text
//!   main ─► args ─► bench    how fast it is
//!                   demo     scenes on a link in memory, drawn
//!                   drill    packetdrill scripts against the stack
//!                   explain  a capture, told as the same ladder
//!                   swarm    random worlds in which everything must hold
//!                   paths    how controllers do over long, lossy and shaky paths
//!                   pages    shell completions, manual
//!
//!                   serve, get and put, nc, ping, resolve ─► net: a stack on a TUN or TAP of their own
//!
//!   each command is a module; what it prints goes through `out`, which knows terminals and closed pipes
//! ```
//!
//! Exit codes are the same for all of them: see `args::CODES`. What others wrote goes through `clean` before it is
//! shown.

mod args;
mod bench;
#[cfg(target_os = "linux")]
mod body;
mod clean;
mod demo;
mod drill;
mod explain;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod nc;
#[cfg(target_os = "linux")]
mod net;
mod out;
mod pages;
mod paths;
#[cfg(target_os = "linux")]
mod ping;
mod replay;
#[cfg(target_os = "linux")]
mod resolve;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod sink;
mod swarm;

use out::Out;
use std::process::ExitCode;

fn main() -> ExitCode {
    out::speak_json(args::asks_for_json(std::env::args_os()));
    let args = match args::Args::read() {
        Ok(args) => args,
        Err(why) => return answer(&why),
    };
    let mut out = Out::stdout();
    let result = match args.command {
        args::Command::Bench(args) => bench::run(args, &mut out),
        args::Command::Demo(args) => demo::run(args, &mut out),
        args::Command::Drill(args) => drill::run(&args, &mut out),
        args::Command::Explain(args) => explain::run(args, &mut out),
        args::Command::Replay(args) => replay::run(args, &mut out),
        args::Command::Sim(args) => swarm::run(args, &mut out),
        #[cfg(target_os = "linux")]
        args::Command::Serve(args) => serve::run(args),
        #[cfg(target_os = "linux")]
        args::Command::Get(args) => http::get(args),
        #[cfg(target_os = "linux")]
        args::Command::Put(args) => http::put(args),
        #[cfg(target_os = "linux")]
        args::Command::Nc(args) => nc::run(args),
        #[cfg(target_os = "linux")]
        args::Command::Ping(args) => ping::run(args),
        #[cfg(target_os = "linux")]
        args::Command::Resolve(args) => resolve::run(args),
        args::Command::Completions(args) => pages::completions(&args),
        args::Command::Man(args) => pages::man(&args),
    };
    // What was not written yet may fail now.
    let result = result.and_then(|done| out.flush().map(|()| done).map_err(Into::into));
    match result {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::Badly) => ExitCode::FAILURE,
        Ok(Done::DoesNotHold) => ExitCode::from(8),
        Ok(Done::Interrupted) => ExitCode::from(130),
        Err(error) if out::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let exit = exit_code(&error);
            out::fail(&format!("{error:#}"), exit);
            ExitCode::from(exit)
        }
    }
}

/// Shows the help that was asked for, or says what is wrong with the command line.
fn answer(why: &clap::Error) -> ExitCode {
    if why.use_stderr() && out::speaks_json() {
        out::fail(why.to_string().trim().trim_start_matches("error: "), 2);
    } else {
        // Nobody may read it, as behind `| head`.
        let _ = why.print();
    }
    ExitCode::from(u8::try_from(why.exit_code()).unwrap_or(2))
}

fn exit_code(error: &anyhow::Error) -> u8 {
    #[cfg(target_os = "linux")]
    if let Some(failure) = error.downcast_ref::<net::Failure>() {
        return failure.exit as u8;
    }
    match () {
        () if error.is::<Usage>() => 2,
        () if error.is::<Interrupted>() => 130,
        () => 1,
    }
}

/// How a command ended that has said all there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Well,
    Badly,
    /// What was to be checked was checked, and is not so.
    DoesNotHold,
    Interrupted,
}

/// It was asked wrongly, in a way that only the command itself could see.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The user ended it before it had begun.
#[derive(Debug)]
struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted before we had an address")
    }
}

impl std::error::Error for Interrupted {}
