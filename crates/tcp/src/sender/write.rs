//! What the user writes: how much there is room for, and where it goes.

use super::SendHalf;
use crate::connection::Shared;
use wire::Payload;

impl SendHalf {
    /// The size of the send buffer: twice what may be in flight, so that what repairs a loss and what follows both fit, within
    /// the limits of the configuration. What is SACKed above a hole fits as well: it has left the network, and nobody could
    /// write what the window asks for in its place.
    pub(crate) fn buffer(&self, shared: &Shared) -> u32 {
        let config = &shared.config;
        if !shared.roomy {
            return config.send_buffer;
        }
        let wanted = self.congestion.window().saturating_mul(2).saturating_add(self.recovery.sacked());
        wanted.min(config.send_buffer_limit).max(config.send_buffer)
    }

    /// Octets that a user may write now.
    pub(crate) fn room_to_write(&self, shared: &Shared) -> usize {
        let room = (self.buffer(shared) as usize).saturating_sub(self.queue.len());
        room.min(shared.config.unsent_limit.saturating_sub(self.unsent()) as usize)
    }

    /// Queues what there is room for of `data`; how much it was.
    pub(crate) fn write(&mut self, data: Payload, shared: &Shared, urgent: bool) -> usize {
        let room = self.room_to_write(shared);
        let take = data.len().min(room);
        self.writer_waits |= take < data.len();
        let part = if take == data.len() { data } else { data.slice(0..take) };
        self.cut(&shared.config);
        self.queue.push(part);
        self.end += take as u32;
        if urgent && take > 0 {
            self.rare.set_urgent(self.end);
        }
        take
    }

    /// The same of the user's own memory, for a write so small that it is copied in any case.
    pub(crate) fn write_small(&mut self, octets: &[u8], shared: &Shared) -> usize {
        let take = octets.len().min(self.room_to_write(shared));
        self.writer_waits |= take < octets.len();
        self.cut(&shared.config);
        self.queue.gather(octets.get(..take).unwrap_or(octets));
        self.end += take as u32;
        take
    }

    /// What was written ends a record.
    pub(crate) fn end_record(&mut self) {
        self.rare.end_record(self.end);
    }

    /// A writer waits for room.
    pub(crate) fn await_room(&mut self) {
        self.writer_waits = true;
    }

    /// Whether a writer that was refused is to hear that there is room now; once.
    pub(crate) fn take_writer(&mut self, shared: &Shared) -> bool {
        self.writer_waits && self.room_to_write(shared) > 0 && core::mem::take(&mut self.writer_waits)
    }

    /// Whether a writer waits for room though nothing waits to be sent.
    pub(crate) fn lacks_room(&self) -> bool {
        self.writer_waits && self.unsent() == 0
    }

    /// Forgets what was written and never sent (FLUSH).
    pub(crate) fn flush_unsent(&mut self) {
        let keep = self.nxt.later(self.first_octet()).earlier(self.end);
        let offset = self.queue.start() + u64::from(keep.wrapping_since(self.first_octet()));
        self.queue.truncate(offset);
        self.end = keep;
        self.rare.truncate(keep);
    }
}
