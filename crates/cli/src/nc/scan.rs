//! `nc -z`: which ports are open.

use super::NcArgs;
use crate::Done;
use crate::net::{Exit, Failure, Net};
use handfast::{TcpStream, UdpSocket};
use serde_json::json;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;

/// So many ports are tried at once.
const AT_ONCE: usize = 64;
/// How long a port may take to answer, unless -w says otherwise.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reads ports: 20-25,80.
pub(super) fn ports(text: &str) -> Result<Vec<u16>, String> {
    let bad = || format!("{text} are no ports: give them as in 20-25,80");
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(bad);
    let mut ports = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (port(first)?, port(last)?);
        if first > last {
            return Err(bad());
        }
        ports.extend(first..=last);
    }
    Ok(ports)
}

/// What is known of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Over UDP: nobody said that it is closed.
    Silent,
    Refused,
    NoAnswer,
    Unreachable,
}

impl State {
    fn words(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Silent => "open, or silent",
            Self::Refused => "refused",
            Self::NoAnswer => "no answer",
            Self::Unreachable => "unreachable",
        }
    }

    fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Silent)
    }
}

pub(super) async fn run(net: &Net, args: &NcArgs, host: &str, ports: &[u16]) -> anyhow::Result<Done> {
    let found = net.find(host, 0).await?;
    let Some(to) = found.first().map(SocketAddr::ip) else {
        return Err(Failure::error(Exit::Name, format!("{host} has no address")));
    };
    let patience = args.wait.map_or(PATIENCE, |seconds| Duration::from_secs(seconds.into()));
    let mut left: VecDeque<_> = ports.iter().copied().collect();
    let mut running = JoinSet::new();
    let mut known = Vec::with_capacity(ports.len());
    let mut told = 0;
    loop {
        while running.len() < AT_ONCE
            && let Some(port) = left.pop_front()
        {
            let (stack, at, udp) = (net.stack.clone(), SocketAddr::new(to, port), args.udp);
            let number = known.len();
            known.push(None);
            running.spawn_local(async move {
                let tried = async {
                    if udp {
                        datagram(&stack, at).await
                    } else {
                        TcpStream::connect_on(&stack, at).await.map(drop)
                    }
                };
                let state = match tokio::time::timeout(patience, tried).await {
                    Ok(Ok(())) => State::Open,
                    Ok(Err(why)) if why.kind() == io::ErrorKind::ConnectionRefused => State::Refused,
                    Ok(Err(why)) if why.kind() == io::ErrorKind::TimedOut => State::NoAnswer,
                    Ok(Err(_)) => State::Unreachable,
                    Err(_) if udp => State::Silent,
                    Err(_) => State::NoAnswer,
                };
                (number, at, state)
            });
        }
        let Some(done) = running.join_next().await else { break };
        let (number, at, state) = done?;
        known[number] = Some((at, state));
        // In their order, as soon as that can be.
        while let Some(Some((at, state))) = known.get(told) {
            tell(net, args, *at, *state)?;
            told += 1;
        }
    }
    let states = || known.iter().flatten().map(|(_, state)| *state);
    if states().any(State::is_open) {
        return Ok(Done::Well);
    }
    let exit = if states().all(|state| state == State::NoAnswer) { Exit::TimedOut } else { Exit::Connect };
    Err(Failure::error(exit, format!("no open port at {to}")))
}

fn tell(net: &Net, args: &NcArgs, at: SocketAddr, state: State) -> anyhow::Result<()> {
    if state.is_open() || args.verbose || net.say.json {
        let over = if args.udp { "UDP" } else { "TCP" };
        let json = || {
            json!({ "event": "port", "address": at.ip().to_string(), "port": at.port(), "over": over,
                "state": state.words(), "open": state.is_open() })
        };
        net.say.line(json, &format!("{} {} {over} {}", at.ip(), at.port(), state.words()))?;
    }
    Ok(())
}

/// Sends nothing in a datagram, and waits for what is said about it.
async fn datagram(stack: &handfast::Stack, to: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind_on(stack, (super::any(to.ip()), 0)).await?;
    socket.connect(to).await?;
    socket.send(&[]).await?;
    socket.datagram().await.map(drop)
}
