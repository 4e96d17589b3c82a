//! What the other insurer has on the stage: everything of it carries one planted word.

use std::collections::BTreeSet;

use evidence::room::{BacklogCounted, IncidentOpened, PlanSlot, PromiseMade, SignalSeen, TestRefused};
use order::Body;
use vocabulary::{CellId, Class, InsurerId, Scope, Seconds, Selector, StatementId};

use super::{A, B, Stage, text};

impl Stage {
    /// Everything of B carries the planted word: incidents, signals, slots, tests, promises, orders, drafts.
    pub fn plant(&mut self) -> Planted {
        let cell = |insurer: &str| CellId {
            insurer: insurer.parse().unwrap(),
            service: "kim".parse().unwrap(),
        };
        let by = |name: &str| Some(name.parse().unwrap());
        let of_b = Scope::insurer(B.parse().unwrap());
        self.append(SignalSeen {
            by: None,
            signal: "s-zwetschge".parse().unwrap(),
            detector: "canary".parse().unwrap(),
            what: text("zwetschge sieht seltsam aus"),
            scope: of_b.clone(),
            incident: Some("v-zwetschge".parse().unwrap()),
        });
        self.append(IncidentOpened {
            by: by("commander-1"),
            incident: "v-zwetschge".parse().unwrap(),
            title: text("Verdacht bei zwetschge"),
            scope: of_b.clone(),
            signals: BTreeSet::new(),
        });
        self.append(IncidentOpened {
            by: by("commander-1"),
            incident: "v-beide".parse().unwrap(),
            title: text("Verdacht bei eins und zwetschge"),
            scope: Scope(vec![Selector {
                insurers: Some(BTreeSet::from([A.parse().unwrap(), B.parse().unwrap()])),
                ..Selector::default()
            }]),
            signals: BTreeSet::new(),
        });
        self.append(PlanSlot {
            by: by("kasse-002-ja"),
            cell: cell(B),
            from: self.now().plus(Seconds(3600)),
            to: self.now().plus(Seconds(7200)),
        });
        self.append(TestRefused {
            by: by("kasse-002-nein"),
            cell: cell(B),
            why: text("zwetschge geht nicht"),
        });
        self.append(PromiseMade {
            by: by("lead-1"),
            cell: cell(B),
            from: self.now(),
            to: self.now().plus(Seconds(7200)),
            condition: Some(text("wenn zwetschge will")),
        });
        self.append(BacklogCounted {
            by: None,
            cells: [(
                cell(B),
                evidence::Backlog {
                    held: 424_242,
                    ..Default::default()
                },
            )]
            .into(),
        });
        let closing = self.cut(&[B], Class::Containment, "zwetschge abtrennen");
        let draft = self.draft_of_b();
        Planted { closing, draft }
    }

    /// A cut of these insurers, signed, published and carried out.
    pub fn cut(&mut self, insurers: &[&str], class: Class, reason: &str) -> StatementId {
        let names: BTreeSet<InsurerId> = insurers.iter().map(|name| name.parse().unwrap()).collect();
        let scope = Scope(vec![Selector {
            insurers: Some(names),
            ..Selector::default()
        }]);
        let mut closing = self.outside.closing(scope, order::Stance::Contain, class, None);
        closing.reason = text(reason);
        let signed = self.outside.signed(&closing, &["commander-1"]);
        self.publish(&signed)
    }

    fn draft_of_b(&mut self) -> StatementId {
        let closing = self.outside.closing(
            Scope::insurer(B.parse().unwrap()),
            order::Stance::Contain,
            Class::Precautionary,
            None,
        );
        let draft = closing.draft().unwrap();
        let id = draft.id();
        self.append(evidence::room::DraftProposed {
            by: Some("commander-2".parse().unwrap()),
            draft,
        });
        id
    }
}

/// What of B's can be named in paths.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    pub closing: StatementId,
    pub draft: StatementId,
}
