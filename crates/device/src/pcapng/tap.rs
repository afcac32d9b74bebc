//! A device whose traffic is recorded.

use super::{InterfaceId, Way, Writer};
use crate::{BATCH, Capabilities, Counters, Device, Instant, finish};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use wire::Frame;

type Comment = Box<dyn FnMut(Way, &Frame) -> Option<String> + Send>;

/// Any device, with what it sends and receives recorded.
///
/// Traffic comes first: when the file cannot be written any more (a full disk), recording stops, traffic goes on, and
/// [`error`](Self::error) says why; [`missed`](Self::missed) counts the frames that are not in the file.
pub struct Tap<D, W: Write> {
    inner: D,
    file: Writer<W>,
    interface: InterfaceId,
    stopped: Option<io::Error>,
    missed: u64,
    comment: Option<Comment>,
    malformed: u64,
    /// What is being offered to the device, and copies of it; kept for their room.
    batch: VecDeque<Frame>,
    copies: Vec<(usize, Frame)>,
}

impl<D: Device, W: Write> Tap<D, W> {
    /// Records `inner` as the interface `name` of `file`.
    ///
    /// # Errors
    /// The file cannot be written even once.
    pub fn new(inner: D, name: &str, mut file: Writer<W>) -> io::Result<Self> {
        let interface = file.interface(name, inner.capabilities().medium)?;
        Ok(Self {
            inner,
            file,
            interface,
            stopped: None,
            missed: 0,
            comment: None,
            malformed: 0,
            batch: VecDeque::new(),
            copies: Vec::new(),
        })
    }

    /// Asks `comment` for a comment on each frame from now on: why it was sent, say, by its [`id`](Frame::id).
    pub fn set_comment(&mut self, comment: impl FnMut(Way, &Frame) -> Option<String> + Send + 'static) {
        self.comment = Some(Box::new(comment));
    }

    /// Why recording has stopped, if it has.
    pub fn error(&self) -> Option<&io::Error> {
        self.stopped.as_ref()
    }

    /// Frames that passed since recording stopped, the one that stopped it included.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Hands what was recorded so far to the system. A failure stops the recording, and is kept for
    /// [`error`](Self::error).
    pub fn flush(&mut self) {
        if self.stopped.is_none() {
            self.stopped = self.file.flush().err();
        }
    }

    /// Ends the recording: the device, and the writer or why the recording is not complete.
    pub fn finish(self) -> (D, io::Result<W>) {
        let file = match self.stopped {
            Some(why) => Err(why),
            None => self.file.into_inner(),
        };
        (self.inner, file)
    }

    /// The device.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// The device, to change it.
    pub fn inner_mut(&mut self) -> &mut D {
        &mut self.inner
    }

    fn record(&mut self, at: Instant, way: Way, frame: &Frame) {
        if self.stopped.is_none() {
            let comment = self.comment.as_mut().and_then(|comment| comment(way, frame));
            let comments = comment.as_deref();
            self.stopped = self.file.frame(self.interface, at, way, frame, comments.as_slice()).err();
        }
        self.missed += u64::from(self.stopped.is_some());
    }
}

impl<D: Device, W: Write> Device for Tap<D, W> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
        let before = out.len();
        let received = self.inner.receive(now, out);
        for frame in out.get(before..).unwrap_or(&[]) {
            self.record(frame.arrived, Way::In, frame);
        }
        received
    }

    fn transmit(&mut self, now: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        let can = self.inner.capabilities();
        let mut taken = 0;
        loop {
            // Cut here what the device would cut, so that it takes all of a frame or nothing: only what it took is
            // recorded.
            while self.batch.len() < BATCH
                && let Some(frame) = frames.pop_front()
            {
                let (batch, copies) = (&mut self.batch, &mut self.copies);
                let whole = finish(frame, &can, &mut |packet| {
                    copies.push((taken, packet.clone()));
                    batch.push_back(packet);
                });
                self.malformed += u64::from(!whole);
                taken += 1;
            }
            let sent = self.inner.transmit(now, &mut self.batch);
            let mut copies = std::mem::take(&mut self.copies);
            let left = self.batch.len().min(copies.len());
            let passed = copies.len() - left;
            copies[..passed].iter().for_each(|(_, packet)| self.record(now, Way::Out, packet));
            if let Some((first_left, _)) = copies.get(passed) {
                taken = *first_left;
            }
            copies.clear();
            self.copies = copies;
            self.batch.drain(..).rev().for_each(|packet| frames.push_front(packet));
            sent?;
            if left > 0 || frames.is_empty() {
                return Ok(taken);
            }
        }
    }

    fn has_more(&self) -> bool {
        self.inner.has_more()
    }

    fn interface_index(&self) -> Option<u32> {
        self.inner.interface_index()
    }

    fn mtu_changed(&mut self, mtu: usize) {
        self.inner.mtu_changed(mtu);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    #[cfg(unix)]
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inner.fd()
    }

    fn counters(&self) -> Counters {
        let mut counters = self.inner.counters();
        counters.tx_malformed += self.malformed;
        counters
    }
}

impl<D: fmt::Debug, W: Write> fmt::Debug for Tap<D, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("inner", &self.inner)
            .field("stopped", &self.stopped)
            .field("missed", &self.missed)
            .finish_non_exhaustive()
    }
}
