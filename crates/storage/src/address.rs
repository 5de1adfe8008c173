//! Where the database is, parsed. It may hold a password, which neither `Debug` nor `Display` shows.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Where the database is.
#[derive(Clone)]
pub(crate) enum Address {
    /// In the memory of this process.
    Memory,
    /// In one file.
    File(PathBuf),
    /// In PostgreSQL.
    Postgres(Box<PgConnectOptions>),
}

/// What is wrong with an address; never its text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidAddress {
    #[error("begins with no known scheme (accepted: sqlite:PATH, sqlite::memory:, postgres://USER@HOST/DATABASE)")]
    Scheme,
    #[error("names no file (accepted: sqlite:PATH)")]
    NoFile,
    #[error("names no user (accepted: postgres://USER:PASSWORD@HOST:PORT/DATABASE)")]
    NoUser,
    #[error("names no host (accepted: postgres://USER:PASSWORD@HOST:PORT/DATABASE)")]
    NoHost,
    #[error("names no database (accepted: postgres://USER:PASSWORD@HOST:PORT/DATABASE)")]
    NoDatabase,
    #[error("has the unknown parameter `{0}` (accepted: sslmode, sslrootcert, sslcert, sslkey, host)")]
    Parameter(String),
    #[error(
        "is not an address (accepted: postgres://USER:PASSWORD@HOST:PORT/DATABASE, special signs percent-encoded; sslmode \
         disable, allow, prefer, require, verify-ca or verify-full)"
    )]
    Malformed,
}

/// What may follow the `?` of an address of PostgreSQL. The driver would log others with their values.
const PARAMETERS: [&str; 5] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "host"];

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidAddress> {
        if url == "sqlite::memory:" {
            return Ok(Self::Memory);
        }
        if let Some(path) = url.strip_prefix("sqlite:") {
            // Two slashes may follow the scheme, as in `sqlite:///var/lib/keelwatch.db`.
            let path = path.strip_prefix("//").unwrap_or(path);
            return file(path);
        }
        match url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")) {
            Some(rest) => postgres(url, rest),
            None => Err(InvalidAddress::Scheme),
        }
    }
}

fn file(path: &str) -> Result<Address, InvalidAddress> {
    if path.is_empty() || path.ends_with('/') {
        return Err(InvalidAddress::NoFile);
    }
    // SQLite reads names that begin with `file:` as addresses of its own, and with `:` as databases in memory.
    let is_special = path.starts_with("file:") || path.starts_with(':');
    Ok(Address::File(if is_special { PathBuf::from(format!("./{path}")) } else { PathBuf::from(path) }))
}

fn postgres(url: &str, rest: &str) -> Result<Address, InvalidAddress> {
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let keys: Vec<&str> =
        parameters.split('&').filter_map(|pair| pair.split('=').next()).filter(|key| !key.is_empty()).collect();
    if let Some(unknown) = keys.iter().find(|key| !PARAMETERS.contains(key)) {
        return Err(InvalidAddress::Parameter((*unknown).to_owned()));
    }
    // What is left out here, the driver would take from the environment.
    if user.split(':').next().is_none_or(str::is_empty) {
        return Err(InvalidAddress::NoUser);
    }
    if host.is_empty() && !keys.contains(&"host") {
        return Err(InvalidAddress::NoHost);
    }
    if database.is_empty() {
        return Err(InvalidAddress::NoDatabase);
    }
    let mut options = PgConnectOptions::from_str(url).map_err(|_| InvalidAddress::Malformed)?;
    if host.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        options = options.port(5432);
    }
    if !keys.contains(&"sslmode") {
        options = options.ssl_mode(PgSslMode::Prefer);
    }
    Ok(Address::Postgres(Box::new(options.application_name("keelwatch"))))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("sqlite::memory:"),
            Self::File(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(options) => {
                let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
                write!(f, "postgres://{user}@{host}:{port}/{}", options.get_database().unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Result<&str, InvalidAddress>) {
        assert_eq!(Address::parse(url).map(|address| address.to_string()), expected.map(str::to_owned), "{url}");
    }

    #[test]
    fn an_address_is_a_file_a_memory_or_a_server() {
        check("sqlite:keelwatch.db", Ok("sqlite:keelwatch.db"));
        check("sqlite:///var/lib/keelwatch.db", Ok("sqlite:/var/lib/keelwatch.db"));
        check("sqlite:file:a", Ok("sqlite:./file:a"));
        check("sqlite::memory:", Ok("sqlite::memory:"));
        check("postgres://bob:hunter2@db/kw", Ok("postgres://bob@db:5432/kw"));
        check("postgresql://bob@db:5433/kw?sslmode=disable", Ok("postgres://bob@db:5433/kw"));
    }

    #[test]
    fn what_is_no_address_is_refused_by_what_is_missing() {
        check("mysql://db", Err(InvalidAddress::Scheme));
        check("sqlite:", Err(InvalidAddress::NoFile));
        check("postgres://db/kw", Err(InvalidAddress::NoUser));
        check("postgres://bob@/kw", Err(InvalidAddress::NoHost));
        check("postgres://bob@db", Err(InvalidAddress::NoDatabase));
        check("postgres://bob@db/kw?password=hunter2", Err(InvalidAddress::Parameter("password".to_owned())));
        check("postgres://bob@db/kw?sslmode=maybe", Err(InvalidAddress::Malformed));
    }

    #[test]
    fn no_form_of_an_address_shows_its_password() {
        let address = Address::parse("postgres://bob:hunter2@db/kw").unwrap();
        assert_eq!(format!("{address:?}"), "Address(postgres://bob@db:5432/kw)");
    }
}
