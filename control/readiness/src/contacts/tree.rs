//! The printed telephone tree: who dials whom by hand when no machine sends anything.

use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};

use order::Lang;
use vocabulary::{PersonId, Role};

use super::{Contact, ContactBook, Duty};

/// One person and whom it calls, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call<'a> {
    /// Who calls.
    pub caller: &'a Contact,
    /// Who is called.
    pub called: Vec<&'a Contact>,
}

/// Shares everybody out: the first commander starts, commanders call the provider's other people, and all of the
/// provider's people share the insurers, each insurer once by its first person. Deputies are called by whoever did not
/// reach the person. Empty where the book has no commander.
#[must_use]
pub fn calls(book: &ContactBook) -> Vec<Call<'_>> {
    let commanders = holders(book, Role::Commander);
    let mut seen: BTreeSet<&PersonId> = commanders.iter().map(|one| &one.id).collect();
    let mut staff: Vec<&Contact> = Vec::new();
    for role in [Role::Examiner, Role::RestorationLead, Role::Root] {
        staff.extend(holders(book, role).into_iter().filter(|one| seen.insert(&one.id)));
    }
    let mut insurers: BTreeMap<&Duty, &Contact> = BTreeMap::new();
    for contact in book.contacts() {
        for duty in &contact.duties {
            if matches!(duty, Duty::Insurer(_)) {
                insurers.entry(duty).or_insert(contact);
            }
        }
    }
    let Some((first, others)) = commanders.split_first() else {
        return Vec::new();
    };
    let mut tree: Vec<Call<'_>> = commanders
        .iter()
        .chain(&staff)
        .map(|caller| Call {
            caller,
            called: Vec::new(),
        })
        .collect();
    if let Some(call) = tree.first_mut() {
        debug_assert_eq!(
            call.caller.id, first.id,
            "the first commander is the root of the tree"
        );
        call.called.extend(others.iter().copied());
    }
    share(&mut tree, commanders.len(), &staff);
    let callers = tree.len();
    let called: Vec<&Contact> = insurers.into_values().collect();
    share(&mut tree, callers, &called);
    tree.retain(|call| !call.called.is_empty());
    tree
}

fn holders(book: &ContactBook, role: Role) -> Vec<&Contact> {
    let duty = Duty::Role(role);
    book.contacts()
        .filter(|contact| contact.duties.contains(&duty))
        .collect()
}

/// Deals persons to the first callers, one each in turn.
fn share<'a>(tree: &mut [Call<'a>], callers: usize, called: &[&'a Contact]) {
    for (at, contact) in called.iter().enumerate() {
        if let Some(call) = tree.get_mut(at.checked_rem(callers).unwrap_or_default()) {
            call.called.push(contact);
        }
    }
}

/// The tree as text for paper, with room to write down when somebody was reached.
#[must_use]
pub fn phone_tree(book: &ContactBook, lang: Lang) -> String {
    let mut text = String::new();
    let (title, how) = lang.of(
        (
            "TELEFONKETTE",
            "Wer jemanden nicht erreicht, ruft die Vertretung an. Nur sagen: Alarm oder Übung, wer anruft, Treffpunkt. Keine Daten von Versicherten.",
        ),
        (
            "TELEPHONE TREE",
            "Who does not reach a person calls the deputy. Say only: alarm or exercise, who is calling, where to meet. No data of insured people.",
        ),
    );
    // Writing to a String cannot fail.
    let _infallible = writeln!(
        text,
        "{title} · {} · {} {}\n{how}",
        book.estate(),
        lang.of("Stand", "as of"),
        book.issued()
    );
    for (at, call) in calls(book).iter().enumerate() {
        let _infallible = writeln!(
            text,
            "\n{}. {} {}:",
            at.saturating_add(1),
            call.caller.name,
            lang.of("ruft an", "calls")
        );
        for contact in &call.called {
            write_contact(&mut text, book, contact, lang);
        }
    }
    text
}

fn write_contact(text: &mut String, book: &ContactBook, contact: &Contact, lang: Lang) {
    let duties: Vec<String> = contact.duties.iter().map(|duty| duty.in_words(lang)).collect();
    let _infallible = writeln!(text, "   [ ] {} ({})  __:__", contact.name, duties.join(", "));
    for way in &contact.ways {
        let _infallible = writeln!(text, "       {}", way.in_words(lang));
    }
    for deputy in contact.deputies.iter().filter_map(|id| book.contact(id)) {
        let ways: Vec<String> = deputy.ways.iter().map(|way| way.in_words(lang)).collect();
        let _infallible = writeln!(
            text,
            "       {}: [ ] {} – {}  __:__",
            lang.of("Vertretung", "deputy"),
            deputy.name,
            ways.join("; ")
        );
    }
}
