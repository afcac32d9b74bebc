//! The stack of a command: its interface, its addresses, who watches it, and its end.
//!
//! ```text
//!   NetArgs ─► Plan ─► hfN: TUN or TAP ─► Impaired (--link) ─► Tap (--pcap) ─► Stack ─► the command
//!                        └ addresses, forwarding: taken back at the end        └ --trace, --record, --stats
//! ```
//!
//! Ctrl-C or SIGTERM asks a command to end; it says what it has to say and the stack is closed in good order. Asked
//! twice, it ends at once. Either way the interface goes away, or is left as it was.

mod address;
mod args;
pub(crate) mod dns;
mod failure;
mod journal;
mod link;
mod names;
mod open;
mod say;
mod watch;

pub(crate) use address::{Pair, server};
pub(crate) use args::{ABOUT, NetArgs};
pub(crate) use failure::{Exit, Failure};
pub(crate) use say::Say;

use crate::{Done, Interrupted};
use address::Plan;
use anyhow::Context as _;
use device::tun::Changes;
use driver::Clock;
use handfast::{Closed, HostConfig, Stack, TcpStream};
use journal::Journal;
use names::Names;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch::{Receiver, Sender, channel};
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
    /// Its addresses are lent by somebody on the link.
    configures_itself: bool,
    asked_to_end: Receiver<u32>,
}

/// What can be known before anything is done.
pub(crate) struct Prepared {
    args: NetArgs,
    plan: Plan,
    role: Role,
    /// Whether standard output carries data.
    aside: bool,
}

impl Prepared {
    /// # Errors
    /// [`crate::Usage`]: what was asked for does not fit together.
    pub(crate) fn new(args: NetArgs, role: Role, aside: bool) -> anyhow::Result<Self> {
        let plan = Plan::new(&args)?;
        open::check_names(&args)?;
        Ok(Self { args, plan, role, aside })
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
            let closed = net.close(GRACE).await;
            // What the command says comes first.
            let done = done?;
            closed.map(|_| done)
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
        let Prepared { args, plan, role, aside } = prepared;
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
            configures_itself,
            asked_to_end,
        })
    }

    /// Waits until its addresses may be used: those that were given, or that somebody lends.
    ///
    /// # Errors
    /// Nobody lends us one; the user asked for the end.
    pub(crate) async fn settled(mut self) -> anyhow::Result<Self> {
        let ready = tokio::select! {
            ready = Self::ready(&self.stack, &self.pairs, self.configures_itself) => ready,
            () = self.interrupted() => Err(Interrupted.into()),
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
    async fn ready(stack: &Stack, given: &[Pair], configures_itself: bool) -> anyhow::Result<Vec<Pair>> {
        let pairs = if configures_itself { lent(stack).await? } else { given.to_vec() };
        settle(stack, &pairs).await;
        Ok(pairs)
    }

    /// It has these addresses.
    fn has(&mut self, pairs: Vec<Pair>) {
        if self.configures_itself {
            let lent = self.stack.name_servers();
            self.names.servers.extend(lent.into_iter().map(|server| SocketAddr::new(server, 53)));
        }
        let has = |v4: bool| pairs.iter().any(|pair| pair.ours.address().is_ipv4() == v4);
        (self.names.v4, self.names.v6) = (has(true), has(false));
        self.pairs = pairs;
    }

    /// Returns when the user asks for the end.
    pub(crate) async fn interrupted(&self) {
        let mut asked = self.asked_to_end.clone();
        // The sender lives as long as the process.
        let _ = asked.wait_for(|times| *times > 0).await;
    }

    /// Reports that recording has failed, if it does; never returns.
    pub(crate) async fn watch(&self) -> std::convert::Infallible {
        self.recording.watch().await
    }

    /// The addresses of a host and port.
    ///
    /// # Errors
    /// [`Failure`]: there are none.
    pub(crate) async fn find(&self, host: &str, port: u16) -> anyhow::Result<Vec<SocketAddr>> {
        match self.names.find(&self.stack, host).await {
            Ok(found) => Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()),
            Err(why) => Err(Failure::error(Exit::Name, why.to_string())),
        }
    }

    /// The name servers.
    pub(crate) fn servers(&self) -> &[SocketAddr] {
        &self.names.servers
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

    /// Closes the stack, tells what was counted, and takes back what was changed.
    ///
    /// # Errors
    /// A capture is not complete.
    pub(crate) async fn close(self, grace: Duration) -> anyhow::Result<Option<Closed>> {
        let Self { stack, say, recording, journal, changes, stats, mut asked_to_end, .. } = self;
        let asked = *asked_to_end.borrow();
        let handle = stack.clone();
        let mut closing = std::pin::pin!(stack.close(grace));
        let closed = tokio::select! {
            closed = &mut closing => Some(closed),
            // Asked once more: at once.
            _ = asked_to_end.wait_for(|times| *times > asked) => None,
        };
        if stats {
            tell_stats(&handle, say);
        }
        drop(handle);
        drop(changes);
        recording.end(closed.is_some())?;
        if let Some(journal) = journal {
            journal.end(say).await?;
        }
        Ok(closed)
    }
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
async fn lent(stack: &Stack) -> anyhow::Result<Vec<Pair>> {
    let configured = tokio::time::timeout(LENDING, stack.configured()).await;
    configured.map_err(|_| {
        let seconds = LENDING.as_secs();
        anyhow::anyhow!("nobody on the bridge gave us an address in {seconds} s (DHCP, SLAAC): give --addr")
    })??;
    // The other IP version may take longer: who lends by DHCP may first ask whether anybody has the address already.
    for _ in 0..OTHER_VERSION.as_millis() / TICK.as_millis() {
        let addresses = stack.addresses();
        if [true, false].iter().all(|v4| addresses.iter().any(|ours| ours.address().is_ipv4() == *v4)) {
            break;
        }
        tokio::time::sleep(TICK).await;
    }
    Ok(stack.addresses().into_iter().map(|ours| Pair { ours, kernels: None, optional: false }).collect())
}

/// Waits until our addresses are ours: on Ethernet others are asked first whether they have them (RFC 4862 §5.4). One
/// that somebody has stays unused, which is told by whatever needs it.
async fn settle(stack: &Stack, pairs: &[Pair]) {
    let ready = |pair: &Pair| {
        let ours = pair.ours.address();
        stack.host(|host| host.route(pair.kernels.unwrap_or(pair.ours).address(), Some(ours)).is_ok())
    };
    for _ in 0..PROBING.as_millis() / TICK.as_millis() {
        if pairs.iter().all(ready) {
            return;
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Counts how often the user asks for the end.
fn signals() -> anyhow::Result<Receiver<u32>> {
    let interrupts = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let terms = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let (sender, receiver) = channel(0);
    tokio::task::spawn_local(count(interrupts, terms, sender));
    Ok(receiver)
}

async fn count(mut interrupts: Signal, mut terms: Signal, sender: Sender<u32>) {
    loop {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terms.recv() => {}
        }
        sender.send_modify(|times| *times += 1);
    }
}

/// What was counted, of that which is not nothing.
fn tell_stats(stack: &Stack, say: Say) {
    let counters: Vec<_> = stack
        .host(|host| host.counters().iter().map(|(name, count)| (name.to_owned(), count)).collect::<Vec<_>>())
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
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
