//! The kernel's TCP and ours, over a TUN and a TAP, with offloads and without, both ways.
//!
//! ```text
//!    a namespace of its own: kernel, 10.9.0.1 and fd00:9::1 ── hf0 ── Driver, Host: 10.9.0.2 and fd00:9::2
//! ```

use device::tun::{Kind, Options, Tun};
use device::{Counters, Device};
use env::Instant;
use handfast_driver::{Clock, Driver, seed};
use netns::in_namespace;
use stack::{ConnectionId, Host, HostConfig, HostEvent, InterfaceConfig, ListenConfig, ListenerId, Medium};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::{JoinHandle, spawn};
use tcp::{ReceiveError, SendError, SendFlags};
use wire::Payload;

/// What goes both ways, again and again.
fn block() -> Vec<u8> {
    let mut octets = vec![0; 1 << 20];
    env::Rng::seeded(9).fill(&mut octets);
    octets
}

/// What came, held against what should.
struct Check {
    block: Vec<u8>,
    at: usize,
}

impl Check {
    fn new() -> Self {
        Self { block: block(), at: 0 }
    }

    fn took(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            let expected = &self.block[self.at % self.block.len()..];
            let count = expected.len().min(octets.len());
            assert!(octets[..count] == expected[..count], "within {count} octets from {}", self.at);
            self.at += count;
            octets = &octets[count..];
        }
    }
}

/// Our end: a stack that listens on port 7.
struct Ours {
    driver: Driver<Tun>,
    clock: Clock,
    listeners: [ListenerId; 2],
}

impl Ours {
    fn open(options: &Options, mtu: u16) -> Self {
        let mut tun = options.open().unwrap();
        let addresses = [("10.9.0.1".parse().unwrap(), 24), ("fd00:9::1".parse().unwrap(), 64)];
        tun.configure(Some(mtu), &addresses, &[]).unwrap();
        let medium = match tun.capabilities().hardware_addr {
            Some(address) => Medium::Ethernet(address),
            None => Medium::Ip,
        };
        let clock = Clock::new();
        let mut driver = Driver::new(Host::new(HostConfig::default(), seed().unwrap()).unwrap());
        let config = InterfaceConfig { duplicate_detection: false, ..InterfaceConfig::new("hf0", medium) };
        let config = config.mtu(u16::MAX);
        let config =
            ["10.9.0.2/24", "fd00:9::2/64"].iter().fold(config, |c, a| c.address(a.parse().unwrap()));
        driver.attach(clock.now(), tun, config).unwrap();
        let listeners = ["10.9.0.2:7", "[fd00:9::2]:7"].map(|local| {
            let (host, config) = (driver.host_mut(), ListenConfig::default());
            host.tcp_listen(clock.now(), local.parse().unwrap(), config).unwrap()
        });
        Self { driver, clock, listeners }
    }

    fn counters(&self) -> Counters {
        self.driver.devices().next().unwrap().1.counters()
    }

    /// Turns once, and waits when there is nothing to do.
    fn turn(&mut self) -> Instant {
        let turn = self.driver.turn(self.clock.now()).unwrap();
        while let Some(event) = self.driver.poll_event() {
            assert!(!matches!(event, HostEvent::TcpClosed(_, Some(_))), "{event:?}");
        }
        let now = self.clock.now();
        if turn.received == 0 && !turn.more {
            self.driver.wait(now, None).unwrap();
        }
        self.clock.now()
    }

    fn accept(&mut self) -> ConnectionId {
        loop {
            for listener in self.listeners {
                if let Some((id, _)) = self.driver.host_mut().tcp_accept(listener) {
                    return id;
                }
            }
            self.turn();
        }
    }

    /// Takes all that the peer sends.
    fn sink(&mut self, id: ConnectionId) -> usize {
        let mut check = Check::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let now = self.clock.now();
            match self.driver.host_mut().tcp_receive_into(now, id, &mut buffer) {
                Ok(0) | Err(ReceiveError::Finished) => return check.at,
                Ok(count) => check.took(&buffer[..count]),
                Err(ReceiveError::Empty) => {
                    self.turn();
                }
                Err(why) => panic!("{why:?}"),
            }
        }
    }

    /// Sends `total` octets and closes.
    fn source(&mut self, id: ConnectionId, total: usize) {
        let block = Payload::from(block());
        let mut sent = 0;
        while sent < total {
            let from = sent % block.len();
            let chunk = block.slice(from..(from + (256 << 10)).min(from + total - sent));
            let now = self.clock.now();
            match self.driver.host_mut().tcp_send(now, id, chunk, SendFlags::default()) {
                Ok(count) => sent += count,
                Err(SendError::Full) => {
                    self.turn();
                }
                Err(why) => panic!("{why:?}"),
            }
        }
        let now = self.clock.now();
        self.driver.host_mut().tcp_close(now, id).unwrap();
    }

    fn finish(&mut self, kernel: JoinHandle<()>) {
        while !kernel.is_finished() {
            let now = self.clock.now();
            self.driver.turn(now).unwrap();
            self.driver.wait(now, Some(now + env::Duration::from_millis(10))).unwrap();
        }
        kernel.join().unwrap();
    }
}

/// The kernel's end: sends `up` octets, then takes `down`.
fn kernel(address: &str, up: usize, down: usize) -> JoinHandle<()> {
    let address: SocketAddr = address.parse().unwrap();
    spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let block = block();
        let mut sent = 0;
        while sent < up {
            let chunk = &block[sent % block.len()..];
            let chunk = &chunk[..chunk.len().min(up - sent)];
            stream.write_all(chunk).unwrap();
            sent += chunk.len();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let (mut check, mut buffer) = (Check::new(), vec![0; 256 * 1024]);
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                count => check.took(&buffer[..count]),
            }
        }
        assert_eq!(check.at, down);
    })
}

#[test]
fn trains_pass_between_the_kernel_and_us_both_ways() {
    in_namespace("trains_pass_between_the_kernel_and_us_both_ways", &[], || {
        const TOTAL: usize = 24 << 20;
        for (kind, offloads, mtu) in [
            (Kind::Tun, true, 1500),
            (Kind::Tun, false, 1500),
            (Kind::Tun, true, 9000),
            (Kind::Tap, true, 1500),
            (Kind::Tap, false, 9000),
        ] {
            let mut ours = Ours::open(&Options { kind, offloads, ..Options::new("hf0") }, mtu);
            for address in ["10.9.0.2:7", "[fd00:9::2]:7"] {
                let before = ours.counters();
                let peer = kernel(address, TOTAL, TOTAL);
                let id = ours.accept();
                assert_eq!(ours.sink(id), TOTAL);
                ours.source(id, TOTAL);
                ours.finish(peer);
                let counters = ours.counters();
                let (rx, tx) = (counters.rx_trains - before.rx_trains, counters.tx_trains - before.tx_trains);
                let joined = counters.rx_coalesced_trains - before.rx_coalesced_trains;
                let what = format!("{kind:?} offloads={offloads} mtu={mtu} {address}: {counters}");
                assert_eq!(offloads, tx > 100, "{what}");
                assert!(if offloads { rx > 100 && joined == 0 } else { rx == 0 && joined > 100 }, "{what}");
                let dropped: u64 = counters
                    .iter()
                    .filter(|(name, _)| !["frames", "octets", "trains"].iter().any(|end| name.ends_with(end)))
                    .map(|(_, count)| count)
                    .sum();
                assert_eq!(dropped, 0, "{what}");
            }
            // What was wrong with any checksum would be counted here.
            assert_eq!(ours.driver.host().counters().tcp_in_errs, 0);
        }
    });
}

/// `HANDFAST_FIGURES` names the rows wanted, as a part of what they print first; with `HANDFAST_NO_COALESCING`, nothing is
/// joined on its way in.
#[test]
#[ignore = "prints figures: cargo test --release -p handfast-driver --test kernel -- --ignored --nocapture"]
fn figures() {
    in_namespace("figures", &[], || {
        let total = 2 << 30;
        println!();
        for (kind, offloads, mtu) in [
            (Kind::Tun, true, 1500),
            (Kind::Tun, false, 1500),
            (Kind::Tun, true, 9000),
            (Kind::Tap, true, 1500),
            (Kind::Tun, false, 9000),
        ] {
            for (way, up, down) in [("in", total, 0), ("out", 0, total)] {
                let what = format!("{kind:?} offloads={offloads} mtu={mtu} {way}");
                if std::env::var("HANDFAST_FIGURES").is_ok_and(|wanted| !what.contains(&wanted)) {
                    continue;
                }
                let mut ours = Ours::open(&Options { kind, offloads, ..Options::new("hf0") }, mtu);
                if std::env::var_os("HANDFAST_NO_COALESCING").is_some() {
                    ours.driver.devices_mut().for_each(|(_, tun)| tun.set_coalescing(false));
                }
                let peer = kernel("10.9.0.2:7", up, down);
                let id = ours.accept();
                let (began, spent) = (std::time::Instant::now(), cpu());
                if up > 0 {
                    let mut octets = 0;
                    let mut buffer = vec![0; 256 * 1024];
                    while octets < up {
                        let now = ours.clock.now();
                        match ours.driver.host_mut().tcp_receive_into(now, id, &mut buffer) {
                            Ok(count) => octets += count,
                            Err(ReceiveError::Empty) => drop(ours.turn()),
                            Err(why) => panic!("{why:?}"),
                        }
                    }
                    ours.source(id, 0);
                } else {
                    ours.source(id, down);
                }
                let (took, spent) = (began.elapsed().as_secs_f64(), cpu() - spent);
                ours.finish(peer);
                let counters = ours.counters();
                let gigabytes = total as f64 / 1e9;
                println!(
                    "{what}: {:.2} Gbit/s, our thread {:.2} s/GB; {counters}",
                    gigabytes * 8.0 / took,
                    spent / gigabytes
                );
            }
        }
    });
}

fn cpu() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}
