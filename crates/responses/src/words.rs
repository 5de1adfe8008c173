//! Names that tenants choose, as they are shown to others.
//!
//! Owns what of them stays: no markup, no control, nothing that turns the direction of reading, no end of lines, and never
//! half a character.

/// Longest name that is shown. Names of processes have 15 characters; of deleted executables a path may be told.
const CHARACTERS: usize = 64;

/// A name as it may stand in a text.
pub(crate) fn shown(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for (position, character) in name.chars().enumerate() {
        if position == CHARACTERS {
            shown.push('…');
            break;
        }
        if is_plain(character) { shown.push(character) } else { shown.extend(character.escape_unicode()) }
    }
    shown
}

/// At most so many characters; what is cut ends in `…`.
pub(crate) fn cut(text: String, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text;
    }
    text.chars().take(characters.saturating_sub(1)).chain(['…']).collect()
}

fn is_plain(character: char) -> bool {
    let is_markup = matches!(character, '<' | '>' | '&' | '`' | '[' | ']');
    // Marks and overrides of direction, and what has no width (Unicode, category Cf and annex 9).
    let is_hidden = matches!(
        character,
        '\u{61c}'
            | '\u{ad}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !character.is_control() && !is_markup && !is_hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_controls_and_changes_of_direction_are_escaped() {
        assert_eq!(shown("xmrig"), "xmrig");
        assert_eq!(shown("<b>\n\u{202e}x"), r"\u{3c}b\u{3e}\u{a}\u{202e}x");
        assert_eq!(shown("矿工"), "矿工");
    }

    #[test]
    fn a_long_name_is_cut_at_a_character() {
        let long = shown(&"é".repeat(253));
        assert_eq!((long.chars().count(), long.ends_with("é…")), (65, true));
        assert_eq!((cut("äöü".to_owned(), 3), cut("äöü".to_owned(), 2)), ("äöü".to_owned(), "ä…".to_owned()));
    }
}
