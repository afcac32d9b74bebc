//! A host in a world, and what the world knows of it.

use super::{LinkId, Record};
use env::{Instant, Rng};
use stack::{Host, HostConfig, InterfaceConfig, InterfaceId, RouteEntry};
use std::collections::VecDeque;
use std::sync::Arc;
use wire::Frame;

/// Frames that wait for a paused host; a device's ring holds no more.
pub(super) const RING: usize = 1024;

/// A host, how to build it anew, and where its interfaces lead.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) host: Host,
    pub(super) config: HostConfig,
    pub(super) interfaces: Vec<Attachment>,
    pub(super) routes: Vec<RouteEntry>,
    pub(super) rng: Rng,
    /// Asleep until then.
    pub(super) paused: Option<Instant>,
    /// What arrived meanwhile.
    pub(super) ring: VecDeque<(InterfaceId, Frame)>,
    /// How often it has begun anew.
    pub(super) boots: u32,
    /// A user who answers at once.
    pub(super) reflex: Option<Reflex>,
}

/// What a user does whenever a host was turned, before it sends.
pub(super) type Reflex = Arc<dyn Fn(&mut Host, Instant) + Send + Sync>;

/// An interface, and the link that its frames enter.
#[derive(Clone)]
pub(super) struct Attachment {
    pub(super) id: InterfaceId,
    pub(super) config: InterfaceConfig,
    pub(super) link: LinkId,
}

impl Node {
    /// A host with secrets drawn from `rng`.
    ///
    /// # Panics
    /// When `config` is outside its limits: a mistake of the scene.
    pub(super) fn new(name: &str, config: HostConfig, mut rng: Rng, record: Option<Record>) -> Self {
        let host = fresh(&config, &mut rng, record);
        Self {
            name: name.into(),
            host,
            config,
            interfaces: Vec::new(),
            routes: Vec::new(),
            rng,
            paused: None,
            ring: VecDeque::new(),
            boots: 0,
            reflex: None,
        }
    }

    /// Attaches an interface whose frames enter `link`.
    ///
    /// # Panics
    /// When the host refuses it: a mistake of the scene.
    pub(super) fn attach(&mut self, now: Instant, config: InterfaceConfig, link: LinkId) -> InterfaceId {
        let id = match self.host.add_interface(now, config.clone()) {
            Ok(id) => id,
            Err(why) => panic!("{}: interface {:?}: {why:?}", self.name, config.name),
        };
        self.interfaces.push(Attachment { id, config, link });
        id
    }

    /// Loses power, and begins anew.
    pub(super) fn restart(&mut self, now: Instant, watch: bool, record: Option<Record>) {
        self.host = fresh(&self.config, &mut self.rng, record);
        self.host.watch(watch);
        self.paused = None;
        self.ring.clear();
        self.boots += 1;
        for attachment in &mut self.interfaces {
            match self.host.add_interface(now, attachment.config.clone()) {
                Ok(id) => attachment.id = id,
                Err(why) => panic!("{}: interface {:?}: {why:?}", self.name, attachment.config.name),
            }
        }
        for &entry in &self.routes {
            if let Err(why) = self.host.add_route(entry) {
                panic!("{}: {entry:?}: {why:?}", self.name);
            }
        }
    }

    pub(super) fn attachment(&self, interface: InterfaceId) -> Option<&Attachment> {
        self.interfaces.iter().find(|a| a.id == interface)
    }
}

fn fresh(config: &HostConfig, rng: &mut Rng, record: Option<Record>) -> Host {
    let mut seed = [0; 32];
    rng.fill(&mut seed);
    let mut host = match Host::new(config.clone(), seed) {
        Ok(host) => host,
        Err(why) => panic!("the host's configuration: {why}"),
    };
    if let Some(record) = record {
        let journal = host.journal(record == Record::Payload);
        debug_assert!(journal.is_ok(), "the host is new");
    }
    host
}
