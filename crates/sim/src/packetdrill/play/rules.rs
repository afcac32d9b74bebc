//! How a script is played: what whoever plays it asks for, and what its own `--` lines say.
//!
//! ```text
//!   Rules (--ip, --strict, --exact) ──┐
//!   --tolerance_usecs=… of a script ──┴─► Settings;  what is left of its lines goes to the subject
//! ```

use super::timing::Tolerance;
use crate::packetdrill::script::{Script, Setting};
use crate::packetdrill::subject::{IpVersion, Setup};
use env::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How scripts are played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Which addresses, where the script has no opinion.
    pub version: IpVersion,
    /// Stronger than packetdrill: a packet that the script didn't expect fails it; checksums, echoed timestamps and what ICMP quotes
    /// are compared, and a window whose right edge goes back is none.
    pub strict: bool,
    /// Times are kept to the nanosecond; makes sense on virtual time.
    pub exact: bool,
    /// What is added to the initial sequence numbers that scripts give the other end: close below 2^32, all that they count wraps.
    pub isn: u32,
}

/// A script's own settings.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) version: IpVersion,
    pub(super) strict: bool,
    pub(super) isn: u32,
    pub(super) tolerance: Tolerance,
    /// How long a tick of the host's timestamps is, if its values are to be compared.
    pub(super) tick: Option<Duration>,
    /// Echoes that match no timestamp seen are worked out from the first.
    pub(super) scaled_echo: bool,
    /// A line of N octets is one packet of N octets.
    pub(super) strict_segments: bool,
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
    pub(super) gateway: IpAddr,
    pub(super) prefix: u8,
    pub(super) bind_port: u16,
    pub(super) connect_port: u16,
    pub(super) mtu: u16,
    /// Octets of each segment in a longer packet that arrives, as a device that joins segments says it.
    pub(super) mss: Option<u16>,
}

impl Settings {
    /// What `rules` and the script say together.
    ///
    /// # Errors
    /// A sentence about the line that makes no sense.
    pub(super) fn new(script: &Script, rules: &Rules) -> Result<Self, (Setting, String)> {
        let mut settings = Self::of(rules);
        for line in &script.options {
            settings.take(line).map_err(|why| (line.clone(), why))?;
        }
        if rules.exact {
            settings.tolerance = Tolerance { least: Duration::ZERO, permille: 0 };
        }
        Ok(settings)
    }

    fn of(rules: &Rules) -> Self {
        // As public scripts are run: the cookies of Fast Open that they write down are those of these addresses. The link of IPv6 is
        // wider by what its header is longer, so that segments are as long as with IPv4.
        let (local, remote, gateway, prefix, mtu) = match rules.version {
            IpVersion::V4 | IpVersion::Mapped => (
                IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1)),
                IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
                IpAddr::V4(Ipv4Addr::new(192, 168, 0, 2)),
                16,
                1500,
            ),
            IpVersion::V6 => (
                IpAddr::V6(Ipv6Addr::new(0xfd3d, 0x0a0b, 0x17d6, 0, 0, 0, 0, 1)),
                IpAddr::V6(Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1)),
                IpAddr::V6(Ipv6Addr::new(0xfd3d, 0x0a0b, 0x17d6, 0x8888, 0, 0, 0, 1)),
                48,
                1520,
            ),
        };
        Self {
            version: rules.version,
            strict: rules.strict,
            isn: rules.isn,
            tolerance: Tolerance::DEFAULT,
            tick: None,
            scaled_echo: false,
            strict_segments: false,
            local,
            remote,
            gateway,
            prefix,
            bind_port: 8080,
            connect_port: 8080,
            mtu,
            mss: None,
        }
    }

    fn take(&mut self, line: &Setting) -> Result<(), String> {
        let value = line.value();
        match line.name.as_str() {
            "tolerance_usecs" => self.tolerance.least = Duration::from_micros(number(value)?),
            "tolerance_percent" => {
                let percent: f64 = value.parse().map_err(|_| "it wants a percentage".to_owned())?;
                // A float becomes a number by saturation: whatever is written is a tolerance.
                self.tolerance.permille = (percent * 10.0) as u32;
            }
            "tcp_ts_tick_usecs" => {
                self.tick = Some(Duration::from_micros(number(value)?)).filter(|tick| !tick.is_zero());
            }
            "tcp_ts_ecr_scaled" => self.scaled_echo = true,
            "strict_segments" => self.strict_segments = true,
            "strict" => self.strict = true,
            "bind_port" => self.bind_port = number(value)?,
            "connect_port" => self.connect_port = number(value)?,
            "mtu" => self.mtu = number(value)?,
            "mss" => self.mss = Some(number(value)?),
            "local_ip" => self.local = self.address(value, self.local)?,
            "remote_ip" => self.remote = self.address(value, self.remote)?,
            "gateway_ip" => self.gateway = self.address(value, self.gateway)?,
            "netmask_ip" => {
                let mask: Ipv4Addr =
                    value.parse().map_err(|_| "it wants a mask such as 255.255.0.0".to_owned())?;
                if let (IpVersion::V4 | IpVersion::Mapped, Ok(ones)) =
                    (self.version, u8::try_from(mask.to_bits().leading_ones()))
                {
                    self.prefix = ones;
                }
            }
            // The rest is the subject's.
            _ => {}
        }
        Ok(())
    }

    /// An address that a script gives; one of the other version than is played is passed over, as scripts are written for one and
    /// played for both.
    fn address(&self, value: &str, otherwise: IpAddr) -> Result<IpAddr, String> {
        let bare = value.split('/').next().unwrap_or_default();
        let address: IpAddr = bare.parse().map_err(|_| "it wants an IP address".to_owned())?;
        Ok(if address.is_ipv6() == (self.version == IpVersion::V6) { address } else { otherwise })
    }

    /// What the subject is made from.
    pub(super) fn setup<'a>(&self, script: &'a Script) -> Setup<'a> {
        let others = script.options.iter().filter(|line| !OURS.contains(&line.name.as_str()));
        Setup {
            version: self.version,
            local: self.local,
            prefix: self.prefix,
            remote: self.remote,
            gateway: self.gateway,
            mtu: self.mtu,
            options: others.map(|line| (line.name.as_str(), line.value.as_deref())).collect(),
            commands: script.init.iter().map(|command| command.text.as_str()).collect(),
        }
    }

    /// An address as sockets have it: mapped into IPv6 where sockets are IPv6 and packets IPv4.
    pub(super) fn socket_address(&self, ip: IpAddr, port: u16) -> SocketAddr {
        match (self.version, ip) {
            (IpVersion::Mapped, IpAddr::V4(ip)) => SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), port),
            _ => SocketAddr::new(ip, port),
        }
    }
}

/// Lines that the player itself obeys, or that only say which interpreter runs code.
const OURS: &[&str] = &[
    "tolerance_usecs",
    "tolerance_percent",
    "tcp_ts_tick_usecs",
    "tcp_ts_ecr_scaled",
    "strict_segments",
    "strict",
    "bind_port",
    "connect_port",
    "mtu",
    "mss",
    "local_ip",
    "remote_ip",
    "gateway_ip",
    "netmask_ip",
    "ip_version",
    "define",
    "code_command",
    "code_format",
    "code_sockopt",
    "verbose",
];

fn number<T: TryFrom<u64>>(value: &str) -> Result<T, String> {
    let plain = value.parse::<u64>().ok().and_then(|number| T::try_from(number).ok());
    plain.ok_or_else(|| "it wants a number".to_owned())
}
