//! What is done to a world at a set time.

use super::{HostId, LinkId, World};
use device::impair::{Cut, Profile};
use env::{Duration, Instant};
use stack::InterfaceId;
use std::fmt;
use std::sync::Arc;
use wire::Frame;

/// Something that is done to a world, now ([`World::apply`]) or at a set time ([`World::at`]).
#[derive(Clone)]
#[non_exhaustive]
pub enum Fault {
    /// One direction of a link becomes like this.
    Profile(LinkId, Box<Profile>),
    /// A link is cut both ways, for so long.
    Cut(LinkId, Duration),
    /// Packets larger than this no longer pass one direction of a link; see [`World::route_errors`] for whether their
    /// sender is told. `None` lifts the limit.
    Mtu(LinkId, Option<usize>),
    /// A host does nothing for so long: what arrives waits.
    Pause(HostId, Duration),
    /// A host loses power: it forgets everything and begins anew, with the same addresses and fresh secrets.
    Restart(HostId),
    /// A frame arrives at a host out of nowhere, not checked by the invariants of the sender's side.
    Inject(HostId, InterfaceId, Frame),
    /// Anything else, with a name for the log.
    Do(&'static str, Arc<dyn Fn(&mut World) + Send + Sync>),
}

impl Fault {
    /// Anything that a world's methods can do.
    pub fn run(name: &'static str, what: impl Fn(&mut World) + Send + Sync + 'static) -> Self {
        Self::Do(name, Arc::new(what))
    }

    pub(super) fn apply(self, world: &mut World) {
        match self {
            Self::Profile(link, profile) => *world.link_mut(link).profile_mut() = *profile,
            Self::Cut(link, lasts) => {
                let cut = Cut { from: world.now(), until: world.now() + lasts };
                for one in [link, link.back()] {
                    world.link_mut(one).profile_mut().cuts.push(cut);
                }
            }
            Self::Mtu(link, mtu) => world.link_mut(link).profile_mut().mtu = mtu,
            Self::Pause(host, lasts) => world.pause(host, world.now() + lasts),
            Self::Restart(host) => world.restart(host),
            Self::Inject(host, interface, frame) => world.inject(host, interface, frame),
            Self::Do(_, what) => what(world),
        }
    }
}

/// In words, for the log.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(link, profile) => write!(f, "{link} becomes {profile}"),
            Self::Cut(link, lasts) => write!(f, "{link} is cut both ways for {lasts:?}"),
            Self::Mtu(link, Some(mtu)) => write!(f, "{link} takes packets of {mtu} octets at most"),
            Self::Mtu(link, None) => write!(f, "{link} takes packets of any size"),
            Self::Pause(host, lasts) => write!(f, "{host} pauses for {lasts:?}"),
            Self::Restart(host) => write!(f, "{host} loses power and begins anew"),
            Self::Inject(host, _, frame) => {
                write!(f, "a packet of {} octets is forged to {host}", frame.len())
            }
            Self::Do(name, _) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A fault in the schedule: ordered by instant, then by when it was planned.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) at: Instant,
    pub(super) count: u64,
    pub(super) fault: Fault,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.count).cmp(&(other.at, other.count))
    }
}
