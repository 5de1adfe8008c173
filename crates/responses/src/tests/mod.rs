//! Responses against a simulated cluster: what is written, taken back, adopted and left alone.

mod adoption;
mod limits;
mod previews;
mod refusals;
mod world;
mod writes;
