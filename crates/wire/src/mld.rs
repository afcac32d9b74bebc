//! Multicast listener discovery: version 2 spoken (RFC 3810), version 1 understood (RFC 2710).
//!
//! The messages are ICMPv6's; they travel with hop limit 1, a link-local source and a router alert
//! ([`ipv6::HopByHop`](crate::ipv6::HopByHop)).

pub use crate::group::{Record, RecordKind};

use crate::group::{decode8, decode16, emit_records, encode8, encode16, parse_addresses, parse_records};
use crate::{Malformed, icmpv6};
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use core::time::Duration;

/// Where version 2 reports go.
pub const ALL_V2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

const QUERY: u8 = 130;
const REPORT_V1: u8 = 131;
const DONE_V1: u8 = 132;
const REPORT_V2: u8 = 143;

/// An ICMPv6 message of listener discovery in any bytes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; 8],
    rest: &'a [u8],
    message: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at an ICMPv6 message.
    ///
    /// # Errors
    /// `Unsupported` when it is none of listener discovery, `TooShort`.
    pub fn new(message: &'a [u8]) -> Result<Self, Malformed> {
        let (header, rest) = message.split_first_chunk::<8>().ok_or(Malformed::TooShort)?;
        match header {
            [QUERY | REPORT_V1 | DONE_V1 | REPORT_V2, ..] => Ok(Self { header, rest, message }),
            _ => Err(Malformed::Unsupported),
        }
    }

    /// Whether the checksum verifies.
    pub fn checksum_ok(&self, src: Ipv6Addr, dst: Ipv6Addr) -> bool {
        icmpv6::verifies(self.message, src, dst)
    }

    /// The meaning.
    ///
    /// # Errors
    /// `TooShort`, or `BadLength` when sources or records run past the end.
    pub fn repr(&self) -> Result<Repr, Malformed> {
        let [kind, _, _, _, a, b, c, d] = *self.header;
        if kind == REPORT_V2 {
            let records = parse_records(u16::from_be_bytes([c, d]), self.rest).ok_or(Malformed::BadLength)?;
            return Ok(Repr::ReportV2 { records });
        }
        let (&group, rest) = self.rest.split_first_chunk::<16>().ok_or(Malformed::TooShort)?;
        let group = Ipv6Addr::from(group);
        Ok(match kind {
            REPORT_V1 => Repr::ReportV1 { group },
            DONE_V1 => Repr::DoneV1 { group },
            _ => Repr::Query(query(u16::from_be_bytes([a, b]), group, rest)?),
        })
    }
}

/// RFC 3810 §8.1: the length tells the versions apart.
fn query(max_code: u16, group: Ipv6Addr, rest: &[u8]) -> Result<Query, Malformed> {
    let millis = |millis: u32| Duration::from_millis(u64::from(millis));
    let Some((&[flags, interval, high, low], sources)) = rest.split_first_chunk() else {
        if !rest.is_empty() {
            return Err(Malformed::BadLength);
        }
        return Ok(Query { version: QueryVersion::V1, max_response: millis(u32::from(max_code)), group });
    };
    let (sources, _) =
        parse_addresses(u16::from_be_bytes([high, low]), sources).ok_or(Malformed::BadLength)?;
    let version = QueryVersion::V2 {
        suppress: flags & 8 != 0,
        robustness: flags & 7,
        interval: Duration::from_secs(u64::from(decode8(interval))),
        sources,
    };
    Ok(Query { version, max_response: millis(decode16(max_code)), group })
}

/// What a message means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repr {
    /// A router asks who listens. Hosts read it; they never send it.
    Query(Query),
    /// A host listens, version 1.
    ReportV1 {
        /// To this group.
        group: Ipv6Addr,
    },
    /// A host listens no more, version 1.
    DoneV1 {
        /// To this group.
        group: Ipv6Addr,
    },
    /// What a host listens to, version 2.
    ReportV2 {
        /// Group by group.
        records: Vec<Record<Ipv6Addr>>,
    },
}

impl Repr {
    /// The message, checksum included. Times are rounded down to what the version can say.
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
        let mut out = Vec::from([0; 8]);
        let (kind, rest) = match self {
            Self::Query(query) => (QUERY, query.emit(&mut out)),
            Self::ReportV1 { group } => {
                out.extend_from_slice(&group.octets());
                (REPORT_V1, [0; 4])
            }
            Self::DoneV1 { group } => {
                out.extend_from_slice(&group.octets());
                (DONE_V1, [0; 4])
            }
            Self::ReportV2 { records } => {
                let [high, low] = emit_records(records, |addr| addr.octets(), &mut out).to_be_bytes();
                (REPORT_V2, [0, 0, high, low])
            }
        };
        if let Some(header) = out.first_chunk_mut::<8>() {
            header[0] = kind;
            header[4..].copy_from_slice(&rest);
        }
        icmpv6::fill_checksum(&mut out, src, dst);
        out
    }
}

/// A router's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which version's, and what only version 2 says.
    pub version: QueryVersion,
    /// Answers are spread over this time.
    pub max_response: Duration,
    /// The group asked about; unspecified in a general query.
    pub group: Ipv6Addr,
}

/// The version of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryVersion {
    /// Version 1: answered with [`Repr::ReportV1`].
    V1,
    /// Version 2.
    V2 {
        /// Routers are not to restart their timers.
        suppress: bool,
        /// How many reports the querier expects to lose, plus one; 0 to 7.
        robustness: u8,
        /// The time between general queries.
        interval: Duration,
        /// The sources asked about; none in a general or group query.
        sources: Vec<Ipv6Addr>,
    },
}

impl Query {
    /// Writes what follows the first eight octets and gives the fifth to eighth.
    fn emit(&self, out: &mut Vec<u8>) -> [u8; 4] {
        out.extend_from_slice(&self.group.octets());
        if let QueryVersion::V2 { suppress, robustness, interval, sources } = &self.version {
            let sources = sources.get(..usize::from(u16::MAX)).unwrap_or(sources);
            let [high, low] = (sources.len() as u16).to_be_bytes();
            let flags = u8::from(*suppress) << 3 | robustness & 7;
            out.extend_from_slice(&[flags, encode8(interval.as_secs()), high, low]);
            for source in sources {
                out.extend_from_slice(&source.octets());
            }
        }
        let millis = self.max_response.as_millis().min(u64::MAX.into()) as u64;
        let code = match &self.version {
            QueryVersion::V1 => millis.min(0xffff) as u16,
            QueryVersion::V2 { .. } => encode16(millis),
        };
        let [high, low] = code.to_be_bytes();
        [high, low, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

    fn read(bytes: &[u8]) -> Result<Repr, Malformed> {
        View::new(bytes)?.repr()
    }

    #[test]
    fn a_report_known_from_elsewhere_is_written_and_read() {
        // By scapy.
        let known = hex("8f00 6f0f 0000 0001 04 00 0000 ff0200000000000000000000000000fb");
        let records =
            Vec::from([Record { kind: RecordKind::ChangeToExclude, group: GROUP, sources: Vec::new() }]);
        let repr = Repr::ReportV2 { records };
        assert_eq!(repr.emit(SRC, ALL_V2_ROUTERS), known);
        assert!(View::new(&known).unwrap().checksum_ok(SRC, ALL_V2_ROUTERS));
        assert_eq!(read(&known), Ok(repr));
    }

    #[test]
    fn the_versions_of_a_query_are_told_apart() {
        let first = hex("8200 0000 2710 0000 ff0200000000000000000000000000fb");
        let expected =
            Query { version: QueryVersion::V1, max_response: Duration::from_secs(10), group: GROUP };
        assert_eq!(read(&first), Ok(Repr::Query(expected)));
        let second = [&first[..], &hex("027d 0000")].concat();
        let version = QueryVersion::V2 {
            suppress: false,
            robustness: 2,
            interval: Duration::from_secs(125),
            sources: Vec::new(),
        };
        let expected = Query { version, max_response: Duration::from_secs(10), group: GROUP };
        assert_eq!(read(&second), Ok(Repr::Query(expected)));
        assert_eq!(read(&second[..26]), Err(Malformed::BadLength));
        assert_eq!(read(&first[..23]), Err(Malformed::TooShort));
        let mut sources = second.clone();
        sources[27] = 1;
        assert_eq!(read(&sources), Err(Malformed::BadLength));
    }

    #[test]
    fn older_messages_are_written_too_and_others_are_not_listener_discovery() {
        for repr in [Repr::ReportV1 { group: GROUP }, Repr::DoneV1 { group: GROUP }] {
            assert_eq!(read(&repr.emit(SRC, GROUP)), Ok(repr));
        }
        assert_eq!(View::new(&hex("8700 0000 00000000")).err(), Some(Malformed::Unsupported));
    }
}
