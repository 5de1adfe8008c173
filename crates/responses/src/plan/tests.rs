//! Plans of each response, and what becomes of them in time.

mod labels;
mod notices;
mod rules;
mod undos;
