//! `insights`: one binary, one role a process.

use std::process::ExitCode;

use clap::Parser;
use insights::cli::Cli;
use insights::settings::Settings;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("insights: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if let Some(result) = cli.offline() {
        return result;
    }
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another TLS provider is installed already"))?;
    let settings = Settings::read()?;
    let telemetry = insights::telemetry::start(&settings, &cli.service())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(cli.run(settings));
    drop(runtime);
    telemetry.shutdown();
    result
}
