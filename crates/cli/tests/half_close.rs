//! A half-close that is held for longer than any timer of ours, on virtual time.

use sim::{Duration, Pair};
use stack::{ConnectOptions, ListenConfig};
use tcp::{SendFlags, State};

/// Covers: RFC 9293 MUST-12
#[test]
fn a_half_closed_connection_carries_data_after_thirty_seconds_and_after_a_day() {
    for (v6, hold) in [(false, 30), (true, 30), (false, 24 * 3600), (true, 24 * 3600)] {
        let mut pair = Pair::new(3);
        let (server, client, at) = (pair.server, pair.client, Pair::server_at(v6, 80));
        let listener =
            pair.world.call(server, |host, now| host.tcp_listen(now, at, ListenConfig::default()).unwrap());
        let ours =
            pair.world.call(client, |host, now| host.tcp_connect(now, ConnectOptions::to(at)).unwrap());
        pair.world.run_for(Duration::from_secs(1));
        let (theirs, _) = pair.world.call(server, |host, _| host.tcp_accept(listener).unwrap());
        pair.world.call(client, |host, now| {
            host.tcp_send(now, ours, b"the question".into(), SendFlags::default()).unwrap();
            host.tcp_close(now, ours).unwrap();
        });
        pair.world.run_for(Duration::from_secs(hold));
        assert_eq!(pair.world.host(client).tcp_state(ours), State::FinWait2);
        assert_eq!(pair.world.host(server).tcp_state(theirs), State::CloseWait);
        let question = pair.world.call(server, |host, now| {
            let question = host.tcp_receive(now, theirs, 100).unwrap();
            host.tcp_send(now, theirs, b"the answer".into(), SendFlags::default()).unwrap();
            host.tcp_close(now, theirs).unwrap();
            question
        });
        assert_eq!(&question.data[..], b"the question");
        pair.world.run_for(Duration::from_secs(1));
        let answer = pair.world.call(client, |host, now| host.tcp_receive(now, ours, 100).unwrap());
        assert_eq!(&answer.data[..], b"the answer");
    }
}
