//! The binary `lyceum`.

use std::process::ExitCode;

use lyceum_api::commands::{Cli, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(Cli::from_process())
}
