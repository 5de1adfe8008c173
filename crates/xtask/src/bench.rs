//! `cargo xtask bench`: measures in release and holds each result against its bar.
//!
//! Owns the line protocol and the verdict. A bench is `crates/keelwatch/benches/NAME.rs`, or `NAME/main.rs` with modules
//! beside it, with `harness = false`; for each result it prints one line to stdout,
//!
//! ```text
//! bench: name=warm-pass-5000 value=1.08 unit=x bar=<=1.2
//! ```
//!
//! where `bar` is `<=LIMIT`, `>=LIMIT`, or `-` for a figure that is only shown. No field holds white space. Any other line is a
//! remark for people and goes to stderr.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};
use std::str::FromStr;

use anyhow::{Context, bail};

use crate::step;

const BENCHES: &str = "crates/keelwatch/benches";

/// What to print.
#[derive(Clone, Copy)]
pub(crate) enum Output {
    /// One aligned line a result, as it comes.
    Lines,
    /// One array when all is measured.
    Json,
}

/// What a value is held against.
#[derive(Debug, PartialEq)]
enum Bar {
    AtMost(f64),
    AtLeast(f64),
    Shown,
}

/// One result of a bench.
#[derive(Debug, PartialEq)]
struct Measure {
    name: String,
    value: f64,
    unit: String,
    bar: Bar,
}

impl Measure {
    /// `ok` or `short`.
    fn verdict(&self) -> &'static str {
        let holds = match self.bar {
            Bar::AtMost(limit) => self.value <= limit,
            Bar::AtLeast(limit) => self.value >= limit,
            Bar::Shown => true,
        };
        if holds { "ok" } else { "short" }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name, "value": self.value, "unit": self.unit, "bar": self.bar.to_string(), "verdict": self.verdict(),
        })
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, bar } = self;
        write!(f, "{name:<44} {value:>12} {unit:<8} {:>10} {}", bar.to_string(), self.verdict())
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "<={limit}"),
            Self::AtLeast(limit) => write!(f, ">={limit}"),
            Self::Shown => f.write_str("-"),
        }
    }
}

impl FromStr for Bar {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-" {
            Ok(Self::Shown)
        } else if let Some(limit) = text.strip_prefix("<=") {
            Ok(Self::AtMost(number("bar", limit)?))
        } else if let Some(limit) = text.strip_prefix(">=") {
            Ok(Self::AtLeast(number("bar", limit)?))
        } else {
            bail!("bar `{text}` is none of <=LIMIT, >=LIMIT and -")
        }
    }
}

impl FromStr for Measure {
    type Err = anyhow::Error;

    /// Parses what follows `bench:`.
    fn from_str(fields: &str) -> Result<Self, Self::Err> {
        let field = |wanted: &str| {
            let mut pairs = fields.split_whitespace().filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == wanted).map(|(_, value)| value).with_context(|| format!("no `{wanted}=`"))
        };
        Ok(Self {
            name: field("name")?.to_owned(),
            value: number("value", field("value")?)?,
            unit: field("unit")?.to_owned(),
            bar: field("bar")?.parse()?,
        })
    }
}

/// A finite number: a NaN would pass or fail every bar without meaning to.
fn number(field: &str, text: &str) -> anyhow::Result<f64> {
    let number: Option<f64> = text.parse().ok();
    number.filter(|number| number.is_finite()).with_context(|| format!("{field} `{text}` is not a finite number"))
}

/// Runs one bench or all; fails if a result is short of its bar.
pub(crate) fn run(name: Option<&str>, output: Output) -> anyhow::Result<ExitCode> {
    let all = names()?;
    let chosen = match name {
        Some(name) if all.iter().any(|known| known == name) => vec![name.to_owned()],
        Some(name) => bail!("no bench `{name}`; there are: {}", all.join(", ")),
        None => all,
    };
    let mut measures = Vec::new();
    for name in &chosen {
        measures.extend(measure(name, output).with_context(|| format!("bench {name}"))?);
    }
    if let Output::Json = output {
        let list: Vec<_> = measures.iter().map(Measure::json).collect();
        println!("{}", serde_json::to_string_pretty(&list)?);
    }
    let short = measures.iter().any(|measure| measure.verdict() == "short");
    Ok(if short { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn names() -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(step::root().join(BENCHES)).with_context(|| format!("failed to list {BENCHES}"))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").is_file() {
            names.push(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn measure(name: &str, output: Output) -> anyhow::Result<Vec<Measure>> {
    let mut command = step::cargo(&["bench", "--locked", "--package", "keelwatch", "--bench", name]);
    let mut child = command.stdout(Stdio::piped()).spawn().context("failed to start cargo")?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut measures = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let Some(fields) = line.strip_prefix("bench:") else {
            eprintln!("{line}");
            continue;
        };
        let measure: Measure = fields.parse().with_context(|| format!("bad line `{line}`"))?;
        if let Output::Lines = output {
            println!("{measure}");
        }
        measures.push(measure);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("ended with {status}");
    }
    if measures.is_empty() {
        bail!("printed no `bench:` line");
    }
    Ok(measures)
}

#[cfg(test)]
mod tests {
    use super::{Bar, Measure};

    fn verdict(line: &str) -> &'static str {
        line.parse::<Measure>().unwrap().verdict()
    }

    #[test]
    fn a_line_becomes_a_measure() {
        let measure: Measure = " name=warm-pass-600 value=1.08 unit=x bar=<=1.2".parse().unwrap();
        let expected = Measure { name: "warm-pass-600".into(), value: 1.08, unit: "x".into(), bar: Bar::AtMost(1.2) };
        assert_eq!(measure, expected);
    }

    #[test]
    fn a_value_at_its_bar_is_ok_and_one_beyond_is_short() {
        assert_eq!(verdict("name=a value=1.2 unit=x bar=<=1.2"), "ok");
        assert_eq!(verdict("name=a value=1.3 unit=x bar=<=1.2"), "short");
        assert_eq!(verdict("name=a value=99 unit=% bar=>=99"), "ok");
        assert_eq!(verdict("name=a value=98.9 unit=% bar=>=99"), "short");
        assert_eq!(verdict("name=a value=7 unit=s bar=-"), "ok");
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let error = |line: &str| line.parse::<Measure>().unwrap_err().to_string();
        assert_eq!(error("name=a unit=x bar=-"), "no `value=`");
        assert_eq!(error("name=a value=NaN unit=x bar=-"), "value `NaN` is not a finite number");
        assert_eq!(error("name=a value=1 unit=x bar=<2"), "bar `<2` is none of <=LIMIT, >=LIMIT and -");
    }

    #[test]
    fn json_repeats_the_line() {
        let measure: Measure = "name=a value=2 unit=s bar=<=1".parse().unwrap();
        let expected = serde_json::json!({"name": "a", "value": 2.0, "unit": "s", "bar": "<=1", "verdict": "short"});
        assert_eq!(measure.json(), expected);
    }
}
