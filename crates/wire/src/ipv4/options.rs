//! IPv4 options: walked, summed up, and kept as octets (RFC 791 §3.1).

/// Option type of a loose source route (RFC 791 §3.1).
pub const LOOSE_SOURCE_ROUTE: u8 = 131;
/// Option type of a strict source route.
pub const STRICT_SOURCE_ROUTE: u8 = 137;
/// Option type of router alert (RFC 2113).
pub const ROUTER_ALERT: u8 = 148;

const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;

/// One option; `END_OF_OPTIONS` and `NO_OPERATION` are not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionView<'a> {
    /// The option type, with its copied flag and class.
    pub kind: u8,
    /// What follows type and length.
    pub data: &'a [u8],
}

impl OptionView<'_> {
    /// Whether the option goes into every fragment (RFC 791 §3.1).
    pub fn is_copied(&self) -> bool {
        self.kind & 0x80 != 0
    }
}

/// Walks options; an illegal length ends the walk with the octet offset of that option.
#[derive(Clone, Debug)]
pub struct OptionWalk<'a> {
    options: &'a [u8],
    at: usize,
}

impl<'a> OptionWalk<'a> {
    pub(super) const fn new(options: &'a [u8]) -> Self {
        Self { options, at: 0 }
    }
}

impl<'a> Iterator for OptionWalk<'a> {
    type Item = Result<OptionView<'a>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at;
            match *self.options.get(start)? {
                END_OF_OPTIONS => return None,
                NO_OPERATION => self.at += 1,
                kind => {
                    let length = usize::from(self.options.get(start + 1).copied().unwrap_or(0));
                    self.at = start + length;
                    if length >= 2
                        && let Some(data) = self.options.get(start + 2..self.at)
                    {
                        return Some(Ok(OptionView { kind, data }));
                    }
                    self.at = self.options.len();
                    return Some(Err(start));
                }
            }
        }
    }
}

/// What a packet's options ask for, as far as a host cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionsSeen {
    /// A loose or strict source route is there.
    pub source_route: bool,
    /// Routers are asked to look at the packet.
    pub router_alert: bool,
}

/// Up to 40 octets of options, kept as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "alloc::vec::Vec<u8>", from = "alloc::vec::Vec<u8>")
)]
pub struct Options {
    octets: [u8; 40],
    len: u8,
}

impl Options {
    /// No options.
    pub const NONE: Self = Self { octets: [0; 40], len: 0 };
    /// Router alert, value 0 (RFC 2113), as IGMP messages carry it.
    pub const ROUTER_ALERT: Self = {
        let mut options = Self::NONE;
        options.octets[0] = ROUTER_ALERT;
        options.octets[1] = 4;
        options.len = 4;
        options
    };

    /// These octets, padded with zeros to whole words, unless there are more than 40.
    pub fn new(octets: &[u8]) -> Option<Self> {
        let mut options = Self::NONE;
        options.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        options.len = octets.len().next_multiple_of(4) as u8;
        Some(options)
    }

    /// The octets, a multiple of four.
    pub fn as_slice(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// Those options that go into fragments after the first (RFC 791 §3.1).
    pub fn copied(&self) -> Self {
        let mut copied = Self::NONE;
        let mut at = 0;
        for option in (OptionWalk::new(self.as_slice())).flatten() {
            let length = option.data.len() + 2;
            if option.is_copied()
                && let Some([kind, len, data @ ..]) = copied.octets.get_mut(at..at + length)
            {
                *kind = option.kind;
                *len = length as u8;
                data.copy_from_slice(option.data);
                at += length;
            }
        }
        copied.len = at.next_multiple_of(4) as u8;
        copied
    }
}

#[cfg(feature = "serde")]
impl From<Options> for alloc::vec::Vec<u8> {
    fn from(options: Options) -> Self {
        options.as_slice().into()
    }
}

/// More octets than fit are no options.
#[cfg(feature = "serde")]
impl From<alloc::vec::Vec<u8>> for Options {
    fn from(octets: alloc::vec::Vec<u8>) -> Self {
        Self::new(&octets).unwrap_or_default()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::NONE
    }
}

impl core::fmt::Debug for Options {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Options({:02x?})", self.as_slice())
    }
}
