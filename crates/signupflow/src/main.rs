//! SignUpFlow: see [`signupflow::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    signupflow::cli::main()
}
