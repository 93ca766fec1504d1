//! Who clients are, opened for a caller. What is opened is on record before anything of it is told: who read whose name
//! and address, when, and by which operation. Where that cannot be recorded nothing is told.

use events::values::{ClientId, SealedIdentity, Sought};
use tracing::Span;
use vault::{Identity, Vault};

use crate::access::Caller;
use crate::problem::Problem;
use crate::state::Clock;

/// What opens identities. Nothing else of this service does.
#[derive(Clone)]
pub struct Identities {
    /// Where the keys and the records are.
    pub vault: Vault,
    /// When it is.
    pub clock: Clock,
}

impl Identities {
    /// The identities, in their order; `None` where a client's key was destroyed, and nobody can tell any more.
    ///
    /// # Errors
    /// That the vault does not answer, or cannot record that they were read.
    pub async fn opened(
        &self,
        caller: &Caller,
        operation: &'static str,
        sealed: Vec<(ClientId, SealedIdentity)>,
    ) -> Result<Vec<Option<Identity>>, Problem> {
        let opened = self.vault.open_identities(&sealed).await?;
        let mut read: Vec<ClientId> =
            sealed.into_iter().zip(&opened).filter_map(|((id, _), it)| it.as_ref().map(|_| id)).collect();
        read.sort_unstable();
        read.dedup();
        let trace = journal::trace_parent(&Span::current());
        let trace_id = trace.as_deref().and_then(|parent| parent.split('-').nth(1));
        self.vault.record_reads(&caller.actor, &read, operation, trace_id, self.clock.now()).await?;
        Ok(opened)
    }

    /// Which of the identities have this in the name or the address, in their order. Nothing of them is
    /// told, so nothing is on record: whoever is told of those who have it opens them for the caller.
    ///
    /// # Errors
    /// That the vault does not answer.
    pub async fn containing(
        &self,
        sought: &Sought,
        sealed: &[(ClientId, SealedIdentity)],
    ) -> Result<Vec<bool>, Problem> {
        let contains = |identity: Option<Identity>| {
            identity.is_some_and(|Identity { name, email }| {
                [name.as_str(), email.expose()].into_iter().any(|text| Sought::of(text).contains(sought))
            })
        };
        Ok(self.vault.open_identities(sealed).await?.into_iter().map(contains).collect())
    }
}
