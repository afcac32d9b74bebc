//! `handfast sim plot`: one run over a path, drawn over time.
//!
//! ```text
//!   scene or path ─► sim::paths ─► Glance every 5 ms ─► Curves: a value for each part of the time ─► text: blocks
//!                                                                                                └► svg: a file
//! ```

mod curves;
mod svg;
#[cfg(test)]
mod tests;
mod text;

use crate::out::Out;
use crate::{Done, Usage, args};
use anyhow::Context as _;
use clap::{ArgGroup, Args};
use sim::paths::{FlowConfig, Glance, Judgement, Path, RunReport, SCENES, Scene, run as run_path};
use std::path::PathBuf;
use tcp::Congestion;

/// Draw one run over a path: window, data in flight, data delivered and the queue over time
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true), after_help = format!("{EXAMPLES}\n\n{}", crate::args::CODES))]
pub(crate) struct PlotArgs {
    /// A scene; --list tells them
    #[arg(group = "what")]
    scene: Option<String>,
    /// A path, as rate/rtt/trouble: 100mbit/20ms/loss-1%
    #[arg(long, value_name = "PATH", group = "what")]
    path: Option<Path>,
    /// Tell what scenes there are
    #[arg(long, group = "what")]
    list: bool,
    /// The congestion controller, or several with commas between; `all` for all
    #[arg(long, value_name = "NAME", default_value = "cubic", value_delimiter = ',')]
    controller: Vec<String>,
    /// What everything is drawn from
    #[arg(long, value_name = "S", default_value_t = 1, allow_negative_numbers = true, value_parser = args::seed)]
    seed: u64,
    /// Write an SVG file instead of drawing here; with several controllers, their drawings stand side by side
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  handfast sim plot outage
  handfast sim plot --path 20mbit/40ms/bloated-queue --controller all -o bloat.svg";

/// One run, and all that was seen of it.
struct Drawn {
    title: String,
    path: Path,
    glances: Vec<Glance>,
    report: RunReport,
    judgement: Option<Judgement>,
}

pub(crate) fn run(args: &PlotArgs, out: &mut Out) -> anyhow::Result<Done> {
    if args.list {
        for scene in &SCENES {
            out.line(&format!("{:<16} {:<26} {}", scene.name, scene.path().to_string(), scene.about))?;
        }
        return Ok(Done::Well);
    }
    let runs = super::controllers(&args.controller)?
        .into_iter()
        .map(|controller| draw(args, controller))
        .collect::<Result<Vec<_>, _>>()?;
    match &args.output {
        Some(file) => {
            std::fs::write(file, svg::draw(&runs)?)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        None => out.write(&runs.iter().map(text::draw).collect::<Vec<_>>().join("\n"))?,
    }
    Ok(Done::Well)
}

fn draw(args: &PlotArgs, controller: Congestion) -> Result<Drawn, Usage> {
    let name = args.scene.as_deref();
    let scene = name.map(|name| {
        Scene::named(name)
            .ok_or_else(|| Usage(format!("there is no scene `{name}`: --list tells which there are")))
    });
    match (scene.transpose()?, args.path) {
        (Some(scene), _) => Ok(of_scene(scene, controller, args.seed)),
        (None, Some(path)) => Ok(of_path(path, controller, args.seed)),
        (None, None) => Err(Usage("give a scene or a --path".to_owned())),
    }
}

fn of_scene(scene: &Scene, controller: Congestion, seed: u64) -> Drawn {
    let mut glances = Vec::new();
    let (report, judgement) = scene.play(controller, seed, &mut |glance| glances.push(glance.clone()));
    let title = format!("{}, {}", scene.path(), controller.name());
    Drawn { title, path: scene.path(), glances, report, judgement }
}

fn of_path(path: Path, controller: Congestion, seed: u64) -> Drawn {
    let mut glances = Vec::new();
    let report =
        run_path(&path, &[FlowConfig::new(controller)], seed, &mut |glance| glances.push(glance.clone()));
    Drawn { title: format!("{path}, {}", controller.name()), path, glances, report, judgement: None }
}
