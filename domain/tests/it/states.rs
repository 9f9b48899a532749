//! Kept states: whatever happened before, one that is kept and read again goes on as if it had been folded whole.

use domain::access::Access;
use domain::bot::Bot;
use domain::conversation::Conversation;
use domain::drive::Drive;
use domain::file::File;
use domain::memory::Memory;
use domain::organisation::Organisation;
use domain::projection::Projection;
use domain::run::Run;
use domain::schedule::Schedule;
use domain::session::Session;
use domain::token::Token;
use domain::user::User;
use domain::{Aggregate, Event};
use proptest::prelude::*;

use crate::contracts::erased;
use crate::examples;

/// Which examples happened, in which order, and whether the person of each was erased since.
fn histories() -> impl Strategy<Value = Vec<(prop::sample::Index, bool)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..40)
}

fn goes_on<A: Aggregate + PartialEq>(
    examples: &[A::Event],
    history: &[(prop::sample::Index, bool)],
    cut: prop::sample::Index,
) -> Result<(), TestCaseError> {
    let events: Vec<A::Event> = history
        .iter()
        .map(|(index, gone)| {
            let event = index.get(examples);
            if *gone { erased(event) } else { event.clone() }
        })
        .collect();
    let (before, after) = events.split_at(cut.index(events.len() + 1));
    let mut whole = A::default();
    events.iter().for_each(|event| whole.apply(event));
    let mut kept = A::default();
    before.iter().for_each(|event| kept.apply(event));
    let text = serde_json::to_string(&kept).expect("a state is JSON");
    let mut read: A = serde_json::from_str(&text).expect("it is read again");
    after.iter().for_each(|event| read.apply(event));
    prop_assert_eq!(read, whole, "{}", A::Event::TYPES[0].0);
    Ok(())
}

proptest! {
    #[test]
    fn a_state_that_was_kept_goes_on_like_one_that_was_folded_whole(
        history in histories(),
        cut in any::<prop::sample::Index>(),
    ) {
        goes_on::<Organisation>(&examples::organisation(), &history, cut)?;
        goes_on::<User>(&examples::user(), &history, cut)?;
        goes_on::<Bot>(&examples::bot(), &history, cut)?;
        goes_on::<Session>(&examples::session(), &history, cut)?;
        goes_on::<Drive>(&examples::drive(), &history, cut)?;
        goes_on::<File>(&examples::file(), &history, cut)?;
        goes_on::<Conversation>(&examples::conversation(), &history, cut)?;
        goes_on::<Memory>(&examples::memory(), &history, cut)?;
        goes_on::<Run>(&examples::run(), &history, cut)?;
        goes_on::<Schedule>(&examples::schedule(), &history, cut)?;
        goes_on::<Token>(&examples::token(), &history, cut)?;
        goes_on::<Projection>(&examples::projection(), &history, cut)?;
        goes_on::<Access>(&examples::access(), &history, cut)?;
    }
}
