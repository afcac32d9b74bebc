//! What recording costs: a transfer from host to host through memory, in one thread, with the sender recorded and without.
//!
//! ```text
//! cargo run --release -p handfast-driver --example record_cost [-- RUNS [MIB]]
//! ```
//!
//! Runs take turns, so that whatever else the machine does is shared alike. Compared are the medians of the processor time
//! of all threads, the one that writes the file among them: what a busy machine would have less of.

use device::memory::{self, Memory};
use env::Duration;
use handfast_driver::{Clock, Driver, seed};
use record::{Options, Recorder};
use rustix::time::{ClockId, clock_gettime};
use stack::{ConnectOptions, Host, HostConfig, InterfaceConfig, ListenConfig, Medium};
use std::error::Error;
use std::path::Path;
use tcp::SendFlags;
use wire::Payload;

const CHUNK: usize = 256 << 10;

fn driver(device: Memory, address: &str, clock: &Clock, recorder: Option<Recorder>) -> Driver<Memory> {
    let host = Host::new(HostConfig::default(), seed().expect("chance")).expect("default settings");
    let mut driver = Driver::new(host);
    if let Some(recorder) = recorder {
        driver.record(recorder).expect("the host is new");
    }
    let config = InterfaceConfig::new("wire", Medium::Ip).address(address.parse().expect("an address"));
    driver.attach(clock.now(), device, config).expect("a fresh interface");
    driver
}

/// Sends so many octets; gives the processor time it took.
fn transfer(octets: usize, trains: bool, recorder: Option<Recorder>) -> Result<Duration, Box<dyn Error>> {
    let before = clock_gettime(ClockId::ProcessCPUTime);
    let clock = Clock::new();
    let mut config = memory::Config::default();
    config.capabilities.mtu = 1500;
    (config.capabilities.segmentation, config.capabilities.checksum) = (trains, trains);
    let (left, right) = memory::pair(config);
    let mut one = driver(left, "10.0.0.1/24", &clock, recorder);
    let mut two = driver(right, "10.0.0.2/24", &clock, None);
    let listener = two.host_mut().tcp_listen(clock.now(), "0.0.0.0:80".parse()?, ListenConfig::default())?;
    let sender = one.host_mut().tcp_connect(clock.now(), ConnectOptions::to("10.0.0.2:80".parse()?))?;
    let mut receiver = None;
    let data = Payload::from(vec![7; CHUNK]);
    let (mut sent, mut received) = (0, 0);
    let mut room = vec![0; CHUNK];
    while received < octets {
        let now = clock.now();
        while sent < octets {
            match one.host_mut().tcp_send(now, sender, data.clone(), SendFlags::default()) {
                Ok(count) => sent += count,
                Err(_full) => break,
            }
        }
        one.turn(now)?;
        two.turn(now)?;
        if receiver.is_none() {
            receiver = two.host_mut().tcp_accept(listener).map(|(id, _)| id);
        }
        if let Some(id) = receiver {
            while let Ok(count) = two.host_mut().tcp_receive_into(now, id, &mut room) {
                received += count;
            }
        }
        two.flush(now)?;
        while one.poll_event().is_some() {}
        while two.poll_event().is_some() {}
    }
    drop((one, two));
    let after = clock_gettime(ClockId::ProcessCPUTime);
    let time = |at: rustix::time::Timespec| Duration::new(at.tv_sec as u64, at.tv_nsec as u32);
    Ok(time(after) - time(before))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn recorder(path: &Path, payload: bool) -> Result<Recorder, Box<dyn Error>> {
    let failed = Box::new(|why| println!("the recording ended: {why}"));
    Ok(Recorder::create(path, Options { payload, on_failure: Some(failed), ..Options::default() })?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("handfast-record-cost-{}.hfr", std::process::id()));
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual: usize| arguments.next().map_or(Ok(usual), |text| text.parse());
    let (runs, mib) = (number(9)?, number(256)?);
    for (name, trains, octets) in [("1500-octet packets", false, mib << 20), ("trains", true, mib << 22)] {
        let (mut plain, mut recorded, mut size) = (Vec::new(), Vec::new(), 0);
        for _ in 0..runs {
            plain.push(transfer(octets, trains, None)?);
            recorded.push(transfer(octets, trains, Some(recorder(&path, false)?))?);
            size = std::fs::metadata(&path)?.len();
        }
        let (plain, recorded) = (median(plain), median(recorded));
        println!(
            "{name}: {} MiB in {plain:?} without, {recorded:?} with a recording of {} KiB: {:+.1} %",
            octets >> 20,
            size >> 10,
            (recorded.as_secs_f64() / plain.as_secs_f64() - 1.0) * 100.0
        );
    }
    std::fs::remove_file(path)?;
    Ok(())
}
