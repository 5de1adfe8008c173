//! The store as rooms use it, on SQLite. The same on a real PostgreSQL is in keelwatch's suite.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use runtime::clock::SystemClock;
use runtime::metrics::{Format, Registry};
use runtime::probes::Check;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, raw_sql};
use tempfile::TempDir;

use crate::metrics::Timed;
use crate::schema::{self, Migration, PROGRAM};
use crate::{Failure, OpenError, Settings, Statement, Storage, Term, Write, care};

const CREATE: &str = "CREATE TABLE item (name TEXT PRIMARY KEY, size BIGINT)";
const ADD: &str = "INSERT INTO item (name, size) VALUES ($1, $2)";
const NAMES: &str = "SELECT name FROM item ORDER BY name";

fn clock() -> Arc<dyn api::Clock> {
    Arc::new(SystemClock::new())
}

fn settings(file: &Path) -> Settings {
    let timeout = Duration::from_millis(500);
    Settings { url: format!("sqlite:{}", file.display()), timeout, ..Settings::default() }
}

async fn open(file: &Path) -> Storage {
    Storage::open(&settings(file), clock()).await.unwrap()
}

/// A store with the table of the tests, in a folder of its own.
async fn store() -> (TempDir, Storage) {
    let folder = tempfile::tempdir().unwrap();
    let storage = open(&folder.path().join("kw.db")).await;
    storage.write(Write::new().then(Statement::new(CREATE))).await.unwrap();
    (folder, storage)
}

fn add(name: &str) -> Write {
    Write::new().then(Statement::new(ADD).bind(name).bind(1))
}

async fn names(storage: &Storage) -> Vec<String> {
    let rows = storage.read(Statement::new(NAMES)).await.unwrap();
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

async fn raw(file: &Path, sql: &'static str) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).disable_statement_logging();
    let mut connection = options.connect().await.unwrap();
    raw_sql(sql).execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn a_write_is_stored_whole_or_not_at_all() {
    let (_folder, storage) = store().await;
    let twice =
        add("a").then(Statement::new(ADD).bind("b").bind(None::<i64>)).then(Statement::new(ADD).bind("a").bind(2));
    assert!(matches!(storage.write(twice).await, Err(Failure::Refused(_))));
    assert_eq!((names(&storage).await, storage.check()), (Vec::new(), Check::Ok));
}

#[tokio::test]
async fn writes_that_wait_share_a_commit_and_a_refused_one_fails_alone() {
    let (_folder, storage) = store().await;
    let mut registry = Registry::default();
    storage.register(&mut registry);
    let writes = (0..100).map(|number| storage.write(add(&format!("{:02}", number / 2))));
    let refused = join_all(writes).await.into_iter().filter(Result::is_err).count();
    assert_eq!((refused, names(&storage).await.len()), (50, 50));
    let page = registry.encode(Format::Prometheus);
    let commits = "keelwatch_storage_statement_seconds_count{operation=\"commit\"} ";
    let commits: u32 = page.lines().find_map(|line| line.strip_prefix(commits)).unwrap().parse().unwrap();
    // One for the table; the first write may have had a commit to itself.
    assert!(commits <= 3, "{commits} commits");
    assert!(page.contains("keelwatch_storage_errors_total{kind=\"other\"} 50"), "{page}");
}

#[tokio::test]
async fn what_was_stored_survives_and_a_second_role_is_refused_while_the_first_lives() {
    let (folder, storage) = store().await;
    let file = folder.path().join("kw.db");
    storage.write(add("a")).await.unwrap();
    let second = Storage::open(&settings(&file), clock()).await.unwrap_err();
    let told = format!("`{0}` is in use by another keelwatch (it holds `{0}.lock`)", file.display());
    assert_eq!(second.to_string(), told);
    storage.close().await;
    assert!(matches!(storage.write(add("b")).await, Err(Failure::Connection(_))));
    assert_eq!(names(&open(&file).await).await, ["a"]);
}

#[tokio::test]
async fn an_older_leader_writes_nothing_and_takes_a_new_number_if_it_still_leads() {
    let (_folder, storage) = store().await;
    let first = Term::begin(&storage, || true).await.unwrap();
    let refused = add("late").fenced(first.fence());
    let second = Term::begin(&storage, || true).await.unwrap();
    second.write(add("a")).await.unwrap();
    assert_eq!(storage.write(refused).await, Err(Failure::Fenced { held: 1, current: 2 }));
    // What the other leader stored is to be read first, so it is not sent again by itself.
    assert_eq!(first.write(add("b")).await, Err(Failure::Fenced { held: 1, current: 2 }));
    first.write(add("b")).await.unwrap();
    assert_eq!((first.fence().number(), names(&storage).await), (3, vec!["a".to_owned(), "b".to_owned()]));
}

#[tokio::test]
async fn without_its_proof_a_leader_neither_begins_nor_writes() {
    let (_folder, storage) = store().await;
    assert_eq!(Term::begin(&storage, || false).await.unwrap_err(), Failure::NotLeading);
    let leads = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let asked = leads.clone();
    let term = Term::begin(&storage, move || asked.load(std::sync::atomic::Ordering::Relaxed)).await.unwrap();
    leads.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!((term.write(add("a")).await, names(&storage).await), (Err(Failure::NotLeading), Vec::new()));
}

#[tokio::test]
async fn a_schema_of_a_later_program_is_refused_with_the_program_that_is_needed() {
    let (folder, storage) = store().await;
    let later = "INSERT INTO keelwatch_schema VALUES (900, 'later', '9.1.0', '2030-01-01T00:00:00Z')";
    storage.write(Write::new().then(Statement::new(later))).await.unwrap();
    storage.close().await;
    let error = Storage::open(&settings(&folder.path().join("kw.db")), clock()).await.unwrap_err();
    let known = schema::MIGRATIONS.len();
    let told =
        format!("the database has schema 900 and this program knows {known}: keelwatch 9.1.0 or later is needed");
    assert_eq!(error.to_string(), told);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_schema_before_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = raw(&folder.path().join("kw.db"), "SELECT 1").await;
    let timed = Timed::new(clock());
    let good = Migration { name: "good", sql: "CREATE TABLE good (a BIGINT)" };
    let bad = Migration { name: "bad", sql: "ALTER TABLE good ADD COLUMN b BIGINT; INSERT INTO nowhere VALUES (1)" };
    let error = schema::migrate::<Sqlite>(&mut connection, &[good, bad], &timed).await.unwrap_err();
    assert!(matches!(error, OpenError::Migration { number: 2, name: "bad", .. }), "{error:?}");
    let mut session = crate::engine::Session::<Sqlite> {
        connection: &mut connection,
        timeout: Duration::from_secs(5),
        timed: &timed,
    };
    let found = schema::version(&mut session).await.unwrap();
    let columns = session.read(&Statement::new("SELECT name FROM pragma_table_info('good')")).await.unwrap();
    assert_eq!((found.unwrap().number, columns.len()), (1, 1));
}

#[tokio::test]
async fn a_damaged_file_is_named_and_left_as_it_is() {
    let (folder, storage) = store().await;
    let file = folder.path().join("kw.db");
    for name in 0..500 {
        storage.write(add(&format!("a long name that fills pages {name}"))).await.unwrap();
    }
    storage.close().await;
    let whole = std::fs::read(&file).unwrap();
    let torn = [&whole[..4096 * 2], &vec![0xa5; 4096 * 3], &whole[4096 * 5..]].concat();
    for damaged in [torn, b"no database, but a text that somebody put here by mistake".repeat(100)] {
        std::fs::write(&file, &damaged).unwrap();
        let error = Storage::open(&settings(&file), clock()).await.unwrap_err().to_string();
        let file_is_named = error.starts_with(&format!("`{}` is damaged", file.display()));
        assert!(file_is_named && error.contains("keelwatch storage backup"), "{error}");
        assert!(std::fs::read(&file).unwrap() == damaged, "the file was changed");
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("places.sqlite");
    raw(&file, CREATE).await.close().await.unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = Storage::open(&settings(&file), clock()).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign(_)), "{error:?}");
    assert!(std::fs::read(&file).unwrap() == before, "the file was changed");
}

/// A write fails by itself, reads go on, readiness warns; once the cause has gone, a look makes it well.
#[track_caller]
fn is_warned(storage: &Storage, cause: &str) {
    match storage.check() {
        Check::Warn(told) => assert!(told.starts_with(&format!("writes fail: {cause}")), "{told}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_locked_database_warns_and_heals() {
    let (folder, storage) = store().await;
    let mut other = raw(&folder.path().join("kw.db"), "BEGIN IMMEDIATE").await;
    assert!(matches!(storage.write(add("a")).await, Err(Failure::Locked(_) | Failure::Timeout(_))));
    assert_eq!(names(&storage).await, Vec::<String>::new());
    is_warned(&storage, "the data");
    raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    storage.probe().await.unwrap();
    storage.write(add("a")).await.unwrap();
    assert_eq!((names(&storage).await.len(), storage.check()), (1, Check::Ok));
}

#[tokio::test]
async fn a_full_disk_and_a_read_only_database_warn_and_heal() {
    let (_folder, storage) = store().await;
    let large = "x".repeat(1 << 20);
    // Both last as long as the connection, which a failed write ends.
    for (pragma, cause) in [
        ("PRAGMA max_page_count = 1", "the disk of the database is full"),
        ("PRAGMA query_only = ON", "the database is read-only"),
    ] {
        storage.write(Write::new().then(Statement::new(pragma))).await.unwrap();
        storage.write(add(&large)).await.unwrap_err();
        is_warned(&storage, cause);
        assert_eq!(names(&storage).await, Vec::<String>::new());
        storage.probe().await.unwrap();
        assert_eq!(storage.check(), Check::Ok);
    }
    storage.write(add(&large)).await.unwrap();
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up_and_the_next_is_not() {
    const ENDLESS: &str =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 20000000) SELECT count(*) FROM n";
    let (_folder, storage) = store().await;
    storage.reload(&Settings { timeout: Duration::from_millis(100), ..Settings::default() });
    assert!(matches!(storage.read(Statement::new(ENDLESS)).await, Err(Failure::Timeout(_))));
    storage.reload(&Settings::default());
    assert_eq!(names(&storage).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_store_in_memory_reads_what_it_wrote() {
    let settings = Settings { url: "sqlite::memory:".to_owned(), ..Settings::default() };
    let storage = Storage::open(&settings, clock()).await.unwrap();
    storage.write(Write::new().then(Statement::new(CREATE))).await.unwrap();
    assert!(storage.write(add("a").then(Statement::new("INSERT INTO nowhere VALUES (1)"))).await.is_err());
    storage.write(add("b")).await.unwrap();
    assert_eq!(names(&storage).await, ["b"]);
}

#[tokio::test]
async fn a_copy_is_made_while_the_store_is_in_use_and_never_over_a_file() {
    let (folder, storage) = store().await;
    let (file, copy) = (folder.path().join("kw.db"), folder.path().join("copy.db"));
    storage.write(add("a")).await.unwrap();
    care::backup(&settings(&file), clock(), &copy).await.unwrap();
    storage.write(add("b")).await.unwrap();
    assert_eq!(names(&open(&copy).await).await, ["a"]);
    let again = care::backup(&settings(&file), clock(), &copy).await.unwrap_err();
    assert!(matches!(again, care::CareError::Exists(_)), "{again:?}");
}

#[tokio::test]
async fn a_check_names_what_is_wrong_and_info_tells_schema_and_sizes() {
    let (folder, storage) = store().await;
    let file = folder.path().join("kw.db");
    let checked = care::check(&settings(&file), clock()).await.unwrap();
    let known = i64::try_from(schema::MIGRATIONS.len()).unwrap();
    assert_eq!((checked.schema, checked.faults), (known, Vec::new()));
    let info = care::info(&settings(&file), clock()).await.unwrap();
    assert_eq!((info.schema, info.program.as_str()), (known, PROGRAM));
    assert!(info.bytes > 0 && info.tables.iter().any(|(name, bytes)| name == "item" && *bytes > 0), "{info:?}");
    let lost = "PRAGMA foreign_keys = OFF; CREATE TABLE part (of TEXT REFERENCES item (name)); INSERT INTO part VALUES ('gone')";
    raw(&file, lost).await.close().await.unwrap();
    let checked = care::check(&settings(&file), clock()).await.unwrap();
    assert_eq!(checked.faults, ["a row of part belongs to none of item"]);
    drop(storage);
}

#[tokio::test]
async fn a_check_refuses_what_holds_no_store_of_ours_in_the_words_of_the_role() {
    let folder = tempfile::tempdir().unwrap();
    let (file, empty) = (folder.path().join("places.sqlite"), folder.path().join("empty.db"));
    raw(&file, CREATE).await.close().await.unwrap();
    std::fs::write(&empty, "").unwrap();
    let of_role = Storage::open(&settings(&file), clock()).await.unwrap_err().to_string();
    let of_check = care::check(&settings(&file), clock()).await.unwrap_err().to_string();
    assert_eq!(of_check, of_role);
    let of_empty = care::check(&settings(&empty), clock()).await.unwrap_err().to_string();
    let told = format!("sqlite:{} is empty: the controller makes its tables when it starts", empty.display());
    assert_eq!(of_empty, told);
}

#[tokio::test]
async fn a_check_names_the_tables_that_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kw.db");
    open(&file).await.close().await;
    raw(&file, "DROP TABLE silence").await.close().await.unwrap();
    assert_eq!(care::check(&settings(&file), clock()).await.unwrap().faults, ["table silence is missing"]);
}

#[tokio::test]
async fn the_tables_of_the_schema_are_those_that_its_migrations_made() {
    let settings = Settings { url: "sqlite::memory:".to_owned(), ..Settings::default() };
    let storage = Storage::open(&settings, clock()).await.unwrap();
    let made = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'keelwatch_schema' ORDER BY name";
    let rows = storage.read(Statement::new(made)).await.unwrap();
    let made: Vec<&str> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    let mut named: Vec<&str> = schema::tables(i64::MAX).collect();
    named.sort_unstable();
    assert_eq!(named, made);
}
