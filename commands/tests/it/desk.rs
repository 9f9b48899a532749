//! Conversations that people answer: turns are left to them, scripts wait, and what scripts ask of the desk is done once.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use commands::{
    AtDesk, Attendant, CommandError, Commands, Desk, NewControl, NewReply, Queued, VisitorSession,
};
use domain::conversation::{Control, ControlChange, ConversationEvent, Priority};
use domain::{BotId, ConversationId, OrganisationId, TurnId};

use crate::observing::Fact;
use crate::post::Silent;
use crate::world::{World, minute, refusal, say, start_of_day};

const LISTEN: &str = "TALK \"Who are you?\"\nHEAR name\nTALK \"Hi \" + name\nWHILE TRUE\nHEAR words\nTALK \"You said \" + words\nWEND\n";

/// What waits, as tests say.
#[derive(Debug, Default)]
struct Waiting(Mutex<Vec<Queued>>);

#[async_trait]
impl Desk for Waiting {
    async fn conversations(
        &self,
        _: OrganisationId,
        _: BotId,
        which: &AtDesk,
        limit: u32,
    ) -> Result<Vec<Queued>, CommandError> {
        let mut known = self.0.lock().expect("whole").clone();
        known.retain(|one| which.control.is_none_or(|control| control == one.control));
        known.retain(|one| {
            which
                .assigned
                .is_none_or(|assigned| assigned == one.attendant.is_some())
        });
        known.sort_by_key(|one| (std::cmp::Reverse(one.priority), one.since));
        known.truncate(limit as usize);
        Ok(known)
    }

    async fn ahead(
        &self,
        _: OrganisationId,
        _: BotId,
        priority: Priority,
        of: ConversationId,
    ) -> Result<u64, CommandError> {
        let known = self.0.lock().expect("whole").clone();
        let ahead = known
            .iter()
            .filter(|one| one.control == Control::WaitingForHuman && one.conversation_id != of);
        Ok(ahead.filter(|one| one.priority >= priority).count() as u64)
    }
}

fn to(control: Control) -> NewControl {
    NewControl {
        control,
        ..NewControl::default()
    }
}

impl World {
    async fn controls(&self) -> Vec<ControlChange> {
        let change = |fact| match fact {
            Fact::Conversation(_, ConversationEvent::ControlChanged(change)) => Some(change),
            _ => None,
        };
        self.facts().await.into_iter().filter_map(change).collect()
    }

    /// Waits until these turns were left to people, no others.
    async fn left(&self, turns: &[TurnId]) {
        let mut left = Vec::new();
        let all = self
            .eventually(async || {
                let turn = |fact| match fact {
                    Fact::Conversation(_, ConversationEvent::TurnLeftToHuman { turn_id, .. }) => {
                        Some(turn_id)
                    }
                    _ => None,
                };
                left = self.facts().await.into_iter().filter_map(turn).collect();
                (left.len() >= turns.len()).then_some(())
            })
            .await;
        assert!(all.is_some(), "expected {turns:?}, found {left:?}");
        assert_eq!(left, turns);
    }
}

async fn control(world: &World, process: &Commands, conversation: ConversationId, control: Control) {
    process
        .control_conversation(&world.context(), conversation, to(control), start_of_day())
        .await
        .expect("it is open");
}

async fn reply(process: &Commands, world: &World, conversation: ConversationId, text: &str) {
    let reply = NewReply {
        content: text.to_owned(),
        attendant: Some("Ana".to_owned()),
    };
    process
        .reply(&world.context(), conversation, reply, start_of_day())
        .await
        .expect("people answer in it");
}

#[tokio::test]
async fn turns_are_left_to_people_until_the_bot_has_the_conversation_again() {
    let world = World::new().await;
    let process = world.process().await;
    world.recover(&process).await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    let conversation = say(&process, &visitor, "Ann").await.conversation_id;
    world.hears(&["Who are you?", "Hi Ann"]).await;
    control(&world, &process, conversation, Control::WaitingForHuman).await;
    let first = say(&process, &visitor, "anybody?").await;
    world.left(&[first.turn_id]).await;
    reply(&process, &world, conversation, "I am here").await;
    // Another process takes the next one, and knows it from the log.
    let other = world.process().await;
    let second = say(&other, &visitor, "good").await;
    world.left(&[first.turn_id, second.turn_id]).await;
    control(&world, &other, conversation, Control::Bot).await;
    say(&other, &visitor, "thanks").await;
    world
        .hears(&["Who are you?", "Hi Ann", "I am here", "You said thanks"])
        .await;
    let controls: Vec<_> = world
        .controls()
        .await
        .iter()
        .map(|change| change.control)
        .collect();
    assert_eq!(controls, [Control::WaitingForHuman, Control::Human, Control::Bot]);
    // Every turn is accounted for: the checkpoint passes those that nobody's script answered.
    let head = world.feed.head().await.expect("readable");
    let rests = world
        .eventually(async || (world.checkpoint().await >= head).then_some(()))
        .await;
    assert!(rests.is_some(), "{:?} of {head:?}", world.checkpoint().await);
}

#[tokio::test]
async fn a_turn_that_nobody_handed_over_is_left_to_people_when_it_is_found() {
    let world = World::new().await;
    let dead = world.process().await;
    let bot = world.bot(&dead, LISTEN).await;
    let visitor = world.visitor(&dead, bot).await;
    let conversation = say(&dead, &visitor, "Ann").await.conversation_id;
    world.hears(&["Who are you?", "Hi Ann"]).await;
    control(&world, &dead, conversation, Control::Human).await;
    let orphan = world.orphan(&visitor, conversation, "hello?").await;
    control(&world, &dead, conversation, Control::Bot).await;
    let alive = world.process().await;
    world.recover(&alive).await;
    // It came while a person answered, though the bot does by now.
    world.left(&[orphan]).await;
    assert_eq!(world.texts().await, ["Who are you?", "Hi Ann"]);
}

#[tokio::test]
async fn a_conversation_that_people_answer_does_not_fall_idle() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK \"Hello\"\n").await;
    let visitor = world.visitor(&process, bot).await;
    let conversation = say(&process, &visitor, "one").await.conversation_id;
    world.hears(&["Hello", "No idea."]).await;
    control(&world, &process, conversation, Control::Human).await;
    let at = |number| process.receive_turn(&visitor, crate::world::message("two"), minute(number));
    assert_eq!(at(300).await.expect("taken").conversation_id, conversation);
    control(&world, &process, conversation, Control::Bot).await;
    assert_eq!(at(329).await.expect("taken").conversation_id, conversation);
    assert_ne!(at(400).await.expect("taken").conversation_id, conversation);
}

#[tokio::test]
async fn nobody_answers_where_the_bot_does() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    let conversation = say(&process, &visitor, "Ann").await.conversation_id;
    world.hears(&["Who are you?", "Hi Ann"]).await;
    let attempt = |content: &str, attendant: Option<&str>| {
        let reply = NewReply {
            content: content.to_owned(),
            attendant: attendant.map(str::to_owned),
        };
        let (process, context) = (process.clone(), world.context());
        async move { process.reply(&context, conversation, reply, start_of_day()).await }
    };
    assert_eq!(
        refusal(attempt("Hello", Some("Ana")).await),
        "conversation_with_bot"
    );
    control(&world, &process, conversation, Control::Paused).await;
    for (content, attendant) in [("", Some("Ana")), ("Hello", None), ("a\0b", Some("Ana"))] {
        let refused = attempt(content, attendant).await;
        assert!(
            matches!(refused, Err(CommandError::Invalid { .. })),
            "{refused:?}"
        );
    }
    attempt("Hello", Some("Ana")).await.expect("nobody else answers");
    let again = async || {
        let reply = NewReply {
            content: "Again".to_owned(),
            attendant: None,
        };
        let context = world.numbered(7, 0);
        process.reply(&context, conversation, reply, start_of_day()).await
    };
    let first = again().await.expect("her name is known");
    control(&world, &process, conversation, Control::Bot).await;
    // By now nobody is named, and the bot answers.
    let repeated = again().await.expect("it was said");
    assert!(repeated.done.repeated && repeated.reply_id == first.reply_id);
    world.hears(&["Who are you?", "Hi Ann", "Hello", "Again"]).await;
}

const TRANSFER: &str = "
WHILE TRUE
  HEAR words
  x = TRANSFER TO HUMAN \"Ana\", \"high\", words
  TALK x.status + \" \" + x.queue_position + \" \" + x.attendant_name
WEND
";

fn ana() -> Attendant {
    Attendant {
        id: "ana".to_owned(),
        name: "Ana Silva".to_owned(),
        department: Some("sales".to_owned()),
        aliases: vec!["Ana".to_owned()],
    }
}

#[tokio::test]
async fn a_script_hands_a_conversation_over() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, TRANSFER).await;
    process.dialogues().set_attendants(bot, vec![ana()]);
    let visitor = world.visitor(&process, bot).await;
    let conversation = say(&process, &visitor, "a refund").await.conversation_id;
    // The script that hands over ends what it is about; what is said next is for people.
    world.hears(&["assigned 1 Ana Silva"]).await;
    let next = say(&process, &visitor, "hello?").await;
    world.left(&[next.turn_id]).await;
    let changes = world.controls().await;
    let [change] = changes.as_slice() else {
        panic!("{changes:?}");
    };
    assert_eq!(
        (change.control, change.priority, change.department.as_deref()),
        (Control::WaitingForHuman, Priority::High, Some("sales"))
    );
    assert_eq!(
        change.reason.as_ref().and_then(|reason| reason.clear()),
        Some(&"a refund".to_owned())
    );
    control(&world, &process, conversation, Control::Bot).await;
    say(&process, &visitor, "again").await;
    world
        .hears(&["assigned 1 Ana Silva", "assigned 1 Ana Silva"])
        .await;
}

#[tokio::test]
async fn a_turn_that_is_repeated_hands_over_once_and_stays_the_scripts() {
    let world = World::new().await;
    let script = "HEAR words\nx = TRANSFER TO HUMAN words, \"high\"\ny = POST \"https://example.org\", {a: 1}\n\
                  TALK x.status + \" \" + x.attendant_name + \" \" + x.department + \" \" + y.code\nHEAR more\nTALK more\n";
    let dead = world.process_with(Arc::new(Silent)).await;
    let bot = world.bot(&dead, script).await;
    dead.dialogues().set_attendants(bot, vec![ana()]);
    let visitor = world.visitor(&dead, bot).await;
    say(&dead, &visitor, "aNa siLva").await;
    let transferred = world
        .eventually(async || (!world.controls().await.is_empty()).then_some(()))
        .await;
    assert!(transferred.is_some(), "the script hands over");
    // The process dies in the midst of the turn; by now the conversation waits for a person.
    let alive = world.process().await;
    world.recover(&alive).await;
    world.hears(&["assigned Ana Silva sales not_configured"]).await;
    assert_eq!(world.controls().await.len(), 1);
    let next = say(&alive, &visitor, "hello?").await;
    world.left(&[next.turn_id]).await;
    // What was said and who was named stands nowhere in the clear, receipts included.
    assert!(!world.stores("Ana Silva").await);
}

#[tokio::test]
async fn a_name_that_nobody_at_the_desk_has_is_a_reason_and_no_department() {
    let world = World::new().await;
    let process = world.process().await;
    let script = "WHILE TRUE\nHEAR words\nx = TRANSFER TO HUMAN words\nTALK x.status\nWEND\n";
    let bot = world.bot(&process, script).await;
    process.dialogues().set_attendants(bot, vec![ana()]);
    let visitor = world.visitor(&process, bot).await;
    let conversation = say(&process, &visitor, "maria souza").await.conversation_id;
    world.hears(&["queued"]).await;
    control(&world, &process, conversation, Control::Bot).await;
    say(&process, &visitor, "Sales").await;
    world.hears(&["queued", "queued"]).await;
    let said: Vec<_> = world
        .controls()
        .await
        .into_iter()
        .filter(|change| change.control == Control::WaitingForHuman)
        .map(|change| {
            (
                change.department,
                change.reason.and_then(|reason| reason.clear().cloned()),
            )
        })
        .collect();
    let (name, department) = ("maria souza".to_owned(), "sales".to_owned());
    assert_eq!(said, [(None, Some(name)), (Some(department), None)]);
    assert!(!world.stores("souza").await);
}

fn queued(visitor: &VisitorSession, conversation_id: ConversationId, priority: Priority) -> Queued {
    Queued {
        conversation_id,
        session_id: visitor.session_id,
        user_id: visitor.open.user_id,
        control: Control::WaitingForHuman,
        since: start_of_day(),
        attendant: None,
        reason: None,
        department: None,
        priority,
    }
}

const DESK: &str = "
WHILE TRUE
  HEAR words
  SELECT CASE words
    CASE \"next\"
      x = NEXT IN QUEUE
      IF x.success THEN TALK \"took \" + x.session_id + \" for \" + x.reason ELSE TALK x.code
    CASE \"queue\"
      x = GET QUEUE
      TALK x.count
    CASE \"people\"
      x = GET ATTENDANTS WITH STATUS \"away\"
      TALK x.count
    CASE \"tell\"
      x = NOTIFY AGENT \"ana\", \"a regular\"
      y = NOTIFY AGENT \"nobody\", \"x\"
      TALK x.attendant_name & y.code
    CASE \"away\"
      SET ATTENDANT STATUS \"ana\" TO \"away\"
      TALK \"set\"
    CASE ELSE
      TAG CONVERSATION words WITH \"refund\"
      SET PRIORITY words TO \"urgent\"
      ADD NOTE \"called back\" TO words
      ASSIGN CONVERSATION words TO \"ana\"
      x = RESOLVE CONVERSATION words WITH \"done\"
      TALK x.success
  END SELECT
WEND
";

#[tokio::test]
async fn the_desk_is_worked_at_from_a_script() {
    let world = World::new().await;
    let desk = Arc::new(Waiting::default());
    let process = world.process_at(desk.clone()).await;
    let bot = world.bot(&process, DESK).await;
    process.dialogues().set_attendants(bot, vec![ana()]);
    let (first, second) = (
        world.visitor(&process, bot).await,
        world.visitor(&process, bot).await,
    );
    let mut waiting = Vec::new();
    for (visitor, priority) in [(&first, Priority::Normal), (&second, Priority::Urgent)] {
        let id = say(&process, visitor, "queue").await.conversation_id;
        // Before that it would be left to people.
        world.hears(&vec!["0"; waiting.len() + 1]).await;
        let waits = NewControl {
            reason: Some("a refund for Maria".to_owned()),
            ..to(Control::WaitingForHuman)
        };
        process
            .control_conversation(&world.context(), id, waits, start_of_day())
            .await
            .expect("it is open");
        waiting.push(queued(visitor, id, priority));
    }
    *desk.0.lock().expect("whole") = waiting;
    let ana = world.visitor(&process, bot).await;
    for words in ["queue", "next", "next", "next", "away", "people", "tell"] {
        say(&process, &ana, words).await;
    }
    let (first_id, second_id) = (first.session_id.to_string(), second.session_id.to_string());
    let (took_first, took_second) = (
        format!("took {first_id} for a refund for Maria"),
        format!("took {second_id} for a refund for Maria"),
    );
    // The urgent one comes first; the third finds that both are taken, though the queue is behind.
    let mut expected = vec![
        "0",
        "0",
        "2",
        &took_second,
        &took_first,
        "queue_empty",
        "set",
        "1",
        "Ana Silvaattendant_not_found",
    ];
    world.hears(&expected).await;
    say(&process, &ana, &first_id).await;
    let resolved = basic::Value::Bool(true).to_string();
    expected.push(&resolved);
    world.hears(&expected).await;
    let mut said = Vec::new();
    for fact in world.facts().await {
        match fact {
            Fact::Conversation(_, ConversationEvent::Tagged { tag, .. }) => said.push(tag),
            Fact::Conversation(_, ConversationEvent::PrioritySet { priority, .. }) => {
                said.push(priority.as_str().to_owned());
            }
            Fact::Conversation(_, ConversationEvent::Noted(note)) => {
                said.push(note.text.clear().expect("clear").clone());
            }
            _ => {}
        }
    }
    assert_eq!(said, ["@Ana Silva: a regular", "refund", "urgent", "called back"]);
    // What a conversation waits for is told to scripts, and kept nowhere in the clear; nor is who was named.
    assert!(!world.stores("for Maria").await);
    assert!(!world.stores("Ana Silva").await);
    let last = world.controls().await.pop().expect("resolved");
    assert_eq!(last.control, Control::Bot);
}
