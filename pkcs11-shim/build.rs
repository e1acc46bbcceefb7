//! Link options of the module.

fn main() {
    // Programs unload modules while their threads are inside; an unloaded one would crash them.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
