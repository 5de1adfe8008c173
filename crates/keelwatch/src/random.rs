//! What nobody can guess: tokens, identities, seeds.

use anyhow::Context;
use rustix::rand::{GetRandomFlags, getrandom};

/// Bytes of the kernel's generator (getrandom(2)).
pub(crate) fn bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty()).context("failed to ask for randomness")?;
    }
    Ok(bytes)
}
