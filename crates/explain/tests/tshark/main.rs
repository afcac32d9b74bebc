//! On each of its analysis flags, `explain` agrees with tshark, packet by packet; what differs is in `docs/explain.md`.

mod compare;
mod forged;
mod worlds;

use device::pcapng::{Way, Writer};
use device::{Duration, Medium};
use handfast_explain::{Finding, Findings};
use std::path::PathBuf;

/// A capture in a file of its own, which goes when it does.
pub(crate) struct Capture {
    pub(crate) path: PathBuf,
    pub(crate) packets: usize,
}

impl Capture {
    pub(crate) fn write(name: &str, packets: &[(env::Instant, bytes::Bytes)]) -> Self {
        let path =
            std::env::temp_dir().join(format!("handfast-explain-{}-{name}.pcapng", std::process::id()));
        let file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        let mut writer = Writer::new(file, Duration::ZERO).unwrap();
        let interface = writer.interface("between", Medium::Ip).unwrap();
        for (at, octets) in packets {
            writer.packet(interface, *at, Way::In, 0, [&octets[..]], &[]).unwrap();
        }
        writer.into_inner().unwrap();
        Self { path, packets: packets.len() }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if std::env::var_os("HANDFAST_KEEP").is_none() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The differences that `docs/explain.md` lists, each with its reason there.
fn is_documented(name: &str, number: u64, ours: Findings, theirs: Findings) -> bool {
    let but_for =
        |one: Finding| Finding::ALL.iter().all(|f| *f == one || ours.contains(*f) == theirs.contains(*f));
    match name {
        // 1. An ACK of what was not captured: tshark is silent after the first until data passes, and then finds
        //    another one in the ACK of that data.
        _ if name.starts_with("unseen-ack") && number > 4 => but_for(Finding::AckLostSegment),
        // 2. The octet of a window probe that its receiver takes.
        "zero-window-taken" => (7..=9).contains(&number),
        // 4. A connection between the same sockets whose first number is the old one's again.
        "reused" => number >= 13,
        _ => false,
    }
}

/// Compares, and counts what was found, so that no finding goes without a packet.
fn compare(captures: &[(String, Capture)]) -> Vec<(Finding, usize)> {
    let mut counts: Vec<(Finding, usize)> = Finding::ALL.iter().map(|finding| (*finding, 0)).collect();
    let mut wrong = Vec::new();
    let (mut packets, mut differ) = (0, 0);
    for (name, capture) in captures {
        let (found, read) = compare::ours(&capture.path);
        assert_eq!(read, capture.packets as u64, "{name}");
        packets += capture.packets;
        for findings in found.values() {
            counts.iter_mut().filter(|(f, _)| findings.contains(*f)).for_each(|(_, count)| *count += 1);
        }
        let mut differences = compare::differences(&capture.path);
        differences.retain(|(number, ours, theirs)| !is_documented(name, *number, *ours, *theirs));
        differ += differences.len();
        for (number, ours, theirs) in differences.iter().take(5) {
            wrong.push(format!("{name}, packet {number}: ours [{ours}], tshark's [{theirs}]"));
        }
    }
    println!("{} captures, {packets} packets, {differ} differ; {counts:?}", captures.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    counts
}

#[test]
fn what_is_forged_is_found_as_tshark_finds_it() {
    if !compare::there_is_tshark() {
        return;
    }
    let captures: Vec<_> = forged::all()
        .into_iter()
        .map(|(name, packets)| {
            let capture = Capture::write(name, &packets);
            (name.to_owned(), capture)
        })
        .collect();
    for (finding, count) in compare(&captures) {
        assert!(count > 0, "no packet is {}", finding.name());
    }
}

#[test]
fn what_worlds_do_is_found_as_tshark_finds_it() {
    if !compare::there_is_tshark() {
        return;
    }
    let captures: Vec<_> = worlds::all()
        .into_iter()
        .map(|(name, packets)| {
            let capture = Capture::write(&name, &packets);
            (name, capture)
        })
        .collect();
    compare(&captures);
}
