//! One run: flows over a path, looked at from time to time.

use super::lab::{Flow, Lab};
use super::measure::percentile;
use super::{MTU, Path, Trouble};
use env::Duration;
use tcp::{Congestion, ConnectionError, TcpConfig};

/// How often a run is looked at. No round trip of the table is a multiple of it, so that nothing that comes round with the
/// round trip is always met at the same place.
const GLANCE: Duration = Duration::from_micros(4_993);

/// A flow of a run: who controls it, and when it opens, counted from the start.
#[derive(Clone, Debug)]
pub struct FlowConfig {
    /// When it opens.
    pub starts: Duration,
    /// The sender's settings.
    pub tcp: TcpConfig,
}

impl FlowConfig {
    /// Default settings but for the controller, from the start.
    pub fn new(controller: Congestion) -> Self {
        Self { starts: Duration::ZERO, tcp: TcpConfig::default().congestion(controller) }
    }

    /// The same, opened later.
    #[must_use]
    pub fn starting(self, starts: Duration) -> Self {
        Self { starts, ..self }
    }
}

/// What a flow came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowReport {
    /// Octets that reached the receiver's user.
    pub delivered: u64,
    /// Those of the second half of the span.
    pub delivered_late: u64,
    /// Octets of payload sent for the first time.
    pub sent: u64,
    /// Octets of payload sent again.
    pub resent: u64,
    /// The longest time in which nothing reached the receiver's user.
    pub stall: Duration,
    /// After an outage: how it went on.
    pub resumed: Option<Resumed>,
    /// Why it ended, if it did.
    pub died: Option<ConnectionError>,
}

/// How a flow went on after an outage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// From the end of the outage to the first octet that reached the receiver's user, if one did.
    pub after: Option<Duration>,
    /// The retransmission timeout that ran when the outage ended, back-off included.
    pub rto: Duration,
}

/// What a run came to. Shares are of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunReport {
    /// Each flow, in the order asked for.
    pub flows: Vec<FlowReport>,
    /// Payload delivered, as a share of what the bottleneck could have carried since the first SYN, headers included:
    /// 96.5 % is all that 1500 octets allow.
    pub goodput: f64,
    /// The same for the second half of the span.
    pub goodput_late: f64,
    /// What a packet would have waited before the bottleneck: half of the time no longer than that.
    pub wait_p50: Duration,
    /// 99 % of the time no longer than that.
    pub wait_p99: Duration,
    /// Payload sent again, as a share of all that was sent.
    pub resent: f64,
    /// Payload that arrived although it was there already, as a share of all that was sent.
    pub needless: f64,
    /// Packets marked CE.
    pub marked: u64,
    /// The most octets that the sender's and the receiver's host held at once, as their budgets count.
    pub memory: [usize; 2],
}

/// A look at a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Glance {
    /// When, counted from the start.
    pub at: Duration,
    /// Octets before the bottleneck.
    pub queue: usize,
    /// What a packet that came now would wait.
    pub wait: Duration,
    /// Each flow, in the order asked for.
    pub flows: Vec<FlowGlance>,
}

/// A look at a flow. Octets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FlowGlance {
    /// The congestion window.
    pub cwnd: u32,
    /// The slow-start threshold.
    pub ssthresh: u32,
    /// Believed to be in the network.
    pub in_flight: u32,
    /// What has reached the receiver's user so far.
    pub delivered: u64,
    /// What was sent again so far.
    pub resent: u64,
    /// The smoothed round trip.
    pub srtt: Duration,
}

/// Runs `flows` over `path` for its span; everything is drawn from `seed`. `watch` is told of each look.
pub fn run(path: &Path, flows: &[FlowConfig], seed: u64, watch: &mut dyn FnMut(&Glance)) -> RunReport {
    let flows: Vec<_> = flows.iter().map(|flow| (flow.starts, flow.tcp.clone())).collect();
    let mut lab = Lab::new(path.links(), MTU, &flows, seed);
    if path.trouble == Trouble::HeldBack {
        lab.be_strict();
    }
    let mut book = Book::new(path, flows.len());
    while lab.elapsed() < path.span() {
        lab.run((lab.elapsed() + GLANCE).min(path.span()));
        watch(book.glance(&lab, path));
    }
    book.close(&lab, path)
}

/// What is noted on the way.
struct Book {
    last: Glance,
    waits: Vec<Duration>,
    /// What each flow had delivered when half of the span was over.
    half: Vec<u64>,
    resumed: Vec<Option<Resumed>>,
}

impl Book {
    fn new(path: &Path, flows: usize) -> Self {
        let glances = path.span().as_nanos() / GLANCE.as_nanos() + 1;
        Self {
            last: Glance::default(),
            waits: Vec::with_capacity(usize::try_from(glances).unwrap_or_default()),
            half: vec![0; flows],
            resumed: vec![None; flows],
        }
    }

    fn glance(&mut self, lab: &Lab, path: &Path) -> &Glance {
        let at = lab.elapsed();
        let (queue, wait) = lab.there.waiting(lab.now());
        self.waits.push(wait);
        self.last = Glance { at, queue, wait, flows: Vec::new() };
        for (n, flow) in lab.flows.iter().enumerate() {
            let status = flow.sender.and_then(|id| lab.client.host.tcp_status(id)).unwrap_or_default();
            if at <= path.span() / 2 {
                self.half[n] = flow.arrivals.octets;
            }
            if let Some((_, healed)) = path.outage() {
                if at <= healed {
                    self.resumed[n] = Some(Resumed { after: None, rto: status.rto });
                } else if let Some(resumed) = &mut self.resumed[n]
                    && resumed.after.is_none()
                    && let Some(last) = flow.arrivals.last.filter(|&last| last >= healed)
                {
                    resumed.after = Some(last.saturating_sub(healed));
                }
            }
            self.last.flows.push(FlowGlance {
                cwnd: status.cwnd,
                ssthresh: status.ssthresh,
                in_flight: status.in_flight,
                delivered: flow.arrivals.octets,
                resent: status.retransmitted_octets,
                srtt: status.srtt.unwrap_or_default(),
            });
        }
        &self.last
    }

    fn close(mut self, lab: &Lab, path: &Path) -> RunReport {
        let flows: Vec<_> = lab.flows.iter().enumerate().map(|(n, flow)| self.flow(n, flow, lab)).collect();
        let sum = |of: fn(&FlowReport) -> u64| flows.iter().map(of).sum::<u64>() as f64;
        let (span, half) = (path.span(), path.span() / 2);
        let sent = (sum(|flow| flow.sent) + sum(|flow| flow.resent)).max(1.0);
        // What waits for a hole to be filled has come once, too.
        let kept: usize = (lab.server.host.tcp_connections())
            .filter_map(|id| lab.server.host.tcp_status(id))
            .map(|status| status.readable + status.out_of_order)
            .sum();
        let once = sum(|flow| flow.delivered) + kept as f64;
        RunReport {
            goodput: sum(|flow| flow.delivered) / path.capacity(span),
            goodput_late: sum(|flow| flow.delivered_late) / (path.capacity(span) - path.capacity(half)),
            wait_p50: percentile(&mut self.waits, 0.5),
            wait_p99: percentile(&mut self.waits, 0.99),
            resent: sum(|flow| flow.resent) / sent,
            needless: (lab.arrived as f64 - once).max(0.0) / sent,
            marked: lab.there.counters().marked,
            memory: [&lab.client, &lab.server].map(|end| end.host.budget().high_water()),
            flows,
        }
    }

    fn flow(&self, n: usize, flow: &Flow, lab: &Lab) -> FlowReport {
        let status = flow.sender.and_then(|id| lab.client.host.tcp_status(id)).unwrap_or_default();
        FlowReport {
            delivered: flow.arrivals.octets,
            delivered_late: flow.arrivals.octets - self.half[n],
            sent: flow.written - u64::from(status.unsent),
            resent: status.retransmitted_octets,
            stall: flow.arrivals.longest_gap(lab.elapsed()),
            resumed: self.resumed[n],
            died: flow.died,
        }
    }
}
