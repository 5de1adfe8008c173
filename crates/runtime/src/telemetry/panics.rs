//! Panics as events of the log, on one line like all others.

use std::any::Any;
use std::panic::{self, PanicHookInfo};

use tracing::error;

/// Makes every panic from here on one line of the log instead of lines of its own on standard error. What becomes of
/// the panic is still decided by whoever catches it.
pub fn log_panics() {
    panic::set_hook(Box::new(log));
}

/// What a panic says of itself.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

fn log(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let text = panic.payload_as_str().unwrap_or("no message");
    error!(place, "panicked: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        let payloads: [Box<dyn Any + Send>; 3] = [Box::new("plain"), Box::new("made".to_owned()), Box::new(7)];
        assert_eq!(payloads.each_ref().map(|payload| message(payload.as_ref())), ["plain", "made", "no message"]);
    }
}
