//! Linux's numbers under the names that scripts use.
//!
//! ```text
//!   setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = -1 EINVAL      number("SOL_TCP") = 6
//!                 └──────────┴──────────────────────┘            Errno(22).name() = "EINVAL"
//! ```
//!
//! A subject under Linux needs no translation; any other finds here what it is asked for. The names are Linux's, and say all
//! there is to say: none is described.
#![allow(missing_docs)]

use super::subject::Errno;

/// The number of a name; `NULL` is zero.
pub fn number(name: &str) -> Option<i64> {
    let known = || NUMBERS.iter().find(|(known, _)| *known == name).map(|&(_, value)| value);
    let error = || ERRORS.iter().find(|(known, _)| *known == name).map(|&(_, value)| i64::from(value.0));
    match name {
        "NULL" => Some(0),
        "EWOULDBLOCK" => Some(i64::from(EAGAIN.0)),
        "ENOTSUP" => Some(i64::from(EOPNOTSUPP.0)),
        "EDEADLOCK" => Some(i64::from(EDEADLK.0)),
        _ => known().or_else(error),
    }
}

/// Whether Linux says something of a connection by this name, in `TCP_INFO` or in what its congestion control tells.
pub fn is_said(name: &str) -> bool {
    let field = name.strip_prefix("tcpi_").is_some_and(|field| INFO.contains(&field));
    field || CONTROLLERS.contains(&name)
}

impl Errno {
    /// The name of an error, if it has one.
    pub fn name(self) -> Option<&'static str> {
        ERRORS.iter().find(|(_, value)| *value == self).map(|&(name, _)| name)
    }
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

/// Names of bits, for telling what a set of them holds: `POLLIN|POLLOUT`, and what is left as a number.
pub fn bits(value: i64, prefix: &str) -> String {
    let mut left = value;
    let mut said = Vec::new();
    for (name, bit) in NUMBERS {
        let starts = name.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with('_'));
        if starts && *bit != 0 && left & bit == *bit {
            left &= !bit;
            said.push((*name).to_owned());
        }
    }
    if left != 0 || said.is_empty() {
        said.push(if left == 0 { "0".to_owned() } else { format!("{left:#x}") });
    }
    said.join("|")
}

macro_rules! numbers {
    ($(#[$doc:meta])* $table:ident: $type:ty, $wrap:expr; $($name:ident = $value:literal,)*) => {
        $(#[allow(non_upper_case_globals)] pub const $name: $type = $wrap($value);)*
        $(#[$doc])*
        const $table: &[(&str, $type)] = &[$((stringify!($name), $name),)*];
    };
}

const fn plain(value: i64) -> i64 {
    value
}

#[rustfmt::skip]
numbers! {
    /// All but errors.
    NUMBERS: i64, plain;
    // levels
    SOL_IP = 0, SOL_SOCKET = 1, SOL_TCP = 6, SOL_UDP = 17, SOL_IPV6 = 41,
    // families, kinds, protocols
    AF_UNSPEC = 0, AF_INET = 2, AF_INET6 = 10, PF_INET = 2, PF_INET6 = 10, SOCK_STREAM = 1, SOCK_DGRAM = 2,
    SOCK_RAW = 3, SOCK_NONBLOCK = 0o4000, SOCK_CLOEXEC = 0o2000000, IPPROTO_IP = 0, IPPROTO_ICMP = 1, IPPROTO_TCP = 6,
    IPPROTO_UDP = 17, IPPROTO_IPV6 = 41, IPPROTO_ICMPV6 = 58, IPPROTO_MPTCP = 262,
    // SOL_SOCKET
    SO_DEBUG = 1, SO_REUSEADDR = 2, SO_TYPE = 3, SO_ERROR = 4, SO_DONTROUTE = 5, SO_BROADCAST = 6, SO_SNDBUF = 7,
    SO_RCVBUF = 8, SO_KEEPALIVE = 9, SO_OOBINLINE = 10, SO_NO_CHECK = 11, SO_PRIORITY = 12, SO_LINGER = 13,
    SO_BSDCOMPAT = 14, SO_REUSEPORT = 15, SO_RCVLOWAT = 18, SO_SNDLOWAT = 19, SO_RCVTIMEO = 20, SO_SNDTIMEO = 21,
    SO_BINDTODEVICE = 25, SO_PEERNAME = 28, SO_TIMESTAMP = 29, SO_ACCEPTCONN = 30, SO_SNDBUFFORCE = 32,
    SO_RCVBUFFORCE = 33, SO_MARK = 36, SO_TIMESTAMPING = 37, SO_PROTOCOL = 38, SO_DOMAIN = 39,
    SO_MAX_PACING_RATE = 47, SO_MEMINFO = 55, SO_ZEROCOPY = 60,
    SO_PASSCRED = 16, SO_PEERCRED = 17, SO_ATTACH_FILTER = 26, SO_DETACH_FILTER = 27, SO_PEERSEC = 31,
    SO_PASSSEC = 34, SO_TIMESTAMPNS = 35, SO_RXQ_OVFL = 40, SO_WIFI_STATUS = 41, SO_PEEK_OFF = 42, SO_NOFCS = 43,
    SO_LOCK_FILTER = 44, SO_SELECT_ERR_QUEUE = 45, SO_BUSY_POLL = 46, SO_BPF_EXTENSIONS = 48, SO_INCOMING_CPU = 49,
    SO_ATTACH_BPF = 50, SO_ATTACH_REUSEPORT_CBPF = 51, SO_ATTACH_REUSEPORT_EBPF = 52, SO_CNX_ADVICE = 53,
    SO_INCOMING_NAPI_ID = 56, SO_COOKIE = 57, SO_PEERGROUPS = 59, SO_TXTIME = 61, SO_BINDTOIFINDEX = 62,
    SO_DETACH_REUSEPORT_BPF = 68, SO_PREFER_BUSY_POLL = 69, SO_BUSY_POLL_BUDGET = 70, SO_NETNS_COOKIE = 71,
    SO_BUF_LOCK = 72, SO_RESERVE_MEM = 73, SO_TXREHASH = 74, SO_RCVMARK = 75,
    // SOL_TCP
    TCP_NODELAY = 1, TCP_MAXSEG = 2, TCP_CORK = 3, TCP_KEEPIDLE = 4, TCP_KEEPINTVL = 5, TCP_KEEPCNT = 6,
    TCP_SYNCNT = 7, TCP_LINGER2 = 8, TCP_DEFER_ACCEPT = 9, TCP_WINDOW_CLAMP = 10, TCP_INFO = 11, TCP_QUICKACK = 12,
    TCP_CONGESTION = 13, TCP_MD5SIG = 14, TCP_THIN_LINEAR_TIMEOUTS = 16, TCP_THIN_DUPACK = 17, TCP_USER_TIMEOUT = 18,
    TCP_REPAIR = 19, TCP_FASTOPEN = 23, TCP_TIMESTAMP = 24, TCP_NOTSENT_LOWAT = 25, TCP_CC_INFO = 26,
    TCP_SAVE_SYN = 27, TCP_SAVED_SYN = 28, TCP_FASTOPEN_CONNECT = 30, TCP_ULP = 31, TCP_MD5SIG_EXT = 32,
    TCP_FASTOPEN_KEY = 33, TCP_FASTOPEN_NO_COOKIE = 34, TCP_ZEROCOPY_RECEIVE = 35, TCP_INQ = 36, TCP_CM_INQ = 36,
    TCP_TX_DELAY = 37,
    TCP_COOKIE_TRANSACTIONS = 15, TCP_REPAIR_QUEUE = 20, TCP_QUEUE_SEQ = 21, TCP_REPAIR_OPTIONS = 22,
    TCP_REPAIR_WINDOW = 29, TCP_AO_ADD_KEY = 38, TCP_AO_DEL_KEY = 39, TCP_AO_INFO = 40, TCP_AO_GET_KEYS = 41,
    TCP_AO_REPAIR = 42, TCP_IS_MPTCP = 43, TCP_RTO_MAX_MS = 44, TCP_RTO_MIN_US = 45, TCP_DELACK_MAX_US = 46,
    // SOL_IP, SOL_IPV6
    IP_TOS = 1, IP_TTL = 2, IP_OPTIONS = 4, IP_PKTINFO = 8, IP_MTU_DISCOVER = 10, IP_RECVERR = 11, IP_RECVTTL = 12,
    IP_RECVTOS = 13, IP_MTU = 14, IP_FREEBIND = 15, IP_TRANSPARENT = 19, IP_MINTTL = 21, IP_PMTUDISC_DONT = 0,
    IP_PMTUDISC_WANT = 1, IP_PMTUDISC_DO = 2, IP_PMTUDISC_PROBE = 3, IP_PMTUDISC_INTERFACE = 4, IP_PMTUDISC_OMIT = 5,
    IPV6_UNICAST_HOPS = 16, IPV6_MTU_DISCOVER = 23, IPV6_MTU = 24, IPV6_RECVERR = 25, IPV6_V6ONLY = 26,
    IPV6_RECVHOPLIMIT = 51, IPV6_HOPLIMIT = 52, IPV6_DONTFRAG = 62, IPV6_RECVTCLASS = 66, IPV6_TCLASS = 67,
    IPV6_PMTUDISC_DONT = 0, IPV6_PMTUDISC_WANT = 1, IPV6_PMTUDISC_DO = 2, IPV6_PMTUDISC_PROBE = 3,
    IP_HDRINCL = 3, IP_ROUTER_ALERT = 5, IP_RECVOPTS = 6, IP_RETOPTS = 7, IP_PKTOPTIONS = 9, IP_PASSSEC = 18,
    IP_RECVORIGDSTADDR = 20, IP_NODEFRAG = 22, IP_CHECKSUM = 23, IP_BIND_ADDRESS_NO_PORT = 24, IP_RECVFRAGSIZE = 25,
    IP_RECVERR_RFC4884 = 26, IP_MULTICAST_IF = 32, IP_MULTICAST_TTL = 33, IP_MULTICAST_LOOP = 34,
    IP_ADD_MEMBERSHIP = 35, IP_DROP_MEMBERSHIP = 36, IP_UNICAST_IF = 50, IP_LOCAL_PORT_RANGE = 51, IPV6_ADDRFORM = 1,
    IPV6_CHECKSUM = 7, IPV6_FLOWINFO = 11, IPV6_MULTICAST_IF = 17, IPV6_MULTICAST_HOPS = 18,
    IPV6_MULTICAST_LOOP = 19, IPV6_ROUTER_ALERT = 22, IPV6_FLOWLABEL_MGR = 32, IPV6_FLOWINFO_SEND = 33,
    IPV6_RECVPKTINFO = 49, IPV6_PKTINFO = 50, IPV6_AUTOFLOWLABEL = 70, IPV6_MINHOPCOUNT = 73, IPV6_TRANSPARENT = 75,
    IPV6_UNICAST_IF = 76, IPV6_RECVFRAGSIZE = 77, IPV6_FREEBIND = 78, IPV6_PMTUDISC_INTERFACE = 4,
    IPV6_PMTUDISC_OMIT = 5,
    // messages
    MSG_OOB = 0x1, MSG_PEEK = 0x2, MSG_DONTROUTE = 0x4, MSG_CTRUNC = 0x8, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40,
    MSG_EOR = 0x80, MSG_WAITALL = 0x100, MSG_FIN = 0x200, MSG_SYN = 0x400, MSG_ERRQUEUE = 0x2000,
    MSG_NOSIGNAL = 0x4000, MSG_MORE = 0x8000, MSG_ZEROCOPY = 0x400_0000, MSG_FASTOPEN = 0x2000_0000,
    MSG_PROXY = 0x10, MSG_CONFIRM = 0x800, MSG_RST = 0x1000, MSG_WAITFORONE = 0x10000, MSG_BATCH = 0x40000,
    MSG_SOCK_DEVMEM = 0x200_0000, MSG_CMSG_CLOEXEC = 0x4000_0000,
    SO_EE_ORIGIN_NONE = 0, SO_EE_ORIGIN_LOCAL = 1, SO_EE_ORIGIN_ICMP = 2, SO_EE_ORIGIN_ICMP6 = 3,
    SO_EE_ORIGIN_TIMESTAMPING = 4, SO_EE_ORIGIN_ZEROCOPY = 5, SO_EE_CODE_ZEROCOPY_COPIED = 1, SCM_TIMESTAMPING = 37,
    SCM_TSTAMP_SND = 0, SCM_TSTAMP_SCHED = 1, SCM_TSTAMP_ACK = 2, SOF_TIMESTAMPING_TX_HARDWARE = 0x1,
    SOF_TIMESTAMPING_TX_SOFTWARE = 0x2, SOF_TIMESTAMPING_RX_HARDWARE = 0x4, SOF_TIMESTAMPING_RX_SOFTWARE = 0x8,
    SOF_TIMESTAMPING_SOFTWARE = 0x10, SOF_TIMESTAMPING_SYS_HARDWARE = 0x20, SOF_TIMESTAMPING_RAW_HARDWARE = 0x40,
    SOF_TIMESTAMPING_OPT_ID = 0x80, SOF_TIMESTAMPING_TX_SCHED = 0x100, SOF_TIMESTAMPING_TX_ACK = 0x200,
    SOF_TIMESTAMPING_OPT_CMSG = 0x400, SOF_TIMESTAMPING_OPT_TSONLY = 0x800, SOF_TIMESTAMPING_OPT_STATS = 0x1000,
    SOF_TIMESTAMPING_OPT_ID_TCP = 0x10000,
    // descriptors
    O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_NONBLOCK = 0o4000, F_GETFD = 1, F_SETFD = 2, F_GETFL = 3, F_SETFL = 4,
    SIOCINQ = 0x541b, FIONREAD = 0x541b, SIOCOUTQ = 0x5411, SIOCOUTQNSD = 0x894b, SIOCATMARK = 0x8905,
    FIONBIO = 0x5421, SHUT_RD = 0, SHUT_WR = 1, SHUT_RDWR = 2,
    // readiness
    POLLIN = 0x1, POLLPRI = 0x2, POLLOUT = 0x4, POLLERR = 0x8, POLLHUP = 0x10, POLLNVAL = 0x20, POLLRDNORM = 0x40,
    POLLRDBAND = 0x80, POLLWRNORM = 0x100, POLLWRBAND = 0x200, POLLMSG = 0x400, POLLRDHUP = 0x2000, EPOLLIN = 0x1,
    EPOLLPRI = 0x2, EPOLLOUT = 0x4, EPOLLERR = 0x8, EPOLLHUP = 0x10, EPOLLRDNORM = 0x40, EPOLLRDBAND = 0x80,
    EPOLLWRNORM = 0x100, EPOLLWRBAND = 0x200, EPOLLMSG = 0x400, EPOLLRDHUP = 0x2000, EPOLLEXCLUSIVE = 0x1000_0000,
    EPOLLWAKEUP = 0x2000_0000, EPOLLONESHOT = 0x4000_0000, EPOLLET = 0x8000_0000, EPOLL_CTL_ADD = 1,
    EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3,
    // what TCP_INFO says
    TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3, TCP_FIN_WAIT1 = 4, TCP_FIN_WAIT2 = 5, TCP_TIME_WAIT = 6,
    TCP_CLOSE = 7, TCP_CLOSE_WAIT = 8, TCP_LAST_ACK = 9, TCP_LISTEN = 10, TCP_CLOSING = 11, TCP_CA_Open = 0,
    TCP_CA_Disorder = 1, TCP_CA_CWR = 2, TCP_CA_Recovery = 3, TCP_CA_Loss = 4, TCPI_OPT_TIMESTAMPS = 1,
    TCPI_ECN_MODE_DISABLED = 0, TCPI_ECN_MODE_RFC3168 = 1, TCPI_ECN_MODE_ACCECN = 2,
    TCP_ACCECN_OPT_COUNTER_SEEN = 2, TCP_ACCECN_OPT_FAIL_SEND = 4,
    TCPI_OPT_SACK = 2, TCPI_OPT_WSCALE = 4, TCPI_OPT_ECN = 8, TCPI_OPT_ECN_SEEN = 16, TCPI_OPT_SYN_DATA = 32,
    TCPI_OPT_USEC_TS = 64, TCPI_OPT_TFO_CHILD = 128, TCP_INFINITE_SSTHRESH = 0x7fff_ffff,
}

#[rustfmt::skip]
numbers! {
    /// Errors.
    ERRORS: Errno, Errno;
EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8, EBADF = 9, ECHILD = 10,
    EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, ENOTBLK = 15, EBUSY = 16, EEXIST = 17, EXDEV = 18,
    ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOTTY = 25, ETXTBSY = 26,
    EFBIG = 27, ENOSPC = 28, ESPIPE = 29, EROFS = 30, EMLINK = 31, EPIPE = 32, EDOM = 33, ERANGE = 34, EDEADLK = 35,
    ENAMETOOLONG = 36, ENOLCK = 37, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40, ENOMSG = 42, EIDRM = 43, ECHRNG = 44,
    EL2NSYNC = 45, EL3HLT = 46, EL3RST = 47, ELNRNG = 48, EUNATCH = 49, ENOCSI = 50, EL2HLT = 51, EBADE = 52,
    EBADR = 53, EXFULL = 54, ENOANO = 55, EBADRQC = 56, EBADSLT = 57, EBFONT = 59, ENOSTR = 60, ENODATA = 61,
    ETIME = 62, ENOSR = 63, ENONET = 64, ENOPKG = 65, EREMOTE = 66, ENOLINK = 67, EADV = 68, ESRMNT = 69, ECOMM = 70,
    EPROTO = 71, EMULTIHOP = 72, EDOTDOT = 73, EBADMSG = 74, EOVERFLOW = 75, ENOTUNIQ = 76, EBADFD = 77, EREMCHG = 78,
    ELIBACC = 79, ELIBBAD = 80, ELIBSCN = 81, ELIBMAX = 82, ELIBEXEC = 83, EILSEQ = 84, ERESTART = 85, ESTRPIPE = 86,
    EUSERS = 87, ENOTSOCK = 88, EDESTADDRREQ = 89, EMSGSIZE = 90, EPROTOTYPE = 91, ENOPROTOOPT = 92,
    EPROTONOSUPPORT = 93, ESOCKTNOSUPPORT = 94, EOPNOTSUPP = 95, EPFNOSUPPORT = 96, EAFNOSUPPORT = 97,
    EADDRINUSE = 98, EADDRNOTAVAIL = 99, ENETDOWN = 100, ENETUNREACH = 101, ENETRESET = 102, ECONNABORTED = 103,
    ECONNRESET = 104, ENOBUFS = 105, EISCONN = 106, ENOTCONN = 107, ESHUTDOWN = 108, ETOOMANYREFS = 109,
    ETIMEDOUT = 110, ECONNREFUSED = 111, EHOSTDOWN = 112, EHOSTUNREACH = 113, EALREADY = 114, EINPROGRESS = 115,
    ESTALE = 116, EUCLEAN = 117, ENOTNAM = 118, ENAVAIL = 119, EISNAM = 120, EREMOTEIO = 121, EDQUOT = 122,
    ENOMEDIUM = 123, EMEDIUMTYPE = 124, ECANCELED = 125, ENOKEY = 126, EKEYEXPIRED = 127, EKEYREVOKED = 128,
    EKEYREJECTED = 129, EOWNERDEAD = 130, ENOTRECOVERABLE = 131, ERFKILL = 132, EHWPOISON = 133,
}

/// The fields of `struct tcp_info`, without `tcpi_`.
#[rustfmt::skip]
const INFO: &[&str] = &[
    "state", "ca_state", "retransmits", "probes", "backoff", "options", "snd_wscale", "rcv_wscale", "delivery_rate_app_limited",
    "fastopen_client_fail", "rto", "ato", "snd_mss", "rcv_mss", "unacked", "sacked", "lost", "retrans", "fackets",
    "last_data_sent", "last_ack_sent", "last_data_recv", "last_ack_recv", "pmtu", "rcv_ssthresh", "rtt", "rttvar", "snd_ssthresh",
    "snd_cwnd", "advmss", "reordering", "rcv_rtt", "rcv_space", "total_retrans", "pacing_rate", "max_pacing_rate", "bytes_acked",
    "bytes_received", "segs_out", "segs_in", "notsent_bytes", "min_rtt", "data_segs_in", "data_segs_out", "delivery_rate",
    "busy_time", "rwnd_limited", "sndbuf_limited", "delivered", "delivered_ce", "bytes_sent", "bytes_retrans", "dsack_dups",
    "reord_seen", "rcv_ooopack", "snd_wnd", "rcv_wnd", "rehash", "total_rto", "total_rto_recoveries", "total_rto_time",
    "received_ce", "delivered_e1_bytes", "delivered_e0_bytes", "delivered_ce_bytes", "received_e1_bytes", "received_e0_bytes",
    "received_ce_bytes", "ecn_mode", "accecn_opt_seen", "accecn_fail_mode", "options2",
];

/// What congestion controls tell (`TCP_CC_INFO`).
#[rustfmt::skip]
const CONTROLLERS: &[&str] = &[
    "tcpv_enabled", "tcpv_rttcnt", "tcpv_rtt", "tcpv_minrtt", "dctcp_enabled", "dctcp_ce_state", "dctcp_alpha", "dctcp_ab_ecn",
    "dctcp_ab_tot", "bbr_bw_lo", "bbr_bw_hi", "bbr_min_rtt", "bbr_pacing_gain", "bbr_cwnd_gain",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_numbers_and_errors_have_names() {
        let numbers = ["SOL_TCP", "EAGAIN", "EWOULDBLOCK", "NULL", "MSG_FASTOPEN", "TCP_CA_Loss"].map(number);
        assert_eq!(numbers, [Some(6), Some(11), Some(11), Some(0), Some(0x2000_0000), Some(4)]);
        assert_eq!(number("SO_NOTHING"), None);
        assert_eq!(
            (Errno(104).to_string(), Errno(9999).to_string()),
            ("ECONNRESET".into(), "errno 9999".into())
        );
    }

    #[test]
    fn sets_of_bits_are_told_by_their_names() {
        assert_eq!(bits(POLLIN | POLLOUT, "POLL"), "POLLIN|POLLOUT");
        assert_eq!(bits(EPOLLET | 0x800, "EPOLL"), "EPOLLET|0x800");
        assert_eq!(bits(0, "POLL"), "0");
    }
}
