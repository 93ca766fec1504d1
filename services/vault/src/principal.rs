//! Who acts: a role, for an advisor whose, and what of it the credential may use.

use events::values::{Actor, AdvisorId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::VaultError;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Looks after advisors, accounts, keys and assets, and may do what an advisor does in any advisor's name.
    Admin,
    /// Looks after this advisor's own clients and portfolios.
    Advisor(AdvisorId),
    /// Reads everything, and changes nothing but what is left to compliance alone.
    Compliance,
}

impl Role {
    /// The role's word, in the database and in actors.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Advisor(_) => "advisor",
            Self::Compliance => "compliance",
        }
    }

    /// Whose clients and portfolios it is about, where it is about one advisor's.
    #[must_use]
    pub const fn advisor(self) -> Option<AdvisorId> {
        match self {
            Self::Advisor(id) => Some(id),
            Self::Admin | Self::Compliance => None,
        }
    }

    /// The role of this word, with an advisor exactly where the role is about one.
    #[must_use]
    pub fn from_words(word: &str, advisor: Option<AdvisorId>) -> Option<Self> {
        match (word, advisor) {
            ("admin", None) => Some(Self::Admin),
            ("advisor", Some(id)) => Some(Self::Advisor(id)),
            ("compliance", None) => Some(Self::Compliance),
            _ => None,
        }
    }

    pub(crate) fn stored(word: String, advisor: Option<Uuid>) -> Result<Self, VaultError> {
        Self::from_words(&word, advisor.map(AdvisorId::new)).ok_or(VaultError::UnknownRole(word))
    }
}

/// How much of a role a credential may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Only what changes nothing.
    Read,
    /// All of it.
    Write,
}

impl Scope {
    /// The scope's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// The scope of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|scope| scope.word() == word)
    }

    pub(crate) fn stored(word: String) -> Result<Self, VaultError> {
        Self::from_word(&word).ok_or(VaultError::UnknownScope(word))
    }
}

/// What a principal presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A program's token, by its id.
    Token(Uuid),
    /// A browser's session, by its id.
    Session(Uuid),
}

/// Who presented a credential that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What was presented.
    pub credential: Credential,
    /// Whose it is; none for tokens that an operator made beside all accounts.
    pub account: Option<Uuid>,
    /// What they may do.
    pub role: Role,
    /// How much of it.
    pub scope: Scope,
    /// From when on the credential is good no more.
    pub expires_at: Timestamp,
    /// How they are named in the log: by account, so that a new session or token is the same caller; a token beside all
    /// accounts is a caller of its own.
    pub actor: Actor,
    /// Who stands behind the credential: the advisor, or else the account, or else the token itself, behind which nobody
    /// stands. Whoever exchanges a token for another one is the same to what was asked with the old one.
    pub caller: Actor,
}

impl Principal {
    pub(crate) fn new(
        credential: Credential,
        account: Option<Uuid>,
        role: Role,
        scope: Scope,
        expires_at: Timestamp,
    ) -> Self {
        let (Credential::Token(id) | Credential::Session(id)) = credential;
        let named = |id: Uuid| {
            let name = format!("{}:{id}", role.word());
            Actor::parse(&name).expect("a role's word and a UUID name an actor")
        };
        let actor = account.unwrap_or(id);
        let caller = role.advisor().map_or(actor, AdvisorId::uuid);
        Self { credential, account, role, scope, expires_at, actor: named(actor), caller: named(caller) }
    }
}

#[cfg(test)]
mod tests {
    use events::values::AdvisorId;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::{Credential, Principal, Role, Scope};

    fn principal(account: Option<Uuid>, role: Role) -> Principal {
        let token = Credential::Token(Uuid::from_u128(7));
        Principal::new(token, account, role, Scope::Write, Timestamp::UNIX_EPOCH)
    }

    fn actor(account: Option<Uuid>, role: Role) -> String {
        principal(account, role).actor.as_str().to_owned()
    }

    #[test]
    fn a_caller_is_the_advisor_or_else_the_account_or_else_the_token() {
        let caller =
            |account: Option<u128>, role| principal(account.map(Uuid::from_u128), role).caller.as_str().to_owned();
        let ana = Role::Advisor(AdvisorId::new(Uuid::from_u128(9)));
        assert_eq!(caller(None, ana), "advisor:00000000-0000-0000-0000-000000000009");
        assert_eq!(caller(Some(8), ana), caller(None, ana), "by whatever account or token");
        assert_eq!(caller(Some(8), Role::Admin), "admin:00000000-0000-0000-0000-000000000008");
        assert_eq!(caller(None, Role::Admin), "admin:00000000-0000-0000-0000-000000000007");
    }

    #[test]
    fn an_actor_is_named_by_role_and_account_or_else_token() {
        assert_eq!(actor(None, Role::Admin), "admin:00000000-0000-0000-0000-000000000007");
        let ana = Role::Advisor(AdvisorId::new(Uuid::from_u128(9)));
        assert_eq!(actor(Some(Uuid::from_u128(8)), ana), "advisor:00000000-0000-0000-0000-000000000008");
    }

    #[test]
    fn only_an_advisor_is_about_an_advisor() {
        let ana = Some(AdvisorId::new(Uuid::from_u128(9)));
        for role in [Role::Admin, Role::Compliance] {
            assert_eq!(Role::from_words(role.word(), None), Some(role));
            assert_eq!(Role::from_words(role.word(), ana), None);
        }
        assert_eq!(Role::from_words("advisor", None), None);
        assert_eq!(Role::from_words("advisor", ana).and_then(Role::advisor), ana);
        assert_eq!(Role::from_words("owner", None), None);
    }
}
