use super::*;
use crate::{Cidr, HostConfig, InterfaceConfig, Medium, UdpBind};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use env::Machine as _;
use std::path::Path;
use std::{fs, println};

/// Calls that change nothing that a host does, and why.
const NOT_INPUTS: [(&str, &str); 16] = [
    ("tcp_send_slice", "it copies, and goes on as tcp_send, which is noted"),
    ("watch", "watching changes nothing"),
    ("poll_trace", "watching changes nothing"),
    ("poll_looped", "watching changes nothing"),
    ("tcp_peek_into", "it leaves everything where it is"),
    ("tcp_readiness", "it asks for an event, from which no frame follows"),
    ("tcp_may_connect_with", "it looks up a way, and changes nothing"),
    ("tcp_receive_with", "it notes tcp_receive_into, for as many octets as it took"),
    ("journal", "the journal itself"),
    ("rehearse", "the journal itself"),
    ("end_journal", "the journal itself"),
    ("poll_note", "the journal itself"),
    ("journal_to", "the journal itself"),
    ("pass_notes", "the journal itself"),
    ("give", "the journal itself"),
    ("rehearsed", "the journal itself"),
];

/// What is between the braces that open at or after `from`.
fn block(text: &str, from: usize) -> &str {
    let open = from + text[from..].find('{').expect("a body");
    let mut depth = 0;
    for (at, c) in text[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[open..open + at];
        }
    }
    panic!("braces that never close");
}

fn sources(dir: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// Names of public calls that change a host, and whether each notes the input of its name.
fn calls() -> Vec<(String, bool)> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut found = Vec::new();
    for text in &files {
        for (at, header) in
            text.match_indices("\nimpl Host {").chain(text.match_indices("\nimpl Machine for Host {"))
        {
            let body = block(text, at);
            let public = if header.contains("Machine") { "\n    fn " } else { "\n    pub fn " };
            for (start, _) in body.match_indices(public) {
                let rest = &body[start + public.len()..];
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let signature = &rest[..rest.find('{').expect("a body")];
                if signature.contains("&mut self") {
                    let camel: String = name
                        .split('_')
                        .map(|word| {
                            let (first, rest) = word.split_at(1);
                            format!("{}{rest}", first.to_uppercase())
                        })
                        .collect();
                    let body = block(rest, 0);
                    let noted = [',', '(', ')', ' ', '\n']
                        .iter()
                        .any(|end| body.contains(&format!("Input::{camel}{end}")));
                    let handed_on = name == "handle_packet" && body.contains("self.note_arrival(");
                    found.push((name, noted && body.contains("self.note(") || handed_on));
                }
            }
        }
    }
    found
}

/// Whoever adds a call that changes a host adds its [`Input`], or says above why there is none.
#[test]
fn every_public_call_that_changes_a_host_is_noted() {
    let calls = calls();
    assert!(calls.len() > 50, "the search found only {} calls", calls.len());
    for (name, noted) in &calls {
        let exempt = NOT_INPUTS.iter().find(|(other, _)| other == name);
        println!("{name}: {noted} {exempt:?}");
        assert!(
            *noted != exempt.is_some(),
            "Host::{name} takes &mut self: have it note an Input of its name first of all (journal/input.rs), or list it \
             in NOT_INPUTS with the reason"
        );
    }
    for (name, _) in NOT_INPUTS {
        assert!(calls.iter().any(|(other, _)| other == name), "{name} is no call any more");
    }
}

fn new() -> Host {
    Host::new(HostConfig::default(), [9; 32]).unwrap()
}

#[test]
fn a_journal_begins_with_its_host() {
    let mut host = new();
    host.udp_open().unwrap();
    assert_eq!(host.journal(true), Err(NotNew));
    let mut host = new();
    host.add_interface(Instant::ZERO, InterfaceConfig::new("tun", Medium::Ip)).unwrap();
    assert_eq!(host.rehearse(true), Err(NotNew));
    let mut host = new();
    assert_eq!(host.journal(true), Ok(()));
    assert_eq!(host.journal(true), Err(NotNew));
}

/// What `&mut UdpOptions` became is noted when the borrow is over, before anything that comes after it.
#[test]
fn settings_that_are_changed_in_place_are_noted_as_they_came_out() {
    let mut host = new();
    host.journal(true).unwrap();
    let id = host.udp_bind(UdpBind::default()).unwrap();
    host.udp_options_mut(id).unwrap().ttl = Some(7);
    host.udp_receive(id);
    host.udp_options_mut(id).unwrap().dscp = 5;
    let mut noted = Vec::new();
    while let Some(note) = host.poll_note() {
        noted.push(match note {
            Note::Input(Input::UdpOptionsMut(_, options)) => format!("{:?} {}", options.ttl, options.dscp),
            Note::Input(Input::UdpReceive(_)) => "receive".into(),
            Note::Drawn(Source::Ip, drawn) => format!("{:?}", drawn.what),
            Note::Input(Input::UdpBind(_)) => "bind".into(),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(noted, ["bind", "Port", "Some(7) 0", "receive", "Some(7) 5"]);
    host.end_journal();
    host.udp_receive(id);
    host.udp_bind(UdpBind::default()).unwrap();
    assert!(host.poll_note().is_none());
}

#[test]
fn a_host_with_another_seed_does_the_same_with_the_outcomes() {
    let address: Cidr = "10.0.0.1/24".parse().unwrap();
    let mut host = new();
    host.journal(true).unwrap();
    let now = Instant::from_secs(1);
    let id = host.add_interface(now, InterfaceConfig::new("tun", Medium::Ip).address(address)).unwrap();
    host.tcp_connect(now, crate::ConnectOptions::to("10.0.0.2:80".parse().unwrap())).unwrap();
    let socket = host.udp_open().unwrap();
    host.udp_send(now, socket, crate::UdpSend::to(b"hello", "10.0.0.2:7".parse().unwrap())).unwrap();
    let ping = host.echo_open().unwrap();
    host.echo_send(now, ping, crate::EchoSend::new("10.0.0.2".parse().unwrap(), 1, b"ping")).unwrap();
    let mut sent = Vec::new();
    while let Some((interface, frame)) = host.poll_transmit(now) {
        assert_eq!(interface, id);
        sent.push(frame);
    }
    assert_eq!(sent.len(), 3);

    let mut notes: Vec<Note> = core::iter::from_fn(|| host.poll_note()).collect();
    let mut again = Host::new(HostConfig::default(), [1; 32]).unwrap();
    again.rehearse(true).unwrap();
    let mut frames = Vec::new();
    notes.reverse();
    while let Some(Note::Input(input)) = notes.pop() {
        // What was drawn may follow what was sent.
        while let Some(note) = notes.pop_if(|note| !matches!(note, Note::Input(_))) {
            if let Note::Drawn(source, drawn) = note {
                again.give(source, drawn);
            }
        }
        input.apply(&mut again);
        assert_eq!(again.rehearsed(), None);
        while let Some(note) = again.poll_note() {
            match note {
                Note::Sent(at, interface, frame) => {
                    assert_eq!((at, interface), (now, id));
                    frames.push(frame);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(frames == sent, "other frames");
}
