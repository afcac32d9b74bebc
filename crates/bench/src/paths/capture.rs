//! What a sender sees of its path, as a capture: what it sent when it left, with what became of it, and what came back.

use device::impair::{LinkEvent, What};
use device::pcapng::{InterfaceId, Way, Writer};
use device::{Duration, Instant, Medium};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// A capture that is being written.
pub(super) struct Capture {
    file: Writer<BufWriter<File>>,
    sender: InterfaceId,
}

impl Capture {
    /// Begins a file. `epoch` is when the clock showed zero, since 1970.
    pub(super) fn create(file: &Path, epoch: Duration) -> io::Result<Self> {
        let mut file = Writer::new(BufWriter::new(File::create(file)?), epoch)?;
        let sender = file.interface("sender", Medium::Ip)?;
        Ok(Self { file, sender })
    }

    /// The sender has sent a packet, of which the link told `fate`.
    pub(super) fn sent(&mut self, at: Instant, packet: &[u8], fate: &[LinkEvent]) -> io::Result<()> {
        let lost = fate.iter().find_map(|event| match event.what {
            What::Lost(why) => Some(why.to_string()),
            What::Reordered => Some("held back".to_owned()),
            _ => None,
        });
        self.file.packet(self.sender, at, Way::Out, 0, [packet], lost.as_deref().as_slice())
    }

    /// Something has come back to it.
    pub(super) fn came(&mut self, at: Instant, packet: &[u8]) -> io::Result<()> {
        self.file.packet(self.sender, at, Way::In, 0, [packet], &[])
    }

    /// Ends the file.
    pub(super) fn end(self) -> io::Result<()> {
        self.file.into_inner().map(drop)
    }
}
