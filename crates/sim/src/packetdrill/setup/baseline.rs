//! The settings that the public suites' `defaults.sh` makes: what their scripts take for granted.
//!
//! Their files are not read: a script that names one means these.

use super::Settings;
use tcp::fast_open::Keys;
use tcp::{Congestion, Ecn};

/// With which the cookies in scripts were made.
const KEY: &str = "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4";

/// Whose `defaults.sh` it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::packetdrill) enum Suite {
    /// Google's, where scripts lie in directories beside it.
    Google,
    /// The Linux kernel's, where all lie in one directory with it.
    Kernel,
}

impl Suite {
    /// The suite of a script that calls it by this path.
    pub(super) fn of(path: &str) -> Self {
        if path == "./defaults.sh" { Self::Kernel } else { Self::Google }
    }
}

/// As production hosts of those who wrote the scripts are set.
pub(super) fn apply(settings: &mut Settings, suite: Suite) {
    settings.receive_memory = [4_096, 540_000, 15 << 20];
    settings.send_memory = [4_096, 256 << 10, 4 << 20];
    settings.timestamps = true;
    settings.sack = true;
    (settings.syn_retries, settings.synack_retries) = (5, 5);
    settings.congestion = Congestion::Cubic;
    settings.idle_restart = false;
    settings.loss_probe = true;
    settings.ecn = Ecn::Off;
    settings.unsent_low = None;
    // Google's were written for kernels whose timeout of a SYN doubles at once.
    (settings.fast_open, settings.syn_linear_timeouts) = match suite {
        Suite::Google => (0x7_0403, 0),
        Suite::Kernel => (0x3, 4),
    };
    settings.fast_open_keys = KEY.parse().ok().map(|primary| Keys { primary, backup: None });
    settings.syn_cookies = 1;
    settings.as_linux = true;
    settings.ecn_habits.forgets_at_the_end = true;
}
