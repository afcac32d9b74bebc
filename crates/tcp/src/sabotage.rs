//! Faults on purpose, so that the simulator can show that it would find them. Without the feature `sabotage` none of
//! this is compiled in: every question below is a constant `false`.

/// A fault to build in.
#[cfg(feature = "sabotage")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// cwnd is computed and not obeyed.
    IgnoreCwnd,
    /// A shut window is never probed.
    NoPersistTimer,
    /// A FIN that goes out with data is forgotten.
    LoseFinWithData,
    /// The peer's window is taken to be one octet larger than it is.
    WindowEdgeOffByOne,
}

/// The fault of a connection, if it has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    #[cfg(feature = "sabotage")]
    pub(crate) sabotage: Option<Sabotage>,
}

#[cfg(feature = "sabotage")]
impl Fault {
    pub(crate) fn ignores_cwnd(self) -> bool {
        self.sabotage == Some(Sabotage::IgnoreCwnd)
    }

    pub(crate) fn never_probes(self) -> bool {
        self.sabotage == Some(Sabotage::NoPersistTimer)
    }

    pub(crate) fn loses_fin(self) -> bool {
        self.sabotage == Some(Sabotage::LoseFinWithData)
    }

    pub(crate) fn widens_window(self) -> bool {
        self.sabotage == Some(Sabotage::WindowEdgeOffByOne)
    }
}

#[cfg(not(feature = "sabotage"))]
impl Fault {
    pub(crate) const fn ignores_cwnd(self) -> bool {
        false
    }

    pub(crate) const fn never_probes(self) -> bool {
        false
    }

    pub(crate) const fn loses_fin(self) -> bool {
        false
    }

    pub(crate) const fn widens_window(self) -> bool {
        false
    }
}
