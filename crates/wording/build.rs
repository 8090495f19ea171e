//! Has the catalogue built anew when a file of texts comes or goes.

#[expect(clippy::print_stdout, reason = "this is how a build script talks")]
fn main() {
    println!("cargo::rerun-if-changed=locales");
}
