//! Servers that are cut off or hang: nobody saw them end, but nobody hears of them any more.
//!
//! Nobody's clock is compared with anybody else's, as with [jobs](lyceum_domain::jobs): each server watches whether the
//! others' signs of life change, by its own reckoning of how time passes. So a server whose clock is wrong, or set back, is
//! not taken for gone.
//!
//! A server also looks at itself: an answer that it began without hearing so, because the store went away in that moment, is
//! nobody's, and would be under way as long as it lives.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use lyceum_domain::{
    conversations::SignOfLife,
    ids::{InstanceId, MessageId},
    policy::{Action, Actor, allow},
    time::Timestamp,
};
use tokio::time::Instant;

use crate::{Error, Lyceum, error::denied};

/// A server that gives no new sign of life for so long is taken for gone. It gives one every few seconds.
const SILENCE: Duration = Duration::from_secs(20);
/// Who did not look for so long saw nobody be silent: they slept themselves, or the store was away, for the others too.
const LAPSE: Duration = Duration::from_secs(15);

/// What a server saw of the others, and of itself. It has to look every few seconds.
#[derive(Debug, Default)]
pub struct Watch {
    /// The last sign of each that has something under way, and since when it is the last.
    seen: HashMap<InstanceId, (Option<Timestamp>, Instant)>,
    looked_at: Option<Instant>,
    /// Its own answers that nobody gives: a moment ago they could have been about to begin, or to end.
    strays: HashSet<MessageId>,
}

impl Watch {
    /// Those that were silent for too long, now that these are the last signs.
    fn silent(&mut self, signs: &[SignOfLife], now: Instant) -> Vec<InstanceId> {
        let has_lapsed = self.looked_at.replace(now).is_none_or(|looked_at| now - looked_at > LAPSE);
        let before = std::mem::take(&mut self.seen);
        for sign in signs {
            let since = match before.get(&sign.instance) {
                Some((at, since)) if *at == sign.at && !has_lapsed => *since,
                _ => now,
            };
            self.seen.insert(sign.instance, (sign.at, since));
        }
        let is_silent = |(_, (_, since)): &(&InstanceId, &(Option<Timestamp>, Instant))| now - *since >= SILENCE;
        self.seen.iter().filter(is_silent).map(|(instance, _)| *instance).collect()
    }
}

impl Lyceum {
    /// Looks for servers that fell silent, and [ends their answers](Lyceum::close_abandoned); and for answers of this one
    /// that nobody gives. How many answers.
    pub async fn close_silent(&self, actor: &Actor, watch: &mut Watch) -> Result<u64, Error> {
        allow(actor, &Action::KeepHouse).map_err(denied("message"))?;
        let (me, under_way) = (self.ports.answers.instance(), self.ports.store.write().under_way());
        let mut signs = under_way.signs_of_life().await?;
        let busy = signs.len();
        // Whoever looks lives, also if they could not say so.
        signs.retain(|sign| sign.instance != me);
        let own = if signs.len() < busy { under_way.answers_of(me).await? } else { Vec::new() };
        let silent = watch.silent(&signs, Instant::now());
        let closed = self.close_abandoned(actor, &silent).await?;
        Ok(closed + self.close_strays(me, own, watch).await?)
    }

    async fn close_strays(&self, me: InstanceId, own: Vec<MessageId>, watch: &mut Watch) -> Result<u64, Error> {
        let strays = own.into_iter().filter(|id| !self.ports.answers.gives(*id)).collect();
        let before = std::mem::replace(&mut watch.strays, strays);
        if before.is_disjoint(&watch.strays) {
            return Ok(0);
        }
        let mut closed = 0;
        for turn in self.ports.store.write().under_way().abandoned(&[me], u32::MAX).await? {
            let id = turn.answer.id;
            if before.contains(&id) && watch.strays.contains(&id) {
                closed += u64::from(self.close_stray(turn).await?);
            }
        }
        Ok(closed)
    }
}

#[cfg(test)]
mod tests {
    use lyceum_testkit::ambient::SequentialIds;

    use super::*;

    fn at(micros: i64) -> Option<Timestamp> {
        Some(Timestamp::from_micros(micros).expect("a time"))
    }

    /// What one server is heard to say, second by second, and when it is first taken for gone.
    fn taken_for_gone(
        says: impl Fn(u64) -> Option<Option<Timestamp>>,
        looks: impl IntoIterator<Item = u64>,
    ) -> Option<u64> {
        let (instance, began) = (InstanceId::new(&SequentialIds), Instant::now());
        let mut watch = Watch::default();
        looks.into_iter().find(|second| {
            let signs: Vec<_> = says(*second).map(|at| SignOfLife { instance, at }).into_iter().collect();
            watch.silent(&signs, began + Duration::from_secs(*second)) == [instance]
        })
    }

    #[test]
    fn a_server_is_gone_when_its_sign_stays_the_same_for_long() {
        assert_eq!(taken_for_gone(|_| Some(at(0)), 0..99), Some(20));
        assert_eq!(taken_for_gone(|_| Some(None), 0..99), Some(20), "it never gave one");
        assert_eq!(taken_for_gone(|second| Some(at(second.min(30).cast_signed())), 0..99), Some(50));
    }

    #[test]
    fn whatever_time_a_server_tells_it_lives_while_that_changes() {
        let back = |second: u64| Some(at(-1_000_000 * (second / 15).cast_signed()));
        assert_eq!(taken_for_gone(back, 0..999), None);
        let forth = |second: u64| Some(at(1_000_000_000_000 * (second / 15).cast_signed()));
        assert_eq!(taken_for_gone(forth, 0..999), None);
    }

    #[test]
    fn who_was_idle_meanwhile_was_not_silent() {
        assert_eq!(taken_for_gone(|second| (second % 19 != 18).then_some(at(0)), 0..999), None);
    }

    /// It slept, or the store was away, where the others could not give a sign either.
    #[test]
    fn who_did_not_look_saw_nobody_be_silent() {
        assert_eq!(taken_for_gone(|_| Some(at(0)), [0, 5, 10, 300, 305, 310, 315, 319, 320]), Some(320));
        assert_eq!(taken_for_gone(|_| Some(at(0)), (0..999).step_by(16)), None);
    }
}
