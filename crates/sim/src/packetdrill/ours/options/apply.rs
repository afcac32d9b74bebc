//! What options come to in the stack: settings before there is a connection, changes once there is one.

use super::Options;
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::calls::{Stop, refuse};
use crate::packetdrill::ours::machine::Machine;
use crate::packetdrill::ours::socket::Stage;
use crate::packetdrill::setup::Settings;
use crate::packetdrill::subject::{Fd, Refusal};
use env::Duration;
use stack::ConnectionId;
use std::sync::Arc;
use tcp::{KeepAlive, TcpConfig};
use wire::Mss;

impl Options {
    /// The settings of a connection that is opened with these options.
    pub(in crate::packetdrill::ours) fn config(&self, settings: &Settings) -> Result<TcpConfig, Refusal> {
        let impossible =
            |why: &dyn std::fmt::Display| Refusal::because(format!("a connection can't be so: {why}"));
        let mut tcp = settings.tcp()?.nagle(!self.no_delay).dont_fragment(self.mtu_discover != 0);
        if let Some(octets) = self.receive_buffer {
            tcp = tcp.receive_buffer(octets.max(2_048)).map_err(|why| impossible(&why))?;
        }
        if self.max_segment != 0 {
            tcp = tcp.mss_limit(Some(Mss::new(self.max_segment)));
        }
        if let Some(retries) = self.syn_count {
            tcp = tcp.syn_timeout(settings.open_for(retries));
        }
        if self.user_timeout != 0 {
            tcp = tcp.user_timeout(Duration::from_millis(self.user_timeout.into()));
        }
        if let Some(algorithm) = self.congestion {
            tcp = tcp.congestion(algorithm);
        }
        tcp.keep_alive(self.probing()).map_err(|why| impossible(&why))
    }

    fn probing(&self) -> Option<KeepAlive> {
        self.keep_alive.then(|| KeepAlive {
            idle: Duration::from_secs(self.keep_idle.into()),
            interval: Duration::from_secs(self.keep_interval.into()),
            probes: self.keep_count,
            garbage_octet: false,
        })
    }

    fn lingers(&self) -> Option<Duration> {
        let (on, seconds) = self.linger;
        on.then(|| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }

    /// What is not settled by the settings that a connection began with.
    pub(in crate::packetdrill::ours) fn apply(&self, machine: &mut Machine, id: ConnectionId) {
        machine.call(|host, now| {
            host.tcp_set_linger(id, self.lingers());
            if self.cork {
                host.tcp_set_cork(now, id, true);
            }
        });
    }
}

impl Kernel {
    /// An option was set: whatever there is already follows.
    pub(super) fn options_changed(&mut self, fd: Fd) -> Result<(), Stop> {
        let socket = self.socket(fd)?;
        let options = socket.options.clone();
        match socket.stage {
            Stage::Open(id) => self.change_connection(id, &options),
            Stage::Datagram(id) => {
                self.machine.call(|host, _| {
                    if let Some(settings) = host.udp_options_mut(id) {
                        settings.ttl = options.ttl;
                        settings.dscp = options.tos >> 2;
                        settings.ecn = wire::Ecn::from_bits(options.tos);
                        settings.broadcast = options.broadcast;
                        settings.dont_fragment = options.mtu_discover == 2;
                        if let Some(octets) = options.receive_buffer {
                            settings.receive_limit = octets as usize;
                        }
                    }
                });
                Ok(())
            }
            Stage::Listening(id) => {
                let config = Arc::new(options.config(&self.settings)?);
                self.machine.call(|host, _| host.tcp_listener_config(id, config));
                Ok(())
            }
            Stage::Fresh(_) | Stage::Over(_) => Ok(()),
        }
    }

    fn change_connection(&mut self, id: ConnectionId, options: &Options) -> Result<(), Stop> {
        let old = self.machine.host().tcp_options(id);
        let receive = options.receive_buffer.map(|octets| octets.max(2_048));
        let probing = options.probing();
        let opening = options.syn_count.map(|retries| self.settings.open_for(retries));
        let changed = self.machine.call(|host, now| {
            let Some(old) = old else { return Ok(()) };
            if old.settings.nagle == options.no_delay {
                host.tcp_set_nagle(now, id, !options.no_delay);
            }
            host.tcp_set_cork(now, id, options.cork);
            if let Some(timeout) = opening {
                host.tcp_set_syn_timeout(now, id, timeout);
            }
            if old.settings.keep_alive != probing {
                host.tcp_set_keep_alive(now, id, probing)?;
            }
            if options.user_timeout != 0 {
                host.tcp_set_user_timeout(now, id, Duration::from_millis(options.user_timeout.into()));
            }
            let receive = receive.filter(|octets| *octets != old.settings.receive_buffer);
            if receive.is_some() {
                host.tcp_set_buffers(now, id, None, receive)?;
            }
            host.tcp_set_linger(id, options.lingers());
            host.tcp_set_marks(id, options.ttl, Some(options.tos >> 2));
            Ok(())
        });
        changed.map_err(|why: tcp::ConfigError| refuse(format!("a connection can't be so: {why}")))
    }
}
