//! Serves a simulated tenant from a shell, or measures the loader against all of them:
//! `cargo run --release -p loadtest -- tenant --scenario demo`, and `… -- scenarios`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use loadtest::scenarios::{self, ScenariosArguments};
use loadtest::tenant::{Scenario, Tenant};

/// Stands in for a contact platform behind rate limits.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves a simulated tenant on 127.0.0.1 until SIGINT or SIGTERM.
    Tenant {
        /// A scenario file, or the name of a scenario that comes with the program.
        #[arg(long, default_value = "demo")]
        scenario: String,
        /// The port; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Seed of the faults and the latency, in place of the scenario's.
        #[arg(long)]
        seed: Option<u64>,
    },
    Scenarios(ScenariosArguments),
}

/// A mistake in the command line, or a system that doesn't play along.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let (ended, failure) = match Arguments::parse().command {
        Command::Tenant {
            scenario,
            port,
            seed,
        } => (
            serve(&scenario, port, seed).map(|()| ExitCode::SUCCESS),
            ExitCode::FAILURE,
        ),
        Command::Scenarios(arguments) => (
            scenarios::run(&arguments, &mut std::io::stdout())
                .map(|ending| ExitCode::from(ending.code()))
                .map_err(Into::into),
            ExitCode::from(USAGE),
        ),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        failure
    })
}

fn serve(name: &str, port: u16, seed: Option<u64>) -> Result<(), Box<dyn std::error::Error>> {
    let mut scenario = Scenario::find(name)?;
    scenario.seed = seed.unwrap_or(scenario.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        // Before the address is told, so that a signal sent at once is not lost.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let tenant = Tenant::start_on(scenario, port)?;
        println!("listening on {}", tenant.base_url());
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tenant.shutdown();
        Ok(())
    })
}
