//! What must hold for any header before any octets: the property tests and the fuzz target run this body.

use handfast_device::virtio::{Header, LEN, Order};
use handfast_device::{Capabilities, Checksum, Frame, Medium, finish};

/// Holds a header against octets. What it accepts can be cut and finished, into as many packets as it said and no more
/// octets than there were; and none of that panics.
pub(crate) fn any_header(header: [u8; LEN], octets: &[u8], ethernet: bool) {
    let medium = if ethernet { Medium::Ethernet } else { Medium::Ip };
    let header = Header::read(header, Order::Native);
    assert_eq!(Header::read(header.emit(Order::Little), Order::Little), header);
    let mut frame = Frame { body: octets.to_vec().into(), ..Frame::default() };
    if header.accept(&mut frame, medium).is_err() {
        return;
    }
    assert_eq!(frame.len(), octets.len());
    if let Checksum::Partial { start, offset } = frame.offload.checksum {
        assert!(usize::from(start) + usize::from(offset) + 2 <= frame.len());
    }
    let size = frame.offload.segment_size.map(|size| usize::from(size.get()));
    assert!(size.is_none_or(|size| size < frame.len()));
    let (mut packets, mut longest, mut total) = (0, 0, 0);
    let plain = Capabilities { medium, ..Capabilities::default() };
    let whole = finish(frame, &plain, &mut |packet| {
        packets += 1;
        longest = longest.max(packet.body.len());
        total += packet.body.len();
        assert!(packet.len() <= octets.len());
        assert_eq!(packet.offload.segment_size, None);
    });
    assert!(whole, "what was accepted can be cut: {header:?}");
    if let Some(size) = size {
        assert!(packets > 1 && longest == size && total.div_ceil(size) == packets);
    }
}

/// The same for octets of which the first ten are the header, and one more says whether Ethernet follows.
#[allow(dead_code, reason = "for the fuzz target")]
pub(crate) fn virtio(bytes: &[u8]) {
    let Some((&header, [ethernet, octets @ ..])) = bytes.split_first_chunk() else { return };
    any_header(header, octets, ethernet & 1 == 1);
}
