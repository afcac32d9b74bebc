//! Runs over paths in virtual time: what a report says is what happened.

use handfast_sim::Duration;
use handfast_sim::paths::{
    CONTROLLERS, Cell, Contest, ContestReport, EVERY_CONTROLLER, FlowConfig, Glance, Job, Path, RunReport,
    Trouble, all_cells, play, quick_cells, run,
};
use std::ops::ControlFlow;
use tcp::Congestion;

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

fn one(text: &str, seed: u64) -> RunReport {
    run(&path(text), &[FlowConfig::new(CONTROLLERS[0])], seed, &mut |_| {})
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_does_not() {
    let lossy = "5mbit/20ms/loss-1%";
    assert_eq!(one(lossy, 7), one(lossy, 7));
    assert_ne!(one(lossy, 7), one(lossy, 8));
}

#[test]
fn nothing_is_faster_than_its_bottleneck_and_every_octet_is_accounted_for() {
    for cell in quick_cells(&CONTROLLERS) {
        let report = run(&cell.path, &[FlowConfig::new(cell.controller)], 3, &mut |_| {});
        let flow = &report.flows[0];
        let name = format!("{} {}", cell.path, cell.controller.name());
        assert!(report.goodput > 0.0 && report.goodput <= 1460.0 / 1500.0, "{name}: {}", report.goodput);
        assert!(flow.delivered <= flow.sent && flow.delivered_late <= flow.delivered, "{name}: {flow:?}");
        // What arrives was sent: beyond what was sent again, only what the receiver did not keep can have come for nothing.
        let open = (flow.sent - flow.delivered) as f64 / (flow.sent + flow.resent) as f64;
        assert!(report.needless <= report.resent + open + 1e-9, "{name}: {report:?}");
        assert!(report.wait_p50 <= report.wait_p99, "{name}");
        // What is before the bottleneck is bounded by its queue and one packet more, at the slowest rate there is.
        let octets = cell.path.queue() + 2 * 1500;
        let rate =
            cell.path.rate.get() as f64 / if cell.path.trouble == Trouble::RateChanges { 4.0 } else { 1.0 };
        assert!(report.wait_p99.as_secs_f64() <= octets as f64 * 8.0 / rate, "{name}: {:?}", report.wait_p99);
    }
}

#[test]
fn a_clean_path_is_filled_by_one_flow_and_shared_by_many() {
    assert!(one("10mbit/20ms/clean", 1).goodput > 0.9);
    let contest =
        Contest { path: path("10mbit/20ms/clean"), sides: [(CONTROLLERS[0], 4), (CONTROLLERS[0], 0)] };
    let report = contest.run(1);
    assert_eq!(report.run.flows.len(), 4);
    assert!(report.run.goodput_late > 0.9 && report.jain > 0.8, "{report:?}");
    assert_eq!(report.shares, [1.0, 0.0]);
}

/// Jain's index, and the share of the first side, over a few seeds.
fn shared(text: &str, sides: [(Congestion, usize); 2]) -> (f64, f64) {
    const SEEDS: u64 = 4;
    let contest = Contest { path: path(text), sides };
    let reports: Vec<_> = (1..=SEEDS).map(|seed| contest.run(seed)).collect();
    for report in &reports {
        assert!(report.run.goodput_late >= 0.93, "{text} {sides:?}: {report:?}");
    }
    let mean = |of: fn(&ContestReport) -> f64| reports.iter().map(of).sum::<f64>() / SEEDS as f64;
    (mean(|report| report.jain), mean(|report| report.shares[0]))
}

#[test]
fn flows_of_bbr_share_evenly_though_they_come_one_after_the_other() {
    // With eight, there are nine segments for each on the path of 20 Mbit/s.
    for text in ["20mbit/40ms/clean", "100mbit/40ms/clean"] {
        for count in [2, 8] {
            let (jain, _) = shared(text, [(Congestion::Bbr, count), (Congestion::Bbr, 0)]);
            assert!(jain >= 0.9, "{count} over {text}: {jain}");
        }
    }
}

/// Draft §5.3.3.5.2: up to some 60 segments of BDP, who grows by a segment a round trip is to get along beside BBR.
#[test]
fn bbr_leaves_room_for_others_on_paths_that_they_can_fill() {
    for (text, most) in [("10mbit/40ms/clean", 0.7), ("20mbit/40ms/clean", 0.7)] {
        for other in [Congestion::NewReno, Congestion::Cubic] {
            let (_, share) = shared(text, [(Congestion::Bbr, 1), (other, 1)]);
            assert!((0.4..=most).contains(&share), "beside {other} over {text}: {share}");
        }
    }
}

/// Where every other packet of a window is lost, there are more islands than blocks to tell of them, and each is told all the same.
#[test]
fn nothing_is_sent_again_for_nothing_where_packets_keep_their_order() {
    for (text, controller) in [
        ("100mbit/100ms/clean", Congestion::NewReno),
        ("100mbit/100ms/loss-0.1%", Congestion::NewReno),
        ("100mbit/100ms/shallow-queue", Congestion::Cubic),
    ] {
        let report = run(&path(text), &[FlowConfig::new(controller)], 1, &mut |_| {});
        assert!(report.resent > 0.001, "{text}: {}", report.resent);
        assert_eq!(report.needless, 0.0, "{text}");
    }
}

/// While something is missing nobody tells what has come: rounds go on all the same.
#[test]
fn bbr_gets_along_without_sack() {
    for seed in 1..=3 {
        let flow = FlowConfig::new(Congestion::Bbr);
        let flow = FlowConfig { tcp: flow.tcp.sack(false), ..flow };
        let report = run(&path("10mbit/20ms/clean"), &[flow], seed, &mut |_| {});
        assert!(report.goodput >= 0.6, "seed {seed}: {}", report.goodput);
    }
}

/// Marks end a probe and drain its queue at once: of ten packets not one is marked, and the path stays full.
#[test]
fn bbr_does_not_stay_where_packets_are_marked() {
    let cell = Cell { path: path("100mbit/100ms/marks"), controller: Congestion::Bbr };
    for seed in 1..=2 {
        let report = run(&cell.path, &[cell.flow()], seed, &mut |_| {});
        let packets = report.flows[0].sent / 1448;
        assert!(report.goodput >= 0.92, "seed {seed}: {}", report.goodput);
        assert!(
            report.marked > 0 && report.marked < packets / 10,
            "seed {seed}: {} of {packets}",
            report.marked
        );
    }
}

#[test]
fn an_outage_is_seen_as_one() {
    let report = one("10mbit/20ms/outage", 1);
    let flow = &report.flows[0];
    let resumed = flow.resumed.unwrap();
    let after = resumed.after.expect("it goes on");
    assert!(flow.stall >= Duration::from_secs(10) && flow.stall < Duration::from_secs(11) + after);
    assert!(resumed.rto > Duration::from_secs(1), "the timer has backed off: {resumed:?}");
    assert_eq!(one("10mbit/20ms/clean", 1).flows[0].resumed, None);
}

/// Ours takes text that fills a hole, however old it says it is; others drop it, and one copy too many used to make a chain
/// of losses.
#[test]
fn a_receiver_that_drops_what_was_held_back_costs_a_sender_of_ours_nothing() {
    for text in ["100mbit/20ms/held-back", "10mbit/100ms/held-back"] {
        for controller in [Congestion::Cubic, Congestion::NewReno, Congestion::Bbr] {
            let goodput = |text: &str, seed| {
                run(&path(text), &[FlowConfig::new(controller)], seed, &mut |_| {}).goodput
            };
            let seeds = 1..=2u64;
            let held = seeds.clone().map(|seed| goodput(text, seed)).sum::<f64>();
            let clean = seeds.map(|seed| goodput(&text.replace("held-back", "clean"), seed)).sum::<f64>();
            assert!(held >= 0.97 * clean, "{text} {controller:?}: {held} of {clean}");
        }
    }
}

/// What was out before the outage is lost in one window, the one that F-RTO gave back: it is halved once.
#[test]
fn after_an_outage_a_window_that_was_given_back_is_reduced_once() {
    let flows = [FlowConfig::new(Congestion::NewReno)];
    let mut after = 0;
    let report = run(&path("10mbit/100ms/outage"), &flows, 1, &mut |glance| {
        if after == 0 && glance.at > Duration::from_secs(20) {
            after = glance.flows[0].ssthresh;
        }
    });
    let resumed = report.flows[0].resumed.and_then(|resumed| resumed.after).expect("it goes on");
    assert!(resumed < Duration::from_secs(5), "{resumed:?}");
    assert!(after >= path("10mbit/100ms/clean").bandwidth_delay_product() as u32 * 8 / 10, "{after}");
}

#[test]
fn looks_come_regularly_and_count_upwards() {
    let mut looks: Vec<Glance> = Vec::new();
    let flows = [FlowConfig::new(CONTROLLERS[0])];
    let report = run(&path("10mbit/20ms/clean"), &flows, 1, &mut |glance| looks.push(glance.clone()));
    assert!(looks.windows(2).all(|two| two[0].at < two[1].at));
    assert!(looks.windows(2).all(|two| two[0].flows[0].delivered <= two[1].flows[0].delivered));
    let last = looks.last().unwrap();
    assert_eq!((last.at, last.flows[0].delivered), (Duration::from_secs(20), report.flows[0].delivered));
    assert!(looks.iter().any(|look| look.queue > 0 && look.wait > Duration::ZERO));
    assert!(looks.iter().any(|look| look.flows[0].cwnd > 14_600 && look.flows[0].in_flight > 0));
}

#[test]
fn jobs_come_back_in_their_order_whatever_the_threads_and_stop_when_asked_to() {
    let jobs: Vec<_> = quick_cells(&CONTROLLERS[..1]).into_iter().take(6).map(Job::Cell).collect();
    let alone = play(&jobs, 5, 1, &|_| ControlFlow::Continue(()));
    assert_eq!(alone, play(&jobs, 5, 3, &|_| ControlFlow::Continue(())));
    assert!(alone.iter().all(Option::is_some));
    let stopped =
        play(&jobs, 5, 1, &|over| if over == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
    assert_eq!(stopped[..2], alone[..2]);
    assert!(stopped[2..].iter().all(Option::is_none));
}

#[test]
fn the_table_has_every_path_once_for_each_controller() {
    let cells = all_cells(&CONTROLLERS);
    assert_eq!(cells.len(), Trouble::ALL.len() * 3 * 4 * CONTROLLERS.len());
    for (n, cell) in cells.iter().enumerate() {
        assert!(!cells[n + 1..].contains(cell), "{cell:?}");
    }
    assert!(quick_cells(&CONTROLLERS).iter().all(|cell| cells.contains(cell)));
}

/// Not in the table, and tried when it is named: it fills a path that marks, and what waits there stays near the half of
/// a bandwidth-delay product above which marks begin.
#[test]
fn dctcp_meets_the_path_that_marks() {
    let cells = quick_cells(&[Congestion::Dctcp]);
    assert_eq!(cells.len(), quick_cells(&CONTROLLERS[..1]).len());
    assert!(quick_cells(&EVERY_CONTROLLER).len() == quick_cells(&CONTROLLERS).len() + cells.len());
    for cell in cells.iter().filter(|cell| cell.path.trouble == Trouble::Marks) {
        let dctcp = run(&cell.path, &[cell.flow()], 1, &mut |_| {});
        assert!(dctcp.marked > 0 && dctcp.resent < 0.01, "{}: {dctcp:?}", cell.path);
        assert!(dctcp.goodput_late > 0.9, "{}: {dctcp:?}", cell.path);
        assert!(dctcp.wait_p99 <= cell.path.rtt * 5 / 8, "{}: {dctcp:?}", cell.path);
    }
}
