//! `handfast demo`: scenes between two hosts, drawn as a ladder, in an instant of real time.
//!
//! ```text
//!   Scene ─script─► Stage ─► sim::Pair (two hosts, a link, virtual time)
//!                     │ entries, packets, remarks
//!                     ▼
//!                  title, explanation, ladder, remarks      --json: a line each      --pcap: a capture
//! ```

mod capture;
mod scene;
mod scenes;
mod stage;
#[cfg(test)]
mod tests;
mod transfer;

use crate::out::Out;
use crate::{Done, Usage};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use scene::Scene;
use stage::{Remark, Stage};
use std::path::PathBuf;
use trace::{Ladder, Lang};

/// Show how it works: a scene between two hosts, packet by packet, with the reason for each
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", crate::args::CODES))]
pub(crate) struct DemoArgs {
    #[command(subcommand)]
    special: Option<Special>,
    /// Which scene; see --list
    #[arg(default_value = "handshake")]
    scene: String,
    /// List the scenes
    #[arg(long)]
    list: bool,
    /// The language
    #[arg(long, default_value_t = Lang::En, value_parser = crate::args::language(), global = true)]
    lang: Lang,
    /// One JSON object a line instead of the drawing (of a transfer, one: its result)
    #[arg(long, global = true)]
    json: bool,
    /// Draw what the sender reckons too: round trips, timeouts, the congestion window
    #[arg(long)]
    estimates: bool,
    /// Record the packets, with the reasons as comments, for Wireshark
    #[arg(long, value_name = "FILE", global = true)]
    pcap: Option<PathBuf>,
    /// Where all chance comes from: first numbers, ports, what a lossy link loses
    #[arg(long, value_name = "N", default_value_t = 1, global = true, allow_negative_numbers = true,
        value_parser = crate::args::seed)]
    seed: u64,
}

/// What is no scene, but asks for more.
#[derive(Debug, Subcommand)]
enum Special {
    Transfer(transfer::TransferArgs),
}

const EXAMPLES: &str = "\
How to read a ladder: time runs down. Left and right are the two hosts, with the state of their connection whenever it \
changes. An arrow is a packet: its flags, its number (seq), what it acknowledges (ack), its data (len), and the room \
that its sender has (win). Under it stands why it was sent. ✗ is a packet that was lost or not used.

Examples:
  handfast demo                       the handshake, data, and the parting
  handfast demo lost-syn              what happens when the first packet is lost
  handfast demo corrupt --lang ko     in Korean
  handfast demo --pcap a.pcapng       and then: wireshark a.pcapng
  handfast demo --json | jq -r '.text // empty'   for programs
  handfast demo transfer --file README.md --loss 5% --delay 20ms";

pub(crate) fn run(args: DemoArgs, out: &mut Out) -> anyhow::Result<Done> {
    if args.list {
        list(args.lang, args.json, out)?;
        return Ok(Done::Well);
    }
    if let Some(Special::Transfer(transfer)) = &args.special {
        return transfer::run(transfer, &args, out);
    }
    let scene = find(&args.scene, args.lang)?;
    let mut stage = perform(scene, args.lang, args.seed);
    if args.estimates {
        stage.show_estimates();
    }
    if args.json {
        json(scene, &stage, out)?;
    } else {
        out.write(&text(scene, &stage, out.columns(), true))?;
    }
    let Some(path) = args.pcap else { return Ok(Done::Well) };
    out.flush()?; // The scene is shown even if the file fails.
    capture::write(&path, &stage).with_context(|| format!("cannot record to {}", path.display()))?;
    Ok(Done::Well)
}

/// Plays a scene from its beginning to its end.
fn perform(scene: &Scene, lang: Lang, seed: u64) -> Stage {
    let mut stage = (scene.set)(lang, seed);
    (scene.play)(&mut stage);
    stage.curtain();
    stage
}

/// A scene as people read it.
fn text(scene: &Scene, stage: &Stage, columns: usize, colour: bool) -> String {
    let lang = stage.lang();
    let mut text = String::new();
    let title = scene.title.get(lang);
    let (bold, plain) = if colour { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    text.push_str(&format!("{bold}{title}{plain}\n{}\n\n", "═".repeat(scene::width(title))));
    for paragraph in scene.about.get(lang).split("\n\n") {
        scene::paragraph(&mut text, "", paragraph, columns);
        text.push('\n');
    }
    for (settings, entries) in stage.ladders(columns, colour) {
        text.push_str(&Ladder::new(settings).draw(&entries));
        text.push('\n');
    }
    for remark in stage.remarks() {
        match remark {
            Remark::Words(words) => scene::paragraph(&mut text, "• ", words, columns),
            Remark::Table(lines) => lines.iter().for_each(|line| {
                text.push_str(line.trim_end());
                text.push('\n');
            }),
        }
    }
    text
}

fn json(scene: &Scene, stage: &Stage, out: &mut Out) -> anyhow::Result<()> {
    let lang = stage.lang();
    let first = serde_json::json!({
        "event": "scene", "name": scene.name, "title": scene.title.get(lang), "seed": stage.seed(),
    });
    out.line(&first.to_string())?;
    let ladders = stage.ladders(out.columns(), false);
    for (n, (ladder, entries)) in ladders.iter().enumerate() {
        // Time begins anew with each, as it does in the drawing.
        if ladders.len() > 1 {
            let begins = serde_json::json!({ "event": "ladder", "number": n + 1, "hosts": ladder.hosts });
            out.line(&begins.to_string())?;
        }
        for entry in entries {
            out.line(&trace::json::line(entry, &ladder.hosts, ladder.origin, lang))?;
        }
    }
    for remark in stage.remarks() {
        let closing = match remark {
            Remark::Words(words) => serde_json::json!({ "event": "closing", "text": words }),
            Remark::Table(lines) => serde_json::json!({ "event": "closing", "table": lines }),
        };
        out.line(&closing.to_string())?;
    }
    for (name, counters) in stage.counters() {
        let counters: serde_json::Map<_, _> = counters
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name.to_owned(), count.into()))
            .collect();
        out.line(
            &serde_json::json!({ "event": "counters", "host": name, "counters": counters }).to_string(),
        )?;
    }
    Ok(())
}

fn list(lang: Lang, json: bool, out: &mut Out) -> anyhow::Result<()> {
    if json {
        for scene in scenes::ALL {
            let scene =
                serde_json::json!({ "event": "scene", "name": scene.name, "title": scene.title.get(lang) });
            out.line(&scene.to_string())?;
        }
        return Ok(());
    }
    let longest = scenes::ALL.iter().map(|scene| scene.name.len()).max().unwrap_or(0);
    for scene in scenes::ALL {
        out.line(&format!("  {:longest$}  {}", scene.name, scene.title.get(lang)))?;
    }
    let transfer =
        lang.pick("any file, over a link as bad as you like", "어떤 파일이든, 원하는 만큼 나쁜 링크로");
    out.line(&format!("  {:longest$}  {transfer}: handfast demo transfer --help", "transfer"))?;
    Ok(())
}

/// The scene of this name.
///
/// # Errors
/// There is none: the message names the nearest one.
fn find(name: &str, lang: Lang) -> anyhow::Result<&'static Scene> {
    let wanted = name.to_ascii_lowercase().replace('_', "-");
    if let Some(scene) = scenes::ALL.iter().find(|scene| scene.name == wanted) {
        return Ok(scene);
    }
    let distance = |scene: &&Scene| scene::distance(scene.name, &wanted);
    let near = scenes::ALL.iter().min_by_key(distance).filter(|scene| distance(scene) <= 4);
    let part = scenes::ALL.iter().find(|scene| scene.name.contains(&wanted));
    let near = part.or(near).map(|scene| scene.name);
    let name = crate::clean::line(name);
    let message = match (lang, near) {
        (Lang::En, Some(near)) => {
            format!("there is no scene '{name}'; did you mean '{near}'? --list shows all")
        }
        (Lang::En, None) => format!("there is no scene '{name}'; --list shows all"),
        (Lang::Ko, Some(near)) => format!("'{name}'라는 장면은 없다. '{near}'인가? 모두 보려면 --list"),
        (Lang::Ko, None) => format!("'{name}'라는 장면은 없다. 모두 보려면 --list"),
    };
    Err(Usage(message).into())
}
