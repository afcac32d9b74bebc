//! Ping.

use super::net::{B, Net, events, ip, pattern};
use handfast_stack::{Account, Drop, EchoError, EchoSend, HostEvent, SendFailure};
use wire::Payload;

/// Covers: RFC 792 792-1, 792-10; RFC 4443 4443-16
#[test]
fn ping_comes_back_with_its_data_its_ttl_and_when_it_came() {
    for destination in B {
        let mut net = Net::new();
        let (one, two) = (net.a.echo_open().unwrap(), net.a.echo_open().unwrap());
        assert_ne!(net.a.echo_identifier(one), net.a.echo_identifier(two));
        for (sequence, size) in [(1, 0), (2, 56), (3, 1_472), (u16::MAX, 20_000)] {
            net.a.echo_send(net.now, one, EchoSend::new(ip(destination), sequence, pattern(size))).unwrap();
            net.run();
            assert_eq!(events(&mut net.a), [HostEvent::EchoReadable(one)]);
            let reply = net.a.echo_receive(one).unwrap();
            assert_eq!((reply.from, reply.sequence, reply.ttl), (ip(destination), sequence, 64));
            assert_eq!((reply.data.to_vec(), reply.arrived), (pattern(size), net.now));
        }
        assert_eq!((net.a.echo_receive(one), net.a.echo_receive(two)), (None, None));
        assert!(net.a.echo_close(one) && !net.a.echo_close(one));
        let late = EchoSend::new(ip(destination), 5, b"late");
        assert_eq!(net.a.echo_send(net.now, one, late.clone()), Err(EchoError::NoSocket));
        net.a.echo_send(net.now, two, late).unwrap();
        assert!(net.a.echo_close(two));
        net.run();
        assert_eq!(net.a.counters().dropped(Drop::EchoNoSocket), 1);
        assert_eq!(net.a.budget().held_for(Account::Echo), 0);
        let three = net.a.echo_open().unwrap();
        let nowhere = EchoSend::new(ip("192.0.2.1"), 1, Payload::EMPTY);
        assert_eq!(net.a.echo_send(net.now, three, nowhere), Err(EchoError::Send(SendFailure::NoRoute)));
    }
}
