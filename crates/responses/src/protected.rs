//! Namespaces that no response touches.

/// Those that are always protected, whatever the settings say; the namespace of the release is one more.
const ALWAYS: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// Which namespaces are protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protected {
    exact: Vec<String>,
    /// Beginnings of names.
    beginnings: Vec<String>,
}

impl Protected {
    /// Those of the settings, each exact or with one trailing `*`, beside those that always are.
    pub(crate) fn new(patterns: &[String], release_namespace: &str) -> Self {
        let always = ALWAYS.iter().copied().chain([release_namespace]).map(str::to_owned);
        let (mut exact, mut beginnings) = (always.collect::<Vec<_>>(), Vec::new());
        for pattern in patterns {
            match pattern.strip_suffix('*') {
                Some(beginning) => beginnings.push(beginning.to_owned()),
                None => exact.push(pattern.clone()),
            }
        }
        Self { exact, beginnings }
    }

    /// Whether this one is.
    pub(crate) fn holds(&self, namespace: &str) -> bool {
        self.exact.iter().any(|exact| exact == namespace)
            || self.beginnings.iter().any(|beginning| namespace.starts_with(beginning.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_ones_hold_whatever_the_settings_say() {
        let none = Protected::new(&[], "keelwatch");
        let some = Protected::new(&["billing".to_owned(), "team-*".to_owned()], "keelwatch");
        for namespace in ["kube-system", "kube-public", "kube-node-lease", "keelwatch"] {
            assert!(none.holds(namespace) && some.holds(namespace), "{namespace}");
        }
        let held = ["billing", "team-a", "billing-a", "ns-shop"].map(|namespace| some.holds(namespace));
        assert_eq!((held, none.holds("billing")), ([true, true, false, false], false));
    }
}
