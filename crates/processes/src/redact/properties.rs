//! A random secret, in each form and among random neighbors, never shows; nothing else breaks.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// What no neighbor and no form holds, so that a secret is found again where it leaks.
const MARK: &str = "QzX";

fn redactor() -> Redactor {
    Redactor::new(&["pin-([0-9]+)".to_owned()]).unwrap()
}

/// A secret of `letters` that holds the mark at both ends.
fn secret(letters: &'static str) -> impl Strategy<Value = String> {
    letters.prop_map(|inside| format!("{MARK}{inside}{MARK}"))
}

/// A secret that may hold anything that an argument can, but does not look like a long option.
fn any_secret() -> impl Strategy<Value = String> {
    let starts = vec!["", "", "'", "\"", "-", "{", "[", " ", "@", "/", "=", ":", "*", "//", "\\", "&", "\n", "--="];
    let whole = secret("[ -~]{0,20}|[a-z \\n\\t\"'=:/@&|;]{0,20}|\\PC{0,10}");
    // The lists of these tests are divided by bars.
    (select(starts), whole).prop_map(|(start, rest)| format!("{start}{}", rest.replace('|', "")))
}

/// A secret of one word that needs no quotes.
fn plain_secret() -> impl Strategy<Value = String> {
    secret("[A-Za-z0-9+/=_.~-]{0,20}")
}

/// Arguments as they stand beside a secret; none of them is a key that would take the next one.
fn neighbors() -> impl Strategy<Value = Vec<String>> {
    let known = ["run", "--port=1", "-v", "a b", "http://h:80/x", "it's", "", "x=y", "--flag", "curl", "{\"a\": 1}"];
    let any = prop_oneof![select(known.to_vec()).prop_map(str::to_owned), "[a-n ]{0,8}"];
    proptest::collection::vec(any, 0..4)
}

/// A key in random case and spelling.
fn key() -> impl Strategy<Value = String> {
    let known = vec![
        "password",
        "db-passwd",
        "PASSPHRASE",
        "client_secret",
        "token",
        "aws.credentials",
        "api-key",
        "apikey",
        "access-key",
        "private_key",
        "pass",
        "db-pwd",
        "pw",
        "auth",
        "x-authorization",
        "bearer",
        "set-cookie",
        "session",
    ];
    (select(known), any::<u32>()).prop_map(|(key, upper)| {
        let recased =
            key.chars().enumerate().map(|(at, c)| if upper >> at & 1 == 1 { c.to_ascii_uppercase() } else { c });
        recased.collect()
    })
}

/// `form` with `{K}` for the key and `{S}` for the secret, divided by `|`, between neighbors.
fn list(form: &str, key: &str, secret: &str, before: &[String], after: &[String]) -> Vec<String> {
    let own = form.split('|').map(|arg| arg.replace("{K}", key).replace("{S}", secret));
    before.iter().cloned().chain(own).chain(after.iter().cloned()).collect()
}

fn shown(args: &[String]) -> Vec<String> {
    redactor().args(args.iter().map(String::as_bytes))
}

#[track_caller]
fn check(form: &str, key: &str, secret: &str, before: &[String], after: &[String]) -> Result<(), TestCaseError> {
    let args = list(form, key, secret, before, after);
    let shown = shown(&args);
    prop_assert!(!shown.concat().contains(MARK), "{args:?} shows {shown:?}");
    prop_assert!(shown.concat().contains(SHOWN), "{args:?} shows {shown:?}");
    Ok(())
}

proptest! {
    #[test]
    fn a_secret_behind_a_key_never_shows(
        form in select(vec![
            "--{K}={S}", "--{K}|{S}", "-{K}|{S}", "{K}={S}", "{K}: {S}", "--set=a.{K}={S}", "--header={K}: {S}",
            "-D{K}={S}", "--header|{K}: {S}", "{K}:|{S}",
        ]),
        key in key(), secret in any_secret(), before in neighbors(), after in neighbors(),
    ) {
        check(form, &key, &secret, &before, &after)?;
    }

    #[test]
    fn a_secret_behind_a_key_in_a_script_never_shows(
        form in select(vec![
            "sh|-c|run --{K} {S} -v", "sh|-c|{K}={S} run", "sh|-c|run --{K}='{S} x' y", "run x --{K}={S} y",
            "sh|-c|sh -c '{K}={S} run'; y", "sh|-c|run \"{K}: {S}\" y", "x {K}: {S} y", "sh|-c|{K} = {S}",
            "it's --{K} {S} y", "curl 'http://h/?a=b&{K}={S}&c=d'", "run \"x --{K}\t{S}\" y",
            "sh|-c|OPTS=\"a --{K} {S} token=y\" run",
        ]),
        key in key(), secret in plain_secret(), before in neighbors(), after in neighbors(),
    ) {
        check(form, &key, &secret, &before, &after)?;
    }

    #[test]
    fn a_secret_that_a_script_quotes_never_shows(
        form in select(vec![
            "sh|-c|run --{K} {S} -v", "sh|-c|{K}={S} run", "sh|-c|run --{K}={S}; y",
            "sh|-c|env A=b curl -u bob:{S} h", "sh|-c|x&&mysql -p{S} h",
            "run x --{K} {S}", "sh|-c|(sshpass -p {S} ssh -p 22 h)",
        ]),
        key in key(), secret in any_secret(), before in neighbors(), after in neighbors(), double in any::<bool>(),
    ) {
        let quoted = if double {
            format!("\"{}\"", secret.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            format!("'{}'", secret.replace('\'', "'\\''"))
        };
        check(form, &key, &quoted, &before, &after)?;
    }

    #[test]
    fn a_secret_in_json_never_shows(
        form in select(vec![
            "{\"{K}\":{S}}", "{\"a\": 1, \"{K}\": {S}, \"b\": [2]}", "{\"a b\" : \"c\", \"{K}\" : {S}}",
            "run --data {\"{K}\":{S},\"x\":1}",
        ]),
        key in key(), secret in any_secret(), before in neighbors(), after in neighbors(),
    ) {
        let escaped = secret.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
        let text = format!("\"{escaped}\"");
        check(form, &key, &text, &before, &after)?;
    }

    #[test]
    fn a_password_in_a_url_never_shows(
        form in select(vec![
            "postgres://bob:{S}@h/db", "x|--url=redis://:{S}@h:1", "a://u:{S}@h,b://v:{S}@i", "http://{S}@h/x",
            "sh|-c|git clone https://u:{S}@h/x; y", "{\"url\": \"amqp://u:{S}@h\"}", "HTTPS://{S}:@h",
        ]),
        secret in secret("[A-Za-z0-9%@._~!$*+,;=-]{0,20}"), before in neighbors(), after in neighbors(),
    ) {
        let secret = secret.replace(';', "");
        check(form, "", &secret, &before, &after)?;
    }

    #[test]
    fn a_secret_of_a_scheme_or_a_tool_never_shows(
        form in select(vec![
            "Bearer|{S}", "BEARER|{S}", "Basic|{S}", "-H|Authorization: Bearer {S}",
            "sh|-c|curl -H 'X: Bearer {S}' h", "x Basic {S}",
            "mysql|-p{S}", "/usr/bin/mysqldump|-uroot|-Bp{S}", "sudo|-n|mysql|-p{S}", "sh|-c|nohup mysql -p{S} -h x",
            "sshpass|-p{S}|ssh|h", "sshpass|-p|{S}|ssh|h", "curl|-u|bob:{S}", "curl|-sSubob:{S}",
            "xargs|curl|--user|bob:{S}",
            "env|A=b|curl|--user=bob:{S}", "sh|-c|true && curl -u bob:{S} h", "pin-1|token|=|x|--token|{S}",
        ]),
        secret in plain_secret(), before in neighbors(), after in neighbors(),
    ) {
        check(form, "", &secret, &before, &after)?;
    }

    #[test]
    fn a_token_with_a_form_of_its_own_never_shows(
        token in prop_oneof![
            "(AKIA|ASIA)[A-Z0-9]{16}", "gh[pousr]_[A-Za-z0-9]{36}", "github_pat_[A-Za-z0-9_]{30}",
            "glpat-[A-Za-z0-9_-]{20}",
            "xox[baprs]-[0-9]{10}-[A-Za-z0-9]{20}", "sk-[A-Za-z0-9]{40}", "sk_live_[A-Za-z0-9]{24}", "hf_[A-Za-z]{34}",
            "npm_[A-Za-z0-9]{36}", "AIza[A-Za-z0-9_-]{35}", "dckr_pat_[A-Za-z0-9_-]{27}",
            "SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}",
            "pypi-[A-Za-z0-9_-]{60}", "eyJ[A-Za-z0-9_-]{20}\\.eyJ[A-Za-z0-9_-]{20}\\.[A-Za-z0-9_-]{43}",
        ],
        form in select(vec!["{S}", "--id={S}", "x {S} y", "sh|-c|run '{S}'", "http://h/{S}/x", "{\"a\":\"{S}\"}"]),
        before in neighbors(), after in neighbors(),
    ) {
        let shown = shown(&list(form, "", &token, &before, &after));
        prop_assert!(!shown.concat().contains(&token[token.len() / 2..]), "{token} shows in {shown:?}");
    }

    #[test]
    fn a_private_key_never_shows(
        kind in select(vec!["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "]),
        body in proptest::collection::vec("[A-Za-z0-9+/]{64}", 1..4),
        end in any::<bool>(), newline in select(vec!["\n", "\\n", "\r\n"]),
        form in select(vec!["{S}", "x|key={S}", "echo '{S}' y", "a {S} b"]),
        after in neighbors(),
    ) {
        let close = if end { format!("-----END {kind}PRIVATE KEY-----") } else { String::new() };
        let pem = format!("-----BEGIN {kind}PRIVATE KEY-----{newline}{}{newline}{close}", body.join(newline));
        let shown = shown(&list(form, "", &pem, &[], &after)).concat();
        prop_assert!(body.iter().all(|line| !shown.contains(&line[8..])), "{shown}");
    }

    #[test]
    fn redacting_what_was_redacted_changes_nothing(args in proptest::collection::vec(pieces(), 0..6)) {
        let once = redactor().args(args.iter().map(Vec::as_slice));
        prop_assert_eq!(once.len(), args.len());
        prop_assert_eq!(&shown(&once), &once);
    }

    #[test]
    fn what_is_shown_is_clean_and_no_longer_than_allowed(
        args in proptest::collection::vec(pieces(), 0..6), max in 0_usize..60,
    ) {
        let line = redactor().line(args.iter().map(Vec::as_slice), max);
        prop_assert!(line.len() <= max);
        prop_assert!(!line.chars().any(char::is_control));
    }

    #[test]
    fn no_bytes_make_it_panic(args in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..6)) {
        let all = redactor().args(args.iter().map(Vec::as_slice));
        prop_assert_eq!(all.len(), args.len());
    }
}

/// Bytes of pieces that mean something, in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"--password",
        b"token",
        b"=",
        b": ",
        b":",
        b" ",
        b"\t",
        b"\n",
        b"\"",
        b"'",
        b"\\",
        b"\\\"",
        b"{",
        b"}",
        b",",
        b"://",
        b"http://",
        b"@",
        b"/",
        b"&",
        b"?",
        b"Bearer",
        b"Basic",
        b"mysql",
        b"-p",
        b"sshpass",
        b"curl",
        b"-u",
        b"sh",
        b"-c",
        b"x",
        b"y z",
        b"***",
        b"*",
        b"\xff",
        b"\x1b",
        b"\0",
        b"\xef\xbf\xbd",
        b";",
        b"|",
        b"-----BEGIN PRIVATE KEY-----",
        b"-----END PRIVATE KEY-----",
        b"ghp_0123456789abcdefg",
        b"pin-1",
        b"@tcp(",
    ];
    proptest::collection::vec(select(pieces), 0..14).prop_map(|pieces| pieces.concat())
}
