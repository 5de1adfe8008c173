//! The common name of a client certificate.
//!
//! Owns the walk through the subject's DER (X.690), whose form `rustls` has verified with the certificate; a text that
//! is not of that form has no common name.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const TEXTS: [u8; 2] = [0x0c, 0x13]; // UTF8String, PrintableString

/// 2.5.4.3, `id-at-commonName`.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// The one common name of a verified certificate; `None` if there is none, or several: then it is not said which
/// counts.
pub(super) fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let mut names = attributes(certificate.subject()).filter_map(common_name_of);
    let name = names.next()?;
    names.next().is_none().then(|| name.to_owned())
}

/// The attributes of a subject: each a sequence, in a set of its own or with others.
fn attributes(subject: &[u8]) -> impl Iterator<Item = &[u8]> {
    elements(subject).filter(|(tag, _)| *tag == SET).flat_map(|(_, set)| elements(set)).filter_map(of_tag(SEQUENCE))
}

fn common_name_of(attribute: &[u8]) -> Option<&str> {
    let mut parts = elements(attribute);
    let (OBJECT_IDENTIFIER, COMMON_NAME_ID) = parts.next()? else { return None };
    let (tag, text) = parts.next()?;
    if TEXTS.contains(&tag) { std::str::from_utf8(text).ok() } else { None }
}

const COMMON_NAME_ID: &[u8] = &COMMON_NAME;

fn of_tag<'a>(wanted: u8) -> impl Fn((u8, &'a [u8])) -> Option<&'a [u8]> {
    move |(tag, content)| (tag == wanted).then_some(content)
}

/// The elements that stand one after another; ends at what is cut off.
fn elements(mut der: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, rest) = der.split_first()?;
        let (content, rest) = split_content(rest)?;
        der = rest;
        Some((*tag, content))
    })
}

/// Splits at the length that stands first: one byte below 128, else that many bytes of it.
fn split_content(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f) * usize::from(first >> 7))?;
    let length = match digits {
        [] if *first < 0x80 => usize::from(*first),
        [] => return None,
        digits if digits.len() > 3 => return None,
        digits => digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)),
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    #[track_caller]
    fn check(names: &[(DnType, &str)], expected: Option<&str>) {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in names {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(common_name(certificate.der()).as_deref(), expected);
    }

    #[test]
    fn the_common_name_is_found_among_other_attributes() {
        check(&[(DnType::OrganizationName, "Keelwatch"), (DnType::CommonName, "agent-é7")], Some("agent-é7"));
        check(&[(DnType::CommonName, &"n".repeat(300))], Some(&"n".repeat(300)));
    }

    #[test]
    fn a_subject_without_a_common_name_has_none() {
        check(&[(DnType::OrganizationName, "Keelwatch")], None);
        check(&[], None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_walk_panic(der in proptest::collection::vec(any::<u8>(), 0..64)) {
            let walked: usize = attributes(&der).filter_map(common_name_of).map(str::len).sum();
            prop_assert!(walked <= der.len());
        }
    }
}
