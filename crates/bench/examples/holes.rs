//! What a segment costs in CPU time where a hundred octets are missing, and where a hundred thousand are:
//!
//! ```sh
//! cargo run -p handfast-bench --example holes
//! cargo run -p handfast-bench --example holes -- --check     # ends with 1 if many holes cost too much
//! ```
//!
//! ```text
//!   sent, or received     0 1 2 3 4 5 6 7 8 9 …      an octet a segment, every other one missing
//!
//!   a thousand connections of a hundred holes ─┐  the same number of segments, and
//!   one of a hundred thousand ─────────────────┴► how many times as much it costs each
//! ```
//!
//! The tests of the `tcp` crate count steps of work, where somebody has put one; time is spent wherever it is. So the bound
//! here is loose: a tree of a hundred thousand is deeper and does not fit into the caches next to the processor, while a list
//! that is walked for each segment would cost a thousand times as much. It is the thread's own CPU time, the least of several
//! tries, and a ratio within one run, so that neither the machine nor what else it does decides.

use env::{Duration, Instant};
use tcp::listener::{HalfOpen, HalfOpenOutcome, Offer};
use tcp::{Congestion, Connection, Path, Segment, SendFlags, TcpConfig};
use wire::tcp::{Flags, Header, Options, SackBlock, SackBlocks};
use wire::{Payload, SeqNum, WireWindow};

const FEW: u32 = 100;
const MANY: u32 = 100_000;
const TRIES: usize = 3;
/// How many times as much a segment may cost among many holes.
const MOST: f64 = 6.0;

const HERE: SeqNum = SeqNum::new(u32::MAX - 70_000);
const THERE: SeqNum = SeqNum::new(9_000);

type Failure = Box<dyn std::error::Error>;

/// Nanoseconds, and segments that came and left meanwhile.
type Spent = (u128, u64);
type Work = fn(u32) -> Result<Spent, Failure>;

/// CPU time of this thread, in nanoseconds.
#[cfg(target_os = "linux")]
fn cpu() -> u128 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u128 * 1_000_000_000 + time.tv_nsec as u128
}

/// The clock's time, where nothing better is known.
#[cfg(not(target_os = "linux"))]
fn cpu() -> u128 {
    use std::sync::LazyLock;
    static BEGAN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    BEGAN.elapsed().as_nanos()
}

/// A connection in ESTABLISHED.
struct End {
    now: Instant,
    tcp: Connection,
    /// Where what the peer sends begins, and what is outstanding.
    seq: SeqNum,
    ack: SeqNum,
    segments: u64,
}

impl End {
    fn hears(&mut self, seq: SeqNum, ack: SeqNum, options: Options, payload: Payload) {
        let window = WireWindow::new(65_535);
        let header = Header { seq, ack, flags: Flags::ACK, window, options, ..Header::default() };
        self.segments += 1;
        let segment = Segment { header, payload, arrived: self.now, ..Segment::default() };
        self.tcp.handle_segment(self.now, segment);
        self.flow();
    }

    /// Takes all that leaves, and reads all that can be read.
    fn flow(&mut self) {
        while self.tcp.poll_event().is_some() {}
        while self.tcp.receive(self.now, usize::MAX).is_ok() {}
        while self.tcp.poll_transmit(self.now).is_some() {
            self.segments += 1;
        }
    }

    /// What `work` takes.
    fn spent(&mut self, work: impl FnOnce(&mut Self)) -> Spent {
        let (began, before) = (cpu(), self.segments);
        work(self);
        (cpu() - began, self.segments - before)
    }
}

/// A sender of which `2 × holes` single octets are out, the first of them at `ack`.
fn sender(holes: u32) -> Result<End, Failure> {
    let config = TcpConfig::default().congestion(Congestion::NewReno).nagle(false).send_buffer(4 << 20)?;
    let now = Instant::from_secs(100);
    let path = Path { train_limit: 0, ..Path::ipv4(65_535) };
    let tcp = Connection::open(now, config, path, HERE, 0);
    let mut end = End { now, tcp, seq: THERE + 1, ack: HERE + 1, segments: 0 };
    end.flow();
    let options = Options { mss: Some(65_495), sack_permitted: true, window_scale: Some(7), ..Options::NONE };
    let (flags, window) = (Flags::SYN | Flags::ACK, WireWindow::new(65_535));
    let header = Header { seq: THERE, ack: HERE + 1, flags, window, options, ..Header::default() };
    end.tcp.handle_segment(now, Segment { header, arrived: now, ..Segment::default() });
    end.flow();
    end.hears(end.seq, end.ack, Options::NONE, Payload::EMPTY); // a window that is scaled
    while end.tcp.status().cwnd < 2 * holes {
        let cwnd = end.tcp.status().cwnd;
        write(&mut end, cwnd as usize)?;
        end.now += Duration::from_millis(100);
        end.ack = end.tcp.status().snd_nxt;
        end.hears(end.seq, end.ack, Options::NONE, Payload::EMPTY);
    }
    for _ in 0..2 * holes {
        write(&mut end, 1)?;
    }
    if end.tcp.status().in_flight != 2 * holes {
        return Err("not all of it is out".into());
    }
    end.now += Duration::from_millis(100);
    Ok(end)
}

fn write(end: &mut End, octets: usize) -> Result<(), Failure> {
    let sent = end.tcp.send(end.now, Payload::copy_of(&vec![7; octets]), SendFlags::default());
    if sent != Ok(octets) {
        return Err(format!("send: {sent:?}").into());
    }
    end.flow();
    Ok(())
}

/// SACKs the octet after hole `n`, and the two before that, as an honest receiver does.
fn sacked(end: &mut End, n: u32) {
    let mut sack = SackBlocks::NONE;
    for n in (n.saturating_sub(2)..=n).rev() {
        sack.push(SackBlock { start: end.ack + (2 * n + 1), end: end.ack + (2 * n + 2) });
    }
    end.hears(end.seq, end.ack, Options { sack, ..Options::NONE }, Payload::EMPTY);
}

/// A sender hears of one island after the other, and sends what is lost again.
fn told(holes: u32) -> Result<Spent, Failure> {
    Ok(sender(holes)?.spent(|end| (0..holes).for_each(|n| sacked(end, n))))
}

/// A sender that was told of all islands hears that hole after hole is filled.
fn repaired(holes: u32) -> Result<Spent, Failure> {
    let mut end = sender(holes)?;
    (0..holes).for_each(|n| sacked(&mut end, n));
    Ok(end.spent(|end| {
        (0..holes).for_each(|n| end.hears(end.seq, end.ack + 2 * (n + 1), Options::NONE, Payload::EMPTY));
    }))
}

/// A receiver whose window is open wide.
fn receiver() -> Result<End, Failure> {
    let config = TcpConfig::default().receive_buffer(128 << 20)?;
    let now = Instant::from_secs(100);
    let path = Path::ipv4(1500);
    let offer =
        Offer { config: &config, path, receive_window: 65_535, timestamp_offset: 0, retransmissions: 5 };
    let options = Options { mss: Some(1460), sack_permitted: true, window_scale: Some(7), ..Options::NONE };
    let window = WireWindow::new(65_535);
    let syn = Header { seq: THERE, flags: Flags::SYN, window, options, ..Header::default() };
    let syn = Segment { header: syn, arrived: now, ..Segment::default() };
    let mut half = HalfOpen::answer(now, &syn, HERE, &offer);
    half.poll_transmit(now).ok_or("no SYN,ACK")?;
    let ack = Header { seq: THERE + 1, ack: HERE + 1, flags: Flags::ACK, window, ..Header::default() };
    let ack = Segment { header: ack, arrived: now, ..Segment::default() };
    let HalfOpenOutcome::Established(accepted) = half.handle_segment(now, &ack) else {
        return Err("not established".into());
    };
    let mut tcp = Connection::accepted(now, config.clone(), path, accepted);
    tcp.handle_segment(now, ack);
    let mut end = End { now, tcp, seq: THERE + 1, ack: HERE + 1, segments: 0 };
    for _ in 0..100 {
        arrives(&mut end, 0, 1_000);
        end.seq += 1_000;
    }
    Ok(end)
}

/// `octets` arrive, from `place` on.
fn arrives(end: &mut End, place: u32, octets: usize) {
    end.hears(end.seq + place, end.ack, Options::NONE, Payload::copy_of(&vec![7; octets]));
}

/// A receiver takes one island after the other.
fn islands(holes: u32) -> Result<Spent, Failure> {
    let mut end = receiver()?;
    let spent = end.spent(|end| (0..holes).for_each(|n| arrives(end, 2 * n + 1, 1)));
    if end.tcp.status().out_of_order != holes as usize {
        return Err("something was refused".into());
    }
    Ok(spent)
}

/// A receiver that has all islands gets what is missing, the last of it first.
fn filled(holes: u32) -> Result<Spent, Failure> {
    let mut end = receiver()?;
    (0..holes).for_each(|n| arrives(&mut end, 2 * n + 1, 1));
    Ok(end.spent(|end| (0..holes).rev().for_each(|n| arrives(end, 2 * n, 1))))
}

/// Nanoseconds of CPU for a segment, at so many holes.
fn each(holes: u32, of: Work) -> Result<f64, Failure> {
    let (mut time, mut segments) = (0, 0);
    for _ in 0..MANY / holes {
        let (spent, more) = of(holes)?;
        time += spent;
        segments += more;
    }
    Ok(time as f64 / segments.max(1) as f64)
}

fn least(holes: u32, of: Work) -> Result<f64, Failure> {
    (0..TRIES).try_fold(f64::INFINITY, |least, _| Ok(least.min(each(holes, of)?)))
}

fn main() -> Result<(), Failure> {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(_) => return Err("--check, or nothing".into()),
    };
    let rows: [(&str, Work); 4] = [
        ("sender, told of islands", told),
        ("sender, holes are filled", repaired),
        ("receiver, islands come", islands),
        ("receiver, holes are filled", filled),
    ];
    println!("{:<28} {FEW:>9} holes {MANY:>9} holes   ratio", "ns of CPU for a segment");
    let mut holds = true;
    for (name, of) in rows {
        let (few, many) = (least(FEW, of)?, least(MANY, of)?);
        let ratio = many / few;
        holds &= ratio <= MOST;
        println!("{name:<28} {few:>15.0} {many:>15.0} {ratio:>7.2}");
    }
    if check && !holds {
        return Err(format!("a segment costs more than {MOST} times as much among many holes").into());
    }
    Ok(())
}
