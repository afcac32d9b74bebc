//! What this machine's kernel says of a TCP socket of its own (tcp(7), TCP_INFO): to be measured beside.

use linux_raw_sys::net::{TCP_INFO, tcp_info};
use std::ffi::c_int;
use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// What the kernel says of one of its connections: the sender's half of it. What an older kernel does not say is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelTcp {
    /// Congestion window, in segments.
    pub cwnd: u32,
    /// Slow-start threshold, in segments.
    pub ssthresh: u32,
    /// Octets of payload in a segment.
    pub segment_size: u32,
    /// Smoothed round trip.
    pub srtt: Duration,
    /// The least round trip.
    pub min_rtt: Duration,
    /// Retransmission timeout.
    pub rto: Duration,
    /// Octets of payload sent, with those sent again.
    pub octets_sent: u64,
    /// Octets of payload sent again.
    pub octets_again: u64,
    /// Segments sent again.
    pub segments_again: u32,
    /// Segments that the peer said, by D-SACK, had come twice.
    pub dsacks: u32,
    /// Times that segments were found to have overtaken others.
    pub reorderings: u32,
    /// Time in which the peer's window held the sender back.
    pub window_limited: Duration,
    /// Time in which the send buffer did.
    pub buffer_limited: Duration,
}

/// Asks the kernel about a TCP socket.
///
/// ```
/// use handfast_device::kernel_tcp::ask;
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
/// assert!(ask(&stream)?.cwnd > 0);
/// # Ok::<_, std::io::Error>(())
/// ```
///
/// # Errors
/// It is no TCP socket.
pub fn ask(socket: impl AsFd) -> io::Result<KernelTcp> {
    const SIZE: usize = size_of::<tcp_info>();
    let mut octets = [0u8; SIZE];
    let mut len = SIZE as u32;
    // SAFETY: the descriptor is open while it is borrowed; the kernel writes at most `len` octets to `octets`, which has
    // room for so many, writes how many to `len`, and keeps neither pointer.
    #[allow(unsafe_code)]
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            TCP_INFO as c_int,
            octets.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    let small = |at: usize| u32::from_ne_bytes(field(&octets, at));
    let large = |at: usize| u64::from_ne_bytes(field(&octets, at));
    let micros = |at: usize| Duration::from_micros(small(at).into());
    let limited = |at: usize| Duration::from_micros(large(at));
    Ok(KernelTcp {
        cwnd: small(offset_of!(tcp_info, tcpi_snd_cwnd)),
        ssthresh: small(offset_of!(tcp_info, tcpi_snd_ssthresh)),
        segment_size: small(offset_of!(tcp_info, tcpi_snd_mss)),
        srtt: micros(offset_of!(tcp_info, tcpi_rtt)),
        min_rtt: micros(offset_of!(tcp_info, tcpi_min_rtt)),
        rto: micros(offset_of!(tcp_info, tcpi_rto)),
        octets_sent: large(offset_of!(tcp_info, tcpi_bytes_sent)),
        octets_again: large(offset_of!(tcp_info, tcpi_bytes_retrans)),
        segments_again: small(offset_of!(tcp_info, tcpi_total_retrans)),
        dsacks: small(offset_of!(tcp_info, tcpi_dsack_dups)),
        reorderings: small(offset_of!(tcp_info, tcpi_reord_seen)),
        window_limited: limited(offset_of!(tcp_info, tcpi_rwnd_limited)),
        buffer_limited: limited(offset_of!(tcp_info, tcpi_sndbuf_limited)),
    })
}

/// The `N` octets from `at` on; zeros where the structure ends before.
fn field<const N: usize>(octets: &[u8], at: usize) -> [u8; N] {
    octets.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream, UdpSocket};

    #[test]
    fn it_tells_what_was_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut receiver, _) = listener.accept().unwrap();
        sender.write_all(&[7; 5_000]).unwrap();
        receiver.read_exact(&mut [0; 5_000]).unwrap();
        let told = ask(&sender).unwrap();
        assert_eq!(told.octets_sent - told.octets_again, 5_000);
        assert!(told.segment_size > 0 && told.cwnd > 0 && !told.rto.is_zero());
    }

    #[test]
    fn what_is_no_tcp_socket_is_refused() {
        assert!(ask(UdpSocket::bind("127.0.0.1:0").unwrap()).is_err());
    }
}
