//! The estate of the measurement: 40 sites of two insurers each, 50 services, 4,000 cells. Each site is guarded by two
//! door processes with 25 services each, because an estate has at most 64 sites: 80 processes with 50 doors each.

use std::fmt::Write as _;

use estate::{Estate, Seed};
use vocabulary::{InsurerId, ServiceId, SiteId, service};

/// Services of every insurer.
const SERVICES: usize = 50;
/// Insurers at one site.
const INSURERS_PER_SITE: usize = 2;
/// Door processes at one site.
const PARTS: usize = 2;

/// The estate and how it is cut into door processes.
pub struct Ground {
    pub text: String,
    pub estate: Estate,
    pub parts: Vec<Part>,
}

/// One door process's share.
pub struct Part {
    pub name: String,
    pub site: SiteId,
    pub services: Vec<ServiceId>,
    pub insurers: Vec<(InsurerId, String)>,
}

/// Names of the services; the first two are the ones every estate knows.
fn services() -> Vec<ServiceId> {
    let more = (3..=SERVICES).map(|number| format!("dienst-{number:02}"));
    [service::KIM.to_owned(), service::EAU.to_owned()]
        .into_iter()
        .chain(more)
        .map(|name| name.parse().unwrap())
        .collect()
}

impl Ground {
    /// Lays `sites` sites (40 are 80 processes and 4,000 cells).
    pub fn lay(sites: usize) -> Self {
        let sample = estate::check(&estate::sample(Seed(2023)), "sample").unwrap();
        let insurers: Vec<_> = sample.insurers().take(sites * INSURERS_PER_SITE).collect();
        let services = services();
        let mut text = String::from(
            "[estate]\nid = \"messung\"\nname = \"Erfundener Verbund zum Messen\"\ntelematik = \"test\"\nsynthetic = true\n",
        );
        for number in 1..=sites {
            write!(
                text,
                "\n[[site]]\nid = \"ort-{number:02}\"\nname = \"Ort {number}\"\n"
            )
            .unwrap();
        }
        for name in &services {
            write!(
                text,
                "\n[[service]]\nid = \"{name}\"\nname = \"{name}\"\nholdable = true\nmtd-hours = 24\nrto-hours = 8\n\
                 affected-percent = 2\nlivelihood = false\n"
            )
            .unwrap();
        }
        let mut parts = Vec::new();
        for (number, share) in insurers.chunks(INSURERS_PER_SITE).enumerate() {
            let site = format!("ort-{:02}", number + 1);
            let mut here = Vec::new();
            for one in share {
                let mailbox = one.mailboxes.first().unwrap().as_str().to_owned();
                write!(
                    text,
                    "\n[[insurer]]\nid = \"{}\"\nname = {:?}\nik = \"{}\"\ninsured = {}\nsite = \"{site}\"\n\
                     mailboxes = [\"{mailbox}\"]\n",
                    one.id, one.name, one.ik, one.insured.0
                )
                .unwrap();
                here.push((one.id.clone(), mailbox));
            }
            for (half, services) in services.chunks(SERVICES / PARTS).enumerate() {
                parts.push(Part {
                    name: format!("{site}-{half}"),
                    site: site.parse().unwrap(),
                    services: services.to_vec(),
                    insurers: here.clone(),
                });
            }
        }
        let estate = estate::check(&text, "estate.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"));
        Self { text, estate, parts }
    }

    /// Cells of the estate.
    pub fn cells(&self) -> usize {
        self.estate.doors().count()
    }
}
