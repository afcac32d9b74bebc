//! Which octets of a file are asked for (RFC 9110 §14).

/// What a `Range` header asks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it: there is no such header, or none that we read. Several ranges at once are not read (§14.2 allows it).
    All,
    /// From the first to the last of these octets.
    Part {
        /// The first octet's number.
        first: u64,
        /// The last octet's.
        last: u64,
    },
    /// Nothing that the file has.
    Nothing,
}

/// Reads the header's value for a file of `len` octets.
pub(super) fn read(header: &str, len: u64) -> Asked {
    let Some((unit, set)) = header.split_once('=') else { return Asked::All };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Asked::All;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Asked::All };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        // More digits than fit are a number beyond every file.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (None, Some(suffix)) if first.is_empty() => {
            if suffix == 0 || len == 0 {
                return Asked::Nothing;
            }
            Asked::Part { first: len.saturating_sub(suffix), last: len - 1 }
        }
        (Some(first), Some(last)) if first > last => Asked::All, // Invalid, hence ignored (§14.1.1).
        (Some(first), last) if last.is_some() || set.trim().ends_with('-') => {
            if first >= len {
                return Asked::Nothing;
            }
            Asked::Part { first, last: last.unwrap_or(u64::MAX).min(len - 1) }
        }
        _ => Asked::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let part = |first, last| Asked::Part { first, last };
        for (header, len, expected) in [
            ("bytes=0-99", 1000, part(0, 99)),
            ("bytes=500-", 1000, part(500, 999)),
            ("bytes=-1", 1000, part(999, 999)),
            ("bytes=-5000", 1000, part(0, 999)),
            ("bytes=999-5000", 1000, part(999, 999)),
            ("bytes=0-99999999999999999999999999", 1000, part(0, 999)),
            ("Bytes = 1-2", 1000, part(1, 2)),
            ("bytes=1000-", 1000, Asked::Nothing),
            ("bytes=99999999999999999999999999-", 1000, Asked::Nothing),
            ("bytes=-0", 1000, Asked::Nothing),
            ("bytes=0-0", 0, Asked::Nothing),
            ("bytes=-1", 0, Asked::Nothing),
            ("bytes=5-4", 1000, Asked::All),
            ("bytes=0-1,3-4", 1000, Asked::All),
            ("bytes=", 1000, Asked::All),
            ("bytes=-", 1000, Asked::All),
            ("bytes=a-b", 1000, Asked::All),
            ("bytes=1-b", 1000, Asked::All),
            ("bytes=+1-2", 1000, Asked::All),
            ("lines=0-1", 1000, Asked::All),
            ("nonsense", 1000, Asked::All),
        ] {
            assert_eq!(read(header, len), expected, "{header} of {len}");
        }
    }
}
