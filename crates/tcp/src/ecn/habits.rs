//! What RFC 9768 leaves to a host, and what of it Linux does in another way.

/// When counters of octets travel in an option (RFC 9768 §3.2.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EcnOption {
    /// Never; the three flags alone tell of marks.
    Never,
    /// Twice when what arrives begins or ends to be marked, once in 4 MiB, and [`EcnHabits::beacon`] times a round trip.
    Sparingly,
    /// Whenever a counter has moved since the last, and on the first two segments of the side that asked: what RFC 9768
    /// recommends.
    #[default]
    Changes,
    /// On every segment that has room.
    Always,
    /// The same, though segments with it seem to be lost.
    Persistently,
}

/// Choices of a host that tells marks exactly.
///
/// ```
/// use handfast_tcp::{Ecn, EcnHabits, EcnOption, TcpConfig};
/// let quiet = EcnHabits { option: EcnOption::Never, ..EcnHabits::default() };
/// let config = TcpConfig::default().ecn(Ecn::Accurate).ecn_habits(quiet);
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct EcnHabits {
    /// When the option travels. Default [`EcnOption::Changes`].
    pub option: EcnOption,
    /// Options in a round trip, at least, where they are sent sparingly. Default 3, as Linux has it; 0 for none.
    pub beacon: u8,
    /// All three counters, ECT(1) first, where there is room. Default no: those that ever moved, and CE.
    pub all_counters: bool,
    /// Options for those only who send some. Default no: that the peer's get lost says nothing of ours (RFC 9768
    /// §3.2.3.2.3).
    pub only_in_return: bool,
    /// ACKs, and what is sent again, are capable like new data. Default no (RFC 3168 §6.1.4, §6.1.5); an experiment may
    /// (RFC 8311 §4.3).
    pub control: bool,
    /// What a path loses or mangles during the handshake is left out from then on: a SYN,ACK goes without the option, then
    /// without flags (RFC 9768 §3.2.3.2.2), a SYN without flags (§3.1.4.1), and nothing is capable (§3.2.2.3). Default yes.
    pub fall_back: bool,
    /// A user who is gone takes what was counted along: the ACKs that TIME-WAIT is left with tell nothing. Default no, for RFC
    /// 9768 §3.2.2 excepts none; a record of Linux's that small has no room for a counter.
    pub forgets_at_the_end: bool,
}

impl EcnHabits {
    /// Linux's: the option on every segment, in full, for peers that send it; everything capable but SYNs; no counter at the very
    /// end.
    pub const LINUX: Self = Self {
        option: EcnOption::Always,
        beacon: 3,
        all_counters: true,
        only_in_return: true,
        control: true,
        fall_back: true,
        forgets_at_the_end: true,
    };
}

impl Default for EcnHabits {
    fn default() -> Self {
        Self {
            option: EcnOption::Changes,
            all_counters: false,
            only_in_return: false,
            control: false,
            forgets_at_the_end: false,
            ..Self::LINUX
        }
    }
}
