use super::*;
use device::memory::{self, Memory};
use device::{Capabilities, Counters};
use env::{Duration, Rng};
use stack::{HostConfig, Medium, UdpBind, UdpError, UdpId, UdpSend};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

const NOW: Instant = Instant::from_secs(1);

fn host(seed: u64) -> Host {
    let mut bytes = [0; 32];
    Rng::seeded(seed).fill(&mut bytes);
    Host::new(HostConfig::default(), bytes).unwrap()
}

fn interface(address: &str) -> InterfaceConfig {
    InterfaceConfig::new("wire", Medium::Ip).mtu(u16::MAX).address(address.parse().unwrap())
}

fn remote(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn two(config: memory::Config) -> (Driver<Memory>, Driver<Memory>) {
    let (left, right) = memory::pair(config);
    let mut a = Driver::new(host(1));
    let mut b = Driver::new(host(2));
    a.attach(NOW, left, interface("10.0.0.1/24")).unwrap();
    b.attach(NOW, right, interface("10.0.0.2/24")).unwrap();
    (a, b)
}

fn bound<D: Device>(driver: &mut Driver<D>, port: u16) -> UdpId {
    driver.host_mut().udp_bind(UdpBind { port, ..UdpBind::default() }).unwrap()
}

fn send<D: Device>(driver: &mut Driver<D>, id: UdpId, octets: usize, to: &str) -> Result<(), UdpError> {
    driver.host_mut().udp_send(NOW, id, UdpSend::to(vec![7; octets], remote(to)))
}

#[test]
fn a_datagram_crosses_from_host_to_host_and_nothing_is_left_to_do() {
    let (mut a, mut b) = two(memory::Config::default());
    let (from, to) = (bound(&mut a, 5000), bound(&mut b, 7));
    send(&mut a, from, 3000, "10.0.0.2:7").unwrap();
    let turn = a.turn(NOW).unwrap();
    assert_eq!((turn.received, turn.more, a.deadline()), (0, false, None));
    assert!(turn.sent >= 2, "two fragments at least, {turn:?}");
    assert_eq!(b.turn(NOW).unwrap().received, turn.sent);
    assert_eq!(b.poll_event(), Some(HostEvent::UdpReadable(to)));
    let got = b.host_mut().udp_receive(to).unwrap();
    assert_eq!((got.from, got.data.len(), got.arrived), (remote("10.0.0.1:5000"), 3000, NOW));
    assert_eq!(b.turn(NOW).unwrap(), Turn::default(), "an idle stack does nothing");
    assert_eq!(b.deadline(), None, "and is never woken");
}

#[test]
fn the_interface_is_what_the_device_can_do() {
    let can = Capabilities { mtu: 1400, ..Capabilities::default() };
    let (mut a, mut b) = two(memory::Config { capabilities: can, ..memory::Config::default() });
    let (from, to) = (bound(&mut a, 5000), bound(&mut b, 7));
    send(&mut a, from, 1401, "10.0.0.2:7").unwrap();
    assert_eq!(a.turn(NOW).unwrap().sent, 2, "an MTU of 1400 cuts it in two");
    assert_eq!(b.turn(NOW).unwrap().received, 2);
    assert_eq!(b.host_mut().udp_receive(to).unwrap().data.len(), 1401);
}

#[test]
fn a_full_batch_says_that_there_may_be_more() {
    let (mut a, mut b) = two(memory::Config::default());
    let (from, to) = (bound(&mut a, 5000), bound(&mut b, 7));
    for _ in 0..BATCH + 1 {
        send(&mut a, from, 1, "10.0.0.2:7").unwrap();
    }
    assert_eq!(a.turn(NOW).unwrap().sent, BATCH + 1);
    assert_eq!(b.turn(NOW).unwrap(), Turn { received: BATCH, sent: 0, more: true });
    assert_eq!(b.turn(NOW).unwrap(), Turn { received: 1, sent: 0, more: false });
    assert_eq!(b.host().udp_counters(to).unwrap().received, BATCH as u64 + 1);
}

#[test]
fn what_the_device_leaves_stays_queued_and_the_host_keeps_the_rest() {
    let (mut a, mut b) = two(memory::Config { queue: 10, ..memory::Config::default() });
    let (from, to) = (bound(&mut a, 5000), bound(&mut b, 7));
    for _ in 0..200 {
        send(&mut a, from, 1, "10.0.0.2:7").unwrap();
    }
    let wire = a.ports[0].interface;
    assert_eq!(a.turn(NOW).unwrap().sent, 10);
    assert!(a.is_blocked(wire));
    assert_eq!(a.ports[0].queue.len(), BATCH - 10, "one batch was taken from the host, and no more");
    assert_eq!(a.turn(NOW).unwrap().sent, 0);
    assert_eq!(a.ports[0].queue.len(), BATCH - 10);
    let mut got = 0;
    while got < 200 {
        assert!(b.turn(NOW).unwrap().received > 0, "{got} of 200 came");
        while b.host_mut().udp_receive(to).is_some() {
            got += 1;
        }
        assert!(a.turn(NOW).unwrap().sent <= 10);
    }
    assert!(!a.is_blocked(wire));
    assert_eq!(a.dropped(), 0);
}

/// A device that does as it is told.
struct Scripted {
    takes: usize,
    broken: bool,
    log: Log,
    due: Option<Instant>,
}

type Log = Arc<Mutex<Vec<String>>>;

impl Device for Scripted {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn receive(&mut self, _: Instant, _: &mut Vec<Frame>) -> io::Result<usize> {
        if self.broken { Err(io::Error::other("unplugged")) } else { Ok(0) }
    }

    fn transmit(&mut self, _: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        if self.broken {
            return Err(io::Error::other("unplugged"));
        }
        let count = frames.len().min(self.takes);
        self.takes -= count;
        frames.drain(..count).for_each(|frame| self.log.lock().unwrap().push(format!("taken {}", frame.id)));
        Ok(count)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }
}

fn scripted(takes: usize, log: &Log) -> Scripted {
    Scripted { takes, broken: false, log: Arc::clone(log), due: None }
}

#[test]
fn a_broken_device_is_reported_and_the_others_go_on() {
    let log = Log::default();
    let mut driver = Driver::new(host(1));
    let broken = Scripted { broken: true, ..scripted(0, &log) };
    let first = driver.attach(NOW, broken, interface("10.0.0.1/24")).unwrap();
    driver.attach(NOW, scripted(9, &log), interface("10.0.1.1/24")).unwrap();
    let id = bound(&mut driver, 9);
    send(&mut driver, id, 1, "10.0.1.2:9").unwrap();
    let error = driver.turn(NOW).unwrap_err();
    assert_eq!((error.interface, error.to_string()), (first, "unplugged".to_owned()));
    driver.devices_mut().next().unwrap().1.broken = false;
    assert_eq!(driver.turn(NOW).unwrap().sent, 1, "nothing was lost for it");
}

#[test]
fn one_stuck_device_does_not_hold_up_another() {
    let log = Log::default();
    let mut driver = Driver::new(host(1));
    driver.attach(NOW, scripted(0, &log), interface("10.0.0.1/24")).unwrap();
    driver.attach(NOW, scripted(usize::MAX, &log), interface("10.0.1.1/24")).unwrap();
    let id = bound(&mut driver, 9);
    let mut sent = 0;
    for _ in 0..2 * QUEUE {
        send(&mut driver, id, 1, "10.0.0.2:9").unwrap();
        send(&mut driver, id, 1, "10.0.1.2:9").unwrap();
        sent += driver.turn(NOW).unwrap().sent;
    }
    assert_eq!(sent, 2 * QUEUE);
    assert_eq!(driver.ports[0].queue.len() as u64 + driver.dropped(), 2 * QUEUE as u64);
    assert_eq!(driver.ports[0].queue.len(), QUEUE);
}

#[test]
fn the_observer_sees_a_frame_before_the_device_takes_it() {
    let log = Log::default();
    let mut driver = Driver::new(host(1));
    driver.attach(NOW, scripted(9, &log), interface("10.0.0.1/24")).unwrap();
    let seen = Arc::clone(&log);
    driver.observe(Some(Box::new(move |trace| {
        if let Trace::Sent { frame, .. } = trace {
            seen.lock().unwrap().push(format!("sent {frame}"));
        }
    })));
    let id = bound(&mut driver, 9);
    send(&mut driver, id, 1, "10.0.0.2:9").unwrap();
    driver.turn(NOW).unwrap();
    let first = log.lock().unwrap().clone();
    assert!(matches!(&first[..], [a, b] if a.starts_with("sent ") && b.starts_with("taken ")), "{first:?}");
    driver.observe(None);
    send(&mut driver, id, 1, "10.0.0.2:9").unwrap();
    driver.turn(NOW).unwrap();
    assert_eq!(log.lock().unwrap().len(), 3, "nobody watches any more");
}

#[test]
fn the_deadline_is_the_earliest_of_hosts_and_devices() {
    let log = Log::default();
    let mut driver = Driver::new(host(1));
    assert_eq!(driver.deadline(), None);
    let due = Some(NOW + Duration::from_secs(5));
    driver.attach(NOW, Scripted { due, ..scripted(9, &log) }, interface("10.0.0.1/24")).unwrap();
    assert_eq!(driver.deadline(), due);
}

#[cfg(target_os = "linux")]
#[test]
fn waiting_ends_when_a_device_has_something_or_the_time_has_come() {
    let (left, right) = memory::wired(memory::Config::default()).unwrap();
    let mut a = Driver::new(host(1));
    let mut b = Driver::new(host(2));
    a.attach(NOW, left, interface("10.0.0.1/24")).unwrap();
    b.attach(NOW, right, interface("10.0.0.2/24")).unwrap();
    b.wait(NOW, Some(NOW)).unwrap(); // Already over: returns at once.
    let from = bound(&mut a, 9);
    let to = bound(&mut b, 7);
    send(&mut a, from, 1, "10.0.0.2:7").unwrap();
    a.turn(NOW).unwrap();
    b.wait(NOW, None).unwrap(); // Would never end if the descriptor were not looked at.
    assert_eq!(b.turn(NOW).unwrap().received, 1);
    assert!(b.host_mut().udp_receive(to).is_some());
}
