//! Histories: a small one told by hand, and random ones, the same for the same seed.

use chrono::{DateTime, TimeDelta, Utc};
use domain::bot::{BotEvent, FileFinding, Finding, Package, Profile, Script, Severity};
use domain::conversation::{ChangedBy, ConversationEnd, ConversationEvent, Note, Reply, ReplyContent, Turn};
use domain::file::{AttachedFile, FileEvent, Upload};
use domain::organisation::OrganisationEvent;
use domain::run::{RunEvent, RunOutcome, RunStart, StoredRun, Suspension};
use domain::session::{Channel, SessionEnd, SessionEvent};
use domain::user::UserEvent;
use domain::{BlobReference, BotId, ConversationId, FileId, Personal, ReplyId, SessionId, TurnId, UserId};
use event_log::Token;
use uuid::Uuid;

use crate::fixture::Fixture;

/// Who is who in a history.
#[derive(Debug, Clone, Copy)]
pub struct Cast {
    pub tenant: Uuid,
    pub bot: BotId,
    pub user: UserId,
    pub session: SessionId,
    pub conversation: ConversationId,
    pub file: FileId,
    pub run: Uuid,
}

impl Cast {
    pub fn new() -> Self {
        Self {
            tenant: Uuid::now_v7(),
            bot: BotId(Uuid::now_v7()),
            user: UserId(Uuid::now_v7()),
            session: SessionId(Uuid::now_v7()),
            conversation: ConversationId(Uuid::now_v7()),
            file: FileId(Uuid::now_v7()),
            run: Uuid::now_v7(),
        }
    }

    /// Another conversation of the same session.
    pub fn anew(self) -> Self {
        Self {
            conversation: ConversationId(Uuid::now_v7()),
            run: Uuid::now_v7(),
            ..self
        }
    }

    pub fn turn(&self, text: &str) -> (TurnId, ConversationEvent) {
        let turn_id = TurnId(Uuid::now_v7());
        let turn = Turn {
            turn_id,
            session_id: self.session,
            message_id: Some(Uuid::now_v7()),
            content: Personal::conversation(self.user, text.to_owned()),
            files: None,
            invokes: None,
            received_at: now(),
        };
        (turn_id, ConversationEvent::TurnReceived(turn))
    }

    /// A turn with the file.
    pub fn turn_with_file(&self, text: &str) -> (TurnId, ConversationEvent) {
        let (turn_id, received) = self.turn(text);
        let ConversationEvent::TurnReceived(turn) = received else {
            panic!("it is a turn");
        };
        let file = AttachedFile {
            file_id: self.file,
            name: "my secret list.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            bytes: 5,
        };
        let files = Some(Personal::conversation(self.user, vec![file]));
        (turn_id, ConversationEvent::TurnReceived(Turn { files, ..turn }))
    }

    pub fn uploaded(&self) -> FileEvent {
        let content = BlobReference {
            key: "a/files/1/2".to_owned(),
            secret: String::new(),
            bytes: 5,
        };
        FileEvent::Uploaded(Upload {
            session_id: self.session,
            bot_id: self.bot,
            user_id: self.user,
            name: Personal::conversation(self.user, "my secret list.txt".to_owned()),
            media_type: "text/plain".to_owned(),
            bytes: 5,
            content: Personal::conversation(self.user, content),
            uploaded_at: now(),
        })
    }

    pub fn reply(&self, in_reply_to: Option<TurnId>, text: &str) -> Reply {
        let content = ReplyContent {
            text: text.to_owned(),
            ..ReplyContent::default()
        };
        Reply {
            reply_id: ReplyId(Uuid::now_v7()),
            session_id: self.session,
            in_reply_to,
            content: Personal::conversation(self.user, content),
            attendant: None,
            produced_at: now(),
        }
    }

    pub fn run_started(&self) -> RunEvent {
        RunEvent::Started(RunStart {
            scripts: std::collections::BTreeMap::new(),
            bot_id: self.bot,
            session_id: self.session,
            conversation_id: self.conversation,
            user_id: self.user,
            script: "start".to_owned(),
            program: "ab".repeat(32),
            invoked: false,
            seed: 1,
            started_at: now(),
        })
    }

    pub fn suspended(&self, turn_id: Option<TurnId>) -> RunEvent {
        let state = StoredRun {
            blob: None,
            machine: "c3RhdGU".to_owned(),
            suggestions: Vec::new(),
        };
        RunEvent::Suspended(Suspension {
            pause: None,
            session_id: self.session,
            turn_id,
            waits_for: "text".to_owned(),
            state: Personal::conversation(self.user, state),
            steps: 21,
            suspended_at: now(),
        })
    }

    pub fn failed(&self, turn_id: TurnId, message: &str) -> RunEvent {
        let message = Personal::conversation(self.user, message.to_owned());
        RunEvent::Ended {
            session_id: self.session,
            conversation_id: self.conversation,
            turn_id: Some(turn_id),
            outcome: RunOutcome::Failed {
                code: "R7".to_owned(),
                message,
                line: 3,
                column: 9,
            },
            ended_at: now(),
            returned: None,
        }
    }
}

/// Whole microseconds, which is what a column keeps.
fn now() -> DateTime<Utc> {
    let now = Utc::now();
    now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos() % 1_000))
}

pub fn package() -> Package {
    let finding = Finding {
        code: "E1".to_owned(),
        severity: Severity::Error,
        message: "then is missing".to_owned(),
        line: 2,
        column: 5,
        help: None,
    };
    let script = Script {
        source: "cd".repeat(32),
        program: None,
        findings: vec![finding.clone()],
    };
    Package {
        digest: "ef".repeat(32),
        scripts: [("start".to_owned(), script)].into(),
        profile: Profile {
            title: "Shop".to_owned(),
            ..Profile::default()
        },
        findings: vec![FileFinding {
            file: "shop.gbot/config.csv".to_owned(),
            finding,
        }],
    }
}

impl Fixture {
    pub async fn organisation(&self, cast: &Cast, name: &str) -> Token {
        let event = OrganisationEvent::Created {
            name: name.to_owned(),
        };
        self.append(cast.tenant, "organisation", cast.tenant, cast.tenant, &[event])
            .await
    }

    pub async fn bot(&self, cast: &Cast, events: &[BotEvent]) -> Token {
        self.append(cast.tenant, "bot", cast.bot.0, cast.bot.0, events)
            .await
    }

    pub async fn session(&self, cast: &Cast, events: &[SessionEvent]) -> Token {
        self.append(cast.tenant, "session", cast.session.0, cast.session.0, events)
            .await
    }

    pub async fn session_started(&self, cast: &Cast) -> Token {
        let event = SessionEvent::Started {
            bot_id: cast.bot,
            user_id: cast.user,
            channel: Channel::Web,
            address: None,
            secret_hash: None,
            started_at: now(),
        };
        self.session(cast, &[event]).await
    }

    pub async fn conversation(&self, cast: &Cast, events: &[ConversationEvent]) -> Token {
        self.append(
            cast.tenant,
            "conversation",
            cast.conversation.0,
            cast.conversation.0,
            events,
        )
        .await
    }

    pub async fn conversation_started(&self, cast: &Cast) -> Token {
        let event = ConversationEvent::Started {
            session_id: cast.session,
            bot_id: cast.bot,
            user_id: cast.user,
            started_at: now(),
            trigger: None,
        };
        self.conversation(cast, &[event]).await
    }

    pub async fn file(&self, cast: &Cast, events: &[FileEvent]) -> Token {
        self.append(cast.tenant, "file", cast.file.0, cast.file.0, events)
            .await
    }

    pub async fn run(&self, cast: &Cast, events: &[RunEvent]) -> Token {
        self.append(cast.tenant, "run", cast.run, cast.conversation.0, events)
            .await
    }

    /// A bot with a package; a session with one conversation; a script that greets, hears, answers and breaks.
    pub async fn told(&self, cast: &Cast) -> Token {
        self.organisation(cast, "Acme").await;
        let registered = UserEvent::Registered {
            login: Personal::identity(cast.user, "ann".to_owned()),
            name: Personal::identity(cast.user, "Ann".to_owned()),
        };
        self.append(
            cast.tenant,
            "user",
            cast.user.0,
            cast.user.0,
            &[UserEvent::Admitted {}, registered],
        )
        .await;
        let created = BotEvent::Created {
            name: "shop".to_owned(),
        };
        self.bot(cast, &[created, BotEvent::PackageLoaded(Box::new(package()))])
            .await;
        self.session_started(cast).await;
        self.conversation_started(cast).await;
        let greeting = RunEvent::ReplyProduced(cast.reply(None, "Welcome"));
        self.run(cast, &[cast.run_started(), greeting, cast.suspended(None)])
            .await;
        self.file(cast, &[cast.uploaded()]).await;
        let (turn, received) = cast.turn_with_file("my secret wish");
        let session_id = cast.session;
        let attached = FileEvent::Attached {
            session_id,
            turn_id: turn,
        };
        self.file(cast, &[attached]).await;
        self.conversation(cast, &[received]).await;
        let answer = RunEvent::ReplyProduced(cast.reply(Some(turn), "Noted"));
        self.run(cast, &[answer, cast.failed(turn, "cannot divide my secret wish")])
            .await;
        let reason = ConversationEnd::Requested;
        let ended = ConversationEvent::Ended {
            session_id: cast.session,
            reason,
        };
        let noted = ConversationEvent::Noted(Note {
            session_id: cast.session,
            by: ChangedBy::Server,
            text: Personal::conversation(cast.user, "my secret wish again".to_owned()),
            noted_at: now(),
        });
        self.conversation(cast, &[noted, ended]).await;
        self.session(
            cast,
            &[SessionEvent::Ended {
                reason: SessionEnd::Requested,
            }],
        )
        .await
    }

    /// So many random steps over a few conversations that begin, go on and end in any order.
    pub async fn random(&self, seed: u64, steps: usize) {
        let mut dice = Dice(seed);
        let cast = Cast::new();
        self.organisation(&cast, "Acme").await;
        self.bot(
            &cast,
            &[BotEvent::Created {
                name: "shop".to_owned(),
            }],
        )
        .await;
        self.session_started(&cast).await;
        let mut casts = Vec::new();
        for _ in 0..steps {
            if casts.is_empty() || dice.roll(6) == 0 {
                let cast = cast.anew();
                self.conversation_started(&cast).await;
                self.run(&cast, &[cast.run_started()]).await;
                casts.push(cast);
                continue;
            }
            let cast = casts[dice.roll(casts.len())];
            let (turn, received) = cast.turn("hello");
            match dice.roll(5) {
                0 => self.conversation(&cast, &[received]).await,
                1 => {
                    self.run(&cast, &[RunEvent::ReplyProduced(cast.reply(None, "hi"))])
                        .await
                }
                2 => {
                    self.run(&cast, &[cast.suspended(None), cast.failed(turn, "broke")])
                        .await
                }
                3 => {
                    let said = ConversationEvent::ReplyProduced(cast.reply(Some(turn), "hi"));
                    self.conversation(&cast, &[received, said]).await
                }
                _ => {
                    self.bot(&cast, &[BotEvent::Paused {}, BotEvent::Resumed {}])
                        .await
                }
            };
        }
    }
}

/// Random numbers that repeat: a linear congruential generator.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % sides
    }
}
