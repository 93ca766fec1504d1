//! `./x bench`: what the system does on this machine, beside what the servers alone do on it.
//!
//! Every ratio comes from one run on the same servers, in rounds that alternate between the two sides, and is the ratio
//! of medians: machines are noisy. Slowness is a result, not a failure; a wrong result is a failure: whatever was
//! acknowledged is counted again in the log.
//!
//! # Layout
//!
//! * `options.rs`: which measurements, and how large. `report.rs`: the table, the targets and the JSON file.
//! * `bed.rs`: private servers. `service.rs`: roles in a process of their own, as they are deployed.
//! * `wishes.rs`: what callers ask for, as requests and as the events that come of them.
//! * `http.rs`, `raw.rs`: the two sides: a lean HTTP client, and appends without anything of ours around them.
//! * `load.rs`: many callers at once. `truth.rs`: what they were told, against the log. `cpu.rs`: what
//!   processes take of the machine.
//! * `commands.rs`: (a) and (b). `million.rs`: a log of a million events. `replay.rs`: (c). `project.rs`: (d).
//!   `visible.rs`: (e). `memory.rs`: (f).

mod bed;
mod commands;
mod cpu;
mod http;
mod load;
mod memory;
mod million;
mod options;
mod project;
mod raw;
mod replay;
mod report;
mod service;
mod truth;
mod visible;
mod wishes;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::bed::Bed;
use crate::options::{Job, Measurement, Options, Size};
use crate::report::Report;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.job {
        Some(Job::Serve { roles }) => service::serve(roles),
        None => measure_all(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all(options: &Options) -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another TLS provider is installed already"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::new(options.size());
    runtime.block_on(measure(options, &mut report))?;
    report.print_verdicts();
    let path = options.json_path();
    report.write(&path).with_context(|| format!("cannot write {}", path.display()))?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let size = options.size();
    if options.wants(Measurement::A) {
        report.title("(a) commands over HTTP beside raw appends, one server, written to disk before each yes");
        let bed = Bed::one().await?;
        commands::measure(&bed, &size.one_server(), Measurement::A, report).await.context("(a)")?;
    }
    if options.wants(Measurement::B) {
        report.title("(b) commands over HTTP beside raw appends, three servers, replicas 3");
        let bed = Bed::three().await?;
        commands::measure(&bed, &size.three_servers(), Measurement::B, report).await.context("(b)")?;
    }
    if options.wants(Measurement::C) || options.wants(Measurement::D) {
        read_back(options, size, report).await?;
    }
    if options.wants(Measurement::E) || options.wants(Measurement::F) {
        let bed = Bed::one().await?;
        let service = bed.serve("all").await?;
        let idle = service.resident_kib()?;
        if options.wants(Measurement::E) {
            report.title("(e) from a command to its row in the read model, over HTTP");
            visible::measure(&bed, &service, size, report).await.context("(e)")?;
        }
        if options.wants(Measurement::F) {
            report.title("(f) resident memory of all roles in one process");
            memory::measure(&bed, &service, idle, size, report).await.context("(f)")?;
        }
    }
    Ok(())
}

/// (c) and (d): both read the same large log.
async fn read_back(options: &Options, size: Size, report: &mut Report) -> anyhow::Result<()> {
    let bed = Bed::one_relaxed().await?;
    let log = million::write(&bed, size.log_aggregates(), report).await.context("writing a large log")?;
    if options.wants(Measurement::C) {
        report.title("(c) replay folded in memory beside a raw read of the same kind");
        replay::measure(&bed, &log, size, report).await.context("(c)")?;
    }
    if options.wants(Measurement::D) {
        report.title("(d) replay into PostgreSQL through the projector");
        project::measure(&bed, &log, size, report).await.context("(d)")?;
    }
    Ok(())
}
