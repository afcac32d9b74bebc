//! What our SYN offers, and which answers are taken: segment sizes, options, a bare SYN.

use super::TcpConfig;
use wire::Mss;

impl TcpConfig {
    /// An upper bound for segments both ways, beside what the path and the peer allow. Default none.
    #[must_use]
    pub fn mss_limit(self, limit: Option<Mss>) -> Self {
        Self { mss_limit: limit, ..self }
    }

    /// An upper bound for what a [SYN cookie](crate::listener::Cookies) says of the peer's segment size, which it rounds down in
    /// any case. Default none: jumbo frames outlive a flood. Linux remembers 1460 octets over IPv4 at the most.
    #[must_use]
    pub fn cookie_mss_limit(self, limit: Option<Mss>) -> Self {
        Self { cookie_mss_limit: limit, ..self }
    }

    /// Window scaling (RFC 7323 §2). Default on.
    #[must_use]
    pub fn window_scaling(self, on: bool) -> Self {
        Self { window_scaling: on, ..self }
    }

    /// Timestamps and PAWS (RFC 7323 §3, §5). Default on.
    #[must_use]
    pub fn timestamps(self, on: bool) -> Self {
        Self { timestamps: on, ..self }
    }

    /// Whether segments count that have no timestamp although timestamps were agreed on, as Linux has it: for paths that
    /// strip the option from some. Default no (RFC 7323 §3.2, 7323-14); PAWS protects nobody from what has none.
    #[must_use]
    pub fn lacking_timestamps(self, taken: bool) -> Self {
        Self { lacking_timestamps: taken, ..self }
    }

    /// Selective acknowledgment (RFC 2018). Default on.
    #[must_use]
    pub fn sack(self, on: bool) -> Self {
        Self { sack: on, ..self }
    }

    /// Whether a bare SYN may answer ours (RFC 9293 MUST-10). Default yes; a policy may refuse it.
    #[must_use]
    pub fn simultaneous_open(self, allow: bool) -> Self {
        Self { simultaneous_open: allow, ..self }
    }
}
