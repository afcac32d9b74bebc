//! Scenes: paths on which something must be so, and whether it is.

use super::{FlowConfig, Glance, Path, RunReport, run};
use env::Duration;
use std::fmt;
use tcp::Congestion;

/// A path by name, and what must hold on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scene {
    /// By this it is asked for.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// The path, as [`Path`] reads it.
    path: &'static str,
    /// What must hold.
    promise: Promise,
    /// When each of its flows opens, in seconds.
    flows: &'static [u64],
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Promise {
    /// Nothing was promised: it is there to be looked at.
    None,
    /// It goes on within so many times the timeout that ran when the outage ended.
    Resumes(f64),
    /// Never so long does nothing arrive, and the second half is as full as here asked for, as a share of one.
    Stalls(Duration, f64),
    /// Goodput is at least such a share of what the same path without its trouble gives.
    OfClean(f64),
    /// The second half is filled to such a share, and neither host ever holds more than so many octets.
    Fills(f64, usize),
}

/// Whether a promise was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it was.
    pub kept: bool,
    /// What was asked for, and what was seen, in words.
    pub words: String,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.kept { "kept" } else { "BROKEN" }, self.words)
    }
}

/// What a host of one connection holds at most by default: 32 MiB of data either way, and an eighth of it for bookkeeping
/// and for pieces of which a part is gone.
const MOST_HELD: usize = 36 << 20;

/// Every scene.
pub const SCENES: [Scene; 7] = [
    Scene {
        name: "outage",
        about: "both ways are cut for 10 s in the middle",
        path: "100mbit/20ms/outage",
        promise: Promise::Resumes(1.5),
        flows: &[0],
    },
    Scene {
        name: "mtu-falls",
        about: "packets above 1280 octets vanish from 5 s on, and nobody says so",
        path: "100mbit/20ms/mtu-falls",
        promise: Promise::Stalls(Duration::from_secs(3), 0.8),
        flows: &[0],
    },
    Scene {
        name: "reordering",
        about: "3 % of packets are late by up to half a round trip, and none is lost",
        path: "100mbit/20ms/reordering",
        promise: Promise::OfClean(0.95),
        flows: &[0],
    },
    Scene {
        name: "long-reordering",
        about: "the same over 100 ms, where it hurts most",
        path: "100mbit/100ms/reordering",
        promise: Promise::OfClean(0.95),
        flows: &[0],
    },
    Scene {
        name: "long-fat",
        about: "a path that holds 12.5 MB, default settings",
        path: "1000mbit/100ms/clean",
        promise: Promise::Fills(0.9, MOST_HELD),
        flows: &[0],
    },
    Scene {
        name: "bloat",
        about: "a queue of ten bandwidth-delay products: who fills it?",
        path: "20mbit/40ms/bloated-queue",
        promise: Promise::None,
        flows: &[0],
    },
    Scene {
        name: "sharing",
        about: "three flows, the second and third 5 s after the one before",
        path: "20mbit/40ms/clean",
        promise: Promise::None,
        flows: &[0, 5, 10],
    },
];

impl Scene {
    /// The scene of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENES.iter().find(|scene| scene.name == name)
    }

    /// Whether something was promised.
    pub fn promises(&self) -> bool {
        self.promise != Promise::None
    }

    /// Its path.
    ///
    /// # Panics
    /// Never: all paths here are well written, and a test reads them.
    pub fn path(&self) -> Path {
        match self.path.parse() {
            Ok(path) => path,
            Err(why) => panic!("{}: {why}", self.name),
        }
    }

    /// Runs it under one controller, and judges it if something was promised. `watch` is told of each look.
    pub fn play(
        &self,
        controller: Congestion,
        seed: u64,
        watch: &mut dyn FnMut(&Glance),
    ) -> (RunReport, Option<Judgement>) {
        let flow = |&starts: &u64| FlowConfig::new(controller).starting(Duration::from_secs(starts));
        let flows: Vec<_> = self.flows.iter().map(flow).collect();
        let report = run(&self.path(), &flows, seed, watch);
        let clean = matches!(self.promise, Promise::OfClean(_)).then(|| {
            let clean = Path { trouble: super::Trouble::Clean, ..self.path() };
            run(&clean, &flows, seed, &mut |_| {}).goodput
        });
        let judgement = self.judge(&report, clean.unwrap_or_default());
        (report, judgement)
    }

    fn judge(&self, report: &RunReport, clean: f64) -> Option<Judgement> {
        let flow = report.flows.first()?;
        let (kept, words) = match self.promise {
            Promise::None => return None,
            Promise::Resumes(times) => {
                let resumed = flow.resumed.unwrap_or_default();
                let most = resumed.rto.mul_f64(times);
                let after =
                    resumed.after.map_or("never".to_owned(), |after| format!("{:.2} s", after.as_secs_f64()));
                let words = format!(
                    "goes on within {times} × RTO = {:.2} s after the outage: {after}",
                    most.as_secs_f64()
                );
                (resumed.after.is_some_and(|after| after <= most), words)
            }
            Promise::Stalls(most, share) => {
                let (stall, late) = (flow.stall.as_secs_f64(), report.goodput_late);
                let words = format!(
                    "nothing arrives for {:.0} s at most, and the second half is filled to {:.0} %: {stall:.2} s, {:.1} %",
                    most.as_secs_f64(),
                    share * 100.0,
                    late * 100.0
                );
                (flow.stall <= most && late >= share, words)
            }
            Promise::OfClean(share) => {
                let of = report.goodput / clean.max(f64::MIN_POSITIVE);
                let words = format!(
                    "at least {:.0} % of the clean path's goodput: {:.1} %",
                    share * 100.0,
                    of * 100.0
                );
                (of >= share, words)
            }
            Promise::Fills(share, most) => {
                let late = report.goodput_late;
                let mib = |octets: usize| octets as f64 / f64::from(1 << 20);
                let [sender, receiver] = report.memory;
                let words = format!(
                    "the second half is filled to at least {:.0} %, and a host holds {:.0} MiB at most: {:.1} %, {:.1} and {:.1} MiB",
                    share * 100.0,
                    mib(most),
                    late * 100.0,
                    mib(sender),
                    mib(receiver)
                );
                (late >= share && sender.max(receiver) <= most, words)
            }
        };
        Some(Judgement { kept, words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::{FlowReport, Resumed};

    fn judged(name: &str, report: &RunReport, clean: f64) -> Option<bool> {
        Scene::named(name).unwrap().judge(report, clean).map(|judgement| judgement.kept)
    }

    fn report(flow: FlowReport, goodput: f64) -> RunReport {
        RunReport { flows: vec![flow], goodput, goodput_late: goodput, ..RunReport::default() }
    }

    #[test]
    fn every_scene_has_a_path_and_a_name_of_its_own() {
        for (n, scene) in SCENES.iter().enumerate() {
            assert!(scene.path().capacity(Duration::from_secs(1)) > 0.0);
            assert!(SCENES[n + 1..].iter().all(|other| other.name != scene.name));
        }
    }

    #[test]
    fn a_promise_is_kept_up_to_its_bound_and_broken_beyond() {
        let secs = Duration::from_secs_f64;
        let after = |after| {
            let resumed = Some(Resumed { after, rto: secs(2.0) });
            judged("outage", &report(FlowReport { resumed, ..FlowReport::default() }, 0.5), 0.0)
        };
        assert_eq!(
            [after(Some(secs(3.0))), after(Some(secs(3.1))), after(None)],
            [Some(true), Some(false), Some(false)]
        );
        let stall = |stall, late| {
            judged(
                "mtu-falls",
                &report(FlowReport { stall: secs(stall), ..FlowReport::default() }, late),
                0.0,
            )
        };
        assert_eq!(
            [stall(3.0, 0.9), stall(3.1, 0.9), stall(1.0, 0.7)],
            [Some(true), Some(false), Some(false)]
        );
        let of = |goodput, clean| judged("reordering", &report(FlowReport::default(), goodput), clean);
        assert_eq!([of(0.95, 1.0), of(0.5, 0.5), of(0.9, 1.0)], [Some(true), Some(true), Some(false)]);
        assert_eq!(judged("long-fat", &report(FlowReport::default(), 0.89), 0.0), Some(false));
        let holding = |memory| {
            let report = RunReport { memory, ..report(FlowReport::default(), 0.9) };
            judged("long-fat", &report, 0.0)
        };
        assert_eq!(
            [[0, MOST_HELD], [MOST_HELD + 1, 0], [0, MOST_HELD + 1]].map(holding),
            [Some(true), Some(false), Some(false)]
        );
        assert_eq!(judged("bloat", &report(FlowReport::default(), 0.0), 0.0), None);
    }
}
