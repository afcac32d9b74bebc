//! A last piece that fills no segment: what keeps it back beside the RFC's own rules, and what lets it go.
//!
//! ```text
//!   more follows the write ─► MORE, until an ACK ─┐
//!   the user corks ─► CORKED, until he uncorks ───┴─► held;  OVERRIDE: goes, once (a timeout, Nagle switched off)
//! ```

/// Seven facts in one octet, for there is one of these in every connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hold(u8);

const CORKED: u8 = 1;
const MORE: u8 = 2;
const UNPUSHED: u8 = 4;
const OVERRIDE: u8 = 8;
const SMALL: u8 = 16;
const CUTS: u8 = 32;
const FULL: u8 = 64;

impl Hold {
    /// Nothing is held; `full_trains` as [`TcpConfig::full_trains`](crate::TcpConfig::full_trains) has it.
    pub(crate) fn new(full_trains: bool) -> Self {
        Self(if full_trains { FULL } else { 0 })
    }

    fn set(&mut self, bit: u8, on: bool) {
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// Whether the user goes on writing, and nothing says that it is to go all the same.
    pub(crate) fn holds(self) -> bool {
        self.has(CORKED | MORE) && !self.overridden()
    }

    /// Silly-window avoidance and the user's wish are overridden for the next segment.
    pub(crate) fn overridden(self) -> bool {
        self.has(OVERRIDE)
    }

    /// Begins or ends that.
    pub(crate) fn set_override(&mut self, on: bool) {
        self.set(OVERRIDE, on);
    }

    /// Whether what was written last is pushed at its end.
    pub(crate) fn pushes(self) -> bool {
        !self.has(UNPUSHED)
    }

    /// Something is written, and more `follows` it at once.
    pub(crate) fn follows(&mut self, follows: bool) {
        self.set(MORE | UNPUSHED, follows);
    }

    /// It waits for what follows no longer.
    pub(crate) fn release(&mut self) {
        self.set(MORE, false);
    }

    /// Something that filled no segment was sent.
    pub(crate) fn small_sent(&mut self) {
        self.set(SMALL, true);
    }

    /// Everything that was sent is acknowledged.
    pub(crate) fn small_acked(&mut self) {
        self.set(SMALL, false);
    }

    /// Whether something that filled no segment may still be out.
    pub(crate) fn small_out(self) -> bool {
        self.has(SMALL)
    }

    /// Whether pieces of what was written are to be counted from where sending stops next.
    pub(crate) fn cuts(self) -> bool {
        self.has(CUTS)
    }

    /// Begins or ends that.
    pub(crate) fn set_cuts(&mut self, on: bool) {
        self.set(CUTS, on);
    }

    /// Whether what would make a short train waits for the next ACK.
    pub(crate) fn fills_trains(self) -> bool {
        self.has(FULL)
    }

    /// The user corks or uncorks; whether it was corked.
    pub(crate) fn cork(&mut self, on: bool) -> bool {
        let was = self.has(CORKED);
        self.set(CORKED, on);
        was
    }
}
