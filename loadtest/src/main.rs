//! Serves a simulated tenant from a shell: `cargo run -p loadtest -- tenant --scenario demo`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
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
}

fn main() -> ExitCode {
    let Command::Tenant {
        scenario,
        port,
        seed,
    } = Arguments::parse().command;
    match serve(&scenario, port, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
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
