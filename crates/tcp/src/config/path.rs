//! The path: how large packets may be, and what routers' errors come to.

use super::TcpConfig;

impl TcpConfig {
    /// Whether the path's MTU is found by probing (RFC 4821, 8899). Default yes: where full segments vanish and no router
    /// says so, smaller ones go after about a second, and larger ones are tried again. Without it ICMP alone tells, and what
    /// it lowered is raised without a trial when the host forgets it.
    #[must_use]
    pub fn path_mtu_probing(self, on: bool) -> Self {
        Self { path_mtu_probing: on, ..self }
    }

    /// Whether IPv4 packets say that routers must not cut them, so that ICMP tells what the path takes (RFC 1191 §3). Default
    /// yes, on hosts that do so at all. Without it, what is too large for a link arrives in fragments, or not at all.
    #[must_use]
    pub fn dont_fragment(self, on: bool) -> Self {
        Self { dont_fragment: on, ..self }
    }

    /// Whether packets say so.
    pub fn forbids_fragments(&self) -> bool {
        self.dont_fragment
    }

    /// Whether soft errors are reported to the user. Default yes (RFC 9293 MUST-47, SHLD-20).
    #[must_use]
    pub fn soft_errors(self, report: bool) -> Self {
        Self { soft_errors: report, ..self }
    }

    /// Whether a soft error ends a connection that is still opening, as Linux has it: whoever has other addresses to try hears
    /// of it at once (RFC 5461 §4.1), and a route that is broken for a moment is believed to be broken. Default no (RFC 9293
    /// MUST-56). An open connection outlives it either way.
    #[must_use]
    pub fn soft_errors_end_opening(self, end: bool) -> Self {
        Self { soft_errors_end_opening: end, ..self }
    }
}
