//! `handfast demo transfer`: a real file over a link as bad as one likes, whole at the other end.

mod report;

use super::DemoArgs;
use super::capture::{Joiner, Recording};
use crate::Done;
use crate::args::one_of;
use crate::out::Out;
use anyhow::Context as _;
use clap::Args;
use device::impair::Profile;
use env::Duration;
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest as _, Sha256};
use sim::{Pair, PairConfig};
use stack::{ConnectOptions, ConnectionId, HostConfig, HostEvent, ListenConfig, ListenerId};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tcp::{Congestion, ConnectionError, ReceiveError, SendError, SendFlags, State, TcpConfig};
use trace::Lang;
use wire::Payload;

/// Send a file from one host to the other over a bad link, and compare what arrives
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", crate::args::CODES))]
pub(super) struct TransferArgs {
    /// The file: any that can be read
    #[arg(long, value_name = "PATH")]
    file: PathBuf,
    /// How much is sent at once into a network that may be full [default: the stack's]
    #[arg(long, value_name = "NAME", value_parser = one_of::<Congestion>(Congestion::ALL.map(Congestion::name)))]
    congestion: Option<Congestion>,
    /// A bad link, both ways: delay=50ms,rate=20mbit,queue=160,loss=1% …; the options below go before what it says
    #[arg(long, value_name = "PROFILE")]
    link: Option<Profile>,
    /// How often a packet is lost, each way: 0.05 or 5%
    #[arg(long, value_name = "SHARE", value_parser = loss, allow_hyphen_values = true)]
    loss: Option<f64>,
    /// How long a packet travels, each way: 20ms [default: 10ms, without --link]
    #[arg(long, value_name = "TIME", value_parser = delay, allow_hyphen_values = true)]
    delay: Option<Duration>,
    /// Bits a second that the link takes, each way: 20mbit. Without it, any number
    #[arg(long, value_name = "RATE", value_parser = rate, allow_hyphen_values = true)]
    rate: Option<std::num::NonZeroU64>,
    /// How often a packet is held back, so that others overtake it; perhaps for how long: 2% or 2%/15ms
    #[arg(long, value_name = "SHARE", value_parser = reorder, allow_hyphen_values = true)]
    reorder: Option<(f64, Duration)>,
    /// How often a packet arrives twice
    #[arg(long, value_name = "SHARE", value_parser = duplicate, allow_hyphen_values = true)]
    duplicate: Option<f64>,
    /// How often a bit of a packet is flipped
    #[arg(long, value_name = "SHARE", value_parser = corrupt, allow_hyphen_values = true)]
    corrupt: Option<f64>,
}

const EXAMPLES: &str = "\
Examples:
  handfast demo transfer --file README.md
  handfast demo transfer --file big.iso --loss 5% --reorder 2% --duplicate 1% --corrupt 0.1%
  handfast demo transfer --file photo.jpg --rate 1mbit --delay 300ms     as by satellite
  handfast demo transfer --file photo.jpg --congestion bbr --link rate=20mbit,delay=50ms,loss=1% --pcap a.pcapng
  handfast explain a.pcapng           and then: how it found out what was lost, and repaired it, packet by packet

Time is the hosts' own: a transfer that takes them an hour may take you a second.";

/// One property of a link, as a link's whole description has it.
fn property(key: &str, value: &str) -> Result<Profile, String> {
    // A comma would begin another property.
    if value.contains(',') {
        return Err("one value is enough".to_owned());
    }
    format!("{key}={value}").parse::<Profile>().map_err(|error| error.to_string())
}

fn loss(value: &str) -> Result<f64, String> {
    Ok(property("loss", value)?.loss)
}

fn delay(value: &str) -> Result<Duration, String> {
    let delay = property("delay", value)?.delay;
    if delay > Duration::from_secs(60) {
        return Err("no link is longer than a minute".to_owned());
    }
    Ok(delay)
}

fn rate(value: &str) -> Result<std::num::NonZeroU64, String> {
    property("rate", value)?.rate.ok_or_else(|| "more than 0".to_owned())
}

fn reorder(value: &str) -> Result<(f64, Duration), String> {
    let profile = property("reorder", value)?;
    Ok((profile.reorder, profile.reorder_by))
}

fn duplicate(value: &str) -> Result<f64, String> {
    Ok(property("duplicate", value)?.duplicate)
}

fn corrupt(value: &str) -> Result<f64, String> {
    Ok(property("corrupt", value)?.corrupt)
}

pub(super) fn run(args: &TransferArgs, demo: &DemoArgs, out: &mut Out) -> anyhow::Result<Done> {
    let path = args.file.display();
    let file = File::open(&args.file).with_context(|| format!("cannot read {path}"))?;
    let about = file.metadata().with_context(|| format!("cannot read {path}"))?;
    anyhow::ensure!(!about.is_dir(), "cannot read {path}: it is a directory");

    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).context("cannot watch for Ctrl-C")?;

    let names = ["client".to_owned(), "server".to_owned()];
    let mut recording = match &demo.pcap {
        Some(path) => {
            let file = Recording::create(path, &names, demo.lang);
            Some(file.with_context(|| format!("cannot record to {}", path.display()))?)
        }
        None => None,
    };
    let mut transfer = Transfer::new(args, demo.seed, demo.pcap.is_some());
    let bar = bar(about.len());
    let mut record = Ok(());
    let end = transfer.run(&file, demo.lang, |carried, packets| {
        bar.set_position(carried);
        // A full disk ends the recording, and not the transfer.
        if record.is_ok()
            && let Some(file) = &mut recording
        {
            record = packets.iter().try_for_each(|packet| file.packet(packet));
        }
        !stop.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    let record = record.and_then(|()| recording.map_or(Ok(()), Recording::finish));

    let end = end.with_context(|| format!("cannot read {path}"))?;
    let now = file.metadata().with_context(|| format!("cannot read {path}"))?;
    let end = transfer.judge(end, about.len(), now.len());
    if demo.json {
        out.line(&transfer.json(args, &end, demo.seed).to_string())?;
    } else {
        out.write(&transfer.text(args, &end, demo.lang))?;
    }
    out.flush()?;
    if let Some(pcap) = &demo.pcap {
        record.with_context(|| format!("cannot record to {}", pcap.display()))?;
    }
    Ok(match end {
        End::Whole if transfer.sent.finish() == transfer.received.finish() => Done::Well,
        End::Interrupted => Done::Interrupted,
        _ => Done::Badly,
    })
}

fn bar(octets: u64) -> ProgressBar {
    // On standard error, and only if that is a terminal.
    let bar = ProgressBar::new(octets);
    let template = "{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {bytes_per_sec}";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl TransferArgs {
    fn profile(&self) -> Profile {
        let usual = || Profile { delay: Duration::from_millis(10), ..Profile::default() };
        let link = self.link.clone().unwrap_or_else(usual);
        let (reorder, reorder_by) = self.reorder.unwrap_or((link.reorder, link.reorder_by));
        Profile {
            delay: self.delay.unwrap_or(link.delay),
            rate: self.rate.or(link.rate),
            loss: self.loss.unwrap_or(link.loss),
            reorder,
            reorder_by,
            duplicate: self.duplicate.unwrap_or(link.duplicate),
            corrupt: self.corrupt.unwrap_or(link.corrupt),
            ..link
        }
    }

    /// TCP's settings.
    fn tcp(&self) -> TcpConfig {
        let config = TcpConfig::default();
        match self.congestion {
            Some(algorithm) => config.congestion(algorithm),
            None => config,
        }
    }
}

/// Octets and their sum.
#[derive(Clone, Default)]
struct Sum {
    octets: u64,
    hash: Sha256,
}

impl Sum {
    fn add(&mut self, octets: &[u8]) {
        self.octets += octets.len() as u64;
        self.hash.update(octets);
    }

    fn finish(&self) -> (u64, String) {
        let hash = self.hash.clone().finalize();
        (self.octets, hash.iter().map(|octet| format!("{octet:02x}")).collect())
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Both sides closed.
    Whole,
    /// They did, and the file is not what it was: it had so many octets at first.
    Shrunk(u64),
    /// A connection died.
    Dead(ConnectionError),
    /// Nothing happens any more.
    Stuck,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// A transfer between two hosts.
struct Transfer {
    pair: Pair,
    listener: ListenerId,
    ours: ConnectionId,
    theirs: Option<ConnectionId>,
    sent: Sum,
    received: Sum,
    took: Duration,
    joiner: Joiner,
}

/// Octets read from the file at a time.
const CHUNK: usize = 256 << 10;
/// Steps between two looks at the progress, at the log and at Ctrl-C.
const GLANCE: u64 = 256;

impl Transfer {
    fn new(args: &TransferArgs, seed: u64, record: bool) -> Self {
        let (profile, host) = (args.profile(), HostConfig { tcp: args.tcp(), ..HostConfig::default() });
        // Recorded packets are matched with what their sender says of them, one by one: no trains then.
        let config = PairConfig {
            client: host.clone(),
            server: host,
            there: profile.clone(),
            back: profile,
            offloads: !record,
            ..PairConfig::default()
        };
        let mut pair = Pair::with(seed, config);
        if record {
            pair.world.watch(true);
        }
        let at = Pair::server_at(false, super::stage::PORT);
        let listener =
            pair.world.call(pair.server, |host, now| host.tcp_listen(now, at, ListenConfig::default()));
        let listener = super::stage::must(listener);
        let ours = pair.world.call(pair.client, |host, now| host.tcp_connect(now, ConnectOptions::to(at)));
        let ours = super::stage::must(ours);
        Self {
            pair,
            listener,
            ours,
            theirs: None,
            sent: Sum::default(),
            received: Sum::default(),
            took: Duration::ZERO,
            joiner: Joiner::default(),
        }
    }

    /// Carries all that `file` gives. `glance` is told now and then how much was carried and what was recorded, and says
    /// whether to go on.
    ///
    /// # Errors
    /// What reading the file says.
    fn run(
        &mut self,
        mut file: impl Read,
        lang: Lang,
        mut glance: impl FnMut(u64, &[super::stage::Captured]) -> bool,
    ) -> std::io::Result<End> {
        let began = self.pair.world.now();
        let mut waiting = Payload::EMPTY;
        let mut closed = false;
        let mut steps = 0;
        let end = loop {
            if !closed {
                closed = self.feed(&mut file, &mut waiting)?;
            }
            self.drain();
            if let Some(end) = self.end() {
                break end;
            }
            if self.pair.world.step().is_none() {
                break End::Stuck;
            }
            steps += 1;
            if steps % GLANCE == 0 && !self.glance(lang, &mut glance) {
                break End::Interrupted;
            }
        };
        self.glance(lang, &mut glance);
        if self.took.is_zero() {
            self.took = self.pair.world.now().since(began);
        }
        Ok(end)
    }

    /// What the end means for a file that had so many octets at first and so many now. Not every file has as many as it
    /// says, so that it gave fewer is not enough.
    fn judge(&self, end: End, first: u64, now: u64) -> End {
        match end {
            End::Whole if self.sent.octets < first && now < first => End::Shrunk(first),
            end => end,
        }
    }

    fn glance(
        &mut self,
        lang: Lang,
        glance: &mut impl FnMut(u64, &[super::stage::Captured]) -> bool,
    ) -> bool {
        let log = self.pair.world.take_log();
        let packets: Vec<_> = log.iter().filter_map(|logged| self.joiner.take(logged, lang)).collect();
        glance(self.received.octets, &packets)
    }

    /// The client sends as much as there is room for; says whether it has closed.
    fn feed(&mut self, file: &mut impl Read, waiting: &mut Payload) -> std::io::Result<bool> {
        let (client, id) = (self.pair.client, self.ours);
        if self.pair.world.host(client).tcp_state(id) == State::SynSent {
            return Ok(false); // CLOSE would be the end of it (RFC 9293 §3.10.4).
        }
        while self.pair.world.host(client).tcp_send_room(id) > 0 {
            if waiting.is_empty() {
                let mut chunk = vec![0; CHUNK];
                let read = file.read(&mut chunk)?;
                if read == 0 {
                    let closed = self.pair.world.call(client, |host, now| host.tcp_close(now, id));
                    return Ok(closed.is_ok());
                }
                chunk.truncate(read);
                self.sent.add(&chunk);
                *waiting = Payload::from(chunk);
            }
            let data = waiting.clone();
            let taken =
                self.pair.world.call(client, |host, now| host.tcp_send(now, id, data, SendFlags::default()));
            match taken {
                Ok(taken) => waiting.advance(taken),
                Err(SendError::Full) => break,
                Err(_) => break, // It is dead, and its end says why.
            }
        }
        Ok(false)
    }

    /// The server reads everything that is there, and closes after the last octet.
    fn drain(&mut self) {
        let server = self.pair.server;
        if self.theirs.is_none() {
            let listener = self.listener;
            self.theirs = self.pair.world.call(server, |host, _| host.tcp_accept(listener)).map(|(id, _)| id);
        }
        let Some(id) = self.theirs else { return };
        loop {
            match self.pair.world.call(server, |host, now| host.tcp_receive(now, id, usize::MAX)) {
                Ok(received) => self.received.add(&received.data),
                Err(ReceiveError::Finished) => {
                    // The second time it is closing already, which is fine.
                    let _ = self.pair.world.call(server, |host, now| host.tcp_close(now, id));
                    return;
                }
                Err(_) => return,
            }
        }
    }

    /// How it ended, if it has.
    fn end(&mut self) -> Option<End> {
        for host in [self.pair.client, self.pair.server] {
            while let Some(event) = self.pair.world.poll_event(host) {
                match event {
                    HostEvent::TcpClosed(_, Some(error)) => return Some(End::Dead(error)),
                    // The server was acknowledged its FIN: all is said.
                    HostEvent::TcpClosed(id, None) if Some(id) == self.theirs => return Some(End::Whole),
                    _ => {}
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(octets: usize, profile: &str, seed: u64, record: bool) -> (Transfer, End, usize) {
        let link = Some(profile.parse().unwrap());
        carried_with(&TransferArgs { link, ..arguments() }, octets, seed, record)
    }

    fn carried_with(args: &TransferArgs, octets: usize, seed: u64, record: bool) -> (Transfer, End, usize) {
        let data: Vec<u8> = (0..octets).map(|n| (n * 31 % 253) as u8).collect();
        let mut transfer = Transfer::new(args, seed, record);
        let mut packets = 0;
        let end = transfer.run(&data[..], Lang::En, |_, recorded| {
            packets += recorded.len();
            true
        });
        (transfer, end.unwrap(), packets)
    }

    fn arguments() -> TransferArgs {
        TransferArgs {
            file: "a\u{1b}b".into(),
            congestion: None,
            link: None,
            loss: None,
            delay: None,
            rate: None,
            reorder: None,
            duplicate: None,
            corrupt: None,
        }
    }

    #[test]
    fn a_link_is_described_as_a_whole_and_single_properties_go_before_it() {
        let profile = |link: Option<&str>, loss| {
            let link = link.map(|link| link.parse().unwrap());
            TransferArgs { link, loss, ..arguments() }.profile()
        };
        let link = |text: &str| text.parse::<Profile>().unwrap();
        assert_eq!(profile(None, None), link("delay=10ms"));
        assert_eq!(profile(None, Some(0.05)), link("delay=10ms,loss=5%"));
        let whole = "delay=50ms,rate=20mbit,loss=1%,reorder=3%/20ms";
        assert_eq!(profile(Some(whole), None), link(whole));
        assert_eq!(profile(Some(whole), Some(0.05)), link("delay=50ms,rate=20mbit,loss=5%,reorder=3%/20ms"));
        assert_eq!(
            profile(Some("rate=20mbit"), None),
            link("rate=20mbit"),
            "a link that is told is all of it"
        );
    }

    /// One that takes losses for a full network, and one that measures what the path carries.
    #[test]
    fn the_congestion_control_that_was_asked_for_carries_it() {
        let took = |name: &str| {
            let args = TransferArgs {
                congestion: Some(name.parse().unwrap()),
                link: Some("delay=50ms,rate=20mbit,queue=160,loss=1%".parse().unwrap()),
                ..arguments()
            };
            let (transfer, end, _) = carried_with(&args, 5_000_000, 1, false);
            assert_eq!(end, End::Whole, "{name}");
            transfer.took
        };
        let (cubic, bbr) = (took("cubic"), took("bbr"));
        assert!(bbr * 3 < cubic, "BBR took {bbr:?}, CUBIC {cubic:?}");
    }

    /// Covers: RFC 9293 9293-E40
    #[test]
    fn a_file_arrives_whole_over_every_kind_of_bad_link() {
        for profile in [
            "",
            "delay=10ms,loss=5%,reorder=2%,duplicate=1%,corrupt=0.1%",
            "delay=100ms,loss=20%",
            "delay=5ms,rate=1mbit,queue=10",
            "delay=5ms,corrupt=10%",
        ] {
            for seed in 1..4 {
                let (transfer, end, _) = carried(200_000, profile, seed, false);
                assert_eq!(end, End::Whole, "{profile}, seed {seed}");
                assert_eq!(transfer.sent.octets, 200_000);
                assert_eq!(transfer.sent.finish(), transfer.received.finish(), "{profile}, seed {seed}");
            }
        }
    }

    #[test]
    fn an_empty_file_is_a_file() {
        let (transfer, end, _) = carried(0, "delay=1ms", 1, false);
        assert_eq!((end, transfer.received.octets), (End::Whole, 0));
        assert!(transfer.received.finish().1.starts_with("e3b0c442"));
    }

    #[test]
    fn a_file_that_shrinks_is_told() {
        let (transfer, end, _) = carried(1000, "delay=1ms", 1, false);
        assert_eq!(transfer.judge(end, 1000, 1000), End::Whole);
        assert_eq!(transfer.judge(end, 1000, 5), End::Whole, "it shrank after it was read");
        assert_eq!(transfer.judge(end, 4096, 4096), End::Whole, "a file that never has what it says");
        assert_eq!(transfer.judge(end, 4096, 1000), End::Shrunk(4096));
        assert_eq!(transfer.judge(End::Interrupted, 4096, 1000), End::Interrupted);
        let json = transfer.json(&arguments(), &End::Shrunk(4096), 1);
        assert_eq!(json["result"], "file_shrank");
        for lang in Lang::ALL {
            let text = transfer.text(&arguments(), &End::Shrunk(4096), lang);
            assert!(text.contains("4096") && !text.contains("equal"), "{text}");
        }
    }

    #[test]
    fn a_link_that_carries_nothing_is_given_up_on() {
        let (transfer, end, _) = carried(1000, "loss=100%", 1, false);
        assert_eq!(end, End::Dead(ConnectionError::TimedOut));
        assert_eq!(transfer.received.octets, 0);
    }

    #[test]
    fn every_packet_that_left_is_recorded_with_its_reason() {
        let (transfer, end, packets) = carried(50_000, "delay=1ms,loss=2%", 2, true);
        assert_eq!(end, End::Whole);
        let offered: u64 = transfer.links().iter().map(|link| link.offered).sum();
        assert_eq!(packets as u64, offered);
    }

    #[test]
    fn sizes_outside_their_limits_are_refused_with_what_to_write() {
        assert_eq!(loss("5%"), Ok(0.05));
        assert!(loss("105%").unwrap_err().contains("percent"));
        assert!(loss("-1").is_err() && loss("1%,rate=1").is_err() && corrupt("x").is_err());
        assert!(delay("20").unwrap_err().contains("unit"));
        assert!(delay("61s").is_err() && rate("0bit").is_err());
        assert_eq!(reorder("2%/15ms"), Ok((0.02, Duration::from_millis(15))));
    }

    #[test]
    fn the_report_tells_the_same_in_both_languages_and_to_programs() {
        let (transfer, end, _) = carried(10_000, "delay=10ms,loss=5%", 3, false);
        let args = TransferArgs { loss: Some(0.05), ..arguments() };
        for lang in Lang::ALL {
            let text = transfer.text(&args, &end, lang);
            assert!(text.contains("SHA-256") && text.contains("10000") && !text.contains('\u{1b}'), "{text}");
        }
        let json = transfer.json(&args, &end, 3);
        assert_eq!((&json["equal"], &json["result"]), (&true.into(), &"whole".into()));
        assert_eq!(json["received"]["octets"], 10_000);
    }
}
