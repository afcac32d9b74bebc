//! How far it is: a bar for people at a terminal, and figures for the end.

use crate::net::Say;
use crate::out;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// What takes less says nothing of a rate: it is the time of a wake-up or two.
const MEANS_SOMETHING: Duration = Duration::from_millis(10);

/// What has been moved so far. Shared by reference: everything is on one thread.
pub(super) struct Progress {
    bar: ProgressBar,
    octets: Cell<u64>,
    /// Octets that were there before.
    before: Cell<u64>,
    began: Cell<Instant>,
}

impl Progress {
    /// Shows a bar on standard error if that is a terminal and `show`.
    pub(super) fn new(show: bool) -> Self {
        let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        Self { bar, octets: Cell::new(0), before: Cell::new(0), began: Cell::new(Instant::now()) }
    }

    /// It begins at octet `before` of `total`, if that is known.
    pub(super) fn begin(&self, before: u64, total: Option<u64>) {
        self.before.set(before);
        self.octets.set(0);
        self.began.set(Instant::now());
        let template = match total {
            Some(_) => "{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
            None => "{spinner} {bytes}  {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(before);
        self.bar.reset_eta();
    }

    pub(super) fn add(&self, octets: usize) {
        self.octets.set(self.octets.get() + octets as u64);
        self.bar.set_position(self.before.get() + self.octets.get());
    }

    /// Octets moved, without those that were there.
    pub(super) fn octets(&self) -> u64 {
        self.octets.get()
    }

    /// All that is there now.
    pub(super) fn whole(&self) -> u64 {
        self.before.get() + self.octets.get()
    }

    pub(super) fn took(&self) -> Duration {
        self.began.get().elapsed()
    }

    /// Says something on standard error, above the bar if there is one.
    pub(super) fn say(&self, words: &str) {
        self.bar.suspend(|| out::complain(words));
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// What there is to say at the end.
    pub(super) fn words(&self) -> String {
        moved(self.octets(), self.took())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether a bar may be shown beside what else is shown.
pub(super) fn may_show(say: Say, trace: bool, verbose: bool) -> bool {
    !say.json && !trace && !verbose
}

/// What was moved, and how fast, where it took long enough for that to mean anything.
fn moved(octets: u64, took: Duration) -> String {
    if took < MEANS_SOMETHING {
        return format!("{octets} octets in {:.1} ms", took.as_secs_f64() * 1e3);
    }
    let seconds = took.as_secs_f64();
    format!("{octets} octets in {seconds:.2} s, {}", rate(octets, seconds))
}

/// Octets and seconds as a rate.
fn rate(octets: u64, seconds: f64) -> String {
    let bits = octets as f64 * 8.0 / seconds.max(1e-6);
    let (value, unit) = match bits {
        bits if bits >= 1e9 => (bits / 1e9, "Gbit/s"),
        bits if bits >= 1e6 => (bits / 1e6, "Mbit/s"),
        bits if bits >= 1e3 => (bits / 1e3, "kbit/s"),
        bits => (bits, "bit/s"),
    };
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_what_was_moved_and_not_of_what_was_there() {
        let progress = Progress::new(false);
        progress.begin(100, Some(150));
        progress.add(20);
        progress.add(30);
        assert_eq!((progress.octets(), progress.whole()), (50, 150));
        assert_eq!(rate(125_000_000, 1.0), "1.0 Gbit/s");
        assert_eq!(rate(1_250_000, 1.0), "10.0 Mbit/s");
        assert_eq!(rate(125, 1.0), "1.0 kbit/s");
        assert_eq!(rate(3, 0.73), "32.9 bit/s");
        assert_eq!(moved(3_000, Duration::from_micros(312)), "3000 octets in 0.3 ms");
        assert_eq!(moved(25_000, Duration::from_millis(10)), "25000 octets in 0.01 s, 20.0 Mbit/s");
    }
}
