//! `handfast explain`: any capture, told as the ladder that the other commands draw.
//!
//! ```text
//!   FILE or - ─► explain::Reader ─► explain::Explainer ─┬─► a ladder a flow      --flow N: one, all of it
//!                                                       ├─► --summary            a row a flow
//!                                                       └─► --json               a line a packet, a line a flow
//! ```

use crate::out::Out;
use crate::{Done, Usage};
use anyhow::Context as _;
use clap::Args;
use env::Instant;
use explain::{Broken, Counts, Explainer, Flow, Follow, Limits, NotACapture, Reader, Told, json};
use std::fs::File;
use std::io::Read;
use std::num::NonZeroU64;
use std::path::PathBuf;
use trace::{Lang, Settings};

/// Tell what a capture shows: each connection as a ladder, with what went wrong and why
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", crate::args::CODES))]
pub(crate) struct ExplainArgs {
    /// A capture: pcap or pcapng; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only this flow, all of it; --summary numbers them
    #[arg(long, value_name = "N", value_parser = crate::args::count)]
    flow: Option<NonZeroU64>,
    /// A row for each flow instead of ladders
    #[arg(long)]
    summary: bool,
    /// The language
    #[arg(long, default_value_t = Lang::En, value_parser = crate::args::language())]
    lang: Lang,
    /// One JSON object a line: each packet, then each flow, then the end (with --summary no packets)
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
How to read it: the left end is the one that began. The states are inferred from what each end sends; the time stands \
beside the end that sent. Under an arrow stands what is to be said of it. ✗ is what a receiver that keeps to the RFCs \
does not use.

Fields of --json: event is packet (number, at in nanoseconds from the first packet, flow, from, findings by \
Wireshark's names, states, said), flow (ends, sent, handshake, ending, reached, reset) or end (counts, broken).

Examples:
  handfast explain a.pcapng --summary       a row for each connection
  handfast explain a.pcapng --flow 3        one connection, packet by packet
  tcpdump -w - tcp | handfast explain -
  handfast explain a.pcap --json | jq -c 'select(.event == \"flow\")'";

pub(crate) fn run(args: ExplainArgs, out: &mut Out) -> anyhow::Result<Done> {
    let stdin = args.file.as_os_str() == "-";
    let name = if stdin { "standard input".to_owned() } else { args.file.display().to_string() };
    if stdin {
        return tell(std::io::stdin().lock(), &name, &args, out);
    }
    let file = File::open(&args.file).with_context(|| format!("cannot read {name}"))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        anyhow::bail!("{name} is a directory");
    }
    tell(file, &name, &args, out)
}

fn tell(from: impl Read, name: &str, args: &ExplainArgs, out: &mut Out) -> anyhow::Result<Done> {
    let mut reader = match Reader::new(from) {
        Ok(reader) => reader,
        Err(why @ NotACapture::Io(_)) => return Err(why).with_context(|| format!("cannot read {name}")),
        Err(why) => anyhow::bail!("{name} is no capture: {why}"),
    };
    let mut teller = Teller::new(args, out);
    let broken = loop {
        match reader.read() {
            Ok(Some(captured)) => teller.packet(&captured)?,
            Ok(None) => break None,
            Err(broken) => break Some(broken),
        }
    };
    teller.finish(broken)
}

/// Prints what comes out.
struct Teller<'a> {
    args: &'a ExplainArgs,
    out: &'a mut Out,
    explainer: Explainer,
    follow: Option<Follow>,
    /// When the capture begins.
    origin: Option<Instant>,
    headed: bool,
    found: bool,
}

impl<'a> Teller<'a> {
    fn new(args: &'a ExplainArgs, out: &'a mut Out) -> Self {
        let explainer = Explainer::new(Limits::default());
        Self { args, out, explainer, follow: None, origin: None, headed: false, found: false }
    }

    fn settings(&self) -> Settings {
        let lang = self.args.lang;
        Settings {
            lang,
            hosts: [lang.pick("left", "왼쪽").to_owned(), lang.pick("right", "오른쪽").to_owned()],
            width: self.out.columns(),
            colour: true, // The output leaves colours out where they do not belong.
            origin: self.origin.unwrap_or(Instant::ZERO),
            ..Settings::default()
        }
    }

    fn packet(&mut self, captured: &explain::Captured<'_>) -> anyhow::Result<()> {
        let origin = *self.origin.get_or_insert(captured.at);
        let told = self.explainer.push(captured);
        while let Some(flow) = self.explainer.poll_ended() {
            self.flow(&flow)?;
        }
        let Some(told) = told else { return Ok(()) };
        let wanted = self.args.flow.is_none_or(|flow| flow.get() == told.flow);
        if !wanted || self.args.summary {
            return Ok(());
        }
        if self.args.json {
            self.out.line(&json::packet(&told, origin, self.args.lang))?;
        } else if self.args.flow.is_some() {
            self.follow(&told)?;
        } else {
            self.explainer.keep(told);
        }
        Ok(())
    }

    fn follow(&mut self, told: &Told) -> anyhow::Result<()> {
        let settings = self.settings();
        let Some(flow) = self.explainer.flow(told) else { return Ok(()) };
        let follow = self.follow.get_or_insert_with(|| Follow::new(settings));
        let text = follow.push(told, flow);
        self.out.write(&text)?;
        Ok(())
    }

    /// A flow that is over.
    fn flow(&mut self, flow: &Flow) -> anyhow::Result<()> {
        if self.args.flow.is_some_and(|number| number.get() != flow.number()) {
            return Ok(());
        }
        self.found = true;
        let lang = self.args.lang;
        if self.args.json {
            self.out.line(&json::flow(flow, self.origin.unwrap_or(Instant::ZERO), lang))?;
        } else if self.args.summary {
            if !self.headed {
                self.headed = true;
                self.out.line(&explain::row(None, lang))?;
            }
            self.out.line(&explain::row(Some(flow), lang))?;
        } else if let Some(mut follow) = self.follow.take() {
            self.out.write(&follow.finish())?;
            self.out.write(&format!("\n{}", explain::heading(flow, lang)))?;
        } else {
            if self.headed {
                self.out.line("")?;
            }
            self.headed = true;
            self.out.write(&explain::ladder(flow, &self.settings()))?;
        }
        Ok(())
    }

    fn finish(mut self, broken: Option<Broken>) -> anyhow::Result<Done> {
        for flow in self.explainer.finish() {
            self.flow(&flow)?;
        }
        let counts = *self.explainer.counts();
        if self.args.json {
            self.out.line(&json::end(&counts, broken))?;
        } else {
            self.end(&counts, broken)?;
        }
        if let Some(number) = self.args.flow.filter(|_| !self.found) {
            self.out.flush()?;
            return Err(Usage(format!("there is no flow {number}: the capture has {}", counts.flows)).into());
        }
        Ok(if broken.is_some() { Done::Badly } else { Done::Well })
    }

    /// What is left to say.
    fn end(&mut self, counts: &Counts, broken: Option<Broken>) -> anyhow::Result<()> {
        let lang = self.args.lang;
        let text = explain::closing(counts, broken, lang);
        self.out.write(&format!("\n{text}"))?;
        Ok(())
    }
}
