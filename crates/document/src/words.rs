//! Words of messages: what was found, what was probably meant.

/// The known word that `word` is most likely a slip of, if any is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let folded = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        // One slip in three letters: `evry` is every, `foo` is not `for`.
        .filter(|(slips, candidate)| *slips <= candidate.chars().count().max(folded.chars().count()) / 3)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// `text` as a message may show it: on one line, not too long, in quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", shortened(text))
}

/// `text` as a message may show it, in quotes only where it would be misread without.
pub(crate) fn shown(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/+-*@%".contains(&byte);
    if text.is_empty() || !text.bytes().all(plain) { quoted(text) } else { shortened(text) }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown: String = text.chars().take(LONGEST).flat_map(escaped).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

fn escaped(character: char) -> impl Iterator<Item = char> {
    let (plain, escape) = if character.is_control() { (None, Some(character)) } else { (Some(character), None) };
    plain.into_iter().chain(escape.into_iter().flat_map(char::escape_default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_none() {
        let known = ["regex", "prefix", "every"];
        assert_eq!(nearest("regexp", known), Some("regex"));
        assert_eq!(nearest("evry", known), Some("every"));
        assert_eq!(nearest("Every", known), Some("every"));
        assert_eq!(nearest("foo", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }

    #[test]
    fn a_quoted_text_stays_on_one_short_line() {
        assert_eq!(quoted("a\nb\u{1b}"), "\"a\\nb\\u{1b}\"");
        assert_eq!(quoted(&"é".repeat(1_000)).chars().count(), 83);
    }
}
