//! What a plain scalar stands for, by the core schema of YAML 1.2.

/// What an unquoted text stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Boolean(bool),
    Integer(i128),
    Number(f64),
    Text,
}

pub(crate) fn resolve(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
        "true" | "True" | "TRUE" => Meaning::Boolean(true),
        "false" | "False" | "FALSE" => Meaning::Boolean(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Meaning::Number(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Meaning::Number(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => Meaning::Number(f64::NAN),
        other => integer(other).or_else(|| number(other)).unwrap_or(Meaning::Text),
    }
}

fn integer(text: &str) -> Option<Meaning> {
    let digits = |rest: &str, radix: u32| rest.chars().all(|digit| digit.is_digit(radix)).then_some(radix);
    let (radix, rest) = if let Some(octal) = text.strip_prefix("0o") {
        (digits(octal, 8)?, octal)
    } else if let Some(hex) = text.strip_prefix("0x") {
        (digits(hex, 16)?, hex)
    } else {
        (digits(text.strip_prefix(['-', '+']).unwrap_or(text), 10)?, text)
    };
    i128::from_str_radix(rest, radix).ok().map(Meaning::Integer)
}

fn number(text: &str) -> Option<Meaning> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let starts_well = unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|digit: char| digit.is_ascii_digit());
    let only = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
    if !starts_well || !unsigned.bytes().all(only) {
        return None;
    }
    text.parse().ok().map(Meaning::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(meaning: Meaning, texts: &[&str]) {
        for text in texts {
            assert_eq!(resolve(text), meaning, "{text}");
        }
    }

    #[test]
    fn plain_texts_mean_what_the_core_schema_says() {
        check(Meaning::Null, &["", "~", "null"]);
        check(Meaning::Boolean(true), &["true", "True", "TRUE"]);
        check(Meaning::Integer(10), &["10", "+10", "010", "0xA", "0o12"]);
        check(Meaning::Integer(-7), &["-7"]);
        check(Meaning::Number(0.5), &["0.5", ".5", "+.5", "5e-1", "0.50"]);
        check(Meaning::Number(f64::INFINITY), &[".inf"]);
    }

    #[test]
    fn everything_else_is_text() {
        check(
            Meaning::Text,
            &["yes", "no", "on", "tRue", "1_000", "12h", "0x", "0o9", "1e", ".", "-", "1.2.3", "nan", "inf"],
        );
        check(Meaning::Text, &["0x-1", "+", "--1", "٣", "1 2", ".e1", "infinity"]);
    }

    #[test]
    fn an_integer_beyond_all_types_is_a_number() {
        check(Meaning::Number(1e40), &["10000000000000000000000000000000000000000"]);
    }
}
