//! `handfast serve`: files over HTTP/1.1, from a host of our own that this machine's kernel reaches through a TUN.
//!
//! ```text
//!   kernel's curl ─► hf0 ─► Stack ─► listener ─► hyper ─► site: files, ranges, listings, uploads
//!                     └ --pcap, --trace          services: echo, digest
//! ```
//!
//! It ends by Ctrl-C or SIGTERM: nothing new is accepted, what is under way has [`GRACE`], what is left is reset, and
//! the interface goes away. It was a success if nothing had to be reset, and an interruption if something had.

mod body;
mod listing;
mod path;
mod range;
mod record;
mod services;
mod site;
mod upload;

use crate::out::Out;
use crate::{Done, Usage};
use anyhow::{Context as _, anyhow};
use clap::Args;
use device::netlink::NetlinkError;
use device::tun::{Changes, Tun, TunError};
use driver::Clock;
use handfast::{Cidr, KeepAlive, ListenConfig, Stack, TcpConfig, TcpListener};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use record::Recording;
use site::{CutOff, Site};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What is under way when the end is asked for may take so long.
const GRACE: Duration = Duration::from_secs(3);
/// Connections that may wait to be accepted.
const BACKLOG: usize = 1024;
/// A request's head has to arrive within this time, and the next one on the same connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serve files over HTTP to this machine's kernel, through a TUN device (Linux; needs root or a TUN of your own)
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// The directory
    dir: PathBuf,
    /// The TUN interface; it is made if it is not there, and then goes away at the end
    #[arg(long, value_name = "NAME", default_value = "hf0")]
    tun: String,
    /// Our IPv4 address, with its network
    #[arg(long, value_name = "CIDR", default_value = "10.111.0.2/24", value_parser = v4)]
    addr: Cidr,
    /// The kernel's IPv4 address on the interface
    #[arg(long, value_name = "CIDR", default_value = "10.111.0.1/24", value_parser = v4)]
    host_addr: Cidr,
    /// Our IPv6 address [default: fd00:111::2/64, if the kernel has IPv6]
    #[arg(long, value_name = "CIDR", value_parser = v6)]
    addr6: Option<Cidr>,
    /// The kernel's IPv6 address on the interface [default: fd00:111::1/64, if the kernel has IPv6]
    #[arg(long, value_name = "CIDR", value_parser = v6)]
    host_addr6: Option<Cidr>,
    /// The port
    #[arg(long, value_name = "N", default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    port: u16,
    /// The largest IP packet, in octets; IPv6 needs 1280
    #[arg(long, value_name = "OCTETS", default_value_t = 1500, value_parser = clap::value_parser!(u16).range(576..), allow_negative_numbers = true)]
    mtu: u16,
    /// Refuse uploads
    #[arg(long)]
    read_only: bool,
    /// Draw every packet as it passes
    #[arg(long)]
    trace: bool,
    /// Record the packets, with the reasons as comments, for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Send back every datagram at this port; may be given several times
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    udp_echo: Vec<u16>,
    /// Send back everything on connections to this port; may be given several times
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    tcp_echo: Vec<u16>,
    /// Read to the end on connections to this port, then answer with how much it was and its SHA-256
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    tcp_digest: Vec<u16>,
}

const EXAMPLES: &str = "\
Examples:
  sudo handfast serve . &
  ping 10.111.0.2
  curl http://10.111.0.2/README.md
  curl -r 0-99 http://10.111.0.2/README.md      the first hundred octets
  curl -T file http://10.111.0.2/               an upload
  sudo handfast serve . --trace                 every packet, with its reason
  sudo handfast serve . --udp-echo 7 --tcp-echo 7 --tcp-digest 8
  head -c 9M /dev/zero | nc -N 10.111.0.2 8     a half-close: we answer after your FIN

Without root: have an interface made for you once (sudo ip tuntap add dev hf0 mode tun user $USER; sudo ip addr add \
10.111.0.1/24 dev hf0; sudo ip link set hf0 up), or run in a network namespace of your own (unshare -rn).

Exit codes: 0 it was stopped and nothing was cut off, 1 it failed, 2 it was asked wrongly, 130 it was stopped and \
connections were cut off.";

/// Our addresses and the kernel's, a pair for each IP version.
struct Plan {
    pairs: Vec<Pair>,
}

/// Our address and the kernel's, in one network.
#[derive(Clone, Copy)]
struct Pair {
    ours: Cidr,
    kernels: Cidr,
    /// Nobody asked for it: it may be left out.
    optional: bool,
}

pub(crate) fn run(args: ServeArgs, out: &mut Out) -> anyhow::Result<Done> {
    let plan = Plan::new(&args)?;
    let site = Site::open(&args.dir, !args.read_only)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = tokio::task::LocalSet::new().block_on(&runtime, serve(args, plan, site, out));
    // An upload or a read that hangs in the file system shall not keep us.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn serve(args: ServeArgs, plan: Plan, site: Site, out: &mut Out) -> anyhow::Result<Done> {
    let mut interrupts = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let mut terms = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;

    let clock = Clock::new();
    let mut recording = Recording::begin(&args, clock)?;
    // An interface that is not ours is left as it was.
    let mut changes = Changes::default();
    let (tun, pairs) = open(&args, plan, &mut changes, out)?;
    let builder = pairs.iter().fold(Stack::builder(), |builder, pair| builder.address(pair.ours));
    let builder = recording.attach(builder.clock(clock), tun)?;
    let stack = builder.build().context("cannot start the stack")?;

    let listener = listen(&stack, args.port).await.with_context(|| taken("port", args.port))?;
    let services = services::start(&stack, &args, &pairs).await?;
    announce(&args, &pairs, out)?;

    let site = Rc::new(site);
    let (stop, stopped) = watch::channel(false);
    let accepting = tokio::task::spawn_local(accept(listener, site, !args.trace, stopped));
    let mut accepting = std::pin::pin!(accepting);
    let failed = tokio::select! {
        _ = interrupts.recv() => None,
        _ = terms.recv() => None,
        failed = recording.failed() => Some(failed),
        ended = &mut accepting => Some(ended.map_err(Into::into).and_then(|ended| ended)),
    };
    if let Some(Err(failed)) = failed {
        return Err(failed);
    }

    stop.send_replace(true);
    services.abort();
    let closing = stack.close(GRACE);
    let closed = tokio::select! {
        closed = closing => Some(closed),
        // Asked twice: at once.
        _ = interrupts.recv() => None,
        _ = terms.recv() => None,
    };
    drop(changes);
    recording.end()?;
    match closed {
        Some(closed) if closed.aborted == 0 => Ok(Done::Well),
        _ => Ok(Done::Interrupted),
    }
}

/// Takes connections until told to stop.
async fn accept(
    listener: TcpListener,
    site: Rc<Site>,
    log: bool,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut stop = stopped.clone();
    let mut last = BACKLOG;
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            // Who was connected before the end gets an answer, or a FIN: not a RST.
            accepted = listener.accept(), if last > 0 => accepted.context("the stack has stopped")?,
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        };
        last -= usize::from(*stopped.borrow());
        let (site, mut stop) = (Rc::clone(&site), stopped.clone());
        tokio::task::spawn_local(async move {
            let respond = service_fn(move |request| {
                let site = Rc::clone(&site);
                async move {
                    let line = format!("{} {} {}", peer.ip(), request.method(), request.uri().path());
                    let response = site.respond(request).await;
                    if log {
                        let cut = response.extensions().get::<CutOff>().map_or("", |_| ", cut off");
                        println_or_not(&format!("{line} {}{cut}", response.status().as_u16()));
                    }
                    Ok::<_, Infallible>(response)
                }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .half_close(true)
                .serve_connection(TokioIo::new(stream), respond);
            let mut connection = std::pin::pin!(connection);
            let result = tokio::select! {
                result = &mut connection => result,
                _ = stop.wait_for(|stop| *stop) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(why) = result
                && log
            {
                println_or_not(&format!("{} {}", peer.ip(), why_ended(&why)));
            }
        });
    }
}

/// Why a connection ended before its time, in our words.
fn why_ended(why: &hyper::Error) -> String {
    // Ours, or the stack's: it says it best.
    let mut cause = std::error::Error::source(why);
    while let Some(why) = cause {
        if let Some(own) = why.downcast_ref::<std::io::Error>() {
            return own.to_string();
        }
        cause = why.source();
    }
    match why {
        why if why.is_timeout() => format!("no whole request in {} s", PATIENCE.as_secs()),
        why if why.is_incomplete_message() => "went away in the midst of a request".to_owned(),
        why if why.is_parse_too_large() => "a request whose head is too long".to_owned(),
        why if why.is_parse() => "not a request of HTTP/1.1".to_owned(),
        why => why.to_string(),
    }
}

/// A line for whoever watches; if nobody does any more, serving goes on.
fn println_or_not(line: &str) {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Listens for both IP versions.
async fn listen(stack: &Stack, port: u16) -> std::io::Result<TcpListener> {
    // A peer that vanished in the midst of an upload is noticed.
    let probing =
        KeepAlive { idle: PATIENCE, interval: Duration::from_secs(10), probes: 6, ..KeepAlive::default() };
    let tcp = TcpConfig::default().keep_alive(Some(probing)).map_err(std::io::Error::other)?;
    let config = ListenConfig {
        dual_stack: true,
        backlog: BACKLOG,
        syn_queue: BACKLOG,
        tcp: Some(Arc::new(tcp)),
        ..ListenConfig::default()
    };
    TcpListener::bind_with(stack, SocketAddr::from(([0u16; 8], port)), config).await
}

fn taken(what: &str, port: u16) -> String {
    format!("cannot listen at {what} {port}")
}

fn announce(args: &ServeArgs, pairs: &[Pair], out: &mut Out) -> anyhow::Result<()> {
    for pair in pairs {
        let at = SocketAddr::new(pair.ours.address(), args.port);
        let url =
            if args.port == 80 { at.to_string().trim_end_matches(":80").to_owned() } else { at.to_string() };
        out.line(&format!("http://{url}/"))?;
    }
    for (ports, what) in
        [(&args.udp_echo, "UDP echo"), (&args.tcp_echo, "TCP echo"), (&args.tcp_digest, "TCP digest")]
    {
        for port in ports {
            let at = pairs.iter().map(|pair| SocketAddr::new(pair.ours.address(), *port).to_string());
            out.line(&format!("{what} at {}", at.collect::<Vec<_>>().join(" and ")))?;
        }
    }
    let uploads = if args.read_only { "" } else { "; uploads by PUT (curl -T)" };
    out.line(&format!("serving {} on {}{uploads}; Ctrl-C ends", args.dir.display(), args.tun))?;
    out.flush()?;
    Ok(())
}

impl Plan {
    fn new(args: &ServeArgs) -> anyhow::Result<Self> {
        let mut pairs = vec![Pair { ours: args.addr, kernels: args.host_addr, optional: false }];
        let asked = args.addr6.is_some() || args.host_addr6.is_some();
        if asked || args.mtu >= 1280 {
            pairs.push(Pair {
                ours: args.addr6.map_or_else(|| v6("fd00:111::2/64"), Ok).map_err(|why| anyhow!(why))?,
                kernels: args
                    .host_addr6
                    .map_or_else(|| v6("fd00:111::1/64"), Ok)
                    .map_err(|why| anyhow!(why))?,
                optional: !asked,
            });
        }
        if asked && args.mtu < 1280 {
            return Err(Usage("IPv6 needs an --mtu of at least 1280 (RFC 8200 §5)".into()).into());
        }
        for Pair { ours, kernels, .. } in &pairs {
            if ours.address() == kernels.address() {
                let same = format!("{} cannot be both our address and the kernel's", ours.address());
                return Err(Usage(same).into());
            }
            if !kernels.contains(ours.address()) {
                let apart =
                    format!("{ours} is not in the kernel's network {kernels}: it would not be found there");
                return Err(Usage(apart).into());
            }
        }
        Ok(Self { pairs })
    }
}

/// Opens the TUN and sets it up; gives the pairs of addresses that are really there.
fn open(
    args: &ServeArgs,
    plan: Plan,
    changes: &mut Changes,
    out: &mut Out,
) -> anyhow::Result<(Tun, Vec<Pair>)> {
    // The kernel takes more, and makes "hf%d" another name than what was asked for.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if args.tun.is_empty() || !args.tun.chars().all(plain) {
        return Err(Usage(TunError::BadName { name: args.tun.clone() }.to_string()).into());
    }
    let mut tun = Tun::open(&args.tun).map_err(|why| match why {
        TunError::BadName { .. } => anyhow::Error::new(Usage(why.to_string())),
        why => why.into(),
    })?;
    let mut pairs = Vec::new();
    for pair in plan.pairs {
        let kernels = (pair.kernels.address(), pair.kernels.prefix());
        match tun.configure_until(changes, Some(args.mtu), &[kernels], &[]) {
            Ok(()) => pairs.push(pair),
            Err(why) if pair.optional => out.line(&format!("without IPv6: {why}"))?,
            Err(why) => return Err(refused(&why, &args.tun, pair.kernels)),
        }
    }
    Ok((tun, pairs))
}

fn refused(why: &NetlinkError, name: &str, address: Cidr) -> anyhow::Error {
    anyhow!("{why}").context(format!("cannot set up {name} with {address}"))
}

fn v4(text: &str) -> Result<Cidr, String> {
    version(text, true)
}

fn v6(text: &str) -> Result<Cidr, String> {
    version(text, false)
}

/// An address that one host can have, of the right version, with its network.
fn version(text: &str, v4: bool) -> Result<Cidr, String> {
    let cidr: Cidr = text.parse().map_err(|why: handfast::NotACidr| why.to_string())?;
    let address = cidr.address();
    if address.is_ipv4() != v4 {
        return Err(format!("not an IPv{} address", if v4 { 4 } else { 6 }));
    }
    let limited = matches!(address, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets()[0] >= 240 || v4.octets()[0] == 0);
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() || limited {
        return Err("not an address that one host can have".into());
    }
    if let IpAddr::V4(own) = address
        && (cidr.broadcast() == Some(own) || (cidr.broadcast().is_some() && cidr.network() == address))
    {
        return Err("the first and last address of a network belong to no host".into());
    }
    Ok(cidr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_a_host_can_have_in_its_version() {
        assert!(v4("10.0.0.1/24").is_ok() && v4("10.0.0.0/31").is_ok() && v6("fd00::1/64").is_ok());
        for bad in [
            "10.0.0.1",
            "10.0.0.1/33",
            "fd00::1/64",
            "10.0.0.255/24",
            "10.0.0.0/24",
            "127.0.0.1/8",
            "224.0.0.1/4",
            "0.0.0.0/0",
            "255.255.255.255/32",
            "banana",
            "",
        ] {
            assert!(v4(bad).is_err(), "{bad}");
        }
        for bad in ["10.0.0.1/24", "::/64", "::1/128", "ff02::1/64", "fd00::1/129"] {
            assert!(v6(bad).is_err(), "{bad}");
        }
    }
}
