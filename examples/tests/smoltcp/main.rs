//! smoltcp as the peer: another stack in user space, by other people. Ours and theirs are joined by memory, on virtual time,
//! over good links and bad ones.
//!
//! ```text
//!    Host ─ Driver ─ Impaired<Memory> ══ Memory ─ Phy ─ smoltcp::Interface
//! ```

mod phy;
mod world;

use device::impair::Profile;
use env::Duration;
use smoltcp::socket::tcp::State as Theirs;
use tcp::{ConnectionError, ReceiveError, State};
use world::{Opener, World};

/// Links on which everything has to work.
fn links() -> [(&'static str, Profile); 3] {
    let delay = Duration::from_millis(5);
    let slow = Profile { delay, ..Profile::default() };
    [
        ("good", Profile::default()),
        ("slow, and one packet in 50 lost", Profile { loss: 0.02, ..slow.clone() }),
        ("everything at once", Profile { loss: 0.02, reorder: 0.05, duplicate: 0.05, corrupt: 0.01, ..slow }),
    ]
}

/// Every link, both IP versions, and either end opening.
fn everywhere(mut body: impl FnMut(&mut World)) {
    for (name, link) in links() {
        for v6 in [false, true] {
            for opener in [Opener::Ours, Opener::Theirs] {
                println!("{name}, IPv6 {v6}, opened by {opener:?}");
                body(&mut World::opened(&link, v6, opener));
            }
        }
    }
}

#[test]
fn both_send_at_once_and_every_octet_arrives() {
    let mut lost = 0;
    everywhere(|world| {
        world.exchange(300_000, 200_000);
        lost += world.lost();
        let (ours, theirs) = (world.sums_of_ours(), world.sums_of_theirs());
        assert_eq!(ours, theirs, "SHA-256 of what was sent, and of what arrived");
    });
    assert!(lost > 20, "the bad links lost only {lost} packets");
}

#[test]
fn a_half_close_leaves_the_other_direction_open() {
    everywhere(|world| {
        // We say all and close; they hear the end, and only then begin.
        world.exchange(10_000, 0);
        world.close_ours();
        world.until("they know that we are done", |world| !world.theirs().may_recv());
        assert_eq!(world.theirs().state(), Theirs::CloseWait);
        world.exchange(0, 150_000);
        assert_eq!(world.sums_of_ours(), world.sums_of_theirs());
        world.theirs().close();
        world.until("we know that they are done", |world| world.receive() == Err(ReceiveError::Finished));
        world.until("they are closed", |world| world.theirs().state() == Theirs::Closed);
        assert!(matches!(world.state(), State::TimeWait | State::Closed), "{:?}", world.state());
        world.until("TIME-WAIT is over", |world| world.state() == State::Closed);
    });
}

#[test]
fn their_close_first_and_ours_after_it() {
    everywhere(|world| {
        world.theirs().close();
        world.until("we know that they are done", |world| world.receive() == Err(ReceiveError::Finished));
        assert_eq!(world.state(), State::CloseWait);
        world.exchange(100_000, 0);
        assert_eq!(world.sums_of_ours(), world.sums_of_theirs());
        world.close_ours();
        world.until("they wait for strays", |world| {
            matches!(world.theirs().state(), Theirs::TimeWait | Theirs::Closed)
        });
        world.until("nothing of it is left here", |world| world.state() == State::Closed);
    });
}

#[test]
fn a_reset_is_known_at_the_other_end() {
    let link = Profile::default(); // An RST that is lost is not sent again.
    for v6 in [false, true] {
        for opener in [Opener::Ours, Opener::Theirs] {
            let mut world = World::opened(&link, v6, opener);
            world.exchange(1000, 1000);
            world.theirs().abort();
            let reset = Err(ReceiveError::Closed(ConnectionError::Reset));
            world.until("we know of their reset", |world| world.receive() == reset);

            let mut world = World::opened(&link, v6, opener);
            world.exchange(1000, 1000);
            world.abort_ours();
            world.until("they know of our reset", |world| world.theirs().state() == Theirs::Closed);
        }
    }
}

#[test]
fn nobody_listens_at_either_end() {
    for v6 in [false, true] {
        let mut world = World::new(&Profile::default(), v6);
        world.connect(81);
        let refused = Err(ReceiveError::Closed(ConnectionError::Refused));
        world.until("we are refused", |world| world.receive() == refused);
        world.their_connect(81);
        world.until("they are refused", |world| world.theirs().state() == Theirs::Closed);
    }
}

#[test]
fn datagrams_go_both_ways() {
    for v6 in [false, true] {
        let mut world = World::new(&Profile::default(), v6);
        world.datagrams(&[0, 1, 1000, 1452]);
    }
}
