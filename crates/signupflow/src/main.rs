//! SignUpFlow: see [`signupflow::cli`].

use std::process::ExitCode;

/// A request allocates a few dozen small things; the system's allocator took a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    signupflow::cli::main()
}
