//! Responses against a simulated cluster: what is written, taken back, adopted and left alone.

mod adoption;
mod limits;
mod previews;
mod refusals;
mod requests;
mod world;
mod writes;
