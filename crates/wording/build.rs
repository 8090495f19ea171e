//! Has the catalogue built anew when a file of texts comes or goes.

fn main() {
    println!("cargo::rerun-if-changed=locales");
}
