//! Tools whose short options hold a secret without saying so.

/// What an option of a tool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A secret.
    Secret,
    /// `user:password`; the user stays.
    Login,
    /// A script for a shell.
    Script,
    /// Something else, which is no command in any case.
    Plain,
}

/// Where the value of an option stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// In the word itself, from this byte on.
    Attached(usize, Holds),
    /// In the next word.
    Next(Holds),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Attached,
    Next,
    Either,
}

/// A tool and those of its options that matter.
#[derive(Debug)]
pub(super) struct Tool {
    /// Names of it, or what its names begin with if that ends with `*`.
    names: &'static [&'static str],
    /// Letters of options without value, which may stand before the one that counts, as in `curl -sSu user:password`.
    flags: &'static str,
    short: &'static [(u8, Place, Holds)],
    long: &'static [(&'static str, Holds)],
    /// It starts another command: the first word that is no option is that command.
    pub(super) starts_another: bool,
}

const TOOLS: [Tool; 9] = [
    // `-p` alone asks for the password, and the next word is the database.
    Tool {
        names: &["mysql*", "mariadb*", "mycli", "xtrabackup"],
        flags: "ABCEGHINUVXbcfginqstv",
        short: &[(b'p', Place::Attached, Holds::Secret)],
        long: &[],
        starts_another: false,
    },
    Tool {
        names: &["sshpass"],
        flags: "ev",
        short: &[
            (b'p', Place::Either, Holds::Secret),
            (b'f', Place::Either, Holds::Plain),
            (b'd', Place::Either, Holds::Plain),
            (b'P', Place::Either, Holds::Plain),
        ],
        long: &[],
        starts_another: true,
    },
    Tool {
        names: &["curl"],
        flags: "#0123456BGIJLMNOSRVafgijklnpqsvZ",
        short: &[
            (b'u', Place::Either, Holds::Login),
            (b'U', Place::Either, Holds::Login),
            (b'b', Place::Either, Holds::Secret),
        ],
        long: &[("user", Holds::Login), ("proxy-user", Holds::Login)],
        starts_another: false,
    },
    Tool {
        names: &["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash", "su", "runuser"],
        flags: "abefhiklmnprstuvxBCEHPTD",
        short: &[(b'c', Place::Next, Holds::Script)],
        long: &[("command", Holds::Script)],
        starts_another: false,
    },
    Tool {
        names: &["redis-cli"],
        flags: "cx",
        short: &[(b'a', Place::Either, Holds::Secret)],
        long: &[],
        starts_another: false,
    },
    Tool {
        names: &["mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport"],
        flags: "",
        short: &[(b'p', Place::Either, Holds::Secret)],
        long: &[],
        starts_another: false,
    },
    Tool {
        names: &["ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldappasswd", "ldapwhoami"],
        flags: "ACLMNQZcnuvx",
        short: &[(b'w', Place::Either, Holds::Secret), (b's', Place::Either, Holds::Plain)],
        long: &[],
        starts_another: false,
    },
    // `docker login`, `oc login` and their like.
    Tool {
        names: &["login"],
        flags: "",
        short: &[(b'p', Place::Either, Holds::Secret)],
        long: &[],
        starts_another: false,
    },
    Tool { names: &["etcdctl"], flags: "", short: &[], long: &[("user", Holds::Login)], starts_another: false },
];

/// The tool that the word starts, wherever it stands: behind `sudo`, `xargs`, `docker exec db` or `$(`.
pub(super) fn named(word: &[u8]) -> Option<&'static Tool> {
    let start = word.iter().rposition(|byte| b"/(`|;&{!".contains(byte)).map_or(0, |at| at + 1);
    let name = &word[start..];
    TOOLS.iter().find(|tool| {
        tool.names.iter().any(|known| match known.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix.as_bytes()),
            None => name == known.as_bytes(),
        })
    })
}

impl Tool {
    /// What `word` says as an option of this tool.
    pub(super) fn option(&self, word: &[u8]) -> Option<Found> {
        match word {
            [b'-', b'-', name @ ..] => self.long_option(name),
            [b'-', letters @ ..] => self.short_option(letters),
            _ => None,
        }
    }

    fn long_option(&self, name: &[u8]) -> Option<Found> {
        self.long.iter().find_map(|(known, holds)| match name.strip_prefix(known.as_bytes())? {
            [] => Some(Found::Next(*holds)),
            [b'=', ..] => Some(Found::Attached(known.len() + 3, *holds)),
            _ => None,
        })
    }

    fn short_option(&self, letters: &[u8]) -> Option<Found> {
        let at = letters.iter().position(|letter| !self.flags.as_bytes().contains(letter))?;
        let (_, place, holds) = self.short.iter().find(|(letter, _, _)| *letter == letters[at])?;
        let is_last = at + 1 == letters.len();
        match place {
            Place::Attached | Place::Either if !is_last => Some(Found::Attached(at + 2, *holds)),
            Place::Next | Place::Either => Some(Found::Next(*holds)),
            Place::Attached => None,
        }
    }
}
