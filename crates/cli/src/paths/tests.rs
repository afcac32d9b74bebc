//! What is chosen, and what programs are told.

use super::*;

fn rows(only: Option<&str>) -> Vec<(Job, Outcome)> {
    played(jobs(true, &CONTROLLERS, only))
}

fn played(jobs: Vec<Job>) -> Vec<(Job, Outcome)> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let outcomes = play(&jobs, 1, cores, &|_| ControlFlow::Continue(()));
    jobs.into_iter().zip(outcomes).filter_map(|(job, outcome)| Some((job, outcome?))).collect()
}

#[test]
fn programs_are_told_the_same() {
    let rows = rows(Some("20ms/outage"));
    let object = json::object(&rows, 1, false);
    let cells = object["cells"].as_array().unwrap();
    assert_eq!((cells.len(), &object["fairness"]), (CONTROLLERS.len(), &serde_json::json!([])));
    for (cell, (_, outcome)) in cells.iter().zip(&rows) {
        let Outcome::Cell(report) = outcome else { panic!("{outcome:?}") };
        assert_eq!(cell["path"], "10mbit/20ms/outage");
        assert_eq!(cell["result"]["goodput"], report.goodput);
        let after = report.flows[0].resumed.unwrap().after.map(|after| after.as_nanos() as u64);
        assert_eq!(cell["result"]["flows"][0]["resumed"]["after_ns"], serde_json::json!(after));
    }
}

#[test]
fn controllers_come_by_name_and_unknown_ones_are_told_which_there_are() {
    let named = |names: &[&str]| controllers(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    assert_eq!(named(&["all"]).unwrap(), CONTROLLERS);
    assert_eq!(named(&["newreno"]).unwrap(), [Congestion::NewReno]);
    assert_eq!(named(&["dctcp"]).unwrap(), [Congestion::Dctcp]);
    assert_eq!(jobs(true, &named(&["dctcp"]).unwrap(), Some("10mbit/20ms/marks")).len(), 1);
    assert!(named(&["reno2"]).unwrap_err().to_string().contains("newreno"));
    assert!(jobs(true, &CONTROLLERS, Some("fairness")).iter().all(|job| matches!(job, Job::Contest(_))));
    assert!(jobs(false, &CONTROLLERS, Some("no such path")).is_empty());
}

/// If it is not: look at the numbers, and accept them with `INSTA_UPDATE=always cargo test -p handfast-cli paths`, saying
/// why.
#[test]
fn the_quick_table_is_as_it_was() {
    let rows = rows(None);
    assert_eq!(rows.len(), jobs(true, &CONTROLLERS, None).len());
    insta::assert_snapshot!("quick", text::table(&rows));
}

/// Rows of the whole table at ten times the quick one's rate, where windows are long: NewReno apart, and the troubles that
/// tell most.
///
/// If it is not: as above.
#[test]
fn rows_at_a_hundred_megabits_are_as_they_were() {
    let troubles =
        ["clean", "loss-0.1%", "loss-1%", "reordering", "jitter", "shallow-queue", "rate-changes", "outage"];
    let wanted = |job: &Job| match job {
        Job::Cell(cell) => ["20ms", "100ms"].iter().any(|rtt| {
            troubles.iter().any(|trouble| cell.path.to_string() == format!("100mbit/{rtt}/{trouble}"))
        }),
        _ => false,
    };
    let all = jobs(false, &[Congestion::Cubic, Congestion::Bbr], Some("100mbit"));
    let rows = played(all.into_iter().filter(wanted).collect());
    assert_eq!(rows.len(), troubles.len() * 2 * 2);
    insta::assert_snapshot!("100mbit", text::table(&rows));
}
