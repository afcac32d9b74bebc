//! Neighbours: which link address an IP address has on an Ethernet (RFC 826, RFC 4861).

mod cache;

pub(crate) use cache::Cache;
