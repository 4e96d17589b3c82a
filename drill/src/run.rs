//! Plays a script: traffic and steps at the pace of the script, and counts at the end.

use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use serde::Serialize;
use vocabulary::{InsurerId, Millis, Place, Scope, ServiceId, service};

use crate::{
    facts::StoryHours,
    outside::{Count, Outside, Window},
    script::{Action, Ground, Script, Step},
    side::{Certificate, Outcome, Promise, Side, Told},
};

/// How often progress is told and the end is looked for.
const TICK: Millis = Millis(100);

/// What a progress line shows.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'s> {
    /// Now, in the exercise.
    pub now: Millis,
    /// When the script ends; settling comes after.
    pub end: Millis,
    /// Now, in the story.
    pub story: StoryHours,
    /// The step that just ended, and how.
    pub step: Option<(&'s Step, &'s Outcome)>,
    /// Letters handed over so far.
    pub handed_over: u64,
    /// Letters rejected so far.
    pub rejected: u64,
    /// Letters offered and neither handed over nor rejected.
    pub under_way: u64,
}

/// A step that was played.
#[derive(Clone, Debug, Serialize)]
pub struct PlayedStep {
    /// Planned hour of the story.
    pub at: StoryHours,
    /// When it began in the exercise.
    pub began: Millis,
    /// What was done.
    pub action: &'static str,
    /// How many insurers its scope covers; 0 where a step has no scope.
    pub insurers: u64,
    /// Why it is in the script.
    pub ground: Ground,
    /// How it ended.
    pub outcome: Outcome,
}

/// When a service came back.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Back {
    /// Which.
    pub service: ServiceId,
    /// When the first of its cells was opened.
    pub first: StoryHours,
    /// When the last one was opened that was opened at all.
    pub last: StoryHours,
    /// How many cells were opened.
    pub cells: u64,
    /// How many there are.
    pub cells_all: u64,
}

/// What came of a script on one side.
#[derive(Clone, Debug, Serialize)]
pub struct Played {
    /// Every step.
    pub steps: Vec<PlayedStep>,
    /// The outside's own book, summed up.
    pub count: Count,
    /// Letters that came back as faulty while their door was not open.
    pub rejected_behind_doors: u64,
    /// First and last rejection, in hours of the story.
    pub rejected_between: Option<(StoryHours, StoryHours)>,
    /// Spans in which the doors of insurers' sick notes were not open.
    pub windows: Vec<Window>,
    /// Services in the order they came back.
    pub back: Vec<Back>,
    /// The side's certificates, each with its hour. The last one was taken at the end.
    pub certificates: Vec<(StoryHours, Certificate)>,
    /// What the side says of its promises.
    pub promises: Vec<Promise>,
    /// How the first order was told.
    pub told: Told,
    /// Whether everything came to rest within the script's limit.
    pub settled: bool,
}

impl Played {
    /// Letters somebody took responsibility for and that are nowhere to be found: neither with the insurer, nor in its
    /// mailbox, nor, by the side's last certificate, with the side.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let with_side = self.certificates.last().map_or(0, |(_, certificate)| {
            certificate
                .held
                .saturating_add(certificate.in_doubt)
                .saturating_add(certificate.parked)
        });
        self.count.lost.saturating_sub(with_side)
    }
}

/// Plays a script on one side. `progress` is called ten times a second and after each step. If dropped, the outside
/// goes on until it is dropped too.
pub async fn run<S: Side>(
    estate: &Estate,
    script: &Script,
    outside: &mut Outside,
    side: &mut S,
    mut progress: impl FnMut(&Progress<'_>) + Send,
) -> Played {
    let ways = side.ways();
    outside.start_consumers(&ways.fetch, &ways.submission);
    let mut play = Play {
        estate,
        script,
        ways_intake: ways.intake,
        steps: Vec::new(),
        windows: Vec::new(),
        opened: BTreeMap::new(),
        certificates: Vec::new(),
    };
    for step in script.steps() {
        let due = script.pace().drill(step.at);
        wait(outside, script, due, &mut progress).await;
        let began = outside.clock.now();
        let outcome = play.step(step, outside, side).await;
        tell(outside, script, Some((step, &outcome)), &mut progress);
        let ground = step.ground.clone();
        let insurers = step
            .action
            .scope()
            .map_or(0, |scope| estate.counts(scope).insurers);
        play.steps.push(PlayedStep {
            at: step.at,
            began,
            action: step.action.word(),
            insurers,
            ground,
            outcome,
        });
    }
    let settled = settle(outside, script, &mut progress).await;
    play.finish(outside, side, settled).await
}

fn tell(
    outside: &Outside,
    script: &Script,
    step: Option<(&Step, &Outcome)>,
    progress: &mut (impl FnMut(&Progress<'_>) + Send),
) {
    let now = outside.clock.now();
    let (handed_over, rejected) = outside.book.so_far();
    let under_way = outside.book.under_way();
    let (end, story) = (script.pace().end(), script.pace().story(now));
    progress(&Progress {
        now,
        end,
        story,
        step,
        handed_over,
        rejected,
        under_way,
    });
}

async fn wait(
    outside: &Outside,
    script: &Script,
    due: Millis,
    progress: &mut (impl FnMut(&Progress<'_>) + Send),
) {
    loop {
        let now = outside.clock.now();
        if now >= due {
            return;
        }
        let next = Millis(now.0.saturating_add(TICK.0)).min(due);
        outside.clock.until(next).await;
        tell(outside, script, None, progress);
    }
}

/// Waits until everything is at rest and nothing more happens for twice the longest interval at which anybody looks or
/// tries again, so that a late repeat is still counted; or for the script's limit.
async fn settle(
    outside: &Outside,
    script: &Script,
    progress: &mut (impl FnMut(&Progress<'_>) + Send),
) -> bool {
    let traffic = script.traffic();
    let quiet = traffic.poll.max(traffic.retry).0.saturating_mul(2);
    let limit = Millis(outside.clock.now().0.saturating_add(traffic.settle.0));
    let (mut writings, mut since) = (outside.book.writings(), outside.clock.now());
    loop {
        let now = outside.clock.now();
        let written = outside.book.writings();
        if written != writings || !outside.is_at_rest() {
            (writings, since) = (written, now);
        } else if now.0.saturating_sub(since.0) >= quiet {
            return true;
        }
        if now >= limit {
            return outside.is_at_rest();
        }
        outside.clock.until(Millis(now.0.saturating_add(TICK.0))).await;
        tell(outside, script, None, progress);
    }
}

struct Play<'a> {
    estate: &'a Estate,
    script: &'a Script,
    ways_intake: crate::outside::Way,
    steps: Vec<PlayedStep>,
    windows: Vec<Window>,
    /// Per place: the hour it was opened.
    opened: BTreeMap<Place, StoryHours>,
    certificates: Vec<(StoryHours, Certificate)>,
}

const DONE: Outcome = Outcome::Done {
    applied: None,
    proven: None,
};

impl Play<'_> {
    async fn step<S: Side>(&mut self, step: &Step, outside: &mut Outside, side: &mut S) -> Outcome {
        match &step.action {
            Action::OpenTraffic => {
                outside.start_practices(&self.ways_intake);
                DONE
            }
            // The plan ends here by itself: nothing is planned after it.
            Action::CloseTraffic => DONE,
            Action::KeysGone => {
                outside.keys_gone();
                DONE
            }
            Action::KeysBack => {
                outside.keys_back();
                DONE
            }
            Action::ServerOff => {
                outside.server_off();
                DONE
            }
            Action::ServerOn => {
                outside.server_on();
                DONE
            }
            Action::Certificate => self.ask_certificate(step.at, side).await,
            Action::Cut { scope, .. } | Action::ReShut { scope } => {
                let outcome = side.act(&step.action).await;
                if matches!(outcome, Outcome::Done { .. }) {
                    self.shut(scope, outside.clock.now());
                }
                outcome
            }
            Action::Provisional { scope, .. } => {
                // The window ends before the door opens, so that nothing counts as held that was not.
                let before = outside.clock.now();
                let outcome = side.act(&step.action).await;
                if matches!(outcome, Outcome::Done { .. }) {
                    self.end_windows(scope, before);
                }
                outcome
            }
            // Nothing is held behind a shut door, so there is no window in which it would count.
            Action::Clear { .. } | Action::Shut { .. } => side.act(&step.action).await,
            Action::Open { scope } => {
                let before = outside.clock.now();
                let outcome = side.act(&step.action).await;
                if matches!(outcome, Outcome::Done { .. }) {
                    self.end_windows(scope, before);
                    self.note_back(scope, step.at, side);
                }
                outcome
            }
        }
    }

    async fn ask_certificate<S: Side>(&mut self, at: StoryHours, side: &mut S) -> Outcome {
        match side.certificate().await {
            Some(certificate) => {
                self.certificates.push((at, certificate));
                DONE
            }
            None => Outcome::NotBuilt,
        }
    }

    /// Insurers whose sick notes a scope covers.
    fn covered(&self, scope: &Scope) -> BTreeSet<InsurerId> {
        let eau = |place: &Place| place.service.as_str() == service::EAU;
        self.estate
            .doors()
            .map(|(_, place, _)| place)
            .filter(|place| eau(place) && scope.covers(place))
            .map(|place| place.insurer)
            .collect()
    }

    fn shut(&mut self, scope: &Scope, from: Millis) {
        for insurer in self.covered(scope) {
            let open_ended = |window: &Window| window.insurer == insurer && window.until.is_none();
            if !self.windows.iter().any(open_ended) {
                self.windows.push(Window {
                    insurer,
                    from,
                    until: None,
                });
            }
        }
    }

    fn end_windows(&mut self, scope: &Scope, at: Millis) {
        let covered = self.covered(scope);
        for window in &mut self.windows {
            if window.until.is_none() && covered.contains(&window.insurer) {
                window.until = Some(at);
            }
        }
    }

    fn note_back<S: Side>(&mut self, scope: &Scope, at: StoryHours, side: &S) {
        for (_, place, _) in self.estate.doors() {
            if scope.covers(&place) && side.guards(&place) {
                self.opened.entry(place).or_insert(at);
            }
        }
    }

    fn back(&self) -> Vec<Back> {
        let mut back: BTreeMap<ServiceId, Back> = BTreeMap::new();
        for (place, at) in &self.opened {
            let entry = back.entry(place.service.clone()).or_insert_with(|| Back {
                service: place.service.clone(),
                first: *at,
                last: *at,
                cells: 0,
                cells_all: 0,
            });
            entry.cells = entry.cells.saturating_add(1);
            entry.first = StoryHours(entry.first.0.min(at.0));
            entry.last = StoryHours(entry.last.0.max(at.0));
        }
        for (door, ..) in self.estate.doors() {
            if let Some(entry) = back.get_mut(&door.cell().service) {
                entry.cells_all = entry.cells_all.saturating_add(1);
            }
        }
        let mut back: Vec<Back> = back.into_values().collect();
        back.sort_by(|a, b| {
            a.first
                .0
                .total_cmp(&b.first.0)
                .then_with(|| a.service.cmp(&b.service))
        });
        back
    }

    async fn finish<S: Side>(mut self, outside: &Outside, side: &mut S, settled: bool) -> Played {
        let now = self.script.pace().story(outside.clock.now());
        let _asked = self.ask_certificate(now, side).await;
        let promises = side.promises().await;
        let rejections = outside.book.rejections();
        let story = |at: &Millis| self.script.pace().story(*at);
        let rejected_between = rejections.first().map(story).zip(rejections.last().map(story));
        Played {
            back: self.back(),
            count: outside.book.count(&self.windows, &outside.waiting()),
            rejected_behind_doors: outside.book.rejected_behind(&self.windows),
            rejected_between,
            windows: self.windows,
            steps: self.steps,
            certificates: self.certificates,
            promises,
            told: side.told(),
            settled,
        }
    }
}
