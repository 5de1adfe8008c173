//! Checks the rules of one file and flattens their conditions.
//!
//! Owns what a single rule may say. What rules, overrides and exemptions mean together is `set`'s.

use api::Action;

use super::clause::{Arena, Atom, Case, ClauseId, Field, FlagSet, Matcher};
use super::examples::Examples;
use super::file::{ClauseDef, MatchDef, RuleDef};
use super::flatten::Flattening;
use super::lists::Lists;
use super::pack::Pack;
use super::report::Report;
use super::rule::Rule;

/// Texts that one clause may come to.
const TEXTS_MAX: usize = 10_000;

/// Prefix of the ids that the import of former rules gives.
const LEGACY: &str = "legacy-";

/// Checks the parts of one file.
#[derive(Debug)]
pub(super) struct Checker<'a, 'd> {
    pub(super) report: &'a mut Report<'d>,
    pub(super) lists: &'a Lists<'a>,
    pub(super) arena: &'a mut Arena,
    pub(super) budget: &'a mut Budget,
}

/// What all texts of a set may weigh together, once lists have been spliced: lists make small files large.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    // An automaton takes some ten times the bytes of its texts while it is built.
    const WEIGHT_MAX: usize = 16 << 20;
    const OF_A_TEXT: usize = 16;

    pub(super) fn new() -> Self {
        Self { left: Self::WEIGHT_MAX }
    }

    fn take(&mut self, atoms: &[Atom]) -> bool {
        let weight = atoms.iter().map(|atom| atom.text.len() + Self::OF_A_TEXT).sum();
        match self.left.checked_sub(weight) {
            Some(left) => self.left = left,
            None => return false,
        }
        true
    }
}

impl Checker<'_, '_> {
    /// Checks the rule at `path`. The id is sound in every rule that is returned.
    pub(super) fn rule(&mut self, path: &str, def: &RuleDef, pack: Pack) -> Option<Rule> {
        self.words(path, def);
        let is_builtin = matches!(pack, Pack::Builtin(_));
        if is_builtin && def.references.is_empty() {
            self.report.fault(path, "has no references, which a built-in rule must have".to_owned());
        }
        if is_builtin && def.action == Action::Respond {
            self.report.fault(&format!("{path}.action"), "a built-in rule only ever reports".to_owned());
        }
        let matcher = self.matcher_of(path, def.matching.as_ref());
        let sha256 = self.hashes(path, &def.sha256);
        if def.matching.is_none() && def.sha256.is_empty() {
            self.report.fault(path, "has neither match nor sha256, so it would match nothing".to_owned());
        }
        if def.matching.is_none() && !(def.examples.matching.is_empty() && def.examples.no_match.is_empty()) {
            let message = "cannot be run without match: an example has no executable to hash".to_owned();
            self.report.fault(&format!("{path}.examples"), message);
        }
        let pack = if !is_builtin && def.id.starts_with(LEGACY) { Pack::Legacy } else { pack };
        is_id(&def.id).then(|| Rule {
            id: def.id.clone(),
            name: def.name.clone(),
            description: def.description.clone(),
            pack,
            severity: def.severity,
            action: def.action,
            enabled: def.enabled,
            min_age: def.min_age,
            tags: def.tags.clone(),
            references: def.references.clone(),
            matcher,
            sha256,
            examples: Examples::of(&def.examples),
        })
    }

    /// Checks the conditions at `path`.
    pub(super) fn matcher(&mut self, path: &str, def: &MatchDef) -> Matcher {
        let MatchDef { process, exe, cmdline, flags } = def;
        let mut clause = |field, key, def: &Option<ClauseDef>| {
            def.as_ref().and_then(|def| self.clause(&format!("{path}.{key}"), field, def))
        };
        Matcher {
            process: clause(Field::Process, "process", process),
            exe: clause(Field::Exe, "exe", exe),
            cmdline: clause(Field::Cmdline, "cmdline", cmdline),
            flags: FlagSet::of(flags.as_deref().unwrap_or_default()),
        }
    }

    fn matcher_of(&mut self, path: &str, def: Option<&MatchDef>) -> Matcher {
        def.map(|def| self.matcher(&format!("{path}.match"), def)).unwrap_or_default()
    }

    fn words(&mut self, path: &str, def: &RuleDef) {
        if !is_id(&def.id) {
            let message = format!("`{}` is no id (accepted: [a-z0-9][a-z0-9-]*, up to 63 bytes)", def.id);
            self.report.fault(&format!("{path}.id"), message);
        }
        self.length(&format!("{path}.name"), &def.name, 1, 120);
        if def.name.contains(char::is_control) {
            let message = "has a line break or another control character (accepted: one line of text)".to_owned();
            self.report.fault(&format!("{path}.name"), message);
        }
        self.length(&format!("{path}.description"), &def.description, 0, 2000);
        for (index, tag) in def.tags.iter().enumerate() {
            if !is_tag(tag) {
                let message = format!("`{tag}` is no tag (accepted: [a-z0-9._-], 1 to 64 bytes)");
                self.report.fault(&format!("{path}.tags[{index}]"), message);
            }
        }
        for (index, reference) in def.references.iter().enumerate() {
            self.length(&format!("{path}.references[{index}]"), reference, 1, 500);
        }
    }

    /// Checks the length of a text in bytes.
    pub(super) fn length(&mut self, path: &str, text: &str, min: usize, max: usize) {
        if !(min..=max).contains(&text.len()) {
            self.report.fault(path, format!("has {} bytes (accepted: {min} to {max})", text.len()));
        }
    }

    fn hashes(&mut self, path: &str, texts: &[String]) -> Vec<[u8; 32]> {
        let mut hashes = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            if let Some(hash) = parse_sha256(text) {
                hashes.push(hash);
            } else {
                let message = "is no SHA-256 (accepted: 64 hex digits)".to_owned();
                self.report.fault(&format!("{path}.sha256[{index}]"), message);
            }
        }
        hashes
    }

    fn clause(&mut self, path: &str, field: Field, def: &ClauseDef) -> Option<ClauseId> {
        if let ClauseDef::Full(full) = def
            && let Some(list) = &full.list
        {
            self.report.fault(path, format!("list stands in any_of only: any_of: [{{list: {list}}}]"));
            return None;
        }
        let mut flattening = Flattening { report: self.report, lists: self.lists, field, atoms: Vec::new() };
        flattening.add(path, def, Case::Sensitive);
        let atoms = flattening.atoms;
        if atoms.len() > TEXTS_MAX {
            let message = format!("comes to {} texts with its lists (accepted: up to {TEXTS_MAX})", atoms.len());
            self.report.fault(path, message);
            return None;
        }
        if !self.budget.take(&atoms) {
            self.report.fault(path, "brings the texts of the set, lists spliced, to more than 16 MiB".to_owned());
            return None;
        }
        Some(self.arena.add(field, atoms))
    }
}

fn is_id(text: &str) -> bool {
    let accepted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(accepted)
}

fn is_tag(text: &str) -> bool {
    let accepted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(accepted)
}

/// Parses 64 hex digits.
pub(crate) fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}
