//! Where the headers of a packet are.

use crate::{Medium, ip_offset};
use wire::tcp::{self, Flags};
use wire::{Protocol, Quoted, ipv4, udp};

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A TCP segment, its fixed header whole.
    Tcp,
    /// A UDP datagram, its header whole.
    Udp,
    /// Something else, or a fragment.
    Other,
}

/// Where the headers of a packet are: octets from the frame's first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// It is IPv4, else IPv6.
    pub(crate) v4: bool,
    pub(crate) transport: Transport,
    /// Where the IP header begins.
    pub(crate) network_at: usize,
    /// Where the transport header begins.
    pub(crate) transport_at: usize,
    /// Where the payload begins.
    pub(crate) payload_at: usize,
    /// Where the packet ends, as its IP header tells.
    pub(crate) end: usize,
    /// Of TCP.
    pub(crate) flags: Flags,
}

impl Layout {
    /// Whether this is where the transport checksum of such a packet is summed and stored.
    pub(crate) fn summed_at(&self, start: u16, offset: u16) -> bool {
        let expected = match self.transport {
            Transport::Tcp => tcp::CHECKSUM_OFFSET,
            Transport::Udp => udp::CHECKSUM_OFFSET,
            Transport::Other => return false,
        };
        usize::from(start) == self.transport_at && offset == expected
    }
}

/// Reads as many headers as there are in `start`, the first octets of a frame. `None` when it is no IP packet, or its
/// IP or transport header is cut short.
pub(crate) fn layout(start: &[u8], medium: Medium) -> Option<Layout> {
    let network_at = ip_offset(medium, start)?;
    let packet = start.get(network_at..)?;
    let v4 = packet.first()? >> 4 == 4;
    let quoted = if v4 { Quoted::v4(packet).ok()? } else { Quoted::v6(packet).ok()? };
    let fragment = v4 && ipv4::View::quoted(packet).is_ok_and(|view| view.is_fragment());
    let transport_at = start.len() - quoted.transport.len();
    let (transport, len, flags) = match quoted.protocol {
        Protocol::TCP if !fragment => {
            let fixed = quoted.transport.first_chunk::<{ tcp::HEADER_LEN }>()?;
            let len = usize::from(fixed[12] >> 4) * 4;
            if len < tcp::HEADER_LEN {
                return None;
            }
            (Transport::Tcp, len, Flags::from_bits(u16::from_be_bytes([fixed[12], fixed[13]])))
        }
        Protocol::UDP if !fragment => {
            quoted.transport.first_chunk::<{ udp::HEADER_LEN }>()?;
            (Transport::Udp, udp::HEADER_LEN, Flags::NONE)
        }
        _ => (Transport::Other, 0, Flags::NONE),
    };
    Some(Layout {
        v4,
        transport,
        network_at,
        transport_at,
        payload_at: transport_at + len,
        end: network_at + quoted.packet_len,
        flags,
    })
}
