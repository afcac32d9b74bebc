//! The scenes, in the order in which they are best seen.
//!
//! A scene is a text that says what to look for, a script of calls and faults, and what is to be said at the end. To add
//! one, write a file beside these and name it below: its snapshots in every language follow.

mod abort;
mod blind_reset;
mod corrupt;
mod delayed_ack;
mod half_open;
mod handshake;
mod lost_data;
mod lost_last_ack;
mod lost_syn;
mod lost_syn_ack;
mod old_duplicate_syn;
mod ports;
mod refused;
mod reordering;
mod self_connect;
mod silence;
mod simultaneous_close;
mod simultaneous_open;
mod syn_flood;
mod tcp_vs_udp;
mod three_segment_close;
mod udp;
mod zero_window;

use super::scene::{Scene, Text};
use super::stage::PORT;
use device::impair::Verdict;

/// Every scene.
pub(super) const ALL: &[Scene] = &[
    handshake::SCENE,
    three_segment_close::SCENE,
    lost_syn::SCENE,
    lost_syn_ack::SCENE,
    lost_data::SCENE,
    reordering::SCENE,
    corrupt::SCENE,
    delayed_ack::SCENE,
    zero_window::SCENE,
    lost_last_ack::SCENE,
    refused::SCENE,
    abort::SCENE,
    half_open::SCENE,
    silence::SCENE,
    simultaneous_open::SCENE,
    simultaneous_close::SCENE,
    self_connect::SCENE,
    old_duplicate_syn::SCENE,
    blind_reset::SCENE,
    syn_flood::SCENE,
    ports::SCENE,
    udp::SCENE,
    tcp_vs_udp::SCENE,
];

/// A verdict for scenes in which certain packets are lost.
fn drop_if(lost: bool) -> Verdict {
    if lost { Verdict::Drop } else { Verdict::Pass }
}
