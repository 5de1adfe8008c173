//! keelwatch
fn main() {}
