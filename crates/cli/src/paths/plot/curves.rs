//! What was seen of a run, as curves over equal parts of its time.

use super::Drawn;
use sim::paths::{FlowGlance, Glance};

/// A curve: a name, a unit, and a value for each part of the time.
pub(super) struct Curve {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) values: Vec<f64>,
}

/// The curves of one flow, and of the queue, over `parts` parts of the time.
///
/// Of windows, data in flight and waiting, the mean of each part; of what counts upwards, its growth in the part, a second.
pub(super) fn curves(drawn: &Drawn, flow: usize, parts: usize) -> Vec<Curve> {
    let seconds = drawn.path.span().as_secs_f64() / parts as f64;
    let parts = split(drawn, parts);
    let of = |value: fn(&FlowGlance) -> f64| move |glance: &Glance| glance.flows.get(flow).map_or(0.0, value);
    let mean = |value: &dyn Fn(&Glance) -> f64| {
        let mean = |part: &&[Glance]| part.iter().map(value).sum::<f64>() / (part.len().max(1) as f64);
        parts.iter().map(mean).collect::<Vec<_>>()
    };
    let growth = |value: &dyn Fn(&Glance) -> f64| {
        let mut before = 0.0;
        let ends = parts.iter().map(|part| part.last().map(value));
        ends.map(|end| {
            let end = end.unwrap_or(before);
            (end - std::mem::replace(&mut before, end)) / seconds
        })
        .collect::<Vec<_>>()
    };
    let kilo = |values: Vec<f64>| values.into_iter().map(|value| value / 1e3).collect::<Vec<_>>();
    let mega = |values: Vec<f64>| values.into_iter().map(|value| value * 8.0 / 1e6).collect::<Vec<_>>();
    vec![
        Curve { name: "cwnd", unit: "kB", values: kilo(mean(&of(|flow| f64::from(flow.cwnd)))) },
        Curve { name: "in flight", unit: "kB", values: kilo(mean(&of(|flow| f64::from(flow.in_flight)))) },
        Curve { name: "delivered", unit: "Mbit/s", values: mega(growth(&of(|flow| flow.delivered as f64))) },
        Curve { name: "resent", unit: "Mbit/s", values: mega(growth(&of(|flow| flow.resent as f64))) },
        Curve { name: "waiting", unit: "ms", values: mean(&|glance| glance.wait.as_secs_f64() * 1e3) },
    ]
}

/// The glances of each part of the time.
fn split(drawn: &Drawn, parts: usize) -> Vec<&[Glance]> {
    let glances = &drawn.glances;
    let end = |part: usize| {
        let until = drawn.path.span().mul_f64(part as f64 / parts as f64);
        glances.partition_point(|glance| glance.at <= until)
    };
    (0..parts).map(|part| &glances[end(part)..end(part + 1)]).collect()
}
