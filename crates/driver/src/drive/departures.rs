//! A device that takes frames ahead of their time lets them go at their time, however late the driver is turned.

use super::*;
use device::impair::{Direction, Impaired, What};
use device::memory::{self, Memory};
use device::{Capabilities, Counters, Duration};
use env::Rng;
use stack::{ConnectOptions, HostConfig, ListenConfig, Medium};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use tcp::{Congestion, SendFlags, TcpConfig};

const START: Instant = Instant::from_secs(1);
/// The driver is turned this often, and not when it asks for it.
const BEAT: Duration = Duration::from_millis(1);

/// One that hides what it could do ahead of time.
struct Hasty(Impaired<Memory>);

impl Device for Hasty {
    fn capabilities(&self) -> Capabilities {
        Capabilities { ahead: Duration::ZERO, ..self.0.capabilities() }
    }
    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
        self.0.receive(now, out)
    }
    fn transmit(&mut self, now: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        assert!(frames.iter().all(|frame| frame.leaves <= now), "nobody asked for frames before their time");
        self.0.transmit(now, frames)
    }
    fn counters(&self) -> Counters {
        self.0.counters()
    }
}

fn host(seed: u64) -> Host {
    let mut bytes = [0; 32];
    Rng::seeded(seed).fill(&mut bytes);
    Host::new(HostConfig::default(), bytes).unwrap()
}

/// A path of 40 ms and 20 Mbit/s to another host, and what hears when packets enter it.
fn path() -> (Impaired<Memory>, Memory, Receiver<Instant>) {
    let (near, far) = memory::pair(memory::Config::default());
    let link = |text: &str| text.parse().unwrap();
    let mut near = Impaired::new(near, link("delay=20ms,rate=20mbit,queue=70"), link("delay=20ms"), 1);
    let (entered, enters) = channel();
    near.on_event(move |direction, event| {
        if let (Direction::Out, What::Queued { .. }) = (direction, event.what) {
            entered.send(event.at).unwrap();
        }
    });
    (near, far, enters)
}

/// Sends for a second of the clock from `near` to `far`; the octets that came.
fn sends(near: impl Device, far: Memory, algorithm: Congestion) -> usize {
    let (mut here, mut there) = (Driver::new(host(1)), Driver::new(host(2)));
    let interface =
        |address: &str| InterfaceConfig::new("wire", Medium::Ip).address(address.parse().unwrap());
    here.attach(START, near, interface("10.0.0.1/24")).unwrap();
    there.attach(START, far, interface("10.0.0.2/24")).unwrap();
    let to = "10.0.0.2:80".parse().unwrap();
    let listener = there.host_mut().tcp_listen(START, to, ListenConfig::default()).unwrap();
    let tcp = Some(Arc::new(TcpConfig::default().congestion(algorithm)));
    let id = here.host_mut().tcp_connect(START, ConnectOptions { tcp, ..ConnectOptions::to(to) }).unwrap();
    let (mut now, mut came, mut peer) = (START, 0, None);
    while now < START + 1_000 * BEAT {
        here.turn(now).unwrap();
        there.turn(now).unwrap();
        peer = peer.or_else(|| there.host_mut().tcp_accept(listener).map(|(id, _)| id));
        while let Some(got) = peer.and_then(|id| there.host_mut().tcp_receive(now, id, usize::MAX).ok()) {
            came += got.data.len();
        }
        let room = here.host().tcp_send_room(id);
        if room > 0 && here.host().tcp_state(id).is_synchronized() {
            here.host_mut().tcp_send(now, id, vec![0; room].into(), SendFlags::default()).unwrap();
        }
        while here.poll_event().is_some() || there.poll_event().is_some() {}
        here.flush(now).unwrap();
        there.flush(now).unwrap();
        now += BEAT;
    }
    came
}

/// How many of `times` lie between two turns.
fn between_turns(times: &Receiver<Instant>) -> (usize, usize) {
    let all: Vec<Instant> = times.try_iter().collect();
    assert!(all.is_sorted(), "a link takes what comes in the order of time");
    let off = |at: &&Instant| !at.since(START).as_nanos().is_multiple_of(BEAT.as_nanos());
    (all.iter().filter(off).count(), all.len())
}

#[test]
fn trains_enter_the_link_at_their_time_though_turns_are_late() {
    for algorithm in [Congestion::Cubic, Congestion::Bbr] {
        let (near, far, times) = path();
        let ahead = sends(near, far, algorithm);
        let (off, all) = between_turns(&times);
        assert!(off > all / 5, "{algorithm}: {off} of {all} packets");
        let (near, far, times) = path();
        let hasty = sends(Hasty(near), far, algorithm);
        assert_eq!(between_turns(&times).0, 0, "{algorithm}: whatever leaves does so in a turn");
        assert!(hasty > 1_000_000, "{algorithm}: {hasty}");
        assert!(ahead > hasty - hasty / 20, "{algorithm}: {ahead} octets, and {hasty} without");
    }
}
