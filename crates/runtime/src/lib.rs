//! How a Keelwatch process lives: settings, periodic tasks, readiness, logs, metrics, time and the end.
//!
//! Owns what every role has in common and nothing that one of them does. Sockets are `web`'s; arguments, environment and
//! exit codes are `keelwatch`'s.
//!
//! ```text
//! file, environment ─► settings ─► Live<T> ─► every room          clock     ◄─ everyone
//! signals ───────────► shutdown ─► Stop ────► tasks, listeners    telemetry ◄─ events
//! rooms ─────────────► tasks, probes, metrics ─► answers of web
//! ```
//!
//! A room's section of the settings is a struct of this form, whose doc comments are the user's reference:
//!
//! ```text
//! #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
//! #[serde(default, deny_unknown_fields)]
//! pub struct Settings {
//!     /// Pause between two passes.
//!     #[serde(with = "document::duration")]
//!     #[schemars(with = "document::DurationText", extend("x-min" = "500ms", "x-max" = "1h"))]
//!     pub every: Duration,
//!     /// The tree to read.
//!     #[schemars(extend("x-applies" = "start"))]      // only read at start; without it, reloadable
//!     pub proc: String,
//!     /// The token; `token_file` names a file instead.
//!     #[schemars(extend("x-secret" = true))]          // never shown, may stand in a file of its own
//!     pub token: String,
//! }
//! ```

pub mod clock;
pub mod metrics;
pub mod probes;
pub mod settings;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;
