//! The table of neighbours of one interface.

/// The table of neighbours of one interface.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache {}
