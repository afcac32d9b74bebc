//! What a file must not have in it: the seed, keys that are drawn from it, and payload that nobody asked for.

use env::{Instant, Machine as _, Rng};
use handfast_record::of_host;
use stack::{ConnectOptions, EchoSend, Host, HostConfig, InterfaceConfig, ListenConfig, Medium, UdpSend};
use std::collections::HashSet;
use tcp::SendFlags;
use wire::{Frame, Payload};

const SEED: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";
const WORDS: &[u8] = b"what nobody else should read";

/// A host that connects to itself by way of a wire, and says [`WORDS`] over TCP, UDP and in an echo request.
fn talk(payload: bool) -> Vec<u8> {
    let mut host = Host::new(HostConfig::default(), SEED).unwrap();
    host.journal(payload).unwrap();
    let now = Instant::from_secs(1);
    let tun = InterfaceConfig::new("tun", Medium::Ip).address("10.0.0.1/24".parse().unwrap());
    let id = host.add_interface(now, tun).unwrap();
    // The other end: what it sends is what arrives here.
    let mut peer = Host::new(HostConfig::default(), [1; 32]).unwrap();
    let tun = InterfaceConfig::new("tun", Medium::Ip).address("10.0.0.2/24".parse().unwrap());
    peer.add_interface(now, tun).unwrap();
    let listener = peer.tcp_listen(now, "0.0.0.0:80".parse().unwrap(), ListenConfig::default()).unwrap();

    let client = host.tcp_connect(now, ConnectOptions::to("10.0.0.2:80".parse().unwrap())).unwrap();
    host.tcp_send(now, client, Payload::copy_of(WORDS), SendFlags::default()).unwrap();
    let socket = host.udp_open().unwrap();
    // Nobody is there: the error that comes back quotes it.
    host.udp_send(now, socket, UdpSend::to(WORDS, "10.0.0.2:7".parse().unwrap())).unwrap();
    let ping = host.echo_open().unwrap();
    host.echo_send(now, ping, EchoSend::new("10.0.0.2".parse().unwrap(), 1, WORDS)).unwrap();
    let mut answered = false;
    loop {
        let mut still = true;
        while let Some((_, frame)) = host.poll_transmit(now) {
            let frame = Frame::received(frame.contiguous(), frame.len(), now);
            peer.handle_packet(now, (id, frame));
            still = false;
        }
        if let Some((server, _)) = peer.tcp_accept(listener) {
            peer.tcp_send(now, server, Payload::copy_of(WORDS), SendFlags::default()).unwrap();
            answered = true;
        }
        while let Some((_, frame)) = peer.poll_transmit(now) {
            let frame = Frame::received(frame.contiguous(), frame.len(), now);
            host.handle_packet(now, (id, frame));
            still = false;
        }
        if still {
            break;
        }
    }
    assert!(answered && host.udp_take_fault(socket).is_some() && host.echo_receive(ping).is_some());
    of_host(&mut host, payload, "a talk").unwrap()
}

fn has(file: &[u8], what: &[u8]) -> bool {
    file.windows(what.len()).any(|window| window == what)
}

#[test]
fn payload_is_there_only_when_it_was_asked_for() {
    assert!(has(&talk(true), WORDS));
    let file = talk(false);
    for word in WORDS.split(|c| *c == b' ') {
        assert!(!has(&file, word), "{}", String::from_utf8_lossy(word));
    }
}

/// Keys, tables of secret counters and the seeds of a host's other generators are the first draws from its seed: none of
/// them, nor any eight octets of them in a row, is in the file.
#[test]
fn neither_the_seed_nor_a_key_is_in_a_file() {
    let mut drawn = vec![0; 64 << 10];
    Rng::from_seed(SEED).fill(&mut drawn);
    let mut secrets: HashSet<&[u8]> = drawn.windows(8).collect();
    secrets.extend(SEED.windows(8));
    let found = |file: &[u8]| file.windows(8).any(|window| secrets.contains(window));
    for payload in [false, true] {
        let mut file = talk(payload);
        assert!(!found(&file), "payload: {payload}");
        // The search would find one.
        file.extend_from_slice(&drawn[32..48]);
        assert!(found(&file));
    }
}
