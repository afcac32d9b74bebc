//! What leaves together, and when: Nagle's algorithm, trains, and how departures are spread.

use super::TcpConfig;

impl TcpConfig {
    /// Nagle's algorithm. Default on (RFC 9293 §3.7.4, SHLD-7; the switch is MUST-17).
    #[must_use]
    pub fn nagle(self, on: bool) -> Self {
        Self { nagle: on, ..self }
    }

    /// Whether Nagle's algorithm looks only at what filled no segment itself, as Linux has it: such a piece waits for the
    /// one before it, and not for whole segments. Default no: it waits for whatever is out (RFC 9293 §3.7.4, SHLD-7).
    #[must_use]
    pub fn small_segments_alone(self, on: bool) -> Self {
        Self { small_segments_alone: on, ..self }
    }

    /// Whether what is written is cut in pieces of half the largest window that the peer ever offered, and no train goes on from
    /// one into the next: so each piece is pushed at its end, and a peer that reads what is pushed never waits for a whole
    /// window. Default off: trains are as long as they may be.
    #[must_use]
    pub fn half_window_pieces(self, on: bool) -> Self {
        Self { half_window_pieces: on, ..self }
    }

    /// Whether what the congestion window lets go waits for the next ACK where that is less than a third of a window, so that
    /// trains are long though ACKs are many. It waits only right behind something that has just left, and only while the oldest
    /// that is out was sent half a round trip ago or earlier, so that the next ACK is near. Default no: what may go goes.
    #[must_use]
    pub fn full_trains(self, on: bool) -> Self {
        Self { full_trains: on, ..self }
    }

    /// Segments of a train, at least, where nothing is spread over time; no more than half the congestion window, so that ACKs
    /// keep coming. Default 2, at least 1.
    #[must_use]
    pub fn least_train(self, segments: u8) -> Self {
        Self { least_train: segments.max(1), ..self }
    }

    /// Whether departures are spread over a round trip where the controller has a rate for that. Default on. Off: whatever
    /// windows allow leaves at once, in trains of a millisecond's worth, two segments at least.
    #[must_use]
    pub fn pacing(self, on: bool) -> Self {
        Self { pacing: on, ..self }
    }

    /// Whether departures are spread as Linux's queue `fq` would do it: a train that leaves later than the rate would have let it
    /// lets the next one leave sooner, by as long as it was late, and by half of what the rate asks for at most. So the
    /// average keeps to the rate where windows, users and timers hold trains back, and no two leave closer than at twice the
    /// rate. And trains are a millisecond's worth, [`least_train`](Self::least_train) at least, before anything is spread, too.
    /// Default no: a first window is one train, and only a late timer of our own is caught up with, by 2 ms. Nothing without
    /// [`pacing`](Self::pacing).
    #[must_use]
    pub fn fq_pacing(self, on: bool) -> Self {
        Self { fq_pacing: on, ..self }
    }
}
