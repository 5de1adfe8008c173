//! Findings as documents: SARIF for code scanning services, JSON Lines for programs, CSV for spreadsheets.
//!
//! Owns the forms, piece by piece, so that a document of any size is never in memory. Which findings, `routes` says.

mod csv;
mod sarif;

use api::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::book::Book;
use crate::filter::Filter;

/// The form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// SARIF 2.1.0.
    Sarif,
    /// One finding a line.
    Jsonl,
    /// One finding a row, below a header.
    Csv,
}

/// A document that is being written.
#[derive(Debug)]
pub(crate) struct Document {
    format: Format,
    prologue: Prologue,
    has_begun: bool,
    has_items: bool,
}

/// What a document must know before its first finding.
#[derive(Debug, Default)]
pub(crate) struct Prologue {
    rules: Vec<sarif::Rule>,
}

impl Format {
    pub(crate) const ALL: [Self; 3] = [Self::Sarif, Self::Jsonl, Self::Csv];

    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Sarif => "application/sarif+json",
            Self::Jsonl => "application/jsonl",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Sarif => "sarif",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// What the first lines say of all findings that match.
    pub(crate) fn prologue(self, book: &Book, filter: &Filter) -> Prologue {
        match self {
            Self::Sarif => Prologue { rules: sarif::rules(book, filter) },
            Self::Jsonl | Self::Csv => Prologue::default(),
        }
    }
}

impl Document {
    pub(crate) const fn new(format: Format, prologue: Prologue) -> Self {
        Self { format, prologue, has_begun: false, has_items: false }
    }

    /// The next findings, after the first lines if nothing was written before.
    pub(crate) fn piece(&mut self, findings: &[Finding]) -> String {
        let mut text = self.begin();
        for finding in findings {
            match self.format {
                Format::Csv => csv::row(finding, &mut text),
                Format::Jsonl => {
                    text.push_str(&serde_json::to_string(finding).expect("a finding becomes JSON"));
                    text.push('\n');
                }
                Format::Sarif => {
                    text.push_str(if self.has_items { ",\n" } else { "\n" });
                    text.push_str(&sarif::result(finding, &self.prologue.rules).to_string());
                }
            }
            self.has_items = true;
        }
        text
    }

    /// The last lines.
    pub(crate) fn end(&mut self) -> String {
        let begin = self.begin();
        match self.format {
            Format::Sarif => begin + sarif::END,
            Format::Jsonl | Format::Csv => begin,
        }
    }

    fn begin(&mut self) -> String {
        if std::mem::replace(&mut self.has_begun, true) {
            return String::new();
        }
        match self.format {
            Format::Sarif => sarif::begin(&self.prologue.rules),
            Format::Csv => csv::header(),
            Format::Jsonl => String::new(),
        }
    }
}
