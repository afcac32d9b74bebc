//! `--pcap`: what was sent, by whom, and why, for Wireshark.
//!
//! Each packet is recorded where it left, once: a viewer then shows one story and not two. What a link did to it comes
//! after that, and is not in the file.

use super::stage::{Captured, Stage};
use device::pcapng::{InterfaceId, Way, Writer};
use device::{Duration, Medium};
use sim::{Happened, Logged};
use stack::Trace;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use trace::{Comments, Lang};

/// Writes a capture of a whole scene.
///
/// # Errors
/// What the file system says: no such directory, no permission, no room.
pub(super) fn write(path: &Path, stage: &Stage) -> io::Result<()> {
    let mut file = Recording::create(path, stage.names(), stage.lang())?;
    for packet in stage.packets() {
        file.packet(packet)?;
    }
    file.finish()
}

/// A capture that is being written.
pub(super) struct Recording {
    file: Writer<BufWriter<File>>,
    interfaces: [InterfaceId; 3],
}

impl Recording {
    pub(super) fn create(path: &Path, hosts: &[String; 2], lang: Lang) -> io::Result<Self> {
        let file = File::create(path)?;
        let mut file = Writer::new(BufWriter::new(file), Duration::ZERO)?;
        let [client, server] = hosts;
        let interfaces = [
            file.interface(client, Medium::Ip)?,
            file.interface(server, Medium::Ip)?,
            file.interface(lang.pick("elsewhere", "다른 곳"), Medium::Ip)?,
        ];
        Ok(Self { file, interfaces })
    }

    pub(super) fn packet(&mut self, packet: &Captured) -> io::Result<()> {
        let comments: Vec<&str> = packet.comments.iter().map(String::as_str).collect();
        let parts = std::iter::once(&packet.octets[..]);
        let interface = self.interfaces[packet.from.min(2)];
        self.file.packet(interface, packet.at, Way::Out, 0, parts, &comments)
    }

    /// Hands everything to the disk: a file that cannot be made whole there is a failure now, and not some reader's later.
    pub(super) fn finish(self) -> io::Result<()> {
        let file = self.file.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        match file.sync_all() {
            // Pipes and devices have no disk.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }
}

/// Joins packets, as they leave, with what their senders tell of them a little later.
#[derive(Default)]
pub(super) struct Joiner {
    waiting: [VecDeque<Captured>; 2],
    /// The same, of what a host sends to itself.
    looped: [VecDeque<Captured>; 2],
    comments: Comments,
}

impl Joiner {
    fn queue(&mut self, interface: stack::InterfaceId) -> &mut [VecDeque<Captured>; 2] {
        if interface == stack::InterfaceId::LOOPBACK { &mut self.looped } else { &mut self.waiting }
    }

    /// Takes a log entry; gives a packet that is complete with it.
    pub(super) fn take(&mut self, logged: &Logged, lang: Lang) -> Option<Captured> {
        match &logged.what {
            Happened::Left(host, interface, octets) => {
                let from = host.index();
                let packet = Captured { at: logged.at, from, octets: octets.clone(), comments: Vec::new() };
                self.queue(*interface).get_mut(from)?.push_back(packet);
                None
            }
            Happened::Host(host, what) => {
                let comments = self.comments.take(host.index(), what, lang);
                let Trace::Sent { interface, .. } = what else { return None };
                let mut packet = self.queue(*interface).get_mut(host.index())?.pop_front()?;
                packet.comments.extend(comments);
                Some(packet)
            }
            _ => None,
        }
    }
}
