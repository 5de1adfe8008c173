//! What the cluster does where no recording says it.
//!
//! Owns the tests that go through requests; what one module decides alone is tested there.

mod bad_input;
mod control;
mod custom;
mod deletion;
mod faults;
mod forms;
mod jobs;
mod lists;
mod load;
mod logs;
mod moving;
mod reviews;
mod shapes;
mod watches;
mod writes;
