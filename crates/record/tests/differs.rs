//! A host that does otherwise than the recorded one is found out at the first input at which it shows, in words.

use env::{Duration, Instant, Machine as _};
use handfast_record::{Difference, Replay, ReplayError, of_host};
use stack::{ConnectOptions, Host, HostConfig, InterfaceConfig, Medium, UdpSend};

/// A host that says something over UDP at once, and a SYN two seconds later.
fn recorded() -> Vec<u8> {
    let mut host = Host::new(HostConfig::default(), [7; 32]).unwrap();
    host.journal(true).unwrap();
    let start = Instant::from_secs(5);
    let tun = InterfaceConfig::new("tun", Medium::Ip).address("10.0.0.1/24".parse().unwrap());
    host.add_interface(start, tun).unwrap();
    let socket = host.udp_open().unwrap();
    host.udp_send(start, socket, UdpSend::to(b"hello", "10.0.0.2:7".parse().unwrap())).unwrap();
    while host.poll_transmit(start).is_some() {}
    let later = start + Duration::from_secs(2);
    host.tcp_connect(later, ConnectOptions::to("10.0.0.2:80".parse().unwrap())).unwrap();
    while host.poll_transmit(later).is_some() {}
    of_host(&mut host, true, "a test").unwrap()
}

/// The recording as if the program that replays it had other settings.
fn with(file: &[u8], was: &str, is: &str) -> Vec<u8> {
    let len = u32::from_be_bytes(file[10..14].try_into().unwrap()) as usize;
    let head = std::str::from_utf8(&file[14..14 + len]).unwrap();
    assert!(head.contains(was), "{head}");
    let head = head.replace(was, is);
    let mut out = file[..10].to_vec();
    out.extend((head.len() as u32).to_be_bytes());
    out.extend(head.as_bytes());
    out.extend(crc32fast::hash(head.as_bytes()).to_be_bytes());
    out.extend(&file[14 + len + 4..]);
    out
}

fn difference(file: &[u8]) -> Difference {
    let mut replay = Replay::open(file).unwrap();
    loop {
        match replay.step() {
            Ok(Some(_)) => {}
            Err(ReplayError::Differs(difference)) => return *difference,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_differs_is_told_with_the_input_the_frames_and_the_fields() {
    let file = recorded();
    let mut replay = Replay::open(&file[..]).unwrap();
    while replay.step().unwrap().is_some() {}
    assert_eq!((replay.done().inputs, replay.done().frames), (8, 2));

    // The first frame already: input 4 is the poll that hands it out.
    let found = difference(&with(&file, "\"hop_limit\":64", "\"hop_limit\":63"));
    assert_eq!((found.input, found.frame, found.after), (4, 1, Duration::ZERO));
    assert!(found.given.starts_with("poll_transmit("), "{}", found.given);
    assert_eq!(found.fields, ["TTL: 64 was recorded, 63 came"]);
    let text = found.to_string();
    for part in ["differs at input 4", "UDP 10.0.0.1:", "→ 10.0.0.2:7, 5 octets", "TTL: 64"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn what_differs_later_is_found_later() {
    let found = difference(&with(&recorded(), "\"sack\":true", "\"sack\":false"));
    assert_eq!((found.input, found.frame, found.after), (7, 1, Duration::from_secs(2)));
    assert!(found.expected.as_ref().unwrap().contains("SYN seq"), "{found}");
    assert!(found.fields.iter().any(|field| field.starts_with("options: ")), "{found}");
}

#[test]
fn a_replay_ends_when_it_is_told_to() {
    let file = recorded();
    let mut replay = Replay::open(&file[..]).unwrap();
    replay.until(Some(Duration::from_secs(1)));
    while replay.step().unwrap().is_some() {}
    assert_eq!((replay.done().inputs, replay.done().frames, replay.done().end), (5, 1, None));
}

/// A setting that an older file lacks has its default; one that is none is refused.
#[test]
fn settings_of_other_versions_are_read_as_far_as_that_is_safe() {
    let file = recorded();
    let older = with(&file, "\"hop_limit\":64,", "");
    assert_eq!(Replay::open(&older[..]).unwrap().head().config.hop_limit, 64);
    let wrong = with(&file, "\"hop_limit\":64", "\"hop_limit\":0");
    assert!(matches!(Replay::open(&wrong[..]), Err(ReplayError::Config(_))));
    let newer = with(&file, "\"hop_limit\":64", "\"hop_limit\":\"many\"");
    assert!(matches!(Replay::open(&newer[..]), Err(ReplayError::Unreadable(_))));
}
