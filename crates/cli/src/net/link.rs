//! The link goes away under what is under way, and comes back: people are told, for nothing else moves meanwhile.

use super::Net;
use serde_json::json;
use std::convert::Infallible;
use std::time::Duration;

/// So often it is looked at.
const LOOK: Duration = Duration::from_millis(250);

impl Net {
    /// Says when our interface goes down, and when it is up again: in words to `tell`, which knows what else is on the
    /// screen, or in JSON. Never returns.
    pub(crate) async fn watch_link(&self, tell: impl Fn(&str)) -> Infallible {
        let mut was_up = true;
        loop {
            tokio::time::sleep(LOOK).await;
            let up = self.link_is_up();
            if up == was_up {
                continue;
            }
            was_up = up;
            let name = &self.name;
            if self.say.json {
                let json = || json!({ "event": "link", "interface": name, "up": up });
                self.say.line_or_not(json, "");
            } else if up {
                tell(&format!("the link {name} is up again"));
            } else {
                tell(&format!("waiting for the link {name}, which is down"));
            }
        }
    }

    /// Whether any interface but loopback is up: the stack of a command has one.
    fn link_is_up(&self) -> bool {
        self.stack.host(|host| {
            let mut links = host.interfaces().into_iter().filter(|&id| id != handfast::InterfaceId::LOOPBACK);
            links.any(|id| host.interface_up(id) == Some(true))
        })
    }
}
