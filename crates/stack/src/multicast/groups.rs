//! Who is in which group, and when that is to be said: a pure machine (RFC 3376 §5, RFC 3810 §6).
//!
//! ```text
//!   join, leave ──► a change ──► said now, and again after 0–1 s, until it was said `robustness` times
//!   query ────────► an answer ─► said once after 0–max response; several queries, one answer: the earliest
//! ```
//!
//! Any-source only: a group is listened to or not. In the records' words: EXCLUDE nothing, or INCLUDE nothing.

use crate::InterfaceId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use env::{Duration, Instant, Rng};
use wire::igmp::RecordKind;

/// A change is told this often, since reports are not acknowledged (RFC 3376 §8.1, RFC 3810 §9.1).
const ROBUSTNESS: u8 = 2;
/// The most between two tellings of a change (RFC 3376 §8.11, RFC 3810 §9.11).
const UNSOLICITED_INTERVAL: Duration = Duration::from_secs(1);
/// The least between two answers to general queries: who asks without pause gets no flood of reports.
const ANSWER_SPACING: Duration = Duration::from_millis(200);
/// How long a querier of an older version is believed to be there (RFC 3376 §8.12, RFC 3810 §9.12).
const OLDER_QUERIER_PRESENT: Duration = Duration::from_secs(2 * 125 + 10);

/// The versions of the two protocols, by what a host may say in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Speech {
    /// IGMPv1: reports only.
    ReportsOnly,
    /// IGMPv2, MLDv1: a report or a leave, a message a group.
    OneGroup,
    /// IGMPv3, MLDv2: records.
    Records,
}

/// A router's question, of either protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) speech: Speech,
    pub(super) max_response: Duration,
    /// `None` asks for all groups.
    pub(super) group: Option<IpAddr>,
    /// What the querier says of robustness; 0 when it does not.
    pub(super) robustness: u8,
}

/// What is to be sent on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) interface: InterfaceId,
    pub(super) v4: bool,
    pub(super) speech: Speech,
    pub(super) records: Vec<(RecordKind, IpAddr)>,
}

/// All memberships of a host.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    groups: BTreeMap<(InterfaceId, IpAddr), Group>,
    links: BTreeMap<(InterfaceId, bool), Link>,
    rng: Rng,
    next: Option<Instant>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    users: u32,
    change: Option<Change>,
    answer: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    left: u8,
    due: Instant,
}

/// One protocol on one interface.
#[derive(Clone, Debug)]
struct Link {
    answer: Option<Instant>,
    answered: Instant,
    robustness: u8,
    older: Option<(Speech, Instant)>,
}

impl Link {
    fn speech(&self, now: Instant) -> Speech {
        self.older.filter(|(_, until)| now < *until).map_or(Speech::Records, |(speech, _)| speech)
    }
}

impl Default for Link {
    fn default() -> Self {
        Self { answer: None, answered: Instant::ZERO, robustness: ROBUSTNESS, older: None }
    }
}

impl Groups {
    pub(super) fn new(rng: Rng) -> Self {
        Self { groups: BTreeMap::new(), links: BTreeMap::new(), rng, next: None }
    }

    pub(super) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    pub(super) fn has_drawn(&self) -> bool {
        self.rng.has_drawn()
    }

    pub(super) fn contains(&self, interface: InterfaceId, group: IpAddr) -> bool {
        self.groups.get(&(interface, group)).is_some_and(|group| group.users > 0)
    }

    /// One more user of `group`.
    pub(super) fn join(&mut self, now: Instant, interface: InterfaceId, group: IpAddr) {
        let robustness = self.robustness(interface, group);
        let entry = self.groups.entry((interface, group)).or_default();
        entry.users = entry.users.saturating_add(1);
        if entry.users == 1 && is_reported(interface, group) {
            entry.change = Some(Change { left: robustness, due: now });
        }
        self.schedule();
    }

    /// One user less.
    pub(super) fn leave(&mut self, now: Instant, interface: InterfaceId, group: IpAddr) {
        let robustness = self.robustness(interface, group);
        let Some(entry) = self.groups.get_mut(&(interface, group)).filter(|entry| entry.users > 0) else {
            return;
        };
        entry.users -= 1;
        if entry.users == 0 {
            entry.answer = None;
            entry.change = is_reported(interface, group).then_some(Change { left: robustness, due: now });
            if entry.change.is_none() {
                self.groups.remove(&(interface, group));
            }
        }
        self.schedule();
    }

    /// A router asks (RFC 3376 §5.2, RFC 3810 §6.2).
    pub(super) fn ask(&mut self, now: Instant, interface: InterfaceId, v4: bool, question: Question) {
        let delay = self.delay(question.max_response);
        let link = self.links.entry((interface, v4)).or_default();
        if question.speech < Speech::Records {
            // RFC 3376 §7.2.1, RFC 3810 §8.2.1: the oldest version that is there is spoken.
            let oldest = question.speech.min(link.speech(now));
            link.older = Some((oldest, now + OLDER_QUERIER_PRESENT));
        }
        if question.robustness > 0 {
            link.robustness = question.robustness;
        }
        let at = now + delay;
        let pending = link.answer.filter(|pending| *pending <= at).is_some();
        match question.group {
            // An answer to all groups that comes first says it all.
            _ if pending => {}
            None => link.answer = Some(at.max(link.answered + ANSWER_SPACING)),
            Some(group) => {
                if let Some(entry) = self.groups.get_mut(&(interface, group)).filter(|entry| entry.users > 0)
                    && is_reported(interface, group)
                {
                    entry.answer = Some(entry.answer.map_or(at, |earlier| earlier.min(at)));
                }
            }
        }
        self.schedule();
    }

    /// When there is something to say.
    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// What is to be said at `now`.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Report> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let mut reports: Vec<Report> = Vec::new();
        let mut say = |interface, group: IpAddr, speech, kind| {
            let v4 = group.is_ipv4();
            let same = |report: &&mut Report| (report.interface, report.v4) == (interface, v4);
            match reports.iter_mut().rev().find(same) {
                Some(report) => report.records.push((kind, group)),
                None => reports.push(Report { interface, v4, speech, records: Vec::from([(kind, group)]) }),
            }
        };
        for (&(interface, group), entry) in &mut self.groups {
            let link = self.links.entry((interface, group.is_ipv4())).or_default();
            let speech = link.speech(now);
            let listening = entry.users > 0;
            if let Some(change) = entry.change.filter(|change| change.due <= now) {
                let kind = if listening { RecordKind::ChangeToExclude } else { RecordKind::ChangeToInclude };
                // In IGMPv1 nobody says that he leaves (RFC 3376 §7.2.1).
                if listening || speech > Speech::ReportsOnly {
                    say(interface, group, speech, kind);
                }
                let left = change.left.saturating_sub(1);
                let wait = random(&mut self.rng, UNSOLICITED_INTERVAL);
                entry.change = (left > 0).then(|| Change { left, due: now + wait });
            }
            let all = link.answer.is_some_and(|due| due <= now) && is_reported(interface, group);
            let asked = entry.answer.is_some_and(|due| due <= now);
            if listening && (all || asked) {
                say(interface, group, speech, RecordKind::ModeIsExclude);
                entry.answer = None;
            }
        }
        self.groups.retain(|_, entry| entry.users > 0 || entry.change.is_some());
        for link in self.links.values_mut() {
            if link.answer.is_some_and(|due| due <= now) {
                (link.answer, link.answered) = (None, now);
            }
        }
        self.schedule();
        reports
    }

    fn robustness(&self, interface: InterfaceId, group: IpAddr) -> u8 {
        self.links.get(&(interface, group.is_ipv4())).map_or(ROBUSTNESS, |link| link.robustness)
    }

    fn delay(&mut self, most: Duration) -> Duration {
        random(&mut self.rng, most)
    }

    fn schedule(&mut self) {
        let of_groups =
            self.groups.values().flat_map(|group| [group.change.map(|change| change.due), group.answer]);
        let of_links = self.links.values().map(|link| link.answer);
        self.next = of_groups.chain(of_links).flatten().min();
    }
}

/// A time in 0..=`most`.
fn random(rng: &mut Rng, most: Duration) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(rng.below(nanos.saturating_add(1)))
}

/// Whether routers want to know: not about the groups that everybody is in, not about what stays on this host (RFC 3376
/// §5, RFC 3810 §6), and nothing on loopback.
fn is_reported(interface: InterfaceId, group: IpAddr) -> bool {
    interface != InterfaceId::LOOPBACK
        && match group {
            IpAddr::V4(group) => group != Ipv4Addr::new(224, 0, 0, 1),
            IpAddr::V6(group) => {
                group.octets()[1] & 0xf >= 2 && group != Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)
            }
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: InterfaceId = InterfaceId::new(1);
    const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 1, 2, 4));
    const GROUP6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0, 9));
    const START: Instant = Instant::from_secs(10);

    fn groups() -> Groups {
        Groups::new(Rng::seeded(1))
    }

    fn question(group: Option<IpAddr>, speech: Speech) -> Question {
        Question { speech, max_response: Duration::from_secs(10), group, robustness: 0 }
    }

    fn one(speech: Speech, records: &[(RecordKind, IpAddr)]) -> Vec<Report> {
        let v4 = records[0].1.is_ipv4();
        Vec::from([Report { interface: LINK, v4, speech, records: records.to_vec() }])
    }

    /// Everything that is said from now on, with when it is said.
    fn run(groups: &mut Groups) -> Vec<(Instant, Vec<Report>)> {
        core::iter::from_fn(|| groups.next().map(|at| (at, groups.due(at)))).take(50).collect()
    }

    #[test]
    fn joining_is_said_at_once_and_once_more_within_a_second() {
        let mut groups = groups();
        groups.join(START, LINK, GROUP);
        groups.join(START, LINK, GROUP);
        assert!(groups.contains(LINK, GROUP) && !groups.contains(LINK, OTHER));
        let said = run(&mut groups);
        let joined = one(Speech::Records, &[(RecordKind::ChangeToExclude, GROUP)]);
        assert_eq!(said.len(), 2);
        assert!(said.iter().all(|(_, reports)| *reports == joined));
        assert_eq!(said[0].0, START);
        assert!(said[1].0 > START && said[1].0 <= START + UNSOLICITED_INTERVAL);
        assert_eq!(groups.next(), None);
    }

    #[test]
    fn leaving_is_said_when_the_last_user_leaves_and_then_all_is_forgotten() {
        let mut groups = groups();
        groups.join(START, LINK, GROUP6);
        groups.join(START, LINK, GROUP6);
        run(&mut groups);
        groups.leave(START, LINK, GROUP6);
        assert_eq!(groups.next(), None);
        groups.leave(START, LINK, GROUP6);
        groups.leave(START, LINK, GROUP6);
        assert!(!groups.contains(LINK, GROUP6));
        let said = run(&mut groups);
        assert_eq!(said.len(), 2);
        assert_eq!(said[0].1, one(Speech::Records, &[(RecordKind::ChangeToInclude, GROUP6)]));
        assert!(groups.groups.is_empty());
    }

    #[test]
    fn joining_again_before_the_leave_was_said_twice_says_only_what_is_true_now() {
        let mut groups = groups();
        groups.join(START, LINK, GROUP);
        groups.due(START);
        groups.leave(START, LINK, GROUP);
        groups.due(START);
        groups.join(START, LINK, GROUP);
        let said = run(&mut groups);
        assert!(said.iter().all(|(_, reports)| reports[0].records == [(RecordKind::ChangeToExclude, GROUP)]));
        assert_eq!(said.len(), 2);
    }

    #[test]
    fn a_general_query_draws_one_answer_with_every_group_at_a_random_time() {
        let mut groups = groups();
        for group in [GROUP, OTHER, GROUP6] {
            groups.join(START, LINK, group);
        }
        run(&mut groups);
        let mut times = Vec::new();
        for n in 0..20 {
            let at = START + Duration::from_secs(100 * n);
            groups.ask(at, LINK, true, question(None, Speech::Records));
            groups.ask(at, LINK, true, question(None, Speech::Records));
            groups.ask(at + Duration::from_secs(10), LINK, true, question(Some(GROUP), Speech::Records));
            let said = run(&mut groups);
            let records = [(RecordKind::ModeIsExclude, GROUP), (RecordKind::ModeIsExclude, OTHER)];
            assert_eq!(said.len(), 1);
            assert_eq!(said[0].1, one(Speech::Records, &records));
            assert!(said[0].0.since(at) <= Duration::from_secs(10));
            times.push(said[0].0.since(at).as_millis() / 1_000);
        }
        times.sort_unstable();
        times.dedup();
        assert!(times.len() > 5, "{times:?}");
    }

    #[test]
    fn a_query_about_a_group_is_answered_by_who_is_in_it() {
        let mut groups = groups();
        groups.join(START, LINK, GROUP);
        run(&mut groups);
        groups.ask(START, LINK, true, question(Some(OTHER), Speech::Records));
        assert_eq!(groups.next(), None);
        groups.ask(START, LINK, true, question(Some(GROUP), Speech::Records));
        let said = run(&mut groups);
        assert_eq!(said[0].1, one(Speech::Records, &[(RecordKind::ModeIsExclude, GROUP)]));
        assert_eq!(said.len(), 1);
    }

    #[test]
    fn who_asks_without_pause_gets_no_flood() {
        let mut groups = groups();
        groups.join(START, LINK, GROUP);
        run(&mut groups);
        let mut answers = 0;
        for n in 0..1_000 {
            let now = START + Duration::from_millis(n);
            let urgent = Question { max_response: Duration::ZERO, ..question(None, Speech::Records) };
            groups.ask(now, LINK, true, urgent);
            answers += groups.due(now).len();
        }
        assert!((1..=6).contains(&answers), "{answers}");
    }

    #[test]
    fn the_version_of_an_older_querier_is_spoken_for_as_long_as_it_may_be_there() {
        let mut groups = groups();
        groups.ask(START, LINK, true, question(None, Speech::OneGroup));
        run(&mut groups);
        groups.join(START, LINK, GROUP);
        assert_eq!(groups.due(START), one(Speech::OneGroup, &[(RecordKind::ChangeToExclude, GROUP)]));
        run(&mut groups);
        groups.ask(START, LINK, true, question(None, Speech::ReportsOnly));
        run(&mut groups);
        groups.leave(START, LINK, GROUP);
        assert_eq!(groups.due(START), []);
        let later = START + OLDER_QUERIER_PRESENT;
        groups.join(later, LINK, GROUP);
        assert_eq!(groups.due(later), one(Speech::Records, &[(RecordKind::ChangeToExclude, GROUP)]));
    }

    #[test]
    fn robustness_is_what_the_querier_says() {
        let mut groups = groups();
        groups.ask(START, LINK, true, Question { robustness: 5, ..question(None, Speech::Records) });
        run(&mut groups);
        groups.join(START, LINK, GROUP);
        assert_eq!(run(&mut groups).len(), 5);
    }

    #[test]
    fn groups_that_everybody_is_in_or_that_stay_here_are_not_reported() {
        let mut groups = groups();
        groups.join(START, InterfaceId::LOOPBACK, GROUP);
        for group in ["224.0.0.1", "ff02::1", "ff01::5", "ff00::5"] {
            groups.join(START, LINK, group.parse().unwrap());
            assert!(groups.contains(LINK, group.parse().unwrap()));
        }
        groups.ask(START, LINK, false, question(None, Speech::Records));
        groups.ask(START, LINK, true, question(None, Speech::Records));
        assert!(run(&mut groups).iter().all(|(_, reports)| reports.is_empty()));
        for group in ["224.0.0.1", "ff02::1", "ff01::5", "ff00::5"] {
            groups.leave(START, LINK, group.parse().unwrap());
        }
        assert_eq!(groups.groups.len(), 1);
    }
}
