//! A day of connections that are opened, used, aborted, and whose peers die: at its end everything is as it began.

use env::{Duration, Instant, Rng};
use handfast_sim::{Fault, HostId, Pair, PairConfig, World};
use stack::{Budget, ConnectOptions, ConnectionId, HostEvent, ListenConfig, ListenerId, TcpCounts};
use std::net::SocketAddr;
use std::sync::Arc;
use tcp::{KeepAlive, ReceiveError, SendFlags, TcpConfig};

const HOUR: Duration = Duration::from_secs(3600);

/// How a connection's life goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    /// The client asks, the server answers and closes.
    Answered,
    /// The client closes first, the server answers into the half-open connection.
    HalfClosed,
    ClientAborts,
    ServerAborts,
    /// Nobody says anything; the client lets go of it later.
    Idle,
    /// The client lets go of it with data unread.
    Unread,
}

const LIVES: [Life; 6] =
    [Life::Answered, Life::HalfClosed, Life::ClientAborts, Life::ServerAborts, Life::Idle, Life::Unread];

/// Everybody who uses the two hosts.
struct Users {
    rng: Rng,
    server: HostId,
    client: HostId,
    listener: ListenerId,
    at: SocketAddr,
    /// What the client does next, and when.
    plan: Vec<(Instant, ConnectionId, Life)>,
    /// Connections of the server that are served.
    served: Vec<ConnectionId>,
    opened: u64,
    refused: u64,
}

impl Users {
    /// Opens one, and plans its end.
    fn open(&mut self, world: &mut World) {
        let at = self.at;
        let life = LIVES[self.rng.below(LIVES.len() as u64) as usize];
        let opened = world.call(self.client, |host, now| {
            let id = host.tcp_connect(now, ConnectOptions::to(at))?;
            // Sent once it is open, if it ever is.
            if matches!(life, Life::Answered | Life::HalfClosed | Life::Unread) {
                host.tcp_send(now, id, vec![b'q'; 700].into(), SendFlags::default()).unwrap();
            }
            if life == Life::HalfClosed {
                host.tcp_close(now, id).unwrap();
            }
            Ok::<_, stack::ConnectError>(id)
        });
        self.opened += 1;
        match opened {
            Ok(id) => {
                let lasts = Duration::from_millis(500 + self.rng.below(20_000));
                self.plan.push((world.now() + lasts, id, life));
            }
            Err(_) => self.refused += 1,
        }
    }

    /// Lets go of what is due on the client's side.
    fn close(&mut self, world: &mut World) {
        let now = world.now();
        let (due, later): (Vec<_>, Vec<_>) = self.plan.drain(..).partition(|(at, ..)| *at <= now);
        self.plan = later;
        for (_, id, life) in due {
            world.call(self.client, |host, now| {
                match life {
                    Life::ClientAborts => host.tcp_abort(now, id),
                    Life::Unread | Life::Idle => {}
                    _ => while host.tcp_receive(now, id, usize::MAX).is_ok() {},
                }
                host.tcp_release(now, id);
            });
        }
    }

    /// The server: answers 3,000 octets to each question, and closes; aborts one in six that say nothing.
    fn serve(&mut self, world: &mut World) {
        let listener = self.listener;
        while let Some((id, _)) = world.call(self.server, |host, _| host.tcp_accept(listener)) {
            self.served.push(id);
        }
        let abort = self.rng.below(50) == 0;
        let served = std::mem::take(&mut self.served);
        self.served = world.call(self.server, |host, now| {
            let mut left = Vec::new();
            for id in served {
                match host.tcp_receive(now, id, usize::MAX) {
                    Ok(_) => {
                        // A peer that has gone meanwhile is told of by the next call.
                        let _ = host.tcp_send(now, id, vec![b'a'; 3000].into(), SendFlags::default());
                        let _ = host.tcp_close(now, id);
                        left.push(id);
                    }
                    Err(ReceiveError::Empty) if abort => {
                        host.tcp_abort(now, id);
                        host.tcp_release(now, id);
                    }
                    Err(ReceiveError::Empty) => left.push(id),
                    Err(_) => host.tcp_release(now, id),
                }
            }
            left
        });
        for host in [self.server, self.client] {
            while let Some(event) = world.poll_event(host) {
                assert!(!matches!(event, HostEvent::AddressConflict(..)), "{event:?}");
            }
        }
    }
}

/// What is left of TCP and of the memory for it.
fn left(world: &World, host: HostId) -> (TcpCounts, Budget) {
    (world.host(host).tcp_counts(), world.host(host).budget().clone())
}

/// Pages of this process that are in memory, in octets.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// About how far apart connections are opened.
const EVERY: Duration = Duration::from_millis(650);

#[test]
fn a_day_of_churn_leaves_nothing_behind() {
    // Ends that are dead are noticed within four minutes.
    let (idle, interval) = (Duration::from_secs(60), Duration::from_secs(20));
    let keep_alive = KeepAlive { idle, interval, probes: 3, ..KeepAlive::default() };
    let tcp = TcpConfig::default().keep_alive(Some(keep_alive)).unwrap();
    let mut config = PairConfig::default();
    config.server.tcp = tcp.clone();
    config.client.tcp = tcp.clone();
    let mut pair = Pair::with(24, config);
    let (server, client) = (pair.server, pair.client);
    // What is checked of each flow is remembered; here it is memory that is looked at.
    pair.world.checks_mut().set(false);
    let at = Pair::server_at(false, 80);
    let listen = ListenConfig { tcp: Some(Arc::new(tcp)), ..ListenConfig::default() };
    let listener = pair.world.call(server, |host, now| host.tcp_listen(now, at, listen).unwrap());
    pair.world.run_for(Duration::from_secs(5));
    let before = [left(&pair.world, server), left(&pair.world, client)];

    let mut users = Users {
        rng: pair.world.fork_rng(),
        server,
        client,
        listener,
        at,
        plan: Vec::new(),
        served: Vec::new(),
        opened: 0,
        refused: 0,
    };
    let start = pair.world.now();
    let (mut hour, mut first_hours) = (0, 0);
    let mut next = start;
    while hour < 24 {
        // Until everything of this hour is over.
        while pair.world.now() < start + HOUR * (hour + 1) {
            if next <= pair.world.now() {
                users.open(&mut pair.world);
                next = pair.world.now()
                    + EVERY / 2
                    + Duration::from_millis(users.rng.below(EVERY.as_millis() as u64));
            }
            // Once in a while the client loses power: whatever it had open is dead.
            if users.rng.below(3000) == 0 {
                pair.world.apply(Fault::Restart(client));
                users.plan.clear();
            }
            users.close(&mut pair.world);
            users.serve(&mut pair.world);
            pair.world.run_for(Duration::from_millis(250));
        }
        hour += 1;
        while !users.plan.is_empty() {
            users.close(&mut pair.world);
            users.serve(&mut pair.world);
            pair.world.run_for(Duration::from_secs(1));
        }
        // Dead peers take the longest: keep-alive, or the last retransmission.
        for _ in 0..1000 {
            users.serve(&mut pair.world);
            pair.world.run_for(Duration::from_secs(1));
        }
        let now = [left(&pair.world, server), left(&pair.world, client)];
        for (before, now) in before.iter().zip(&now) {
            assert_eq!(before.0, now.0, "after {hour} hours and {} connections", users.opened);
            assert_eq!(before.1.held(), now.1.held(), "after {hour} hours: {:?}", now.1);
        }
        if hour == 4 {
            first_hours = resident();
        }
    }
    assert!(
        users.opened > 80_000 && users.refused == 0,
        "{} opened, {} refused",
        users.opened,
        users.refused
    );
    assert!(pair.world.boots(client) > 10, "peers died {} times", pair.world.boots(client));
    let grown = resident().saturating_sub(first_hours);
    println!("{} connections in {hour} hours; {grown} octets more in memory than after 4", users.opened);
    assert!(grown < 4 << 20, "{grown} octets more in memory than after 4 hours");
}
