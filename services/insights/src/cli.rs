//! The command line: roles, and the commands of operators and auditors.

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::instance::{FOLDER, Instance};
use crate::roles::Role;
use crate::settings::Settings;
use crate::{admin, auditor, demo, loading, offline, operator, roles, signals, up};

/// The system of record for investment advice.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in this folder: private servers, every role, demo prices. Ctrl-C ends it, its data stays
    Up,
    /// Do the main job once through the web API and print each step
    Demo(demo::Options),
    /// Serve the web API
    Api,
    /// Keep the read models current
    Project,
    /// Keep the figures of every portfolio current
    Analyze,
    /// Turn recommended portfolios into one recommendation a client
    Recommend,
    /// End advice whose last day is over
    Expire,
    /// Send the letters
    Notify,
    /// Serve prices and figures over gRPC
    Grpc,
    /// Load prices from Yahoo or from a table, or keep them fresh
    Load(loading::Options),
    /// Run every role in one process
    All,
    /// Make the streams that are not there, and check those that are
    Provision,
    /// Make or bring up to date the tables of both schemas
    Migrate,
    /// Print events as JSON lines: an aggregate's history, or a stretch of a stream
    Events(auditor::EventsOptions),
    /// Build one read model anew beside the live one, and swap
    Rebuild {
        /// Which read model; all of them where none is named
        read_model: Option<String>,
    },
    /// List what consumers gave up on, or see to it
    Parked {
        #[command(subcommand)]
        action: Option<operator::ParkedAction>,
    },
    /// Say what became of a letter whose outcome is unknown
    Letter {
        #[command(subcommand)]
        action: operator::LetterAction,
    },
    /// Make the first accounts and print their invitations
    Admin {
        #[command(subcommand)]
        action: admin::AdminAction,
    },
    /// Make an access token and print it once
    Token(operator::TokenOptions),
    /// Check servers, streams, tables and lag
    Doctor,
    /// Check the whole log: nothing missing, nothing twice, everything readable
    Verify,
    /// Print the settings in force, secrets masked
    Config,
    #[command(flatten)]
    Offline(offline::Command),
}

impl Cli {
    /// What a command that needs no server, no settings and no telemetry came to; nothing for any other command.
    #[must_use]
    pub fn offline(&self) -> Option<anyhow::Result<()>> {
        match &self.command {
            Command::Offline(command) => Some(command.run()),
            _ => None,
        }
    }

    /// What this process calls itself in traces.
    #[must_use]
    pub fn service(&self) -> String {
        let role = match &self.command {
            Command::Api => "api",
            Command::Grpc => "grpc",
            Command::Load(options) if options.is_role() => "load",
            Command::Project => "project",
            Command::Analyze => "analyze",
            Command::Recommend => "recommend",
            Command::Expire => "expire",
            Command::Notify => "notify",
            _ => return "insights".to_owned(),
        };
        format!("insights-{role}")
    }

    /// Does what was asked for.
    ///
    /// # Errors
    /// Whatever keeps it from being done, as a chain of causes.
    pub async fn run(self, settings: Settings) -> anyhow::Result<()> {
        let stop = CancellationToken::new();
        signals::cancel_on_signal(stop.clone())?;
        // `up` and `demo` bring their own servers; all else speaks to what is set, or to what runs in this folder.
        let settings = match (&self.command, Instance::running(FOLDER.as_ref())) {
            (Command::Up | Command::Demo(_), _) | (_, None) => settings,
            (_, Some(instance)) => instance.complete(settings),
        };
        match self.command {
            Command::Up => up::run(settings, stop).await,
            Command::Demo(options) => demo::run(settings, options, stop).await,
            Command::Api => roles::run(&settings, &[Role::Api], stop).await,
            Command::Project => roles::run(&settings, &[Role::Project], stop).await,
            Command::Analyze => roles::run(&settings, &[Role::Analyze], stop).await,
            Command::Recommend => roles::run(&settings, &[Role::Recommend], stop).await,
            Command::Expire => roles::run(&settings, &[Role::Expire], stop).await,
            Command::Notify => roles::run(&settings, &[Role::Notify], stop).await,
            Command::Grpc => roles::run(&settings, &[Role::Grpc], stop).await,
            Command::Load(options) => loading::run(&settings, options, stop).await,
            Command::All => roles::run(&settings, &Role::ALL, stop).await,
            Command::Provision => {
                operator::provision(&settings).await?;
                println!("the streams are as deploy/nats/topology.json says");
                Ok(())
            }
            Command::Migrate => {
                operator::migrate(&settings).await?;
                println!("the schemas `vault` and `read` are up to date");
                Ok(())
            }
            Command::Events(options) => auditor::events(&settings, options, stop).await,
            Command::Rebuild { read_model } => operator::rebuild(&settings, read_model.as_deref()).await,
            Command::Parked { action } => operator::parked(&settings, action).await,
            Command::Letter { action } => operator::letter(&settings, action).await,
            Command::Admin { action } => admin::run(&settings, action).await,
            Command::Token(options) => operator::token(&settings, &options).await,
            Command::Doctor => operator::doctor(&settings).await,
            Command::Verify => auditor::verify(&settings).await,
            Command::Config => {
                for (name, value) in settings.shown() {
                    println!("{name} = {value}");
                }
                Ok(())
            }
            Command::Offline(command) => command.run(),
        }
    }
}
