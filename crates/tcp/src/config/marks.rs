//! Explicit congestion notification: whether marks are asked for, and what they are answered with.

use super::TcpConfig;
use crate::{Ecn, EcnHabits};

impl TcpConfig {
    /// Explicit congestion notification. Default [`Ecn::Accept`]: marks are used when the peer asks for it.
    #[must_use]
    pub fn ecn(self, ecn: Ecn) -> Self {
        Self { ecn, ..self }
    }

    /// Whether our SYN asks for marks.
    pub fn asks_for_marks(&self) -> bool {
        self.ecn.asks()
    }

    /// The same, but that our SYN asks for no marks: for a path that is known to lose or mangle what does.
    #[must_use]
    pub fn without_asking_for_marks(self) -> Self {
        Self { ecn: self.ecn.without_asking(), ..self }
    }

    /// What RFC 9768 leaves to a host. Default as it recommends; [`EcnHabits::LINUX`] is what Linux makes of it.
    #[must_use]
    pub fn ecn_habits(self, habits: EcnHabits) -> Self {
        Self { ecn_habits: habits, ..self }
    }
}
