//! Who answers in a conversation.

use chrono::TimeDelta;
use commands::RefusalKind::{Conflict, Invalid, NotFound};
use commands::{ConversationCommand, NewControl};
use domain::conversation::{
    ChangedBy, Control, ControlChange, Conversation, ConversationEnd, ConversationEvent, Priority,
};
use domain::{BotId, ReplyId, SessionId, UserId};

use super::{at, given, nothing, one, refused};

const BY: ChangedBy = ChangedBy::Server;

fn started() -> ConversationEvent {
    ConversationEvent::Started {
        session_id: SessionId::default(),
        bot_id: BotId::default(),
        user_id: UserId::default(),
        started_at: at(0),
    }
}

fn to(control: Control) -> NewControl {
    NewControl {
        control,
        ..NewControl::default()
    }
}

fn change(to: NewControl) -> ConversationCommand {
    ConversationCommand::Control {
        to,
        by: BY,
        at: at(1),
    }
}

fn answer(attendant: &str) -> ConversationCommand {
    ConversationCommand::Answer {
        reply_id: ReplyId::default(),
        text: "Hello".to_owned(),
        attendant: attendant.to_owned(),
        by: BY,
        at: at(2),
    }
}

fn take(attendant: &str) -> ConversationCommand {
    ConversationCommand::Take {
        attendant: attendant.to_owned(),
        by: BY,
        at: at(2),
    }
}

/// A conversation after these commands, each of which is allowed.
fn after(commands: impl IntoIterator<Item = ConversationCommand>) -> Conversation {
    use commands::Decide;
    use domain::Aggregate;
    let mut state = given::<Conversation>([started()]);
    for command in commands {
        for event in state.decide(command).expect("it is allowed") {
            state.apply(&event);
        }
    }
    state
}

fn changed(event: ConversationEvent) -> ControlChange {
    match event {
        ConversationEvent::ControlChanged(change) => change,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_holds_already_changes_nothing() {
    nothing(&after([]), change(to(Control::Bot)));
    let waits = NewControl {
        reason: Some("a refund".to_owned()),
        priority: Some(Priority::High),
        ..to(Control::WaitingForHuman)
    };
    let waiting = after([change(waits.clone())]);
    nothing(&waiting, change(waits));
    let again = changed(one(&waiting, change(to(Control::WaitingForHuman))));
    assert_eq!(again.priority, Priority::High, "how urgent it is stays known");
}

#[test]
fn nobody_answers_instead_of_a_bot_that_answers() {
    assert_eq!(
        refused(&after([]), answer("Ana")),
        (Conflict, "conversation_with_bot")
    );
}

#[test]
fn who_answers_takes_the_conversation_over() {
    use commands::Decide;
    let waiting = after([change(NewControl {
        department: Some("Sales".to_owned()),
        ..to(Control::WaitingForHuman)
    })]);
    let events = waiting.decide(answer("Ana")).expect("it waits");
    let [
        ConversationEvent::ControlChanged(change),
        ConversationEvent::ReplyProduced(reply),
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        (change.control, change.department.as_deref()),
        (Control::Human, Some("sales"))
    );
    let named =
        |name: &Option<domain::Personal<String>>| name.as_ref().and_then(|name| name.clear().cloned());
    assert_eq!(named(&change.attendant), Some("Ana".to_owned()));
    assert_eq!(named(&reply.attendant), Some("Ana".to_owned()));
    let answered = after([super::control::change(to(Control::Human)), answer("Ana")]);
    assert_eq!(answered.decide(answer("Ana")).expect("she goes on").len(), 1);
}

#[test]
fn a_conversation_is_taken_by_one() {
    let waiting = after([change(to(Control::WaitingForHuman))]);
    assert_eq!(
        changed(one(&waiting, take("Ana"))).control,
        Control::WaitingForHuman
    );
    let taken = after([change(to(Control::WaitingForHuman)), take("Ana")]);
    for name in ["Ana", "Ben"] {
        assert_eq!(
            refused(&taken, take(name)),
            (Conflict, "conversation_not_waiting")
        );
    }
    assert_eq!(
        refused(&after([]), take("Ana")),
        (Conflict, "conversation_not_waiting")
    );
}

#[test]
fn only_what_the_bot_answers_ends_by_resting() {
    let expire = || ConversationCommand::Expire {
        idle: TimeDelta::minutes(30),
        at: at(31),
    };
    for control in [Control::WaitingForHuman, Control::Human, Control::Paused] {
        nothing(&after([change(to(control))]), expire());
    }
    let back = after([change(to(Control::Human)), change(to(Control::Bot))]);
    one(&back, expire());
}

#[test]
fn what_is_said_of_a_conversation_has_limits() {
    let long = "x".repeat(5_000);
    let tag = |tag: &str| ConversationCommand::Tag {
        tag: tag.to_owned(),
        by: BY,
    };
    let note = |text: &str| ConversationCommand::AddNote {
        text: text.to_owned(),
        by: BY,
        at: at(1),
    };
    let open = after([]);
    assert_eq!(refused(&open, tag("ana@example.org")), (Invalid, "label_invalid"));
    assert_eq!(refused(&open, note("")), (Invalid, "note_invalid"));
    assert_eq!(refused(&open, note(&long)), (Invalid, "note_invalid"));
    let reason = NewControl {
        reason: Some(long),
        ..to(Control::Human)
    };
    assert_eq!(refused(&open, change(reason)), (Invalid, "reason_invalid"));
    let named = NewControl {
        attendant: Some("Ana\nSilva".to_owned()),
        ..to(Control::Human)
    };
    assert_eq!(refused(&open, change(named)), (Invalid, "attendant_name_invalid"));
    nothing(&after([tag("Refund")]), tag("refund "));
    let tagged = after((0..20).map(|number| tag(&number.to_string())));
    assert_eq!(refused(&tagged, tag("more")), (Conflict, "too_many_tags"));
    let noted = after((0..100).map(|_| note("called")));
    assert_eq!(refused(&noted, note("again")), (Conflict, "too_many_notes"));
}

#[test]
fn an_ended_conversation_is_nobodys() {
    let over = given::<Conversation>([
        started(),
        ConversationEvent::Ended {
            session_id: SessionId::default(),
            reason: ConversationEnd::Requested,
        },
    ]);
    for command in [change(to(Control::Human)), answer("Ana"), take("Ana")] {
        assert_eq!(refused(&over, command), (Conflict, "conversation_ended"));
    }
    let never = given::<Conversation>([]);
    assert_eq!(
        refused(&never, change(to(Control::Human))),
        (NotFound, "conversation_not_found")
    );
}
