//! An array of records, cut into its elements while it arrives.
//!
//! Owns where an element begins and ends, and that nothing larger than a record is ever held. What an element says is read by
//! `told`.

/// Largest text of one element. A record of a node has 10 KiB; one of a former agent carries a command line as it ran.
pub(crate) const ELEMENT_BYTES: usize = 64 << 10;

/// Deeper than any record.
const DEPTH: usize = 64;

/// One element of the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element<'a> {
    /// Its text. It is balanced, and may be no JSON all the same.
    Text(&'a [u8]),
    /// It was longer than [`ELEMENT_BYTES`] and was not kept.
    TooLarge,
}

/// What came is no array, or not all of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is no JSON array")]
pub(crate) struct NoArray;

/// An array that is being read.
#[derive(Debug, Default)]
pub(crate) struct Elements {
    at: At,
    /// The element so far.
    text: Vec<u8>,
    is_too_large: bool,
    /// Objects and arrays that are open within it.
    depth: usize,
    /// Within a text, and whether the next byte is escaped.
    quoted: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    #[default]
    Before,
    /// Behind `[`: an element or the end.
    First,
    /// Behind a comma.
    Next,
    Within,
    /// Behind an element: a comma or the end.
    Behind,
    After,
}

impl Elements {
    /// Takes the next bytes, and hands over each element that ends in them.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Element<'_>)) -> Result<(), NoArray> {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            if self.at == At::Within {
                let taken = self.within(rest)?;
                self.keep(&rest[..taken.bytes]);
                rest = &rest[taken.bytes..];
                if taken.is_whole {
                    each(if self.is_too_large { Element::TooLarge } else { Element::Text(&self.text) });
                    self.text.clear();
                    (self.at, self.is_too_large) = (At::Behind, false);
                }
                continue;
            }
            self.at = match (self.at, byte) {
                (at, b' ' | b'\t' | b'\r' | b'\n') => at,
                (At::Before, b'[') => At::First,
                (At::First | At::Behind, b']') => At::After,
                (At::Behind, b',') => At::Next,
                (At::First | At::Next, b',' | b']' | b'}') | (At::Before | At::Behind | At::After | At::Within, _) => {
                    return Err(NoArray);
                }
                (At::First | At::Next, _) => {
                    self.at = At::Within;
                    continue;
                }
            };
            rest = behind;
        }
        Ok(())
    }

    /// Nothing follows: whether that was all of an array.
    pub(crate) fn end(&self) -> Result<(), NoArray> {
        if self.at == At::After { Ok(()) } else { Err(NoArray) }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.text.len() + bytes.len() > ELEMENT_BYTES {
            self.is_too_large = true;
            self.text = Vec::new();
        }
        if !self.is_too_large {
            self.text.extend_from_slice(bytes);
        }
    }

    /// How many of these bytes belong to the element, and whether it ends there.
    fn within(&mut self, bytes: &[u8]) -> Result<Taken, NoArray> {
        for (at, &byte) in bytes.iter().enumerate() {
            if let Some(is_escaped) = self.quoted {
                self.quoted = match (is_escaped, byte) {
                    (false, b'"') => None,
                    (false, b'\\') => Some(true),
                    _ => Some(false),
                };
                continue;
            }
            match byte {
                b'"' => self.quoted = Some(false),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => self.depth -= 1,
                // What is neither object nor array ends before this.
                b',' | b']' if self.depth == 0 => return Ok(Taken { bytes: at, is_whole: true }),
                b'}' => return Err(NoArray),
                _ => continue,
            }
            if self.depth > DEPTH {
                return Err(NoArray);
            }
            if self.depth == 0 && matches!(byte, b'}' | b']') {
                return Ok(Taken { bytes: at + 1, is_whole: true });
            }
        }
        Ok(Taken { bytes: bytes.len(), is_whole: false })
    }
}

struct Taken {
    bytes: usize,
    is_whole: bool,
}

#[cfg(test)]
mod tests;
