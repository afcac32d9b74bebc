//! The octets that are sent: any reader knows which comes next.

/// Octets after which the stream repeats: no power of two, so that a slip shows.
const PERIOD: usize = 251;
/// Octets that are written or read at once, at most.
pub(super) const CHUNK: usize = 256 << 10;

/// The stream, a piece at a time.
#[derive(Debug)]
pub(super) struct Stream {
    octets: Vec<u8>,
    at: usize,
}

impl Stream {
    pub(super) fn new() -> Self {
        Self { octets: (0..CHUNK + PERIOD).map(|index| (index % PERIOD) as u8).collect(), at: 0 }
    }

    /// What comes next, as much as is written at once.
    pub(super) fn next(&self) -> &[u8] {
        let from = self.at % PERIOD;
        self.octets.get(from..from + CHUNK).unwrap_or_default()
    }

    /// So much of it went.
    pub(super) fn advance(&mut self, count: usize) {
        self.at = (self.at + count) % PERIOD;
    }

    /// Whether `got` is what comes next; goes on behind it.
    pub(super) fn follow(&mut self, got: &[u8]) -> bool {
        let same = self.next().get(..got.len()) == Some(got);
        self.advance(got.len());
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_follows_pieces_of_any_size_and_sees_a_slip() {
        let (mut writer, mut reader) = (Stream::new(), Stream::new());
        for size in [1, 250, 251, 252, 1448, CHUNK, 7] {
            let piece = writer.next()[..size].to_vec();
            writer.advance(size);
            assert!(reader.follow(&piece));
        }
        writer.advance(1);
        assert!(!reader.follow(&writer.next()[..10]));
    }
}
