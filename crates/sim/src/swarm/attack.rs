//! An attacker off the path: it knows addresses and ports, and guesses the rest.
//!
//! What it sends is wrong by just so much that RFC 5961 and RFC 5927 tell it from the truth: nothing of it may end a
//! connection or get into a stream.

use super::user::User;
use crate::{Pair, forge};
use env::Rng;
use std::net::SocketAddr;
use wire::tcp::{Flags, Header};
use wire::{Payload, SeqNum, WireWindow};

/// One forged packet for the connection of `user`, if it has one.
pub(super) fn forge(pair: &mut Pair, user: &User, rng: &mut Rng) {
    let host = user.host;
    let Some(connection) = user.connection else { return };
    let Some(status) = pair.world.host(host).tcp_status(connection) else { return };
    let Some((local, remote)) = pair.world.host(host).tcp_addrs(connection) else { return };
    let Some(&interface) = pair.world.interfaces(host).first() else { return };
    if local.ip() == remote.ip() || pair.world.is_paused(host) {
        return; // Nobody else can speak for the host itself; and the numbers must be those of now.
    }
    let far = |rng: &mut Rng| (1 << 24) + rng.below(1 << 30) as u32;
    let beside = 1 + rng.below(u64::from(status.rcv_wnd) + 1_000) as u32;
    // An acknowledgment that nothing could justify (RFC 5961 §5): far beyond SND.NXT, or far before SND.UNA.
    let wild = if rng.chance(0.5) { status.snd_nxt + far(rng) } else { status.snd_una - far(rng) };
    let window = WireWindow::new(rng.next_u32() as u16);
    let header =
        |flags: Flags, seq: SeqNum, ack: SeqNum| Header { seq, ack, flags, window, ..Header::default() };
    let data = || Payload::from(&b"forged, forged, forged"[..]);
    let (header, payload) = match rng.below(6) {
        0 => (header(Flags::RST, status.rcv_nxt + beside, wild), Payload::EMPTY),
        1 => (header(Flags::RST | Flags::ACK, status.rcv_nxt - beside, wild), Payload::EMPTY),
        2 if status.state.is_some_and(tcp::State::is_synchronized) => {
            (header(Flags::SYN, status.rcv_nxt + rng.next_u32(), wild), Payload::EMPTY)
        }
        3 => (header(Flags::ACK | Flags::PSH, status.rcv_nxt, wild), data()),
        4 => (header(Flags::ACK | Flags::FIN, status.rcv_nxt, wild), Payload::EMPTY),
        _ => return too_big(pair, user, interface, local, remote, wild, rng),
    };
    let frame = forge::segment(remote, local, &header, payload);
    inject(pair, user, interface, frame);
}

/// A router that never was says that the path takes next to nothing (RFC 5927 §7), about a number that is not out.
fn too_big(
    pair: &mut Pair,
    user: &User,
    interface: stack::InterfaceId,
    local: SocketAddr,
    remote: SocketAddr,
    seq: SeqNum,
    rng: &mut Rng,
) {
    let header = Header { seq, flags: Flags::ACK, ..Header::default() };
    let quoted = forge::segment(local, remote, &header, Payload::EMPTY).contiguous();
    let mtu = 68 + rng.below(1_000) as usize;
    if let Some(frame) = forge::too_big(&quoted, mtu) {
        inject(pair, user, interface, frame);
    }
}

/// Puts a packet before a host, in a frame when its link needs one.
fn inject(pair: &mut Pair, user: &User, interface: stack::InterfaceId, mut frame: wire::Frame) {
    if pair.is_ethernet() {
        let (us, them) = if user.host == pair.client { (1, 2) } else { (2, 1) };
        let mac = |number: u8| wire::ethernet::MacAddr::new([2, 0, 0, 0, 0, number]);
        let ipv4 = frame.head.as_slice().first().is_some_and(|first| first >> 4 == 4);
        let ethertype = if ipv4 { wire::ethernet::EtherType::IPV4 } else { wire::ethernet::EtherType::IPV6 };
        let header = wire::ethernet::Repr { dst: mac(us), src: mac(them), ethertype, vlan: None };
        if header.prepend_to(&mut frame.head).is_err() {
            return;
        }
    }
    pair.world.inject(user.host, interface, frame);
}
