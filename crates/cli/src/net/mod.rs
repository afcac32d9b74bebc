//! The stack of a command: its interface, its addresses, who watches it, and its end.
//!
//! ```text
//!   NetArgs ─► Plan ─► hfN: TUN or TAP ─► Impaired (--link) ─► Tap (--pcap) ─► Stack ─► the command
//!                        └ addresses, forwarding: taken back at the end        └ --trace, --record, --stats
//! ```
//!
//! Ctrl-C, SIGTERM or SIGHUP (a terminal that is closed, unless that is ignored, as by nohup) asks a command to end; it says
//! what it has to say and the stack is closed in good order. Asked twice, what is left of its connections is reset. Either
//! way everybody is told, recordings are whole, and the interface goes away, or is left as it was.

mod address;
mod args;
pub(crate) mod dns;
mod failure;
mod journal;
mod link;
mod names;
mod open;
mod rows;
mod say;
mod watch;

pub(crate) use address::{Pair, server};
pub(crate) use args::{ABOUT, NetArgs};
pub(crate) use failure::{Exit, Failure};
pub(crate) use names::SCOPED;
pub(crate) use say::Say;

use crate::{Done, Interrupted, Usage};
use address::Plan;
use anyhow::Context as _;
use device::tun::Changes;
use driver::Clock;
use handfast::{HostConfig, Stack, TcpStream};
use journal::Journal;
use names::Names;
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use watch::Recording;

/// What is under way when the end comes may take so long.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// Whoever lends addresses has so long to do it.
const LENDING: Duration = Duration::from_secs(20);
/// How long is waited for an address of the other IP version once there is one.
const OTHER_VERSION: Duration = Duration::from_secs(5);
/// Others have so long to say that an address is theirs.
const PROBING: Duration = Duration::from_secs(4);
const TICK: Duration = Duration::from_millis(20);
/// Who waits for connections to end for longer than this wants to know what for.
const PROMPT: Duration = Duration::from_millis(200);
/// Who waits for an address for longer than this wants to know what for.
const SILENT: Duration = Duration::from_secs(1);

/// Who asks for a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Others have to know where it is: hf0, unless another one is named.
    Server,
    /// The next that is free.
    Any,
}

/// A stack that runs.
pub(crate) struct Net {
    pub(crate) stack: Stack,
    /// Our addresses and the kernel's, those that are really there.
    pub(crate) pairs: Vec<Pair>,
    /// The interface.
    pub(crate) name: String,
    pub(crate) say: Say,
    names: Names,
    recording: Recording,
    journal: Option<Journal>,
    changes: Changes,
    stats: bool,
    /// Tells of connections when SIGUSR1 asks, and holds the stack for that.
    rows: JoinHandle<()>,
    /// Others are told of connections that are waited for, and of those that are cut off.
    serves: bool,
    /// Its addresses are lent by somebody on the link.
    configures_itself: bool,
    /// One address that can be used is enough.
    first_will_do: bool,
    /// All has to be over by then.
    until: Option<Instant>,
    /// What came of it, where it is to be said after the last packet.
    conclusions: Option<RefCell<Vec<String>>>,
    asked_to_end: Receiver<Asked>,
}

/// How often the end was asked for, and how.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    times: u32,
    /// By SIGTERM or SIGHUP once: somebody else's wish, or a terminal that is gone.
    by_others: bool,
}

/// How a stack ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Connections that had to be reset.
    pub(crate) aborted: usize,
    /// The user would not wait.
    pub(crate) hurried: bool,
}

/// What can be known before anything is done.
pub(crate) struct Prepared {
    args: NetArgs,
    plan: Plan,
    role: Role,
    /// Whether standard output carries data.
    aside: bool,
    first_will_do: bool,
    until: Option<Instant>,
}

impl Prepared {
    /// # Errors
    /// [`crate::Usage`]: what was asked for does not fit together.
    pub(crate) fn new(args: NetArgs, role: Role, aside: bool) -> anyhow::Result<Self> {
        let plan = Plan::new(&args)?;
        open::check_names(&args)?;
        Ok(Self { args, plan, role, aside, first_will_do: false, until: None })
    }

    /// All of it, from here to the closed stack, is to take at most so many seconds.
    pub(crate) fn within(self, seconds: Option<u32>) -> Self {
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
        Self { until, ..self }
    }

    /// The first address that can be used is enough: who listens needs not wait for those that are still being probed for.
    pub(crate) fn first_will_do(self) -> Self {
        Self { first_will_do: true, ..self }
    }

    /// Makes the stack, has `work` use it, and closes it.
    ///
    /// # Errors
    /// What is in the way of a stack; what `work` says; a capture that is not complete.
    pub(crate) fn run(self, work: impl AsyncFnOnce(&Net) -> anyhow::Result<Done>) -> anyhow::Result<Done> {
        block_on(async {
            let net = Net::open(self).await?;
            let done = tokio::select! {
                done = work(&net) => done,
                never = net.watch() => match never {},
            };
            let grace = net.grace();
            let ended = net.close(grace).await;
            // What the command says comes first.
            let done = done?;
            ended.map(|ended| if ended.hurried { Done::Interrupted } else { done })
        })
    }
}

/// Runs a command to its end, on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = tokio::task::LocalSet::new().block_on(&runtime, work);
    // An input that never comes, or a write that hangs in the file system, shall not keep us.
    runtime.shutdown_timeout(Duration::from_millis(500));
    done
}

impl Net {
    /// Makes it, and waits until it has its addresses.
    ///
    /// # Errors
    /// What is in the way, and what to do about it.
    pub(crate) async fn open(prepared: Prepared) -> anyhow::Result<Self> {
        Self::start(prepared)?.settled().await
    }

    /// Makes it: it runs from the next await on, perhaps before all its addresses may be used. Whoever listens shall do
    /// it before that, so that nobody who finds the host finds its port closed.
    ///
    /// # Errors
    /// What is in the way, and what to do about it.
    pub(crate) fn start(prepared: Prepared) -> anyhow::Result<Self> {
        let Prepared { args, plan, role, aside, first_will_do, until } = prepared;
        let asked_to_end = signals()?;
        let say = Say { json: args.json, aside };
        let clock = Clock::new();
        let mut recording = Recording::begin(&args, say, clock)?;
        let (recorder, journal) = Journal::begin(&args)?.unzip();
        // An interface that is not ours is left as it was.
        let mut changes = Changes::default();
        let (device, pairs) = open::open(&args, &plan, role, &mut changes, say)?;
        let name = device.name().to_owned();
        let config = HostConfig { tcp: args.tcp(), ..HostConfig::default() };
        let builder = Stack::builder().clock(clock).config(config);
        let mut builder = match args.profile() {
            None => recording.attach(builder, device, &name)?,
            Some(link) => {
                let seed = driver::seed().context("no randomness for the link")?;
                let seed = seed.into_iter().fold(0, |seed, octet| seed << 8 | u64::from(octet));
                let impaired = device::impair::Impaired::new(device, link.clone(), link, seed);
                recording.attach(builder, impaired, &name)?
            }
        };
        builder = builder.mtu(args.mtu);
        if let Some(recorder) = recorder {
            builder = builder.record(recorder);
        }
        for pair in &pairs {
            builder = builder.address(pair.ours);
        }
        for gateway in gateways(&args, &pairs) {
            builder = builder.gateway(gateway);
        }
        let configures_itself = pairs.is_empty();
        if configures_itself {
            builder = builder.autoconfigure();
        }
        let stack = builder.build().context("cannot start the stack")?;
        let rows = tokio::task::spawn_local(rows::tell_when_asked(stack.clone(), say));
        let names = Names { given: args.resolve, servers: args.dns, v4: false, v6: false };
        Ok(Self {
            stack,
            pairs,
            name,
            say,
            names,
            recording,
            journal,
            changes,
            stats: args.stats,
            rows,
            serves: role == Role::Server,
            configures_itself,
            first_will_do,
            until,
            conclusions: args.trace.then(RefCell::default),
            asked_to_end,
        })
    }

    /// Waits until its addresses may be used: those that were given, or that somebody lends.
    ///
    /// # Errors
    /// Nobody lends us one; the user asked for the end.
    pub(crate) async fn settled(mut self) -> anyhow::Result<Self> {
        let ready = tokio::select! {
            ready = self.ready() => ready,
            () = self.interrupted() => Err(Interrupted.into()),
            () = self.late() => Err(Failure::error(Exit::TimedOut, "no address in time")),
            never = self.tell_that_it_waits() => match never {},
        };
        match ready {
            Ok(pairs) => {
                self.has(pairs);
                Ok(self)
            }
            Err(why) => {
                // What is in the way comes first, before a capture that is not complete.
                let _ = self.close(Duration::ZERO).await;
                Err(why)
            }
        }
    }

    /// Waits until the stack has its addresses, and gives them.
    ///
    /// # Errors
    /// Nobody lends us one.
    async fn ready(&self) -> anyhow::Result<Vec<Pair>> {
        let pairs = match self.configures_itself {
            true => lent(&self.stack, self.first_will_do).await?,
            false => self.pairs.clone(),
        };
        settle(&self.stack, &pairs, self.first_will_do).await;
        Ok(pairs)
    }

    /// Says what is waited for where that takes its time: others have to answer. Never returns.
    async fn tell_that_it_waits(&self) -> Infallible {
        if self.configures_itself {
            tokio::time::sleep(SILENT).await;
            let (name, seconds) = (&self.name, LENDING.as_secs());
            crate::out::complain(&format!(
                "waiting for somebody on {name} who gives us an address (DHCP, router advertisements), for {seconds} s at \
                 most; --addr gives one at once"
            ));
        }
        pending().await
    }

    /// It has these addresses.
    fn has(&mut self, pairs: Vec<Pair>) {
        let has = |v4: bool| pairs.iter().any(|pair| pair.ours.address().is_ipv4() == v4);
        (self.names.v4, self.names.v6) = (has(true), has(false));
        self.pairs = pairs;
    }

    /// Returns when the user asks for the end.
    pub(crate) async fn interrupted(&self) {
        let mut asked = self.asked_to_end.clone();
        // The sender lives as long as the process.
        let _ = asked.wait_for(|asked| asked.times > 0).await;
    }

    /// Whether the end was asked for by SIGTERM or SIGHUP, and not by Ctrl-C alone.
    pub(crate) fn ended_by_others(&self) -> bool {
        self.asked_to_end.borrow().by_others
    }

    /// Returns when there is no time left.
    pub(crate) async fn late(&self) {
        match self.until {
            Some(until) => tokio::time::sleep_until(until).await,
            None => pending().await,
        }
    }

    /// How long closing may take: what is under way has [`GRACE`], and no more than the command has left.
    fn grace(&self) -> Duration {
        grace(self.until, Instant::now())
    }

    /// Says what came of it, at once; after the last packet if packets are drawn.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(crate) fn conclude(
        &self,
        json: impl FnOnce() -> serde_json::Value,
        words: &str,
    ) -> std::io::Result<()> {
        match &self.conclusions {
            Some(later) => later.borrow_mut().push(self.say.text(json, words)),
            None => self.say.line(json, words)?,
        }
        Ok(())
    }

    /// Reports that recording has failed, if it does; never returns.
    pub(crate) async fn watch(&self) -> Infallible {
        self.recording.watch().await
    }

    /// The addresses of a host and port.
    ///
    /// # Errors
    /// [`Failure`]: there are none.
    pub(crate) async fn find(&self, host: &str, port: u16) -> anyhow::Result<Vec<SocketAddr>> {
        match self.names.find(&self.stack, &self.servers(), host).await {
            Ok(found) => Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()),
            Err(why) => Err(match why.kind() {
                io::ErrorKind::NotFound => Failure::error(Exit::Name, why.to_string()),
                io::ErrorKind::InvalidInput => Usage(why.to_string()).into(),
                _ => dns::failure(&format!("cannot look up \"{host}\""), &why),
            }),
        }
    }

    /// The name servers: those that were given, then those that the network has told of by now.
    pub(crate) fn servers(&self) -> Vec<SocketAddr> {
        let mut all = self.names.servers.clone();
        if self.configures_itself {
            let told = self.stack.name_servers().into_iter().map(|server| SocketAddr::new(server, 53));
            all.extend(told.filter(|server| !self.names.servers.contains(server)));
        }
        all
    }

    /// A connection to a host and port, by the first of its addresses that works.
    ///
    /// # Errors
    /// [`Failure`] says why there is none.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> anyhow::Result<TcpStream> {
        let found = self.find(host, port).await?;
        match TcpStream::connect_on(&self.stack, found.as_slice()).await {
            Ok(stream) => Ok(stream),
            Err(why) => {
                let at = found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                Err(Failure::connecting(&format!("cannot connect to {at}"), &why))
            }
        }
    }

    /// Closes the stack, tells what came of it and what was counted, and takes back what was changed.
    ///
    /// # Errors
    /// A capture is not complete; nobody reads what came of it.
    pub(crate) async fn close(self, grace: Duration) -> anyhow::Result<Ended> {
        let Self {
            stack,
            say,
            recording,
            journal,
            changes,
            stats,
            rows: teller,
            serves,
            conclusions,
            mut asked_to_end,
            ..
        } = self;
        teller.abort();
        // As they are before they end.
        let rows = stats.then(|| rows::Rows::of(&stack));
        // Who has asked for the end waits for it; asked once more, or while it ends by itself: at once.
        let asked = asked_to_end.borrow().times.min(1);
        let closing = stack.clone().close(grace);
        let closed = tokio::select! {
            biased;
            _ = asked_to_end.wait_for(|now| now.times > asked) => None,
            closed = closing => Some(closed),
            never = tell_of_waiting(&stack, serves, grace) => match never {},
        };
        let hurried = closed.is_none();
        let closed = match closed {
            Some(closed) => closed,
            // RST to all who are still connected: nobody is left to wait for us.
            None => stack.clone().close(Duration::ZERO).await,
        };
        if serves && closed.aborted > 0 {
            crate::out::complain(&format!("cut {} off", connections(closed.aborted)));
        }
        let counted = stats.then(|| counted(&stack));
        drop(stack);
        drop(changes);
        let recorded = recording.end();
        let later = conclusions.map(RefCell::into_inner).unwrap_or_default();
        let told = later.iter().try_for_each(|line| say.write(line));
        if let Some(rows) = rows {
            rows.tell(say);
        }
        if let Some(counted) = counted {
            tell_stats(&counted, say);
        }
        let journalled = match journal {
            Some(journal) => journal.end(say).await,
            None => Ok(()),
        };
        recorded.and(journalled)?;
        told?;
        Ok(Ended { aborted: closed.aborted, hurried })
    }
}

/// Says what is waited for at the end where that takes its time, if somebody `serves`. Never returns.
async fn tell_of_waiting(stack: &Stack, serves: bool, grace: Duration) -> Infallible {
    if serves && grace > PROMPT {
        tokio::time::sleep(PROMPT).await;
        let open = stack.host(|host| {
            let counts = host.tcp_counts();
            counts.connections + counts.half_open
        });
        if open > 0 {
            crate::out::complain(&waiting(grace, open));
        }
    }
    pending().await
}

/// What is waited for, in words.
fn waiting(grace: Duration, open: usize) -> String {
    let them = if open == 1 { "it" } else { "them" };
    format!("waiting up to {} s for {}; Ctrl-C again cuts {them} off", grace.as_secs(), connections(open))
}

/// So many connections, in words.
fn connections(count: usize) -> String {
    format!("{count} connection{}", if count == 1 { "" } else { "s" })
}

/// What is left for closing at `now` where all has to be over `until` then.
fn grace(until: Option<Instant>, now: Instant) -> Duration {
    until.map_or(GRACE, |until| until.saturating_duration_since(now).min(GRACE))
}

/// Where packets to other networks go. On Ethernet somebody has to be named: the kernel, if nobody else is.
fn gateways(args: &NetArgs, pairs: &[Pair]) -> Vec<IpAddr> {
    let mut gateways = args.gateway.clone();
    if args.tap.is_some() {
        for kernels in pairs.iter().filter_map(|pair| pair.kernels) {
            let address = kernels.address();
            if !gateways.iter().any(|gateway| gateway.is_ipv4() == address.is_ipv4()) {
                gateways.push(address);
            }
        }
    }
    gateways
}

/// The addresses that somebody on the link has lent us.
///
/// # Errors
/// Nobody has.
async fn lent(stack: &Stack, first_will_do: bool) -> anyhow::Result<Vec<Pair>> {
    let configured = tokio::time::timeout(LENDING, stack.configured()).await;
    configured.map_err(|_| {
        let seconds = LENDING.as_secs();
        let text = format!("nobody on the link gave us an address in {seconds} s (DHCP, SLAAC): give --addr");
        Failure::error(Exit::TimedOut, text)
    })??;
    // The other IP version may take longer: who lends by DHCP may first ask whether anybody has the address already.
    for _ in 0..OTHER_VERSION.as_millis() / TICK.as_millis() {
        let addresses = stack.addresses();
        if first_will_do
            || [true, false].iter().all(|v4| addresses.iter().any(|ours| ours.address().is_ipv4() == *v4))
        {
            break;
        }
        tokio::time::sleep(TICK).await;
    }
    Ok(stack.addresses().into_iter().map(|ours| Pair { ours, kernels: None, optional: false }).collect())
}

/// Waits until our addresses are ours: on Ethernet others are asked first whether they have them (RFC 4862 §5.4). One
/// that somebody has stays unused, which is told by whatever needs it.
async fn settle(stack: &Stack, pairs: &[Pair], first_will_do: bool) {
    let ready = |pair: &Pair| {
        let ours = pair.ours.address();
        stack.host(|host| host.route(pair.kernels.unwrap_or(pair.ours).address(), Some(ours)).is_ok())
    };
    for _ in 0..PROBING.as_millis() / TICK.as_millis() {
        if pairs.iter().all(ready) || (first_will_do && pairs.iter().any(ready)) {
            return;
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Counts how often the user asks for the end.
fn signals() -> anyhow::Result<Receiver<Asked>> {
    let interrupts = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let terms = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    // Whoever started us to outlive a terminal (nohup) meant it.
    let hangups = match ignores_hangups() {
        true => None,
        false => Some(signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?),
    };
    let (sender, receiver) = channel(Asked::default());
    tokio::task::spawn_local(count(interrupts, terms, hangups, sender));
    Ok(receiver)
}

/// Whether SIGHUP was ignored when we were started. Where the system does not tell, it was not.
fn ignores_hangups() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, SignalKind::hangup()))
}

/// Whether a process with this status ignores a signal.
fn ignores(status: &str, signal: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = u32::try_from(signal.as_raw_value() - 1).ok().and_then(|bit| 1u64.checked_shl(bit));
    bit.is_some_and(|bit| mask & bit != 0)
}

async fn count(
    mut interrupts: Signal,
    mut terms: Signal,
    mut hangups: Option<Signal>,
    sender: Sender<Asked>,
) {
    loop {
        let hangup = async {
            match &mut hangups {
                Some(hangups) => hangups.recv().await,
                None => pending().await,
            }
        };
        let by_others = tokio::select! {
            _ = interrupts.recv() => false,
            _ = terms.recv() => true,
            _ = hangup => true,
        };
        sender.send_modify(|asked| {
            asked.times += 1;
            asked.by_others |= by_others;
        });
    }
}

/// What was counted, of that which is not nothing.
fn counted(stack: &Stack) -> Vec<(String, u64)> {
    let all = stack.host(|host| {
        host.counters().iter().map(|(name, count)| (name.to_owned(), count)).collect::<Vec<_>>()
    });
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn tell_stats(counters: &[(String, u64)], say: Say) {
    let longest = counters.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let words = counters.iter().map(|(name, count)| format!("  {name:longest$}  {count}"));
    let words = format!("counted:\n{}", words.collect::<Vec<_>>().join("\n"));
    let json = || {
        let counters: serde_json::Map<_, _> =
            counters.iter().map(|(name, count)| (name.clone(), (*count).into())).collect();
        serde_json::json!({ "event": "counters", "counters": counters })
    };
    say.line_or_not(json, &words);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_takes_no_more_than_what_is_left_of_the_time() {
        let now = Instant::now();
        let left = |seconds| grace(Some(now + Duration::from_secs(seconds)), now);
        assert_eq!((left(1), left(100)), (Duration::from_secs(1), GRACE));
        assert_eq!(grace(Some(now), now + Duration::from_secs(1)), Duration::ZERO);
        assert_eq!(grace(None, now), GRACE);
    }

    #[test]
    fn who_waits_at_the_end_is_told_for_how_many_and_how_long() {
        assert_eq!(waiting(GRACE, 2), "waiting up to 3 s for 2 connections; Ctrl-C again cuts them off");
        assert_eq!(waiting(GRACE, 1), "waiting up to 3 s for 1 connection; Ctrl-C again cuts it off");
    }

    #[test]
    fn who_was_started_to_outlive_a_terminal_does() {
        let status = |mask: &str| format!("Name:\tx\nSigBlk:\tffff\nSigIgn:\t{mask}\nSigCgt:\t0\n");
        assert!(ignores(&status("0000000000001001"), SignalKind::hangup()));
        assert!(!ignores(&status("0000000000001000"), SignalKind::hangup()));
        assert!(ignores(&status("0000000000001002"), SignalKind::interrupt()));
        assert!(!ignores("", SignalKind::hangup()) && !ignores(&status("?"), SignalKind::hangup()));
    }
}
