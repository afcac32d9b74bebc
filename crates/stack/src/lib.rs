//! One host on frames: IPv4, IPv6, ICMP, UDP, TCP.
//!
//! ```text
//!   frame ─► ingress: link ► ip ► reassembly ► whose? ─► tcp  udp  echo  multicast      Host: what users call
//!              │               │                            │
//!              neighbour ◄─────┴─ icmp                      ▼
//!   frame ◄─ egress: link ◄ fit ◄ route ◄──────────── Ip::send
//! ```
//!
//! [`Host`] is the machine: it reads no clock, opens no device, takes no lock and starts no thread. Frames, time and
//! calls go in; frames, a deadline and events come out.
#![no_std]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod budget;
mod config;
mod counters;
mod demux;
mod echo;
mod egress;
mod event;
mod fragments;
mod host;
mod icmp;
mod ingress;
mod interface;
mod ip;
pub mod journal;
mod memo;
mod multicast;
mod neighbour;
mod packet;
mod path_mtu;
mod ports;
mod route;
mod sabotage;
mod tcp;
pub mod trace;
#[cfg(test)]
mod transcripts;
mod udp;
mod wheel;

pub use budget::{Account, Budget, Pressure, Refused};
pub use config::{HostConfig, HostConfigError};
pub use counters::{Counters, Drop};
pub use echo::{EchoError, EchoFault, EchoId, EchoReply, EchoSend};
pub use event::HostEvent;
pub use host::Host;
pub use interface::{AddressState, Cidr, InterfaceConfig, InterfaceError, InterfaceId, Medium, NotACidr};
pub(crate) use ip::Ip;
pub use journal::{Input, Note};
pub use packet::{Cast, ErrorKind, Route, SendFailure};
pub(crate) use packet::{Datagram, Delivered, IcmpError};
pub use ports::{Claimed, Hold, PortError, Ports};
pub use route::RouteEntry;
pub use tcp::{
    ConnectError, ConnectOptions, ConnectionId, ConnectionInfo, CookieUse, FastOpenConnect, FastOpenListen,
    ListCursor, ListenConfig, ListenError, ListenerId, ListenerInfo, Pending, PendingId, Sharing, TcpBound,
    TcpCounts, TcpOptions, Verdict,
};
pub use trace::Trace;
pub use udp::{UdpBind, UdpCounters, UdpDatagram, UdpError, UdpFault, UdpId, UdpOptions, UdpPath, UdpSend};
pub use wire::ethernet::MacAddr;
