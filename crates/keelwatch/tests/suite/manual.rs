//! `keelwatch completions` and `keelwatch man`.

use crate::program::keelwatch;

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = keelwatch(&["completions", shell]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains("fail-on"), "{shell}");
    }
}

#[test]
fn the_manual_is_one_page_or_a_directory_of_them() {
    let page = keelwatch(&["man"]);
    assert!(page.code == 0 && page.stdout.contains(".TH keelwatch 1"), "{page:?}");
    let directory = tempfile::tempdir().unwrap();
    let pages = keelwatch(&["man", directory.path().join("man1").to_str().unwrap()]);
    assert_eq!(pages.code, 0, "{pages:?}");
    for name in ["keelwatch.1", "keelwatch-scan.1", "keelwatch-rules-replay.1"] {
        assert!(directory.path().join("man1").join(name).is_file(), "{name}");
    }
}
