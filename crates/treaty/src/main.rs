//! `treaty`: the agreement between sales and marketing, checked against the data.
//!
//! This crate is the wiring: arguments, settings, the clock, progress bars and files. It is the only
//! place that knows what time it is.

mod args;
mod commands;
mod demo;
mod gather;
mod home;
mod later;
mod output;
mod progress;

use clap::Parser;
use std::process::ExitCode;

/// The pass fills many buffers from several threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            output::error(&format!("the runtime cannot be started: {e}"));
            return ExitCode::from(2);
        }
    };
    let answered = runtime.block_on(async {
        let answered = commands::run(args).await;
        later::done().await;
        answered
    });
    match answered {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            output::error(&message);
            ExitCode::from(2)
        }
    }
}
