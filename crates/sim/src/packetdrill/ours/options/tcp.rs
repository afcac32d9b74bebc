//! SOL_TCP.

use super::{Given, int, unknown};
use crate::packetdrill::linux::{
    EINVAL, ENOENT, EOPNOTSUPP, SOL_TCP, TCP_CONGESTION, TCP_CORK, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT,
    TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE, TCP_INQ, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG,
    TCP_NODELAY, TCP_NOTSENT_LOWAT, TCP_QUICKACK, TCP_SYNCNT, TCP_USER_TIMEOUT,
};
use crate::packetdrill::ours::Kernel;
use crate::packetdrill::ours::calls::{Stop, refuse};
use crate::packetdrill::ours::socket::Stage;
use crate::packetdrill::setup::{self, fast_open};
use crate::packetdrill::subject::{Errno, Fd};
use tcp::State;
use tcp::fast_open::{Key, Keys};

/// The least and the largest that TCP_MAXSEG takes.
const SEGMENTS: std::ops::RangeInclusive<i32> = 88..=32_767;

impl Kernel {
    pub(super) fn set_tcp_option(&mut self, fd: Fd, name: i64, given: &Given<'_>) -> Result<(), Stop> {
        let settings = &self.settings;
        if name == TCP_CONGESTION {
            let algorithm = setup::congestion(given.text()?).ok_or(ENOENT)?;
            let open = matches!(self.socket(fd)?.stage, Stage::Open(_));
            let current = self.socket(fd)?.options.congestion.unwrap_or(settings.congestion);
            if open && current != algorithm {
                return Err(refuse("another congestion control on an open connection"));
            }
            self.socket_mut(fd)?.options.congestion = Some(algorithm);
            return Ok(());
        }
        if name == TCP_FASTOPEN_KEY {
            self.socket_mut(fd)?.options.fast_open_keys = Some(keys(given.exactly(&[16, 32])?)?);
            return self.serve_early(fd).map(drop);
        }
        if !matches!(
            name,
            TCP_NODELAY
                | TCP_CORK
                | TCP_MAXSEG
                | TCP_KEEPIDLE
                | TCP_KEEPINTVL
                | TCP_KEEPCNT
                | TCP_SYNCNT
                | TCP_USER_TIMEOUT
                | TCP_NOTSENT_LOWAT
                | TCP_INQ
                | TCP_QUICKACK
                | TCP_FASTOPEN
                | TCP_FASTOPEN_NO_COOKIE
                | TCP_FASTOPEN_CONNECT
        ) {
            return Err(unknown(SOL_TCP, name));
        }
        let value = given.int()?;
        let on = value != 0;
        let (bits, most) = (self.settings.fast_open, self.settings.somaxconn);
        let socket = self.socket_mut(fd)?;
        let fresh = matches!(socket.stage, Stage::Fresh(_)) && socket.deferred.is_none();
        let passive = fresh || matches!(socket.stage, Stage::Listening(_));
        let options = &mut socket.options;
        match name {
            TCP_FASTOPEN if passive => {
                options.fast_open_queue = Some((within::<u32>(value, 0..=i32::MAX)? as usize).min(most));
                return self.serve_early(fd).map(drop);
            }
            TCP_FASTOPEN_NO_COOKIE if passive => {
                options.fast_open_free = within::<u8>(value, 0..=1)? != 0;
                return self.serve_early(fd).map(drop);
            }
            TCP_NODELAY => options.no_delay = on,
            TCP_CORK => options.cork = on,
            TCP_MAXSEG if value == 0 || SEGMENTS.contains(&value) => {
                options.max_segment = u16::try_from(value).map_err(|_| EINVAL)?;
            }
            TCP_KEEPIDLE => options.keep_idle = within(value, 1..=32_767)?,
            TCP_KEEPINTVL => options.keep_interval = within(value, 1..=32_767)?,
            TCP_KEEPCNT => options.keep_count = within(value, 1..=127)?,
            TCP_SYNCNT => options.syn_count = Some(within(value, 1..=127)?),
            TCP_USER_TIMEOUT => options.user_timeout = within(value, 0..=i32::MAX)?,
            TCP_NOTSENT_LOWAT => options.unsent_low = Some(value.cast_unsigned()),
            TCP_INQ => options.tell_queue = within::<u8>(value, 0..=1)? != 0,
            TCP_FASTOPEN_CONNECT if !(0..=1).contains(&value) => return Err(EINVAL.into()),
            TCP_FASTOPEN_CONNECT if bits & fast_open::CLIENT == 0 => return Err(EOPNOTSUPP.into()),
            TCP_FASTOPEN_CONNECT if fresh => options.fast_open_connect = within::<u8>(value, 0..=1)? != 0,
            TCP_QUICKACK => return Err(refuse("TCP_QUICKACK")),
            _ => return Err(EINVAL.into()),
        }
        let open = self.socket(fd)?.connection().filter(|_| name == TCP_NODELAY && on);
        if let Some(id) = open {
            // What waits goes, though it was on before.
            self.machine.call(|host, now| host.tcp_set_nagle(now, id, false));
        }
        self.options_changed(fd)
    }

    pub(super) fn get_tcp_option(&mut self, fd: Fd, name: i64) -> Result<Vec<u8>, Stop> {
        let socket = self.socket(fd)?;
        let options = &socket.options;
        Ok(int(match name {
            TCP_NODELAY => i64::from(options.no_delay),
            TCP_CORK => options.cork.into(),
            TCP_MAXSEG => return Ok(int(self.segment_size(fd)?)),
            TCP_KEEPIDLE => options.keep_idle.into(),
            TCP_KEEPINTVL => options.keep_interval.into(),
            TCP_KEEPCNT => options.keep_count.into(),
            TCP_SYNCNT => options.syn_count.unwrap_or(self.settings.syn_retries).into(),
            TCP_USER_TIMEOUT => options.user_timeout.into(),
            TCP_NOTSENT_LOWAT => {
                return Ok(options.unsent_low.unwrap_or(0).to_ne_bytes().to_vec());
            }
            TCP_INQ => options.tell_queue.into(),
            TCP_FASTOPEN => return Ok(int(options.fast_open_queue.unwrap_or(0))),
            TCP_FASTOPEN_CONNECT => options.fast_open_connect.into(),
            TCP_CONGESTION => {
                let name = setup::congestion_name(options.congestion.unwrap_or(self.settings.congestion));
                let mut text = name.as_bytes().to_vec();
                text.resize(16, 0);
                return Ok(text);
            }
            _ => return Err(unknown(SOL_TCP, name)),
        }))
    }

    /// TCP_MAXSEG: what segments have now; before there are any, what was asked for or what every host takes.
    fn segment_size(&self, fd: Fd) -> Result<u32, Errno> {
        let socket = self.socket(fd)?;
        let asked = socket.options.max_segment;
        let host = self.machine.host();
        let open = socket.connection().filter(|id| host.tcp_state(*id) != State::Closed);
        Ok(match open.and_then(|id| host.tcp_status(id)) {
            Some(status) => status.segment_size,
            None if asked != 0 => asked.into(),
            None => 536,
        })
    }
}

/// One key, or the one in force and the one before it.
fn keys(octets: &[u8]) -> Result<Keys, Errno> {
    let key = |octets: &[u8]| octets.try_into().map(Key::new).map_err(|_| EINVAL);
    let (primary, backup) = octets.split_at_checked(16).ok_or(EINVAL)?;
    let backup = if backup.is_empty() { None } else { Some(key(backup)?) };
    Ok(Keys { primary: key(primary)?, backup })
}

/// A value within its limits.
fn within<T: TryFrom<i32>>(value: i32, limits: std::ops::RangeInclusive<i32>) -> Result<T, Errno> {
    if !limits.contains(&value) {
        return Err(EINVAL);
    }
    T::try_from(value).map_err(|_| EINVAL)
}
