//! JSON, written straight into bytes.
//!
//! Owns commas, quotes and escapes. What is written is the others' business; a population of 150,000 pods leaves no
//! time to build values first.

use std::io::Write as _;

/// Bytes of JSON that grow.
#[derive(Debug, Default)]
pub(crate) struct Json {
    bytes: Vec<u8>,
    /// Whether the next member or item needs a comma before it.
    goes_on: bool,
}

impl Json {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.goes_on = false;
    }

    /// `"key":"value"`
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.quoted(value);
    }

    /// `"key":7`
    pub(crate) fn number(&mut self, key: &str, value: impl Into<i64>) {
        self.key(key);
        self.display(value.into());
    }

    /// `"key":true`
    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.display(value);
    }

    /// `"key":{…}`
    pub(crate) fn object(&mut self, key: &str, members: impl FnOnce(&mut Self)) {
        self.key(key);
        self.within(*b"{}", members);
    }

    /// `"f:key":{…}`
    pub(crate) fn field(&mut self, key: &str, members: impl FnOnce(&mut Self)) {
        self.comma();
        self.bytes.extend_from_slice(b"\"f:");
        // What was a key before is escaped already.
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
        self.within(*b"{}", members);
    }

    /// `"key":[…]`
    pub(crate) fn array(&mut self, key: &str, items: impl FnOnce(&mut Self)) {
        self.key(key);
        self.within(*b"[]", items);
    }

    /// `"key":["one","two"]`
    pub(crate) fn texts<'a>(&mut self, key: &str, values: impl IntoIterator<Item = &'a str>) {
        self.array(key, |json| values.into_iter().for_each(|value| json.item_text(value)));
    }

    /// `"key":{"one":"two"}`
    pub(crate) fn map<'a>(&mut self, key: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.object(key, |json| pairs.into_iter().for_each(|(key, value)| json.text(key, value)));
    }

    /// An object as an item of an array, or as the whole.
    pub(crate) fn item(&mut self, members: impl FnOnce(&mut Self)) {
        self.comma();
        self.within(*b"{}", members);
    }

    pub(crate) fn item_text(&mut self, value: &str) {
        self.comma();
        self.quoted(value);
    }

    /// Members that were written before.
    pub(crate) fn members(&mut self, written: &[u8]) {
        if !written.is_empty() {
            self.comma();
            self.bytes.extend_from_slice(written);
        }
    }

    /// `"key":`, with the value to be written by hand.
    pub(crate) fn key(&mut self, key: &str) {
        self.comma();
        self.quoted(key);
        self.bytes.push(b':');
    }

    /// Bytes of JSON as they are, where a value belongs.
    pub(crate) fn raw(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        write!(self.bytes, "{value}").expect("memory takes every byte");
    }

    fn within(&mut self, [open, close]: [u8; 2], content: impl FnOnce(&mut Self)) {
        self.bytes.push(open);
        self.goes_on = false;
        content(self);
        self.bytes.push(close);
        self.goes_on = true;
    }

    fn comma(&mut self) {
        if self.goes_on {
            self.bytes.push(b',');
        }
        self.goes_on = true;
    }

    fn quoted(&mut self, text: &str) {
        let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
        if text.bytes().all(is_plain) {
            self.bytes.push(b'"');
            self.bytes.extend_from_slice(text.as_bytes());
            self.bytes.push(b'"');
            return;
        }
        serde_json::to_writer(&mut self.bytes, text).expect("memory takes every byte");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn members_and_items_are_parted_by_commas() {
        let mut json = Json::default();
        json.item(|json| {
            json.text("a", "b");
            json.object("empty", |_| {});
            json.array("list", |json| (0..2).for_each(|n| json.item(|json| json.number("n", n))));
            json.texts("texts", ["x", "y"]);
            json.flag("flag", true);
        });
        assert_eq!(
            String::from_utf8_lossy(json.bytes()),
            r#"{"a":"b","empty":{},"list":[{"n":0},{"n":1}],"texts":["x","y"],"flag":true}"#
        );
    }

    proptest! {
        #[test]
        fn every_text_comes_back(key in ".*", value in ".*") {
            let mut json = Json::default();
            json.item(|json| json.text(&key, &value));
            prop_assert_eq!(serde_json::from_slice::<Value>(json.bytes()).unwrap(), json!({key: value}));
        }
    }
}
