//! What others make of the trains that pass: tshark of their packets, and the kernel's congestion control of their marks.

use super::relay::{Relay, both, exchange};
use super::*;
use crate::pcapng::{Way, Writer};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use wire::{checksum, tcp::Flags};

#[test]
fn tshark_finds_every_packet_of_every_train_sound() {
    if !Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return own_namespace::skip("trains as tshark sees them", "tshark is not installed");
    }
    for kind in [Kind::Tun, Kind::Tap] {
        let options = Options { kind, ..Options::new("hf0") };
        let Some((sides, tuns)) = both("trains as tshark sees them", &[options.clone(), options]) else {
            return;
        };
        let mut file = Writer::new(Vec::new(), env::Duration::ZERO).unwrap();
        let interface = file.interface("hf0", kind.medium()).unwrap();
        let file = Arc::new(Mutex::new(file));
        let seen = file.clone();
        let relay = Relay::start(tuns, move |side, frame| {
            let way = if side == 0 { Way::Out } else { Way::In };
            seen.lock().unwrap().frame(interface, Instant::ZERO, way, frame, &[]).unwrap();
        });
        exchange(&sides, "10.9.0.2:700", 1 << 20);
        exchange(&sides, "[fd00:9::2]:700", 1 << 20);
        assert!(relay.stop()[0].counters().rx_trains > 10);
        let octets = Arc::into_inner(file).unwrap().into_inner().unwrap().into_inner().unwrap();
        let name = format!("handfast-trains-{}-{kind:?}.pcapng", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, octets).unwrap();
        let count = |filter: &str| {
            let sums = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
            let output = Command::new("tshark")
                .args(["-n", "-r"])
                .arg(&path)
                .args(sums)
                .args(["-Y", filter, "-T", "fields", "-e", "frame.len"])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).lines().count()
        };
        let sound = count("tcp.checksum.status == \"Good\"");
        let unsound =
            count("tcp.checksum.status != \"Good\" || ip.checksum.status == \"Bad\" || _ws.malformed");
        let full = count("tcp.len > 1300");
        let _ = std::fs::remove_file(&path);
        assert!(sound > 2800 && full > 2700, "{kind:?}: {sound} sound, {full} full");
        assert_eq!(unsound, 0, "{kind:?}");
    }
}

/// Marks a packet over IPv4 whose sender can be told of congestion (RFC 3168 §5).
fn mark(frame: &mut Frame) -> bool {
    let mut octets = frame.to_vec();
    if octets[0] >> 4 != 4 || octets[1] & 3 == 0 {
        return false;
    }
    octets[1] |= 3;
    octets[10..12].fill(0);
    let sum = checksum::sum(&octets[..20]).checksum();
    octets[10..12].copy_from_slice(&sum.to_be_bytes());
    frame.body = octets.into();
    true
}

#[test]
fn a_train_that_has_cwr_passes_whole() {
    let options = Options::new("hf0");
    let Some((sides, tuns)) = both("trains with CWR", &[options.clone(), options]) else { return };
    for side in &sides {
        let on = side.run(|| std::fs::write("/proc/sys/net/ipv4/tcp_ecn", "1"));
        on.recv().unwrap().unwrap();
    }
    let reduced = Arc::new(AtomicU64::new(0));
    let (seen, mut trains) = (reduced.clone(), 0);
    let relay = Relay::start(tuns, move |side, frame| {
        let Some(size) = frame.offload.segment_size.filter(|_| side == 0) else { return };
        let octets = frame.contiguous();
        if crate::virtio::layout(&octets, Medium::Ip).unwrap().flags.contains(Flags::CWR) {
            assert!(frame.len() > usize::from(size.get()));
            seen.fetch_add(1, Ordering::Relaxed);
        }
        trains += 1;
        if trains % 8 == 0 {
            mark(frame);
        }
    });
    exchange(&sides, "10.9.0.2:700", 8 << 20);
    let [a, b] = relay.stop();
    assert!(reduced.load(Ordering::Relaxed) > 0, "{}", a.counters());
    assert_eq!(
        b.counters().tx_refused + a.counters().rx_offload_kind,
        0,
        "{} / {}",
        a.counters(),
        b.counters()
    );
}
