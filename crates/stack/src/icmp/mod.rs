//! ICMP of both versions.
