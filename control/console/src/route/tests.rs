//! The table of ways against itself.

use super::*;

#[test]
fn no_two_rows_are_one_way() {
    for (at, row) in TABLE.iter().enumerate() {
        for other in TABLE.iter().skip(at + 1) {
            assert_ne!(row.kind, other.kind);
            assert!(row.method != other.method || row.page.is_empty() || row.page != other.page);
            assert!(row.method != other.method || row.api.is_empty() || row.api != other.api);
        }
    }
}

#[test]
fn a_word_wins_over_a_name_and_a_bad_name_is_nothing() {
    let kind = |method, path: &str| match find(method, path) {
        Found::Way { kind, .. } => Some(kind),
        Found::OtherMethod { .. } | Found::Nothing { .. } => None,
    };
    assert_eq!(kind(Method::Get, "/entwurf/neu"), Some(Kind::Preview));
    assert_eq!(kind(Method::Get, "/entwurf/nichts"), None);
    assert_eq!(kind(Method::Get, "/"), Some(Kind::Matrix));
    assert_eq!(kind(Method::Head, "/plan"), Some(Kind::Plan));
    assert_eq!(kind(Method::Get, "/zelle/kasse-001/.kim"), None);
    assert!(matches!(
        find(Method::Post, "/plan"),
        Found::OtherMethod {
            allow: "GET, HEAD",
            ..
        }
    ));
    assert!(matches!(
        find(Method::Other, "/vorfall"),
        Found::OtherMethod {
            allow: "GET, HEAD, POST",
            ..
        }
    ));
}
