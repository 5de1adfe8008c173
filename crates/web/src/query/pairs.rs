//! Reads key-value pairs into a struct by serde, with errors that name the key.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// One `key=value`, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: Cow<'a, str>,
}

/// Why the pairs are not what the route takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("unknown query key `{key}` (accepted: {accepted})")]
    UnknownKey { key: String, accepted: String },
    #[error("query key `{key}` is missing")]
    MissingKey { key: &'static str },
    #[error("query key `{key}`: {reason}")]
    BadValue { key: String, reason: String },
}

/// Reads `pairs` into a struct.
pub(crate) fn read<T: DeserializeOwned>(pairs: &[Pair<'_>]) -> Result<T, QueryError> {
    T::deserialize(Pairs(pairs))
}

struct Pairs<'a>(&'a [Pair<'a>]);

/// The keys in the order in which they first appear, each with all its values.
struct Groups<'a> {
    pairs: &'a [Pair<'a>],
    at: usize,
    next: Option<Values<'a>>,
}

/// Every value of one key: that of the first pair, and of those behind it that have the same key.
#[derive(Clone, Copy)]
struct Values<'a> {
    first: &'a Pair<'a>,
    behind: &'a [Pair<'a>],
}

impl<'a> Groups<'a> {
    fn of(pairs: &'a [Pair<'a>]) -> Self {
        Self { pairs, at: 0, next: None }
    }
}

impl<'a> Iterator for Groups<'a> {
    type Item = Values<'a>;

    fn next(&mut self) -> Option<Values<'a>> {
        loop {
            let (before, rest) = self.pairs.split_at(self.at);
            let (first, behind) = rest.split_first()?;
            self.at += 1;
            if before.iter().all(|pair| pair.key != first.key) {
                return Some(Values { first, behind });
            }
        }
    }
}

impl<'de> Deserializer<'de> for Pairs<'_> {
    type Error = QueryError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        if let Some(Pair { key, .. }) = self.0.iter().find(|pair| !fields.contains(&&*pair.key)) {
            let accepted = if fields.is_empty() { "none".to_owned() } else { fields.join(", ") };
            return Err(QueryError::UnknownKey { key: key.to_string(), accepted });
        }
        visitor.visit_map(Groups::of(self.0))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_map(Groups::of(self.0))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Groups<'_> {
    type Error = QueryError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, QueryError> {
        self.next = self.next();
        self.next.map(|group| seed.deserialize(text(&group.first.key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, QueryError> {
        let group = self.next.take().expect("serde asks for a value after its key");
        seed.deserialize(group).map_err(|error| error.at(&group.first.key))
    }
}

impl<'a> Values<'a> {
    fn pairs(self) -> impl Iterator<Item = &'a Pair<'a>> {
        std::iter::once(self.first).chain(self.behind.iter().filter(move |pair| pair.key == self.first.key))
    }

    fn one(&self) -> Result<&'a str, QueryError> {
        match self.pairs().count() {
            1 => Ok(&self.first.value),
            times => Err(de::Error::custom(format_args!("given {times} times (accepted: once)"))),
        }
    }

    fn parse<T: FromStr>(&self, accepted: impl fmt::Display) -> Result<T, QueryError> {
        let value = self.one()?;
        value.parse().map_err(|_| de::Error::custom(format_args!("`{value}` is not {accepted}")))
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
            visitor.$visit(self.parse(format_args!("a whole number from {} to {}", <$type>::MIN, <$type>::MAX))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Values<'_> {
    type Error = QueryError;

    whole_numbers!(
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64
    );

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_bool(self.parse("true or false")?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_f64(self.parse("a number")?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        let each = self.pairs().map(|first| Values { first, behind: &[] });
        visitor.visit_seq(SeqDeserializer::new(each))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        text(self.one()?).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_str(self.one()?)
    }

    forward_to_deserialize_any! {
        i128 u128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
        ignored_any
    }
}

impl IntoDeserializer<'_, QueryError> for Values<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn text(value: &str) -> StrDeserializer<'_, QueryError> {
    value.into_deserializer()
}

impl QueryError {
    /// The same of a parameter in a path.
    pub(crate) fn in_path(&self) -> String {
        self.to_string().replacen("query key", "path parameter", 1)
    }

    /// The error of a value knows its key only here.
    fn at(self, at: &str) -> Self {
        match self {
            Self::BadValue { key, reason } if key.is_empty() => Self::BadValue { key: at.to_owned(), reason },
            named => named,
        }
    }
}

impl de::Error for QueryError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::BadValue { key: String::new(), reason: reason.to_string() }
    }

    fn missing_field(key: &'static str) -> Self {
        Self::MissingKey { key }
    }
}
