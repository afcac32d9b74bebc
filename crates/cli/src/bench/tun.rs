//! `handfast bench tun`: the processes that the library asks for, in namespaces that are made for them.
//!
//! ```text
//!   bench tun ─► unshare --net ─► bench tun (inside) ─┬─► bench end    a stack on a TUN; the kernel in a namespace more
//!                                                     └─► bench peer   kernel sockets
//! ```

use super::Kind;
use anyhow::Context as _;
use bench::BenchError;
use bench::tun::{self, Direction, Ended, Sample, Task, VETH_END, VETH_PEER, Who};
use clap::{Args, ValueEnum};
use env::Duration;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// Set in the process that is in the namespace.
const INSIDE: &str = "HANDFAST_BENCH_INSIDE";

/// What a process of a sample is told.
#[derive(Debug, Args)]
pub(super) struct TaskArgs {
    who: Kind,
    sends: Sends,
    millis: u64,
    buffer: usize,
    #[arg(long)]
    plain: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sends {
    Stack,
    Peer,
}

impl From<&TaskArgs> for Task {
    fn from(args: &TaskArgs) -> Self {
        Self {
            who: match args.who {
                Kind::Ours => Who::Ours,
                Kind::Theirs => Who::Theirs,
                Kind::Kernel => Who::Kernel,
            },
            direction: match args.sends {
                Sends::Stack => Direction::FromStack,
                Sends::Peer => Direction::FromKernel,
            },
            lasting: Duration::from_millis(args.millis),
            buffer: args.buffer,
            offloads: !args.plain,
        }
    }
}

/// Goes on in a network namespace of its own. Gives an error when it can't, and `Ok` once it is there.
pub(super) fn enter_namespace() -> anyhow::Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(());
    }
    for tool in ["unshare", "ip"] {
        if Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            anyhow::bail!("{tool} is not installed; bench tun makes network namespaces with it");
        }
    }
    let tried = Command::new("unshare").args(["--net", "true"]).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        anyhow::bail!("bench tun makes network namespaces of its own, and this user may not: run it as root");
    }
    let itself = std::env::current_exe()?;
    let mut command = Command::new("unshare");
    command.args(["--net", "--"]).arg(itself).args(std::env::args_os().skip(1)).env(INSIDE, "1");
    // Comes back only when it fails.
    Err(command.exec()).context("cannot go on in a network namespace")
}

/// Is a process of a sample: says what came of it on standard output.
pub(super) fn end(args: &TaskArgs) -> anyhow::Result<()> {
    let ended = tun::end(args.into(), || {
        println!("ready");
        // Who reads has gone: then nobody connects, and the wait ends.
        let _ = io::stdout().flush();
    })?;
    say(&ended)
}

/// Is the other one.
pub(super) fn peer(args: &TaskArgs) -> anyhow::Result<()> {
    say(&tun::peer(args.into())?)
}

fn say(ended: &Ended) -> anyhow::Result<()> {
    let said = serde_json::json!({
        "octets": ended.octets, "seconds": ended.time.as_secs_f64(), "cpu": ended.cpu.as_secs_f64(),
        "congestion": ended.congestion,
    });
    writeln!(io::stdout(), "{said}")?;
    Ok(())
}

fn understand(said: &str) -> Option<Ended> {
    let said: serde_json::Value = serde_json::from_str(said).ok()?;
    let duration = |name: &str| Duration::try_from_secs_f64(said[name].as_f64()?).ok();
    Some(Ended {
        octets: said["octets"].as_u64()?,
        time: duration("seconds")?,
        cpu: duration("cpu")?,
        congestion: said["congestion"].as_str().map(str::to_owned),
    })
}

/// Runs both processes of a sample.
pub(super) fn sample(task: Task) -> Result<Sample, BenchError> {
    let doing = "run both ends";
    run_both(task).map_err(|why| BenchError::System { doing, why })
}

fn run_both(task: Task) -> io::Result<Sample> {
    let kernel = task.who == Who::Kernel;
    let end = command("end", task, kernel)?.spawn()?;
    let mut end = Running(end);
    if kernel {
        let pid = end.0.id().to_string();
        give_veth(&pid)?;
    }
    let mut said = BufReader::new(end.0.stdout.take().ok_or_else(|| io::Error::other("no output"))?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    if line.trim() != "ready" {
        return Err(end.failed("the end"));
    }
    let mut peer = Running(command("peer", task, false)?.spawn()?);
    let mut peer_said = String::new();
    if let Some(stdout) = &mut peer.0.stdout {
        stdout.read_to_string(&mut peer_said)?;
    }
    let Some(peer_ended) = understand(&peer_said) else { return Err(peer.failed("the peer")) };
    line.clear();
    said.read_line(&mut line)?;
    let Some(ended) = understand(&line) else { return Err(end.failed("the end")) };
    if kernel {
        // Its namespace goes away some time after the last process in it; the pair must be gone before the next.
        let mut netlink = device::netlink::Netlink::open().map_err(io::Error::other)?;
        if let Err(why) = netlink.delete_link(VETH_PEER)
            && netlink.link(VETH_PEER).is_ok()
        {
            return Err(io::Error::other(why));
        }
    }
    Ok(Sample { end: ended, peer: peer_ended })
}

fn command(role: &str, task: Task, apart: bool) -> io::Result<Command> {
    let itself = std::env::current_exe()?;
    let mut command = if apart {
        let mut command = Command::new("unshare");
        command.args(["--net", "--"]).arg(itself);
        command
    } else {
        Command::new(itself)
    };
    let who = match task.who {
        Who::Ours => "ours",
        Who::Theirs => "theirs",
        Who::Kernel => "kernel",
    };
    let sends = if task.direction == Direction::FromStack { "stack" } else { "peer" };
    let millis = task.lasting.as_millis().to_string();
    command.args(["bench", role, who, sends, &millis, &task.buffer.to_string()]);
    if !task.offloads {
        command.arg("--plain");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Makes a veth pair, one end of it in the namespace of process `pid`, which may still be about to make that.
fn give_veth(pid: &str) -> io::Result<()> {
    let ours = std::fs::read_link("/proc/self/ns/net")?;
    let began = std::time::Instant::now();
    while std::fs::read_link(format!("/proc/{pid}/ns/net"))? == ours {
        if began.elapsed() > Duration::from_secs(20) {
            return Err(io::Error::other("the end made no namespace"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let arguments = ["link", "add", VETH_PEER, "type", "veth", "peer", "name", VETH_END, "netns", pid];
    let output = Command::new("ip").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("ip link add: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// A process that does not outlive what asked for it.
struct Running(Child);

impl Running {
    /// It ended badly: what it said.
    fn failed(&mut self, who: &str) -> io::Error {
        // It may hang instead of having ended.
        let _ = self.0.kill();
        let mut said = String::new();
        if let Some(stderr) = &mut self.0.stderr
            && let Err(why) = stderr.read_to_string(&mut said)
        {
            return why;
        }
        io::Error::other(format!("{who} ended without a result: {}", said.trim()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Well ended or not, it is over; its interface goes with it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
