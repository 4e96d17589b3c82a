//! A stage as large as the largest estate.

use console::Sessions;
use door::House;

use super::{
    ORIGIN, Stage,
    common::{
        self,
        estate::{self as field, Outside},
    },
};

impl Stage {
    /// So many insurers with eight services each, their doors enrolled and contained: for measuring.
    pub fn large(insurers: usize) -> Self {
        const SERVICES: [&str; 8] = [
            "kim",
            "eau",
            "contact",
            "payments",
            "statistics",
            "exchange",
            "epa",
            "lookup",
        ];
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let outside = Outside::new(insurers);
        let holdable = |name: &str| match name {
            "epa" | "lookup" => vocabulary::Holdable::No,
            _ => vocabulary::Holdable::Yes,
        };
        let mut text = String::from(
            "[estate]\nid = \"probe\"\nname = \"Probe\"\ntelematik = \"test\"\nsynthetic = true\n[[site]]\nid = \"essen\"\nname = \"Essen\"\n",
        );
        for service in SERVICES {
            let wait = holdable(service) == vocabulary::Holdable::Yes;
            text.push_str(&format!(
                "[[service]]\nid = \"{service}\"\nname = \"Dienst {service}\"\nholdable = {wait}\nmtd-hours = 72\nrto-hours = 24\n\
                 affected-percent = 2\nlivelihood = false\n"
            ));
        }
        for (number, insurer) in (1_u32..).zip(&outside.insurers) {
            // One of ten check digits is right.
            let ik = (0..10)
                .find_map(|digit| {
                    format!("{}{digit}", 99_000_000 + number)
                        .parse::<estate::Ik>()
                        .ok()
                })
                .unwrap();
            text.push_str(&format!(
                "[[insurer]]\nid = \"{insurer}\"\nname = \"Betriebskrankenkasse Nummer {number}\"\nik = \"{}\"\ninsured = 1000\n\
                 site = \"essen\"\nmailboxes = [\"eau@{insurer}.kim.telematik-test\"]\n",
                ik.as_str()
            ));
        }
        let services = SERVICES.map(|name| (name, holdable(name)));
        let doors = field::places(&outside.insurers, &services);
        let enrolment = field::enrolment(&outside, "store-1", doors);
        let mut house = House::enrol(dirs[0].path(), &enrolment, field::moment(&outside)).unwrap();
        field::catch_up(&outside, &mut house);
        let mut journal = common::journal(&outside, &dirs[1].path().join("journal"));
        common::bring(&outside, &house, &mut journal);
        Self {
            outside,
            house,
            journal,
            estate: estate::check(&text, "probe.toml").unwrap_or_else(|bad| panic!("{bad}")),
            sessions: Sessions::default(),
            origin: ORIGIN.parse().unwrap(),
            published: Vec::new(),
            law: publication::obligations::Law::built_in().unwrap(),
            draws: 0,
            _dirs: dirs,
        }
    }
}
