//! Long runs: `cargo xtask soak NAME`. Each reads from the environment how long to go on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::Clock;
use processes::redact::Redactor;
use processes::rules::{Pack, RuleSet, RuleText, import};
use processes::{Settings, Watch, cgroup};
use runtime::clock::SystemClock;

use crate::proc_tree::{ProcTree, miner};

const CGROUPS: &[&str] = &[
    "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod8712f785_1a3e_41ec_a00b_e2dcc77431cb.slice/cri-containerd-4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c.scope",
    "12:memory:/kubepods/burstable/pod8712f785-1a3e-41ec-a00b-e2dcc77431cb/4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c\n1:name=systemd:/",
    "1:name=systemd:/system.slice/containerd.service/kubepods-pod8712f785_1a3e_41ec_a00b_e2dcc77431cb.slice:cri-containerd:4f1c",
];

const ARGUMENTS: &[&str] = &[
    "--password=hunter2",
    "sh -c 'mysql --password \"hunter2\" -h db'",
    "postgres://bob:p@ss@db:5432/x",
    "Authorization: Bearer eyJhbGciOi.eyJzdWIi.c2ln",
    "{\"api_key\": \"abc\", \"n\": 1}",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
];

const STAT: &str = "412 (xmrig) S 1 1 1 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 1 0 10000 4096 1\n";

const RULES: &str = "version: 1\nlists: {a: [x, {list: b}], b: [y]}\nrules:\n  - id: r\n    name: R\n    severity: high\n    match: {process: {any_of: [frpc, {prefix: chisel}, {list: a}]}, cmdline: {regex: '(?i)--server[= ]\\S+'}, flags: [deleted]}\n    examples: {match: [\"frpc -c x\"], no_match: [frps]}\nexemptions:\n  - {reason: r, until: 2027-01-31T00:00:00Z, namespaces: [\"ci-*\"], rules: [r]}\n";

const FORMER: &str = "detectionRules:\n  blacklist:\n    processes: [\"^xmrig$\", \"^nc.*-l\"]\n    keywords: [stratum+tcp]\n  whitelist:\n    commands: [\"g++\", \"^make$\"]\n    namespaces: [\"kube-.*\"]\n";

/// A small generator (xorshift64*), so that a run is repeated by its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound.max(1)
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// The text with some bytes changed, removed, doubled or moved.
    fn spoil(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..self.below(8) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 if !bytes.is_empty() => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                1 if !bytes.is_empty() => drop(bytes.remove(at)),
                2 => bytes.insert(at, *b"'\"\\\n\0()[]{}:*&!|>%@`-#,".get(self.below(24)).unwrap_or(&b' ')),
                3 => bytes.extend_from_within(at..),
                _ => bytes.truncate(at),
            }
        }
        bytes
    }
}

#[test]
#[ignore = "a long run: cargo xtask soak fuzz"]
fn soak_fuzz() {
    let seed = u64::from(std::process::id()) | 1;
    println!("seed {seed}");
    let mut random = Random(seed);
    let redactor = Redactor::new(&[]).unwrap();
    let tree = ProcTree::new().with(miner(412));
    let settings = Settings { proc: tree.arg().to_owned(), ..Settings::default() };
    let mut watch = Watch::open(settings, Arc::new(RuleSet::builtin()), 0, Arc::new(SystemClock::new())).unwrap();
    let clock = SystemClock::new();
    let (end, mut rounds) = (clock.monotonic() + duration(), 0_u64);
    while clock.monotonic() < end {
        let line = random.pick(CGROUPS);
        cgroup::place(Some(&random.spoil(line)));
        redacts(&redactor, &mut random);
        compiles_or_says_why(&mut random);
        if rounds % 16 == 0 {
            std::fs::write(Path::new(tree.arg()).join("412/stat"), random.spoil(STAT)).unwrap();
            watch.pass();
        }
        rounds += 1;
    }
    println!("{rounds} rounds");
    assert!(rounds > 0);
}

/// Nothing is redacted twice, nothing unprintable is left.
fn redacts(redactor: &Redactor, random: &mut Random) {
    let mut spoiled = || {
        let argument = random.pick(ARGUMENTS);
        random.spoil(argument)
    };
    let args = [spoiled(), spoiled(), spoiled()];
    let once = redactor.args(args.iter().map(Vec::as_slice));
    let twice = redactor.args(once.iter().map(String::as_bytes));
    assert_eq!(once, twice, "of {args:?}");
    let line = redactor.line(args.iter().map(Vec::as_slice), 256);
    assert!(line.len() <= 256 && !line.contains(char::is_control), "{line:?} of {args:?}");
}

/// A text compiles, or every fault has its place.
fn compiles_or_says_why(random: &mut Random) {
    let yaml = String::from_utf8_lossy(&random.spoil(RULES)).into_owned();
    if let Err(faults) = RuleSet::compile(vec![RuleText { file: "fuzz.yaml".to_owned(), pack: Pack::Custom, yaml }]) {
        assert!(faults.iter().all(|fault| fault.line > 0 && fault.column > 0), "{faults:?}");
    }
    let former = String::from_utf8_lossy(&random.spoil(FORMER)).into_owned();
    if let Ok(imported) = import("former.yaml", &former) {
        let text = RuleText { file: "imported.yaml".to_owned(), pack: Pack::Custom, yaml: imported.yaml };
        RuleSet::compile(vec![text]).unwrap_or_else(|faults| panic!("{faults:?} of {former}"));
    }
}

#[expect(clippy::disallowed_methods, reason = "the soak runner tells by the environment how long to go on")]
pub(crate) fn duration() -> Duration {
    let seconds = std::env::var("KEELWATCH_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}
