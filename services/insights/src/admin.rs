//! `insights admin`: the first accounts, before anybody can log in to make more.

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use events::advisor::{Advisor, AdvisorCommand, AdvisorDetails};
use events::values::{Actor, AdvisorId, CommandId, EmailAddress, Name};
use jiff::Timestamp;
use journal::{CommandContext, Expect};
use uuid::Uuid;
use vault::{AccountChange, AccountChanged, AccountMade, Role, Vault};

use crate::roles;
use crate::settings::Settings;

/// Keeps an account's id apart from the ids of everything else that follows from an address.
const ACCOUNT_OF: &str = "insights admin";
/// Accounts that one address may have had one after the other.
const ACCOUNTS_OF_ADDRESS_MAX: u32 = 100;

/// Which account to make. Each command prints an invitation, with which its owner chooses a password.
#[derive(Debug, Subcommand)]
pub enum AdminAction {
    /// Register an advisor, and make an account for them
    CreateAdvisor(NewAdvisor),
    /// Make an account for an administrator, a compliance officer, or an advisor who is registered
    CreateAccount(NewAccount),
    /// Print a one-time token with which the first administrator makes an account through the web API
    SetupToken,
}

/// An advisor to be registered.
#[derive(Debug, Args)]
pub struct NewAdvisor {
    /// The advisor's name, as clients read it in letters
    #[arg(long)]
    name: String,
    /// The firm that the advisor works for
    #[arg(long)]
    firm: String,
    /// Under which address the advisor logs in
    #[arg(long)]
    email: String,
}

/// An account to be made.
#[derive(Debug, Args)]
pub struct NewAccount {
    /// What its owner may do
    #[arg(long)]
    role: RoleWord,
    /// Under which address its owner logs in
    #[arg(long)]
    email: String,
    /// Whose clients and portfolios it is about; for the role advisor alone
    #[arg(long)]
    advisor: Option<String>,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleWord {
    /// Looks after advisors, accounts, keys and assets
    Admin,
    /// Looks after their own clients and portfolios
    Advisor,
    /// Reads everything
    Compliance,
}

impl RoleWord {
    const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Advisor => "advisor",
            Self::Compliance => "compliance",
        }
    }
}

/// Makes what was asked for, and prints the invitation.
///
/// # Errors
/// Where the address belongs to another account, or a server cannot be reached.
pub async fn run(settings: &Settings, action: AdminAction) -> anyhow::Result<()> {
    let vault = roles::vault(settings, roles::pool(settings).await?)?;
    match action {
        AdminAction::CreateAdvisor(new) => create_advisor(settings, &vault, &new).await,
        AdminAction::CreateAccount(new) => {
            let advisor = new.advisor.as_deref().map(|text| AdvisorId::parse(text).context("the advisor is no id"));
            let role = Role::from_words(new.role.word(), advisor.transpose()?);
            let role = role.context("the role advisor needs --advisor, and no other role has it")?;
            invite(&vault, &address(&new.email)?, role).await
        }
        AdminAction::SetupToken => match vault.setup_token(Timestamp::now()).await? {
            Some(token) => {
                println!("{token}");
                Ok(())
            }
            None => bail!("there is an administrator already, who makes accounts through the web API"),
        },
    }
}

async fn create_advisor(settings: &Settings, vault: &Vault, new: &NewAdvisor) -> anyhow::Result<()> {
    let email = address(&new.email)?;
    let journal = roles::journal(settings, "operator").await?;
    // Follows from the address, so that the same command again, after whatever happened, ends what was begun.
    let command_id = CommandId::of(&[ACCOUNT_OF, "create-advisor", &email.expose().to_lowercase()]);
    let id = AdvisorId::created_by(command_id);
    let command = AdvisorCommand::Register(AdvisorDetails::new(Name::parse(&new.name)?, Name::parse(&new.firm)?));
    let context = CommandContext {
        command_id,
        time: Timestamp::now(),
        actor: Actor::parse("operator:console")?,
        expect: Expect::Any,
        request_digest: None,
        causation_id: None,
    };
    journal.execute::<Advisor>(&id, &command, &context).await?;
    println!("advisor     {id}");
    invite(vault, &email, Role::Advisor(id)).await
}

async fn invite(vault: &Vault, email: &EmailAddress, role: Role) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let id = account_id(vault, email).await?;
    let account = match vault.create_account(id, email, role, now).await? {
        AccountMade::New(account) => account,
        AccountMade::Before => {
            // Whatever has become of it since.
            let anyhow = AccountChange { command: Uuid::new_v4(), digest: String::new(), version: None, now };
            match vault.invite_again(id, &anyhow).await? {
                AccountChanged::Done(_, invited) => invited,
                _ => bail!("the account is closed"),
            }
        }
        AccountMade::Differs | AccountMade::EmailTaken => bail!("another account has this address"),
    };
    println!("account     {}", account.id);
    println!("invitation  {}   (shown once, good for 72 hours: POST /v1/passwords)", account.invitation);
    Ok(())
}

/// The id of the account that this address has, or is to have: the first of its own that is not closed.
async fn account_id(vault: &Vault, email: &EmailAddress) -> anyhow::Result<Uuid> {
    let address = email.expose().to_lowercase();
    for nth in 0..ACCOUNTS_OF_ADDRESS_MAX {
        let nth = nth.to_string();
        let words = [ACCOUNT_OF, "create-account", &address, &nth];
        // The first one is known by its address alone.
        let id = CommandId::of(if nth == "0" { &words[..3] } else { &words }).uuid();
        if vault.account(id).await?.is_none_or(|account| account.closed_at.is_none()) {
            return Ok(id);
        }
    }
    bail!("{ACCOUNTS_OF_ADDRESS_MAX} accounts of this address were closed")
}

fn address(text: &str) -> anyhow::Result<EmailAddress> {
    EmailAddress::parse(text).with_context(|| format!("`{text}` is no address"))
}
