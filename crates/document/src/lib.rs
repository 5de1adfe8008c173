//! YAML or JSON text in, typed values out, or every fault at once with its line and column.
//!
//! Owns the tree of a text with positions, the check of that tree against the schema of a Rust type, and the two
//! texts that settings and rules use for quantities (`500ms`, `64KiB`). What a value means, where a text comes from and
//! which variables it may name is left to those who ask.
//!
//! ```text
//! text ─► parse ─► Document ─► decode ─► T
//!            │         │ map_strings, read_secrets, fault
//!            └─────────┴───────────► Vec<Fault>, sorted
//! ```
//!
//! YAML is version 1.2 with its core schema, of which JSON is a subset. One document, no anchors, aliases or tags, every
//! key once. A text is never guessed at: where a type asks for text, `5` must be written `"5"`.

mod check;
mod decode;
pub mod duration;
mod fault;
mod parse;
mod path;
mod quantity;
mod scalar;
pub mod schema;
mod secrets;
pub mod size;
mod tree;
mod words;

pub use decode::Document;
pub use duration::DurationText;
pub use fault::Fault;
pub use parse::Limits;
pub use path::under;
pub use size::SizeText;
pub use tree::Origin;
pub use words::nearest;
