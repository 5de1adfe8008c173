//! A set in the making: all files checked together, everything that is wrong gathered.

use std::collections::BTreeMap;

use document::{Document, Fault, Limits};

use super::check::{Budget, Checker};
use super::clause::Arena;
use super::decode::Decoded;
use super::exempt::Exemption;
use super::lists::Lists;
use super::overrides::{Overridable, Place};
use super::pack::Pack;
use super::report::Report;
use super::rule::Rule;
use super::select::{Catalog, Coverage};
use super::source::{FILE_BYTES_MAX, RuleText};

const RULES_MAX: usize = 10_000;
const EXEMPTIONS_MAX: usize = 1_000;
const LIMITS: Limits = Limits { bytes: FILE_BYTES_MAX, depth: 32 };

/// What the texts of a set come to. Only without faults is it a set.
#[derive(Debug)]
pub(super) struct Draft {
    /// Sorted by id, after overrides.
    pub(super) rules: Vec<Rule>,
    /// In file order.
    pub(super) exemptions: Vec<Exemption>,
    pub(super) arena: Arena,
    pub(super) warnings: Vec<Fault>,
    /// By file, then by place.
    pub(super) faults: Vec<Fault>,
}

/// One file that could be parsed.
#[derive(Debug)]
struct Sheet<'t> {
    name: &'t str,
    pack: Pack,
    decoded: &'t Decoded,
    lists: Lists<'t>,
    report: Report<'t>,
}

/// What grows while one file after the other is checked.
#[derive(Debug)]
struct Gathering {
    arena: Arena,
    budget: Budget,
    coverage: Coverage,
}

impl Draft {
    /// Checks the texts. With partial coverage there are files besides which could not be read.
    pub(super) fn of(texts: &[RuleText], coverage: Coverage) -> Self {
        let mut faults = Vec::new();
        let mut parsed = Vec::new();
        for text in texts {
            match Document::parse(&text.file, &text.yaml, LIMITS) {
                Ok(document) => parsed.push((text, Decoded::of(&document), document)),
                Err(of_file) => faults.extend(of_file),
            }
        }
        let is_whole = faults.is_empty() && parsed.iter().all(|(_, decoded, _)| decoded.coverage == Coverage::Whole);
        let coverage = if is_whole { coverage } else { Coverage::Partial };
        let mut sheets: Vec<Sheet<'_>> =
            parsed.iter().map(|(text, decoded, document)| Sheet::new(text, decoded, document)).collect();
        let mut gathering = Gathering { arena: Arena::default(), budget: Budget::new(), coverage };
        let rules = gathering.rules(&mut sheets);
        let exemptions = gathering.exemptions(&mut sheets, &rules);
        let mut warnings = Vec::new();
        for sheet in sheets {
            let (of_file, warned) = sheet.report.into_parts();
            faults.extend(in_order(sheet.decoded.faults.iter().cloned().chain(of_file).collect()));
            warnings.extend(in_order(warned));
        }
        let arena = gathering.arena;
        Self { rules, exemptions, arena, warnings, faults }
    }
}

impl<'t> Sheet<'t> {
    fn new(text: &'t RuleText, decoded: &'t Decoded, document: &'t Document) -> Self {
        let mut report = Report::new(document);
        let lists = Lists::new(&decoded.lists, decoded.coverage, &mut report);
        Self { name: &text.file, pack: text.pack, decoded, lists, report }
    }
}

impl Gathering {
    /// All rules by id, each once, after overrides.
    fn rules(&mut self, sheets: &mut [Sheet<'_>]) -> Vec<Rule> {
        let mut by_id: BTreeMap<String, (Rule, Place)> = BTreeMap::new();
        let mut count = 0;
        for file in 0..sheets.len() {
            for (index, def) in &sheets[file].decoded.rules {
                let path = format!("rules[{index}]");
                count += 1;
                if count == RULES_MAX + 1 {
                    let message = format!("is one more than a set may have ({RULES_MAX} rules)");
                    sheets[file].report.fault(&path, message);
                }
                let pack = sheets[file].pack;
                let Some(rule) = self.checker(&mut sheets[file]).rule(&path, def, pack) else { continue };
                if let Some((_, earlier)) = by_id.get(&rule.id) {
                    let message = format!("`{}` is {} of {} already", rule.id, earlier.path, sheets[earlier.file].name);
                    sheets[file].report.fault(&format!("{path}.id"), message);
                } else {
                    by_id.insert(rule.id.clone(), (rule, Place { file, path }));
                }
            }
        }
        // Only a rule that says so responds, so there is an action to point to.
        let of_action = |(rule, Place { file, path })| (rule, Place { file, path: format!("{path}.action") });
        let (rules, places) = by_id.into_values().map(of_action).unzip();
        let mut overridable = Overridable { rules, places, coverage: self.coverage };
        for (file, sheet) in sheets.iter_mut().enumerate() {
            for (index, def) in &sheet.decoded.overrides {
                overridable.apply(&Place { file, path: format!("overrides[{index}]") }, def, &mut sheet.report);
            }
        }
        overridable.check_responses(&mut sheets.iter_mut().map(|sheet| &mut sheet.report).collect::<Vec<_>>());
        overridable.rules
    }

    fn exemptions(&mut self, sheets: &mut [Sheet<'_>], rules: &[Rule]) -> Vec<Exemption> {
        let catalog = Catalog { rules, coverage: self.coverage };
        let mut exemptions = Vec::new();
        for sheet in sheets {
            for (index, def) in &sheet.decoded.exemptions {
                let path = format!("exemptions[{index}]");
                exemptions.push(self.checker(sheet).exemption(&path, def, catalog));
                if exemptions.len() == EXEMPTIONS_MAX + 1 {
                    let message = format!("is one more than a set may have ({EXEMPTIONS_MAX} exemptions)");
                    sheet.report.fault(&path, message);
                }
            }
        }
        exemptions
    }

    fn checker<'a, 'd>(&'a mut self, sheet: &'a mut Sheet<'d>) -> Checker<'a, 'd> {
        let Self { arena, budget, coverage: _ } = self;
        Checker { report: &mut sheet.report, lists: &sheet.lists, arena, budget }
    }
}

/// Faults by place; a text of a list that stands in many rules is told once.
fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    faults.dedup();
    faults
}
