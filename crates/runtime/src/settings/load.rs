//! From a file to checked settings.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use document::{Document, Fault, Limits};
use sha2::{Digest, Sha256};

use super::contents::Contents;
use super::{Environment, Root};

/// Most bytes of a secret that stands in a file of its own. Certificates with their chain take a few KiB.
const SECRET_BYTES: u64 = 1 << 20;

/// Settings that passed every check.
#[derive(Clone)]
pub struct Loaded<T> {
    pub(super) settings: Arc<T>,
    pub(super) document: Document,
    pub(super) revision: String,
    pub(super) source: Source,
    /// What the files that the settings name held when these were loaded.
    pub(super) named: Contents,
}

/// Where settings come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// The settings file, if there is one.
    pub(super) path: Option<PathBuf>,
    /// What that file held, and the files that secrets were read from or should have been.
    pub(super) contents: Contents,
}

/// What came of an attempt to load settings.
#[derive(Debug)]
pub(super) struct Attempt<T> {
    pub(super) source: Source,
    pub(super) outcome: Result<Loaded<T>, Vec<Fault>>,
}

impl<T> Loaded<T> {
    /// The settings.
    pub fn settings(&self) -> Arc<T> {
        Arc::clone(&self.settings)
    }

    /// The first 16 hex digits of the SHA-256 of the text.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl<T> fmt::Debug for Loaded<T> {
    /// The settings may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("source", &self.source).field("revision", &self.revision).finish_non_exhaustive()
    }
}

/// Loads the settings of `path`, or the defaults if there is none; else everything that is wrong with them.
pub fn load<T: Root>(path: Option<&Path>, environment: &Environment) -> Result<Loaded<T>, Vec<Fault>> {
    attempt(path, environment).outcome
}

pub(super) fn attempt<T: Root>(path: Option<&Path>, environment: &Environment) -> Attempt<T> {
    let mut source = Source { path: path.map(Path::to_owned), contents: Contents::default() };
    let Some(path) = path else {
        return parse(source, "", environment);
    };
    match read(path, Limits::default().bytes as u64) {
        Ok(text) => {
            source.contents.add(path, Some(text.as_bytes()));
            parse(source, &text, environment)
        }
        Err(error) => {
            source.contents.add(path, None);
            let message = format!("failed to read the settings: {error}");
            let file = path.display().to_string();
            let outcome = Err(vec![Fault { file, line: 1, column: 1, path: String::new(), message }]);
            Attempt { source, outcome }
        }
    }
}

fn parse<T: Root>(mut source: Source, text: &str, environment: &Environment) -> Attempt<T> {
    let name = source.path.as_ref().map_or_else(|| "defaults".to_owned(), |path| path.display().to_string());
    let outcome = Document::parse(&name, text, Limits::default())
        .and_then(|document| decode::<T>(document, environment, &mut source.contents))
        .map(|(document, settings)| Loaded {
            named: Contents::of(&settings.files()),
            settings: Arc::new(settings),
            document,
            revision: revision(text),
            source: source.clone(),
        });
    Attempt { source, outcome }
}

fn decode<T: Root>(
    mut document: Document,
    environment: &Environment,
    contents: &mut Contents,
) -> Result<(Document, T), Vec<Fault>> {
    let mut faults = document.map_strings(&mut |text| environment.expand(text));
    for (path, value) in environment.values() {
        document.put(path, value);
    }
    faults.extend(document.read_secrets::<T>(&mut |name| {
        let path = Path::new(name);
        let text = read(path, SECRET_BYTES);
        contents.add(path, text.as_ref().ok().map(String::as_bytes));
        text.map(without_newline).map_err(|error| format!("failed to read {name}: {error}"))
    }));
    match document.decode::<T>() {
        Ok(settings) if faults.is_empty() => {
            faults = settings.check().into_iter().map(|(path, message)| document.fault(&path, message)).collect();
            if faults.is_empty() {
                return Ok((document, settings));
            }
        }
        Ok(_) => {}
        Err(more) => {
            // A value that could not be replaced is not told a second time for what it is not.
            let told: HashSet<String> = faults.iter().map(|fault| fault.path.clone()).collect();
            faults.extend(more.into_iter().filter(|fault| !told.contains(&fault.path)));
        }
    }
    faults.sort();
    Err(faults)
}

fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

/// The text of a file, one byte over the limit at most, so that whoever has a limit sees it broken.
fn read(path: &Path, limit: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(limit + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes")));
    }
    Ok(text)
}

fn revision(text: &str) -> String {
    const DIGITS: usize = 8;
    use std::fmt::Write;
    Sha256::digest(text).iter().take(DIGITS).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::fixture::{Folder, Sample, environment};
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "so that a call reads as text and outcome")]
    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let source = Source { path: Some("k.yaml".into()), ..Source::default() };
        let faults = parse::<Sample>(source, text, &environment()).outcome.unwrap_err();
        expected.assert_eq(&faults.iter().map(|fault| fault.to_string() + "\n").collect::<String>());
    }

    fn loaded(text: &str) -> Sample {
        let folder = Folder::with("k.yaml", text);
        Sample::clone(&load(Some(&folder.path("k.yaml")), &environment()).unwrap().settings())
    }

    #[test]
    fn no_file_means_defaults() {
        let loaded = load::<Sample>(None, &environment()).unwrap();
        assert_eq!((&*loaded.settings(), loaded.revision()), (&Sample::default(), "e3b0c44298fc1c14"));
    }

    #[test]
    fn a_variable_stays_one_text_whatever_is_in_it() {
        assert_eq!(loaded("name: ${INJECTION}").name, "x\nauth: {anonymous_reads: true}");
    }

    #[test]
    fn what_the_environment_gives_comes_before_the_file() {
        let folder = Folder::with("k.yaml", "name: of-the-file\nwatch: {every: 3s}\n");
        let environment = environment()
            .with("name", "${A}".to_owned())
            .with("limit", "7".to_owned())
            .with("watch.proc", "/p".to_owned());
        let loaded = load::<Sample>(Some(&folder.path("k.yaml")), &environment).unwrap().settings();
        let watch = &loaded.watch;
        let got = (loaded.name.as_str(), loaded.limit, watch.proc.as_str(), watch.every.as_secs());
        assert_eq!(got, ("${A}", 7, "/p", 3));
    }

    #[test]
    fn every_fault_is_told_with_its_place_and_the_nearest_key() {
        check(
            "watch:\n  every: 0\n  evry: 2s\n",
            expect![[r#"
            k.yaml:2:10: watch.every: 0 is not a duration (accepted: 500ms to 1h)
            k.yaml:3:3: watch.evry: unknown key evry, did you mean every
        "#]],
        );
    }

    #[test]
    fn a_variable_that_is_not_set_is_told_beside_other_faults() {
        check(
            "name: ${NOT_SET}\nwatch: {every: '${NOT_SET}'}\nlimit: many\n",
            expect![[r#"
                k.yaml:1:7: name: variable NOT_SET is not set (accepted: set it, or ${NOT_SET:-default})
                k.yaml:2:16: watch.every: variable NOT_SET is not set (accepted: set it, or ${NOT_SET:-default})
                k.yaml:3:8: limit: expected a whole number, found text "many"
            "#]],
        );
    }

    #[test]
    fn contradictions_are_told_where_they_are() {
        check(
            "watch:\n  every: 1m\n  max_pause: 1s\n",
            expect![[r#"
            k.yaml:3:14: watch.max_pause: is shorter than every (accepted: every to 1h)
        "#]],
        );
        check(
            "watch:\n  every: 10m\n",
            expect![[r#"
            k.yaml:2:3: watch.max_pause: is shorter than every (accepted: every to 1h)
        "#]],
        );
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        let folder = Folder::with("token", "t0ken\r\n");
        let text = format!("tokens: [{{name: a, token_file: '{}'}}]", folder.path("token").display());
        assert_eq!(loaded(&text).tokens[0].token, "t0ken");
        check(
            "tokens: [{name: a, token: b, token_file: /nowhere}, {name: c, token_file: /nowhere}]",
            expect![[r#"
                k.yaml:1:42: tokens[0].token_file: is given together with token (accepted: one of them)
                k.yaml:1:75: tokens[1].token_file: failed to read /nowhere: No such file or directory (os error 2)
            "#]],
        );
    }

    #[test]
    fn a_file_that_is_missing_is_told_in_one_line() {
        let faults = load::<Sample>(Some(Path::new("/nowhere/k.yaml")), &environment()).unwrap_err();
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let expected = "/nowhere/k.yaml:1:1: failed to read the settings: No such file or directory (os error 2)";
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn a_file_over_the_limit_is_refused() {
        let folder = Folder::with("k.yaml", &"#".repeat((4 << 20) + 1));
        let faults = load::<Sample>(Some(&folder.path("k.yaml")), &environment()).unwrap_err();
        assert!(faults[0].message.ends_with("more than 4194304 bytes"), "{}", faults[0]);
    }
}
