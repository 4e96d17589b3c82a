//! Who is in a synthetic note: patient, people, practice, insurance.

use super::{
    GERMAN, GIVEN, HL7, PRACTICES, STREETS, SURNAMES, TERMS, TOWNS, Writer, asv_group, identified,
    institution, kbv, physician,
};
use crate::{
    digit,
    sample::{
        Author, Payor,
        chance::written,
        later,
        tree::{Tree, coded, ext, of, refers, val},
    },
};

impl Writer<'_> {
    pub(super) fn name(&mut self, titled: bool) -> Tree {
        let (surname, given) = (self.pick(SURNAMES), self.pick(GIVEN));
        let mut family = val("family", surname);
        family.kids.push(ext(
            &format!("{HL7}humanname-own-name"),
            val("valueString", surname),
        ));
        let mut name = of("name", [val("use", "official"), family, val("given", given)]);
        if titled {
            let mut prefix = val("prefix", "Dr. med.");
            prefix.kids.push(ext(
                &format!("{HL7}iso21090-EN-qualifier"),
                val("valueCode", "AC"),
            ));
            name.kids.push(prefix);
        }
        name
    }

    pub(super) fn address(&mut self, post_box: bool, addition: bool) -> Tree {
        let part =
            |name: &str, value: &str| ext(&format!("{HL7}iso21090-ADXP-{name}"), val("valueString", value));
        let mut address = if post_box {
            let number = written(&self.chance.digits::<6>());
            let mut line = val("line", number.clone());
            line.kids.push(part("postBox", &number));
            of("address", [val("type", "postal"), line])
        } else {
            let (street, number) = (
                self.pick(STREETS),
                self.chance.below(180).saturating_add(1).to_string(),
            );
            let mut line = val("line", format!("{street} {number}"));
            line.kids
                .extend([part("houseNumber", &number), part("streetName", street)]);
            of("address", [val("type", "both"), line])
        };
        if addition && !post_box {
            let mut line = val("line", "Hinterhaus");
            line.kids.push(part("additionalLocator", "Hinterhaus"));
            address.kids.push(line);
        }
        let code = format!(
            "{}{}",
            self.chance.below(9).saturating_add(1),
            written(&self.chance.digits::<4>())
        );
        address.kids.extend([
            val("city", self.pick(TOWNS)),
            val("postalCode", code),
            val("country", "D"),
        ]);
        address
    }

    pub(super) fn patient(&mut self) -> String {
        let letter = b'A'.wrapping_add(u8::try_from(self.chance.below(26)).unwrap_or_default());
        let digits = self.chance.digits::<8>();
        let id = format!(
            "{}{}{}",
            char::from(letter),
            written(&digits),
            digit::insured_check(letter, digits)
        );
        let identifier = if self.wanted.payor == Payor::Skt {
            identified(
                &kbv("CodeSystem", "KBV_CS_Base_identifier_type"),
                "kvk",
                &format!("{GERMAN}sid/gkv/kvk-versichertennummer"),
                &written(&digits),
            )
        } else {
            identified(
                &format!("{GERMAN}CodeSystem/identifier-type-de-basis"),
                "KVZ10",
                &format!("{GERMAN}sid/gkv/kvid-10"),
                &id,
            )
        };
        let born = format!(
            "{}-{:02}-{:02}",
            self.chance.below(60).saturating_add(1945),
            self.chance.below(12).saturating_add(1),
            self.chance.below(28).saturating_add(1)
        );
        let addition = self.chance.below(4) == 0;
        let content = vec![
            identifier,
            self.name(false),
            val("birthDate", born),
            self.address(self.wanted.post_box, addition),
        ];
        self.file("Patient", "KBV_PR_FOR_Patient", content)
    }

    pub(super) fn practitioner(&mut self, author: Author) -> String {
        let digits = self.chance.digits::<6>();
        let number = format!(
            "{}{}{:02}",
            written(&digits),
            digit::physician_check(digits),
            self.chance.below(60).saturating_add(1)
        );
        let (code, words) = match author {
            Author::Physician => ("00", "Fachärztin für Innere Medizin"),
            Author::Dentist => ("01", "Zahnärztin"),
            Author::Midwife => ("02", "Hebamme"),
            Author::Trainee => ("03", "Ärztin in Weiterbildung"),
            Author::Substitute => ("04", "Arzt als Vertreter"),
            Author::Asv => ("00", "Fachärztin für Urologie"),
        };
        let mut content = Vec::new();
        match author {
            Author::Midwife | Author::Asv => {}
            Author::Dentist => content.push(identified(
                &format!("{GERMAN}CodeSystem/identifier-type-de-basis"),
                "ZANR",
                &format!("{GERMAN}sid/kzbv/zahnarztnummer"),
                &number,
            )),
            Author::Physician | Author::Trainee | Author::Substitute => content.push(physician(&number)),
        }
        content.push(self.name(author != Author::Midwife));
        content.push(of(
            "qualification",
            [coded(
                "code",
                &kbv("CodeSystem", "KBV_CS_FOR_Qualification_Type"),
                code,
            )],
        ));
        let mut job = coded(
            "code",
            &kbv("CodeSystem", "KBV_CS_FOR_Berufsbezeichnung"),
            "Berufsbezeichnung",
        );
        job.kids.push(val("text", words));
        content.push(of("qualification", [job]));
        if author == Author::Asv {
            content.push(asv_group(&written(&self.chance.digits::<9>())));
        }
        self.file("Practitioner", "KBV_PR_FOR_Practitioner", content)
    }

    pub(super) fn organization(&mut self, dental: bool) -> String {
        let number = written(&self.chance.digits::<9>());
        let identifier = if dental {
            identified(
                &format!("{GERMAN}CodeSystem/identifier-type-de-basis"),
                "KZVA",
                &format!("{GERMAN}sid/kzbv/kzvabrechnungsnummer"),
                &number,
            )
        } else {
            identified(
                &format!("{TERMS}v2-0203"),
                "BSNR",
                &kbv("NamingSystem", "KBV_NS_Base_BSNR"),
                &number,
            )
        };
        let telecom =
            |system: &str, value: String| of("telecom", [val("system", system), val("value", value)]);
        let phone = format!("0{}", written(&self.chance.digits::<9>()));
        let content = vec![
            identifier,
            val("name", self.pick(PRACTICES)),
            telecom("phone", phone.clone()),
            telecom("fax", phone),
            self.address(false, false),
        ];
        self.file("Organization", "KBV_PR_FOR_Organization", content)
    }

    pub(super) fn coverage(&mut self, patient: &str) -> String {
        let mark = |name: &str, system: &str, code: &str| {
            let value = of(
                "valueCoding",
                [val("system", kbv("CodeSystem", system)), val("code", code)],
            );
            ext(&format!("{GERMAN}StructureDefinition/gkv/{name}"), value)
        };
        let (system, code) = match self.wanted.payor {
            Payor::Gkv => ("versicherungsart-de-basis", "GKV"),
            Payor::Pkv => ("versicherungsart-de-basis", "PKV"),
            Payor::Bg => ("versicherungsart-de-basis", "BG"),
            Payor::Sel => ("versicherungsart-de-basis", "SEL"),
            Payor::Skt => ("", "SKT"),
            Payor::Uk => ("", "UK"),
        };
        let system = if system.is_empty() {
            kbv("CodeSystem", "KBV_CS_FOR_Payor_Type_KBV")
        } else {
            format!("{GERMAN}CodeSystem/{system}")
        };
        let digits = self.chance.digits::<6>();
        let fund = self
            .wanted
            .fund
            .clone()
            .unwrap_or_else(|| format!("10{}{}", written(&digits), digit::institution_check(digits)));
        let mut identifier = institution("identifier", &fund);
        if matches!(self.wanted.payor, Payor::Bg | Payor::Uk) {
            let other = institution("valueIdentifier", "121192346");
            identifier.kids.insert(
                0,
                ext(&kbv("StructureDefinition", "KBV_EX_FOR_Alternative_IK"), other),
            );
        }
        let end = later(self.wanted.issued, 700);
        let content = vec![
            mark(
                "besondere-personengruppe",
                "KBV_CS_SFHIR_KBV_PERSONENGRUPPE",
                "00",
            ),
            mark("dmp-kennzeichen", "KBV_CS_SFHIR_KBV_DMP", "00"),
            mark("wop", "KBV_CS_SFHIR_ITA_WOP", "72"),
            mark("versichertenart", "KBV_CS_SFHIR_KBV_VERSICHERTENSTATUS", "1"),
            val("status", "active"),
            coded("type", &system, code),
            refers("beneficiary", patient),
            of("period", [val("end", end.to_string())]),
            of("payor", [identifier, val("display", "Beispielkasse")]),
        ];
        self.file("Coverage", "KBV_PR_FOR_Coverage", content)
    }
}
