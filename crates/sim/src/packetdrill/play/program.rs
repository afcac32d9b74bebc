//! Blocks of code: one program, run at the end over what the host said of itself at each block's time.

use super::{Done, Player, Stop};
use crate::packetdrill::code::{FailureKind, Program};
use crate::packetdrill::linux;
use crate::packetdrill::script::Code;

/// A block, and what its names stood for when it was its turn.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) code: Code,
    pub(super) values: Vec<(&'static str, i64)>,
}

impl Player<'_> {
    /// Runs the blocks. A name that Linux says something by, and the host doesn't, is a reason to skip the script.
    pub(super) fn run_code(&mut self) -> Done {
        let mut program = Program::new();
        let ran = self.blocks(&mut program);
        program.printed().clone_into(&mut self.printed);
        ran
    }

    fn blocks(&mut self, program: &mut Program) -> Done {
        for Snapshot { code, values } in &self.snapshots {
            let said = |name: &str| values.iter().find(|(known, _)| *known == name).map(|&(_, value)| value);
            let names = |name: &str| said(name).or_else(|| linux::number(name));
            if let Err(failure) = program.run(code, &names) {
                self.at = failure.at;
                return Err(match failure.kind {
                    FailureKind::Unknown(name) if linux::is_said(&name) => {
                        Stop::skip(failure.at, failure.message)
                    }
                    FailureKind::Unknown(_) | FailureKind::Assertion | FailureKind::Error => {
                        self.fail(failure.message)
                    }
                });
            }
        }
        Ok(())
    }
}
