//! What hosts of random worlds have recorded, given to other hosts, makes the same frames; and what was touched is found out.

use handfast_sim::swarm::{Options, record};
use handfast_sim::{Record, Recorded};
use record::{Done, End, Replay, ReplayError, Unreadable};

fn replay(file: &[u8]) -> Result<Done, ReplayError> {
    let mut replay = Replay::open(file)?;
    while replay.step()?.is_some() {}
    Ok(*replay.done())
}

/// The recordings of one random world that held.
fn recorded(seed: u64, what: Record) -> Vec<Recorded> {
    let (result, recorded) = record(seed, what, &Options::default());
    assert!(result.is_ok(), "seed {seed}: {result:?}");
    assert!(recorded.len() >= 2, "both hosts");
    recorded
}

/// Loss, reordering, duplication, corruption, restarts, many connections, datagrams, both IP versions, Ethernet, trains:
/// whatever the swarm draws.
#[test]
fn random_worlds_are_replayed_frame_by_frame() {
    let mut total = Done::default();
    for seed in 0..200 {
        let what = if seed % 2 == 0 { Record::Payload } else { Record::Headers };
        for Recorded { host, boots, file } in recorded(seed, what) {
            let done = replay(&file).unwrap_or_else(|why| {
                panic!("seed {seed}, {host} after {boots} restarts, {what:?}: {why}");
            });
            assert_eq!((done.end, done.asked_otherwise), (Some(End::Whole), None), "seed {seed}");
            total.inputs += done.inputs;
            total.frames += done.frames;
        }
    }
    println!("{total:?}");
    assert!(total.inputs > 100_000 && total.frames > 30_000, "{total:?}");
}

/// A file that was cut is replayed up to there.
#[test]
fn a_cut_file_is_replayed_as_far_as_it_goes() {
    let Recorded { file, .. } = recorded(3, Record::Headers).swap_remove(1);
    let whole = replay(&file).unwrap();
    let cut = replay(&file[..file.len() - 1]).unwrap();
    assert_eq!((cut.end, cut.inputs, cut.frames), (Some(End::Cut), whole.inputs, whole.frames));
    // In the middle of the only block: nothing of it is believed.
    let cut = replay(&file[..file.len() - 100]).unwrap();
    assert_eq!((cut.end, cut.inputs), (Some(End::Cut), 0));
    assert_eq!(replay(&file[..9]).unwrap_err(), ReplayError::Unreadable(Unreadable::NotARecording));
    assert_eq!(replay(&file[..60]).unwrap_err(), ReplayError::Unreadable(Unreadable::Head));
}

/// One octet that is not as it was written is noticed, wherever it is.
#[test]
fn a_changed_octet_is_noticed_and_located() {
    let Recorded { file, .. } = recorded(3, Record::Headers).swap_remove(1);
    let damaged = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 1;
        match replay(&file) {
            Err(ReplayError::Unreadable(why)) => why,
            other => panic!("octet {at}: {other:?}"),
        }
    };
    let head = 14 + u32::from_be_bytes(file[10..14].try_into().unwrap()) as usize + 4;
    assert_eq!(damaged(0), Unreadable::NotARecording);
    assert_eq!(damaged(9), Unreadable::Format(record::FORMAT ^ 1));
    assert_eq!(damaged(20), Unreadable::Head);
    for at in [head + 5, head + 9, head + 1_000, file.len() - 10] {
        assert_eq!(damaged(at), Unreadable::Damaged(head as u64), "octet {at}");
    }
}
