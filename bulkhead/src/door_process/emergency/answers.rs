//! Released answers on their way out.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clearance::{AnswerRight, Leaving};
use mail::{AnswerKind, Sent};
use order::Answer;
use vocabulary::{Digest, EnvironmentId};

use super::{
    Service,
    log::{Ended, Entry},
    unable,
};
use crate::{
    clock,
    emergency_wire::{AnswerCall, Answered},
    http::{Call, Reply},
};

impl Service {
    /// Lets one answer out: the door grants emergency to who asks, a person of the insurer released this mail or its kind,
    /// and it looks like what was released.
    pub(super) async fn let_out(&self, environment: &EnvironmentId, call: &Call) -> Result<Reply, Reply> {
        let asked: AnswerCall = call.json()?;
        let permit = self.permit(environment, &asked.cell)?;
        let way_out = self.way_out.as_ref().ok_or_else(|| {
            Reply::refuse(
                503,
                "Für Antworten ist kein Weg hinaus eingerichtet. / No way out for answers is set up.",
            )
        })?;
        let mail = STANDARD.decode(&asked.mail).map_err(|error| {
            Reply::refuse(
                400,
                &format!("Die Mail ist nicht lesbar: {error}. / The mail cannot be read: {error}."),
            )
        })?;
        let digest = Digest::of(&mail);
        let kind = match asked.answer {
            Answer::Error(_) => AnswerKind::Error,
            Answer::Certificate => AnswerKind::Certificate,
        };
        let outgoing = way_out
            .look(&asked.cell, kind, mail)
            .map_err(|unfit| Reply::refuse(422, &unfit.to_string()))?;
        let leaving = Leaving {
            environment: environment.clone(),
            cell: asked.cell,
            mail: digest,
            answer: asked.answer,
        };
        // One at a time: what is counted and what is noted belong together.
        let _alone = self.answering.lock().await;
        match self.log.ended(&digest) {
            Some(Ended::Sent) => return Ok(Reply::json(&Answered::Before)),
            Some(Ended::Refused) => return Ok(Reply::json(&Answered::Refused)),
            Some(Ended::Open) | None => {}
        }
        let right = self
            .doors
            .answer_right(asked.release, leaving)
            .await
            .map_err(|gone| Reply::refuse(503, &gone.to_string()))?
            .map_err(|refused| Reply::refuse(403, &refused))?;
        self.within_number(&right)?;
        self.note_leaving(right).await?;
        let (ended, answered) = match way_out.hand(&outgoing, &permit).await {
            Sent::Taken => (Ended::Sent, Answered::Sent),
            Sent::Never => (Ended::Refused, Answered::Refused),
            Sent::Later | Sent::InDoubt | Sent::Stopped => (Ended::Open, Answered::Again),
        };
        let left = Entry::Left { mail: digest, ended };
        // Should this fail, the answer stays in doubt and may be handed in again, as after a crash.
        self.log.write(left).await.map_err(|error| unable(&error))?;
        Ok(Reply::json(&answered))
    }

    /// A policy's number for one day.
    fn within_number(&self, right: &AnswerRight) -> Result<(), Reply> {
        let Some(max) = right.per_day_max() else {
            return Ok(());
        };
        let used = self
            .log
            .used(right.statement(), &right.leaving().mail, clock::now());
        if used < u64::from(max.get()) {
            return Ok(());
        }
        Err(Reply::refuse(
            429,
            &format!(
                "Mit dieser Freigabe sind in 24 Stunden schon {used} Antworten hinausgegangen, erlaubt sind {max}; eine Person muss hinsehen. / \
                 {used} answers left by this release within 24 hours, {max} may; a person must look."
            ),
        ))
    }

    /// The right is used up by the entry that says so.
    async fn note_leaving(&self, right: AnswerRight) -> Result<(), Reply> {
        let Leaving {
            environment,
            cell,
            mail,
            answer,
        } = right.leaving().clone();
        let entry = Entry::Leaving {
            cell,
            environment,
            release: right.statement(),
            mail,
            answer,
        };
        self.log.write(entry).await.map_err(|error| unable(&error))
    }
}
