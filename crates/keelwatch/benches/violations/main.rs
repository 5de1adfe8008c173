//! `cargo xtask bench violations`: what the list of a node costs its reader, and what the collection from all nodes costs.
//!
//! Owns the bars of violations.md, section 9. Node and controller are the real program; the nodes of the collection are simulated
//! agents, and the API server is simulated.
#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(clippy::disallowed_methods, reason = "a bench waits and starts processes")]

mod collection;
mod controller;
mod node;

fn main() {
    node::run();
    collection::run();
}

/// One line of the protocol.
fn result(name: &str, value: f64, unit: &str, bar: &str) {
    println!("bench: name={name} value={value:.3} unit={unit} bar={bar}");
}
