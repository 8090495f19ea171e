//! SignUpFlow.
fn main() {}
