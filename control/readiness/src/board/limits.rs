//! How old is too old, and why. Changing one of these changes who is called armed.

use crate::words::Days;

/// A key not used for a quarter may lie in a drawer nobody opens, on a card whose PIN nobody knows.
pub const KEY_USED_DAYS_MAX: Days = Days(90);
/// KIM certificates, cards and mailbox settings change without telling us; a quarter is the longest surprise we accept.
pub const EMERGENCY_KEY_DAYS_MAX: Days = Days(90);
/// The last released payment run is repeated in an emergency; older than a week it pays people who are well again.
pub const PAYMENTS_COPY_DAYS_MAX: Days = Days(7);
/// Monthly statistics are computed from a copy of the month they are about.
pub const STATISTICS_COPY_DAYS_MAX: Days = Days(31);
/// Somebody at a counter is told the last known answer; two days bridge a weekend's missing run.
pub const LOOKUP_COPY_DAYS_MAX: Days = Days(2);
/// A door is proven only while it is closed: at drills and maintenance, at least twice a year.
pub const DOOR_PROVEN_DAYS_MAX: Days = Days(180);
/// Firewalls and accounts change every week; examiners who cannot get in lose what memory holds.
pub const WAY_IN_DAYS_MAX: Days = Days(90);
/// People change telephones and offices; the test call-out finds out before the night does.
pub const CONTACTS_DAYS_MAX: Days = Days(90);
/// Papers are read again once a year: processors, places and attestations change.
pub const PAPER_DAYS_MAX: Days = Days(365);
/// Once a year everybody has done it once (BSI standard 200-4 asks for regular exercises).
pub const DRILL_DAYS_MAX: Days = Days(365);
/// Same life as the persons' own keys.
pub const RELEASE_DAYS_MAX: Days = Days(90);
/// Holders of parts change with their offices; a year without trying means a part too few.
pub const RECOVERY_DAYS_MAX: Days = Days(365);
/// A pre-signed order is paper in a safe: twice a year somebody must have found it, and a door must have taken it.
pub const PRESIGNED_DAYS_MAX: Days = Days(180);
/// What lapses within this span is announced while there is still time to act.
pub const SOON_DAYS: Days = Days(14);
/// A time later than now by more than this is no measurement but a wrong clock.
pub const AHEAD_DAYS_MAX: Days = Days(1);
/// One person who may consent can be on holiday (DESIGN section 5: several people of whom one may consent).
pub const CONSENTERS_MIN: usize = 2;
/// A no must be possible at any hour; one person who can say it is the least.
pub const REFUSERS_MIN: usize = 1;
/// Lifting a precautionary cut takes two commanders (DESIGN section 5).
pub const COMMANDERS_MIN: usize = 2;
