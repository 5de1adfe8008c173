//! Lists page by page: how many items, and where the next page begins.
//!
//! Owns `limit` and the form of `continue`: opaque to clients, the same on every replica, and good for one set of filters. What a
//! place in a list is, its room says.

use api::hex;

use crate::Fault;

/// Items on a page if the client does not say.
const LIMIT: usize = 100;

/// What a `continue` begins with; another form would begin otherwise.
const FORM: &str = "1";

/// Stands between the parts of a place; no name has it.
const BETWEEN: char = '\0';

/// How many characters of what a client sent are repeated in an error.
const ECHO: usize = 128;

/// What a `continue` is good for: a number that is the same for the same texts, on every replica and in every version of the
/// program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound(u64);

impl Bound {
    /// Good for the list that `texts` describe: its filters and its order, in a fixed sequence (FNV-1a).
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        // A text cannot have the byte that stands between two.
        let bytes = texts.into_iter().flat_map(|text| text.bytes().chain([0xff]));
        Self(
            bytes
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)),
        )
    }

    /// The `continue` of a page whose last item is at `place`.
    pub fn write(self, place: &[&str]) -> String {
        let text = format!("{:x}{BETWEEN}{}", self.0, place.join(&BETWEEN.to_string()));
        format!("{FORM}{}", hex(text.as_bytes()))
    }

    /// The place that `text` says, if it is from this list.
    pub fn read<const N: usize>(self, text: &str) -> Result<[String; N], Fault> {
        let malformed =
            || bad("continue", "this is not from a list (accepted: `continue` of the former page, as it is)");
        let (bound, place) = parse(text).ok_or_else(malformed)?;
        if bound != self {
            let foreign = "this is from a list with other filters (accepted: the same filters on every page)";
            return Err(bad("continue", foreign));
        }
        place.try_into().map_err(|_| malformed())
    }
}

/// How many items a page has: 1 to 1000, 100 if the client does not say.
pub fn limit(asked: Option<u32>) -> Result<usize, Fault> {
    match asked {
        None => Ok(LIMIT),
        Some(limit @ 1..=1000) => Ok(limit as usize),
        Some(limit) => Err(bad("limit", &format!("{limit} is out of range (accepted: 1 to 1000)"))),
    }
}

/// 400: the value of a query key is not accepted, and why.
pub fn bad(key: &str, why: &str) -> Fault {
    Fault::bad_request("invalid-query-value", format!("query key `{key}`: {why}"))
}

/// The beginning of a text that a client sent, for errors.
pub fn echo(text: &str) -> String {
    text.chars().take(ECHO).collect()
}

fn parse(text: &str) -> Option<(Bound, Vec<String>)> {
    let digits = text.strip_prefix(FORM)?.as_bytes();
    let bytes: Option<Vec<u8>> =
        digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect();
    let text = String::from_utf8(bytes?).ok()?;
    let mut parts = text.split(BETWEEN);
    let bound = u64::from_str_radix(parts.next()?, 16).ok()?;
    Some((Bound(bound), parts.map(str::to_owned).collect()))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_with_the_same_filters() {
        let (one, other) = (Bound::of(["shop", ""]), Bound::of(["shop"]));
        let text = one.write(&["shop", "cart-0", "é"]);
        assert_eq!(one.read(&text), Ok(["shop", "cart-0", "é"].map(str::to_owned)));
        let told = |read: Result<[String; 3], Fault>| String::from_utf8(read.unwrap_err().body()).unwrap();
        assert!(told(other.read(&text)).contains("with other filters"));
        for text in ["", "1", "2ab", "1abc", "nonsense", "1zz", &text[..text.len() - 1], &one.write(&["shop"])] {
            assert!(told(one.read(text)).contains("not from a list"), "{text}");
        }
    }

    #[test]
    fn a_bound_tells_where_a_text_ends() {
        assert_ne!(Bound::of(["ab", "c"]), Bound::of(["a", "bc"]));
        assert_eq!(Bound::of(["a"]), Bound::of(["a"]));
    }

    #[test]
    fn a_limit_has_a_range() {
        assert_eq!([limit(None), limit(Some(1)), limit(Some(1000))], [Ok(100), Ok(1), Ok(1000)]);
        for out in [0, 1001] {
            let why = format!("{out} is out of range (accepted: 1 to 1000)");
            assert_eq!(limit(Some(out)), Err(bad("limit", &why)));
        }
    }
}
