//! What a script wants that isn't there, found before it begins.
//!
//! ```text
//!   --ip_version, addresses, names of ICMP ─► the version that it is played for
//!   calls, flags, options ─► what the host lacks
//! ```

use crate::packetdrill::script::{Action, Body, Expression, Position, Script};
use crate::packetdrill::subject::IpVersion;
use std::net::IpAddr;

/// Why a script isn't for this kind of address, if so.
pub(super) fn another_version(script: &Script, version: IpVersion) -> Option<(Position, String)> {
    let v6 = version == IpVersion::V6;
    let known = match version {
        IpVersion::V4 => "ipv4",
        IpVersion::V6 => "ipv6",
        IpVersion::Mapped => "ipv4-mapped-ipv6",
    };
    for line in &script.options {
        match line.name.as_str() {
            "ip_version" if line.value() != known => {
                return Some((line.at, format!("it is for {} only", line.value())));
            }
            "local_ip" | "remote_ip" => {
                let bare = line.value().split('/').next().unwrap_or_default();
                if bare.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6() != v6) {
                    return Some((line.at, format!("it is for hosts with the address {bare}")));
                }
            }
            _ => {}
        }
    }
    script.events.iter().find_map(|event| match &event.action {
        Action::Packet(packet) if !v6 && packet.ip.flow_label.is_some() => {
            Some((event.at, "IPv4 has no flow labels".to_owned()))
        }
        Action::Packet(packet) => match &packet.body {
            // A name that neither version has is wrong, and not another version's.
            Body::Icmp(icmp) if icmp.numbers(!v6).is_ok() => {
                icmp.numbers(v6).err().map(|why| (event.at, why))
            }
            _ => None,
        },
        _ => None,
    })
}

/// The first name of these that a script calls, or hands to a call.
pub(super) fn one_of(names: &[&'static str], script: &Script) -> Option<(Position, &'static str)> {
    script.events.iter().find_map(|event| {
        let Action::Call(call) = &event.action else { return None };
        let known = |name: &str| names.iter().copied().find(|lacking| *lacking == name);
        let handed = || call.arguments.iter().find_map(|argument| symbol(argument, &known));
        known(&call.name).or_else(handed).map(|name| (event.at, name))
    })
}

fn symbol(expression: &Expression, known: &impl Fn(&str) -> Option<&'static str>) -> Option<&'static str> {
    match expression {
        Expression::Symbol(name) => known(name),
        Expression::Or(parts) | Expression::List(parts) => parts.iter().find_map(|part| symbol(part, known)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packetdrill::script::{customary, parse};

    fn script(text: &str) -> Script {
        parse(text, &customary(false, false)).unwrap()
    }

    #[test]
    fn a_script_for_other_addresses_says_so() {
        let of = |text: &str, version| another_version(&script(text), version).map(|(_, why)| why);
        let socket = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";
        assert_eq!(of(&format!("--ip_version=ipv4\n{socket}"), IpVersion::V4), None);
        assert_eq!(
            of(&format!("--ip_version=ipv4\n{socket}"), IpVersion::Mapped),
            Some("it is for ipv4 only".into())
        );
        let pinned = format!("--remote_ip=192.0.2.1\n{socket}");
        assert_eq!(of(&pinned, IpVersion::Mapped), None);
        assert!(of(&pinned, IpVersion::V6).unwrap().contains("192.0.2.1"));
        let narrow = format!("{socket}+0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]\n");
        assert_eq!(of(&narrow, IpVersion::V4), None);
        assert!(of(&narrow, IpVersion::V6).unwrap().contains("ICMPv6"));
        let labelled = format!("{socket}+0 > [flowlabel 0x1] S 0:0(0) <...>\n");
        assert_eq!(of(&labelled, IpVersion::V6), None);
        assert_eq!(of(&labelled, IpVersion::Mapped), Some("IPv4 has no flow labels".into()));
    }

    #[test]
    fn what_a_host_lacks_is_found_in_names_and_among_flags() {
        let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 send(3, ..., 5, MSG_DONTWAIT|MSG_ZEROCOPY) = 5\n";
        let found = one_of(&["splice", "MSG_ZEROCOPY"], &script(text));
        assert_eq!(found.map(|(at, name)| (at.line, name)), Some((2, "MSG_ZEROCOPY")));
        assert_eq!(one_of(&["socket"], &script(text)).map(|(at, _)| at.line), Some(1));
        assert_eq!(one_of(&["splice"], &script(text)), None);
    }
}
