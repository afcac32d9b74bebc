//! One memory budget for the whole host: what a peer sends can slow us down, never grow us.
//!
//! ```text
//!    0 ─────────────────────────────── 3/4 ─────────── 15/16 ── limit
//!      Ok                               │ Tight         │ Full │ refused
//!                                       │ no queue grows│ keep what is promised only
//!
//!    accounts, each with a share of the limit that it cannot pass:
//!      TcpReceive  TcpSend  TcpRecord  Udp  Echo  Reassembly  Neighbour
//! ```
//!
//! Sizes are true sizes: what is really held in memory ([`wire::Payload::held`]), records included. Charging is an
//! addition and a comparison. Who charges remembers how much, and releases just that: nothing here is an estimate, so
//! nothing drifts.

use core::fmt;

/// What memory is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// Octets that TCP has received and nobody has read.
    TcpReceive,
    /// Octets that TCP has taken from its users and that are not acknowledged.
    TcpSend,
    /// Connections, half-open records, TIME-WAIT records.
    TcpRecord,
    /// UDP sockets and their queues.
    Udp,
    /// Echo sockets and their queues.
    Echo,
    /// Fragments that wait for the rest.
    Reassembly,
    /// Neighbours, and packets that wait for a link address.
    Neighbour,
}

impl Account {
    /// Every account, in the order of declaration.
    pub const ALL: [Self; 7] = [
        Self::TcpReceive,
        Self::TcpSend,
        Self::TcpRecord,
        Self::Udp,
        Self::Echo,
        Self::Reassembly,
        Self::Neighbour,
    ];

    /// The name it is printed under.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TcpReceive => "tcp_receive",
            Self::TcpSend => "tcp_send",
            Self::TcpRecord => "tcp_record",
            Self::Udp => "udp",
            Self::Echo => "echo",
            Self::Reassembly => "reassembly",
            Self::Neighbour => "neighbour",
        }
    }

    /// Its share of the limit, in sixteenths. Shares add up to more than the whole: idle memory is for whoever needs
    /// it, and yet no account can starve the rest.
    const fn sixteenths(self) -> usize {
        match self {
            Self::TcpReceive | Self::TcpSend => 12,
            Self::TcpRecord | Self::Udp => 8,
            Self::Echo | Self::Reassembly | Self::Neighbour => 2,
        }
    }
}

/// How much of the budget is used: what TCP and UDP look at before they promise more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pressure {
    /// Under three quarters: queues may grow up to their own limits.
    Ok,
    /// From three quarters: no window and no queue is to grow.
    Tight,
    /// From fifteen sixteenths: what was not promised is dropped, and what was kept for convenience is given back.
    Full,
}

/// A charge that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// The host's limit would be passed.
    Limit(Account),
    /// The account's share would be passed.
    Share(Account),
}

impl Refused {
    /// Whose charge it was.
    pub const fn account(self) -> Account {
        match self {
            Self::Limit(account) | Self::Share(account) => account,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(account) => {
                write!(f, "the host's memory budget is used up (asked for {})", account.name())
            }
            Self::Share(account) => {
                write!(f, "the share of the memory budget for {} is used up", account.name())
            }
        }
    }
}

impl core::error::Error for Refused {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ledger {
    held: usize,
    high_water: usize,
    refused: u64,
}

/// The memory of one host, in octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    limit: usize,
    total: Ledger,
    accounts: [Ledger; Account::ALL.len()],
}

impl Budget {
    /// The default limit: 256 MiB.
    pub const DEFAULT: usize = 256 << 20;

    /// A budget of `limit` octets.
    pub const fn new(limit: usize) -> Self {
        let empty = Ledger { held: 0, high_water: 0, refused: 0 };
        Self { limit, total: empty, accounts: [empty; Account::ALL.len()] }
    }

    /// The limit in octets.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Changes the limit. What is held above a lower one stays until it is released; nothing is added before that.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Octets held now.
    pub const fn held(&self) -> usize {
        self.total.held
    }

    /// The most octets that were ever held at once.
    pub const fn high_water(&self) -> usize {
        self.total.high_water
    }

    /// How many charges were refused.
    pub const fn refused(&self) -> u64 {
        self.total.refused
    }

    /// Octets held now for `account`.
    pub const fn held_for(&self, account: Account) -> usize {
        self.accounts[account as usize].held
    }

    /// The most octets that were ever held at once for `account`.
    pub const fn high_water_for(&self, account: Account) -> usize {
        self.accounts[account as usize].high_water
    }

    /// How many charges of `account` were refused.
    pub const fn refused_for(&self, account: Account) -> u64 {
        self.accounts[account as usize].refused
    }

    /// The most that `account` may hold.
    pub const fn share(&self, account: Account) -> usize {
        (self.limit / 16).saturating_mul(account.sixteenths())
    }

    /// How many octets more a charge to `account` may have.
    pub fn room(&self, account: Account) -> usize {
        let share = self.share(account).saturating_sub(self.held_for(account));
        self.limit.saturating_sub(self.total.held).min(share)
    }

    /// How much of the budget is used.
    pub const fn pressure(&self) -> Pressure {
        let sixteenth = self.limit / 16;
        if self.total.held >= self.limit - sixteenth {
            Pressure::Full
        } else if self.total.held >= self.limit - 4 * sixteenth {
            Pressure::Tight
        } else {
            Pressure::Ok
        }
    }

    /// Charges `octets` to `account`, or refuses and leaves everything as it was.
    ///
    /// # Errors
    /// [`Refused`] says which bound would have been passed; the refusal is counted.
    pub fn charge(&mut self, account: Account, octets: usize) -> Result<(), Refused> {
        let share = self.share(account);
        let ledger = &mut self.accounts[account as usize];
        let refused = if self.total.held.checked_add(octets).is_none_or(|sum| sum > self.limit) {
            Refused::Limit(account)
        } else if ledger.held.saturating_add(octets) > share {
            Refused::Share(account)
        } else {
            self.total.add(octets);
            ledger.add(octets);
            return Ok(());
        };
        self.total.refused = self.total.refused.saturating_add(1);
        ledger.refused = ledger.refused.saturating_add(1);
        Err(refused)
    }

    /// Gives back `octets` that were charged to `account`.
    pub fn release(&mut self, account: Account, octets: usize) {
        let ledger = &mut self.accounts[account as usize];
        debug_assert!(ledger.held >= octets, "{} releases {octets} of {}", account.name(), ledger.held);
        // More than was charged is a bug of the caller; the sum of the accounts stays right all the same.
        let octets = octets.min(ledger.held);
        ledger.held -= octets;
        self.total.held = self.total.held.saturating_sub(octets);
    }

    /// Sets a charge that was `charged` octets to what is `held` now, whatever the limit says: for machines that keep
    /// their own queues and are asked afterwards. `false` when this leaves the host or the account over its bound, and
    /// then the caller ought to make room.
    pub fn settle(&mut self, account: Account, charged: &mut usize, held: usize) -> bool {
        if held < *charged {
            self.release(account, *charged - held);
        } else {
            self.total.add(held - *charged);
            self.accounts[account as usize].add(held - *charged);
        }
        *charged = held;
        self.total.held <= self.limit && self.held_for(account) <= self.share(account)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

impl Ledger {
    fn add(&mut self, octets: usize) {
        self.held = self.held.saturating_add(octets);
        self.high_water = self.high_water.max(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn a_refused_charge_is_counted_and_changes_nothing_else() {
        let mut budget = Budget::new(1_600);
        assert_eq!(budget.charge(Account::Reassembly, 201), Err(Refused::Share(Account::Reassembly)));
        assert_eq!(budget.charge(Account::Reassembly, 200), Ok(()));
        assert_eq!(budget.charge(Account::TcpReceive, 1_401), Err(Refused::Limit(Account::TcpReceive)));
        assert_eq!(budget.charge(Account::TcpReceive, usize::MAX), Err(Refused::Limit(Account::TcpReceive)));
        assert_eq!((budget.held(), budget.high_water(), budget.refused()), (200, 200, 3));
        assert_eq!(budget.refused_for(Account::Reassembly), 1);
        assert_eq!(budget.room(Account::Reassembly), 0);
        assert_eq!(budget.room(Account::TcpReceive), 1_200);
        assert_eq!(budget.room(Account::Udp), 800);
    }

    #[test]
    fn pressure_rises_before_the_limit_does_its_work() {
        let mut budget = Budget::new(1_600);
        budget.charge(Account::TcpSend, 1_199).unwrap();
        assert_eq!(budget.pressure(), Pressure::Ok);
        budget.charge(Account::TcpSend, 1).unwrap();
        assert_eq!(budget.pressure(), Pressure::Tight);
        budget.charge(Account::Udp, 300).unwrap();
        assert_eq!(budget.pressure(), Pressure::Full);
        budget.release(Account::TcpSend, 1_200);
        assert_eq!(budget.pressure(), Pressure::Ok);
        assert_eq!(Budget::new(0).pressure(), Pressure::Full);
    }

    #[test]
    fn settling_keeps_the_truth_even_above_the_limit() {
        let mut budget = Budget::new(160);
        let mut charged = 0;
        assert!(budget.settle(Account::TcpReceive, &mut charged, 100));
        assert!(!budget.settle(Account::TcpReceive, &mut charged, 500));
        assert_eq!((charged, budget.held()), (500, 500));
        assert!(budget.charge(Account::Udp, 1).is_err());
        assert!(budget.settle(Account::TcpReceive, &mut charged, 0));
        assert_eq!((budget.held(), budget.high_water()), (0, 500));
    }

    #[test]
    fn a_lower_limit_lets_nothing_in_until_enough_was_released() {
        let mut budget = Budget::new(1_600);
        budget.charge(Account::Udp, 400).unwrap();
        budget.set_limit(160);
        assert!(budget.charge(Account::TcpSend, 1).is_err());
        budget.release(Account::Udp, 400);
        assert!(budget.charge(Account::TcpSend, 1).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_charged_and_released_the_books_agree_with_what_is_held(
            steps in proptest::collection::vec((0usize..7, 0usize..400, any::<bool>(), any::<bool>()), 0..200)
        ) {
            let mut budget = Budget::new(4_000);
            let mut live: Vec<(Account, usize)> = Vec::new();
            let mut most = 0;
            for (account, octets, give_back, settle) in steps {
                let account = Account::ALL[account];
                if give_back && !live.is_empty() {
                    let (account, octets) = live.swap_remove(octets % live.len());
                    budget.release(account, octets);
                } else if settle && octets <= budget.room(account) {
                    let mut charged = 0;
                    prop_assert!(budget.settle(account, &mut charged, octets));
                    live.push((account, charged));
                } else {
                    let room = budget.room(account);
                    let taken = budget.charge(account, octets).is_ok();
                    prop_assert_eq!(taken, octets <= room);
                    if taken {
                        live.push((account, octets));
                    }
                }
                let sum = |wanted: Account| live.iter().filter(|(a, _)| *a == wanted).map(|(_, n)| n).sum::<usize>();
                for account in Account::ALL {
                    prop_assert_eq!(budget.held_for(account), sum(account));
                    prop_assert!(budget.held_for(account) <= budget.share(account));
                }
                let all: usize = live.iter().map(|(_, n)| n).sum();
                most = most.max(all);
                prop_assert_eq!(budget.held(), all);
                prop_assert_eq!(budget.high_water(), most);
                prop_assert!(all <= budget.limit());
            }
        }
    }
}
