//! Who clients are, opened for a caller. What is opened is on record before anything of it is told: who read whose name
//! and address, when, and by which operation. Where that cannot be recorded nothing is told.

use events::values::{ClientId, SealedIdentity};
use futures::{StreamExt, TryStreamExt};
use tracing::Span;
use vault::{Identity, Vault, VaultError};

use crate::access::Caller;
use crate::problem::Problem;
use crate::state::Clock;

/// Identities that one request opens at once.
const OPENED_AT_ONCE: usize = 8;

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
        let clients: Vec<ClientId> = sealed.iter().map(|(client, _)| *client).collect();
        let open = |(client, sealed): (ClientId, SealedIdentity)| {
            let vault = self.vault.clone();
            async move {
                match vault.open_identity(client, &sealed).await {
                    Ok(identity) => Ok(Some(identity)),
                    Err(VaultError::KeyDestroyed { .. }) => Ok(None),
                    Err(error) => Err(Problem::from(error)),
                }
            }
        };
        let opened = futures::stream::iter(sealed.into_iter().map(open)).buffered(OPENED_AT_ONCE);
        let opened: Vec<Option<Identity>> = opened.try_collect().await?;
        let mut read: Vec<ClientId> =
            clients.into_iter().zip(&opened).filter_map(|(id, it)| it.as_ref().map(|_| id)).collect();
        read.sort_unstable();
        read.dedup();
        let trace = journal::trace_parent(&Span::current());
        let trace_id = trace.as_deref().and_then(|parent| parent.split('-').nth(1));
        self.vault.record_reads(&caller.actor, &read, operation, trace_id, self.clock.now()).await?;
        Ok(opened)
    }
}
