//! The engine against a model that is too simple to be wrong, and the compiler against nonsense.

use proptest::prelude::*;
use proptest::string::string_regex;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use super::super::*;
use super::*;

/// A comparison as the model does it.
#[derive(Debug, Clone)]
struct Item {
    how: &'static str,
    text: String,
    ignore_case: bool,
}

/// One rule: for each field, one of these items must hold if there are any.
#[derive(Debug, Clone)]
struct Model {
    fields: [Vec<Item>; 3],
}

const FIELDS: [&str; 3] = ["process", "exe", "cmdline"];

impl Item {
    fn yaml(&self) -> String {
        let Self { how, text, ignore_case } = self;
        format!("{{{how}: '{text}', ignore_case: {ignore_case}}}")
    }

    fn holds(&self, text: &[u8]) -> bool {
        if self.how == "regex" {
            let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(self.ignore_case);
            return Regex::builder().syntax(syntax).build(&self.text).unwrap().is_match(text);
        }
        let fold = |text: &[u8]| if self.ignore_case { text.to_ascii_lowercase() } else { text.to_owned() };
        let (text, own) = (fold(text), fold(self.text.as_bytes()));
        match self.how {
            "exact" => text == own,
            "prefix" => text.starts_with(&own),
            _ => text.windows(own.len()).any(|window| window == own),
        }
    }

    fn holds_for_comm(&self, comm: &[u8]) -> bool {
        let cut = self.how == "exact" && self.text.len() > 15 && comm.len() == 15;
        let head = || Self { text: self.text[..15].to_owned(), ..self.clone() };
        self.holds(comm) || (cut && head().holds(comm))
    }
}

impl Model {
    fn yaml(&self, index: usize) -> String {
        let clause = |(field, items): (&str, &Vec<Item>)| {
            let items: Vec<String> = items.iter().map(Item::yaml).collect();
            (!items.is_empty()).then(|| format!("{field}: {{any_of: [{}]}}", items.join(", ")))
        };
        let clauses: Vec<String> = FIELDS.into_iter().zip(&self.fields).filter_map(clause).collect();
        format!("- {{id: r{index:02}, name: n, severity: low, match: {{{}}}}}\n", clauses.join(", "))
    }

    fn holds(&self, process: &Process) -> bool {
        let [names, exe, cmdline] = &self.fields;
        let argv: Vec<&[u8]> = process.cmdline.split(|byte| *byte == 0).collect();
        let base = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().unwrap().to_vec();
        let link = process.exe.as_deref();
        let others: Vec<Vec<u8>> = [Some(argv[0]), link].into_iter().flatten().map(base).collect();
        let by_name = |item: &Item| item.holds_for_comm(&process.comm) || others.iter().any(|name| item.holds(name));
        let joined = argv[..argv.len() - 1].join(&b' ');
        (names.is_empty() || names.iter().any(by_name))
            && (exe.is_empty() || exe.iter().any(|item| link.is_some_and(|link| item.holds(link))))
            && (cmdline.is_empty() || cmdline.iter().any(|item| item.holds(&joined)))
    }
}

/// Few letters, so that texts often meet, overlap, and differ in case alone.
const TEXT: &str = "[abAB/]{1,4}";

/// Long enough that texts without it are not even searched for the patterns that need it.
const LONG: &str = "(abaBab|bbaAab|ABABAB)";

fn item() -> impl Strategy<Value = Item> {
    let literal = (prop::sample::select(vec!["exact", "prefix", "contains"]), prop_oneof![TEXT, "[aA]{15}[bB]{0,3}"]);
    let short = "\\^?[abAB]([abAB.]|[ab]\\+|\\(a\\|B\\)){0,3}\\$?";
    let long = format!("([abAB]\\+|\\(a\\|B\\)\\?|\\^)?({LONG}|\\({LONG}\\)|\\[abA\\]{{2}}{LONG})[abAB.]{{0,2}}");
    let regex = (Just("regex"), prop_oneof![1 => short, 3 => string_regex(&long).unwrap()]);
    (prop_oneof![literal, regex], any::<bool>()).prop_map(|((how, text), ignore_case)| Item { how, text, ignore_case })
}

fn rule() -> impl Strategy<Value = Model> {
    let clause = || prop::collection::vec(item(), 0..3);
    let clauses = (clause(), clause(), prop::collection::vec(item(), 1..3));
    clauses.prop_map(|(process, exe, cmdline)| Model { fields: [process, exe, cmdline] })
}

fn process() -> impl Strategy<Value = Process> {
    let comm = prop_oneof!["[abAB]{0,6}", "[aA]{15}"];
    let long = || string_regex(&format!("/?[abAB/]{{0,3}}{LONG}[abAB/]{{0,3}}")).unwrap();
    let argv = prop::collection::vec(prop_oneof!["[abAB/]{1,6}".boxed(), long().boxed()], 1..4);
    (comm, argv, prop::option::of(prop_oneof!["/[abAB/]{0,6}".boxed(), long().boxed()])).prop_map(
        |(comm, argv, exe)| {
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            Process::new(&comm, &argv, exe.as_deref().unwrap_or_default())
        },
    )
}

/// A rules file with a bit of everything, to be damaged.
const FILE: &str = "version: 1\nlists:\n  tunnels: [ngrok, {list: more}]\n  more: [chisel]\nrules:\n  - id: corp-tunnel\n    \
    name: Tunnel\n    match:\n      process: {any_of: [frpc, {prefix: chisel}, {list: tunnels}]}\n      cmdline: {regex: \
    '(?i)--server[= ]\\S+', ignore_case: false}\n      flags: [deleted]\n    min_age: 30s\n    severity: high\n    examples: \
    {match: [\"frpc -c x\"], no_match: [{comm: a, argv: [b]}]}\noverrides:\n  - {rules: [\"corp-*\"], severity: low}\n\
    exemptions:\n  - {reason: r, until: 2027-01-31T00:00:00Z, rules: [corp-tunnel], match: {exe: {exact: /x}}}\n";

/// Compiles and, if that is accepted, uses what came out.
fn survive(yaml: String) {
    if let Ok(set) = RuleSet::compile(&[RuleText::of_file("a.yaml", yaml)]) {
        run_examples(&set);
        Process::new("frpc", &["frpc", "--server=x"], "/x (deleted)").judged_by(&set);
    }
}

proptest! {
    #[test]
    fn the_engine_finds_what_a_loop_over_all_rules_finds(
        rules in prop::collection::vec(rule(), 1..12),
        processes in prop::collection::vec(process(), 1..12),
    ) {
        let yaml: String = rules.iter().enumerate().map(|(index, rule)| rule.yaml(index)).collect();
        let set = compile(&format!("rules:\n{yaml}"));
        let mut scratch = set.scratch();
        for process in processes {
            let expected = rules.iter().enumerate().filter(|(_, rule)| rule.holds(&process));
            let expected: Vec<String> = expected.map(|(index, _)| format!("r{index:02}")).collect();
            let subject = Subject { texts: process.texts(), age: process.age, now: process.now };
            let judgement = set.judge(&mut scratch, &subject, &mut || None);
            prop_assert_eq!(ids(&set, &judgement), expected);
        }
    }

    #[test]
    fn compiling_any_text_ends_in_a_set_or_in_faults(text in ".{0,200}") {
        survive(text);
    }

    #[test]
    fn compiling_a_damaged_file_ends_in_a_set_or_in_faults(
        at in 0..FILE.len(),
        length in 0_usize..12,
        text in "[a-z0-9\\[\\]{}:,*\"' \n()?+-]{0,6}",
    ) {
        let mut yaml = FILE.to_owned();
        yaml.replace_range(at..(at + length).min(FILE.len()), &text);
        survive(yaml);
    }
}

#[test]
fn the_file_that_is_damaged_is_sound() {
    assert!(RuleSet::compile(&[RuleText::of_file("a.yaml", FILE)]).is_ok());
}

/// So many texts that they are compiled to the form for large sets.
#[test]
fn a_large_set_finds_every_one_of_its_texts() {
    let texts: Vec<String> = (0..9_999).map(|n| format!("text-{n}-end")).collect();
    let items: Vec<String> = texts.iter().map(|text| format!("{{exact: {text}}}, ")).collect();
    let lists = format!("lists:\n  all: [{}]\n", texts.join(", "));
    let rules = format!(
        "rules:\n- {{id: names, name: n, severity: low, match: {{process: {{any_of: [{}]}}}}}}\n\
         - {{id: parts, name: n, severity: low, match: {{cmdline: {{any_of: [{{list: all}}], ignore_case: true}}}}}}\n",
        items.concat()
    );
    let set = compile(&(lists + &rules));
    for text in texts.iter().step_by(97) {
        let named = Process::new(text, &["x"], "").judged_by(&set);
        assert_eq!((ids(&set, &named), named.matched.unwrap().regex), (vec!["names".to_owned()], text.clone()));
        let part = Process::new("x", &["x", &format!("x{}x", text.to_uppercase())], "").judged_by(&set);
        assert_eq!((ids(&set, &part), part.matched.unwrap().regex), (vec!["parts".to_owned()], text.clone()));
    }
}
