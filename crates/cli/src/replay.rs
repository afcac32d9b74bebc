//! `handfast replay`: a recorded run again, on virtual time.
//!
//! ```text
//!   FILE ─► record::Replay ─► a host ─┬─► the same frames? else where it differs, in words
//!                                     ├─► --ladder, --json
//!                                     └─► --pcap
//! ```

use crate::out::Out;
use crate::{Done, clean};
use anyhow::Context as _;
use clap::Args;
use device::pcapng::{InterfaceId, Way, Writer};
use env::Duration;
use record::{Difference, End, Replay, ReplayError, Stepped};
use serde_json::json;
use stack::{Medium, Trace};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::path::PathBuf;
use trace::{Comments, Entry, Lang, Live, Settings};

/// Run a recording again, made by --record, and compare every packet that goes out with what had gone out
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", crate::args::CODES))]
pub(crate) struct ReplayArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Draw every packet as it passes
    #[arg(long)]
    ladder: bool,
    /// End so many seconds after the recording began
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    until: Option<Duration>,
    /// One JSON object a line instead of words: what happened (with --ladder), then the end
    #[arg(long)]
    json: bool,
    /// Record the packets, with the reasons as comments, for Wireshark; payload that the recording does not have is zeros
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// The language of the ladder
    #[arg(long, default_value_t = Lang::En, value_parser = crate::args::language())]
    lang: Lang,
}

const EXAMPLES: &str = "\
Examples:
  sudo handfast serve . --record run.hfr     Ctrl-C ends it
  handfast replay run.hfr                    the same packets? and how many
  handfast replay run.hfr --ladder --until 2.5
  handfast replay run.hfr --pcap run.pcapng";

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds, such as 2.5".to_owned())
}

pub(crate) fn run(args: ReplayArgs, out: &mut Out) -> anyhow::Result<Done> {
    let name = args.file.display();
    let file = File::open(&args.file).with_context(|| format!("cannot read {name}"))?;
    let mut replay = Replay::open(BufReader::new(file)).with_context(|| format!("cannot replay {name}"))?;
    replay.until(args.until);
    let pcap = args.pcap.as_ref().map(|path| Pcap::create(path, &replay)).transpose()?;
    let mut view =
        View { args: &args, live: None, comments: Comments::default(), said: BTreeMap::new(), pcap };
    let ended = view.follow(&mut replay, out)?;
    if let Some(pcap) = view.pcap {
        pcap.end()?;
    }
    match ended {
        Ok(()) => {
            say_end(&args, &replay, None, out)?;
            Ok(Done::Well)
        }
        Err(ReplayError::Differs(difference)) => {
            say_end(&args, &replay, Some(&difference), out)?;
            Ok(Done::DoesNotHold)
        }
        Err(why) => Err(anyhow::anyhow!("cannot replay all of {name}: {}; then {why}", so_far(&replay))),
    }
}

fn so_far<R: Read>(replay: &Replay<R>) -> String {
    let done = replay.done();
    let lasted = done.at.since(done.began);
    format!("{} inputs over {lasted:?}, {} frames as they were", done.inputs, done.frames)
}

/// Says how it ended.
fn say_end<R: Read>(
    args: &ReplayArgs,
    replay: &Replay<R>,
    difference: Option<&Difference>,
    out: &mut Out,
) -> anyhow::Result<()> {
    let (done, head) = (replay.done(), replay.head());
    let this = env!("CARGO_PKG_VERSION");
    if args.json {
        let differs = difference.map(|d| {
            json!({
                "input": d.input, "after": d.after.as_secs_f64(), "given": d.given, "frame": d.frame,
                "recorded": d.expected, "replayed": d.came, "fields": d.fields,
            })
        });
        let end = match done.end {
            Some(End::Whole) => "whole",
            Some(End::Cut) => "cut",
            None => "earlier",
        };
        let line = json!({
            "event": "replayed", "equal": difference.is_none(), "inputs": done.inputs, "frames": done.frames,
            "seconds": done.at.since(done.began).as_secs_f64(), "end": end, "program": head.program,
            "payload": head.payload, "about": head.about, "difference": differs,
            "chance": done.asked_otherwise.map(|(input, asked)| json!({ "input": input, "text": asked.to_string() })),
        });
        out.line(&clean::json(&line))?;
        return Ok(());
    }
    if head.program != this {
        out.line(&format!("recorded by version {}, replayed by version {this}", clean::line(&head.program)))?;
    }
    match difference {
        Some(difference) => {
            out.line(&format!("{}; then", so_far(replay)))?;
            out.line(&clean::text(&difference.to_string()))?;
        }
        None => {
            out.line(&format!("equal: {}", so_far(replay)))?;
            if let Some((input, asked)) = done.asked_otherwise {
                let asked = clean::line(&asked.to_string());
                out.line(&format!("yet the code has changed: at input {input} {asked}"))?;
            }
        }
    }
    if done.end == Some(End::Cut) {
        out.line("the recording was cut there: whatever made it was stopped")?;
    }
    Ok(())
}

/// Who looks on.
struct View<'a> {
    args: &'a ReplayArgs,
    live: Option<(Live, Settings)>,
    comments: Comments,
    /// What is to be said of the frames of this step, by their numbers.
    said: BTreeMap<u64, Vec<String>>,
    pcap: Option<Pcap>,
}

impl View<'_> {
    /// Runs it to its end, or to the first difference.
    fn follow<R: Read>(
        &mut self,
        replay: &mut Replay<R>,
        out: &mut Out,
    ) -> anyhow::Result<Result<(), ReplayError>> {
        replay.host_mut().watch(self.args.ladder || self.pcap.is_some());
        let ended = loop {
            let stepped = replay.step();
            // What a host did that differs is drawn, too.
            self.look(replay, out)?;
            match stepped {
                Ok(Some(stepped)) => {
                    if let Some(pcap) = &mut self.pcap {
                        pcap.write(replay, &stepped, &self.said)?;
                    }
                }
                Ok(None) => break Ok(()),
                Err(why) => break Err(why),
            }
        };
        if let Some((live, _)) = &mut self.live {
            out.write(&live.flush())?;
        }
        Ok(ended)
    }

    /// What the host told of this step.
    fn look<R: Read>(&mut self, replay: &mut Replay<R>, out: &mut Out) -> anyhow::Result<()> {
        self.said.clear();
        while let Some(what) = replay.host_mut().poll_trace() {
            if self.pcap.is_some() {
                let said = self.comments.take(0, &what, self.args.lang);
                if let Trace::Sent { frame, .. } = &what {
                    self.said.insert(*frame, said);
                }
            }
            if self.args.ladder {
                self.draw(replay, what, out)?;
            }
        }
        Ok(())
    }

    fn draw<R: Read>(&mut self, replay: &Replay<R>, what: Trace, out: &mut Out) -> std::io::Result<()> {
        let began = replay.done().began;
        let (live, settings) = self.live.get_or_insert_with(|| {
            let settings = Settings {
                lang: self.args.lang,
                hosts: ["network".into(), "handfast".into()],
                width: out.columns(),
                colour: !self.args.json, // The output leaves colours out where they do not belong.
                origin: began,
                ..Settings::default()
            };
            (Live::new(settings.clone()), settings)
        });
        if self.args.json {
            let entry = Entry::Host { host: 1, what };
            out.line(&trace::json::line(&entry, &settings.hosts, settings.origin, settings.lang))
        } else {
            out.write(&live.push(&what))
        }
    }
}

/// The capture.
struct Pcap {
    writer: Writer<BufWriter<File>>,
    path: PathBuf,
    interfaces: BTreeMap<stack::InterfaceId, InterfaceId>,
}

impl Pcap {
    fn create<R: Read>(path: &PathBuf, replay: &Replay<R>) -> anyhow::Result<Self> {
        let file = File::create(path)
            .and_then(|file| Writer::new(BufWriter::new(file), Duration::from_secs(replay.head().began)));
        let writer = file.with_context(|| format!("cannot record to {}", path.display()))?;
        Ok(Self { writer, path: path.clone(), interfaces: BTreeMap::new() })
    }

    fn write<R: Read>(
        &mut self,
        replay: &mut Replay<R>,
        stepped: &Stepped,
        said: &BTreeMap<u64, Vec<String>>,
    ) -> anyhow::Result<()> {
        let written = self.write_all(replay, stepped, said);
        written.with_context(|| format!("cannot record to {}", self.path.display()))
    }

    fn write_all<R: Read>(
        &mut self,
        replay: &mut Replay<R>,
        stepped: &Stepped,
        said: &BTreeMap<u64, Vec<String>>,
    ) -> std::io::Result<()> {
        if let Some((interface, frame)) = &stepped.arrived {
            let interface = self.interface(replay, *interface)?;
            self.writer.frame(interface, frame.arrived, Way::In, frame, &[])?;
        }
        for (interface, frame) in &stepped.sent {
            let interface = self.interface(replay, *interface)?;
            let said = said.get(&frame.id).map(Vec::as_slice).unwrap_or_default();
            let comments: Vec<&str> = said.iter().map(String::as_str).collect();
            self.writer.frame(interface, stepped.at, Way::Out, frame, &comments)?;
        }
        Ok(())
    }

    fn interface<R: Read>(
        &mut self,
        replay: &mut Replay<R>,
        id: stack::InterfaceId,
    ) -> std::io::Result<InterfaceId> {
        if let Some(known) = self.interfaces.get(&id) {
            return Ok(*known);
        }
        let host = replay.host_mut();
        let medium = match host.medium_at(id.index()) {
            Some(Medium::Ethernet(_)) => wire::Medium::Ethernet,
            _ => wire::Medium::Ip,
        };
        let name = host.interface_name(id).unwrap_or("device").to_owned();
        let made = self.writer.interface(&name, medium)?;
        self.interfaces.insert(id, made);
        Ok(made)
    }

    fn end(mut self) -> anyhow::Result<()> {
        self.writer.flush().with_context(|| format!("cannot record to {}", self.path.display()))
    }
}
