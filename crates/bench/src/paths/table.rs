//! What all runs came to: a line for each controller, path and round trip, a column for each pair.

use super::cell::{Cell, Outcome};
use super::end::Said;
use super::line::{Line, Measured};
use super::path::Path;
use super::verdict::Verdict;
use super::{Controller, Options, Pair};
use crate::Samples;
use env::Duration;
use serde_json::{Value, json};

/// All lines, and what must be said about them.
#[derive(Clone, Debug)]
pub struct Table {
    /// In the order of controllers, paths and round trips.
    pub lines: Vec<Line>,
    /// The pairs that were measured.
    pub pairs: Vec<Pair>,
    /// What a reader must know to judge them.
    pub notes: Vec<String>,
    /// The machine.
    pub machine: String,
    /// Somebody asked to stop before all runs had ended: only what had ended for all pairs is here.
    pub interrupted: bool,
}

impl Table {
    pub(super) fn new(options: &Options, machine: String) -> Self {
        let lines = options.lines().map(|(controller, path, rtt)| {
            let pairs = options.pairs.iter().map(|pair| (*pair, Measured::default())).collect();
            Line { controller, path, rtt, pairs }
        });
        let (lines, pairs) = (lines.collect(), options.pairs.clone());
        Self { lines, pairs, notes: notes(options), machine, interrupted: false }
    }

    /// Somebody asked to stop: keeps the runs of which every pair has had the seed, and the lines that have any, for others
    /// compare nothing.
    pub(super) fn interrupt(&mut self) {
        self.interrupted = true;
        for line in &mut self.lines {
            line.keep_common();
        }
        self.lines.retain(|line| line.pairs.iter().any(|(_, measured)| !measured.runs.is_empty()));
    }

    pub(super) fn take(&mut self, cell: &Cell, came: Outcome) {
        let here = |line: &&mut Line| {
            (line.controller, line.path, line.rtt) == (cell.controller, cell.path, cell.rtt)
        };
        let Some(line) = self.lines.iter_mut().find(here) else { return };
        if let Some((_, measured)) = line.pairs.iter_mut().find(|(pair, _)| *pair == cell.pair) {
            measured.take(cell.seed, came);
        }
    }

    /// A pair's ratios over all lines of a controller: the median, and the least.
    pub fn ratios(&self, controller: Controller, pair: Pair) -> Option<(f64, f64)> {
        let lines = self.lines.iter().filter(|line| line.controller == controller);
        let ratios: Samples = lines.filter_map(|line| line.ratio(pair)).collect();
        Some((ratios.median()?, ratios.least()?))
    }

    /// The worst lateness of the relay, in milliseconds.
    fn latest(&self) -> f64 {
        let all = self.lines.iter().flat_map(|line| &line.pairs);
        all.filter_map(|(_, measured)| measured.late().greatest()).fold(0.0, f64::max)
    }

    /// The controllers, in the order of lines.
    pub(super) fn controllers(&self) -> Vec<Controller> {
        let mut controllers: Vec<Controller> = self.lines.iter().map(|line| line.controller).collect();
        controllers.dedup();
        controllers
    }

    /// Whether handfast keeps up with the kernel, for each controller and each pair of which that is promised; of a part of the
    /// lines nothing follows.
    pub fn verdicts(&self) -> Vec<Verdict> {
        if self.interrupted { Vec::new() } else { Verdict::all(self) }
    }

    /// The table, with its notes and what it comes to below, ending in a newline.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for controller in self.controllers() {
            text += &crate::report::grid(&self.grid(controller));
            text.push('\n');
        }
        let late = format!(
            "the relay handed packets over {:.1} ms late, 99 of 100 sooner, in its worst run",
            self.latest()
        );
        for note in self.notes.iter().chain([&late, &self.machine]) {
            text += &format!("- {note}\n");
        }
        let verdicts = self.verdicts();
        if !verdicts.is_empty() {
            let lines: Vec<_> =
                std::iter::once(Verdict::head()).chain(verdicts.iter().map(Verdict::cells)).collect();
            text.push('\n');
            text += &crate::report::grid(&lines);
        }
        if self.interrupted {
            text += "\ninterrupted: not all lines are there, nor all of their runs\n";
        }
        text
    }

    fn grid(&self, controller: Controller) -> Vec<Vec<String>> {
        let mut head =
            vec![format!("bench paths, {}", controller.name()), "RTT".to_owned(), "runs".to_owned()];
        for pair in &self.pairs {
            head.push(pair.title().to_owned());
            if *pair != Pair::Kernels {
                head.extend(["ratio", ""].map(str::to_owned));
            }
            head.extend(["again", "spurious", "silence"].map(str::to_owned));
        }
        let mut lines = vec![head];
        for line in self.lines.iter().filter(|line| line.controller == controller) {
            let mut cells = vec![line.path.title.to_owned(), format!("{} ms", line.rtt.as_millis())];
            cells.push(
                line.measured(Pair::Kernels)
                    .map_or_else(String::new, |kernels| kernels.runs.len().to_string()),
            );
            for (pair, measured) in &line.pairs {
                let tell =
                    |figure: Option<f64>, tell: fn(f64) -> String| figure.map_or_else(String::new, tell);
                cells.push(tell(measured.goodput().mean(), |rate| format!("{rate:.1}")));
                if *pair != Pair::Kernels {
                    cells.push(tell(line.ratio(*pair), |ratio| format!("{ratio:.2}")));
                    cells.push(tell(line.error(*pair), |error| format!("±{error:.2}")));
                }
                cells.push(tell(measured.again().mean(), percent));
                cells.push(tell(measured.spurious().mean(), percent));
                cells.push(tell(measured.silence().mean(), |seconds| format!("{seconds:.2} s")));
            }
            lines.push(cells);
        }
        for (title, pick) in [("median ratio", 0), ("worst ratio", 1)] {
            let mut cells = vec![title.to_owned(), String::new(), String::new()];
            for pair in &self.pairs {
                cells.push(String::new());
                if *pair != Pair::Kernels {
                    let ratio = self.ratios(controller, *pair);
                    let ratio = ratio.map(|(median, least)| if pick == 0 { median } else { least });
                    cells.push(ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
                    cells.push(String::new());
                }
                cells.extend([const { String::new() }; 3]);
            }
            lines.push(cells);
        }
        lines
    }

    /// The same for programs: every run of every cell.
    pub fn to_json(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            let pairs = line.pairs.iter().map(|(pair, measured)| pair_json(line, *pair, measured));
            json!({
                "controller": line.controller.name(), "path": line.path.name,
                "rtt_ms": line.rtt.as_millis() as u64, "pairs": pairs.collect::<Vec<Value>>(),
            })
        });
        json!({
            "event": "bench", "bench": "paths", "interrupted": self.interrupted, "machine": self.machine, "notes": self.notes,
            "late_ms": self.latest(), "lines": lines.collect::<Vec<Value>>(),
            "verdicts": self.verdicts().iter().map(Verdict::to_json).collect::<Vec<Value>>(),
        })
    }
}

fn pair_json(line: &Line, pair: Pair, measured: &Measured) -> Value {
    let run = |(seed, came): &(u64, Outcome)| {
        json!({
            "seed": seed, "overflowed": came.overflowed,
            "octets_by_tenth": came.series.tenths().collect::<Vec<u64>>(), "sender": said_json(&came.sender),
        })
    };
    let (goodput, again, spurious) = (measured.goodput(), measured.again(), measured.spurious());
    let silence = measured.silence();
    json!({
        "pair": pair.name(),
        "mbit": goodput.mean(), "mbit_runs": goodput.all(), "ratio": line.ratio(pair), "ratio_error": line.error(pair),
        "again": again.mean(), "again_runs": again.all(),
        "spurious": spurious.mean(), "spurious_runs": spurious.all(),
        "silence_s": silence.mean(), "silence_runs": silence.all(),
        "late_ms_runs": measured.late().all(),
        "runs": measured.runs.iter().map(run).collect::<Vec<Value>>(),
    })
}

fn said_json(said: &Said) -> Value {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    match said {
        Said::Nothing | Said::Ours(None) => Value::Null,
        Said::Kernel { controller, told, dropped } => json!({
            "stack": "kernel", "controller": controller, "dropped": dropped,
            "cwnd": u64::from(told.cwnd) * u64::from(told.segment_size),
            "ssthresh_segments": told.ssthresh, "segment_size": told.segment_size,
            "srtt_ms": ms(told.srtt), "min_rtt_ms": ms(told.min_rtt), "rto_ms": ms(told.rto),
            "segments_again": told.segments_again, "octets_again": told.octets_again,
            "dsacks": told.dsacks, "reorderings": told.reorderings,
            "window_limited_ms": ms(told.window_limited), "buffer_limited_ms": ms(told.buffer_limited),
        }),
        Said::Ours(Some(status)) => json!({
            "stack": "handfast", "cwnd": status.cwnd, "ssthresh": status.ssthresh,
            "segment_size": status.segment_size, "in_flight": status.in_flight,
            "srtt_ms": status.srtt.map(ms), "min_rtt_ms": status.min_rtt.map(ms), "rto_ms": ms(status.rto),
            "segments_again": status.retransmitted_segments, "octets_again": status.retransmitted_octets,
        }),
    }
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// What a reader must know.
fn notes(options: &Options) -> Vec<String> {
    let ran = options.controllers.iter().map(|one| {
        format!("{}: {} of handfast's, {} of the kernel's", one.name(), one.ours().name(), one.kernels())
    });
    let ran: Vec<String> = ran.collect();
    vec![
        format!(
            "Mbit/s at the receiving user in the first {} s, slow start included (outage: {} s, MTU: {} s); means of so many \
             runs, of the same seeds for all pairs; lines that differ most between runs had more; ratio: to \
             kernel → kernel, above 1 is better, and its standard error",
            options.lasting.as_secs_f64(),
            longer(options, "outage"),
            longer(options, "narrow"),
        ),
        format!(
            "{} Mbit/s through one relay for all, which holds one BDP unless said; one packet of at most 1,500 octets at a \
             time, no offloads",
            options.rate.get() / 1_000_000
        ),
        "again: octets sent more than once, of all; spurious: segments that came though all of them had come, of all; both \
         seen by the relay"
            .to_owned(),
        "silence: the longest without an octet for the user, once the outage is over or the MTU has fallen; there the \
         kernel probes for MTUs (tcp_mtu_probing = 1)"
            .to_owned(),
        format!("congestion control, set for each socket and read back: {}", ran.join("; ")),
        "buffers: each stack's as it sizes them by itself".to_owned(),
    ]
}

fn longer(options: &Options, path: &str) -> f64 {
    let at_least = Path::named(path).map_or(Duration::ZERO, |path| path.at_least());
    options.lasting.max(at_least).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::line;
    use super::*;

    #[test]
    fn who_interrupts_is_shown_what_was_measured_of_all_pairs() {
        let mut table = Table::new(&Options::quick(), String::new());
        let path = |name| Path::named(name).unwrap();
        let one = &[(10.0, 0)][..];
        table.lines = vec![
            line(path("clean"), &[(Pair::Kernels, &[(10.0, 0), (50.0, 0)]), (Pair::OursSends, one)]),
            line(path("jitter"), &[(Pair::Kernels, one), (Pair::OursSends, &[])]),
        ];
        assert_eq!(table.verdicts().len(), 1);
        table.interrupt();
        let [line] = &table.lines[..] else { panic!("{:?}", table.lines) };
        assert_eq!((line.path.name, line.ratio(Pair::OursSends)), ("clean", Some(1.0)));
        assert!(table.verdicts().is_empty());
        let (text, json) = (table.to_text(), table.to_json());
        assert!(text.ends_with("interrupted: not all lines are there, nor all of their runs\n"), "{text}");
        assert!(text.contains("clean") && !text.contains("jitter"), "{text}");
        assert_eq!((&json["interrupted"], json["lines"].as_array().unwrap().len()), (&true.into(), 1));
    }
}
