//! Where rules come from, and reading them.
//!
//! Owns that a file is read whole, once, and only if it is a regular file of bounded size: a pipe would never end, and
//! a file that is replaced meanwhile must not be read half old and half new.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use document::Fault;
use rustix::fs::{Mode, OFlags};

use super::pack::{BuiltinPack, Pack, UnknownPack};

/// Largest rules file in bytes.
pub(super) const FILE_BYTES_MAX: usize = 4 << 20;

/// One entry of the setting `rules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// All built-in packs: `builtin`.
    Builtin,
    /// One of them: `builtin:<pack>`.
    BuiltinPack(BuiltinPack),
    /// A rules file.
    File(PathBuf),
}

/// One rules file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// What errors call it.
    pub file: String,
    /// The pack of its rules; those of a file whose ids start with `legacy-` are of the pack `legacy` in any case.
    pub pack: Pack,
    /// The YAML.
    pub yaml: String,
}

impl Source {
    /// Reads what is behind the source: one text, or one for each pack.
    pub(super) fn read(&self) -> Result<Vec<RuleText>, Fault> {
        match self {
            Self::Builtin => Ok(BuiltinPack::ALL.map(RuleText::of_pack).into()),
            Self::BuiltinPack(pack) => Ok(vec![RuleText::of_pack(*pack)]),
            Self::File(path) => RuleText::read(path).map(|text| vec![text]),
        }
    }
}

impl FromStr for Source {
    type Err = UnknownPack;

    fn from_str(text: &str) -> Result<Self, UnknownPack> {
        match (text, text.strip_prefix("builtin:")) {
            ("builtin", _) => Ok(Self::Builtin),
            (_, Some(pack)) => pack.parse().map(Self::BuiltinPack),
            (path, None) => Ok(Self::File(path.into())),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => f.pad("builtin"),
            Self::BuiltinPack(pack) => write!(f, "builtin:{pack}"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl RuleText {
    /// The text of a built-in pack.
    pub fn of_pack(pack: BuiltinPack) -> Self {
        Self { file: format!("builtin:{pack}"), pack: Pack::Builtin(pack), yaml: pack.text().to_owned() }
    }

    /// The text of a file with rules of somebody's own.
    pub fn of_file(file: impl Into<String>, yaml: impl Into<String>) -> Self {
        Self { file: file.into(), pack: Pack::Custom, yaml: yaml.into() }
    }

    fn read(path: &Path) -> Result<Self, Fault> {
        let file = path.display().to_string();
        match read_whole(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(yaml) => Ok(Self { file, pack: Pack::Custom, yaml }),
                Err(error) => Err(not_utf8(file, &error.as_bytes()[..error.utf8_error().valid_up_to()])),
            },
            Err(message) => Err(fault(file, 1, 1, message)),
        }
    }
}

fn read_whole(path: &Path) -> Result<Vec<u8>, String> {
    // Without NONBLOCK, opening a FIFO waits for a writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| format!("cannot be opened: {error}"))?;
    let file = File::from(opened);
    let kind = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.file_type();
    if !kind.is_file() {
        return Err(format!(
            "is a {} (accepted: a regular file)",
            if kind.is_dir() { "directory" } else { "special file" }
        ));
    }
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err("is larger than 4 MiB".to_owned());
    }
    Ok(bytes)
}

fn not_utf8(file: String, valid: &[u8]) -> Fault {
    let line = valid.split(|byte| *byte == b'\n').count();
    let last_line = valid.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let column = 1 + String::from_utf8_lossy(last_line).chars().count();
    fault(file, line, column, "is not UTF-8".to_owned())
}

fn fault(file: String, line: usize, column: usize, message: String) -> Fault {
    Fault { file, line, column, path: String::new(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &Path, expected: &str) {
        let fault = Source::File(path.to_owned()).read().unwrap_err();
        assert_eq!(fault.message, expected);
    }

    #[test]
    fn a_source_is_builtin_or_one_pack_or_a_file() {
        assert_eq!("builtin".parse(), Ok(Source::Builtin));
        assert_eq!("builtin:miners".parse(), Ok(Source::BuiltinPack(BuiltinPack::Miners)));
        assert_eq!("/etc/rules.yaml".parse(), Ok(Source::File("/etc/rules.yaml".into())));
        assert!("builtin:miner".parse::<Source>().is_err());
    }

    #[test]
    fn a_directory_is_refused() {
        check(tempfile::tempdir().unwrap().path(), "is a directory (accepted: a regular file)");
    }

    #[test]
    fn a_pipe_is_refused_without_waiting_for_a_writer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules.yaml");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        check(&path, "is a special file (accepted: a regular file)");
    }

    #[test]
    fn a_file_larger_than_4_mib_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(FILE_BYTES_MAX as u64 + 1).unwrap();
        check(file.path(), "is larger than 4 MiB");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_told_with_their_place() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"version: 1\n# \xc3\xbc \xff").unwrap();
        let fault = Source::File(file.path().to_owned()).read().unwrap_err();
        assert_eq!((fault.line, fault.column), (2, 5));
    }
}
