//! Several short texts in one allocation.
//!
//! Owns the form. A cluster of 150,000 pods keeps millions of labels and fields: apart, they take more than the objects.

/// Texts, in order. None of them contains a NUL: labels, uids and the values of fields cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words(Box<str>);

impl Words {
    /// The texts, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator('\0')
    }

    /// The text at a place, "" beyond the last.
    pub(crate) fn nth(&self, nth: usize) -> &str {
        self.iter().nth(nth).unwrap_or_default()
    }

    /// The text behind `key`, of texts that are keys and values by turns.
    pub(crate) fn value_of(&self, key: &str) -> Option<&str> {
        let mut words = self.iter();
        while let (Some(found), Some(value)) = (words.next(), words.next()) {
            if found == key {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> FromIterator<&'a str> for Words {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        let mut text = String::new();
        for word in words {
            text.push_str(word);
            text.push('\0');
        }
        Self(text.into_boxed_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_words_keep_their_place() {
        let words: Words = ["", "a", "", "b", ""].into_iter().collect();
        assert_eq!(words.iter().collect::<Vec<_>>(), ["", "a", "", "b", ""]);
        assert_eq!((words.nth(3), words.nth(4), words.nth(9)), ("b", "", ""));
    }

    #[test]
    fn a_value_is_found_by_its_key_and_not_by_another_value() {
        let words: Words = ["b", "a", "a", "1"].into_iter().collect();
        assert_eq!((words.value_of("a"), words.value_of("1")), (Some("1"), None));
    }
}
