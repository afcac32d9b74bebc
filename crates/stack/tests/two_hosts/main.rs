//! Two hosts on one link, and what goes between them.

mod echo;
mod multicast;
mod neighbours;
mod net;
mod udp;
mod udp_calls;
