//! What the budget says is held is what is really allocated: counted at the allocator.

use env::{Duration, Instant, Machine as _};
use handfast_stack::{Account, Cidr, Host, HostConfig, InterfaceConfig, InterfaceId, ListenConfig, Medium};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::net::{Ipv4Addr, SocketAddr};
use wire::tcp::{Flags, Header, Options, View};
use wire::{Frame, Head, Payload, Protocol, SeqNum, WireWindow, ipv4};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PEERS: u32 = 20_000;

struct Bench {
    host: Host,
    link: InterfaceId,
    now: Instant,
}

impl Bench {
    fn give(&mut self, n: u32, header: &Header) {
        let peer = Ipv4Addr::from_bits(0x0a00_0100 + n);
        let mut head = Head::new();
        header.prepend_to(&mut head, 9, 80).unwrap();
        wire::tcp::fill_checksum(&mut head, &Payload::EMPTY, peer.into(), US.into()).unwrap();
        ipv4::Repr::new(peer, US, Protocol::TCP).prepend_to(&mut head, 0).unwrap();
        let bytes = head.as_slice().to_vec();
        let len = bytes.len();
        let frame = Frame::received(bytes.into(), len, self.now);
        self.host.handle_packet(self.now, (self.link, frame));
    }

    /// The sequence number of the last segment that goes out now.
    fn sent(&mut self) -> Option<SeqNum> {
        let mut last = None;
        while let Some((_, frame)) = self.host.poll_transmit(self.now) {
            let bytes = frame.to_vec();
            last = View::new(&bytes[20..]).ok().map(|view| view.seq());
        }
        last
    }
}

fn header(flags: Flags, seq: u32, ack: SeqNum) -> Header {
    let options = Options { mss: Some(1_460).filter(|_| flags == Flags::SYN), ..Options::NONE };
    Header {
        seq: SeqNum::new(seq),
        ack,
        flags,
        window: WireWindow::new(0xffff),
        options,
        ..Header::default()
    }
}

/// Octets allocated and not given back since `region` began.
fn grown(region: &Region<'_, System>) -> usize {
    let change = region.change();
    (change.bytes_allocated as isize - change.bytes_deallocated as isize).max(0) as usize
}

/// Twenty thousand peers, at each station of a connection's life. One test alone: the allocator is everybody's.
#[test]
fn half_open_open_and_resting_connections_take_no_more_memory_than_is_charged() {
    let mut host = Host::new(HostConfig::default(), [1; 32]).unwrap();
    let address: Cidr = "10.0.0.1/8".parse().unwrap();
    let now = Instant::from_secs(1);
    let link = host.add_interface(now, InterfaceConfig::new("t0", Medium::Ip).address(address)).unwrap();
    let most = PEERS as usize + 1;
    let config = ListenConfig { backlog: most, syn_queue: 2 * most, ..ListenConfig::default() };
    let listener = host.tcp_listen(now, "10.0.0.1:80".parse::<SocketAddr>().unwrap(), config).unwrap();
    let mut bench = Bench { host, link, now };
    let mut numbers = Vec::with_capacity(PEERS as usize);
    let mut ids = Vec::with_capacity(PEERS as usize);
    let region = Region::new(COUNTED);
    let charged = |bench: &Bench| bench.host.budget().held_for(Account::TcpRecord);

    for n in 0..PEERS {
        bench.give(n, &header(Flags::SYN, 100, SeqNum::default()));
        numbers.push(bench.sent().unwrap());
    }
    let half_open = (grown(&region), charged(&bench));

    for (n, number) in (0..).zip(&numbers) {
        bench.give(n, &header(Flags::ACK, 101, *number + 1));
        bench.sent();
        ids.extend(bench.host.tcp_accept(listener));
        while bench.host.poll_event().is_some() {}
    }
    assert_eq!(ids.len(), PEERS as usize);
    let open = (grown(&region), charged(&bench));

    for (n, (id, _)) in (0..).zip(&ids) {
        bench.host.tcp_release(bench.now, *id);
        bench.sent();
        bench.give(n, &header(Flags::FIN | Flags::ACK, 101, numbers[n as usize] + 2));
        bench.sent();
    }
    assert_eq!(bench.host.tcp_counts().time_wait, PEERS as usize);
    let resting = (grown(&region), charged(&bench));

    bench.now += Duration::from_secs(61);
    bench.host.handle_timeout(bench.now);
    bench.sent();
    let over = (grown(&region), charged(&bench));
    println!(
        "allocated, charged: half-open {half_open:?}, open {open:?}, resting {resting:?}, over {over:?}"
    );
    assert_eq!(over.1, 0);
    assert!(half_open.0 <= half_open.1, "half-open: {half_open:?}");
    assert!(open.0 <= open.1, "open: {open:?}");
    // Tables do not shrink: what they had room for stays with them, and serves again; no more than the busiest time cost.
    assert!(resting.0 <= resting.1 + over.0, "resting: {resting:?}, {over:?}");
    assert!(over.0 <= open.1, "{over:?}");
}
