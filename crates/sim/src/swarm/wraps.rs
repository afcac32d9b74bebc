//! When a world must begin for a chosen number to wrap while data flows.
//!
//! First sequence numbers and timestamps are a clock plus a secret (RFC 6528, RFC 7323 §5.4). The secret comes from the
//! seed and can't be chosen; but the clock can, once a rehearsal has shown the sum.

use super::plan::{Plan, Wrap};
use crate::{Happened, Pair, PairConfig};
use device::impair::Profile;
use env::{Duration, Instant};
use stack::{ConnectOptions, ListenConfig};
use wire::tcp::{Flags, View};

/// When the world of `plan` is to begin.
pub(super) fn start(seed: u64, plan: &Plan) -> Instant {
    let usual = plan.pair.start;
    let (Some(wrap), Some(talk)) = (plan.wrap, plan.talks.first()) else { return usual };
    let link = Profile { delay: plan.clean.delay, ..Profile::default() };
    let config = PairConfig { there: link.clone(), back: link, record: None, ..plan.pair.clone() };
    let Some(seen) = rehearse(seed, config, plan.v6, talk.port, talk.starts[0], wrap) else { return usual };
    let boundary = if wrap.full { 0 } else { 1u32 << 31 };
    let gap = boundary.wrapping_sub(wrap.before).wrapping_sub(seen);
    // A tick of 4 µs for sequence numbers (RFC 9293 MUST-8), of a millisecond for timestamps.
    let tick = if wrap.timestamp { 1_000_000 } else { 4_000 };
    usual + Duration::from_nanos(u64::from(gap) * tick)
}

/// Opens the first connection over a good link, and looks at the number in question.
fn rehearse(seed: u64, config: PairConfig, v6: bool, port: u16, begins: Duration, wrap: Wrap) -> Option<u32> {
    let ethernet = config.ethernet;
    let mut pair = Pair::with(seed, config);
    pair.world.checks_mut().set(false);
    pair.world.watch(true);
    let at = Pair::server_at(v6, port);
    let listened =
        pair.world.call(pair.server, |host, now| host.tcp_listen(now, at, ListenConfig::default()));
    pair.world.run_for(begins);
    let connected = pair.world.call(pair.client, |host, now| host.tcp_connect(now, ConnectOptions::to(at)));
    listened.ok()?;
    connected.ok()?;
    pair.world.run_for(Duration::from_secs(1));
    let ip = if v6 { 40 } else { 20 } + if ethernet { 14 } else { 0 };
    pair.world.take_log().into_iter().find_map(|logged| {
        let Happened::Left(host, _, octets) = logged.what else { return None };
        let view = View::new(octets.get(ip..)?).ok()?;
        let wanted = host == if wrap.server { pair.server } else { pair.client };
        if !wanted || !view.flags().contains(Flags::SYN) {
            return None;
        }
        let stamp = view.header().ok()?.options.timestamps.map(|stamps| stamps.value);
        if wrap.timestamp { stamp } else { Some(view.seq().raw()) }
    })
}
