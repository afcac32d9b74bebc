//! No octets can make the reader of recordings, or a host that replays one, panic, hang or grow without bound: also not
//! those of a file whose checksums are right and whose values nobody would write.

extern crate handfast_record as record;

mod exercise;
mod seeds;

use proptest::prelude::*;

#[test]
fn what_mutations_begin_with_is_replayed_to_its_end() {
    for seed in seeds::all() {
        let came = exercise::replay(&seed);
        assert!(came.opened && came.inputs > 30 && came.frames > 0, "{came:?}");
    }
}

#[test]
fn settings_that_nobody_could_have_made_are_refused() {
    let head = String::from_utf8(exercise::head(false)).unwrap();
    for (usual, wild) in [
        (r#""initial_window":10"#, r#""initial_window":0"#),
        (r#""msl":{"secs":30"#, r#""msl":{"secs":0"#),
        (r#""send_buffer":1048576"#, r#""send_buffer":4294967295"#),
        (r#""hop_limit":64"#, r#""hop_limit":0"#),
    ] {
        let changed = head.replacen(usual, wild, 1);
        assert_ne!(changed, head, "{usual}");
        let file = exercise::file(changed.as_bytes(), &[]);
        let refused = record::Replay::open(&file[..]);
        assert!(matches!(refused, Err(record::ReplayError::Config(_))), "{wild}");
    }
    // 10.0.0.1/32, and a bit more.
    assert!(postcard::from_bytes::<stack::Cidr>(&[0, 10, 0, 0, 1, 32]).is_ok());
    assert!(postcard::from_bytes::<stack::Cidr>(&[0, 10, 0, 0, 1, 33]).is_err());
}

/// Found by fuzzing: a host puts a frame together before it looks at it.
#[test]
fn a_frame_larger_than_any_is_refused() {
    let mut out = vec![0, 0, 0, 0, 0, 0, 0, 0, 0];
    // Held, and two chunks: 2^28 octets of which none is there.
    out.extend([0, 2, 0x80, 0x80, 0x80, 0x40, 0x80, 0x80, 0x80, 0x40, 0]);
    let file = exercise::file(&exercise::head(false), &out);
    let read = record::Recording::open(&file[..]).unwrap().next_entry();
    assert!(matches!(read, Err(record::Unreadable::Damaged(_))), "{read:?}");
}

proptest! {
    #[test]
    fn a_recording_with_changed_octets_is_refused_or_harmless(
        which in 0..6usize, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = seeds::all().swap_remove(which);
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        exercise::replay(&octets);
        octets.truncate(cut.index(octets.len()) + 1);
        exercise::replay(&octets);
    }
}
