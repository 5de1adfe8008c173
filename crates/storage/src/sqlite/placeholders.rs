//! Placeholders of long statements, for SQLite.
//!
//! `$1` is a name to SQLite, and with each value the driver asks for the name of its place, which SQLite looks for from the
//! first one on: with a thousand values that takes longer than storing them. A plain `?` has no name.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Shorter ones are not worth a look.
const LONG: usize = 1_000;

/// Each text that was looked at, by its address, with what is run. Statements are constants: there are some tens.
static KNOWN: Mutex<Option<HashMap<usize, &'static str>>> = Mutex::new(None);

/// The same statement with plain placeholders, if each value has one place, in their order; else `sql` as it is.
pub(super) fn plain(sql: &'static str) -> &'static str {
    if sql.len() < LONG {
        return sql;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    // A text of the same address is the same: none of them ends before the process does.
    known
        .entry(sql.as_ptr().addr())
        .or_insert_with(|| rewritten(sql).map_or(sql, |text| Box::leak(text.into_boxed_str())))
}

fn rewritten(sql: &str) -> Option<String> {
    let mut parts = sql.split('$');
    let mut text = parts.next()?.to_owned();
    for (number, part) in (1_usize..).zip(parts) {
        let rest = part.strip_prefix(&number.to_string())?;
        if rest.starts_with(|sign: char| sign.is_ascii_digit()) {
            return None;
        }
        text.push('?');
        text.push_str(rest);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_their_order_need_no_names_and_others_keep_them() {
        let values: Vec<String> = (1..=12).map(|place| format!("${place}")).collect();
        let all = rewritten(&format!("VALUES ({})", values.join(", ")));
        assert_eq!(all, Some(format!("VALUES ({})", ["?"; 12].join(", "))));
        assert_eq!(
            [rewritten("a = $1 OR b = $1"), rewritten("a = $2 AND b = $1"), rewritten("$12")],
            [None, None, None]
        );
    }
}
