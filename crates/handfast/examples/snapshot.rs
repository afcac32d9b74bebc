//! What it costs to look at every connection of a stack: `cargo run --release -p handfast --example snapshot [COUNT]`.
//!
//! Opens COUNT connections (100,000 unless told) between two stacks in memory, then looks at all of them several times,
//! and says how long a look took and for how long the stack was locked at a time. (The longest times are those of a
//! scheduler that let others run.)

use handfast::device::memory;
use handfast::{HostConfig, Stack, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Connections to one port: fewer than there are ports to come from.
const EACH: usize = 10_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    let (left, right) = memory::wired(memory::Config::default())?;
    let build = |device, address: &str| -> Result<Stack, Box<dyn std::error::Error>> {
        let config = HostConfig { memory: 4 << 30, ..HostConfig::default() };
        Ok(Stack::builder().device(device).address(address.parse()?).config(config).build()?)
    };
    let (server, client) = (build(left, "10.0.0.1/24")?, build(right, "10.0.0.2/24")?);
    let began = Instant::now();
    let mut streams = Vec::with_capacity(2 * count);
    for (port, first) in (1000..).zip((0..count).step_by(EACH)) {
        let at = std::net::SocketAddr::from(([10, 0, 0, 1], port));
        let listener = TcpListener::bind_on(&server, at).await?;
        for _ in 0..EACH.min(count - first) {
            let (near, far) = tokio::join!(TcpStream::connect_on(&client, at), listener.accept());
            streams.extend([near?, far?.0]);
        }
    }
    println!("{count} connections opened in {:.1} s", began.elapsed().as_secs_f64());

    for _ in 0..5 {
        let began = Instant::now();
        let (mut seen, mut steps) = (0, Vec::with_capacity(count));
        let mut connections = server.connections();
        loop {
            // A step of the walk locks the stack once; what comes between is the iterator's own.
            let step = Instant::now();
            let Some(info) = connections.next() else { break };
            steps.push(step.elapsed());
            seen += usize::from(info.local.ip().is_ipv4());
        }
        let all = began.elapsed();
        // Most calls only take what the last step found.
        steps.sort_unstable();
        let locked: Vec<Duration> = steps.split_off(steps.len() - steps.len() / 64);
        let at = |part: f64| locked.get((locked.len() as f64 * part) as usize).map_or(0, Duration::as_micros);
        let counters = Instant::now();
        let held = server.counters().memory;
        println!(
            "{seen} seen in {:.1} ms; locked {} times: median {} us, 99 % {} us; counters() {:.1} us; {} octets each",
            all.as_secs_f64() * 1e3,
            locked.len(),
            at(0.5),
            at(0.99),
            counters.elapsed().as_secs_f64() * 1e6,
            held / count
        );
    }
    Ok(())
}
