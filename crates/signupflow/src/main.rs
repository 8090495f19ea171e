//! SignUpFlow: see [`signupflow::cli`].

use std::process::ExitCode;

/// A request makes some hundred small allocations, which the system's allocator takes twice as long for
/// (`docs/decisions/0057-jemalloc.md`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    signupflow::cli::main()
}
