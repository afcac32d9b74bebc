//! IGMP: version 3 spoken (RFC 3376), versions 1 and 2 understood (RFC 1112, RFC 2236).

pub use crate::group::{Record, RecordKind};

use crate::group::{decode8, emit_records, encode8, parse_addresses, parse_records};
use crate::{Malformed, checksum};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

/// Where version 3 reports go.
pub const ALL_V3_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);
/// Where general queries go, and every multicast host listens.
pub const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// Where version 2 leaves go.
pub const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);

const QUERY: u8 = 0x11;
const REPORT_V1: u8 = 0x12;
const REPORT_V2: u8 = 0x16;
const LEAVE_V2: u8 = 0x17;
const REPORT_V3: u8 = 0x22;

/// A message in any bytes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; 8],
    rest: &'a [u8],
    message: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at an IPv4 payload.
    ///
    /// # Errors
    /// `TooShort`.
    pub fn new(message: &'a [u8]) -> Result<Self, Malformed> {
        let (header, rest) = message.split_first_chunk().ok_or(Malformed::TooShort)?;
        Ok(Self { header, rest, message })
    }

    /// Whether the checksum over the whole payload verifies (RFC 3376 §4.1.2).
    pub fn checksum_ok(&self) -> bool {
        checksum::sum(self.message).verifies()
    }

    /// The meaning.
    ///
    /// # Errors
    /// `BadLength` when sources or records run past the end, `Unsupported` for other types (RFC 3376 §4: ignored).
    pub fn repr(&self) -> Result<Repr, Malformed> {
        let [kind, max_code, _, _, a, b, c, d] = *self.header;
        let group = Ipv4Addr::new(a, b, c, d);
        Ok(match kind {
            QUERY => Repr::Query(self.query(max_code, group)?),
            REPORT_V1 => Repr::ReportV1 { group },
            REPORT_V2 => Repr::ReportV2 { group },
            LEAVE_V2 => Repr::LeaveV2 { group },
            REPORT_V3 => {
                let records = parse_records(u16::from_be_bytes([c, d]), self.rest);
                Repr::ReportV3 { records: records.ok_or(Malformed::BadLength)? }
            }
            _ => return Err(Malformed::Unsupported),
        })
    }

    /// RFC 3376 §7.1: the length and the code tell the versions apart.
    fn query(&self, max_code: u8, group: Ipv4Addr) -> Result<Query, Malformed> {
        let tenths = |tenths: u16| Duration::from_millis(u64::from(tenths) * 100);
        let Some((&[flags, interval, high, low], sources)) = self.rest.split_first_chunk() else {
            if !self.rest.is_empty() {
                return Err(Malformed::BadLength);
            }
            let (version, max_response) = match max_code {
                0 => (QueryVersion::V1, tenths(100)),
                code => (QueryVersion::V2, tenths(u16::from(code))),
            };
            return Ok(Query { version, max_response, group });
        };
        let (sources, _) =
            parse_addresses(u16::from_be_bytes([high, low]), sources).ok_or(Malformed::BadLength)?;
        let version = QueryVersion::V3 {
            suppress: flags & 8 != 0,
            robustness: flags & 7,
            interval: Duration::from_secs(u64::from(decode8(interval))),
            sources,
        };
        Ok(Query { version, max_response: tenths(decode8(max_code)), group })
    }
}

/// What a message means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repr {
    /// A router asks who listens. Hosts read it; they never send it.
    Query(Query),
    /// A host listens, version 1.
    ReportV1 {
        /// To this group.
        group: Ipv4Addr,
    },
    /// A host listens, version 2.
    ReportV2 {
        /// To this group.
        group: Ipv4Addr,
    },
    /// A host listens no more, version 2.
    LeaveV2 {
        /// To this group.
        group: Ipv4Addr,
    },
    /// What a host listens to, version 3.
    ReportV3 {
        /// Group by group.
        records: Vec<Record<Ipv4Addr>>,
    },
}

impl Repr {
    /// The message, checksum included. Times are rounded down to what the version can say.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::from([0; 4]);
        match self {
            Self::Query(query) => query.emit(&mut out),
            Self::ReportV1 { group } => simple(REPORT_V1, *group, &mut out),
            Self::ReportV2 { group } => simple(REPORT_V2, *group, &mut out),
            Self::LeaveV2 { group } => simple(LEAVE_V2, *group, &mut out),
            Self::ReportV3 { records } => {
                out.extend_from_slice(&[0; 4]);
                let count = emit_records(records, |addr| addr.octets(), &mut out).to_be_bytes();
                if let [kind, _, _, _, _, _, high, low, ..] = out.as_mut_slice() {
                    *kind = REPORT_V3;
                    [*high, *low] = count;
                }
            }
        }
        let sum = checksum::sum(&out).checksum().to_be_bytes();
        if let Some(field) = out.get_mut(2..4) {
            field.copy_from_slice(&sum);
        }
        out
    }
}

fn simple(kind: u8, group: Ipv4Addr, out: &mut Vec<u8>) {
    if let Some(first) = out.first_mut() {
        *first = kind;
    }
    out.extend_from_slice(&group.octets());
}

/// A router's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which version's, and what only version 3 says.
    pub version: QueryVersion,
    /// Answers are spread over this time.
    pub max_response: Duration,
    /// The group asked about; unspecified in a general query.
    pub group: Ipv4Addr,
}

/// The version of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryVersion {
    /// Version 1: answered with [`Repr::ReportV1`].
    V1,
    /// Version 2: answered with [`Repr::ReportV2`].
    V2,
    /// Version 3.
    V3 {
        /// Routers are not to restart their timers.
        suppress: bool,
        /// How many reports the querier expects to lose, plus one; 0 to 7.
        robustness: u8,
        /// The time between general queries.
        interval: Duration,
        /// The sources asked about; none in a general or group query.
        sources: Vec<Ipv4Addr>,
    },
}

impl Query {
    fn emit(&self, out: &mut Vec<u8>) {
        let tenths = (self.max_response.as_millis() / 100).min(u64::MAX.into()) as u64;
        let code = match &self.version {
            QueryVersion::V1 => 0,
            QueryVersion::V2 => tenths.clamp(1, 0xff) as u8,
            QueryVersion::V3 { .. } => encode8(tenths),
        };
        if let [kind, max_code, ..] = out.as_mut_slice() {
            *kind = QUERY;
            *max_code = code;
        }
        out.extend_from_slice(&self.group.octets());
        if let QueryVersion::V3 { suppress, robustness, interval, sources } = &self.version {
            let sources = sources.get(..usize::from(u16::MAX)).unwrap_or(sources);
            let [high, low] = (sources.len() as u16).to_be_bytes();
            let flags = u8::from(*suppress) << 3 | robustness & 7;
            out.extend_from_slice(&[flags, encode8(interval.as_secs()), high, low]);
            for source in sources {
                out.extend_from_slice(&source.octets());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);

    fn read(bytes: &[u8]) -> Result<Repr, Malformed> {
        View::new(bytes)?.repr()
    }

    #[test]
    fn a_report_is_written_as_rfc_3376_draws_it() {
        let records =
            Vec::from([Record { kind: RecordKind::ChangeToExclude, group: GROUP, sources: Vec::new() }]);
        let repr = Repr::ReportV3 { records };
        let bytes = repr.emit();
        assert_eq!(bytes, hex("2200 e8f9 0000 0001 04 00 0000 ef010203"));
        assert!(View::new(&bytes).unwrap().checksum_ok());
        assert_eq!(read(&bytes), Ok(repr));
    }

    #[test]
    fn the_versions_of_a_query_are_told_apart() {
        let query = |bytes: &str| match read(&hex(bytes)) {
            Ok(Repr::Query(query)) => Ok(query),
            other => Err(other),
        };
        let first = query("1100 0000 00000000").unwrap();
        assert_eq!((first.version, first.max_response), (QueryVersion::V1, Duration::from_secs(10)));
        let second = query("1114 0000 ef010203").unwrap();
        assert_eq!((second.version, second.max_response), (QueryVersion::V2, Duration::from_secs(2)));
        assert_eq!(second.group, GROUP);
        let third = query("118f 0000 ef010203 0a7d 0001 0a000001").unwrap();
        let version = QueryVersion::V3 {
            suppress: true,
            robustness: 2,
            interval: Duration::from_secs(125),
            sources: [Ipv4Addr::new(10, 0, 0, 1)].into(),
        };
        assert_eq!((third.version, third.max_response), (version, Duration::from_millis(24_800)));
        assert_eq!(query("1114 0000 ef010203 00"), Err(Err(Malformed::BadLength)));
        assert_eq!(query("1114 0000 ef010203 0a7d 0002 0a000001"), Err(Err(Malformed::BadLength)));
    }

    #[test]
    fn older_messages_are_written_too_and_unknown_ones_ignored() {
        for repr in
            [Repr::ReportV1 { group: GROUP }, Repr::ReportV2 { group: GROUP }, Repr::LeaveV2 { group: GROUP }]
        {
            assert_eq!(read(&repr.emit()), Ok(repr));
        }
        assert_eq!(read(&hex("9900 0000 00000000")), Err(Malformed::Unsupported));
        assert_eq!(read(&hex("2200 0000 0000 0002 04 00 0000 ef010203")), Err(Malformed::BadLength));
        // A record of an unknown kind is skipped, with its auxiliary data.
        let skipped = read(&hex("2200 0000 0000 0002 09 01 0000 ef010203 aabbccdd 01 00 0000 ef010203"));
        let records =
            Vec::from([Record { kind: RecordKind::ModeIsInclude, group: GROUP, sources: Vec::new() }]);
        assert_eq!(skipped, Ok(Repr::ReportV3 { records }));
    }
}
