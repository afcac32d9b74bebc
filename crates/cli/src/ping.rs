//! `handfast ping`: echo requests, and what comes of them.

use crate::Done;
use crate::args::seconds;
use crate::net::{self, Exit, Failure, Net, NetArgs, Prepared, Role};
use clap::Args;
use env::Instant;
use handfast::{Echo, EchoFault, EchoReply, EchoSend, Echoed};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::{self, Instant as Time, MissedTickBehavior};

/// Ask a host whether it is there, and how far away
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}\n\n{}", net::ABOUT, crate::args::CODES))]
pub(crate) struct PingArgs {
    /// Whom: an address or a name
    host: String,
    /// End after so many requests
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    count: Option<u16>,
    /// Seconds between requests
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Octets to be sent back
    #[arg(short, long, value_name = "OCTETS", default_value_t = 56, value_parser = clap::value_parser!(u16).range(..=65_507))]
    size: u16,
    /// Seconds to wait for the last answers
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    wait: Duration,
    /// Hops that a request may take
    #[arg(short, long, value_name = "HOPS", value_parser = clap::value_parser!(u8).range(1..))]
    ttl: Option<u8>,
    /// Never fragment: a probe of the path's MTU
    #[arg(short = 'D', long)]
    dont_fragment: bool,
    /// Only the summary
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    net: NetArgs,
}

const EXAMPLES: &str = "\
Examples:
  sudo handfast ping 10.111.1.1 -c 3                the kernel, at the other end of our interface
  sudo handfast ping 10.111.0.2                     `handfast serve`: the kernel passes it on
  sudo handfast ping fd00:111::2 -i 0.1 -s 5000     larger than a packet: it is fragmented
  sudo handfast ping 10.111.1.1 -c 100 -i 0.01 --link delay=10ms,jitter=5ms,loss=5%";

pub(crate) fn run(args: PingArgs) -> anyhow::Result<Done> {
    Prepared::new(args.net.clone(), Role::Any, false)?.run(async |net| {
        let found = tokio::select! {
            found = net.find(&args.host, 0) => found?,
            () = net.interrupted() => return Ok(Done::Interrupted),
        };
        let to = found.first().map(|found| found.ip());
        let to = to.ok_or_else(|| Failure::error(Exit::Name, format!("{} has no address", args.host)))?;
        ping(net, &args, to).await
    })
}

async fn ping(net: &Net, args: &PingArgs, to: IpAddr) -> anyhow::Result<Done> {
    let echo = Echo::open_on(&net.stack)?;
    let mut tally = Tally::default();
    let mut ticks = time::interval(args.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last: Option<Time> = None;
    let count = args.count.unwrap_or(u16::MAX);
    let data: Vec<u8> = (0..args.size).map(|n| n as u8).collect();
    let mut interrupted = false;
    loop {
        let all = tally.sent == u64::from(count);
        if all && tally.open.is_empty() {
            break;
        }
        let patience = last.filter(|_| all).map(|last| last + args.wait);
        tokio::select! {
            () = net.interrupted() => {
                interrupted = true;
                break;
            }
            _ = ticks.tick(), if !all => {
                let sequence = (tally.sent + 1) as u16;
                let send = EchoSend {
                    ttl: args.ttl,
                    dont_fragment: args.dont_fragment,
                    ..EchoSend::new(to, sequence, data.clone())
                };
                tally.sent += 1;
                last = Some(Time::now());
                match echo.send(send) {
                    Ok(at) => drop(tally.open.insert(sequence, at)),
                    Err(why) => {
                        tally.errors += 1;
                        let json = || json!({ "event": "error", "seq": sequence, "text": why.to_string() });
                        net.say.line(json, &format!("seq={sequence}: not sent: {why}"))?;
                    }
                }
            }
            heard = echo.recv() => match heard? {
                Echoed::Reply(reply) => tell_reply(net, args, &data, &reply, &mut tally)?,
                Echoed::Fault(fault) => tell_fault(net, args, fault, &mut tally)?,
            },
            () = time::sleep_until(patience.unwrap_or_else(Time::now)), if patience.is_some() => break,
        }
    }
    summary(net, to, &tally)?;
    match () {
        () if interrupted && (tally.trips.is_empty() || net.ended_by_others()) => Ok(Done::Interrupted),
        () if !tally.trips.is_empty() => Ok(Done::Well),
        () if tally.errors > 0 => Err(Failure::error(Exit::Connect, format!("{to} cannot be reached"))),
        () => Err(Failure::error(Exit::TimedOut, format!("{to} does not answer"))),
    }
}

/// What came so far.
#[derive(Debug, Default)]
struct Tally {
    sent: u64,
    errors: u64,
    duplicates: u64,
    /// Requests without an answer, with when they were sent.
    open: BTreeMap<u16, Instant>,
    /// Round trips.
    trips: Trips,
}

/// Round trips, without keeping each.
#[derive(Clone, Copy, Debug, Default)]
struct Trips {
    count: u64,
    min: f64,
    max: f64,
    sum: f64,
    squares: f64,
}

impl Trips {
    fn add(&mut self, ms: f64) {
        self.min = if self.count == 0 { ms } else { self.min.min(ms) };
        self.max = self.max.max(ms);
        self.count += 1;
        self.sum += ms;
        self.squares += ms * ms;
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    /// The standard deviation.
    fn spread(&self) -> f64 {
        (self.squares / self.count.max(1) as f64 - self.mean().powi(2)).max(0.0).sqrt()
    }
}

fn tell_reply(
    net: &Net,
    args: &PingArgs,
    data: &[u8],
    reply: &EchoReply,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let sequence = reply.sequence;
    let trip = tally.open.remove(&sequence).map(|sent| reply.arrived.since(sent).as_secs_f64() * 1e3);
    match trip {
        Some(ms) => tally.trips.add(ms),
        None => tally.duplicates += 1,
    }
    if args.quiet {
        return Ok(());
    }
    let octets = reply.data.len();
    let right = *reply.data.contiguous() == *data;
    let json = || {
        json!({ "event": "reply", "seq": sequence, "from": reply.from.to_string(), "octets": octets,
            "ttl": reply.ttl, "ms": trip, "data": if right { "same" } else { "different" } })
    };
    let time = trip.map_or_else(|| "once more, or too late".to_owned(), |ms| format!("{ms:.3} ms"));
    let wrong = if right { "" } else { ", with other data than was sent" };
    let words =
        format!("{octets} octets from {}: seq={sequence} ttl={} {time}{wrong}", reply.from, reply.ttl);
    net.say.line(json, &words)?;
    Ok(())
}

fn tell_fault(net: &Net, args: &PingArgs, fault: EchoFault, tally: &mut Tally) -> anyhow::Result<()> {
    tally.open.remove(&fault.sequence);
    tally.errors += 1;
    if args.quiet {
        return Ok(());
    }
    let what = reason(fault.kind);
    let json =
        || json!({ "event": "error", "seq": fault.sequence, "from": fault.from.to_string(), "text": what });
    net.say.line(json, &format!("seq={}: {} says: {what}", fault.sequence, fault.from))?;
    Ok(())
}

/// What an ICMP error says, in words.
fn reason(kind: stack::ErrorKind) -> String {
    use stack::ErrorKind as Kind;
    match kind {
        Kind::NetworkUnreachable => "the network is unreachable".into(),
        Kind::HostUnreachable => "the host is unreachable".into(),
        Kind::ProtocolUnreachable => "the host has no such protocol".into(),
        Kind::PortUnreachable => "nobody is at the port".into(),
        Kind::Prohibited => "a filter forbids it".into(),
        Kind::TooBig { mtu: 0 } => "too long for a link on the way".into(),
        Kind::TooBig { mtu } => format!("too long for a link on the way, which takes {mtu} octets"),
        Kind::HopLimitExceeded => "too many hops".into(),
        Kind::ReassemblyTimeExceeded => "fragments were missing".into(),
        Kind::ParameterProblem { .. } => "a header field is wrong".into(),
        _ => "it is unreachable".into(),
    }
}

fn summary(net: &Net, to: IpAddr, tally: &Tally) -> anyhow::Result<()> {
    let trips = tally.trips;
    let lost = 100.0 * (1.0 - trips.count as f64 / tally.sent.max(1) as f64);
    let json = || {
        let times = (!trips.is_empty()).then(
            || json!({ "min": trips.min, "mean": trips.mean(), "max": trips.max, "spread": trips.spread() }),
        );
        json!({ "event": "summary", "to": to.to_string(), "sent": tally.sent, "received": trips.count,
            "duplicates": tally.duplicates, "errors": tally.errors, "lost_percent": lost, "ms": times })
    };
    let mut words = format!("{to}: {} sent, {} received, {lost:.0}% lost", tally.sent, trips.count);
    for (count, what) in [(tally.errors, "errors"), (tally.duplicates, "duplicates")] {
        if count > 0 {
            words.push_str(&format!(", {count} {what}"));
        }
    }
    if !trips.is_empty() {
        let (min, mean, max, spread) = (trips.min, trips.mean(), trips.max, trips.spread());
        words.push_str(&format!(
            "\nround trips: min {min:.3}, mean {mean:.3}, max {max:.3}, spread {spread:.3} ms"
        ));
    }
    net.conclude(json, &words)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_summed_up_without_keeping_each() {
        let mut trips = Trips::default();
        [3.0, 1.0, 2.0].into_iter().for_each(|ms| trips.add(ms));
        assert_eq!((trips.min, trips.mean(), trips.max), (1.0, 2.0, 3.0));
        assert!((trips.spread() - (2.0f64 / 3.0).sqrt()).abs() < 1e-9);
        assert_eq!(Trips::default().spread(), 0.0);
    }

    #[test]
    fn seconds_are_positive_and_not_for_ever() {
        assert_eq!(seconds("0.2"), Ok(Duration::from_millis(200)));
        for bad in ["0", "-1", "nan", "inf", "x", "4000"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
