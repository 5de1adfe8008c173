//! Links to this program's pages, under `listen.external_url`. Without it there are none.

use api::Fingerprint;

use crate::Around;

/// The first page.
pub(crate) fn home(around: &Around) -> Option<String> {
    let base = around.external_url.trim_end_matches('/');
    (!base.is_empty()).then(|| format!("{base}/"))
}

/// The page of a finding.
pub(crate) fn finding(around: &Around, fingerprint: &Fingerprint) -> Option<String> {
    home(around).map(|home| format!("{home}findings/{fingerprint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_one_slash_between_base_and_page() {
        for external_url in ["https://keelwatch.example", "https://keelwatch.example/"] {
            let around = Around { external_url: external_url.to_owned(), ..Around::default() };
            let fingerprint = Fingerprint::over(["a"]);
            let expected = format!("https://keelwatch.example/findings/{fingerprint}");
            assert_eq!(finding(&around, &fingerprint), Some(expected));
        }
        assert_eq!(home(&Around::default()), None);
    }
}
