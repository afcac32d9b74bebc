//! Many jobs, few threads, and none that can stop the others: a job that panics or never ends is told as such.
//!
//! ```text
//!   jobs ─► a counter ─► hand ─┐
//!                    ─► hand ─┼─► results ─► in the jobs' order ─► each
//!                    ─► hand ─┘
//!            one that takes too long is given up, and another hand takes its place
//! ```

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How often it is looked whether to stop.
const LOOKING: Duration = Duration::from_millis(100);

/// How a job ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended<R> {
    /// With this.
    Well(R),
    /// In a panic, which said this.
    Panicked(String),
    /// Not at all.
    Stuck,
}

enum Report<R> {
    Begun(usize),
    Ended(usize, Ended<R>),
}

struct Shop<J, F> {
    jobs: Vec<J>,
    next: AtomicUsize,
    work: F,
}

/// Does all jobs on so many threads, and hands over each one's result in the jobs' order. A job that takes longer than `longest` is
/// given up: its thread is left alone. When `stop` says so no job is begun any more, and what is under way is left alone.
pub(super) fn work<J, R, F>(
    jobs: Vec<J>,
    threads: usize,
    longest: Duration,
    stop: impl Fn() -> bool,
    work: F,
    mut each: impl FnMut(usize, Ended<R>),
) where
    J: Send + Sync + 'static,
    R: Send + 'static,
    F: Fn(&J) -> R + Send + Sync + 'static,
{
    let count = jobs.len();
    let shop = Arc::new(Shop { jobs, next: AtomicUsize::new(0), work });
    let (sender, results) = mpsc::channel();
    // A panic is told by its job.
    let hook = Arc::new(std::panic::take_hook());
    std::panic::set_hook(Box::new(|_| {}));
    (0..threads.min(count).max(1)).for_each(|_| hire(&shop, &sender));
    let mut under_way: HashMap<usize, Instant> = HashMap::new();
    let mut waiting: HashMap<usize, Ended<R>> = HashMap::new();
    let mut done = 0;
    while done < count {
        if stop() {
            shop.next.store(count, Ordering::Relaxed);
            let mut over: Vec<_> = waiting.into_iter().collect();
            over.sort_by_key(|(index, _)| *index);
            over.into_iter().for_each(|(index, ended)| each(index, ended));
            break;
        }
        match results.recv_timeout(longest.min(LOOKING)) {
            Ok(Report::Begun(index)) => {
                under_way.insert(index, Instant::now());
            }
            Ok(Report::Ended(index, ended)) => {
                // One that was given up may end after all: it was told already.
                if under_way.remove(&index).is_some() {
                    waiting.insert(index, ended);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let stuck: Vec<usize> = under_way
            .iter()
            .filter(|(_, began)| began.elapsed() > longest)
            .map(|(&index, _)| index)
            .collect();
        for index in stuck {
            under_way.remove(&index);
            waiting.insert(index, Ended::Stuck);
            hire(&shop, &sender);
        }
        while let Some(ended) = waiting.remove(&done) {
            each(done, ended);
            done += 1;
        }
    }
    std::panic::set_hook(Box::new(move |info| hook(info)));
}

fn hire<J, R, F>(shop: &Arc<Shop<J, F>>, sender: &Sender<Report<R>>)
where
    J: Send + Sync + 'static,
    R: Send + 'static,
    F: Fn(&J) -> R + Send + Sync + 'static,
{
    let (shop, sender) = (Arc::clone(shop), sender.clone());
    std::thread::spawn(move || {
        loop {
            let index = shop.next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = shop.jobs.get(index) else { return };
            if sender.send(Report::Begun(index)).is_err() {
                return;
            }
            let ended = match catch_unwind(AssertUnwindSafe(|| (shop.work)(job))) {
                Ok(result) => Ended::Well(result),
                Err(payload) => Ended::Panicked(words(&*payload)),
            };
            if sender.send(Report::Ended(index, ended)).is_err() {
                return;
            }
        }
    });
}

fn words(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a word").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, PoisonError};

    #[test]
    fn results_come_in_the_order_of_their_jobs_and_a_panic_is_one_of_them() {
        let mut seen = Vec::new();
        let work_one = |job: &u32| {
            assert!(*job != 3, "three");
            job * 2
        };
        work(
            (0..6).collect(),
            3,
            Duration::from_secs(600),
            || false,
            work_one,
            |index, ended| seen.push((index, ended)),
        );
        let well = |n: usize| (n, Ended::Well(n as u32 * 2));
        assert_eq!(seen, [well(0), well(1), well(2), (3, Ended::Panicked("three".into())), well(4), well(5)]);
    }

    #[test]
    fn one_that_never_ends_is_given_up_and_the_others_are_done() {
        let (hold, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let mut seen = Vec::new();
        let work_one = move |job: &u32| {
            if *job == 0 {
                // Ends only when the test does.
                let _ = held.lock().unwrap_or_else(PoisonError::into_inner).recv();
            }
            *job
        };
        work(vec![0, 1, 2], 1, Duration::from_millis(20), || false, work_one, |_, ended| seen.push(ended));
        assert_eq!(seen, [Ended::Stuck, Ended::Well(1), Ended::Well(2)]);
        drop(hold);
    }

    #[test]
    fn whoever_is_told_to_stop_begins_nothing_more_and_tells_what_is_over() {
        let stop = Arc::new(AtomicUsize::new(0));
        let (begun, asked) = (Arc::clone(&stop), Arc::clone(&stop));
        let mut seen = Vec::new();
        let work_one = move |job: &u32| {
            begun.fetch_add(1, Ordering::Relaxed);
            *job
        };
        let stop = move || asked.load(Ordering::Relaxed) > 0;
        work((0..1_000_000).collect(), 1, Duration::from_secs(600), stop, work_one, |_, ended| {
            seen.push(ended)
        });
        assert!(seen.len() < 1_000_000);
    }
}
