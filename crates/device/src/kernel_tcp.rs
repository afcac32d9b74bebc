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
    let octets = raw(socket)?;
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

/// All that the kernel says of a TCP socket, by the names of TCP_INFO's members (`tcpi_rtt`) and in its units: times in
/// microseconds but for `tcpi_last_…` (milliseconds), windows in segments. A member that this kernel does not have is left out.
///
/// ```
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
/// let fields = handfast_device::kernel_tcp::fields(&stream)?;
/// assert!(fields.contains(&("tcpi_state", 1)), "ESTABLISHED");
/// # Ok::<_, std::io::Error>(())
/// ```
///
/// # Errors
/// It is no TCP socket.
pub fn fields(socket: impl AsFd) -> io::Result<Vec<(&'static str, i64)>> {
    let octets = raw(socket)?;
    let value = |&(name, at, size): &(&'static str, usize, usize)| {
        let octets = octets.get(at..at + size)?;
        let number = octets.iter().rev().fold(0u64, |number, octet| number << 8 | u64::from(*octet));
        Some((name, number as i64))
    };
    let mut fields: Vec<_> = MEMBERS.iter().filter_map(value).collect();
    let newer =
        ACCURATE_ECN.iter().zip((size_of::<tcp_info>()..).step_by(4)).map(|(&name, at)| (name, at, 4));
    fields.extend(newer.filter_map(|member| value(&member)));
    for &(name, at, shift, bits) in BITS {
        let octet = octets.get(at).copied().unwrap_or_default();
        fields.push((name, i64::from(octet >> shift & ((1 << bits) - 1))));
    }
    Ok(fields)
}

/// `struct tcp_info`, as long as this kernel has it.
fn raw(socket: impl AsFd) -> io::Result<Vec<u8>> {
    // More than the kernel has members for, so that those are told which a newer one adds.
    let mut octets = vec![0u8; 512];
    let mut len = octets.len() as u32;
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
    octets.truncate(len as usize);
    Ok(octets)
}

macro_rules! members {
    ($($name:ident: $type:ty),* $(,)?) => {
        &[$((stringify!($name), offset_of!(tcp_info, $name), size_of::<$type>())),*]
    };
}

/// Members of whole octets: name, where, how many octets.
const MEMBERS: &[(&str, usize, usize)] = members![
    tcpi_state: u8, tcpi_ca_state: u8, tcpi_retransmits: u8, tcpi_probes: u8, tcpi_backoff: u8, tcpi_options: u8,
    tcpi_rto: u32, tcpi_ato: u32, tcpi_snd_mss: u32, tcpi_rcv_mss: u32,
    tcpi_unacked: u32, tcpi_sacked: u32, tcpi_lost: u32, tcpi_retrans: u32, tcpi_fackets: u32,
    tcpi_last_data_sent: u32, tcpi_last_ack_sent: u32, tcpi_last_data_recv: u32, tcpi_last_ack_recv: u32,
    tcpi_pmtu: u32, tcpi_rcv_ssthresh: u32, tcpi_rtt: u32, tcpi_rttvar: u32, tcpi_snd_ssthresh: u32,
    tcpi_snd_cwnd: u32, tcpi_advmss: u32, tcpi_reordering: u32, tcpi_rcv_rtt: u32, tcpi_rcv_space: u32,
    tcpi_total_retrans: u32, tcpi_pacing_rate: u64, tcpi_max_pacing_rate: u64, tcpi_bytes_acked: u64,
    tcpi_bytes_received: u64, tcpi_segs_out: u32, tcpi_segs_in: u32, tcpi_notsent_bytes: u32, tcpi_min_rtt: u32,
    tcpi_data_segs_in: u32, tcpi_data_segs_out: u32, tcpi_delivery_rate: u64, tcpi_busy_time: u64,
    tcpi_rwnd_limited: u64, tcpi_sndbuf_limited: u64, tcpi_delivered: u32, tcpi_delivered_ce: u32,
    tcpi_bytes_sent: u64, tcpi_bytes_retrans: u64, tcpi_dsack_dups: u32, tcpi_reord_seen: u32,
    tcpi_rcv_ooopack: u32, tcpi_snd_wnd: u32, tcpi_rcv_wnd: u32, tcpi_rehash: u32, tcpi_total_rto: u16,
    tcpi_total_rto_recoveries: u16, tcpi_total_rto_time: u32,
];

/// What Linux 6.18 has behind the members that we have names for, 32 bits each.
const ACCURATE_ECN: [&str; 7] = [
    "tcpi_received_ce",
    "tcpi_delivered_e1_bytes",
    "tcpi_delivered_e0_bytes",
    "tcpi_delivered_ce_bytes",
    "tcpi_received_e1_bytes",
    "tcpi_received_e0_bytes",
    "tcpi_received_ce_bytes",
];

/// Members of less than an octet: name, in which octet, from which bit on, how many bits.
const BITS: &[(&str, usize, u8, u8)] = &[
    ("tcpi_snd_wscale", offset_of!(tcp_info, _bitfield_1), 0, 4),
    ("tcpi_rcv_wscale", offset_of!(tcp_info, _bitfield_1), 4, 4),
    ("tcpi_delivery_rate_app_limited", offset_of!(tcp_info, _bitfield_1) + 1, 0, 1),
    ("tcpi_fastopen_client_fail", offset_of!(tcp_info, _bitfield_1) + 1, 1, 2),
];

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
    fn members_have_the_values_that_their_names_say() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut receiver, _) = listener.accept().unwrap();
        sender.write_all(&[7; 5_000]).unwrap();
        receiver.read_exact(&mut [0; 5_000]).unwrap();
        let (all, told) = (fields(&sender).unwrap(), ask(&sender).unwrap());
        let value = |name: &str| all.iter().find(|(known, _)| *known == name).unwrap().1;
        assert_eq!((value("tcpi_state"), value("tcpi_bytes_sent")), (1, 5_000));
        assert_eq!(value("tcpi_snd_cwnd"), i64::from(told.cwnd));
        assert_eq!(value("tcpi_snd_mss"), i64::from(told.segment_size));
        assert!((1..=14).contains(&value("tcpi_snd_wscale")) && (1..=14).contains(&value("tcpi_rcv_wscale")));
        assert!(fields(UdpSocket::bind("127.0.0.1:0").unwrap()).is_err());
    }

    #[test]
    fn what_is_no_tcp_socket_is_refused() {
        assert!(ask(UdpSocket::bind("127.0.0.1:0").unwrap()).is_err());
    }
}
