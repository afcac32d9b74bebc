//! What a stack has counted, and what it holds, at one instant.

use crate::Driver;
use device::Device;
use env::Instant;
use stack::{Counters, InterfaceId, Pressure, TcpCounts};

/// Everything that a running stack counts. Counters only grow: rates are differences between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// When it was taken.
    pub at: Instant,
    /// What the host has counted since it began: packets, segments, and each reason for which one was dropped.
    pub host: Counters,
    /// How many connections, half-open peers, TIME-WAIT records and listeners there are.
    pub tcp: TcpCounts,
    /// Octets of memory that are held for peers and users, all queues and records together.
    pub memory: usize,
    /// Octets that may be.
    pub memory_limit: usize,
    /// How near the two are.
    pub pressure: Pressure,
    /// The devices, in the order of attaching.
    pub devices: Vec<DeviceSnapshot>,
    /// Frames that were dropped because their device took nothing for long while others went on.
    pub dropped: u64,
}

/// One device at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceSnapshot {
    /// The interface that it is.
    pub interface: InterfaceId,
    /// The interface's name.
    pub name: String,
    /// What it has carried and dropped.
    pub counters: device::Counters,
    /// Frames that it has not taken yet.
    pub waiting: usize,
}

impl<D: Device> Driver<D> {
    /// What has been counted, and what is held. Takes as long at many connections as at one.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let (host, budget) = (self.host(), self.host().budget());
        let devices = self.devices().map(|(interface, device)| DeviceSnapshot {
            interface,
            name: host.interface_name(interface).unwrap_or_default().to_owned(),
            counters: device.counters(),
            waiting: self.waiting(interface),
        });
        Snapshot {
            at: now,
            host: host.counters().clone(),
            tcp: host.tcp_counts(),
            memory: budget.held(),
            memory_limit: budget.limit(),
            pressure: budget.pressure(),
            devices: devices.collect(),
            dropped: self.dropped(),
        }
    }
}
