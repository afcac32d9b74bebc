//! Writes well-formed inputs for a target into a folder, so that fuzzing starts behind the first checks.

use handfast_device::virtio::{self, Order};
extern crate handfast_stack as stack;
extern crate handfast_wire as wire;

#[path = "../../crates/explain/tests/any_octets/seeds.rs"]
mod captures;

#[path = "../../crates/record/tests/any_octets/exercise.rs"]
mod exercise;

#[path = "../../crates/record/tests/any_octets/seeds.rs"]
mod recordings;

#[path = "../../crates/device/tests/exercise/coalesce_seeds.rs"]
mod batches;

#[path = "../../crates/sim/tests/any_script/seeds.rs"]
mod scripts;

use handfast_wire::ethernet::{EtherType, MacAddr};
use handfast_wire::tcp::{Flags, Header, Options, SackBlock, Timestamps};
use handfast_wire::{Head, Protocol, SeqNum, arp, ethernet, icmpv4, icmpv6, igmp, ipv4, ipv6, mld, ndp, udp};
use libfuzzer_sys as _; // what the coverage counters of this build call
use std::io::{Error, Result};
use std::net::{Ipv4Addr, Ipv6Addr};

const A4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const B4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const A6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const B6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const MAC: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);

fn written(head: Head) -> Vec<u8> {
    head.as_slice().to_vec()
}

/// A segment with every option that goes with `flags`, and its bytes with some data.
fn segment(flags: Flags) -> Vec<u8> {
    let mut options =
        Options { mss: Some(1460), window_scale: Some(7), sack_permitted: true, ..Options::NONE };
    options.timestamps = Some(Timestamps { value: 1, echo: 2 });
    options.sack.push(SackBlock { start: SeqNum::new(10), end: SeqNum::new(20) });
    let header = Header { flags, options, ..Header::default() };
    let mut head = Head::new();
    header.prepend_to(&mut head, 1, 2).expect("a head has room for a TCP header");
    [head.as_slice(), &[7; 40]].concat()
}

fn datagram() -> Vec<u8> {
    let mut head = Head::new();
    udp::Repr { src_port: 1, dst_port: 2 }
        .prepend_to(&mut head, 4)
        .expect("a head has room for a UDP header");
    [head.as_slice(), &[7; 4]].concat()
}

fn over_ipv4(protocol: Protocol, payload: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    let options = ipv4::Options::ROUTER_ALERT;
    let repr = ipv4::Repr { options, ..ipv4::Repr::new(A4, B4, protocol) };
    repr.prepend_to(&mut head, payload.len()).expect("a head has room for an IPv4 header");
    [head.as_slice(), payload].concat()
}

fn over_ipv6(protocol: Protocol, payload: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    let repr = ipv6::Repr::new(A6, B6, protocol);
    repr.prepend_to(&mut head, payload.len()).expect("a head has room for an IPv6 header");
    [head.as_slice(), payload].concat()
}

fn extended(fragment: bool) -> Vec<u8> {
    let mut head = Head::new();
    let data = if fragment { vec![7; 16] } else { segment(Flags::ACK) };
    let last = ipv6::FragmentHeader {
        next_header: Protocol::TCP,
        offset: fragment.into(),
        more: false,
        identification: 5,
    };
    last.prepend_to(&mut head).expect("room for a fragment header");
    let first = ipv6::HopByHop { next_header: Protocol::FRAGMENT, router_alert: 0 };
    first.prepend_to(&mut head).expect("room for a hop-by-hop header");
    over_ipv6(Protocol::HOP_BY_HOP, &[head.as_slice(), &data].concat())
}

fn seeds(target: &str) -> Option<Vec<Vec<u8>>> {
    let quoted = &over_ipv4(Protocol::UDP, &datagram())[..];
    let link = Some(MAC);
    Some(match target {
        "ethernet" => [None, Some(5)]
            .map(|vlan| {
                let mut head = Head::new();
                let repr =
                    ethernet::Repr { dst: MacAddr::BROADCAST, src: MAC, ethertype: EtherType::ARP, vlan };
                repr.prepend_to(&mut head).expect("room for an Ethernet header");
                written(head)
            })
            .to_vec(),
        "arp" => {
            let operation = arp::Operation::Request;
            let target_mac = MacAddr::UNSPECIFIED;
            vec![
                arp::Repr { operation, sender_mac: MAC, sender_ip: A4, target_mac, target_ip: B4 }
                    .emit()
                    .to_vec(),
            ]
        }
        "ipv4" => vec![quoted.to_vec(), over_ipv4(Protocol::TCP, &segment(Flags::SYN))],
        "ipv6" => vec![over_ipv6(Protocol::TCP, &segment(Flags::SYN)), extended(false), extended(true)],
        "icmpv4" => vec![
            icmpv4::Repr::EchoRequest { identifier: 1, sequence: 2, data: &[3; 8] }.emit(),
            icmpv4::Repr::DestinationUnreachable { code: icmpv4::Unreachable::Port, quoted }.emit(),
        ],
        "icmpv6" => vec![
            icmpv6::Repr::EchoRequest { identifier: 1, sequence: 2, data: &[3; 8] }.emit(A6, B6),
            icmpv6::Repr::PacketTooBig { mtu: 1280, quoted }.emit(A6, B6),
        ],
        "ndp" => {
            let prefix = ndp::Prefix {
                prefix: A6,
                len: 64,
                on_link: true,
                autonomous: true,
                valid_lifetime: 100,
                preferred_lifetime: 50,
            };
            let advert = ndp::RouterAdvert { mtu: Some(1400), prefixes: vec![prefix], ..Default::default() };
            vec![
                ndp::Repr::RouterAdvert(advert).emit(A6, B6),
                ndp::Repr::NeighborSolicit { target: B6, source_link: link }.emit(A6, B6),
                ndp::Repr::Redirect { target: A6, destination: B6, target_link: link }.emit(A6, B6),
            ]
        }
        "igmp" => {
            let record =
                igmp::Record { kind: igmp::RecordKind::ChangeToExclude, group: A4, sources: vec![B4] };
            vec![
                igmp::Repr::ReportV3 { records: vec![record] }.emit(),
                igmp::Repr::LeaveV2 { group: A4 }.emit(),
            ]
        }
        "mld" => {
            let record = mld::Record { kind: mld::RecordKind::ChangeToExclude, group: A6, sources: vec![B6] };
            vec![
                mld::Repr::ReportV2 { records: vec![record] }.emit(A6, B6),
                mld::Repr::DoneV1 { group: A6 }.emit(A6, B6),
            ]
        }
        "udp" => vec![datagram()],
        "tcp" => vec![segment(Flags::SYN), segment(Flags::ACK | Flags::PSH)],
        "segmentation" => {
            let metadata = [0, 16, 20, 16, 60, 9];
            let trains = [
                over_ipv4(Protocol::TCP, &segment(Flags::ACK | Flags::FIN)),
                over_ipv6(Protocol::TCP, &segment(Flags::ACK | Flags::URG | Flags::CWR)),
                over_ipv4(Protocol::UDP, &datagram()),
            ];
            trains.map(|train| [&metadata[..], &train].concat()).to_vec()
        }
        // A train behind its header, and whether it is on Ethernet; see the target's body.
        "virtio" => {
            let behind = |kind, start, offset, packet: Vec<u8>| {
                let header = virtio::Header {
                    flags: 1,
                    gso_type: kind,
                    hdr_len: 0,
                    gso_size: 3,
                    csum_start: start,
                    csum_offset: offset,
                };
                [&header.emit(Order::Native)[..], &[0], &packet].concat()
            };
            vec![
                behind(1, 24, 16, over_ipv4(Protocol::TCP, &segment(Flags::ACK | Flags::PSH))),
                behind(4, 40, 16, over_ipv6(Protocol::TCP, &segment(Flags::ACK | Flags::CWR))),
                behind(5, 24, 6, over_ipv4(Protocol::UDP, &datagram())),
            ]
        }
        // Calls (see the target's body): a question from a neighbour, data for a socket, a connection attempt, time.
        "host" => vec![
            [
                &[2, 2, 64, 0, 0, 28][..],
                &[0, 80, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 255, 255, 0, 0, 0, 0],
            ]
            .concat(),
            [&[2, 3, 64, 0, 0, 12][..], &[0, 9, 0, 7, 0, 12, 0, 0, 1, 2, 3, 4], &[14, 0, 10, 5]].concat(),
            vec![15, 0, 0, 80, 1, 10, 3, 17, 0, 1, 0, 19, 0, 10, 60],
            vec![
                3, 4, 255, 0, 0, 24, 135, 0, 0, 0, 0, 0, 0, 0, 32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 1,
            ],
            vec![12, 0, 20, 0, 0, 0, 21, 1, 5, 220, 22, 1, 5, 0, 1, 23, 1, 4, 10, 0, 0, 9, 24, 0, 10, 200],
        ],
        // A choice of options and controller, then four octets for each thing that the peer does.
        "acks" => vec![
            vec![3, 3, 1, 7, 0, 0, 20, 9, 0, 3, 9, 30, 1, 1, 2, 0, 0],
            vec![7, 5, 2, 14, 200, 7, 3, 8, 1, 0, 250, 250, 0, 6, 190, 7, 3],
            vec![8, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 190, 0, 0],
        ],
        "explain" => captures::all(),
        "coalesce" => batches::all(),
        "recording" => recordings::all(),
        "drill" => scripts::all(),
        _ => return None,
    })
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, folder] = &arguments[..] else { return Err(Error::other("usage: seeds TARGET FOLDER")) };
    let seeds = seeds(target).ok_or_else(|| Error::other(format!("no seeds for {target}")))?;
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(format!("{folder}/seed-{number}"), seed)?;
    }
    Ok(())
}
