//! What IGMPv3 and MLDv2 share: group records and codes with an exponent (RFC 3376 §4, RFC 3810 §5).

use alloc::vec::Vec;

/// What a group record says (RFC 3376 §4.2.12, RFC 3810 §5.2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// 1: listening to these sources only.
    ModeIsInclude,
    /// 2: listening to all but these sources.
    ModeIsExclude,
    /// 3: from now on, to these sources only; to none, the group is left.
    ChangeToInclude,
    /// 4: from now on, to all but these sources; to all, the group is joined.
    ChangeToExclude,
    /// 5: to these sources too.
    AllowNewSources,
    /// 6: to these sources no more.
    BlockOldSources,
}

impl RecordKind {
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::ModeIsInclude,
            2 => Self::ModeIsExclude,
            3 => Self::ChangeToInclude,
            4 => Self::ChangeToExclude,
            5 => Self::AllowNewSources,
            6 => Self::BlockOldSources,
            _ => return None,
        })
    }

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::ModeIsInclude => 1,
            Self::ModeIsExclude => 2,
            Self::ChangeToInclude => 3,
            Self::ChangeToExclude => 4,
            Self::AllowNewSources => 5,
            Self::BlockOldSources => 6,
        }
    }
}

/// One group's part of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<A> {
    /// What it says.
    pub kind: RecordKind,
    /// The group.
    pub group: A,
    /// Sources.
    pub sources: Vec<A>,
}

/// The number that an 8-bit code with a 3-bit exponent stands for (RFC 3376 §4.1.1).
pub(crate) const fn decode8(code: u8) -> u16 {
    if code < 0x80 { code as u16 } else { (code as u16 & 0xf | 0x10) << ((code >> 4 & 7) + 3) }
}

/// The code for a number, rounded down to what a code can say.
pub(crate) fn encode8(number: u64) -> u8 {
    if number < 0x80 {
        return number as u8;
    }
    let exponent = (0..8).find(|exponent| number >> (exponent + 3) < 0x20);
    exponent.map_or(0xff, |exponent| 0x80 | (exponent as u8) << 4 | (number >> (exponent + 3)) as u8 & 0xf)
}

/// The 16-bit code for a number, rounded down to what a code can say.
pub(crate) fn encode16(number: u64) -> u16 {
    if number < 0x8000 {
        return number as u16;
    }
    let exponent = (0..8).find(|exponent| number >> (exponent + 3) < 0x2000);
    exponent.map_or(0xffff, |exponent| {
        0x8000 | (exponent as u16) << 12 | (number >> (exponent + 3)) as u16 & 0xfff
    })
}

/// The number that a 16-bit code with a 3-bit exponent stands for (RFC 3810 §5.1.3).
pub(crate) const fn decode16(code: u16) -> u32 {
    if code < 0x8000 { code as u32 } else { (code as u32 & 0xfff | 0x1000) << ((code >> 12 & 7) + 3) }
}

/// Reads the records of a report, of addresses of `N` octets. What a record's auxiliary data says is skipped, and so
/// is a record of an unknown kind.
pub(crate) fn parse_records<A, const N: usize>(count: u16, mut octets: &[u8]) -> Option<Vec<Record<A>>>
where
    A: From<[u8; N]>,
{
    let mut records = Vec::new();
    for _ in 0..count {
        let (&[kind, aux, high, low], rest) = octets.split_first_chunk()?;
        let (&group, rest) = rest.split_first_chunk::<N>()?;
        let (sources, rest) = parse_addresses(u16::from_be_bytes([high, low]), rest)?;
        octets = rest.get(usize::from(aux) * 4..)?;
        if let Some(kind) = RecordKind::from_number(kind) {
            records.push(Record { kind, group: group.into(), sources });
        }
    }
    Some(records)
}

/// Reads `count` addresses of `N` octets, and gives the rest.
pub(crate) fn parse_addresses<A, const N: usize>(count: u16, octets: &[u8]) -> Option<(Vec<A>, &[u8])>
where
    A: From<[u8; N]>,
{
    let (addresses, rest) = octets.split_at_checked(usize::from(count) * N)?;
    Some((addresses.as_chunks::<N>().0.iter().map(|&address| address.into()).collect(), rest))
}

/// Writes records; gives the count that the report's header tells.
pub(crate) fn emit_records<A: Copy, const N: usize>(
    records: &[Record<A>],
    octets: impl Fn(A) -> [u8; N],
    out: &mut Vec<u8>,
) -> u16 {
    let records = records.get(..usize::from(u16::MAX)).unwrap_or(records);
    for record in records {
        let sources = record.sources.get(..usize::from(u16::MAX)).unwrap_or(&record.sources);
        let [high, low] = (sources.len() as u16).to_be_bytes();
        out.extend_from_slice(&[record.kind.number(), 0, high, low]);
        out.extend_from_slice(&octets(record.group));
        for &source in sources {
            out.extend_from_slice(&octets(source));
        }
    }
    records.len() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_for_a_number_that_has_this_code() {
        for code in 0..=u8::MAX {
            assert_eq!(encode8(decode8(code).into()), code);
        }
        for code in 0..=u16::MAX {
            assert_eq!(encode16(decode16(code).into()), code);
        }
        assert_eq!((decode8(0xff), decode16(0xffff)), (31_744, 8_387_584));
        assert_eq!((encode8(u64::MAX), encode16(u64::MAX)), (0xff, 0xffff));
        assert_eq!(decode8(encode8(130)), 128);
    }
}
