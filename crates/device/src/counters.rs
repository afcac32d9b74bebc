//! What a device has carried, and each reason for which it dropped a frame.

use crate::virtio::Lie;
use core::fmt;

macro_rules! counters {
    ($($(#[$doc:meta])+ $name:ident),* $(,)?) => {
        /// Frames and octets since the device was made. A drop has exactly one reason, and is counted there only.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])+ pub $name: u64,)*
        }

        impl Counters {
            /// Every counter with its name, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Frames handed to the stack.
    rx_frames,
    /// Octets in them.
    rx_octets,
    /// Frames taken from the stack and sent on. A train counts as the packets it was sent as.
    tx_frames,
    /// Octets in them.
    tx_octets,
    /// Received and dropped: longer than the device's buffer, so only its beginning was seen.
    rx_truncated,
    /// Received and dropped: not one octet in it.
    rx_empty,
    /// Trains among the frames received.
    rx_trains,
    /// Trains that were made here of frames received one by one.
    rx_coalesced_trains,
    /// Received and dropped: shorter than the virtio-net header that should be before it.
    rx_header_short,
    /// Received and dropped: its virtio-net header names a kind of train that we never asked for, or that the packet is
    /// not.
    rx_offload_kind,
    /// Received and dropped: its virtio-net header cuts it into packets of no octets, or of more than there are.
    rx_offload_size,
    /// Received and dropped: a train whose headers are not within it, or are longer than it by its virtio-net header.
    rx_offload_headers,
    /// Received and dropped: its virtio-net header puts a checksum beyond its end, or has none for a train.
    rx_offload_checksum,
    /// Trains among the frames sent, whole.
    tx_trains,
    /// Sent and dropped: the IP packet is larger than the MTU.
    tx_too_large,
    /// Sent and dropped: no IP packet, or a train that cannot be cut.
    tx_malformed,
    /// Sent and dropped: the queue of the other end is full, and this pair drops rather than waits.
    tx_queue_full,
    /// Sent and dropped: the other end is gone.
    tx_no_peer,
    /// Sent and dropped: the interface is down.
    tx_link_down,
    /// Sent and dropped: the system refused this frame, though not the device as such.
    tx_refused,
    /// Taken from the stack or received, and lost by the link model on the way.
    impaired,
}

impl Counters {
    pub(crate) fn received(&mut self, octets: usize) {
        self.rx_frames += 1;
        self.rx_octets += octets as u64;
    }

    pub(crate) fn lied(&mut self, lie: Lie) {
        *match lie {
            Lie::Kind => &mut self.rx_offload_kind,
            Lie::Size => &mut self.rx_offload_size,
            Lie::Headers => &mut self.rx_offload_headers,
            Lie::Checksum => &mut self.rx_offload_checksum,
        } += 1;
    }

    pub(crate) fn sent(&mut self, octets: usize) {
        self.tx_frames += 1;
        self.tx_octets += octets as u64;
    }
}

/// `name=value` of those that are not zero.
impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for (name, value) in self.iter().filter(|(_, value)| *value != 0) {
            write!(f, "{gap}{name}={value}")?;
            gap = " ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_show_their_names_and_leave_out_what_is_zero() {
        let mut counters = Counters { tx_too_large: 2, ..Counters::default() };
        counters.received(40);
        assert_eq!(counters.to_string(), "rx_frames=1 rx_octets=40 tx_too_large=2");
        assert_eq!(counters.iter().count() * size_of::<u64>(), size_of::<Counters>());
    }
}
