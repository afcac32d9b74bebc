//! What every command with a stack of its own can be told about it.

use super::address;
use crate::args::one_of;
use clap::{Args, ValueEnum};
use device::impair::Profile;
use handfast::{Cidr, Congestion, TcpConfig, TcpEcn};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The part of the help that these options are in.
const HEADING: &str = "The stack";
/// And that of what watches it.
const WATCHING: &str = "Watching";

/// The stack that a command makes.
#[derive(Clone, Debug, Args)]
pub(crate) struct NetArgs {
    /// The TUN interface; it is made if it is not there, and then goes away at the end [default: hf0 for serve, else the
    /// first of hf1, hf2 … that is free]
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub(crate) tun: Option<String>,
    /// A TAP interface instead: Ethernet frames, ARP and neighbour discovery
    #[arg(long, value_name = "NAME", conflicts_with = "tun", help_heading = HEADING)]
    pub(crate) tap: Option<String>,
    /// The bridge that the TAP is put on; without --addr, the stack configures itself there (DHCP, SLAAC)
    #[arg(long, value_name = "BRIDGE", requires = "tap", help_heading = HEADING)]
    pub(crate) bridge: Option<String>,
    /// Our address, with its network; may be given several times, for both IP versions [default: 10.111.N.2/24, and
    /// fd00:111:0:N::2/64 if the kernel has IPv6; N is that of hfN, else 0 for serve, or the first that is free]
    #[arg(long, value_name = "CIDR", value_parser = address::host, help_heading = HEADING)]
    pub(crate) addr: Vec<Cidr>,
    /// The same, an IPv6 address
    #[arg(long, value_name = "CIDR", value_parser = address::v6, hide = true)]
    pub(crate) addr6: Vec<Cidr>,
    /// The kernel's address on the interface, in the network of one of ours [default: the network's first other one]
    #[arg(long, value_name = "CIDR", value_parser = address::host, help_heading = HEADING)]
    pub(crate) host_addr: Vec<Cidr>,
    /// The same, an IPv6 address
    #[arg(long, value_name = "CIDR", value_parser = address::v6, hide = true)]
    pub(crate) host_addr6: Vec<Cidr>,
    /// Where packets to other networks go; one for each IP version [default: the kernel]
    #[arg(long, value_name = "ADDRESS", help_heading = HEADING)]
    pub(crate) gateway: Vec<IpAddr>,
    /// A name server, perhaps with its port; may be given several times. Names are never looked up by this machine
    #[arg(long, value_name = "ADDRESS", value_parser = address::server, help_heading = HEADING)]
    pub(crate) dns: Vec<SocketAddr>,
    /// A name and its address, without asking anybody; may be given several times
    #[arg(long, value_name = "NAME:ADDRESS", value_parser = address::named, help_heading = HEADING)]
    pub(crate) resolve: Vec<(String, IpAddr)>,
    /// The largest IP packet, in octets; IPv6 needs 1280
    #[arg(long, value_name = "OCTETS", default_value_t = 1500, allow_negative_numbers = true,
        value_parser = clap::value_parser!(u16).range(576..), help_heading = HEADING)]
    pub(crate) mtu: u16,
    /// Whether the device cuts, joins and sums packets (segmentation and checksum offload)
    #[arg(long, value_name = "WHETHER", default_value = "on", help_heading = HEADING)]
    pub(crate) offloads: Switch,
    /// How much is sent at once into a network that may be full [default: the stack's]
    #[arg(long, value_name = "NAME", help_heading = HEADING,
        value_parser = one_of::<Congestion>(Congestion::ALL.map(Congestion::name)))]
    pub(crate) congestion: Option<Congestion>,
    /// What is made of marks that the network sets where it is about to drop: accept answers a peer that asks, classic and
    /// accurate ask, too; accept-classic and only-classic do the same, and know no exact feedback (RFC 9768) [default: accept]
    #[arg(long, value_name = "WHICH", help_heading = HEADING,
        value_parser = one_of::<TcpEcn>(TcpEcn::ALL.map(TcpEcn::name)))]
    pub(crate) ecn: Option<TcpEcn>,
    /// Do not have the kernel pass on what our interface sends to other networks, such as other stacks of ours
    #[arg(long, help_heading = HEADING)]
    pub(crate) no_forward: bool,
    /// A bad link in front of the device, both ways: loss=1%,delay=20ms,rate=10mbit …
    #[arg(long, value_name = "PROFILE", help_heading = HEADING)]
    pub(crate) link: Option<Profile>,
    /// How often a packet is lost on it, each way: 0.05 or 5%
    #[arg(long, value_name = "SHARE", value_parser = address::loss, allow_hyphen_values = true, help_heading = HEADING)]
    pub(crate) loss: Option<f64>,
    /// Draw every packet as it passes
    #[arg(long, help_heading = WATCHING)]
    pub(crate) trace: bool,
    /// Record the packets, with the reasons as comments, for Wireshark
    #[arg(long, value_name = "FILE", help_heading = WATCHING)]
    pub(crate) pcap: Option<PathBuf>,
    /// Record all that goes into the stack, so that `handfast replay` can run it again; without payload
    #[arg(long, value_name = "FILE", help_heading = WATCHING)]
    pub(crate) record: Option<PathBuf>,
    /// The recording has payload, too
    #[arg(long, requires = "record", help_heading = WATCHING)]
    pub(crate) record_payload: bool,
    /// At the end, say what was counted, and what each connection that is still there does; SIGUSR1 asks for the latter at
    /// any time
    #[arg(long, help_heading = WATCHING)]
    pub(crate) stats: bool,
    /// One JSON object a line instead of words; what goes wrong is told on standard error, as an object, too
    #[arg(long, help_heading = WATCHING)]
    pub(crate) json: bool,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// It is used, where the kernel has it.
    On,
    /// It is not.
    Off,
}

impl NetArgs {
    /// Every address of ours that was asked for.
    pub(super) fn ours(&self) -> impl Iterator<Item = Cidr> {
        self.addr.iter().chain(&self.addr6).copied()
    }

    /// Every address for the kernel that was asked for.
    pub(super) fn kernels(&self) -> impl Iterator<Item = Cidr> {
        self.host_addr.iter().chain(&self.host_addr6).copied()
    }

    /// Whether somebody on the link has to lend us addresses.
    pub(crate) fn configures_itself(&self) -> bool {
        self.bridge.is_some() && self.ours().next().is_none()
    }

    /// TCP's settings.
    pub(crate) fn tcp(&self) -> TcpConfig {
        let mut config = TcpConfig::default();
        if let Some(algorithm) = self.congestion {
            config = config.congestion(algorithm);
        }
        if let Some(ecn) = self.ecn {
            config = config.ecn(ecn);
        }
        config
    }

    /// The link in front of the device, if it is not a perfect one.
    pub(super) fn profile(&self) -> Option<Profile> {
        let mut profile = self.link.clone().unwrap_or_default();
        if let Some(loss) = self.loss {
            profile.loss = loss;
        }
        (profile != Profile::default()).then_some(profile)
    }
}

/// What every command's help says about its stack.
pub(crate) const ABOUT: &str = "\
The command is a host of its own, beside this machine: it has an address, and the kernel reaches it through an \
interface that the command makes. That needs root, or an interface that was made for you once (sudo ip tuntap add dev \
hf1 mode tun user $USER; sudo ip addr add 10.111.1.1/24 dev hf1; sudo ip link set hf1 up), or a network namespace of \
your own (unshare -rn). Several such commands reach each other: the kernel passes packets between their interfaces (for IPv6 \
since Linux 6.17; before, set net.ipv6.conf.all.forwarding=1). To \
reach other machines, too, the kernel has to translate our addresses (nft, iptables MASQUERADE) or the interface has to \
be on a bridge (--tap NAME --bridge BRIDGE).";
