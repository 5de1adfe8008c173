//! Whole numbers with a unit: what durations and sizes have in common.

/// One unit: its name, and how many of the smallest unit it is.
pub(crate) type Unit = (&'static str, u64);

/// `text` in smallest units: decimal digits and one of `units`, nothing else. `None` if it is neither that nor less
/// than 2^64.
pub(crate) fn parse(text: &str, units: &[Unit]) -> Option<u64> {
    let unit_at = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, unit) = text.split_at(unit_at);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

/// `amount` of the smallest unit in the largest of `units` (smallest first) that leaves no rest; `0` in the one named `zero`.
pub(crate) fn text(amount: u64, units: &[Unit], zero: &'static str) -> String {
    let exact = units.iter().rev().find(|(_, factor)| amount != 0 && amount.is_multiple_of(*factor));
    let (name, factor) = exact.copied().unwrap_or((zero, 1));
    format!("{}{name}", amount / factor)
}
