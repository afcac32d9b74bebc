//! `handfast serve`: files over HTTP/1.1, from a host of our own that this machine's kernel reaches through a TUN.
//!
//! ```text
//!   kernel's curl ─► hf0 ─► Stack ─► listener ─► hyper ─► site: files, ranges, listings, uploads
//!                     └ --pcap, --trace          services: echo, digest
//! ```
//!
//! It ends by Ctrl-C, SIGTERM or SIGHUP: nothing new is accepted, what is under way has [`GRACE`], what is left is reset, and
//! the interface goes away. Asked twice, all is reset at once. It was a success if nothing had to be reset, and an interruption if something had.

mod listing;
mod path;
mod progress;
mod range;
mod services;
mod site;
mod upload;

use crate::net::{self, Net, NetArgs, Prepared, Role, Say};
use crate::{Done, clean};
use anyhow::Context as _;
use clap::Args;
use handfast::{KeepAlive, ListenConfig, Stack, TcpListener};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use progress::{Current, Tracked};
use serde_json::json;
use site::{CutOff, Site};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Connections that may wait to be accepted.
const BACKLOG: usize = 1024;
/// A request's head has to arrive within this time, and the next one on the same connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serve files over HTTP to this machine's kernel, through a TUN device (Linux; needs root or a TUN of your own)
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}\n\n{}\n\n{}", the_end(), net::ABOUT, crate::args::CODES))]
pub(crate) struct ServeArgs {
    /// The directory
    dir: PathBuf,
    /// The port
    #[arg(long, value_name = "N", default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    port: u16,
    /// Refuse uploads
    #[arg(long)]
    read_only: bool,
    /// Send back every datagram at this port; may be given several times
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    udp_echo: Vec<u16>,
    /// Send back everything on connections to this port; may be given several times
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    tcp_echo: Vec<u16>,
    /// Read to the end on connections to this port, then answer with how much it was and its SHA-256
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    tcp_digest: Vec<u16>,
    #[command(flatten)]
    net: NetArgs,
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
  sudo handfast get http://10.111.0.2/README.md  a second stack: the kernel passes packets between the two";

/// How it ends, for the help.
fn the_end() -> String {
    format!(
        "Ctrl-C, SIGTERM and SIGHUP end it: nobody is let in any more, and what is under way has {} s before it is cut off. \
         Asked again, it is cut off at once. The exit code is 0 if nothing was cut off, else 130.",
        net::GRACE.as_secs()
    )
}

pub(crate) fn run(args: ServeArgs) -> anyhow::Result<Done> {
    let prepared = Prepared::new(args.net.clone(), Role::Server, false)?;
    let site = Site::open(&args.dir, !args.read_only)?;
    net::block_on(serve(args, prepared, site))
}

async fn serve(args: ServeArgs, prepared: Prepared, site: Site) -> anyhow::Result<Done> {
    let net = Net::start(prepared)?;
    // Before its addresses are settled: on Ethernet IPv4 is answered at once, while IPv6 is still being probed for.
    let listener = listen(&net.stack, &args, args.port).await.with_context(|| taken("port", args.port))?;
    let services = services::start(&net, &args).await?;
    let site = Rc::new(site);
    let (stop, stopped) = watch::channel(false);
    let log = (!args.net.trace).then_some(net.say);
    let accepting = tokio::task::spawn_local(accept(listener, site, log, stopped));
    let net = net.settled().await?;
    announce(&args, &net)?;

    tokio::select! {
        () = net.interrupted() => {}
        never = net.watch() => match never {},
        ended = accepting => return ended.map_err(Into::into).and_then(|ended| ended).map(|()| Done::Badly),
    }
    stop.send_replace(true);
    services.abort();
    let ended = net.close(net::GRACE).await?;
    Ok(if ended.aborted == 0 && !ended.hurried { Done::Well } else { Done::Interrupted })
}

/// Takes connections until told to stop.
async fn accept(
    listener: TcpListener,
    site: Rc<Site>,
    log: Option<Say>,
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
        // A head and a short body do not wait for each other's ACK. It fails when the connection is gone, which is told
        // below.
        let _ = stream.set_nodelay(true);
        let (site, mut stop) = (Rc::clone(&site), stopped.clone());
        tokio::task::spawn_local(async move {
            let current = Current::default();
            let asked = current.clone();
            let respond = service_fn(move |request| {
                let (site, asked) = (Rc::clone(&site), asked.clone());
                async move {
                    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                    asked.begin(&method, &path);
                    let response = site.respond(request).await;
                    if let Some(say) = log {
                        let (status, peer) = (response.status().as_u16(), peer.ip());
                        let cut = response.extensions().get::<CutOff>().is_some();
                        let words = if cut { ", cut off" } else { "" };
                        say.line_or_not(
                            || {
                                json!({ "event": "request", "peer": peer.to_string(), "method": method.as_str(),
                                    "path": &path, "status": status, "cut_off": cut })
                            },
                            &format!("{peer} {method} {} {status}{words}", clean::line(&path)),
                        );
                    }
                    Ok::<_, Infallible>(response.map(|body| Tracked::new(body, asked)))
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
            if let (Err(why), Some(say)) = (result, log) {
                broke(say, &peer.ip().to_string(), &current, &why_ended(&why));
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

/// A connection broke: whom it was to, and what it was about as far as that is known.
fn broke(say: Say, peer: &str, current: &Current, what: &str) {
    let Some(asked) = current.asked() else { return trouble(say, peer, what) };
    let (method, path, given) = (&asked.method, &asked.path, asked.given);
    // The whole answer was handed to the stack; what of it has come is known to the peer alone.
    let after = if given { "after " } else { "" };
    let words = format!("{peer} {after}{method} {}: {what}", clean::line(path));
    let json = || {
        json!({ "event": "trouble", "peer": peer, "method": method.as_str(), "path": path, "answered": given,
            "text": what })
    };
    say.line_or_not(json, &words);
}

/// Something that whoever serves may want to know.
fn trouble(say: Say, peer: &str, what: &str) {
    let words = if peer.is_empty() { what.to_owned() } else { format!("{peer} {what}") };
    say.line_or_not(|| json!({ "event": "trouble", "peer": peer, "text": what }), &words);
}

/// Listens for both IP versions.
async fn listen(stack: &Stack, args: &ServeArgs, port: u16) -> std::io::Result<TcpListener> {
    // A peer that vanished in the midst of an upload is noticed.
    let probing =
        KeepAlive { idle: PATIENCE, interval: Duration::from_secs(10), probes: 6, ..KeepAlive::default() };
    let tcp = args.net.tcp().keep_alive(Some(probing)).map_err(std::io::Error::other)?;
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

fn announce(args: &ServeArgs, net: &Net) -> anyhow::Result<()> {
    let ours = || net.pairs.iter().map(|pair| pair.ours.address());
    let mut said = Vec::new();
    let mut urls = Vec::new();
    for address in ours() {
        let at = SocketAddr::new(address, args.port);
        let at =
            if args.port == 80 { at.to_string().trim_end_matches(":80").to_owned() } else { at.to_string() };
        urls.push(format!("http://{at}/"));
    }
    said.extend(urls.iter().cloned());
    for (ports, what) in
        [(&args.udp_echo, "UDP echo"), (&args.tcp_echo, "TCP echo"), (&args.tcp_digest, "TCP digest")]
    {
        for port in ports {
            let at = ours().map(|address| SocketAddr::new(address, *port).to_string());
            said.push(format!("{what} at {}", at.collect::<Vec<_>>().join(" and ")));
        }
    }
    let uploads = if args.read_only { "" } else { "; uploads by PUT (curl -T)" };
    let dir = args.dir.display().to_string();
    said.push(format!("serving {dir} on {}{uploads}; Ctrl-C ends", net.name));
    let json = || {
        json!({ "event": "serving", "urls": urls, "interface": net.name, "directory": dir,
            "udp_echo": args.udp_echo, "tcp_echo": args.tcp_echo, "tcp_digest": args.tcp_digest })
    };
    net.say.line(json, &said.join("\n"))?;
    Ok(())
}
