//! Inputs and frames as people say them, and in what two frames differ.

use crate::entry::Sent;
use env::Instant;
use stack::trace::{Content, Packet};
use stack::{Input, InterfaceId};
use wire::{Frame, Payload};

/// What went in.
pub(crate) fn input(input: &Input, ethernet: impl Fn(InterfaceId) -> bool) -> String {
    if let Input::HandlePacket(_, interface, arrived) = input {
        let frame = Frame { body: arrived.octets.clone(), offload: arrived.offload, ..Frame::default() };
        let what = packet(&frame, ethernet(*interface));
        return format!("on interface {} arrives {what}", interface.index());
    }
    let text = format!("{input:?}");
    let (name, arguments) = text.split_once('(').unwrap_or((&text, ")"));
    let mut snake = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    format!("{snake}({arguments}")
}

/// What went out.
pub(crate) fn sent(sent: &Sent, began: Instant, ethernet: bool) -> String {
    let after = sent.at.since(began);
    format!("after {after:?} on interface {}: {}", sent.interface.index(), packet(&frame(sent), ethernet))
}

/// The headers as a frame, which is cut behind them.
fn frame(sent: &Sent) -> Frame {
    let mut frame = Frame { body: Payload::copy_of(&sent.headers), ..Frame::default() };
    frame.offload.segment_size = sent.segment_size;
    frame
}

fn packet(frame: &Frame, ethernet: bool) -> String {
    let Some(packet) = Packet::of_frame(frame, ethernet) else {
        return format!("a frame of {} octets that is no packet", frame.len());
    };
    let (src, dst) = (packet.src, packet.dst);
    match &packet.content {
        Content::Tcp { src_port, dst_port, header, len, segment_size } => {
            let train = segment_size.map_or(String::new(), |size| format!(" in segments of {size}"));
            format!(
                "TCP {src}:{src_port} → {dst}:{dst_port} {} seq {} ack {} window {}, {len} octets{train}",
                header.flags,
                header.seq.raw(),
                header.ack.raw(),
                header.window.raw(),
            )
        }
        Content::Udp { src_port, dst_port, len, .. } => {
            format!("UDP {src}:{src_port} → {dst}:{dst_port}, {len} octets")
        }
        Content::Icmp { kind, code, len } => {
            format!("ICMP {src} → {dst} type {kind} code {code}, {len} octets")
        }
        Content::Arp { reply } => {
            format!("ARP {} {src} → {dst}", if *reply { "reply" } else { "request" })
        }
        Content::Other(protocol) => {
            format!("protocol {} {src} → {dst}, {} octets", protocol.number(), packet.len)
        }
        _ => format!("{src} → {dst}, {} octets", packet.len),
    }
}

/// What is not the same in two frames, by name.
pub(crate) fn fields(expected: &Sent, came: &Sent, ethernet: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut field = |name: &str, was: String, is: String| {
        if was != is {
            found.push(format!("{name}: {was} was recorded, {is} came"));
        }
    };
    field("time", expected.at.to_string(), came.at.to_string());
    field("interface", expected.interface.index().to_string(), came.interface.index().to_string());
    field("octets in the frame", expected.len.to_string(), came.len.to_string());
    field("segment size", format!("{:?}", expected.segment_size), format!("{:?}", came.segment_size));
    let read = |sent: &Sent| Packet::of_frame(&frame(sent), ethernet);
    if let (Some(was), Some(is)) = (read(expected), read(came)) {
        field("source", was.src.to_string(), is.src.to_string());
        field("destination", was.dst.to_string(), is.dst.to_string());
        field("TTL", was.ttl.to_string(), is.ttl.to_string());
        field("ECN", format!("{:?}", was.ecn), format!("{:?}", is.ecn));
        field("fragment", format!("{:?}", was.fragment), format!("{:?}", is.fragment));
        match (was.content, is.content) {
            (
                Content::Tcp { src_port: s, dst_port: d, header: was, .. },
                Content::Tcp { src_port, dst_port, header: is, .. },
            ) => {
                field("source port", s.to_string(), src_port.to_string());
                field("destination port", d.to_string(), dst_port.to_string());
                field("sequence number", was.seq.raw().to_string(), is.seq.raw().to_string());
                field("acknowledgment number", was.ack.raw().to_string(), is.ack.raw().to_string());
                field("control bits", was.flags.to_string(), is.flags.to_string());
                field("window", was.window.raw().to_string(), is.window.raw().to_string());
                field("urgent pointer", was.urgent.to_string(), is.urgent.to_string());
                field("options", format!("{:?}", was.options), format!("{:?}", is.options));
            }
            (was, is) => field("content", format!("{was:?}"), format!("{is:?}")),
        }
    }
    if found.is_empty() {
        // No field that has a name: the octets themselves.
        let at = expected.headers.iter().zip(&came.headers).position(|(was, is)| was != is);
        match at.and_then(|at| Some((at, expected.headers.get(at)?, came.headers.get(at)?))) {
            Some((at, was, is)) => {
                found.push(format!("octet {at} of the headers: {was:02x} was recorded, {is:02x} came"))
            }
            None if expected.headers.len() != came.headers.len() => {
                found.push("length of the headers".into())
            }
            None => found.push("the payload".into()),
        }
    }
    found
}
