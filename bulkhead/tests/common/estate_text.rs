//! The estate of the tests, written by hand, and the script that lends its pace.

/// Three insurers at two sites, with the two services that have a data plane.
pub const ESTATE: &str = r#"[estate]
id = "klein"
name = "Kleiner erfundener Verbund"
telematik = "test"
synthetic = true

[[site]]
id = "essen"
name = "Essen"

[[site]]
id = "munich"
name = "München"

[[service]]
id = "kim"
name = "KIM-Post"
holdable = true
mtd-hours = 72
rto-hours = 24
affected-percent = 2
livelihood = false

[[service]]
id = "eau"
name = "eAU"
holdable = true
mtd-hours = 24
rto-hours = 8
affected-percent = 4
livelihood = true
needs = ["kim"]

[[insurer]]
id = "kasse-001"
name = "Kasse eins (erfunden)"
ik = "990000011"
insured = 1000
site = "essen"
mailboxes = ["eau@kasse-001.kim.telematik-test"]

[[insurer]]
id = "kasse-002"
name = "Kasse zwei (erfunden)"
ik = "990000022"
insured = 2000
site = "essen"
mailboxes = ["eau@kasse-002.kim.telematik-test"]

[[insurer]]
id = "kasse-003"
name = "Kasse drei (erfunden)"
ik = "990000033"
insured = 3000
site = "munich"
mailboxes = ["eau@kasse-003.kim.telematik-test"]
"#;

/// Insurers of [`ESTATE`].
pub const INSURERS: usize = 3;

/// The smallest script that reads: it lends the world its pace.
pub const STORY: &str = r#"[script]
id = "still"
name = "Still"
zero = "2023-04-25T09:00:00+02:00"
seed = 3
[traffic]
practices = 1
letters = 1
body-bytes = 100
poll-ms = 80
retry-ms = 80
settle-ms = 1000
[[pace]]
at-hours = 0
drill-ms = 0
[[pace]]
at-hours = 1
drill-ms = 1000
[[step]]
at-hours = 0
action = "open-traffic"
assumed = true
because = "test"
"#;
