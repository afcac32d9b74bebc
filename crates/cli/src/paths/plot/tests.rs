//! Drawings say what was seen.

use super::*;
use sim::paths::CONTROLLERS;

fn drawn(text: &str, controller: Congestion) -> Drawn {
    of_path(text.parse().unwrap(), controller, 1)
}

#[test]
fn curves_add_up_to_the_report() {
    let drawn = drawn("10mbit/20ms/loss-1%", Congestion::Cubic);
    let curves = curves::curves(&drawn, 0, 50);
    let seconds = drawn.path.span().as_secs_f64() / 50.0;
    let sum = |name: &str| {
        let curve = curves.iter().find(|curve| curve.name == name).unwrap();
        assert_eq!((curve.values.len(), curve.unit), (50, "Mbit/s"));
        (curve.values.iter().sum::<f64>() * seconds * 1e6 / 8.0).round() as u64
    };
    let flow = &drawn.report.flows[0];
    assert_eq!((sum("delivered"), sum("resent")), (flow.delivered, flow.resent));
    let cwnd = curves[0].values.iter().copied().fold(0.0, f64::max) * 1e3;
    let most = drawn.glances.iter().map(|glance| glance.flows[0].cwnd).max().unwrap();
    assert!(cwnd > 0.0 && cwnd <= f64::from(most));
}

#[test]
fn a_drawing_in_text_is_as_wide_as_it_should_be_and_names_each_curve() {
    for controller in CONTROLLERS {
        let text = text::draw(&drawn("5mbit/20ms/outage", controller));
        assert!(text.starts_with(&format!("5mbit/20ms/outage, {}\n", controller.name())), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        for name in ["cwnd, kB", "in flight, kB", "delivered, Mbit/s", "resent, Mbit/s", "waiting, ms"] {
            assert_eq!(text.matches(name).count(), 1, "{name}: {text}");
        }
        assert!(text.contains('█') && text.trim_end().ends_with("30.0 s"));
    }
}

#[test]
fn a_drawing_in_svg_has_every_run_and_every_line() {
    let scene = Scene::named("sharing").unwrap();
    let runs = [of_scene(scene, Congestion::NewReno, 1), drawn("5mbit/20ms/clean", Congestion::NewReno)];
    let svg = svg::draw(&runs).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{}", &svg[..200]);
    for label in
        ["20mbit/40ms/clean, newreno", "5mbit/20ms/clean, newreno", "cwnd, flow 3", "delivered, flow 1"]
    {
        assert!(svg.contains(label), "{label}");
    }
    // Three flows with four lines each and the queue, then one flow with four and the queue; and each line's mark in its
    // legend.
    let lines = svg.matches("<polyline").count();
    assert!(lines >= 2 * (13 + 5), "{lines}");
}

/// If they are not: look at them, and accept them with `INSTA_UPDATE=always cargo test -p handfast-cli paths`, saying why.
#[test]
fn drawings_are_as_they_were() {
    for trouble in ["clean", "loss-0.1%", "reordering", "bloated-queue", "outage", "mtu-falls"] {
        for controller in CONTROLLERS {
            let text = text::draw(&drawn(&format!("10mbit/40ms/{trouble}"), controller));
            insta::assert_snapshot!(format!("{}-{}", trouble.replace('%', ""), controller.name()), text);
        }
    }
}
