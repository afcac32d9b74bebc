//! TCP on whole hosts: two of them back to back on virtual time, and one against segments written by hand.

extern crate handfast_stack as stack;

mod attacks;
mod bench;
mod close_orders;
mod flood;
mod icmp;
mod listen;
mod open;
mod rfc1191;
mod rfc6528;
mod rfc7413;
mod rfc9293;
mod socket;
mod storm;
mod time_wait;
