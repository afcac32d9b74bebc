//! Octets of a file, and how far we are.

use super::{Broken, Trouble};
use std::io::{self, BufReader, Read};

/// A stream with a position, and the piece of it that is being looked at.
#[derive(Debug)]
pub(super) struct Source<R> {
    inner: BufReader<R>,
    position: u64,
    held: Vec<u8>,
}

impl<R: Read> Source<R> {
    pub(super) fn new(from: R) -> Self {
        Self { inner: BufReader::with_capacity(1 << 16, from), position: 0, held: Vec::new() }
    }

    /// Octets read so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The piece that was read last.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Holds the next `count` octets instead of what it held, or as many as there are.
    pub(super) fn fill(&mut self, count: usize) -> io::Result<usize> {
        self.held.clear();
        self.more(count)
    }

    /// Holds `count` octets more, or as many as there are.
    fn more(&mut self, count: usize) -> io::Result<usize> {
        let mut read = 0;
        let start = self.held.len();
        self.held.resize(start + count, 0);
        while let Some(room @ [_, ..]) = self.held.get_mut(start + read..) {
            match self.inner.read(room) {
                Ok(0) => break,
                Ok(some) => read += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.held.truncate(start + read);
                    return Err(error);
                }
            }
        }
        self.held.truncate(start + read);
        self.position += read as u64;
        Ok(read)
    }

    /// Holds the next `count` octets, all of them, of the record that begins at `start`.
    pub(super) fn exactly(&mut self, count: usize, start: u64) -> Result<(), Broken> {
        let broken = |why| Broken { offset: start, why };
        match self.fill(count) {
            Ok(read) if read == count => Ok(()),
            Ok(read) => Err(broken(Trouble::Cut { missing: (count - read) as u64 })),
            Err(error) => Err(broken(Trouble::Io(error.kind()))),
        }
    }

    /// As [`exactly`](Self::exactly), but `false` where the file ends before the first octet.
    pub(super) fn begin(&mut self, count: usize) -> Result<bool, Broken> {
        let offset = self.position;
        match self.fill(count) {
            Ok(0) => Ok(false),
            Ok(read) if read == count => Ok(true),
            Ok(read) => Err(Broken { offset, why: Trouble::Cut { missing: (count - read) as u64 } }),
            Err(error) => Err(Broken { offset, why: Trouble::Io(error.kind()) }),
        }
    }

    /// Passes over `count` octets of the record that begins at `start`, and holds what it held.
    pub(super) fn skip(&mut self, count: u64, start: u64) -> Result<(), Broken> {
        let copied = io::copy(&mut (&mut self.inner).take(count), &mut io::sink());
        let broken = |why| Broken { offset: start, why };
        match copied {
            Ok(skipped) => {
                self.position += skipped;
                if skipped == count { Ok(()) } else { Err(broken(Trouble::Cut { missing: count - skipped })) }
            }
            Err(error) => Err(broken(Trouble::Io(error.kind()))),
        }
    }

    /// Four octets without touching what is held.
    pub(super) fn aside(&mut self, start: u64) -> Result<[u8; 4], Broken> {
        let kept = self.held.len();
        let broken = |why| Broken { offset: start, why };
        let read = self.more(4);
        let octets = self.held.get(kept..).and_then(|rest| rest.first_chunk().copied());
        self.held.truncate(kept);
        match (read, octets) {
            (Ok(_), Some(octets)) => Ok(octets),
            (Ok(read), None) => Err(broken(Trouble::Cut { missing: (4 - read) as u64 })),
            (Err(error), _) => Err(broken(Trouble::Io(error.kind()))),
        }
    }

    /// The word at `at` of what is held, as big-endian; zero behind its end.
    pub(super) fn word(&self, at: usize) -> u32 {
        self.held
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |&octets| u32::from_be_bytes(octets))
    }
}

/// Which end of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

impl Order {
    /// The word at `at`; zero behind the end.
    pub(super) fn u32(self, octets: &[u8], at: usize) -> u32 {
        let four = octets.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        match self {
            Self::Big => u32::from_be_bytes(four),
            Self::Little => u32::from_le_bytes(four),
        }
    }

    /// The half word at `at`; zero behind the end.
    pub(super) fn u16(self, octets: &[u8], at: usize) -> u16 {
        let two = octets.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        match self {
            Self::Big => u16::from_be_bytes(two),
            Self::Little => u16::from_le_bytes(two),
        }
    }
}
