//! A rule set: all files together, checked, compiled, immutable.
//!
//! Owns what rules, overrides and exemptions of several files mean together. Any fault refuses the whole set, and all
//! faults are told at once.

use std::collections::{BTreeSet, HashMap};

use document::Fault;
use sha2::{Digest, Sha256};

use super::clause::{Arena, ClauseId, Field, How, Matcher};
use super::draft::Draft;
use super::engine::{Engine, TooLarge, regexes};
use super::exempt::Exemption;
use super::judge::hex;
use super::pack::Pack;
use super::rule::{Rule, RuleIndex};
use super::select::Coverage;
use super::source::{RuleText, Source};

/// A checked and compiled set of rules. Share it by `Arc`.
#[derive(Debug)]
pub struct RuleSet {
    pub(super) rules: Vec<Rule>,
    pub(super) exemptions: Vec<Exemption>,
    pub(super) arena: Arena,
    pub(super) engine: Engine,
    pub(super) index: Index,
    warnings: Vec<Fault>,
    revision: String,
    /// The revision as a number, which is quicker to compare.
    number: u64,
    needs_exe: bool,
}

/// Which rules to look at when something was found.
#[derive(Debug)]
pub(super) struct Index {
    /// For each clause, the rule that is looked at when it holds.
    of_clauses: Box<[Option<RuleIndex>]>,
    /// Rules that ask for flags and for no text.
    pub(super) flags_only: Vec<RuleIndex>,
    /// Rules that ask for an executable and nothing else.
    pub(super) hash_only: HashMap<[u8; 32], Vec<RuleIndex>>,
}

impl RuleSet {
    /// Reads and compiles the sources in order; a built-in pack that is named twice counts once.
    pub fn load(sources: &[Source]) -> Result<Self, Vec<Fault>> {
        let mut texts = Vec::new();
        let mut packs = BTreeSet::new();
        let mut unread = Vec::new();
        for source in sources {
            match source.read() {
                Ok(read) => texts.extend(read.into_iter().filter(|text| match text.pack {
                    Pack::Builtin(pack) => packs.insert(pack),
                    Pack::Custom | Pack::Legacy => true,
                })),
                Err(fault) => unread.push(fault),
            }
        }
        if unread.is_empty() {
            return Self::compile(&texts);
        }
        unread.extend(Draft::of(&texts, Coverage::Partial).faults);
        Err(unread)
    }

    /// Compiles texts that have been read.
    pub fn compile(texts: impl AsRef<[RuleText]>) -> Result<Self, Vec<Fault>> {
        let texts = texts.as_ref();
        let draft = Draft::of(texts, Coverage::Whole);
        if !draft.faults.is_empty() {
            return Err(draft.faults);
        }
        let Draft { rules, exemptions, mut arena, warnings, faults: _ } = draft;
        arena.shrink();
        let of_rules = rules.iter().filter(|rule| rule.enabled).map(|rule| &rule.matcher);
        let of_exemptions = exemptions.iter().map(|exemption| &exemption.matcher);
        let clauses = of_rules.chain(of_exemptions).flat_map(Matcher::clauses);
        let engine = Engine::build(&arena, clauses).map_err(|TooLarge| vec![too_large(texts, &rules, &arena)])?;
        let revision = revision(texts);
        Ok(Self {
            index: Index::of(&rules, arena.clauses()),
            needs_exe: needs_exe(&rules, &exemptions, &arena),
            revision: hex(&revision),
            number: u64::from_be_bytes(revision),
            rules,
            exemptions,
            arena,
            engine,
            warnings,
        })
    }

    /// All built-in packs.
    pub fn builtin() -> Self {
        Self::load(&[Source::Builtin]).expect("the built-in packs are sound, which a test of theirs checks")
    }

    /// First 16 hex digits of SHA-256 over packs and texts in order; the names of files do not matter.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Every rule after overrides, disabled ones too, by id.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Every exemption, expired ones too, in file order.
    pub fn exemptions(&self) -> &[Exemption] {
        &self.exemptions
    }

    /// What is accepted, and probably not meant.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Whether any enabled rule, or exemption, asks for the executable or for names, of which it gives one.
    pub fn needs_exe(&self) -> bool {
        self.needs_exe
    }

    /// The rule behind an index of this set.
    pub fn rule(&self, index: RuleIndex) -> &Rule {
        &self.rules[index.as_usize()]
    }

    /// The revision as a number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Index {
    fn of(rules: &[Rule], clauses: usize) -> Self {
        let mut index =
            Self { of_clauses: vec![None; clauses].into(), flags_only: Vec::new(), hash_only: HashMap::new() };
        for (rule, number) in rules.iter().zip(0..).filter(|(rule, _)| rule.enabled) {
            let number = RuleIndex(number);
            // All clauses must hold, so it is enough to look when one of them does.
            if let Some(clause) = rule.matcher.clauses().next() {
                index.of_clauses[clause.0 as usize] = Some(number);
            } else if !rule.matcher.flags.is_empty() {
                index.flags_only.push(number);
            } else {
                for hash in &rule.sha256 {
                    let rules = index.hash_only.entry(*hash).or_default();
                    if !rules.contains(&number) {
                        rules.push(number);
                    }
                }
            }
        }
        index
    }

    /// The rule to look at when the clause holds.
    pub(super) fn rule_of(&self, clause: ClauseId) -> Option<RuleIndex> {
        self.of_clauses[clause.0 as usize]
    }
}

fn needs_exe(rules: &[Rule], exemptions: &[Exemption], arena: &Arena) -> bool {
    let asks = |matcher: &Matcher| {
        let by_text = |clause| match arena.clause(clause).field {
            Field::Process | Field::Exe => true,
            Field::Cmdline => false,
        };
        !matcher.flags.is_empty() || matcher.clauses().any(by_text)
    };
    let by_rule = rules.iter().filter(|rule| rule.enabled).any(|rule| asks(&rule.matcher) || !rule.sha256.is_empty());
    by_rule || exemptions.iter().any(|exemption| asks(&exemption.matcher))
}

fn revision(texts: &[RuleText]) -> [u8; 8] {
    let mut hash = Sha256::new();
    for RuleText { file: _, pack, yaml } in texts {
        hash.update(format!("{pack}\0{}\0", yaml.len()));
        hash.update(yaml);
    }
    *hash.finalize().first_chunk().expect("a digest of SHA-256 has 32 bytes")
}

/// Blames the rule whose regexes take the most memory.
fn too_large(texts: &[RuleText], rules: &[Rule], arena: &Arena) -> Fault {
    let memory = |rule: &&Rule| {
        let atoms = rule.matcher.clauses().flat_map(|clause| arena.atoms_of(clause));
        let regexes = atoms.filter(|(_, atom)| atom.how == How::Regex);
        regexes.map(|(id, _)| regexes::memory_alone(arena, id).unwrap_or(usize::MAX)).fold(0, usize::saturating_add)
    };
    let largest = rules.iter().filter(|rule| rule.enabled).max_by_key(memory);
    let of_whom = largest.map(|rule| format!(", those of the rule `{}` to the most", rule.id)).unwrap_or_default();
    let message = format!("the regexes of the set compile to more than 64 MiB{of_whom}");
    let file = texts.last().map(|text| text.file.clone()).unwrap_or_default();
    Fault { file, line: 1, column: 1, path: String::new(), message }
}
