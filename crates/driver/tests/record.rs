//! A driver whose host is recorded: the file replays equal; a file that fails ends the recording and not the run.

use device::memory::{self, Memory};
use env::{Duration, Instant};
use handfast_driver::Driver;
use record::{End, Failure, Options, Progress, Recorder, Replay};
use stack::{Host, HostConfig, InterfaceConfig, Medium, UdpBind, UdpId, UdpSend};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

/// A file that others can look at.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk that has room for so many octets.
struct Disk(usize);

impl Write for Disk {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(octets.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk that hangs until somebody lets go.
struct Hung(Receiver<()>);

impl Write for Hung {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        // Whoever held the other end is gone: it goes on.
        let _ = self.0.recv();
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Two drivers on one wire, of which the first is recorded: it asks, and the second answers.
struct Talk {
    one: Driver<Memory>,
    two: Driver<Memory>,
    asker: UdpId,
    echo: UdpId,
    now: Instant,
}

impl Talk {
    fn new(recorder: Recorder) -> Self {
        let now = Instant::from_secs(1);
        let (left, right) = memory::pair(memory::Config::default());
        let driver = |device, address: &str, recorder: Option<Recorder>| {
            let mut driver = Driver::new(Host::new(HostConfig::default(), [7; 32]).unwrap());
            recorder.into_iter().for_each(|recorder| driver.record(recorder).unwrap());
            let config = InterfaceConfig::new("wire", Medium::Ip).address(address.parse().unwrap());
            driver.attach(now, device, config).unwrap();
            driver
        };
        let mut one = driver(left, "10.0.0.1/24", Some(recorder));
        let mut two = driver(right, "10.0.0.2/24", None);
        let bind = |driver: &mut Driver<Memory>, port| {
            driver.host_mut().udp_bind(UdpBind { port, ..UdpBind::default() }).unwrap()
        };
        let (asker, echo) = (bind(&mut one, 0), bind(&mut two, 7));
        Self { one, two, asker, echo, now }
    }

    /// A question and its answer.
    fn ask(&mut self) {
        let Self { one, two, asker, echo, now } = self;
        *now += Duration::from_millis(1);
        let question = UdpSend::to(vec![7; 1_000], "10.0.0.2:7".parse().unwrap());
        one.host_mut().udp_send(*now, *asker, question).unwrap();
        one.turn(*now).unwrap();
        two.turn(*now).unwrap();
        let asked = two.host_mut().udp_receive(*echo).expect("a question");
        two.host_mut().udp_send(*now, *echo, UdpSend::to(asked.data, asked.from)).unwrap();
        two.turn(*now).unwrap();
        one.turn(*now).unwrap();
        one.host_mut().udp_receive(*asker).expect("an answer");
    }
}

/// Talks until a recorder that must fail has said so, and then on; gives what it said.
fn until_failure(memory: usize, make: impl FnOnce(Options) -> Recorder) -> (Failure, Progress) {
    let (tell, told) = channel();
    let on_failure = Box::new(move |failure| tell.send(failure).expect("somebody is told"));
    let recorder = make(Options { on_failure: Some(on_failure), memory, ..Options::default() });
    let watch = recorder.watch();
    let mut talk = Talk::new(recorder);
    // A failure comes when its thread gets round to it: the run goes on meanwhile, and afterwards.
    while watch.progress().failure.is_none() {
        (0..100).for_each(|_| talk.ask());
    }
    (0..100).for_each(|_| talk.ask());
    assert!(talk.one.host_mut().poll_note().is_none(), "nothing is noted any more");
    let progress = watch.progress();
    (told.recv().expect("what it failed of"), progress)
}

#[test]
fn what_a_driver_recorded_replays_equal() {
    for payload in [false, true] {
        let file = Shared::default();
        let recorder = Recorder::new(file.clone(), Options { payload, ..Options::default() });
        let watch = recorder.watch();
        let mut talk = Talk::new(recorder);
        (0..50).for_each(|_| talk.ask());
        drop(talk);
        let written = file.0.lock().unwrap().clone();
        assert_eq!(watch.progress().octets, written.len() as u64);
        let mut replay = Replay::open(&written[..]).unwrap();
        while replay.step().unwrap().is_some() {}
        let done = replay.done();
        assert_eq!((done.frames, done.end, done.asked_otherwise), (50, Some(End::Whole), None));
        assert_eq!((done.inputs, done.frames), (watch.progress().inputs, watch.progress().frames));
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_run() {
    let (failure, progress) = until_failure(64 << 20, |options| Recorder::new(Disk(200_000), options));
    assert_eq!(failure, Failure::Io(io::ErrorKind::StorageFull));
    assert!(failure.to_string().contains("disk is full"), "{failure}");
    assert!(progress.octets <= 200_000 && progress.failure == Some(failure), "{progress:?}");
}

#[test]
fn a_disk_that_hangs_ends_the_recording_and_not_the_run() {
    let (release, hung) = channel();
    let mut release = Some(release);
    let (failure, _) = until_failure(1 << 20, |options| {
        let recorder = Recorder::new(Hung(hung), options);
        let watch = recorder.watch();
        // It is let go when the recorder has given it up, so that its thread can say so.
        let release = release.take();
        std::thread::spawn(move || {
            while watch.progress().failure.is_none() {
                std::thread::yield_now();
            }
            drop(release);
        });
        recorder
    });
    assert!(matches!(failure, Failure::TooSlow(octets) if octets > 1 << 20), "{failure:?}");
}

#[test]
fn a_recording_begins_before_anything_else() {
    let mut driver: Driver<Memory> = Driver::new(Host::new(HostConfig::default(), [7; 32]).unwrap());
    driver.host_mut().udp_open().unwrap();
    let refused = driver.record(Recorder::new(Shared::default(), Options::default())).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
}
