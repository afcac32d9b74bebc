//! What a host counts: traffic by its SNMP names, and every dropped packet by the reason it was dropped for.
//!
//! ```text
//!   packet ──► used:     Counters::udp_in_datagrams, …    (names as RFC 4293, 4022 and 4113 have them)
//!         └──► not used: Counters::count(Drop::…)         (one name a reason, none is silent)
//! ```
//!
//! [`Counters::iter`] walks both lists by name, for whoever prints them.

use core::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why a packet, or what it carried, was not used. Each is a counter of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Drop {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Drop {
            /// Every reason, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name it is printed and exported under: lower case, words joined by `_`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

reasons! {
    /// A frame shorter than its link header, or of an unknown EtherType.
    LinkMalformed = "link_malformed",
    /// A frame for another station's link address.
    LinkNotForUs = "link_not_for_us",
    /// An EtherType that this host does not speak.
    LinkUnknownProtocol = "link_unknown_protocol",
    /// The interface is down, or has no such link.
    InterfaceDown = "interface_down",
    /// An ARP packet that cannot be read, or lies about its own addresses (RFC 826).
    ArpMalformed = "arp_malformed",
    /// An ARP packet about an address that is not ours and that we did not ask for.
    ArpNotForUs = "arp_not_for_us",
    /// An IPv4 header that cannot be read: version, header length or total length (RFC 791 §3.1).
    Ipv4Malformed = "ipv4_malformed",
    /// A wrong IPv4 header checksum (RFC 1122 §3.2.1.2).
    Ipv4Checksum = "ipv4_checksum",
    /// An IPv4 option that lies about its length, or a source route, which is refused.
    Ipv4Options = "ipv4_options",
    /// An IPv6 header that cannot be read: version or payload length (RFC 8200 §3).
    Ipv6Malformed = "ipv6_malformed",
    /// An IPv6 extension header that cannot be read, or comes where it may not (RFC 8200 §4).
    Ipv6ExtensionHeader = "ipv6_extension_header",
    /// An IPv6 option that says that the packet is to be discarded when it is unknown (RFC 8200 §4.2).
    Ipv6UnknownOption = "ipv6_unknown_option",
    /// A routing header of a type that is unknown or forbidden (RFC 5095, RFC 8200 §4.4).
    Ipv6RoutingHeader = "ipv6_routing_header",
    /// More extension headers than anyone needs.
    Ipv6TooManyHeaders = "ipv6_too_many_headers",
    /// A source that nobody may send from: multicast, broadcast, loopback from outside, unspecified, or our own
    /// address (RFC 1122 §3.2.1.3).
    MartianSource = "martian_source",
    /// A destination that nobody may send to from outside: loopback, unspecified (RFC 1122 §3.2.1.3).
    MartianDestination = "martian_destination",
    /// The same address at both ends, from a wire.
    Land = "land",
    /// Whole, but for another host; this one does not forward.
    NotForUs = "not_for_us",
    /// Unicast in IP, broadcast or multicast on the link (RFC 1122 §3.3.6).
    LinkBroadcastOfUnicast = "link_broadcast_of_unicast",
    /// A multicast group that no socket has joined on this interface.
    NotJoined = "not_joined",
    /// TTL or hop limit used up.
    TtlExceeded = "ttl_exceeded",
    /// A transport or next header that this host does not speak (RFC 1122 §3.2.2.1, RFC 8200 §4).
    UnknownProtocol = "unknown_protocol",
    /// A fragment that cannot be read, has a length that is no multiple of eight, or ends beyond 65,535 octets.
    FragmentMalformed = "fragment_malformed",
    /// A fragment that overlaps another one (RFC 5722).
    FragmentOverlap = "fragment_overlap",
    /// A fragment of a datagram that never became whole in time (RFC 1122 §3.3.2, RFC 8200 §4.5).
    FragmentTimeout = "fragment_timeout",
    /// No room for fragments: of this source, or in all.
    FragmentLimit = "fragment_limit",
    /// A datagram in more pieces than are kept.
    FragmentTooMany = "fragment_too_many",
    /// A first fragment without the whole header chain (RFC 8200 §4.5, RFC 6980 for neighbour discovery).
    FragmentHeaderChain = "fragment_header_chain",
    /// The device or the peer never answered who has the address (RFC 1122 §2.3.2, RFC 4861 §7.2.2).
    NeighbourUnreachable = "neighbour_unreachable",
    /// Too many packets waited for the neighbour's link address.
    NeighbourQueueFull = "neighbour_queue_full",
    /// The neighbour table is full of entries that are in use.
    NeighbourTableFull = "neighbour_table_full",
    /// A neighbour discovery message that fails its validation: hop limit, length, options (RFC 4861 §6.1, §7.1).
    NdpInvalid = "ndp_invalid",
    /// No route to the destination.
    NoRoute = "no_route",
    /// No address of ours fits as the source.
    NoSource = "no_source",
    /// Larger than the MTU, and not to be fragmented.
    TooBig = "too_big",
    /// The queue towards the device is full.
    EgressQueueFull = "egress_queue_full",
    /// An ICMP message that cannot be read.
    IcmpMalformed = "icmp_malformed",
    /// A wrong ICMP or ICMPv6 checksum.
    IcmpChecksum = "icmp_checksum",
    /// An ICMP type that this host does not act on (RFC 1122 §3.2.2).
    IcmpUnknown = "icmp_unknown",
    /// An ICMP error whose quotation is too short, or is of nothing that we sent (RFC 5927).
    IcmpQuote = "icmp_quote",
    /// An ICMP error about a connection or socket that is not there.
    IcmpNoSocket = "icmp_no_socket",
    /// An echo reply that no echo socket waits for.
    EchoNoSocket = "echo_no_socket",
    /// An echo reply for which the socket's queue had no room.
    EchoQueueFull = "echo_queue_full",
    /// A source quench, which is obsolete (RFC 6633; RFC 9293 MUST-55).
    SourceQuench = "source_quench",
    /// A redirect that is not followed: not from the router in use, or not to a neighbour (RFC 1122 §3.2.2.2).
    IcmpRedirect = "icmp_redirect",
    /// What we would have answered is over its rate limit (RFC 4443 §2.4, RFC 1812 §4.3.2.8).
    RateLimited = "rate_limited",
    /// What we would have answered must not be: an error about an error, a multicast, a fragment (RFC 1122 §3.2.2).
    NeverAnswered = "never_answered",
    /// An IGMP message that cannot be read, or is not from a TTL of 1 (RFC 3376 §4).
    IgmpMalformed = "igmp_malformed",
    /// An MLD message that cannot be read, is not from a link-local address, or not from a hop limit of 1 (RFC 3810 §5).
    MldMalformed = "mld_malformed",
    /// A UDP length below 8 or beyond the IP payload (RFC 768).
    UdpMalformed = "udp_malformed",
    /// A wrong UDP checksum (RFC 1122 §4.1.3.4).
    UdpChecksum = "udp_checksum",
    /// No UDP checksum, over IPv6 (RFC 6935 §5), or where the socket insists on one (RFC 1122 §4.1.3.4).
    UdpNoChecksum = "udp_no_checksum",
    /// No UDP socket for the destination (RFC 1122 §4.1.3.1).
    UdpNoListener = "udp_no_listener",
    /// The UDP socket's receive queue is full.
    UdpQueueFull = "udp_queue_full",
    /// The UDP socket's queue of errors is full.
    UdpErrorQueueFull = "udp_error_queue_full",
    /// The host's memory budget is used up.
    Budget = "budget",
    /// A TCP header that cannot be read: data offset, options (RFC 9293 §3.1).
    TcpMalformed = "tcp_malformed",
    /// A wrong TCP checksum (RFC 9293 MUST-3).
    TcpChecksum = "tcp_checksum",
    /// A SYN to or from a multicast or broadcast address (RFC 9293 MUST-57).
    TcpMulticast = "tcp_multicast",
    /// A TCP port 0, which nobody can be at.
    TcpPortZero = "tcp_port_zero",
    /// No connection and no listener (RFC 9293 §3.10.7.1).
    TcpNoListener = "tcp_no_listener",
    /// Outside the receive window ([`tcp::Discard::OutsideWindow`]).
    TcpOutsideWindow = "tcp_outside_window",
    /// Text, where the window was shut for want of memory ([`tcp::Discard::WindowShut`]).
    TcpWindowShut = "tcp_window_shut",
    /// All of it had arrived before ([`tcp::Discard::Duplicate`]).
    TcpDuplicate = "tcp_duplicate",
    /// A timestamp that is too old ([`tcp::Discard::OldTimestamp`]).
    TcpOldTimestamp = "tcp_old_timestamp",
    /// No timestamp where they were agreed on ([`tcp::Discard::NoTimestamp`]).
    TcpNoTimestamp = "tcp_no_timestamp",
    /// A RST that does not prove itself ([`tcp::Discard::UnacceptableReset`]).
    TcpUnacceptableReset = "tcp_unacceptable_reset",
    /// A SYN on an open connection ([`tcp::Discard::UnexpectedSyn`]).
    TcpUnexpectedSyn = "tcp_unexpected_syn",
    /// No ACK where one is due ([`tcp::Discard::NoAck`]).
    TcpNoAck = "tcp_no_ack",
    /// An ACK of what was never sent, or too old ([`tcp::Discard::UnacceptableAck`]).
    TcpUnacceptableAck = "tcp_unacceptable_ack",
    /// Data after FIN ([`tcp::Discard::AfterFin`]).
    TcpAfterFin = "tcp_after_fin",
    /// Another hole than can be kept ([`tcp::Discard::TooManyHoles`]).
    TcpTooManyHoles = "tcp_too_many_holes",
    /// No memory for TCP's data ([`tcp::Discard::NoMemory`]).
    TcpNoMemory = "tcp_no_memory",
    /// A simultaneous open that policy refuses ([`tcp::Discard::SimultaneousOpenRefused`]).
    TcpSimultaneousOpenRefused = "tcp_simultaneous_open_refused",
    /// A RST to nobody ([`tcp::Discard::ResetToNobody`]).
    TcpResetToNobody = "tcp_reset_to_nobody",
    /// The accept queue is full ([`tcp::Discard::AcceptQueueFull`]).
    TcpAcceptQueueFull = "tcp_accept_queue_full",
    /// The SYN queue is full ([`tcp::Discard::SynQueueFull`]).
    TcpSynQueueFull = "tcp_syn_queue_full",
    /// An ACK without the cookie it should have ([`tcp::Discard::BadCookie`]).
    TcpBadCookie = "tcp_bad_cookie",
    /// What TIME-WAIT ignores ([`tcp::Discard::TimeWait`]).
    TcpTimeWait = "tcp_time_wait",
    /// A discard that TCP names and this list does not, yet.
    TcpOther = "tcp_other",
}

impl fmt::Display for Drop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<tcp::Discard> for Drop {
    fn from(why: tcp::Discard) -> Self {
        use tcp::Discard;
        match why {
            Discard::OutsideWindow => Self::TcpOutsideWindow,
            Discard::WindowShut => Self::TcpWindowShut,
            Discard::Duplicate => Self::TcpDuplicate,
            Discard::OldTimestamp => Self::TcpOldTimestamp,
            Discard::NoTimestamp => Self::TcpNoTimestamp,
            Discard::UnacceptableReset => Self::TcpUnacceptableReset,
            Discard::UnexpectedSyn => Self::TcpUnexpectedSyn,
            Discard::NoAck => Self::TcpNoAck,
            Discard::UnacceptableAck => Self::TcpUnacceptableAck,
            Discard::AfterFin => Self::TcpAfterFin,
            Discard::TooManyHoles => Self::TcpTooManyHoles,
            Discard::NoMemory => Self::TcpNoMemory,
            Discard::SimultaneousOpenRefused => Self::TcpSimultaneousOpenRefused,
            Discard::ResetToNobody => Self::TcpResetToNobody,
            Discard::AcceptQueueFull => Self::TcpAcceptQueueFull,
            Discard::SynQueueFull => Self::TcpSynQueueFull,
            Discard::BadCookie => Self::TcpBadCookie,
            Discard::TimeWait => Self::TcpTimeWait,
            _ => Self::TcpOther,
        }
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $field:ident,)+) => {
        /// What a host has counted since it began. Nothing is ever reset: rates are differences.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $field: u64,)+
            drops: [u64; Drop::ALL.len()],
        }

        impl Counters {
            /// The traffic counters by name, in the order of declaration.
            pub fn traffic(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field),)+].into_iter()
            }
        }

        impl Default for Counters {
            fn default() -> Self {
                Self { $($field: 0,)+ drops: [0; Drop::ALL.len()] }
            }
        }
    };
}

counters! {
    /// IPv4 packets that arrived, whole or broken; a train counts as its packets (RFC 4293 ipSystemStatsInReceives).
    ip_in_receives,
    /// Octets of them.
    ip_in_octets,
    /// IPv4 datagrams handed to a transport, after reassembly.
    ip_in_delivers,
    /// IPv4 packets given to a device.
    ip_out_transmits,
    /// Octets of them.
    ip_out_octets,
    /// IPv6 packets that arrived.
    ipv6_in_receives,
    /// Octets of them.
    ipv6_in_octets,
    /// IPv6 datagrams handed to a transport, after reassembly.
    ipv6_in_delivers,
    /// IPv6 packets given to a device.
    ipv6_out_transmits,
    /// Octets of them.
    ipv6_out_octets,
    /// Fragments that arrived, of both versions.
    ip_reasm_reqds,
    /// Datagrams put together from fragments.
    ip_reasm_oks,
    /// Datagrams that were given up.
    ip_reasm_fails,
    /// Datagrams of ours that were cut into fragments.
    ip_out_frag_oks,
    /// Fragments made of them.
    ip_out_frag_creates,
    /// Path MTUs learnt from ICMP (RFC 1191, RFC 8201).
    ip_path_mtu_updates,
    /// ARP requests that arrived.
    arp_in_requests,
    /// ARP replies that arrived.
    arp_in_replies,
    /// ARP requests sent.
    arp_out_requests,
    /// ARP replies sent.
    arp_out_replies,
    /// Neighbour solicitations that arrived.
    nd_in_solicits,
    /// Neighbour advertisements that arrived.
    nd_in_advertises,
    /// Neighbour solicitations sent.
    nd_out_solicits,
    /// Neighbour advertisements sent.
    nd_out_advertises,
    /// ICMP and ICMPv6 messages that arrived (RFC 4293 icmpStatsInMsgs).
    icmp_in_msgs,
    /// ICMP and ICMPv6 messages sent.
    icmp_out_msgs,
    /// Echo requests that arrived.
    icmp_in_echos,
    /// Echo replies sent.
    icmp_out_echo_reps,
    /// Echo requests sent.
    icmp_out_echos,
    /// Echo replies that arrived.
    icmp_in_echo_reps,
    /// Destination unreachable messages that arrived.
    icmp_in_dest_unreachs,
    /// Destination unreachable messages sent.
    icmp_out_dest_unreachs,
    /// Time exceeded messages that arrived.
    icmp_in_time_excds,
    /// Time exceeded messages sent.
    icmp_out_time_excds,
    /// Parameter problem messages that arrived.
    icmp_in_parm_probs,
    /// Parameter problem messages sent.
    icmp_out_parm_probs,
    /// Packet too big and fragmentation needed messages that arrived.
    icmp_in_too_bigs,
    /// Multicast membership queries that arrived (IGMP, MLD).
    multicast_in_queries,
    /// Multicast membership reports sent (IGMP, MLD).
    multicast_out_reports,
    /// UDP datagrams put into a socket's queue, once for each socket (RFC 4113 udpInDatagrams).
    udp_in_datagrams,
    /// UDP datagrams to a port without a socket (RFC 4113 udpNoPorts).
    udp_no_ports,
    /// UDP datagrams that could not be delivered for any other reason (RFC 4113 udpInErrors).
    udp_in_errors,
    /// UDP datagrams sent; a train counts as its datagrams (RFC 4113 udpOutDatagrams).
    udp_out_datagrams,
    /// Connections that went from CLOSED to SYN-SENT (RFC 4022 tcpActiveOpens).
    tcp_active_opens,
    /// Connections that went from LISTEN to SYN-RECEIVED (RFC 4022 tcpPassiveOpens).
    tcp_passive_opens,
    /// Opens that failed before ESTABLISHED (RFC 4022 tcpAttemptFails).
    tcp_attempt_fails,
    /// Connections that were reset from ESTABLISHED or CLOSE-WAIT (RFC 4022 tcpEstabResets).
    tcp_estab_resets,
    /// Connections in ESTABLISHED or CLOSE-WAIT right now: a gauge (RFC 4022 tcpCurrEstab).
    tcp_curr_estab,
    /// TCP segments that arrived, broken ones too; a train counts as its segments (RFC 4022 tcpInSegs).
    tcp_in_segs,
    /// TCP segments sent, but not those that repeat octets only (RFC 4022 tcpOutSegs).
    tcp_out_segs,
    /// TCP segments sent that repeat at least an octet (RFC 4022 tcpRetransSegs).
    tcp_retrans_segs,
    /// TCP segments that arrived broken, such as with a wrong checksum (RFC 4022 tcpInErrs).
    tcp_in_errs,
    /// TCP segments with RST sent (RFC 4022 tcpOutRsts).
    tcp_out_rsts,
    /// SYNs answered with a cookie (RFC 4987 §3.6).
    tcp_cookies_sent,
    /// Cookies that came back and opened a connection.
    tcp_cookies_accepted,
    /// Connections whose SYN took data along that its answer acknowledged (RFC 7413).
    tcp_fast_open_active,
    /// Connections whose SYN took data along that had to be sent again.
    tcp_fast_open_active_fails,
    /// Connections that listeners opened before the handshake was complete.
    tcp_fast_open_passive,
    /// Fast Open cookies of peers that were not good, or no longer.
    tcp_fast_open_passive_fails,
    /// Fast Open cookies given to peers.
    tcp_fast_open_cookies_sent,
    /// SYNs that got a plain handshake because too many connections were open before theirs was complete.
    tcp_fast_open_overflows,
    /// Times that a connection found how large packets pass where larger ones vanish, or that larger ones do again.
    tcp_path_sizes_found,
    /// Connections that began with a size that another had found.
    tcp_path_sizes_used,
    /// Times that a connection found that what asks for marks is lost, mangled or wiped on its path.
    tcp_path_marks_fail,
    /// Connections that asked for no marks because of that.
    tcp_path_marks_spared,
    /// Challenge ACKs sent (RFC 5961).
    tcp_challenge_acks,
    /// TIME-WAIT records that a new SYN took over (RFC 6191).
    tcp_time_wait_reused,
    /// TIME-WAIT records that ended early because there were too many.
    tcp_time_wait_evicted,
}

impl Counters {
    /// Counts one packet that was dropped for `why`.
    pub fn count(&mut self, why: Drop) {
        self.count_many(why, 1);
    }

    /// Counts `packets` that were dropped for `why`: a train is dropped as its packets.
    pub fn count_many(&mut self, why: Drop, packets: u64) {
        if let Some(slot) = self.drops.get_mut(why as usize) {
            *slot = slot.saturating_add(packets);
        }
    }

    /// How many packets were dropped for `why`.
    pub fn dropped(&self, why: Drop) -> u64 {
        self.drops.get(why as usize).copied().unwrap_or(0)
    }

    /// The drop counters by reason, zeros too.
    pub fn drops(&self) -> impl Iterator<Item = (Drop, u64)> {
        Drop::ALL.iter().copied().zip(self.drops)
    }

    /// Everything by name: traffic first, then the drops as `(reason, count)`; zeros too.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.traffic().chain(self.drops().map(|(why, count)| (why.name(), count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn every_name_is_used_once_and_is_fit_for_export() {
        let counters = Counters::default();
        let names: BTreeSet<_> = counters.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), counters.iter().count());
        assert!(Drop::ALL.len() > 70);
        for name in names {
            assert!(!name.is_empty());
            assert!(
                name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_'),
                "{name}"
            );
        }
    }

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let mut counters = Counters::default();
        for (n, why) in Drop::ALL.iter().enumerate() {
            assert_eq!(*why as usize, n);
            counters.count_many(*why, n as u64 + 1);
            counters.count(*why);
        }
        for (n, (why, count)) in counters.drops().enumerate() {
            assert_eq!(count, n as u64 + 2);
            assert_eq!(counters.dropped(why), count);
        }
        let mut full = Counters::default();
        full.count_many(Drop::Budget, u64::MAX);
        full.count(Drop::Budget);
        assert_eq!(full.dropped(Drop::Budget), u64::MAX);
    }

    #[test]
    fn every_discard_of_tcp_has_a_reason_here() {
        use tcp::Discard;
        let all = [
            Discard::OutsideWindow,
            Discard::WindowShut,
            Discard::Duplicate,
            Discard::OldTimestamp,
            Discard::NoTimestamp,
            Discard::UnacceptableReset,
            Discard::UnexpectedSyn,
            Discard::NoAck,
            Discard::UnacceptableAck,
            Discard::AfterFin,
            Discard::TooManyHoles,
            Discard::NoMemory,
            Discard::SimultaneousOpenRefused,
            Discard::ResetToNobody,
            Discard::AcceptQueueFull,
            Discard::SynQueueFull,
            Discard::BadCookie,
            Discard::TimeWait,
        ];
        let reasons: BTreeSet<_> = all.into_iter().map(|why| Drop::from(why).name()).collect();
        assert_eq!(reasons.len(), all.len());
        assert!(!reasons.contains(Drop::TcpOther.name()));
    }
}
