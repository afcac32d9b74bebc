//! Receive coalescing in software, for a device that hands over no trains: segments of one flow that came in one batch
//! become a train, so that all that follows is paid once.
//!
//! ```text
//!    batch     a1  a2  b1  a3  a-ack  b2  a4          a, b: flows
//!    groups    └───┴───────┘  alone   │   └ a new one: nothing of a flow passes what came before it
//!                      └──────────────┘
//!    result    a1-3    b1-2    a-ack  a4
//! ```
//!
//! A train must mean to TCP what its segments mean, so only segments join that can be had back from it by
//! [`wire::segmentation::split`] (but for the identification of IPv4, which says nothing of a packet that is whole):
//! one after the other without a gap, the same in every header field (addresses and tags of the link, TTL, DSCP, ECN
//! marks, flow label, acknowledgment, window, flags, options), each of the first's size but for the last, which may be
//! shorter or have PSH. Anything else of a flow ends its group. Receivers count a train as its segments wherever
//! segments count (RFC 5681 §4.2).
//!
//! Checksums are verified before, since none is left to verify after; a segment that fails stays as it is, for TCP to
//! drop and count.

use crate::virtio::{Layout, Transport, layout};
use crate::{Checksum, Frame, Medium};
use bytes::Bytes;
use std::num::NonZeroU16;
use wire::tcp::Flags;
use wire::{Head, Offload, Payload, Protocol, SegmentKind, checksum, ipv4, ipv6, tcp};

/// Groups that may grow at once. Of more flows than that, the one that began first grows no more.
const OPEN: usize = 8;
/// The longest packet there is.
const LONGEST: usize = 65_535;

/// Joins the segments of a batch. It is kept for its memory: no batch knows of the one before.
///
/// ```
/// use handfast_device::{Frame, Medium, coalesce::Coalescer};
/// // What cannot be joined stays as it is, and where it is.
/// let mut frames = vec![Frame { body: b"no packet".into(), ..Frame::default() }; 2];
/// assert_eq!(Coalescer::default().run(Medium::Ip, &mut frames, 0), 0);
/// assert_eq!(frames.len(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Coalescer {
    groups: Vec<Group>,
    /// Which groups may grow.
    open: Vec<usize>,
    /// For each frame of the batch, the next one of its group.
    next: Vec<Option<usize>>,
    /// For each frame of the batch, what becomes of it.
    fate: Vec<Fate>,
    batch: Vec<Option<Frame>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Alone,
    /// It begins this group.
    Begins(usize),
    /// It is in a group that began before.
    Joined,
}

/// Segments of one flow that follow each other.
#[derive(Debug)]
struct Group {
    first: usize,
    last: usize,
    segments: usize,
    layout: Layout,
    /// Payload octets of each segment.
    size: usize,
    /// All payload octets.
    total: usize,
    /// The number of the octet after them.
    seq: u32,
    push: bool,
}

impl Coalescer {
    /// Joins what can be joined of `frames` from `from` on, each as received: all octets are in one slice of its body
    /// (one of several slices stays as it is). Says how many trains it made; of each, the first segment's place, `id`
    /// and `arrived` remain. Those whose checksums were found right are marked [`Checksum::Verified`].
    pub fn run(&mut self, medium: Medium, frames: &mut Vec<Frame>, from: usize) -> u64 {
        if frames.len() < from + 2 {
            return 0;
        }
        self.groups.clear();
        self.open.clear();
        self.next.clear();
        self.fate.clear();
        self.next.resize(frames.len() - from, None);
        for at in 0..frames.len() - from {
            let (before, rest) = frames.split_at_mut(from + at);
            let Some(frame) = rest.first_mut() else { break };
            let fate = self.place(medium, before.get(from..).unwrap_or(&[]), frame, at);
            self.fate.push(fate);
        }
        let trains = self.groups.iter().filter(|group| group.segments > 1).count();
        if trains > 0 {
            self.batch.extend(frames.drain(from..).map(Some));
            for at in 0..self.batch.len() {
                match self.fate.get(at) {
                    Some(&Fate::Joined) => {}
                    Some(&Fate::Begins(group)) => frames.extend(self.train(group)),
                    _ => frames.extend(self.batch.get_mut(at).and_then(Option::take)),
                }
            }
            self.batch.clear();
        }
        trains as u64
    }

    /// Finds the place of the batch's frame number `at`, behind those `before` it.
    fn place(&mut self, medium: Medium, before: &[Frame], frame: &mut Frame, at: usize) -> Fate {
        let [octets] = frame.body.chunks() else { return Fate::Alone };
        let Some(layout) = layout(octets, medium) else { return Fate::Alone };
        if layout.transport != Transport::Tcp {
            return Fate::Alone;
        }
        let octets = octets.clone();
        let same_flow = |group: &Group| {
            let first = octets_of(before, group.first);
            layout.v4 == group.layout.v4
                && addresses(&octets, &layout) == addresses(first, &group.layout)
                && ports(&octets, &layout) == ports(first, &group.layout)
        };
        let found = self.open.iter().position(|&group| self.groups.get(group).is_some_and(same_flow));
        let sound = is_plain(&octets, &layout) && verify(&octets, &layout);
        if sound {
            frame.offload.checksum = Checksum::Verified;
        }
        if let Some(place) = found
            && let Some(&index) = self.open.get(place)
            && let Some(group) = self.groups.get_mut(index)
        {
            if sound && group.takes(octets_of(before, group.first), &octets, &layout) {
                if let Some(next) = self.next.get_mut(group.last) {
                    *next = Some(at);
                }
                let more = group.join(at, &octets, &layout);
                if !more {
                    self.open.remove(place);
                }
                return Fate::Joined;
            }
            self.open.remove(place);
        }
        if !sound {
            return Fate::Alone;
        }
        let index = self.groups.len();
        let size = layout.end - layout.payload_at;
        let push = layout.flags.contains(Flags::PSH);
        self.groups.push(Group {
            first: at,
            last: at,
            segments: 1,
            layout,
            size,
            total: size,
            seq: seq(&octets, &layout).wrapping_add(size as u32),
            push,
        });
        if !push {
            if self.open.len() == OPEN {
                self.open.remove(0);
            }
            self.open.push(index);
        }
        Fate::Begins(index)
    }

    /// The frame that a group becomes.
    fn train(&mut self, group: usize) -> Option<Frame> {
        let group = self.groups.get(group)?;
        let first = self.batch.get_mut(group.first)?.take()?;
        if group.segments == 1 {
            return Some(first);
        }
        let start = first.contiguous();
        let mut all = Vec::with_capacity(group.layout.payload_at + group.total);
        all.extend_from_slice(start.get(..group.layout.end)?);
        let mut at = group.first;
        while let Some(next) = self.next.get(at).copied().flatten() {
            let member = self.batch.get_mut(next)?.take()?;
            let octets = member.body.chunks().first()?;
            let layout = group.layout;
            // Its headers are as long as the first's.
            let end = layout.network_at + packet_len(octets, &layout);
            all.extend_from_slice(octets.get(layout.payload_at..end)?);
            at = next;
        }
        group.write_headers(&mut all);
        let kind = if group.layout.v4 { SegmentKind::Tcp4 } else { SegmentKind::Tcp6 };
        let offload = Offload {
            checksum: Checksum::Verified,
            segment_size: NonZeroU16::new(group.size as u16),
            segment_kind: Some(kind),
        };
        let held = all.capacity();
        let body = Payload::holding(Bytes::from(all), held);
        Some(Frame { head: Head::new(), body, offload, ..first })
    }
}

impl Group {
    /// Whether a segment may follow.
    fn takes(&self, first: &[u8], octets: &[u8], layout: &Layout) -> bool {
        let size = layout.end - layout.payload_at;
        layout.payload_at == self.layout.payload_at
            && size <= self.size
            && self.layout.payload_at - self.layout.network_at + self.total + size <= LONGEST
            && seq(octets, layout) == self.seq
            && same_headers(first, octets, layout)
    }

    /// Takes a segment; `false` when it is the last.
    fn join(&mut self, at: usize, octets: &[u8], layout: &Layout) -> bool {
        let size = layout.end - layout.payload_at;
        self.last = at;
        self.segments += 1;
        self.total += size;
        self.seq = seq(octets, layout).wrapping_add(size as u32);
        self.push = layout.flags.contains(Flags::PSH);
        size == self.size && !self.push
    }

    /// Makes the first segment's headers those of the train.
    fn write_headers(&self, all: &mut [u8]) {
        let network = self.layout.network_at;
        let length = (self.layout.payload_at - network + self.total) as u16;
        if self.layout.v4 {
            put(all, network + 2, length);
            put(all, network + 10, 0);
            let sum = checksum::sum(all.get(network..self.layout.transport_at).unwrap_or(&[])).checksum();
            put(all, network + 10, sum);
        } else {
            put(all, network + 4, length - ipv6::HEADER_LEN as u16);
        }
        if self.push
            && let Some(flags) = all.get_mut(self.layout.transport_at + 13)
        {
            *flags |= Flags::PSH.bits() as u8;
        }
    }
}

/// Whether this is a segment of text that says nothing but that: to one station, no IP options or extension headers, no
/// flag but ACK, PSH and ECE, and something in it.
fn is_plain(octets: &[u8], layout: &Layout) -> bool {
    let network = layout.network_at;
    let bare = if layout.v4 { ipv4::HEADER_LEN } else { ipv6::HEADER_LEN };
    // Nothing that a link carries to a group is a connection's.
    let to_group = network > 0 && octets.first().is_some_and(|first| first & 1 == 1);
    !to_group
        && layout.transport_at - network == bare
        && (layout.flags & !(Flags::PSH | Flags::ECE)) == Flags::ACK
        // Nobody reads the urgent pointer then, nor the reserved bits; who cuts a train clears them.
        && get(octets, layout.transport_at + 12) & 0x0e00 == 0
        && get(octets, layout.transport_at + 18) == 0
        && layout.end <= octets.len()
        && layout.payload_at < layout.end
}

/// Whether all checksums hold.
fn verify(octets: &[u8], layout: &Layout) -> bool {
    let network = layout.network_at;
    let (Some(header), Some(segment)) =
        (octets.get(network..layout.transport_at), octets.get(layout.transport_at..layout.end))
    else {
        return false;
    };
    let length = segment.len() as u32;
    let pseudo = if layout.v4 {
        let Ok(view) = ipv4::View::quoted(header) else { return false };
        if !checksum::sum(header).verifies() {
            return false;
        }
        checksum::pseudo_header_v4(view.src(), view.dst(), Protocol::TCP, length)
    } else {
        let Ok(view) = ipv6::View::quoted(header) else { return false };
        checksum::pseudo_header_v6(view.src(), view.dst(), Protocol::TCP, length)
    };
    pseudo.with(segment).verifies()
}

/// Whether two segments of one flow, of headers of the same length, differ in nothing but their length, identification,
/// number, checksums and PSH.
fn same_headers(one: &[u8], other: &[u8], layout: &Layout) -> bool {
    let (network, transport) = (layout.network_at, layout.transport_at);
    let same = |from: usize, to: usize| one.get(from..to) == other.get(from..to);
    // Addresses, tags, type. Where these are the same, the IP headers begin at the same octet.
    let link = same(0, network);
    let ip = if layout.v4 {
        // Version, TOS; flags and offset, TTL, protocol; addresses.
        same(network, network + 2) && same(network + 6, network + 10) && same(network + 12, transport)
    } else {
        same(network, network + 4) && same(network + 6, transport)
    };
    let flags = |octets: &[u8]| octets.get(transport + 13).map(|flags| flags & !(Flags::PSH.bits() as u8));
    link && ip
        && same(transport, transport + 4)
        && same(transport + 8, transport + 13)
        && flags(one) == flags(other)
        && same(transport + 14, transport + usize::from(tcp::CHECKSUM_OFFSET))
        && same(transport + 18, layout.payload_at)
}

fn octets_of(frames: &[Frame], at: usize) -> &[u8] {
    frames.get(at).and_then(|frame| frame.body.chunks().first()).map_or(&[], |chunk| chunk)
}

fn packet_len(octets: &[u8], layout: &Layout) -> usize {
    let network = layout.network_at;
    if layout.v4 {
        usize::from(get(octets, network + 2))
    } else {
        ipv6::HEADER_LEN + usize::from(get(octets, network + 4))
    }
}

fn addresses<'a>(octets: &'a [u8], layout: &Layout) -> &'a [u8] {
    let network = layout.network_at;
    let (from, to) = if layout.v4 { (12, 20) } else { (8, 40) };
    octets.get(network + from..network + to).unwrap_or(&[])
}

fn ports<'a>(octets: &'a [u8], layout: &Layout) -> &'a [u8] {
    octets.get(layout.transport_at..layout.transport_at + 4).unwrap_or(&[])
}

fn seq(octets: &[u8], layout: &Layout) -> u32 {
    u32::from(get(octets, layout.transport_at + 4)) << 16 | u32::from(get(octets, layout.transport_at + 6))
}

fn get(octets: &[u8], at: usize) -> u16 {
    octets.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |field| u16::from_be_bytes(*field))
}

fn put(octets: &mut [u8], at: usize, value: u16) {
    if let Some(field) = octets.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *field = value.to_be_bytes();
    }
}

#[cfg(test)]
mod tests;
