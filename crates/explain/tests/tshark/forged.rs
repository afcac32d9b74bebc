//! Captures made by hand: each finding, and what is nearly one.

use bytes::Bytes;
use env::{Duration, Instant};
use sim::forge;
use std::net::SocketAddr;
use wire::tcp::{Flags, Header, Options, SackBlock};
use wire::{Payload, SeqNum, WireWindow};

pub(crate) type Packets = Vec<(Instant, Bytes)>;

const S: Flags = Flags::SYN;
const A: Flags = Flags::ACK;
const F: Flags = Flags::FIN;
const R: Flags = Flags::RST;
const ISS: [u32; 2] = [0xffff_ff00, 7_000_000];

/// A capture under construction. Numbers count from each side's first one.
struct Script {
    ends: [SocketAddr; 2],
    now: Instant,
    packets: Packets,
    iss: [u32; 2],
    window: [u16; 2],
    options: Options,
}

impl Script {
    fn new() -> Self {
        let ends = ["10.0.0.1:1025", "10.0.0.2:80"].map(|end| end.parse().unwrap());
        let now = Instant::from_secs(3600);
        Self { ends, now, packets: Vec::new(), iss: ISS, window: [1000; 2], options: Options::NONE }
    }

    fn v6() -> Self {
        let ends = ["[fd00::1]:1025", "[fd00::2]:80"].map(|end| end.parse().unwrap());
        Self { ends, ..Self::new() }
    }

    /// After so many milliseconds.
    fn wait(&mut self, millis: u64) -> &mut Self {
        self.now += Duration::from_millis(millis);
        self
    }

    fn micros(&mut self, micros: u64) -> &mut Self {
        self.now += Duration::from_micros(micros);
        self
    }

    fn window(&mut self, side: usize, window: u16) -> &mut Self {
        self.window[side] = window;
        self
    }

    /// A segment of `side`, a millisecond after the one before.
    fn seg(&mut self, side: usize, flags: Flags, seq: u32, ack: u32, len: usize) -> &mut Self {
        self.now += Duration::from_micros(1000);
        let header = Header {
            seq: SeqNum::new(self.iss[side]) + seq,
            ack: if flags.contains(A) { SeqNum::new(self.iss[1 - side]) + ack } else { SeqNum::new(0) },
            flags,
            window: WireWindow::new(self.window[side]),
            urgent: 0,
            options: std::mem::take(&mut self.options),
        };
        let payload = Payload::copy_of(&vec![b'x'; len]);
        let frame = forge::segment(self.ends[side], self.ends[1 - side], &header, payload);
        self.packets.push((self.now, frame.contiguous()));
        self
    }

    fn sack(&mut self, of: usize, start: u32, end: u32) -> &mut Self {
        let [start, end] = [start, end].map(|n| SeqNum::new(self.iss[of]) + n);
        self.options.sack.push(SackBlock { start, end });
        self
    }

    /// A handshake with a scale of each, if any, that takes `rtt` ms.
    fn open(&mut self, scales: [Option<u8>; 2], rtt: u64) -> &mut Self {
        let options =
            |scale| Options { mss: Some(1460), window_scale: scale, sack_permitted: true, ..Options::NONE };
        self.options = options(scales[0]);
        self.seg(0, S, 0, 0, 0).wait(rtt);
        self.options = options(scales[1]);
        self.seg(1, S | A, 0, 1, 0).seg(0, A, 1, 1, 0)
    }

    fn plain(&mut self) -> &mut Self {
        self.open([Some(2), Some(2)], 18)
    }

    fn done(&mut self) -> Packets {
        std::mem::take(&mut self.packets)
    }
}

/// Every capture, by name.
pub(crate) fn all() -> Vec<(&'static str, Packets)> {
    let mut all: Vec<(&'static str, Packets)> = Vec::new();
    let mut add = |name, packets| all.push((name, packets));
    add(
        "plain",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 50)
            .seg(0, A, 101, 51, 0)
            .seg(0, F | A, 101, 51, 0)
            .seg(1, A, 51, 102, 0)
            .seg(1, F | A, 51, 102, 0)
            .seg(0, A, 102, 52, 0)
            .done(),
    );
    add("v6", Script::v6().plain().seg(0, A, 1, 1, 100).seg(0, A, 1, 1, 100).seg(1, A, 1, 101, 0).done());
    // Retransmissions.
    add("syn-again", {
        let mut s = Script::new();
        s.seg(0, S, 0, 0, 0).wait(1000).seg(0, S, 0, 0, 0).wait(20).seg(1, S | A, 0, 1, 0);
        s.wait(1000).seg(1, S | A, 0, 1, 0).seg(0, A, 1, 1, 0).done()
    });
    add(
        "timeout",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .wait(300)
            .seg(0, A, 1, 1, 100)
            .wait(600)
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 0)
            .done(),
    );
    add(
        "longer-again",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 101, 1, 100)
            .wait(300)
            .seg(0, A, 1, 1, 200)
            .wait(10)
            .seg(0, A, 1, 1, 300)
            .seg(1, A, 1, 301, 0)
            .done(),
    );
    add(
        "fin-again",
        Script::new()
            .plain()
            .seg(0, F | A, 1, 1, 0)
            .wait(300)
            .seg(0, F | A, 1, 1, 0)
            .seg(1, A, 1, 2, 0)
            .wait(3)
            .seg(0, F | A, 1, 1, 0)
            .seg(1, F | A, 1, 2, 0)
            .seg(1, F | A, 1, 2, 0)
            .seg(0, A, 2, 2, 0)
            .seg(1, F | A, 1, 2, 0)
            .done(),
    );
    add(
        "data-fin-again",
        Script::new()
            .plain()
            .seg(0, F | A, 1, 1, 10)
            .wait(300)
            .seg(0, F | A, 1, 1, 10)
            .seg(1, A, 1, 12, 0)
            .seg(0, F | A, 1, 1, 10)
            .wait(400)
            .seg(0, F | A, 11, 1, 0)
            .done(),
    );
    add(
        "fast",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 101, 1, 100)
            .seg(0, A, 201, 1, 100)
            .seg(0, A, 301, 1, 100)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .seg(0, A, 101, 1, 100)
            .seg(1, A, 1, 401, 0)
            .done(),
    );
    add(
        "fast-two",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 101, 1, 100)
            .seg(0, A, 201, 1, 100)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .seg(0, A, 101, 1, 100)
            .done(),
    );
    add(
        "fast-one",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 101, 1, 100)
            .seg(0, A, 201, 1, 100)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .seg(0, A, 101, 1, 100)
            .done(),
    );
    add(
        "fast-late",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 101, 1, 100)
            .seg(0, A, 201, 1, 100)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .wait(30)
            .seg(0, A, 101, 1, 100)
            .done(),
    );
    add("sack", {
        let mut s = Script::new();
        s.plain().seg(0, A, 1, 1, 100).seg(0, A, 101, 1, 100).seg(0, A, 201, 1, 100).seg(0, A, 301, 1, 100);
        s.seg(1, A, 1, 101, 0)
            .sack(0, 201, 301)
            .seg(1, A, 1, 101, 0)
            .window(1, 990)
            .sack(0, 201, 401)
            .seg(1, A, 1, 101, 0)
            .seg(0, A, 101, 1, 100)
            .seg(1, A, 1, 401, 0)
            .done()
    });
    add(
        "spurious",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 0)
            .wait(300)
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 0)
            .seg(0, A, 51, 1, 50)
            .seg(0, A, 51, 1, 60)
            .done(),
    );
    add(
        "spurious-one",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 0)
            .wait(300)
            .seg(0, A, 50, 1, 1)
            .seg(0, A, 101, 1, 1)
            .seg(1, A, 1, 102, 0)
            .seg(0, A, 101, 1, 1)
            .done(),
    );
    // Gaps and order.
    add(
        "gap",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 201, 1, 100)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 301, 0)
            .seg(0, A, 301, 1, 10)
            .seg(1, A, 1, 311, 0)
            .done(),
    );
    add(
        "gap-filled-soon",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 201, 1, 100)
            .micros(100)
            .seg(0, A, 101, 1, 100)
            .seg(1, A, 1, 301, 0)
            .done(),
    );
    add(
        "gap-filled-late",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 201, 1, 100)
            .wait(50)
            .seg(0, A, 101, 1, 100)
            .seg(1, A, 1, 301, 0)
            .done(),
    );
    add(
        "gap-no-handshake",
        Script::new()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 201, 1, 100)
            .micros(100)
            .seg(0, A, 101, 1, 100)
            .seg(0, A, 401, 1, 100)
            .wait(4)
            .seg(0, A, 301, 1, 100)
            .seg(1, A, 1, 501, 0)
            .done(),
    );
    add(
        "two-gaps",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 201, 1, 100)
            .seg(0, A, 401, 1, 100)
            .seg(0, A, 301, 1, 100)
            .seg(0, A, 101, 1, 100)
            .seg(1, A, 1, 501, 0)
            .done(),
    );
    add(
        "order-part",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 301, 1, 100)
            .seg(0, A, 151, 1, 100)
            .seg(0, A, 101, 1, 50)
            .seg(0, A, 101, 1, 200)
            .seg(0, A, 251, 1, 150)
            .seg(1, A, 1, 401, 0)
            .done(),
    );
    add(
        "again-soon",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 101, 1, 100)
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 101, 1, 100)
            .seg(1, A, 1, 201, 0)
            .done(),
    );
    add(
        "unseen-ack",
        Script::new()
            .plain()
            .seg(1, A, 1, 101, 0)
            .seg(0, A, 101, 1, 50)
            .seg(1, A, 1, 151, 0)
            .seg(1, A, 1, 301, 0)
            .seg(1, A, 1, 301, 0)
            .seg(0, A, 151, 1, 50)
            .seg(0, A, 301, 1, 5)
            .done(),
    );
    add(
        "unseen-ack-then-seen",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 201, 1, 100)
            .seg(0, A, 301, 1, 100)
            .seg(1, A, 1, 201, 0)
            .seg(1, A, 1, 401, 0)
            .seg(0, A, 101, 1, 100)
            .done(),
    );
    add(
        "unseen-ack-middle",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 201, 1, 100)
            .seg(0, A, 401, 1, 100)
            .seg(1, A, 1, 151, 0)
            .seg(1, A, 1, 251, 0)
            .seg(1, A, 1, 301, 0)
            .seg(1, A, 1, 351, 0)
            .seg(1, A, 1, 501, 0)
            .done(),
    );
    add(
        "one-way",
        Script::new()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 101, 1, 100)
            .seg(0, A, 101, 51, 100)
            .seg(0, A, 201, 51, 1)
            .seg(0, A, 201, 51, 1)
            .done(),
    );
    add(
        "acks-only",
        Script::new()
            .seg(1, A, 1, 1, 0)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .window(1, 900)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 201, 0)
            .done(),
    );
    // Keep-alives.
    add(
        "keep-alive",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 0)
            .wait(5000)
            .seg(0, A, 100, 1, 0)
            .seg(1, A, 1, 101, 0)
            .wait(5000)
            .seg(0, A, 100, 1, 1)
            .seg(1, A, 1, 101, 0)
            .wait(5000)
            .seg(0, A, 100, 1, 1)
            .wait(5000)
            .seg(0, A, 100, 1, 1)
            .window(1, 999)
            .seg(1, A, 1, 101, 0)
            .done(),
    );
    add(
        "keep-alive-both",
        Script::new()
            .plain()
            .seg(0, A, 0, 1, 0)
            .seg(1, A, 0, 1, 0)
            .seg(1, A, 1, 1, 0)
            .seg(0, A, 1, 1, 0)
            .seg(0, A, 1, 1, 0)
            .seg(0, F | A, 0, 1, 0)
            .done(),
    );
    // Windows.
    add("zero-window", {
        let mut s = Script::new();
        s.plain()
            .seg(0, A, 1, 1, 100)
            .window(1, 0)
            .seg(1, A, 1, 101, 0)
            .wait(300)
            .seg(0, A, 101, 1, 1)
            .seg(1, A, 1, 101, 0)
            .wait(600)
            .seg(0, A, 101, 1, 1)
            .seg(1, A, 1, 101, 0)
            .wait(50);
        s.window(1, 500).seg(1, A, 1, 101, 0).seg(0, A, 101, 1, 100).seg(1, A, 1, 201, 0).done()
    });
    add("zero-window-taken", {
        let mut s = Script::new();
        s.plain()
            .seg(0, A, 1, 1, 100)
            .window(1, 0)
            .seg(1, A, 1, 101, 0)
            .wait(300)
            .seg(0, A, 101, 1, 1)
            .seg(1, A, 1, 102, 0)
            .wait(600)
            .seg(0, A, 102, 1, 1)
            .window(1, 500)
            .seg(1, A, 1, 103, 0);
        s.seg(0, A, 103, 1, 100).seg(1, A, 1, 203, 0).done()
    });
    add("zero-window-probe-refused-then-data", {
        let mut s = Script::new();
        s.plain()
            .seg(0, A, 1, 1, 100)
            .window(1, 0)
            .seg(1, A, 1, 101, 0)
            .wait(300)
            .seg(0, A, 101, 1, 1)
            .wait(300)
            .seg(0, A, 101, 1, 1)
            .window(1, 700)
            .seg(1, A, 1, 101, 0)
            .seg(0, A, 101, 1, 700)
            .seg(0, A, 801, 1, 700)
            .seg(1, A, 1, 1501, 0)
            .done()
    });
    add("zero-window-keep-alive-probe", {
        let mut s = Script::new();
        s.plain()
            .seg(0, A, 1, 1, 100)
            .window(1, 0)
            .seg(1, A, 1, 101, 0)
            .wait(300)
            .seg(0, A, 100, 1, 0)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .window(1, 10)
            .seg(1, A, 1, 101, 0)
            .done()
    });
    add("zero-window-both", {
        let mut s = Script::new();
        s.plain()
            .window(0, 0)
            .window(1, 0)
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 100)
            .seg(0, A, 101, 101, 1)
            .seg(1, A, 101, 101, 1)
            .seg(0, A, 101, 101, 0)
            .seg(1, A, 101, 102, 0);
        s.seg(0, F | A, 101, 101, 0).seg(1, R | A, 101, 102, 0).done()
    });
    add("window-full", {
        let mut s = Script::new();
        s.plain().seg(0, A, 1, 1, 2000).seg(0, A, 2001, 1, 2000).seg(1, A, 1, 4001, 0).wait(10);
        s.window(1, 100).seg(1, A, 1, 4001, 0).seg(0, A, 4001, 1, 400).seg(1, A, 1, 4401, 0).done()
    });
    add("window-full-unscaled", {
        let mut s = Script::new();
        s.open([None, Some(3)], 5).seg(0, A, 1, 1, 1000).seg(1, A, 1, 1001, 0).seg(0, A, 1001, 1, 1000);
        s.seg(1, A, 1, 2001, 0).done()
    });
    add(
        "window-full-after-syn-ack",
        Script::new().open([Some(2), Some(2)], 5).seg(0, A, 1, 1, 1000).seg(0, A, 1001, 1, 3000).done(),
    );
    add("window-full-scale-unknown", Script::new().seg(1, A, 1, 1, 0).seg(0, A, 1, 1, 1000).done());
    add("window-update", {
        let mut s = Script::new();
        s.plain()
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 0)
            .window(1, 1100)
            .seg(1, A, 1, 101, 0)
            .window(1, 1200)
            .seg(1, A, 1, 101, 10)
            .window(1, 1300)
            .seg(1, A, 11, 101, 0);
        s.window(1, 1400).seg(1, F | A, 11, 101, 0).done()
    });
    add("syn-ack-window-update", {
        let mut s = Script::new();
        s.plain().window(0, 2000).seg(0, A, 1, 1, 0).window(1, 3000).seg(1, A, 1, 1, 0).done()
    });
    // Duplicate ACKs that are none.
    add(
        "not-duplicate",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 10)
            .seg(1, A, 11, 101, 10)
            .seg(1, A, 11, 101, 0)
            .seg(1, A, 21, 101, 0)
            .seg(1, F | A, 21, 101, 0)
            .done(),
    );
    add(
        "data-while-duplicates",
        Script::new()
            .plain()
            .seg(0, A, 1, 1, 100)
            .seg(0, A, 101, 1, 100)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 0)
            .seg(1, A, 1, 101, 20)
            .seg(1, A, 21, 101, 0)
            .seg(0, A, 101, 21, 100)
            .done(),
    );
    // Resets and ports.
    add(
        "reset",
        Script::new().plain().seg(0, A, 1, 1, 100).seg(1, R, 1, 0, 0).seg(1, R | A, 500, 101, 0).done(),
    );
    add(
        "refused",
        Script::new()
            .seg(0, S, 0, 0, 0)
            .seg(1, R | A, 0, 1, 0)
            .wait(1000)
            .seg(0, S, 0, 0, 0)
            .seg(1, R | A, 0, 1, 0)
            .done(),
    );
    add("reused", {
        let mut s = Script::new();
        s.plain().seg(0, F | A, 1, 1, 0).seg(1, F | A, 1, 2, 0).seg(0, A, 2, 2, 0).wait(100);
        s.iss = [5_000, 900];
        s.plain().seg(0, A, 1, 1, 10).seg(1, A, 1, 11, 0).seg(1, R, 1, 0, 0).wait(100);
        s.plain().seg(0, A, 1, 1, 10).seg(1, A, 1, 11, 0).done()
    });
    add("reused-after-refusal", {
        let mut s = Script::new();
        s.seg(0, S, 0, 0, 0).seg(1, R | A, 0, 1, 0).wait(1000);
        s.iss = [5_000, 900];
        s.seg(0, S, 0, 0, 0).seg(1, R | A, 0, 1, 0).wait(1000).seg(0, S, 0, 0, 0).done()
    });
    add("reused-by-the-other-side", {
        let mut s = Script::new();
        s.plain().seg(0, F | A, 1, 1, 0).seg(1, F | A, 1, 2, 0).seg(0, A, 2, 2, 0).wait(100);
        s.iss = [5_000, 900];
        s.seg(1, S, 0, 0, 0).seg(0, S | A, 0, 1, 0).seg(1, A, 1, 1, 0).done()
    });
    add(
        "simultaneous-open",
        Script::new()
            .seg(0, S, 0, 0, 0)
            .seg(1, S, 0, 0, 0)
            .seg(0, S | A, 0, 1, 0)
            .seg(1, S | A, 0, 1, 0)
            .seg(0, A, 1, 1, 0)
            .seg(1, A, 1, 1, 10)
            .seg(0, A, 1, 11, 0)
            .done(),
    );
    add(
        "simultaneous-close",
        Script::new()
            .plain()
            .seg(0, F | A, 1, 1, 0)
            .seg(1, F | A, 1, 1, 0)
            .seg(0, A, 2, 2, 0)
            .seg(1, A, 2, 2, 0)
            .done(),
    );
    add(
        "syn-with-data",
        Script::new()
            .seg(0, S, 0, 0, 100)
            .seg(1, S | A, 0, 101, 0)
            .seg(0, A, 101, 1, 10)
            .seg(1, A, 1, 111, 0)
            .done(),
    );
    add(
        "syn-ack-only-acks-syn",
        Script::new()
            .seg(0, S, 0, 0, 100)
            .seg(1, S | A, 0, 1, 0)
            .seg(0, A, 1, 1, 100)
            .seg(1, A, 1, 101, 0)
            .done(),
    );
    add(
        "synack-first",
        Script::new()
            .seg(1, S | A, 0, 1, 0)
            .seg(0, A, 1, 1, 0)
            .seg(0, A, 1, 1, 10)
            .seg(1, A, 1, 11, 0)
            .done(),
    );
    all
}
