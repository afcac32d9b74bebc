//! `--pcap`: the packets of each script in a file of its own.

use super::{Exchange, Job};
use device::pcapng::{Way, Writer};
use device::{Duration, Medium};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Component, Path};

/// A name that tells one script's capture from another's: its whole path, and the addresses.
pub(super) fn name(job: &Job) -> String {
    let parts = job.path.with_extension("");
    let parts = parts.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    });
    format!("{}-{}.pcapng", parts.collect::<Vec<_>>().join("-"), job.version.name())
}

/// Writes a capture, as seen from the host under test.
///
/// # Errors
/// What the file system says.
pub(super) fn write(path: &Path, exchange: &Exchange) -> io::Result<()> {
    let mut file = Writer::new(BufWriter::new(File::create(path)?), Duration::ZERO)?;
    let interface = file.interface("host", Medium::Ip)?;
    for packet in exchange {
        let way = if packet.outbound { Way::Out } else { Way::In };
        file.packet(interface, packet.at, way, 0, [&packet.packet[..]], &[])?;
    }
    file.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}
