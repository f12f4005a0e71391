//! The embedded page is part of the binary: build again when it changed.

fn main() {
    println!("cargo:rerun-if-changed=web/dist");
}
