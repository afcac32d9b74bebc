//! From events to the steps of each side, in that side's own order, with what became of each packet.

use super::Settings;
use crate::Entry;
use crate::flow::Flows;
use crate::text::{Tone, printable};
use crate::windows::Windows;
use device::impair::{LinkEvent, What};
use env::Instant;
use stack::{InterfaceId, Trace};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use tcp::{Cause, Note, State, Why};

mod packet;

pub(crate) use packet::{Label, describe, segment};

/// Everything that is to be drawn.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// Left and right, each in its own order.
    pub(crate) steps: [Vec<Step>; 2],
    pub(crate) packets: Vec<Packet>,
    /// State of each side before anything happened, where one connection is all there is.
    pub(crate) before: [Option<State>; 2],
    /// The two ends, when one pair of sockets is all there is.
    pub(crate) ends: Option<[SocketAddr; 2]>,
}

/// Something that one side saw or did.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: Instant,
    /// Where in the log, to tell earlier from later at one instant.
    pub(crate) order: usize,
    pub(crate) act: Act,
    /// The state that it ended in, if that is another.
    pub(crate) state: Option<State>,
    /// What is to be said under it, on this side.
    pub(crate) notes: Vec<Remark>,
    /// An arrival of what was sent at an earlier instant.
    pub(crate) travelled: bool,
}

/// A line under a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    pub(crate) bad: bool,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// It sent packet number so-and-so.
    Send(usize),
    /// Packet number so-and-so arrived; the nth copy of it, from 0.
    Receive(usize, usize),
    /// Nothing travelled.
    Local,
    /// Said of both sides: whatever happened before it stands above, on both.
    Across,
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) label: Label,
    /// When it was sent; `None` when nobody here did: it was made up by somebody else.
    pub(crate) left: Option<Instant>,
    /// What happened to it on the way.
    pub(crate) fate: Vec<Remark>,
    /// It was lost for good: no copy of it arrives.
    pub(crate) lost: Option<String>,
    /// How often it arrives.
    pub(crate) arrivals: usize,
    /// It was held back: it leaves in one row and arrives in another.
    pub(crate) slow: bool,
}

/// Reads the log.
struct Reader<'a> {
    settings: &'a Settings,
    story: Story,
    flows: Flows,
    /// Packets by sender and frame number, and when they were sent.
    sent: BTreeMap<(usize, u64), (usize, Instant)>,
    /// What a link told of packets before their sender did.
    early: BTreeMap<(usize, u64), Vec<LinkEvent>>,
    /// What a side did that waits for the packet that it leads to.
    pending: [Vec<Pending>; 2],
    windows: Windows,
    /// Several pairs of sockets talk: each arrow says which.
    many: bool,
    /// Pairs of sockets within one host: the first to send is drawn on the left, the second one on the right.
    inside: BTreeSet<(SocketAddr, SocketAddr)>,
}

/// A call or a change of state that has not been drawn yet.
struct Pending {
    at: Instant,
    order: usize,
    state: Option<State>,
    /// What to say if no packet says it.
    text: String,
    /// Say it even then.
    always: bool,
}

impl Story {
    pub(crate) fn read(entries: &[Entry], settings: &Settings) -> Self {
        let pairs = pairs(entries);
        let mut reader = Reader {
            settings,
            story: Self::default(),
            flows: Flows::default(),
            sent: BTreeMap::new(),
            early: BTreeMap::new(),
            pending: [Vec::new(), Vec::new()],
            windows: Windows::default(),
            many: pairs.len() > 1,
            inside: BTreeSet::new(),
        };
        if let [(left, right)] = pairs.as_slice() {
            reader.story.ends = Some([*left, *right]);
            reader.story.before = before(entries, *right);
        }
        for (order, entry) in entries.iter().enumerate() {
            reader.read(order, entry);
        }
        reader.flush(0);
        reader.flush(1);
        let Self { steps, .. } = &mut reader.story;
        steps.iter_mut().for_each(|steps| arrivals_first(steps));
        reader.story
    }
}

/// What arrives at one instant stands together, before what is sent at that instant: ten segments and their ten ACKs are
/// twenty arrows, and not forty halves of arrows.
///
/// This can contradict nobody: what arrives now was sent before now, and what is sent now arrives later.
fn arrivals_first(steps: &mut [Step]) {
    for end in 1..steps.len() {
        let mut at = end;
        while at > 0
            && let [one, other] = &steps[at - 1..=at]
            && one.at == other.at
            && matches!(one.act, Act::Send(_))
            && matches!(other.act, Act::Receive(..))
            && other.travelled
        {
            steps.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// The pairs of sockets that TCP or UDP packets travel between: left end first.
fn pairs(entries: &[Entry]) -> Vec<(SocketAddr, SocketAddr)> {
    let mut pairs: Vec<(SocketAddr, SocketAddr)> = Vec::new();
    for entry in entries {
        let Entry::Host { host, what } = entry else { continue };
        let (from_left, local, packet) = match what {
            Trace::Sent { packet, interface, .. } => {
                (*host == 0, *interface == InterfaceId::LOOPBACK, packet)
            }
            Trace::Received { packet, interface, .. } => {
                (*host != 0, *interface == InterfaceId::LOOPBACK, packet)
            }
            _ => continue,
        };
        let Some((src, dst)) = packet::ends(packet) else { continue };
        let pair = if from_left || local { (src, dst) } else { (dst, src) };
        // What a host tells itself travels both ways on the same side.
        let known = pairs.contains(&pair) || (local && pairs.contains(&(pair.1, pair.0)));
        if !known {
            pairs.push(pair);
        }
    }
    pairs
}

/// The state that each side's first change of state leaves.
fn before(entries: &[Entry], right: SocketAddr) -> [Option<State>; 2] {
    let first = |side: usize| {
        entries.iter().find_map(|entry| match entry {
            Entry::Host { host, what: Trace::Tcp { local, remote, note: Note::State { from, .. }, .. } } => {
                let at_right = *host == 1 || (*local == right && local != remote);
                (usize::from(at_right) == side).then_some(*from)
            }
            _ => None,
        })
    };
    [first(0), first(1)]
}

impl Reader<'_> {
    fn read(&mut self, order: usize, entry: &Entry) {
        match entry {
            Entry::Host { host, what } => self.host(order, (*host).min(1), what),
            Entry::Link { from, event } => self.link((*from).min(1), event),
            Entry::Said { at, host: None, text } => {
                for side in [0, 1] {
                    self.flush(side);
                    let notes = vec![Remark { bad: false, text: printable(text) }];
                    self.push(
                        side,
                        Step { at: *at, order, act: Act::Across, state: None, notes, travelled: false },
                    );
                }
            }
            Entry::Said { at, host: Some(host), text } => {
                let side = (*host).min(1);
                self.settle(side, *at);
                self.pending[side].push(Pending {
                    at: *at,
                    order,
                    state: None,
                    text: printable(text),
                    always: true,
                });
            }
        }
    }

    fn host(&mut self, order: usize, side: usize, what: &Trace) {
        match what {
            Trace::Sent { at, frame, interface, packet, why } => {
                let side = self.inside(side, *interface, packet, true);
                self.settle(side, *at);
                let lang = self.settings.lang;
                if let Some((src, dst, header)) = packet::segment(packet) {
                    self.flows.learn(src, dst, header);
                }
                let mut label = describe(packet, &self.flows, lang, self.many);
                if matches!(why, Some(Why::RetransmissionTimeout(_))) && label.tone == Tone::Opens {
                    label.options = None; // They were told the first time.
                }
                let number = self.story.packets.len();
                self.story.packets.push(Packet {
                    label,
                    left: Some(*at),
                    fate: Vec::new(),
                    lost: None,
                    arrivals: 0,
                    slow: false,
                });
                self.sent.insert((side, *frame), (number, *at));
                for event in self.early.remove(&(side, *frame)).unwrap_or_default() {
                    self.link(side, &event);
                }
                // What led to it is told by its reason; a call that it does not follow from alone is named.
                let led = std::mem::take(&mut self.pending[side]);
                let state = led.iter().rev().find_map(|p| p.state);
                let mut words: Vec<String> = led.into_iter().filter(|p| p.always).map(|p| p.text).collect();
                words.extend(why.map(|why| lang.why(why)));
                let notes = (!words.is_empty())
                    .then(|| Remark { bad: false, text: words.join(" · ") })
                    .into_iter()
                    .collect();
                self.push(
                    side,
                    Step { at: *at, order, act: Act::Send(number), state, notes, travelled: false },
                );
            }
            Trace::Received { at, frame, interface, packet } => {
                let side = self.inside(side, *interface, packet, false);
                self.flush(side);
                let number = self.arriving(side, *frame);
                if number.is_none()
                    && let Some((src, dst, header)) = packet::segment(packet)
                    && !self.flows.knows(src, dst)
                {
                    // Nobody has numbers there that it could be mistaken for.
                    self.flows.learn(src, dst, header);
                }
                let number = number.unwrap_or_else(|| {
                    let label = describe(packet, &self.flows, self.settings.lang, self.many);
                    self.unknown(label)
                });
                self.arrive(order, side, *at, number);
            }
            Trace::Dropped { at, frame, why, .. } => {
                let text = self.settings.lang.drop(*why);
                self.refuse(order, side, *at, *frame, text);
            }
            Trace::Tcp { at, local, remote, note } => {
                let side = if self.inside.contains(&(*local, *remote)) {
                    // One socket that talks to itself is drawn twice: it sends on the left and receives on the right.
                    usize::from(local == remote && self.arrival(1, *at).is_some())
                } else if self.inside.contains(&(*remote, *local)) {
                    1
                } else {
                    side
                };
                self.note(order, side, *at, (*local, *remote), note);
            }
            _ => {}
        }
    }

    /// The side of a packet that a host sends to itself: the first socket to send is on the left.
    fn inside(
        &mut self,
        side: usize,
        interface: InterfaceId,
        packet: &stack::trace::Packet,
        sends: bool,
    ) -> usize {
        if interface != InterfaceId::LOOPBACK {
            return side;
        }
        let Some((src, dst)) = packet::ends(packet) else { return side };
        let from = usize::from(src != dst && self.inside.contains(&(dst, src)));
        if from == 0 {
            self.inside.insert((src, dst));
        }
        if sends { from } else { 1 - from }
    }

    /// The packet that arrives with this number at `side`, if anybody here sent it: number 0 is nobody's.
    fn arriving(&self, side: usize, frame: u64) -> Option<usize> {
        self.sent.get(&(1 - side, frame)).filter(|_| frame != 0).map(|(number, _)| *number)
    }

    /// A packet from elsewhere.
    fn unknown(&mut self, label: Label) -> usize {
        self.story.packets.push(Packet {
            label,
            left: None,
            fate: Vec::new(),
            lost: None,
            arrivals: 0,
            slow: false,
        });
        self.story.packets.len() - 1
    }

    fn arrive(&mut self, order: usize, side: usize, at: Instant, number: usize) {
        let Some(packet) = self.story.packets.get_mut(number) else { return };
        let copy = packet.arrivals;
        packet.arrivals += 1;
        let travelled = packet.left.is_some_and(|left| left < at);
        let act = Act::Receive(number, copy);
        self.push(side, Step { at, order, act, state: None, notes: Vec::new(), travelled });
    }

    /// A packet that came in and was not used: said under its arrival. One that could not even be read arrives here.
    fn refuse(&mut self, order: usize, side: usize, at: Instant, frame: u64, text: String) {
        let number = self.arriving(side, frame);
        let last = self.story.steps[side].last_mut();
        let seen = last.filter(|step| match step.act {
            Act::Receive(n, _) => step.at == at && number.is_none_or(|number| number == n),
            _ => false,
        });
        let remark = Remark { bad: true, text: format!("✗ {text}") };
        match (seen, number) {
            // TCP's own note has said it already, in the same words or better ones.
            (Some(step), _) if step.notes.iter().any(|n| n.bad) => {}
            (Some(step), _) => step.notes.push(remark),
            (None, Some(number)) => {
                self.flush(side);
                self.arrive(order, side, at, number);
                if let Some(step) = self.story.steps[side].last_mut() {
                    step.notes.push(remark);
                }
            }
            (None, None) => {
                self.flush(side);
                self.push(
                    side,
                    Step { at, order, act: Act::Local, state: None, notes: vec![remark], travelled: false },
                );
            }
        }
    }

    fn note(&mut self, order: usize, side: usize, at: Instant, ends: (SocketAddr, SocketAddr), note: &Note) {
        let lang = self.settings.lang;
        let (local, remote) = ends;
        if let Some(mut text) = self.windows.tell((side, local, remote), note, self.settings.estimates, lang)
        {
            if self.many && self.arrival(side, at).is_none() {
                text = format!("{text} ({remote})");
            }
            return self.aside(order, side, at, false, text);
        }
        match note {
            Note::State { to, cause, .. } => self.state(order, side, at, remote, *to, *cause),
            Note::Discarded { why, .. } => {
                self.discarded(order, side, at, format!("✗ {}", lang.discard(*why)))
            }
            Note::Remark { what, .. } => self.aside(order, side, at, false, lang.remark(what).to_owned()),
            Note::RoundTrip { sample, srtt, rto, .. } if self.settings.estimates => {
                let [sample, srtt, rto] = [*sample, *srtt, *rto].map(|span| lang.span(span));
                let what = lang.pick("round trip", "왕복 시간");
                self.aside(order, side, at, false, format!("{what} {sample}: SRTT {srtt}, RTO {rto}"));
            }
            _ => {}
        }
    }

    fn state(&mut self, order: usize, side: usize, at: Instant, remote: SocketAddr, to: State, cause: Cause) {
        let lang = self.settings.lang;
        let arrived = matches!(cause, Cause::Arrived(_));
        if arrived && let Some(step) = self.arrival(side, at) {
            step.state = Some(to);
            return;
        }
        self.settle(side, at);
        let mut text = lang.cause(cause);
        if self.many {
            text = format!("{text} ({remote})");
        }
        self.pending[side].push(Pending { at, order, state: Some(to), text, always: false });
    }

    /// TCP says why it did not use what just arrived: in better words than the counter's name, which may have come first.
    fn discarded(&mut self, order: usize, side: usize, at: Instant, text: String) {
        if let Some(said) = self.arrival(side, at).and_then(|step| step.notes.iter_mut().find(|n| n.bad)) {
            said.text = text;
            return;
        }
        self.aside(order, side, at, true, text);
    }

    /// Something said of what just arrived, or on its own.
    fn aside(&mut self, order: usize, side: usize, at: Instant, bad: bool, text: String) {
        let remark = Remark { bad, text };
        if let Some(step) = self.arrival(side, at) {
            if !step.notes.contains(&remark) {
                step.notes.push(remark);
            }
            return;
        }
        self.flush(side);
        self.push(
            side,
            Step { at, order, act: Act::Local, state: None, notes: vec![remark], travelled: false },
        );
    }

    /// The last thing that this side saw, if that was an arrival at this very instant.
    fn arrival(&mut self, side: usize, at: Instant) -> Option<&mut Step> {
        let step = self.story.steps[side].last_mut()?;
        (step.at == at && matches!(step.act, Act::Receive(..)) && self.pending[side].is_empty())
            .then_some(step)
    }

    fn link(&mut self, from: usize, event: &LinkEvent) {
        let Some(text) = self.settings.lang.link(event) else { return };
        let of_this = |&&(number, at): &&(usize, Instant)| {
            // A host that began anew counts its frames anew; what is lost by a cut is lost when it would arrive.
            at == event.at
                || (matches!(event.what, What::Lost(_)) && self.story.packets[number].arrivals == 0)
        };
        let Some(&(number, _)) = self.sent.get(&(from, event.id)).filter(of_this) else {
            return self.early.entry((from, event.id)).or_default().push(*event);
        };
        let Some(packet) = self.story.packets.get_mut(number) else { return };
        match event.what {
            What::Lost(_) => packet.lost = Some(text),
            What::Corrupted { .. } => packet.fate.push(Remark { bad: true, text }),
            What::Reordered => {
                packet.slow = true;
                packet.fate.push(Remark { bad: false, text });
            }
            _ => packet.fate.push(Remark { bad: false, text }),
        }
    }

    /// What waited at an earlier instant led to no packet.
    fn settle(&mut self, side: usize, at: Instant) {
        if self.pending[side].iter().any(|p| p.at != at) {
            self.flush(side);
        }
    }

    /// What waits is drawn on its own.
    fn flush(&mut self, side: usize) {
        for waiting in std::mem::take(&mut self.pending[side]) {
            let notes = vec![Remark { bad: false, text: waiting.text }];
            let Pending { at, order, state, .. } = waiting;
            self.push(side, Step { at, order, act: Act::Local, state, notes, travelled: false });
        }
    }

    fn push(&mut self, side: usize, step: Step) {
        self.story.steps[side].push(step);
    }
}
