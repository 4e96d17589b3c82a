//! What a bundle holds, found once: its entries, who wrote it, who pays.

use crate::{
    logic::One,
    version::Version,
    xml::{Document, NONE, ROOT},
};

/// Canonical addresses used by the rules.
pub(crate) mod url {
    pub(crate) const LEGAL_BASIS: &str = "https://fhir.kbv.de/StructureDefinition/KBV_EX_FOR_Legal_basis";
    pub(crate) const ALTERNATIVE_IK: &str =
        "https://fhir.kbv.de/StructureDefinition/KBV_EX_FOR_Alternative_IK";
    pub(crate) const PARTIALLY: &str =
        "https://fhir.kbv.de/StructureDefinition/KBV_EX_EAU_partially_employable";
    pub(crate) const UNEMPLOYABILITY: &str =
        "https://fhir.kbv.de/StructureDefinition/KBV_EX_EAU_unemployability";
    pub(crate) const ADMISSION: &str = "https://fhir.kbv.de/StructureDefinition/KBV_EX_EAU_admission_date";
    pub(crate) const DISCHARGE: &str = "https://fhir.kbv.de/StructureDefinition/KBV_EX_EAU_discharge_date";
    pub(crate) const REINTEGRATION: &str =
        "https://fhir.kbv.de/StructureDefinition/KBV_EX_EAU_reintegration_date";
    pub(crate) const ASSERTED: &str = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate";
    pub(crate) const DUE_TO: &str = "http://hl7.org/fhir/StructureDefinition/condition-dueTo";
    pub(crate) const QUALIFICATION: &str = "https://fhir.kbv.de/CodeSystem/KBV_CS_FOR_Qualification_Type";
    pub(crate) const ASV_GROUP: &str = "https://fhir.kbv.de/NamingSystem/KBV_NS_FOR_Fachgruppennummer_ASV";
    pub(crate) const TEST_NUMBER: &str = "https://fhir.kbv.de/NamingSystem/KBV_NS_FOR_Pruefnummer";
    pub(crate) const AU_TYPE: &str = "https://fhir.kbv.de/CodeSystem/KBV_CS_EAU_AU_Type";
    pub(crate) const PROFILE: &str = "https://fhir.kbv.de/StructureDefinition/";
}

/// One entry of the bundle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'d> {
    pub(crate) at: u32,
    pub(crate) full_url: Option<&'d str>,
    pub(crate) resource: u32,
    pub(crate) kind: &'d str,
}

/// A bundle, looked through once.
#[derive(Debug)]
pub(crate) struct View<'d, 'a> {
    pub(crate) document: &'d Document<'a>,
    pub(crate) version: Version,
    pub(crate) entries: Vec<Entry<'d>>,
    pub(crate) composition: u32,
    pub(crate) coverage: u32,
    pub(crate) patient: u32,
    pub(crate) organization: u32,
    pub(crate) practitioner: u32,
    pub(crate) role: u32,
    /// Who wrote the note: the practitioner the composition's author leads to.
    pub(crate) author: u32,
    /// Who answers for it, if named: the practitioner the attester leads to.
    pub(crate) attester: u32,
    /// Code of the payor's type.
    pub(crate) payor: One<'d>,
    /// The condition that tells from when until when.
    pub(crate) incapacity: u32,
}

impl<'d, 'a> View<'d, 'a> {
    pub(crate) fn new(document: &'d Document<'a>, version: Version) -> Self {
        let entries: Vec<Entry<'d>> = document
            .named(ROOT, "entry")
            .map(|at| {
                let resource = document.first(at, "resource");
                let inside = document.kids(resource).next().unwrap_or(NONE);
                let full_url = document.value(document.first(at, "fullUrl"));
                Entry {
                    at,
                    full_url,
                    resource: inside,
                    kind: document.at(inside).name,
                }
            })
            .collect();
        let first = |kind: &str| {
            entries
                .iter()
                .find(|entry| entry.kind == kind)
                .map_or(NONE, |entry| entry.resource)
        };
        let mut view = Self {
            document,
            version,
            composition: first("Composition"),
            coverage: first("Coverage"),
            patient: first("Patient"),
            organization: first("Organization"),
            practitioner: first("Practitioner"),
            role: first("PractitionerRole"),
            author: NONE,
            attester: NONE,
            payor: One::Nothing,
            incapacity: NONE,
            entries,
        };
        view.payor = One::of(
            view.values(view.coverage, &["type", "coding", "code"])
                .into_iter(),
        );
        let wrote = view.values(view.composition, &["author", "reference"]);
        view.author = wrote.iter().find_map(|to| view.person(to)).unwrap_or(NONE);
        let answers = view.values(view.composition, &["attester", "party", "reference"]);
        view.attester = answers.iter().find_map(|to| view.person(to)).unwrap_or(NONE);
        let profile = view.version.profile("KBV_PR_EAU_Condition_AU");
        let incapacity = view
            .of_kind("Condition")
            .find(|at| view.values(*at, &["meta", "profile"]) == [profile.as_str()]);
        view.incapacity = incapacity.unwrap_or(NONE);
        view
    }

    pub(crate) fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = u32> + '_ {
        self.entries
            .iter()
            .filter(move |entry| entry.kind == kind)
            .map(|entry| entry.resource)
    }

    /// Every value down a path.
    pub(crate) fn values(&self, of: u32, path: &[&str]) -> Vec<&'d str> {
        let mut found = Vec::new();
        self.collect(of, path, &mut |at| {
            if let Some(value) = self.document.value(at) {
                found.push(value);
            }
        });
        found
    }

    /// Calls for every element down a path.
    pub(crate) fn collect(&self, of: u32, path: &[&str], take: &mut dyn FnMut(u32)) {
        if of == NONE {
            return;
        }
        let Some((name, rest)) = path.split_first() else {
            take(of);
            return;
        };
        for kid in self.document.kids(of) {
            if self.document.at(kid).name == *name {
                self.collect(kid, rest, take);
            }
        }
    }

    pub(crate) fn has(&self, of: u32, path: &[&str]) -> bool {
        let mut found = false;
        self.collect(of, path, &mut |_| found = true);
        found
    }

    /// Extensions of this address on an element.
    pub(crate) fn extensions<'v>(
        &'v self,
        of: u32,
        url: &'static str,
    ) -> impl Iterator<Item = u32> + use<'v, 'd, 'a> {
        let document = self.document;
        document
            .named(of, "extension")
            .filter(move |kid| document.at(*kid).url.as_deref() == Some(url))
    }

    pub(crate) fn extended(&self, of: u32, url: &'static str) -> bool {
        self.extensions(of, url).next().is_some()
    }

    /// Value of the first extension of this address.
    pub(crate) fn extension_value(&self, of: u32, url: &'static str, value: &str) -> Option<&'d str> {
        let at = self.extensions(of, url).next()?;
        self.document.value(self.document.first(at, value))
    }

    /// The entry a reference leads to: its full address, or type and id.
    pub(crate) fn resolve(&self, reference: &str) -> Option<&Entry<'d>> {
        let by_address = self
            .entries
            .iter()
            .find(|entry| entry.full_url == Some(reference));
        by_address.or_else(|| {
            let (kind, id) = reference.split_once('/')?;
            self.entries.iter().find(|entry| {
                let address = entry
                    .full_url
                    .and_then(|url| url.strip_suffix(id)?.strip_suffix('/')?.strip_suffix(kind));
                entry.kind == kind
                    && (address.is_some_and(|base| base.ends_with('/'))
                        || self.document.value(self.document.first(entry.resource, "id")) == Some(id))
            })
        })
    }

    fn person(&self, reference: &str) -> Option<u32> {
        let entry = match self.version {
            // The older rules know only `Practitioner/` and the id, and never hold for another form.
            Version::V1_0_2 | Version::V1_1_0 => self.entries.iter().find(|entry| {
                let id = self.document.value(self.document.first(entry.resource, "id"));
                entry.kind == "Practitioner" && reference.strip_prefix("Practitioner/") == id && id.is_some()
            }),
            Version::V1_2_0 | Version::V1_2_1 => self.resolve(reference),
        };
        entry.map(|entry| entry.resource)
    }
}
