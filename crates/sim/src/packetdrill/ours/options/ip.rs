//! SOL_IP and SOL_IPV6.

use super::{Given, unknown};
use crate::packetdrill::linux::{
    EINVAL, ENOPROTOOPT, IP_MTU_DISCOVER, IP_RECVERR, IP_TOS, IP_TTL, IPV6_MTU_DISCOVER, IPV6_RECVERR,
    IPV6_TCLASS, IPV6_UNICAST_HOPS, IPV6_V6ONLY, SOL_IP, SOL_IPV6,
};
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::calls::{Stop, refuse};
use crate::packetdrill::ours::socket::Stage;
use crate::packetdrill::subject::Fd;

/// What may be asked of path MTU discovery: off, where the route has it on, and on. (The others would send what is too large.)
const DISCOVERS: std::ops::RangeInclusive<i32> = 0..=2;

impl Kernel {
    pub(super) fn set_ip_option(
        &mut self,
        fd: Fd,
        level: i64,
        name: i64,
        given: &Given<'_>,
    ) -> Result<(), Stop> {
        let socket = self.socket_mut(fd)?;
        if level == SOL_IPV6 && !socket.v6 {
            return Err(ENOPROTOOPT.into());
        }
        let value = if level == SOL_IP { given.short()? } else { given.int()? };
        let udp = matches!(socket.stage, Stage::Datagram(_));
        let fresh = matches!(socket.stage, Stage::Fresh(None) | Stage::Datagram(_));
        let options = &mut socket.options;
        match (level, name) {
            // A connection's own marks are its stack's business.
            (SOL_IP, IP_TOS) => {
                let tos = u8::try_from(value & 0xff).map_err(|_| EINVAL)?;
                options.tos = if udp { tos } else { tos & !3 };
            }
            (SOL_IPV6, IPV6_TCLASS) => {
                options.tos = u8::try_from(value.max(0)).map_err(|_| EINVAL)?;
            }
            (SOL_IP, IP_TTL) | (SOL_IPV6, IPV6_UNICAST_HOPS) => {
                options.ttl = match value {
                    -1 => None,
                    1..=255 => Some(u8::try_from(value).map_err(|_| EINVAL)?),
                    _ => return Err(EINVAL.into()),
                };
            }
            (SOL_IP, IP_MTU_DISCOVER) | (SOL_IPV6, IPV6_MTU_DISCOVER) => {
                let off = value == 0 && !fresh && !udp;
                if !DISCOVERS.contains(&value) || off {
                    return Err(refuse(format!("path MTU discovery of kind {value}")));
                }
                options.mtu_discover = value;
            }
            (SOL_IP, IP_RECVERR) | (SOL_IPV6, IPV6_RECVERR) => options.receive_errors = value != 0,
            (SOL_IPV6, IPV6_V6ONLY) if fresh => options.v6_only = value != 0,
            (SOL_IPV6, IPV6_V6ONLY) => return Err(EINVAL.into()),
            _ => return Err(unknown(level, name)),
        }
        self.options_changed(fd)
    }

    pub(super) fn get_ip_option(&mut self, fd: Fd, level: i64, name: i64) -> Result<i32, Stop> {
        let socket = self.socket(fd)?;
        let options = &socket.options;
        let ttl = options.ttl.unwrap_or_else(|| self.machine.host().hop_limit());
        Ok(match (level, name) {
            (SOL_IP, IP_TOS) | (SOL_IPV6, IPV6_TCLASS) => options.tos.into(),
            (SOL_IP, IP_TTL) | (SOL_IPV6, IPV6_UNICAST_HOPS) => ttl.into(),
            (SOL_IP, IP_MTU_DISCOVER) | (SOL_IPV6, IPV6_MTU_DISCOVER) => options.mtu_discover,
            (SOL_IP, IP_RECVERR) | (SOL_IPV6, IPV6_RECVERR) => options.receive_errors.into(),
            (SOL_IPV6, IPV6_V6ONLY) => options.v6_only.into(),
            _ => return Err(unknown(level, name)),
        })
    }
}
