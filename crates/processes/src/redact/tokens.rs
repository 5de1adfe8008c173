//! Finds secrets by their own form: JSON Web Tokens, PEM private keys, tokens with a well-known prefix.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use super::spans::Spans;

/// The regex of all forms.
pub(super) struct Tokens(Regex);

/// Searched in all arguments joined by NUL, so that a key that a shell split into words is found as well. Lengths are
/// those of the shortest token of a kind, or less, because command lines are cut.
const FORMS: [&str; 17] = [
    // PEM: to its end, through the arguments it was split into, or as far as the argument and more base64 goes.
    concat!(
        r"-{4,5} ?BEGIN[ \x00][A-Z0-9 \x00]{0,40}PRIVATE[ \x00]KEY(?:[ \x00]BLOCK)? ?-{4,5}(?:",
        r"[^\x00]*?-{4,5} ?END[A-Z0-9 ]{0,50}KEY(?: BLOCK)? ?-{4,5}",
        r"|[A-Za-z0-9+/=\x00\s]*-{4,5} ?END[A-Z0-9 \x00]{0,50}KEY(?:[ \x00]BLOCK)? ?-{4,5}",
        r"|[^\x00]*(?:\x00[A-Za-z0-9+/=]{24,})*)",
    ),
    // JSON Web Tokens (RFC 7515, RFC 7516): base64 of `{"`, then parts divided by dots.
    r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)+",
    // AWS access key ids.
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}",
    // GitHub, GitLab.
    r"(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})",
    r"gl(?:pat|ptt|dt|rt|cbt|ft|imt|oas|soat|agent|ffct)-[A-Za-z0-9_.-]{16,}",
    // Slack, with its incoming webhooks.
    r"(?:xox[abceoprs]|xapp)-[A-Za-z0-9-]{8,}",
    r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_/-]+",
    // OpenAI and others; Stripe.
    r"\bsk-[A-Za-z0-9_-]{16,}",
    r"(?:[srp]k_(?:live|test)_[A-Za-z0-9]{8,}|\bwhsec_[A-Za-z0-9+/=]{16,})",
    // Package registries.
    r"(?:\bnpm_|\bpypi-|dckr_(?:pat|oat)_|\brubygems_)[A-Za-z0-9_-]{16,}",
    // Google API keys and access tokens; keys of Azure storage accounts.
    r"(?:AIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{16,}|\bAccountKey=[A-Za-z0-9+/=]{16,})",
    // Hugging Face, Groq, SendGrid.
    r"(?:\bhf_[A-Za-z0-9]{16,}|\bgsk_[A-Za-z0-9]{16,}|\bSG\.[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]+)?)",
    // Vault, Grafana, DigitalOcean, Shopify.
    r"\bhv[sbr]\.[A-Za-z0-9_-]{16,}",
    r"\bgl(?:sa|c)_[A-Za-z0-9_+/=]{16,}",
    r"\b(?:do[opr]_v1|shp(?:at|ca|pa|ss))_[a-f0-9]{16,}",
    // Tailscale, age.
    r"(?:\btskey-[a-z]+-[A-Za-z0-9-]{8,}|AGE-SECRET-KEY-1[A-Z0-9]{16,})",
    // Telegram bots.
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}",
];

impl Tokens {
    pub(super) fn new() -> Self {
        let config = Regex::config().utf8_empty(false).hybrid_cache_capacity(256 << 10);
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let regex = Regex::builder().configure(config).syntax(syntax).build_many(&FORMS);
        Self(regex.expect("the forms are valid regexes"))
    }

    pub(super) fn hide(&self, text: &[u8], spans: &mut Spans) {
        for found in self.0.find_iter(text) {
            spans.hide(text, found.range());
        }
    }
}
