//! What tenants are told, in the languages that there are.
//!
//! Owns the usual texts and their variables. Filling them is `notification`'s.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names that texts may hold between double braces.
pub(crate) const VARIABLES: &[&str] =
    &["namespace", "count", "apps", "list", "rules", "severity", "reference", "since"];

/// The language of what tenants are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    En,
    /// Chinese.
    Zh,
    /// English, then Chinese.
    Both,
}

/// One text in each language. A language that is left out has no text of its own: give those that `language` uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Texts {
    /// In English.
    #[schemars(length(max = 2000))]
    pub en: String,
    /// In Chinese.
    #[schemars(length(max = 2000))]
    pub zh: String,
}

impl Texts {
    /// The usual title.
    pub(crate) fn title() -> Self {
        Self {
            en: "Forbidden processes in {{namespace}}".to_owned(),
            zh: "命名空间 {{namespace}} 中有违规进程".to_owned(),
        }
    }

    /// The usual message.
    pub(crate) fn message() -> Self {
        Self {
            en: "{{count}} process(es) in {{apps}} break the rules of this cluster: {{list}}. Stop them or contact the operator. \
                 Reference {{reference}}."
                .to_owned(),
            zh: "{{apps}} 中有 {{count}} 个进程违反集群规则：{{list}}。请停止这些进程，如有疑问请联系管理员。编号 {{reference}}。"
                .to_owned(),
        }
    }

    /// The texts of a language, in order.
    pub(crate) fn of(&self, language: Language) -> Vec<&str> {
        match language {
            Language::En => vec![&self.en],
            Language::Zh => vec![&self.zh],
            Language::Both => vec![&self.en, &self.zh],
        }
    }
}
