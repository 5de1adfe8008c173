//! What is hidden and what stays, form by form.

use super::*;

fn redactor() -> Redactor {
    Redactor::new(&[]).unwrap()
}

/// Arguments are divided by `|` on both sides, because many hold spaces.
#[track_caller]
fn check(args: &str, expected: &str) {
    let given = args.split('|').map(str::as_bytes);
    assert_eq!(redactor().args(given).join("|"), expected, "{args}");
}

#[test]
fn the_command_lines_of_the_contract_are_served_as_it_says() {
    for (args, expected) in [
        (&["app", "--password", "a b", "--port=1"][..], "app --password *** --port=1"),
        (&["psql", "postgres://bob:pw@db:5432/x"], "psql postgres://bob:***@db:5432/x"),
        (&["env", "API_TOKEN=abc", "run"], "env API_TOKEN=*** run"),
        (&["sh", "-c", "mysql --password hunter2 -h db"], "sh -c mysql --password *** -h db"),
    ] {
        assert_eq!(redactor().line(args.iter().map(|arg| arg.as_bytes()), 4096), expected);
    }
}

#[test]
fn the_value_of_a_secret_key_is_hidden() {
    for (args, expected) in [
        ("--password=a b", "--password=***"),
        ("-password|x", "-password|***"),
        ("--db-passwd|x|y", "--db-passwd|***|y"),
        ("MYSQL_PWD=x", "MYSQL_PWD=***"),
        ("--apiKey=x|--api-key|y|api.key: z", "--apiKey=***|--api-key|***|api.key: ***"),
        ("AWS_SECRET_ACCESS_KEY=x", "AWS_SECRET_ACCESS_KEY=***"),
        ("--private_key|x", "--private_key|***"),
        ("-Dspring.datasource.password=x", "-Dspring.datasource.password=***"),
        ("-Dpass=x|-ePW=y", "-Dpass=***|-ePW=***"),
        ("--set|db.password=x", "--set|db.password=***"),
        ("--set=db.password=a b", "--set=db.password=***"),
        ("user[password]=x", "user[password]=***"),
        ("--header|Authorization: Bearer x", "--header|Authorization: ***"),
        ("--header=X-Api-Key: a b", "--header=X-Api-Key: ***"),
        ("X-Auth-Token:abc", "X-Auth-Token:***"),
        ("-H|Authorization:|Bearer|x|y", "-H|Authorization:|***|***|y"),
        ("-passin|pass:x", "-passin|pass:***"),
        ("http://h/?token=abc&x=1#f", "http://h/?token=***&x=1#f"),
        ("a=1&session=abc&x=1", "a=1&session=***&x=1"),
        ("host=h password='a b' dbname=d", "host=h password='***' dbname=d"),
    ] {
        check(args, expected);
    }
}

#[test]
fn a_key_that_only_looks_secret_keeps_its_value() {
    for args in [
        "--passenger=x",
        "--author|me",
        "--pass-through-x",
        "--compass=n",
        "--monkey=x",
        "--cookies-like|x",
        "--port=1|--key=x|-o|authority",
        "-v|/run/secrets:/run/x:ro",
        "std::token::new",
        "http://token:8080/x",
        "vault-token://x",
        "--no-password|db",
        "--password-stdin|registry",
        "PATH=/bin:/usr/bin",
    ] {
        check(args, args);
    }
}

#[test]
fn an_option_is_not_the_value_of_the_option_before_it() {
    check("mysql|--password|-h|db", "mysql|--password|-h|db");
    check("x|--password|--port=1", "x|--password|--port=1");
    check("x|--password|--token|y", "x|--password|--token|***");
    check("x|--password|-secret", "x|--password|***");
    check("x|--password|--9x--", "x|--password|***");
    check("x|--password", "x|--password");
    check("x|--password=|y", "x|--password=|y");
}

#[test]
fn json_keeps_its_form() {
    for (args, expected) in [
        (r#"{"user":"u","password":"x","n":1}"#, r#"{"user":"u","password":"***","n":1}"#),
        (r#"{"password": "a b", "user": "y z"}"#, r#"{"password": "***", "user": "y z"}"#),
        (r#"{"password" : "a \" b"}"#, r#"{"password" : "***"}"#),
        (r#"{"token":123}"#, r#"{"token":***"#),
        ("{'api_key':'a b'}", "{'api_key':'***'}"),
        (r#"curl -d "{\"password\": \"a b\", \"u\": 1}" h"#, r#"curl -d "{\"password\": \"***\", \"u\": 1}" h"#),
        (r#"curl -d "{\"password\":\"ab\",\"u\":1}" h"#, r#"curl -d "{\"password\":\"***\",\"u\":1}" h"#),
        (r#"{"h": "Bearer abc def"}"#, r#"{"h": "Bearer *** def"}"#),
    ] {
        check(args, expected);
    }
}

#[test]
fn a_script_is_read_word_by_word() {
    for (args, expected) in [
        ("sh|-c|PASSWORD=x run --flag", "sh|-c|PASSWORD=*** run --flag"),
        ("/bin/bash|-lc|PASSWORD='a b' run", "/bin/bash|-lc|PASSWORD='***' run"),
        ("sh|-ec|  run   --token \"a b\"  --port 1 ", "sh|-ec|  run   --token \"***\"  --port 1 "),
        ("sh|-c|curl -H 'Authorization: Bearer x' http://h", "sh|-c|curl -H 'Authorization: ***' http://h"),
        ("sh|-c|curl -H 'X: Bearer x' http://h", "sh|-c|curl -H 'X: Bearer ***' http://h"),
        ("sh|-c|bash -c 'mysql -psecret -h db'", "sh|-c|bash -c 'mysql -p*** -h db'"),
        ("sh|-c|bash -c \"sh -c 'TOKEN=x run'; y\"", "sh|-c|bash -c \"sh -c 'TOKEN=*** run'; y\""),
        ("sh|-c|OPTS=\"a --password x\" run", "sh|-c|OPTS=\"a --password ***\" run"),
        ("sh|-c|password = x; y", "sh|-c|password = *** y"),
        ("run --password \"a b --port", "run --password ***"),
        ("it's --password x --port", "it's --password *** --port"),
        ("sh|-c|export TOKEN=x\nrun y", "sh|-c|export TOKEN=***\u{fffd}run y"),
        ("sh|-c|mysql --password\thunter2\t-h db", "sh|-c|mysql --password\u{fffd}***\u{fffd}-h db"),
    ] {
        check(args, expected);
    }
}

#[test]
fn the_password_of_a_url_goes_and_its_user_stays() {
    for (args, expected) in [
        ("postgres://bob:p@ss@h/db", "postgres://bob:***@h/db"),
        ("redis://:pw@h:6379", "redis://:***@h:6379"),
        ("mongodb://u:p%40q@h1:1,h2:2/db", "mongodb://u:***@h1:1,h2:2/db"),
        ("a://u:p@h,b://v:q@i/x", "a://u:***@h,b://v:***@i/x"),
        ("https://token@h/x", "https://***@h/x"),
        ("git+https://u:@h/x", "git+https://***:@h/x"),
        ("ssh://git@h/x", "ssh://git@h/x"),
        ("http://h:80/a@b", "http://h:80/a@b"),
        ("http://h/a:b@c", "http://h/a:b@c"),
        ("postgres://bob:p/s?s@h/db", "postgres://bob:***@h/db"),
        ("postgres://bob:p w@h/db", "postgres://bob:***@h/db"),
        ("--url=amqp://u:p@h/v", "--url=amqp://u:***@h/v"),
        ("git clone https://u:p@h/x && ls", "git clone https://u:***@h/x && ls"),
        ("root:pw@tcp(db:3306)/x", "root:***@tcp(db:3306)/x"),
        (r#"{"a":"http://h:80","m":"a@b"}"#, r#"{"a":"http://h:80","m":"a@b"}"#),
    ] {
        check(args, expected);
    }
}

#[test]
fn the_word_after_a_scheme_is_hidden() {
    check("x|Bearer|abc|y", "x|Bearer|***|y");
    check("x|Basic|abc", "x|Basic|***");
    check("x|Bearer|--port", "x|Bearer|--port");
    check("X: Bearer abc y", "X: Bearer *** y");
    check("vim|basic|tutorial", "vim|basic|tutorial");
}

#[test]
fn tools_hold_secrets_in_short_options() {
    for (args, expected) in [
        ("/usr/bin/mysqldump|-uroot|-phunter2|db", "/usr/bin/mysqldump|-uroot|-p***|db"),
        ("mysql|-p|db", "mysql|-p|db"),
        ("mysql|-P3306|-hdb", "mysql|-P3306|-hdb"),
        ("sudo|-u|x|env|A=b|nohup|mariadb|-Bpx", "sudo|-u|x|env|A=b|nohup|mariadb|-Bp***"),
        ("docker|exec|db|mysqladmin|-px", "docker|exec|db|mysqladmin|-p***"),
        ("sshpass|-p|x|ssh|-p|2222|h", "sshpass|-p|***|ssh|-p|2222|h"),
        ("sshpass|-px|scp|-P|2222", "sshpass|-p***|scp|-P|2222"),
        ("sshpass|-P|prompt|-p|-x y", "sshpass|-P|prompt|-p|***"),
        ("curl|-u|bob:pw|http://h", "curl|-u|bob:***|http://h"),
        ("xargs|-n1|curl|-sSubob:pw", "xargs|-n1|curl|-sSubob:***"),
        ("curl|-su|bob:pw:x", "curl|-su|bob:***"),
        ("curl|--user|bob:pw|--proxy-user=a:b", "curl|--user|bob:***|--proxy-user=a:***"),
        ("curl|-u|key:|http://h", "curl|-u|***:|http://h"),
        ("curl|-u|bob|http://h", "curl|-u|bob|http://h"),
        ("sh|-c|curl -u 'bob:p w' h|x", "sh|-c|curl -u 'bob:***' h|x"),
        ("sh|-c|x=$(mysql -px -e y); mkdir -pz", "sh|-c|x=$(mysql -p*** -e y); mkdir -pz"),
        ("mkdir|-p|x|-pfoo", "mkdir|-p|x|-pfoo"),
        ("docker|login|-u|me|-p|pw|r.example", "docker|login|-u|me|-p|***|r.example"),
        ("etcdctl|--user=root:pw|get|/", "etcdctl|--user=root:***|get|/"),
        ("redis-cli|-h|r|-a|pw|ping", "redis-cli|-h|r|-a|***|ping"),
    ] {
        check(args, expected);
    }
}

#[test]
fn tokens_are_known_by_their_form() {
    let many = "aB3".repeat(12);
    for token in [
        format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{many}"),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0".to_owned(),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        "ASIAIOSFODNN7EXAMPLE".to_owned(),
        format!("ghp_{many}"),
        format!("github_pat_{many}"),
        format!("glpat-{many}"),
        format!("xoxb-{many}"),
        format!("sk-proj-{many}"),
        format!("sk_live_{many}"),
        format!("hf_{many}"),
        format!("npm_{many}"),
        format!("AIza{many}"),
        format!("dckr_pat_{many}"),
        format!("SG.{many}.{many}"),
        format!("pypi-{many}"),
        format!("hvs.{many}"),
        format!("123456789:AA{many}"),
    ] {
        check(&format!("x|--id={token}|y"), "x|--id=***|y");
        check(&format!("x {token},y"), "x ***,y");
    }
}

#[test]
fn a_private_key_is_hidden_as_a_whole_or_as_far_as_it_goes() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
    for (args, expected) in [
        (format!("a -----BEGIN RSA PRIVATE KEY-----\nX: y\n\n{body}\n-----END RSA PRIVATE KEY----- b"), "a *** b"),
        (format!("-----BEGIN PRIVATE KEY-----\\n{body}\\n-----END PRIVATE KEY-----|b"), "***|b"),
        (format!("k=-----BEGIN OPENSSH PRIVATE KEY-----\n{body}|b"), "k=***|b"),
        (format!("-----BEGIN PGP PRIVATE KEY BLOCK-----\n{body}"), "***"),
        (
            format!("-----BEGIN|EC|PRIVATE|KEY-----|{body}|ab=|-----END|EC|PRIVATE|KEY-----|b"),
            "***|***|***|***|***|***|***|***|***|***|b",
        ),
        (format!("-----BEGIN|PRIVATE|KEY-----|{body}|b"), "***|***|***|***|b"),
    ] {
        check(&args, expected);
    }
    check("-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----");
}

#[test]
fn extra_patterns_hide_group_1_or_the_whole_match_in_each_argument() {
    let redactor = Redactor::new(&[r"pin-(\d+)".to_owned(), "(?i)hush[a-z]*".to_owned()]).unwrap();
    let shown = redactor.args([&b"pin-12 pin-34"[..], b"HUSHxy.", b"pin-"].into_iter());
    assert_eq!(shown, ["pin-*** pin-***", "***.", "pin-"]);
}

#[test]
fn every_bad_extra_pattern_is_told_by_its_index() {
    let patterns = ["fine", "(", "x*", ""].map(str::to_owned);
    let faults = Redactor::new(&patterns).unwrap_err();
    let expected = [
        (1, "is not a regex: unclosed group".to_owned()),
        (2, "matches the empty text, so it would hide nothing or everything".to_owned()),
        (3, "has 0 bytes (accepted: 1 to 1024)".to_owned()),
    ];
    assert_eq!(faults, expected);
    let too_many = Redactor::new(&vec!["x".to_owned(); 65]).unwrap_err();
    assert_eq!(too_many, [(64, "is one too many (accepted: up to 64 patterns)".to_owned())]);
}

#[test]
fn control_bytes_and_invalid_utf8_are_replaced() {
    assert_eq!(redactor().text(b"a\x1b[31m\xffb\x00c\xc2\x9b"), "a\u{fffd}[31m\u{fffd}b\u{fffd}c\u{fffd}");
}

#[test]
fn a_long_line_is_cut_at_a_character() {
    let line = |max| redactor().line([&b"ab"[..], "öö".as_bytes()].into_iter(), max);
    let cuts: Vec<String> = [7, 6, 5, 3, 2].into_iter().map(line).collect();
    assert_eq!(cuts, ["ab öö", "ab …", "ab…", "…", ""]);
}
