//! A file over a link that does its worst.
//!
//! ```text
//!    source ─► client ══ loss, reordering, duplication, corruption ══► server ─► sink
//! ```

use crate::{HostId, Pair, PairConfig, Violation, World};
use bytes::Bytes;
use env::Duration;
use stack::{ConnectError, ConnectOptions, ConnectionId, HostEvent, ListenConfig, ListenError};
use std::fmt;
use std::io;
use tcp::{ConnectionError, ReceiveError, SendError, SendFlags};

/// Octets that are asked of the source at once.
const PIECE: usize = 64 << 10;

/// How a transfer is to be.
#[derive(Clone, Debug)]
pub struct TransferConfig {
    /// The hosts and their link.
    pub pair: PairConfig,
    /// Over IPv6. Default no.
    pub v6: bool,
    /// The server's port. Default 80.
    pub port: u16,
}

impl Default for TransferConfig {
    fn default() -> Self {
        Self { pair: PairConfig::default(), v6: false, port: 80 }
    }
}

/// What a transfer came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransferReport {
    /// Octets that arrived.
    pub bytes: u64,
    /// From the first SYN to the end of the stream, on the world's clock.
    pub took: Duration,
    /// TCP segments sent by both hosts.
    pub segments: u64,
    /// Those of them that were sent again.
    pub retransmissions: u64,
    /// Packets that the link lost.
    pub lost: u64,
    /// Packets in which the link flipped a bit.
    pub corrupted: u64,
    /// Packets that the link held back.
    pub reordered: u64,
    /// Packets that the link delivered twice.
    pub duplicated: u64,
}

impl TransferReport {
    /// Octets a second on the world's clock.
    pub fn goodput(&self) -> f64 {
        self.bytes as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Why a transfer did not come to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransferError {
    /// The source or the sink failed.
    Io(io::Error),
    /// The connection could not be opened.
    Connect(ConnectError),
    /// The server could not listen.
    Listen(ListenError),
    /// The connection died.
    Died(ConnectionError),
    /// What must always hold did not.
    Violation(Violation),
    /// Nothing was due any more, and the stream was not over.
    Stalled,
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(why) => why.fmt(f),
            Self::Connect(why) => why.fmt(f),
            Self::Listen(why) => why.fmt(f),
            Self::Died(why) => why.fmt(f),
            Self::Violation(violation) => violation.fmt(f),
            Self::Stalled => f.write_str("the transfer stalled"),
        }
    }
}

impl std::error::Error for TransferError {}

impl From<io::Error> for TransferError {
    fn from(why: io::Error) -> Self {
        Self::Io(why)
    }
}

impl From<Violation> for TransferError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

/// Sends all that `source` gives (at most as many octets as it is asked for; none at its end) from the client to the
/// server, which hands them to `sink`. `progress` is told after each piece how much has arrived, and may look at the
/// world or take its log.
///
/// # Errors
/// [`TransferError`].
pub fn transfer(
    seed: u64,
    config: TransferConfig,
    source: &mut dyn FnMut(usize) -> io::Result<Bytes>,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    progress: &mut dyn FnMut(&mut World, u64),
) -> Result<TransferReport, TransferError> {
    let mut pair = Pair::with(seed, config.pair);
    let at = Pair::server_at(config.v6, config.port);
    let (server, client) = (pair.server, pair.client);
    let world = &mut pair.world;
    // Before the first packet: whoever watches may begin to.
    progress(world, 0);
    let began = world.now();
    let listener = world
        .call(server, |host, now| host.tcp_listen(now, at, ListenConfig::default()))
        .map_err(TransferError::Listen)?;
    let sender = world
        .call(client, |host, now| host.tcp_connect(now, ConnectOptions::to(at)))
        .map_err(TransferError::Connect)?;
    let mut upload = Upload { sender, waiting: Bytes::new(), ended: false, closed: false };
    let (mut receiver, mut bytes, mut ended) = (None, 0, None);
    upload.push(&mut pair.world, client, source)?;
    loop {
        let world = &mut pair.world;
        let Some(stepped) = world.try_step()? else { break };
        if stepped.host == Some(client) {
            while let Some(event) = world.poll_event(client) {
                if let HostEvent::TcpClosed(_, Some(why)) = event {
                    return Err(TransferError::Died(why));
                }
            }
            upload.push(world, client, source)?;
        } else if stepped.host == Some(server) && ended.is_none() {
            while world.poll_event(server).is_some() {}
            if receiver.is_none() {
                receiver = world.call(server, |host, _| host.tcp_accept(listener)).map(|(id, _)| id);
            }
            let Some(receiver) = receiver else { continue };
            loop {
                match world.call(server, |host, now| host.tcp_receive(now, receiver, PIECE)) {
                    Ok(received) => {
                        sink(&received.data)?;
                        bytes += received.data.len() as u64;
                        progress(world, bytes);
                    }
                    Err(ReceiveError::Finished) => {
                        ended = Some(world.now());
                        world.call(server, |host, now| host.tcp_release(now, receiver));
                        break;
                    }
                    Err(ReceiveError::Closed(why)) => return Err(TransferError::Died(why)),
                    Err(_) => break,
                }
            }
        }
        if ended.is_some() {
            // The closing goes on to its end, TIME-WAIT included: then nothing is left of either side.
            world.call(client, |host, now| host.tcp_release(now, upload.sender));
            world.call(server, |host, now| host.tcp_unlisten(now, listener));
            while [client, server].into_iter().any(|id| {
                let counts = world.host(id).tcp_counts();
                counts.connections + counts.time_wait + counts.half_open > 0
            }) {
                world.try_step()?.ok_or(TransferError::Stalled)?;
            }
            break;
        }
    }
    let ended = ended.ok_or(TransferError::Stalled)?;
    progress(&mut pair.world, bytes);
    Ok(report(&pair, bytes, ended.since(began)))
}

/// The sending side.
struct Upload {
    sender: ConnectionId,
    /// What the source gave and the connection had no room for.
    waiting: Bytes,
    ended: bool,
    closed: bool,
}

impl Upload {
    /// Fills the send buffer; closes after the last octet.
    fn push(
        &mut self,
        world: &mut World,
        client: HostId,
        source: &mut dyn FnMut(usize) -> io::Result<Bytes>,
    ) -> Result<(), TransferError> {
        let sender = self.sender;
        while !self.closed {
            if world.host(client).tcp_send_room(sender) == 0 {
                return Ok(());
            }
            if self.waiting.is_empty() && !self.ended {
                self.waiting = source(PIECE)?;
                self.ended = self.waiting.is_empty();
            }
            if self.ended {
                // CLOSE before ESTABLISHED deletes the connection (RFC 9293 §3.10.4).
                if world.host(client).tcp_state(sender).is_synchronized() {
                    self.closed = true;
                    let closed = world.call(client, |host, now| host.tcp_close(now, sender));
                    return closed.or_else(died);
                }
                return Ok(());
            }
            let data = self.waiting.clone().into();
            let taken =
                world.call(client, |host, now| host.tcp_send(now, sender, data, SendFlags::default()));
            match taken {
                Ok(taken) => drop(self.waiting.split_to(taken)),
                Err(SendError::Full) => return Ok(()),
                Err(why) => return died(why),
            }
        }
        Ok(())
    }
}

fn died(why: SendError) -> Result<(), TransferError> {
    match why {
        SendError::Closed(Some(why)) => Err(TransferError::Died(why)),
        _ => Err(TransferError::Stalled),
    }
}

fn report(pair: &Pair, bytes: u64, took: Duration) -> TransferReport {
    let world = &pair.world;
    let links = [pair.there, pair.there.back()].map(|link| world.link(link).counters());
    let hosts = [pair.client, pair.server].map(|host| world.host(host).counters());
    TransferReport {
        bytes,
        took,
        segments: world.checks().checked().1,
        retransmissions: hosts.iter().map(|counters| counters.tcp_retrans_segs).sum(),
        lost: links.iter().map(|counters| counters.lost()).sum(),
        corrupted: links.iter().map(|counters| counters.corrupted).sum(),
        reordered: links.iter().map(|counters| counters.reordered).sum(),
        duplicated: links.iter().map(|counters| counters.duplicated).sum(),
    }
}
