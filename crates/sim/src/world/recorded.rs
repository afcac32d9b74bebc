//! Recordings of hosts in a world: what a host in the field would have recorded, in memory.

use super::{HostId, World};
use stack::Host;

/// What is recorded of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Headers and lengths.
    Headers,
    /// Payload, too.
    Payload,
}

/// The recording of a host, from one of its beginnings to its end or the world's.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Whose.
    pub host: HostId,
    /// How often it had begun anew before.
    pub boots: u32,
    /// A file, as [`record::Replay`] reads it.
    pub file: Vec<u8>,
}

impl World {
    /// Has each host that is added or begins anew from now on recorded, or none any more. It all stays in memory.
    pub fn record(&mut self, record: Option<Record>) {
        self.record = record;
    }

    /// Takes the recordings of all hosts. Those that go on are recorded no further.
    pub fn take_recordings(&mut self) -> Vec<Recorded> {
        self.hosts().for_each(|host| self.keep_recording(host));
        std::mem::take(&mut self.recorded)
    }

    /// Writes down what a host has noted before it is gone.
    pub(super) fn keep_recording(&mut self, id: HostId) {
        let Some(record) = self.record else { return };
        let node = &mut self.nodes[id.0];
        let file = of(&mut node.host, record, &node.name);
        self.recorded.push(Recorded { host: id, boots: node.boots, file });
        node.host.end_journal();
    }
}

fn of(host: &mut Host, record: Record, name: &str) -> Vec<u8> {
    match record::of_host(host, record == Record::Payload, name) {
        Ok(file) => file,
        Err(why) => panic!("{name}: its settings as JSON: {why}"),
    }
}
