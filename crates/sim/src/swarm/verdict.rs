//! What a run must have come to.

use super::plan::{Ending, Kind, MOST_RTO};
use super::play::{BACK_OFF, Play};
use crate::Violation;
use env::Duration;
use tcp::ConnectionError;

/// Not everybody is done: says who.
pub(super) fn stuck(play: &Play, why: &str) -> Violation {
    let world = &play.pair.world;
    let waiting = play.users.iter().enumerate().filter(|(_, user)| !user.is_done()).map(|(n, user)| {
        let status = user.connection.and_then(|id| world.host(user.host).tcp_status(id));
        format!(
            "user {n} on {} ({:?}, wrote {} of {}, read {}, closed {}, finished {}, drained {}): {status:?}",
            user.host,
            user.kind,
            user.written,
            user.script.total,
            user.read,
            user.closed,
            user.finished,
            user.drained
        )
    });
    let waiting: Vec<String> = waiting.collect();
    play.violation("every user gets done on a link that has healed", format!("{why}: {}", waiting.join("; ")))
}

/// Whether the connection of user `n` ended at its end in another way than by both closing.
pub(super) fn was_cut(play: &Play, n: usize) -> bool {
    let user = &play.users[n];
    user.aborted || user.early || user.dead || user.error.is_some()
}

/// User `n` was told that its connection died: may it have?
pub(super) fn error(play: &Play, n: usize, why: ConnectionError) -> Result<(), Violation> {
    let (user, peer) = (&play.users[n], &play.users[n ^ 1]);
    let peer_cut_it = was_cut(play, n ^ 1);
    // A path that takes less, and says nothing, is found out at the third timeout.
    let search = if play.plan.routers_speak == [true; 2] { Duration::ZERO } else { MOST_RTO * 3 };
    let late = play.pair.world.now() > play.healed_at + BACK_OFF + search;
    let may = match why {
        ConnectionError::Aborted => user.aborted || user.early,
        ConnectionError::TimedOut => (play.plan.hostile && !late) || play.plan.restarts || peer.dead,
        ConnectionError::Reset => peer_cut_it || play.plan.hostile || play.plan.bakes_cookies(),
        // A SYN that comes before the other side has begun is refused.
        ConnectionError::Refused => user.kind == Kind::Simultaneous || play.plan.restarts,
        ConnectionError::OutOfMemory => {
            play.plan.pair.client.memory.min(play.plan.pair.server.memory) < 64 << 20
        }
        // Its neighbour did not answer while it opened.
        ConnectionError::Unreachable => play.plan.hostile && play.plan.pair.ethernet,
        _ => false,
    };
    if !may {
        let detail = format!("user {n} was told: {why}; hostile: {}", play.plan.hostile);
        return Err(play.violation("a connection dies only for a reason", detail));
    }
    Ok(())
}

/// Everybody is done: did everything arrive that should have?
pub(super) fn judge(play: &Play) -> Result<(), Violation> {
    for n in 0..play.users.len() {
        let user = &play.users[n];
        let writer = if user.kind == Kind::ToItself { user } else { &play.users[n ^ 1] };
        if user.connection.is_none() {
            continue;
        }
        if user.read > writer.written {
            let detail = format!("user {n} read {} octets of {}", user.read, writer.written);
            return Err(play.violation("nothing is read that was not written", detail));
        }
        // RFC 9293 §3.6 (9293-E39): the end of the stream comes after all of it.
        if user.finished && (user.read != writer.written || !writer.closed) {
            let detail = format!(
                "user {n} saw the end after {} of {} octets; writer closed: {}",
                user.read, writer.written, writer.closed
            );
            return Err(play.violation("the end of a stream comes after all of it", detail));
        }
        let reader_cut_it = user.aborted || user.early || user.dead || user.error.is_some();
        if writer.over && writer.error.is_none() && writer.drained && !user.finished && !reader_cut_it {
            let detail = format!("user {n} read {} of {} and never saw the end", user.read, writer.written);
            return Err(play.violation("what was acknowledged arrives", detail));
        }
    }
    calm(play)
}

/// On a link that is merely bad, connections whose users are patient end well.
fn calm(play: &Play) -> Result<(), Violation> {
    if play.plan.hostile || play.plan.bakes_cookies() {
        return Ok(());
    }
    for (n, talk) in play.plan.talks.iter().enumerate() {
        let patient =
            talk.scripts.iter().all(|script| matches!(script.ending, Ending::Close | Ending::CloseAfterPeer));
        let (a, b) = (&play.users[2 * n], &play.users[2 * n + 1]);
        if !patient || talk.kind != Kind::Usual {
            continue;
        }
        if !(a.finished && b.finished) || a.error.is_some() || b.error.is_some() {
            let detail = format!("talk {n}: {:?} {:?}, {} and {} read", a.error, b.error, a.read, b.read);
            return Err(play.violation("patient users on a passable link get everything", detail));
        }
    }
    Ok(())
}
