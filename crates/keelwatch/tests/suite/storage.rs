//! The store on both databases, and the verbs that look after it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use runtime::clock::SystemClock;
use runtime::probes::Check;
use runtime::shutdown::Stop;
use runtime::tasks::Tasks;
use storage::{Failure, OpenError, Settings, Statement, Storage, Term, Value, Write};

use crate::postgres::Postgres;
use crate::program::{keelwatch, write};

pub(crate) async fn open(url: &str) -> Result<Storage, OpenError> {
    let settings = Settings { url: url.to_owned(), timeout: Duration::from_secs(2), ..Settings::default() };
    Storage::open(&settings, Arc::new(SystemClock::new())).await
}

pub(crate) fn of_file(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("kw.db").display())
}

async fn table(storage: &Storage) {
    let create = "CREATE TABLE item (name TEXT PRIMARY KEY, size BIGINT, share DOUBLE PRECISION, label TEXT)";
    storage.write(Write::new().then(Statement::new(create))).await.unwrap();
}

fn add(name: &str, size: impl Into<Value>) -> Statement {
    Statement::new("INSERT INTO item (name, size) VALUES ($1, $2)").bind(name).bind(size)
}

async fn count(storage: &Storage, name: &str) -> i64 {
    let select = Statement::new("SELECT count(*) FROM item WHERE name LIKE $1").bind(name);
    storage.read(select).await.unwrap()[0].int(0).unwrap()
}

/// The same statements, whatever the database: values of every kind come back, a refused write leaves nothing.
async fn stores_alike(storage: &Storage) {
    table(storage).await;
    let row = Statement::new("INSERT INTO item (name, size, share, label) VALUES ($1, $2, $3, $4) RETURNING size + 1");
    let row = row.bind("Ünïcode ' $1").bind(i64::MAX - 1).bind(0.1).bind(None::<String>);
    let update = Statement::new("UPDATE item SET label = $1 WHERE size > $2").bind("x").bind(1);
    let written = storage.write(Write::new().then(row).then(add("b", None::<i64>)).then(update)).await.unwrap();
    assert_eq!((written.rows(0)[0].int(0), written.affected(2)), (Ok(i64::MAX), 1));
    let rows = storage.read(Statement::new("SELECT name, size, share, label FROM item ORDER BY name")).await.unwrap();
    let [first, second] = rows.as_slice() else { panic!("{rows:?}") };
    let (first, second) = if first.text(0) == Ok("b") { (second, first) } else { (first, second) };
    assert_eq!((first.text(0), first.real(2), first.text(3)), (Ok("Ünïcode ' $1"), Ok(0.1), Ok("x")));
    assert_eq!((second.text(0), second.maybe_int(1), second.maybe_text(3)), (Ok("b"), Ok(None), Ok(None)));
    let refused = storage.write(Write::new().then(add("c", 1)).then(add("b", 1))).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    assert_eq!((count(storage, "%").await, storage.check()), (2, Check::Ok));
}

#[tokio::test]
async fn the_same_statements_store_the_same_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    stores_alike(&open(&of_file(folder.path())).await.unwrap()).await;
    stores_alike(&open("sqlite::memory:").await.unwrap()).await;
}

#[tokio::test]
async fn the_same_statements_store_the_same_in_postgres() {
    let Some(server) = Postgres::start() else { return };
    stores_alike(&open(&server.url()).await.unwrap()).await;
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_is_stored_whole_in_postgres() {
    let Some(server) = Postgres::start() else { return };
    // With one connection, whoever comes next has the one that was left.
    let settings = Settings { url: server.url(), connections: 1, ..Settings::default() };
    let storage = Storage::open(&settings, Arc::new(SystemClock::new())).await.unwrap();
    table(&storage).await;
    let pause = Statement::new("SELECT pg_sleep(0.5)::text");
    let write = Write::new().then(add("left-1", 1)).then(pause).then(add("left-2", 2));
    tokio::time::timeout(Duration::from_millis(200), storage.write(write)).await.unwrap_err();
    storage.write(Write::new().then(add("next", 3))).await.unwrap();
    let other = open(&server.url()).await.unwrap();
    assert_eq!((count(&other, "left-%").await, count(&other, "next").await), (2, 1));
}

/// A thousand batches of two leaders, one of whom was superseded: nothing of the older one is stored.
async fn refuses_the_older(older: &Storage, newer: &Storage) {
    table(older).await;
    let past = Term::begin(older, || true).await.unwrap().fence();
    let present = Term::begin(newer, || true).await.unwrap();
    let mut refused = 0;
    for number in 0..500 {
        let (old, new) = (format!("old-{number}"), format!("new-{number}"));
        let late = older.write(Write::new().then(add(&old, 1)).fenced(past));
        let (late, stored) = tokio::join!(late, present.write(Write::new().then(add(&new, 1))));
        stored.unwrap();
        refused += u32::from(matches!(late, Err(Failure::Fenced { held: 1, current: 2 })));
    }
    assert_eq!((refused, count(newer, "old-%").await, count(newer, "new-%").await), (500, 0, 500));
}

#[tokio::test]
async fn a_superseded_leader_stores_nothing_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let storage = open(&of_file(folder.path())).await.unwrap();
    refuses_the_older(&storage, &storage).await;
}

#[tokio::test]
async fn a_superseded_leader_stores_nothing_in_postgres() {
    let Some(server) = Postgres::start() else { return };
    let (one, other) = (open(&server.url()).await.unwrap(), open(&server.url()).await.unwrap());
    refuses_the_older(&one, &other).await;
}

#[tokio::test]
async fn replicas_that_start_together_bring_the_schema_up_once() {
    let Some(server) = Postgres::start() else { return };
    let url = server.url();
    let (a, b, c) = tokio::join!(open(&url), open(&url), open(&url));
    let applied = Statement::new("SELECT count(*) - max(version) FROM keelwatch_schema");
    assert_eq!(a.unwrap().read(applied).await.unwrap()[0].int(0), Ok(0));
    let later = "INSERT INTO keelwatch_schema VALUES (900, 'later', '9.1.0', '2030-01-01T00:00:00Z')";
    b.unwrap().write(Write::new().then(Statement::new(later))).await.unwrap();
    c.unwrap().close().await;
    let error = open(&url).await.unwrap_err().to_string();
    assert!(error.ends_with("keelwatch 9.1.0 or later is needed"), "{error}");
}

#[tokio::test]
async fn a_lost_server_is_told_with_its_cause_and_found_again() {
    let Some(mut server) = Postgres::start() else { return };
    let storage = open(&server.url()).await.unwrap();
    table(&storage).await;
    let (_stopper, stop) = Stop::channel();
    let tasks = Tasks::new(Arc::new(SystemClock::new()), stop, 7);
    storage::watch(&storage, &tasks);
    server.stop();
    let lost = storage.write(Write::new().then(add("lost", 1))).await.unwrap_err();
    assert!(matches!(lost, Failure::Connection(_)), "{lost:?}");
    let lost = storage.write(Write::new().then(add("lost", 1))).await.unwrap_err();
    assert!(lost.in_words().contains("refused") && !lost.in_words().contains("hunter2"), "{lost:?}");
    assert!(matches!(storage.check(), Check::Warn(_)));
    server.resume();
    // Nobody writes meanwhile: it is found again by itself.
    let healed = async {
        while storage.check() != Check::Ok {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), healed).await.unwrap();
    storage.write(Write::new().then(add("found", 1))).await.unwrap();
    assert_eq!(count(&storage, "%").await, 1);
}

async fn limit_of_the_server(storage: &Storage) -> String {
    let limit = Statement::new("SELECT current_setting('statement_timeout')");
    storage.read(limit).await.unwrap()[0].text(0).unwrap().to_owned()
}

#[tokio::test]
async fn a_reloaded_limit_is_that_of_postgres_too_on_connections_that_were_open_before() {
    let Some(server) = Postgres::start() else { return };
    let settings = Settings { url: server.url(), connections: 1, ..Settings::default() };
    let storage = Storage::open(&settings, Arc::new(SystemClock::new())).await.unwrap();
    let mut limits = vec![limit_of_the_server(&storage).await];
    for seconds in [40, 3] {
        storage.reload(&Settings { timeout: Duration::from_secs(seconds), ..settings.clone() });
        limits.push(limit_of_the_server(&storage).await);
    }
    assert_eq!(limits, ["5s", "40s", "3s"]);
}

#[tokio::test]
async fn a_replica_waits_for_the_migration_of_another_longer_than_for_a_statement() {
    let Some(server) = Postgres::start() else { return };
    let patient = Settings { url: server.url(), timeout: Duration::from_mins(1), ..Settings::default() };
    let other = Storage::open(&patient, Arc::new(SystemClock::new())).await.unwrap();
    // The lock of a migration, for as long as one statement of the replica may take, and longer.
    let hold = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(7738703051239814243), pg_sleep(3)) AS held";
    let migration = tokio::spawn({
        let other = other.clone();
        async move { other.write(Write::new().then(Statement::new(hold))).await }
    });
    let locks = Statement::new("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'");
    while other.read(locks.clone()).await.unwrap()[0].int(0) == Ok(0) {
        tokio::task::yield_now().await;
    }
    let hasty = Settings { timeout: Duration::from_secs(1), ..patient };
    Storage::open(&hasty, Arc::new(SystemClock::new())).await.unwrap();
    migration.await.unwrap().unwrap();
}

fn settings_of(folder: &Path, url: &str) -> String {
    write(folder, "settings.yaml", &format!("storage: {{url: \"{url}\"}}\n"))
}

#[tokio::test]
async fn the_verbs_check_copy_and_measure_a_file_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let url = of_file(folder.path());
    let storage = open(&url).await.unwrap();
    table(&storage).await;
    let settings = settings_of(folder.path(), &url);
    let check = keelwatch(&["--settings", &settings, "storage", "check"]);
    assert_eq!((check.code, check.stdout.starts_with(&format!("ok: {url}, schema "))), (0, true), "{check:?}");
    let copy = folder.path().join("copy.db");
    let backup = ["--settings", &settings, "storage", "backup", copy.to_str().unwrap()];
    assert_eq!(keelwatch(&backup).code, 0);
    keelwatch(&backup).is_refused_with("exists already; a backup goes into a new file");
    open(&format!("sqlite:{}", copy.display())).await.unwrap();
    let info = keelwatch(&["--settings", &settings, "storage", "info"]);
    assert!(info.code == 0 && info.stdout.contains("\n  item "), "{info:?}");
}

#[test]
fn a_damaged_file_fails_its_check_and_a_missing_one_cannot_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings_of(folder.path(), &of_file(folder.path()));
    let check = ["--settings", &settings, "storage", "check"];
    keelwatch(&check).is_refused_with("kw.db` does not exist");
    write(folder.path(), "kw.db", &"somebody wrote a text over it\n".repeat(500));
    let checked = keelwatch(&check);
    assert!(checked.code == 1 && checked.stdout.contains("kw.db` is damaged (file is not a database)"), "{checked:?}");
}

#[test]
fn an_empty_file_cannot_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings_of(folder.path(), &of_file(folder.path()));
    write(folder.path(), "kw.db", "");
    keelwatch(&["--settings", &settings, "storage", "check"]).is_refused_with("kw.db is empty");
}

#[tokio::test]
async fn a_check_of_postgres_compares_the_tables_and_says_that_pages_were_not_checked() {
    let Some(server) = Postgres::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings_of(folder.path(), &server.url());
    let check = || keelwatch(&["--settings", &settings, "storage", "check"]);
    check().is_refused_with("is empty: the controller makes its tables when it starts");
    let storage = open(&server.url()).await.unwrap();
    let pages = "pages were not checked: on PostgreSQL, pg_amcheck does that\n";
    let sound = check();
    assert!(sound.code == 0 && sound.stdout.starts_with("ok: ") && sound.stdout.ends_with(pages), "{sound:?}");
    storage.write(Write::new().then(Statement::new("DROP TABLE silence"))).await.unwrap();
    let torn = check();
    assert!(torn.code == 1 && torn.stdout.ends_with(&format!(": table silence is missing\n{pages}")), "{torn:?}");
}

#[tokio::test]
async fn the_verbs_of_postgres_show_no_password_and_leave_copies_to_its_own_command() {
    let Some(server) = Postgres::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    drop(open(&server.url()).await.unwrap());
    let settings = settings_of(folder.path(), &server.url());
    let [check, info, backup] = [&["check"][..], &["info"], &["backup", "kw.dump"]]
        .map(|verb| keelwatch(&[&["--settings", &settings, "storage"], verb].concat()));
    assert_eq!((check.code, info.code, backup.code), (0, 0, 2), "{check:?} {info:?} {backup:?}");
    assert!(backup.stdout.starts_with("pg_dump --format=custom '--file=kw.dump' '--host=127.0.0.1'"), "{backup:?}");
    for run in [check, info, backup] {
        assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"), "{run:?}");
    }
}
