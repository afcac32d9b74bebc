//! The search.

use super::state::{Action, Scratch, World};
use super::{Limits, forbidden};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use tcp::State;

/// What a search found: everything holds.
#[derive(Clone, Debug)]
pub struct Explored {
    /// States of the whole model.
    pub states: usize,
    /// Transitions between them.
    pub transitions: usize,
    /// States in which both users have let go.
    pub abandoned: usize,
    /// States in which nothing is left of the connection.
    pub over: usize,
    /// Pairs of both ends' states, and in how many states of the model.
    pub pairs: BTreeMap<(State, State), usize>,
}

/// Something that must hold does not, and how it came to that.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What does not hold.
    pub what: String,
    /// From the beginning on, what happened and how things stood then.
    pub trail: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        self.trail.iter().try_for_each(|step| writeln!(f, "  {step}"))
    }
}

impl std::error::Error for Failure {}

/// What is kept of each state.
struct Known {
    parent: u32,
    action: Option<Action>,
    over: bool,
    abandoned: bool,
}

struct Search<'a> {
    limits: &'a Limits,
    known: Vec<Known>,
    by_print: HashMap<u128, u32>,
    edges: Vec<(u32, u32, Action)>,
}

/// Explores everything that can happen within `limits`.
///
/// # Errors
/// [`Failure`]: a forbidden pair of states, a stream that is not what was sent, something that waits without a deadline,
/// segments that are answered for ever, or a connection that outlives both users.
pub fn explore(limits: &Limits) -> Result<Explored, Failure> {
    let mut search = Search { limits, known: Vec::new(), by_print: HashMap::new(), edges: Vec::new() };
    let mut scratch = Scratch::default();
    let mut pairs = BTreeMap::new();
    let first = World::new(limits, &mut scratch);
    search.meet(&first, 0, None);
    let mut queue = VecDeque::from([(0, first)]);
    let mut actions = Vec::new();
    while let Some((index, world)) = queue.pop_front() {
        let (a, b) = world.pair();
        *pairs.entry((a, b)).or_insert(0) += 1;
        if let Some(why) = forbidden(a, b) {
            return Err(search.failure(index, None, format!("{a} and {b} at the same time: {why}")));
        }
        actions.clear();
        world.actions(limits, &mut actions);
        for &action in &actions {
            let mut next = world.clone();
            if let Err(what) = next.apply(action, limits, &mut scratch) {
                return Err(search.failure(index, Some(action), what));
            }
            let (to, fresh) = search.meet(&next, index, Some(action));
            search.edges.push((index, to, action));
            if fresh {
                queue.push_back((to, next));
            }
            if search.known.len() > limits.most {
                let what = format!("more than {} states", limits.most);
                return Err(Failure { what, trail: Vec::new() });
            }
        }
    }
    search.check_ends()?;
    search.check_loops("segments are answered for ever", |_, action| action.is_delivery())?;
    search.check_loops("a connection outlives both users: it goes round for ever", |from, action| {
        from.abandoned && !action.is_call()
    })?;
    Ok(Explored {
        states: search.known.len(),
        transitions: search.edges.len(),
        abandoned: search.known.iter().filter(|known| known.abandoned).count(),
        over: search.known.iter().filter(|known| known.over).count(),
        pairs,
    })
}

impl Search<'_> {
    /// The number of a state, and whether it is new.
    fn meet(&mut self, world: &World, parent: u32, action: Option<Action>) -> (u32, bool) {
        match self.by_print.entry(world.print()) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(fresh) => {
                let index = self.known.len() as u32;
                fresh.insert(index);
                let (over, abandoned) = (world.is_over(), world.is_abandoned());
                self.known.push(Known { parent, action, over, abandoned });
                (index, true)
            }
        }
    }

    /// Once both users have let go, what is left happens by itself: every such state leads to the end.
    fn check_ends(&self) -> Result<(), Failure> {
        let mut back = vec![Vec::new(); self.known.len()];
        for &(from, to, action) in &self.edges {
            if !action.is_call() {
                back[to as usize].push(from);
            }
        }
        let mut ends = vec![false; self.known.len()];
        let mut stack: Vec<u32> =
            (0..self.known.len() as u32).filter(|&index| self.known[index as usize].over).collect();
        while let Some(index) = stack.pop() {
            if !std::mem::replace(&mut ends[index as usize], true) {
                stack.extend(&back[index as usize]);
            }
        }
        match self.known.iter().zip(&ends).position(|(known, ends)| known.abandoned && !ends) {
            Some(stuck) => Err(self.failure(
                stuck as u32,
                None,
                "a connection outlives both users: nothing ends it".into(),
            )),
            None => Ok(()),
        }
    }

    /// No circle consists of the chosen transitions alone: takes away whatever nothing chosen leads to, until nothing is
    /// left, or a circle.
    fn check_loops(&self, what: &str, chosen: impl Fn(&Known, Action) -> bool) -> Result<(), Failure> {
        let mut ahead = vec![Vec::new(); self.known.len()];
        let mut entries = vec![0u32; self.known.len()];
        for &(from, to, action) in &self.edges {
            if chosen(&self.known[from as usize], action) {
                ahead[from as usize].push(to);
                entries[to as usize] += 1;
            }
        }
        let mut free: Vec<u32> = (0..entries.len() as u32).filter(|&i| entries[i as usize] == 0).collect();
        let mut taken = 0;
        while let Some(index) = free.pop() {
            taken += 1;
            for &to in &ahead[index as usize] {
                entries[to as usize] -= 1;
                if entries[to as usize] == 0 {
                    free.push(to);
                }
            }
        }
        if taken == entries.len() {
            return Ok(());
        }
        // What is left lies on a circle or behind one; whoever is met again, going back, is on it.
        let on = entries.iter().position(|&entries| entries > 0).unwrap_or(0);
        Err(self.failure(on as u32, None, what.into()))
    }

    /// How it came to a state, by doing it all again.
    fn failure(&self, index: u32, last: Option<Action>, what: String) -> Failure {
        let mut actions: Vec<Action> = last.into_iter().collect();
        let mut at = index;
        while let Some(action) = self.known[at as usize].action {
            actions.push(action);
            at = self.known[at as usize].parent;
        }
        let mut scratch = Scratch::default();
        let mut world = World::new(self.limits, &mut scratch);
        let mut trail = vec![world.describe()];
        for action in actions.into_iter().rev() {
            let outcome = world.apply(action, self.limits, &mut scratch);
            trail.push(format!("{action:?} -> {}", world.describe()));
            if let Err(why) = outcome {
                trail.push(why);
                break;
            }
        }
        Failure { what, trail }
    }
}
