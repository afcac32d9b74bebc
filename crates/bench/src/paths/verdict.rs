//! What a table comes to: whether handfast keeps up with the kernel.
//!
//! ```text
//!   ratios of a controller and a pair ─► the median, the worst    ≥ 1.00, ≥ 0.85
//!   segments sent without need, where packets only come late      ≤ the kernels'
//! ```

use super::line::Line;
use super::{Controller, Pair, Table};
use crate::Samples;
use serde_json::{Value, json};

/// The least that the median over all lines may be.
const MEDIAN: f64 = 1.0;
/// The least that any line may be.
const WORST: f64 = 0.85;

/// What one pair came to with one controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The senders' congestion control.
    pub controller: Controller,
    /// Who is compared with the kernels.
    pub pair: Pair,
    /// The median over all lines of the ratio to the kernels' goodput.
    pub median: f64,
    /// The worst of these ratios.
    pub worst: f64,
    /// Its standard error, where a pair of the line has more than one run.
    pub error: Option<f64>,
    /// Where that was.
    pub place: String,
    /// Segments that were sent without need, as a share of all, over all lines on which packets come late and none is lost:
    /// of this pair, and of the kernels. `None` if no such line was measured.
    pub needless: Option<(f64, f64)>,
}

impl Verdict {
    /// Of every controller and every pair of which something is promised, as far as they were measured.
    pub(super) fn all(table: &Table) -> Vec<Self> {
        let mut verdicts = Vec::new();
        for controller in table.controllers() {
            for pair in [Pair::OursSends, Pair::OursReceives] {
                let lines = table.lines.iter().filter(|line| line.controller == controller);
                verdicts.extend(Self::of(controller, pair, &lines.collect::<Vec<_>>()));
            }
        }
        verdicts
    }

    fn of(controller: Controller, pair: Pair, lines: &[&Line]) -> Option<Self> {
        let ratios = lines.iter().filter_map(|line| Some((line, line.ratio(pair)?)));
        let median = ratios.clone().map(|(_, ratio)| ratio).collect::<Samples>().median()?;
        let (line, worst) = ratios.min_by(|one, other| one.1.total_cmp(&other.1))?;
        let late = lines.iter().filter(|line| line.path.only_delays());
        let needless = |pair| {
            let shares = late.clone().filter_map(|line| line.measured(pair)?.spurious().mean());
            shares.collect::<Samples>().mean()
        };
        let needless = needless(pair).zip(needless(Pair::Kernels));
        Some(Self {
            controller,
            pair,
            median,
            worst,
            error: line.error(pair),
            place: line.to_string(),
            needless,
        })
    }

    /// Whether it is as good as the kernels, all figures taken as they are told: to a hundredth.
    pub fn holds(&self) -> bool {
        let reaches = |ratio: f64, least: f64| (ratio * 100.0).round() >= least * 100.0;
        let needless =
            self.needless.is_none_or(|(ours, kernels)| (ours * 1e4).round() <= (kernels * 1e4).round());
        reaches(self.median, MEDIAN) && reaches(self.worst, WORST) && needless
    }

    /// As cells of a table.
    pub(super) fn cells(&self) -> Vec<String> {
        let error = self.error.map_or_else(String::new, |error| format!("±{error:.2}"));
        let percent = |share: f64| format!("{:.2}%", share * 100.0);
        let (needless, kernels) = self.needless.unzip();
        vec![
            format!("{}, {}", self.controller.name(), self.pair.title()),
            format!("{:.2}", self.median),
            format!("{:.2}", self.worst),
            error,
            self.place.clone(),
            needless.map_or_else(String::new, percent),
            kernels.map_or_else(String::new, percent),
            if self.holds() { "holds" } else { "does not hold" }.to_owned(),
        ]
    }

    /// What stands above [`Self::cells`].
    pub(super) fn head() -> Vec<String> {
        let needless = "without need";
        let head = ["beside the kernels", "median", "worst", "", "there", needless, "kernels", ""];
        head.map(str::to_owned).into()
    }

    /// The same for programs.
    pub(super) fn to_json(&self) -> Value {
        let (needless, kernels) = self.needless.unzip();
        json!({
            "controller": self.controller.name(), "pair": self.pair.name(), "holds": self.holds(),
            "median": self.median, "worst": self.worst, "worst_error": self.error, "worst_place": self.place,
            "spurious": needless, "spurious_kernels": kernels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::line;
    use super::*;
    use crate::paths::Path;

    /// The verdict over three paths whose kernels have 10 Mbit/s, ours these; needless segments of ours under jitter, of
    /// a thousand, beside two of the kernels'.
    fn verdict(ours: [f64; 3], needless: u64) -> Verdict {
        let paths = ["clean", "jitter", "loss-1"].map(|name| Path::named(name).unwrap());
        let lines: Vec<Line> = paths
            .into_iter()
            .zip(ours)
            .map(|(path, goodput)| {
                // Where packets are lost, what is sent without need is not held against anybody.
                let (kernels, ours) = if path.name == "loss-1" { (0, 900) } else { (2, needless) };
                let kernels = (Pair::Kernels, &[(10.0, kernels)][..]);
                line(path, &[kernels, (Pair::OursSends, &[(goodput, ours)])])
            })
            .collect();
        Verdict::of(Controller::Cubic, Pair::OursSends, &lines.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_median_the_worst_and_what_was_needless_each_decide() {
        let good = verdict([10.0, 8.6, 12.0], 2);
        assert_eq!((good.median, good.worst, good.needless), (1.0, 0.86, Some((0.002, 0.002))));
        assert_eq!(good.place, "jitter ±10 ms, 20 ms");
        assert!(good.holds());
        assert!(verdict([9.96, 9.96, 9.96], 0).holds(), "what is told as 1.00 is taken as that");
        assert!(!verdict([9.9, 9.9, 12.0], 0).holds(), "the median");
        assert!(!verdict([10.0, 12.0, 8.4], 0).holds(), "the worst");
        assert!(!verdict([10.0, 12.0, 12.0], 3).holds(), "needless");
    }

    #[test]
    fn of_pairs_that_nobody_measured_nothing_is_said() {
        let only = line(Path::named("clean").unwrap(), &[(Pair::Kernels, &[(10.0, 0)])]);
        assert_eq!(Verdict::of(Controller::Cubic, Pair::OursReceives, &[&only]), None);
    }
}
