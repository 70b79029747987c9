//! The binary `lyceum`.

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lyceum_api::commands::run(lyceum_api::commands::Cli::parse())
}
