//! Where a rule comes from: a built-in pack, or a file.
//!
//! Owns the names of the packs and their text. Reading files is `source`'s job, the language `set`'s.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A pack of rules that the program carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BuiltinPack {
    /// Mining programs, by name, pool and flags.
    Miners,
    /// Shells that hand themselves to somebody elsewhere.
    ReverseShells,
    /// Scanners and tools that escape from containers.
    AttackTools,
    /// Programs without a file, or under a false name.
    HiddenExecutables,
}

/// Where a rule comes from; the `pack` of answers and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pack {
    /// A pack that the program carries.
    Builtin(BuiltinPack),
    /// A rules file.
    Custom,
    /// A rules file, under an id that starts with `legacy-`: written by the import of former rules.
    Legacy,
}

/// No built-in pack has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no built-in pack is called `{name}`{}", .nearest.map(|pack| format!(", did you mean {pack}")).unwrap_or_default())]
pub struct UnknownPack {
    name: String,
    nearest: Option<BuiltinPack>,
}

impl BuiltinPack {
    /// Every pack, in the order in which `builtin` loads them.
    pub const ALL: [Self; 4] = [Self::Miners, Self::ReverseShells, Self::AttackTools, Self::HiddenExecutables];

    /// The name used in settings, answers and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Miners => "miners",
            Self::ReverseShells => "reverse-shells",
            Self::AttackTools => "attack-tools",
            Self::HiddenExecutables => "hidden-executables",
        }
    }

    /// Its rules file.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Miners => include_str!("../../packs/miners.yaml"),
            Self::ReverseShells => include_str!("../../packs/reverse-shells.yaml"),
            Self::AttackTools => include_str!("../../packs/attack-tools.yaml"),
            Self::HiddenExecutables => include_str!("../../packs/hidden-executables.yaml"),
        }
    }
}

impl fmt::Display for BuiltinPack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for BuiltinPack {
    type Err = UnknownPack;

    fn from_str(name: &str) -> Result<Self, UnknownPack> {
        let named = |name: &str| Self::ALL.into_iter().find(|pack| pack.as_str() == name);
        named(name).ok_or_else(|| {
            let nearest = document::nearest(name, Self::ALL.map(Self::as_str)).and_then(named);
            UnknownPack { name: name.to_owned(), nearest }
        })
    }
}

impl Pack {
    /// Every value, as the `pack` label of metrics enumerates them.
    pub const ALL: [Self; 6] = [
        Self::Builtin(BuiltinPack::Miners),
        Self::Builtin(BuiltinPack::ReverseShells),
        Self::Builtin(BuiltinPack::AttackTools),
        Self::Builtin(BuiltinPack::HiddenExecutables),
        Self::Custom,
        Self::Legacy,
    ];

    /// The name used in answers and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Builtin(pack) => pack.as_str(),
            Self::Custom => "custom",
            Self::Legacy => "legacy",
        }
    }
}

impl fmt::Display for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Pack {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_pack_is_told_with_the_nearest_one() {
        let error = "minerz".parse::<BuiltinPack>().unwrap_err();
        assert_eq!(error.to_string(), "no built-in pack is called `minerz`, did you mean miners");
    }

    #[test]
    fn every_pack_is_found_by_its_name() {
        for pack in BuiltinPack::ALL {
            assert_eq!(pack.as_str().parse(), Ok(pack));
        }
    }
}
