//! The fixed sentences: what each state means and what each audience should do, per service. Reviewed in peace, in
//! both languages, so that at three in the morning nobody has to find words.

mod audiences;
mod providers;
mod public;

use std::fmt;

use serde::{Deserialize, Serialize};
use vocabulary::{Class, ServiceId, service};

/// A language of the public pages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lang {
    /// German.
    De,
    /// English.
    En,
}

impl Lang {
    /// Both, German first.
    pub const ALL: [Self; 2] = [Self::De, Self::En];

    /// The tag for `lang` attributes (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
        }
    }
}

/// One fixed sentence in both languages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Said {
    /// German.
    pub de: &'static str,
    /// English.
    pub en: &'static str,
}

impl Said {
    /// The sentence in one language.
    #[must_use]
    pub const fn text(self, lang: Lang) -> &'static str {
        match lang {
            Lang::De => self.de,
            Lang::En => self.en,
        }
    }
}

/// Writes a sentence in both languages.
pub(crate) const fn said(de: &'static str, en: &'static str) -> Said {
    Said { de, en }
}

/// What the public is told about a cell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As on every day.
    Normal,
    /// Works, but not all of it or not for everybody.
    Restricted,
    /// An emergency system does the necessary.
    Emergency,
    /// Accepted, stored, waiting.
    Held,
    /// Switched off because we decided so.
    OffDecided,
    /// Off because something broke.
    OffFault,
}

impl State {
    /// All six, from best to worst.
    pub const ALL: [Self; 6] = [
        Self::Normal,
        Self::Restricted,
        Self::Emergency,
        Self::Held,
        Self::OffDecided,
        Self::OffFault,
    ];

    /// The word in addresses and machine-readable files.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Restricted => "restricted",
            Self::Emergency => "emergency",
            Self::Held => "held",
            Self::OffDecided => "off-decided",
            Self::OffFault => "off-fault",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.slug() == slug)
    }

    /// A sign that differs in shape, so that no colour is needed.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Normal => "✓",
            Self::Restricted => "◐",
            Self::Emergency => "▲",
            Self::Held => "▣",
            Self::OffDecided => "✕",
            Self::OffFault => "!",
        }
    }

    /// The state in words. No phrase is part of another.
    #[must_use]
    pub const fn name(self) -> Said {
        match self {
            Self::Normal => said("in Betrieb", "operating normally"),
            Self::Restricted => said("eingeschränkt", "restricted"),
            Self::Emergency => said("Notbetrieb", "emergency operation"),
            Self::Held => said("angenommen, wartet", "accepted, waiting"),
            Self::OffDecided => said(
                "abgeschaltet (unsere Entscheidung)",
                "switched off (our decision)",
            ),
            Self::OffFault => said("ausgefallen (Störung)", "down (fault)"),
        }
    }

    /// What the state means, whatever the service.
    #[must_use]
    pub const fn meaning(self) -> Said {
        match self {
            Self::Normal => said("Der Dienst arbeitet wie gewohnt.", "The service works as usual."),
            Self::Restricted => said(
                "Der Dienst arbeitet, aber nicht in vollem Umfang.",
                "The service works, but not in full.",
            ),
            Self::Emergency => said(
                "Ein Notbetrieb erledigt das Nötigste. Das reguläre System bleibt getrennt.",
                "An emergency system does what is most needed. The regular system stays disconnected.",
            ),
            Self::Held => said(
                "Was Sie schicken, wird angenommen, sicher gespeichert und wartet auf die Bearbeitung. Senden Sie es nicht noch einmal.",
                "What you send is accepted, stored safely and waits to be processed. Do not send it again.",
            ),
            Self::OffDecided => said(
                "Wir haben den Dienst zum Schutz abgeschaltet. Anfragen werden vorübergehend nicht angenommen.",
                "We have switched the service off to protect it. Requests are temporarily not accepted.",
            ),
            Self::OffFault => said(
                "Der Dienst ist durch eine Störung ausgefallen. Wir haben ihn nicht selbst abgeschaltet.",
                "The service is down because of a fault. We did not switch it off ourselves.",
            ),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// What kind of service a cell is, as far as the sentences differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ServiceKind {
    /// KIM mail in general.
    Kim,
    /// Sick notes by KIM mail.
    Eau,
    /// Ordinary mail of the insurer.
    Contact,
    /// The electronic patient record.
    Epa,
    /// Sick pay, care allowance, providers.
    Payments,
    /// Monthly statistics.
    Statistics,
    /// Data exchange and employers' retrieval.
    Exchange,
    /// Look-ups somebody waits for at a counter.
    Lookup,
    /// A service the fixed sentences do not know by name.
    Other,
}

impl ServiceKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Kim,
        Self::Eau,
        Self::Contact,
        Self::Epa,
        Self::Payments,
        Self::Statistics,
        Self::Exchange,
        Self::Lookup,
        Self::Other,
    ];

    /// The kind of a service of the catalogue.
    #[must_use]
    pub fn of(id: &ServiceId) -> Self {
        match id.as_str() {
            service::KIM => Self::Kim,
            service::EAU => Self::Eau,
            service::CONTACT => Self::Contact,
            service::EPA => Self::Epa,
            service::PAYMENTS => Self::Payments,
            service::STATISTICS => Self::Statistics,
            service::EXCHANGE => Self::Exchange,
            service::LOOKUP => Self::Lookup,
            _ => Self::Other,
        }
    }

    /// The public name, where it is fixed.
    #[must_use]
    pub const fn name(self) -> Option<Said> {
        Some(match self {
            Self::Kim => said(
                "Sichere Mail im Gesundheitswesen (KIM)",
                "Secure health mail (KIM)",
            ),
            Self::Eau => said("Krankmeldungen (eAU)", "Sick notes (eAU)"),
            Self::Contact => said("E-Mail an die Kasse", "E-mail to the insurer"),
            Self::Epa => said(
                "Elektronische Patientenakte (ePA)",
                "Electronic patient record (ePA)",
            ),
            Self::Payments => said(
                "Zahlungen (Krankengeld, Pflegegeld)",
                "Payments (sick pay, care allowance)",
            ),
            Self::Statistics => said("Monatsstatistik (KM1)", "Monthly statistics (KM1)"),
            Self::Exchange => said(
                "Datenaustausch (Arbeitgeber, Leistungserbringer)",
                "Data exchange (employers, providers)",
            ),
            Self::Lookup => said(
                "Auskünfte (Zuzahlungsbefreiung, DiGA-Codes)",
                "Look-ups (co-payment exemption, DiGA codes)",
            ),
            Self::Other => return None,
        })
    }

    /// Whether "accepted, waiting" can be true of it. Where somebody waits for the answer it never is.
    #[must_use]
    pub const fn can_wait(self) -> bool {
        match self {
            Self::Kim
            | Self::Eau
            | Self::Contact
            | Self::Payments
            | Self::Statistics
            | Self::Exchange
            | Self::Other => true,
            Self::Epa | Self::Lookup => false,
        }
    }
}

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Insured people.
    Insured,
    /// Doctors' and dentists' practices.
    Practice,
    /// Pharmacies.
    Pharmacy,
    /// Employers and their payroll software.
    Employer,
    /// Makers of digital health applications.
    DigaMaker,
    /// Hospitals.
    Hospital,
    /// Press.
    Press,
}

impl Audience {
    /// All of them, those with most to lose first.
    pub const ALL: [Self; 7] = [
        Self::Insured,
        Self::Practice,
        Self::Pharmacy,
        Self::Employer,
        Self::DigaMaker,
        Self::Hospital,
        Self::Press,
    ];

    /// The word in machine-readable attributes.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Insured => "insured",
            Self::Practice => "practice",
            Self::Pharmacy => "pharmacy",
            Self::Employer => "employer",
            Self::DigaMaker => "diga-maker",
            Self::Hospital => "hospital",
            Self::Press => "press",
        }
    }

    /// The audience with this word.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|audience| audience.slug() == slug)
    }

    /// Its name on the page.
    #[must_use]
    pub const fn name(self) -> Said {
        match self {
            Self::Insured => said("Versicherte", "Insured people"),
            Self::Practice => said("Praxen", "Practices"),
            Self::Pharmacy => said("Apotheken", "Pharmacies"),
            Self::Employer => said("Arbeitgeber", "Employers"),
            Self::DigaMaker => said("DiGA-Hersteller", "DiGA makers"),
            Self::Hospital => said("Krankenhäuser", "Hospitals"),
            Self::Press => said("Presse", "Press"),
        }
    }
}

/// What an audience should do about a service in a state; `None` where the service is not its business.
#[must_use]
pub const fn what_to_do(audience: Audience, kind: ServiceKind, state: State) -> Option<Said> {
    audiences::what_to_do(audience, kind, state)
}

/// Why a cell is restricted, in public words.
#[must_use]
pub const fn reason(class: Class) -> Said {
    match class {
        Class::Maintenance => said("geplante Arbeiten", "planned work"),
        Class::Precautionary => said("Vorsicht", "precaution"),
        Class::Containment => said(
            "Eindämmung eines Sicherheitsvorfalls",
            "containment of a security incident",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_state_phrase_is_part_of_another() {
        for lang in Lang::ALL {
            for a in State::ALL {
                for b in State::ALL {
                    let inside = a.name().text(lang).contains(b.name().text(lang));
                    assert_eq!(inside, a == b, "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn held_always_says_accepted_stored_waits_and_do_not_send_again() {
        for audience in Audience::ALL {
            for kind in ServiceKind::ALL.into_iter().filter(|kind| kind.can_wait()) {
                let Some(told) = what_to_do(audience, kind, State::Held) else {
                    continue;
                };
                for (text, words) in [
                    (told.de, ["angenommen", "gespeichert", "warte", "nicht"]),
                    (told.en, ["accepted", "stored", "wait", "not"]),
                ] {
                    for word in words {
                        assert!(
                            text.contains(word),
                            "{audience:?} {kind:?}: {word:?} is missing in {text:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_sentence_is_whole_in_both_languages_and_promises_no_date() {
        for audience in Audience::ALL {
            for kind in ServiceKind::ALL {
                for state in State::ALL {
                    let Some(told) = what_to_do(audience, kind, state) else {
                        continue;
                    };
                    assert!(
                        told.de.ends_with('.') && told.en.ends_with('.'),
                        "{audience:?} {kind:?} {state}"
                    );
                    for word in ["voraussichtlich", "in Kürze", "bald", "Fehlercode"] {
                        assert!(!told.de.contains(word), "{audience:?} {kind:?} {state}: {word}");
                    }
                    for word in ["expected", "shortly", "soon"] {
                        assert!(!told.en.contains(word), "{audience:?} {kind:?} {state}: {word}");
                    }
                }
            }
        }
    }
}
