//! Two kernels, each in a namespace of its own, that meet through our devices: what comes out of one goes into the
//! other. Both ends judge every header and checksum that passes.
//!
//! ```text
//!    namespace A: 10.9.0.1 ── hf0 ──receive─► relay ─transmit──► hf0 ── 10.9.0.2 : namespace B
//!                                  ◄─transmit─       ◄─receive──
//! ```

use super::*;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

const MTU: u16 = 1500;

/// A thread that lives in a namespace with a device of its own.
pub(super) struct Side {
    work: Option<Sender<Box<dyn FnOnce() + Send>>>,
    thread: Option<JoinHandle<()>>,
}

impl Side {
    /// The device, and where its kernel is to be spoken to. `None` when this machine has none (said loudly).
    pub(super) fn open(what: &'static str, options: &Options, number: u8) -> Option<(Self, Tun)> {
        let (work, jobs) = channel::<Box<dyn FnOnce() + Send>>();
        let (give, opened) = channel();
        let options = options.clone();
        let thread = std::thread::spawn(move || {
            own_namespace::run(what, move || {
                let mut tun = match options.open() {
                    Ok(tun) => tun,
                    Err(why @ (TunError::NoNode { .. } | TunError::NoAccess { .. })) => {
                        return own_namespace::skip(what, &why.to_string());
                    }
                    Err(why) => panic!("{why}"),
                };
                let addresses = [format!("10.9.0.{number}"), format!("fd00:9::{number}")];
                let prefixes = addresses.map(|a| a.parse().unwrap()).into_iter().zip([24, 64]);
                tun.configure(Some(MTU), &prefixes.collect::<Vec<_>>(), &[]).unwrap();
                give.send(tun).unwrap();
                jobs.into_iter().for_each(|job| job());
            });
        });
        match opened.recv() {
            Ok(tun) => Some((Self { work: Some(work), thread: Some(thread) }, tun)),
            Err(_) => {
                thread.join().unwrap();
                None
            }
        }
    }

    /// Runs `job` in the namespace.
    pub(super) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
        let (give, result) = channel();
        let job = Box::new(move || drop(give.send(job())));
        self.work.as_ref().unwrap().send(job).unwrap();
        result
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the namespace's thread panicked");
        }
    }
}

/// Carries frames both ways until told to stop; gives the devices back.
pub(super) struct Relay {
    stop: std::sync::Arc<AtomicBool>,
    thread: JoinHandle<[Tun; 2]>,
}

impl Relay {
    /// `see` is shown each frame, which it may change: from which side, and what.
    pub(super) fn start(mut tuns: [Tun; 2], mut see: impl FnMut(usize, &mut Frame) + Send + 'static) -> Self {
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut queues = [VecDeque::new(), VecDeque::new()];
            let mut got = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let mut more = false;
                for side in [0, 1] {
                    let count = tuns[side].receive(Instant::ZERO, &mut got).unwrap();
                    more |= count >= BATCH || tuns[side].has_more();
                    got.iter_mut().for_each(|frame| see(side, frame));
                    let other = &mut queues[1 - side];
                    other.extend(got.drain(..));
                    tuns[1 - side].transmit(Instant::ZERO, other).unwrap();
                }
                if !more {
                    let limit = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
                    let [a, b] = &tuns;
                    let (a, b) = (a.fd().unwrap(), b.fd().unwrap());
                    let _ = poll(
                        &mut [PollFd::new(&a, PollFlags::IN), PollFd::new(&b, PollFlags::IN)],
                        Some(&limit),
                    );
                }
            }
            tuns
        });
        Self { stop, thread }
    }

    pub(super) fn stop(self) -> [Tun; 2] {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

pub(super) fn both(what: &'static str, options: &[Options; 2]) -> Option<([Side; 2], [Tun; 2])> {
    let (a, tun_a) = Side::open(what, &options[0], 1)?;
    let (b, tun_b) = Side::open(what, &options[1], 2)?;
    Some(([a, b], [tun_a, tun_b]))
}

/// Octet `at` of what is sent.
fn octet(at: usize) -> u8 {
    (at ^ at >> 8 ^ at >> 16) as u8
}

/// Sends `total` octets from A to B, which answers with as many, over `address`; all must arrive as they were sent.
pub(super) fn exchange(sides: &[Side; 2], address: &str, total: usize) {
    let address: SocketAddr = address.parse().unwrap();
    let (ready, listening) = channel();
    let pattern = |total: usize| (0..total).map(octet).collect::<Vec<u8>>();
    let pass = move |mut out: TcpStream, mut back: TcpStream| {
        let writer = std::thread::spawn(move || {
            out.write_all(&pattern(total)).unwrap();
            out.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut got = Vec::with_capacity(total);
        back.read_to_end(&mut got).unwrap();
        writer.join().unwrap();
        assert_eq!(got.len(), total);
        assert_eq!(got.iter().enumerate().position(|(at, &got)| got != octet(at)), None);
    };
    let server = sides[1].run(move || {
        let listener = TcpListener::bind(address).unwrap();
        ready.send(()).unwrap();
        let stream = listener.accept().unwrap().0;
        pass(stream.try_clone().unwrap(), stream);
    });
    listening.recv().unwrap();
    let client = sides[0].run(move || {
        let stream = TcpStream::connect(address).unwrap();
        pass(stream.try_clone().unwrap(), stream);
    });
    for done in [client, server] {
        done.recv_timeout(std::time::Duration::from_secs(60)).expect("it is carried whole");
    }
}

#[test]
fn trains_of_tcp_pass_whole_both_ways_and_both_kernels_take_them() {
    for kind in [Kind::Tun, Kind::Tap] {
        let options = Options { kind, ..Options::new("hf0") };
        let Some((sides, tuns)) = both("trains of TCP", &[options.clone(), options]) else { return };
        assert!(tuns.iter().all(|tun| tun.capabilities().segmentation && tun.capabilities().checksum));
        let relay = Relay::start(tuns, |_, frame| {
            if let Some(size) = frame.offload.segment_size {
                assert!((1000..=1460).contains(&size.get()), "{size}");
                assert!(matches!(frame.offload.checksum, wire::Checksum::Partial { .. }));
            }
        });
        exchange(&sides, "10.9.0.2:700", 8 << 20);
        exchange(&sides, "[fd00:9::2]:700", 8 << 20);
        let tuns = relay.stop();
        for tun in &tuns {
            let counters = tun.counters();
            assert!(counters.rx_trains > 100 && counters.tx_trains > 100, "{kind:?}: {counters}");
            assert_eq!(counters.tx_refused + counters.tx_malformed + counters.tx_too_large, 0, "{counters}");
        }
        assert_eq!(tuns[0].counters().rx_trains, tuns[1].counters().tx_trains);
    }
}

#[test]
fn a_device_with_offloads_and_one_without_carry_the_same() {
    for kind in [Kind::Tun, Kind::Tap] {
        let with = Options { kind, ..Options::new("hf0") };
        let without = Options { offloads: false, ..with.clone() };
        let Some((sides, tuns)) = both("trains into packets", &[with, without]) else { return };
        let relay = Relay::start(tuns, |_, _| ());
        exchange(&sides, "10.9.0.2:700", 4 << 20);
        exchange(&sides, "[fd00:9::2]:700", 4 << 20);
        let [a, b] = relay.stop();
        assert!(
            a.counters().rx_trains > 50 && b.counters().tx_trains == 0,
            "{} / {}",
            a.counters(),
            b.counters()
        );
        assert!(b.counters().tx_frames > 2 * a.counters().rx_frames);
        assert_eq!(b.counters().tx_malformed + b.counters().tx_too_large + b.counters().tx_refused, 0);
    }
}

#[test]
fn trains_of_udp_pass_whole_both_ways_or_are_cut_and_summed_for_a_device_that_cannot() {
    for (kind, offloads) in [(Kind::Tun, true), (Kind::Tap, true), (Kind::Tun, false), (Kind::Tap, false)] {
        let a = Options { kind, ..Options::new("hf0") };
        let b = Options { offloads, ..a.clone() };
        let Some((sides, tuns)) = both("trains of UDP", &[a, b]) else { return };
        if !tuns[0].trains().udp {
            drop(tuns);
            return own_namespace::skip("trains of UDP", "this kernel has none (USO, Linux 6.2)");
        }
        let relay = Relay::start(tuns, |_, _| ());
        for (from, to) in [("10.9.0.1:0", "10.9.0.2:53"), ("[fd00:9::1]:0", "[fd00:9::2]:53")] {
            let (ready, listening) = channel();
            let server = sides[1].run(move || {
                let socket = UdpSocket::bind(to).unwrap();
                socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
                ready.send(()).unwrap();
                let mut buffer = [0; 2000];
                let mut from = None;
                for n in 0..15 {
                    let (count, sender) = socket.recv_from(&mut buffer).unwrap();
                    let expected: Vec<u8> = (n * 1000..15_000).take(1000).map(octet).collect();
                    assert!(
                        buffer[..count] == expected[..expected.len().min(14_500 - n * 1000)],
                        "datagram {n}"
                    );
                    from = Some(sender);
                }
                // And back, as a train again.
                udp_trains::cut_sends(&socket, 700);
                socket.send_to(&[5; 7000], from.unwrap()).unwrap();
            });
            listening.recv().unwrap();
            let client = sides[0].run(move || {
                let socket = UdpSocket::bind(from).unwrap();
                socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
                udp_trains::cut_sends(&socket, 1000);
                let train: Vec<u8> = (0..14_500).map(octet).collect();
                socket.send_to(&train, to).unwrap();
                let mut buffer = [0; 2000];
                for _ in 0..10 {
                    assert_eq!(socket.recv(&mut buffer).unwrap(), 700);
                }
            });
            for done in [server, client] {
                done.recv_timeout(std::time::Duration::from_secs(30)).expect("the train arrives");
            }
        }
        let [a, b] = relay.stop();
        let (a, b) = (a.counters(), b.counters());
        assert_eq!((a.rx_trains, b.tx_trains), (2, if offloads { 2 } else { 0 }), "{a} / {b}");
        assert_eq!((b.rx_trains, a.tx_trains), if offloads { (2, 2) } else { (0, 0) }, "{a} / {b}");
        assert_eq!(a.tx_refused + b.tx_refused + a.tx_malformed + b.tx_malformed, 0, "{a} / {b}");
    }
}
