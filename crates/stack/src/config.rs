//! Settings of a host: each knob says its default, its limit, and where they come from.

use ::tcp::{ConfigError, TcpConfig};
use core::fmt;
use env::Duration;

/// Settings of a [`crate::Host`].
///
/// ```
/// use handfast_stack::HostConfig;
/// let config = HostConfig { hop_limit: 128, ..HostConfig::default() };
/// assert!(config.check().is_ok());
/// assert!(HostConfig { hop_limit: 0, ..config }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct HostConfig {
    /// TTL or hop limit of what we send. Default 64 (RFC 1122 §3.2.1.7: configurable); at least 1.
    pub hop_limit: u8,
    /// Answer echo requests sent to one of our addresses (RFC 1122 §3.2.2.6, RFC 4443 §4.2). Default yes.
    pub echo: bool,
    /// Answer echo requests sent to a group that we are in, or by broadcast. Default no: the amplifier of smurf
    /// attacks (RFC 1122 §3.2.2.6 leaves it open). IPv6 groups are answered in any case (RFC 4443 §4.2).
    pub echo_groups: bool,
    /// ICMP errors that we send in a second, as a token bucket. Default 100 (RFC 4443 §2.4 f, RFC 1812 §4.3.2.8).
    /// Zero: none at all (RFC 4443 §3.1 wants a switch).
    pub errors_per_second: u32,
    /// ICMP errors that may go out at once. Default 20.
    pub errors_at_once: u32,
    /// Discover path MTUs (RFC 1191, 8201). Default yes. Off: IPv4 datagrams may be fragmented on the way, and IPv6
    /// packets have at most 1280 octets.
    pub path_mtu_discovery: bool,
    /// How long a path MTU that was learned is believed; `None`: for ever. Default 10 minutes, at least 5 (RFC 1191
    /// §6.3, RFC 8201 §4).
    pub path_mtu_timeout: Option<Duration>,
    /// Paths whose MTU is remembered. Default 4096.
    pub path_mtus: usize,
    /// How long an incomplete datagram waits for its fragments. Default 60 s; 15 to 120 s (RFC 1122 §3.3.2, RFC 8200
    /// §4.5).
    pub reassembly_timeout: Duration,
    /// Octets of memory that fragments may hold in all. Default 4 MiB.
    pub reassembly_memory: usize,
    /// The share of it that fragments of one source may hold. Default 1 MiB; at least 128 KiB.
    pub reassembly_memory_per_source: usize,
    /// Neighbours remembered on one interface. Default 1024.
    pub neighbours: usize,
    /// Take default routes, prefixes, MTU and hop limit from router advertisements. Default no: an address plan that was
    /// given is not changed by who speaks first on the link.
    pub router_advertisements: bool,
    /// Frames that wait to be taken by a device. Default 1024.
    pub queue: usize,
    /// Octets in frames that wait to be taken by a device. Default 8 MiB.
    pub queue_memory: usize,
    /// Events that wait for somebody who watches; more are dropped, oldest first, and counted. Default 65,536.
    pub trace: usize,
    /// Octets of memory that everything a peer can fill may hold together. Default 256 MiB.
    pub memory: usize,
    /// Settings of a TCP connection unless its opener has others.
    pub tcp: TcpConfig,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            hop_limit: 64,
            echo: true,
            echo_groups: false,
            errors_per_second: 100,
            errors_at_once: 20,
            path_mtu_discovery: true,
            path_mtu_timeout: Some(Duration::from_secs(600)),
            path_mtus: 4096,
            reassembly_timeout: Duration::from_secs(60),
            reassembly_memory: 4 << 20,
            reassembly_memory_per_source: 1 << 20,
            neighbours: 1024,
            router_advertisements: false,
            queue: 1024,
            queue_memory: 8 << 20,
            trace: 65_536,
            memory: 256 << 20,
            tcp: TcpConfig::default(),
        }
    }
}

impl HostConfig {
    /// Whether every knob is within its limits.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), HostConfigError> {
        let timeout = (Duration::from_secs(15)..=Duration::from_secs(120)).contains(&self.reassembly_timeout);
        if self.hop_limit == 0 {
            return Err(HostConfigError::HopLimit);
        }
        if self.path_mtu_timeout.is_some_and(|t| t < Duration::from_secs(300)) {
            return Err(HostConfigError::PathMtuTimeout);
        }
        if !timeout {
            return Err(HostConfigError::ReassemblyTimeout);
        }
        let share = self.reassembly_memory_per_source;
        if share < 128 << 10 || share > self.reassembly_memory {
            return Err(HostConfigError::ReassemblyMemory);
        }
        if self.neighbours < 16 || self.path_mtus < 16 || self.queue < 64 || self.queue_memory < 1 << 17 {
            return Err(HostConfigError::Table);
        }
        if self.memory < 1 << 20 {
            return Err(HostConfigError::Memory);
        }
        self.tcp.check().map_err(HostConfigError::Tcp)
    }
}

/// A setting outside its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostConfigError {
    /// The seed is all zeros: every secret would be known (RFC 6528 §3).
    Seed,
    /// A hop limit of 0.
    HopLimit,
    /// A learned path MTU must be believed for at least five minutes (RFC 1191 §6.3).
    PathMtuTimeout,
    /// Fragments wait between 15 s and 120 s.
    ReassemblyTimeout,
    /// Fragments of one source need 128 KiB (two datagrams of the largest size), and no more than there is in all.
    ReassemblyMemory,
    /// A table or queue too small to work with: 16 neighbours, 16 paths, 64 frames, 128 KiB.
    Table,
    /// A memory budget below 1 MiB.
    Memory,
    /// The settings of connections.
    Tcp(ConfigError),
}

impl fmt::Display for HostConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seed => "the seed must not be all zeros",
            Self::HopLimit => "the hop limit must be at least 1",
            Self::PathMtuTimeout => "a path MTU must be believed for at least 5 minutes",
            Self::ReassemblyTimeout => "the reassembly timeout must be between 15 s and 120 s",
            Self::ReassemblyMemory => "reassembly needs at least 128 KiB per source, and no more than in all",
            Self::Table => "a table or queue is too small: 16 neighbours, 16 paths, 64 frames",
            Self::Memory => "the memory budget must be at least 1 MiB",
            Self::Tcp(why) => return why.fmt(f),
        })
    }
}

impl core::error::Error for HostConfigError {}
