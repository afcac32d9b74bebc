//! What is chosen, and what programs are told.

use super::*;

fn rows(only: Option<&str>) -> Vec<(Job, Outcome)> {
    let jobs = jobs(true, &CONTROLLERS, only);
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
