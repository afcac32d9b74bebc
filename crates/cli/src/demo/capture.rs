//! `--pcap`: what was sent, by whom, and why, for Wireshark.
//!
//! Each packet is recorded where it left, once: a viewer then shows one story and not two. What a link did to it comes
//! after that, and is not in the file.

use super::stage::Stage;
use device::pcapng::{Way, Writer};
use device::{Duration, Medium};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a capture of a whole scene.
///
/// # Errors
/// What the file system says: no such directory, no permission, no room.
pub(super) fn write(path: &Path, stage: &Stage) -> io::Result<()> {
    let file = File::create(path)?;
    let file = record(BufWriter::new(file), stage)?;
    // A file that cannot be made whole on its disk is a failure, and not only one of some later reader.
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all().or_else(|error| {
        // Pipes and terminals have no disk.
        if error.kind() == io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) }
    })
}

fn record<W: Write>(out: W, stage: &Stage) -> io::Result<W> {
    let mut file = Writer::new(out, Duration::ZERO)?;
    let [client, server] = stage.names();
    let interfaces = [
        file.interface(client, Medium::Ip)?,
        file.interface(server, Medium::Ip)?,
        file.interface(stage.lang().pick("elsewhere", "다른 곳"), Medium::Ip)?,
    ];
    for packet in stage.packets() {
        let comments: Vec<&str> = packet.comments.iter().map(String::as_str).collect();
        let parts = std::iter::once(&packet.octets[..]);
        file.packet(interfaces[packet.from.min(2)], packet.at, Way::Out, 0, parts, &comments)?;
    }
    file.into_inner()
}
