//! Cutting a train into its packets in software, for a device that can't, and finishing checksums.
//!
//! ```text
//!    train    │ headers │ 64 KiB of payload ………………………………… │  segment_size = 1448, partial checksum
//!                  │ copied, then made each packet's own          │ shared, never copied
//!    packets  │ headers │ 1448 │   │ headers │ 1448 │   …   │ headers │ rest │
//!               id, seq            id+1, seq+1448              FIN and PSH, if the train has them
//!               CWR, if the train has it
//! ```

#[cfg(test)]
mod tests;

use crate::tcp::Flags;
use crate::{
    Checksum, Frame, Head, Malformed, Medium, Offload, Payload, Protocol, SegmentKind, checksum, ethernet,
    ipv4, ipv6, tcp, udp,
};
use core::net::IpAddr;

/// The packets of `frame`, whole ones with complete checksums.
///
/// A frame without a segment size comes out as it is, but for a partial checksum, which is completed. Packets keep
/// the train's `id` and `arrived`. Headers are read from the frame, wherever its head ends, and their lengths are
/// not trusted further than the frame goes.
///
/// # Errors
/// [`Malformed`]: a train that is not TCP or UDP in whole IP packets, whose headers do not fit in a [`Head`], whose
/// [`SegmentKind`] is another's, or that has a SYN or RST; a partial checksum that lies outside of the frame.
pub fn split(mut frame: Frame, medium: Medium) -> Result<Pieces, Malformed> {
    let Some(segment_size) = frame.offload.segment_size else {
        finish_checksum(&mut frame)?;
        return Ok(Pieces(State::Whole(Some(frame))));
    };
    let mut template = Template::read(&frame, medium)?;
    let payload = template.payload_of(&frame);
    let segment_size = usize::from(segment_size.get());
    let flags = template.flags();
    if payload.len() > segment_size && flags.intersects(Flags::SYN | Flags::RST) {
        return Err(Malformed::BadField);
    }
    if frame.offload.segment_kind.is_some_and(|kind| kind != template.kind) {
        return Err(Malformed::BadField);
    }
    // RFC 768: a datagram that has no checksum, and does not wait for one either, gets none.
    template.no_checksum = template.kind == SegmentKind::Udp4
        && frame.offload.checksum == Checksum::InPacket
        && template.at(template.transport + 6) == [0, 0];
    Ok(Pieces(State::Train(Train {
        template,
        payload,
        chunk: 0,
        within: 0,
        done: 0,
        count: 0,
        segment_size,
        frame: Frame { arrived: frame.arrived, leaves: frame.leaves, id: frame.id, ..Frame::default() },
    })))
}

/// Completes a partial checksum: the sum from its start to the frame's end goes into its field. Any other frame is
/// left alone.
///
/// # Errors
/// `TooShort` when start or field lie outside of the frame, which is then as it was.
pub fn finish_checksum(frame: &mut Frame) -> Result<(), Malformed> {
    let Checksum::Partial { start, offset } = frame.offload.checksum else { return Ok(()) };
    let start = usize::from(start);
    let field = start + usize::from(offset);
    if field + 2 > frame.len() {
        return Err(Malformed::TooShort);
    }
    let head_len = frame.head.len();
    let sum = match frame.head.as_slice().get(start..) {
        Some(rest) => checksum::sum(rest).with_payload(&frame.body),
        None => checksum::sum(&[]).with_payload(&frame.body.slice(start - head_len..frame.body.len())),
    };
    let checksum = match sum.checksum() {
        // RFC 768: in UDP, zero says that there is none.
        0 if offset == udp::CHECKSUM_OFFSET => 0xffff,
        checksum => checksum,
    };
    if head_len == 0
        && let Some(room) = frame.head.prepend(field + 2)
    {
        frame.body.copy_to(room);
        frame.body.advance(field + 2);
    }
    if field + 2 <= frame.head.len() {
        write(frame.head.as_mut_slice(), field, checksum);
    } else {
        // The rare case: the field is beyond what the head holds or could hold.
        let mut all = frame.to_vec();
        write(&mut all, field, checksum);
        frame.head = Head::new();
        frame.body = all.into();
    }
    frame.offload.checksum = Checksum::InPacket;
    Ok(())
}

/// The packets of one frame, in order.
#[derive(Clone, Debug)]
pub struct Pieces(State);

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "either lives for one loop, on the stack")]
enum State {
    Whole(Option<Frame>),
    Train(Train),
}

impl Iterator for Pieces {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        match &mut self.0 {
            State::Whole(frame) => frame.take(),
            State::Train(train) => train.next(),
        }
    }
}

#[derive(Clone, Debug)]
struct Train {
    template: Template,
    payload: Payload,
    /// Where the next packet's payload begins: a chunk, and octets within it.
    chunk: usize,
    within: usize,
    /// Octets and packets given out.
    done: usize,
    count: u16,
    segment_size: usize,
    /// What each packet starts as.
    frame: Frame,
}

impl Train {
    fn next(&mut self) -> Option<Frame> {
        let left = self.payload.len() - self.done;
        if left == 0 && self.count > 0 {
            return None;
        }
        let body = self.take(left.min(self.segment_size));
        let last = self.done + body.len() == self.payload.len();
        let mut frame = self.frame.clone();
        frame.offload = Offload::default();
        let room = frame.head.prepend(self.template.len)?;
        room.copy_from_slice(self.template.octets.get(..self.template.len)?);
        self.template.make_own(room, &body, self.done, self.count, last);
        self.done += body.len();
        self.count = self.count.wrapping_add(1).max(1);
        frame.body = body;
        Some(frame)
    }

    /// The next `want` octets, from where the packet before ended: no chunk is looked at twice.
    fn take(&mut self, mut want: usize) -> Payload {
        let mut body = Payload::EMPTY;
        while want > 0
            && let Some(chunk) = self.payload.chunks().get(self.chunk)
        {
            let part = chunk.slice(self.within..chunk.len().min(self.within + want));
            want -= part.len();
            self.within += part.len();
            if self.within == chunk.len() {
                (self.chunk, self.within) = (self.chunk + 1, 0);
            }
            body.push(part);
        }
        body.with_held(self.payload.held())
    }
}

/// A train's headers, and where each begins.
#[derive(Clone, Debug)]
struct Template {
    octets: [u8; Head::ROOM],
    /// Octets of all headers.
    len: usize,
    /// Where the IP header begins.
    network: usize,
    /// Where the TCP or UDP header begins.
    transport: usize,
    /// Octets of payload that the IP header tells of.
    payload_len: usize,
    kind: SegmentKind,
    src: IpAddr,
    dst: IpAddr,
    no_checksum: bool,
}

impl Template {
    fn read(frame: &Frame, medium: Medium) -> Result<Self, Malformed> {
        let mut octets = [0; Head::ROOM];
        let head = frame.head.as_slice();
        let (front, back) = octets.split_at_mut_checked(head.len()).ok_or(Malformed::TooShort)?;
        front.copy_from_slice(head);
        let filled = head.len() + frame.body.copy_to(back);
        let start = octets.get(..filled).unwrap_or(&[]);
        let network = match medium {
            Medium::Ip => 0,
            Medium::Ethernet => ethernet::View::new(start)?.header_len(),
        };
        let packet = start.get(network..).ok_or(Malformed::TooShort)?;
        // The headers only: these views may not ask for the whole packet, most of which is not in `start`.
        let (transport, packet_len, protocol, src, dst) =
            if packet.first().is_some_and(|first| first >> 4 == 4) {
                let view = ipv4::View::quoted(packet)?;
                if view.is_fragment() {
                    return Err(Malformed::BadField);
                }
                let total_len = usize::from(view.total_len());
                (view.header_len(), total_len, view.protocol(), view.src().into(), view.dst().into())
            } else {
                let view = ipv6::View::quoted(packet)?;
                let (protocol, at) = ipv6::walk_quoted(view.next_header(), view.payload());
                let total_len = ipv6::HEADER_LEN + usize::from(view.payload_len());
                (ipv6::HEADER_LEN + at, total_len, protocol, view.src().into(), view.dst().into())
            };
        let segment = packet.get(transport..).ok_or(Malformed::TooShort)?;
        let (header_len, kind) = match (protocol, src) {
            (Protocol::TCP, IpAddr::V4(_)) => (tcp::View::new(segment)?.header_len(), SegmentKind::Tcp4),
            (Protocol::TCP, IpAddr::V6(_)) => (tcp::View::new(segment)?.header_len(), SegmentKind::Tcp6),
            (Protocol::UDP, IpAddr::V4(_)) => (udp::HEADER_LEN, SegmentKind::Udp4),
            (Protocol::UDP, IpAddr::V6(_)) => (udp::HEADER_LEN, SegmentKind::Udp6),
            _ => return Err(Malformed::Unsupported),
        };
        let payload_len = packet_len.checked_sub(transport + header_len).ok_or(Malformed::BadLength)?;
        let transport = network + transport;
        let len = transport + header_len;
        if len > filled {
            return Err(Malformed::TooShort);
        }
        if len + payload_len > frame.len() {
            return Err(Malformed::BadLength);
        }
        Ok(Self { octets, len, network, transport, payload_len, kind, src, dst, no_checksum: false })
    }

    /// What follows the headers, without padding of the link.
    fn payload_of(&self, frame: &Frame) -> Payload {
        let body = match frame.head.as_slice().get(self.len..) {
            None => frame.body.slice(self.len - frame.head.len()..frame.body.len()),
            Some([]) => frame.body.clone(),
            Some(rest) => {
                let mut all = Payload::copy_of(rest);
                frame.body.chunks().iter().for_each(|chunk| all.push(chunk.clone()));
                all
            }
        };
        body.slice(0..self.payload_len)
    }

    fn at(&self, offset: usize) -> [u8; 2] {
        at(&self.octets, offset)
    }

    fn is_tcp(&self) -> bool {
        matches!(self.kind, SegmentKind::Tcp4 | SegmentKind::Tcp6)
    }

    fn flags(&self) -> Flags {
        if !self.is_tcp() {
            return Flags::NONE;
        }
        Flags::from_bits(u16::from_be_bytes(self.at(self.transport + 12)))
    }

    /// Turns a copy of the train's headers, checksum included (RFC 9293 MUST-2), into those of packet `count`, whose payload begins `done` octets into the
    /// train's.
    fn make_own(&self, headers: &mut [u8], body: &Payload, done: usize, count: u16, last: bool) {
        let length = (headers.len() - self.transport + body.len()) as u32;
        let packet_len = (headers.len() - self.network + body.len()) as u16;
        if self.src.is_ipv4() {
            let identification = u16::from_be_bytes(self.at(self.network + 4));
            write(headers, self.network + 2, packet_len);
            write(headers, self.network + 4, identification.wrapping_add(count));
            write(headers, self.network + 10, 0);
            let sum = checksum::sum(headers.get(self.network..self.transport).unwrap_or(&[])).checksum();
            write(headers, self.network + 10, sum);
        } else {
            write(headers, self.network + 4, packet_len - ipv6::HEADER_LEN as u16);
        }
        let (protocol, field) = if self.is_tcp() {
            self.make_own_tcp(headers, done, last);
            (Protocol::TCP, self.transport + usize::from(tcp::CHECKSUM_OFFSET))
        } else {
            write(headers, self.transport + 4, length as u16);
            (Protocol::UDP, self.transport + usize::from(udp::CHECKSUM_OFFSET))
        };
        write(headers, field, 0);
        if self.no_checksum {
            return;
        }
        let sum = checksum::pseudo_header(self.src, self.dst, protocol, length)
            .with(headers.get(self.transport..).unwrap_or(&[]))
            .with_payload(body);
        let checksum = match sum.checksum() {
            0 if protocol == Protocol::UDP => 0xffff,
            checksum => checksum,
        };
        write(headers, field, checksum);
    }

    fn make_own_tcp(&self, headers: &mut [u8], done: usize, last: bool) {
        let ([a, b], [c, d]) = (self.at(self.transport + 4), self.at(self.transport + 6));
        let seq = u32::from_be_bytes([a, b, c, d]).wrapping_add(done as u32);
        write(headers, self.transport + 4, (seq >> 16) as u16);
        write(headers, self.transport + 6, seq as u16);
        let mut flags = self.flags();
        if !last {
            flags = flags & !(Flags::FIN | Flags::PSH);
        }
        if done > 0 {
            flags = flags & !Flags::CWR; // RFC 3168 §6.1.2: said once
            // The urgent pointer counts from the packet's own first octet (RFC 9293 MUST-62).
            let urgent = usize::from(u16::from_be_bytes(self.at(self.transport + 18)));
            let urgent = urgent.saturating_sub(done);
            if flags.contains(Flags::URG) && urgent == 0 {
                flags = flags & !Flags::URG;
            }
            write(headers, self.transport + 18, urgent as u16);
        }
        let [offset, _] = self.at(self.transport + 12);
        write(headers, self.transport + 12, u16::from(offset & 0xf0) << 8 | flags.bits());
    }
}

fn at(octets: &[u8], offset: usize) -> [u8; 2] {
    octets.get(offset..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}

fn write(octets: &mut [u8], offset: usize, value: u16) {
    if let Some(field) = octets.get_mut(offset..).and_then(|rest| rest.first_chunk_mut()) {
        *field = value.to_be_bytes();
    }
}
