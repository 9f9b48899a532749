//! READ, WRITE, LIST and their like: the files of the bot's drive, and what people sent.
//!
//! A word is answered from the drive as it is, or says what is to change in it. A change commits together with the record
//! of what the run was answered, so that a repetition neither changes anything twice nor passes over it.

mod archives;
mod content;
mod made;
mod path;
mod read;
mod sent;
mod tables;
mod write;

use std::sync::Arc;

use basic::{Answer, Refusal, Request, Value};
use domain::Aggregate as _;
use domain::drive::Drive;
use event_log::Outcome;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Host, answer, text};
use crate::decide::Refusal as _;
use crate::drive::{DriveCommand, DriveError};
use crate::executor::append_command;
use crate::{BlobError, CommandError, Decide};

pub(crate) use content::{drive_prefix, replaced};
pub(super) use path::knows;
pub(super) use sent::reply;

/// How often a change is made anew because somebody else's came first.
const ATTEMPTS_MAX: u32 = 8;

/// Words whose files are in memory at the same time; each may take some hundred MiB meanwhile.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// Room for the files of one word: it comes before their bytes and goes with them.
#[derive(Clone)]
struct Room(#[expect(dead_code, reason = "it is held")] Arc<SemaphorePermit<'static>>);

impl Room {
    async fn wait() -> Handled<Room> {
        let permit = AT_ONCE.acquire().await.map_err(CommandError::unexpected)?;
        Ok(Room(Arc::new(permit)))
    }
}

/// What a word comes to.
enum Done {
    Answer(Value),
    /// Files are written, and the script is answered this once they are.
    Write(Vec<content::Unkept>, Value),
    /// The drive changes, and the script is answered this once it has.
    Change(DriveCommand, Value),
    /// Somebody else has answered and noted it.
    Noted(Answer),
    /// It is a matter of somebody else.
    Elsewhere,
}

/// Why a word comes to nothing.
enum Trouble {
    Refused(Refusal),
    /// The content of this key is not there. The file may have been written anew meanwhile.
    Lost(String),
    Failed(CommandError),
}

type Handled<T> = Result<T, Trouble>;

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Trouble {
        Trouble::Refused(refusal)
    }
}

impl From<DriveError> for Trouble {
    fn from(error: DriveError) -> Trouble {
        Trouble::Refused(refused(&error))
    }
}

impl From<CommandError> for Trouble {
    fn from(error: CommandError) -> Trouble {
        Trouble::Failed(error)
    }
}

impl From<BlobError> for Trouble {
    fn from(error: BlobError) -> Trouble {
        Trouble::Failed(error.into())
    }
}

fn refused(error: &DriveError) -> Refusal {
    Refusal::mistake(error.code(), error.to_string())
}

impl Host<'_> {
    /// Answers a word that is about files; None where it is a matter of somebody else.
    pub(super) async fn ask_files(&mut self, request: &Request) -> Result<Option<Answer>, CommandError> {
        let answered = match self.files_answered(request).await {
            Ok(Some(Ok(answer))) => return Ok(Some(answer)),
            Ok(Some(Err(refusal))) => Err(refusal),
            Ok(None) => return Ok(None),
            Err(Trouble::Refused(refusal)) => Err(refusal),
            Err(Trouble::Lost(_)) => Err(Refusal::new("file_lost", "the content of the file is lost")),
            Err(Trouble::Failed(error)) => return Err(error),
        };
        Ok(Some(self.note(answer(answered))))
    }

    /// The answer, noted where it is to be; or the refusal.
    async fn files_answered(&mut self, request: &Request) -> Handled<Option<Result<Answer, Refusal>>> {
        // What comes from elsewhere is fetched before anybody waits for the drive.
        let fetched = self.fetched(request).await?;
        let drive = self.start.bot_id;
        // Of those that change the same drive in this process one does at a time; the log decides between processes.
        let _turn = match path::changes(request) {
            true => Some(self.shared.drive_turn(drive).await),
            false => None,
        };
        let mut lost = None;
        for _ in 0..ATTEMPTS_MAX {
            let known = self
                .shared
                .executor
                .load_newest::<Drive>(self.context.tenant, drive)
                .await?;
            let done = match self.done(request, &known.state, fetched.as_ref()).await {
                Err(Trouble::Lost(key)) if lost.as_ref() != Some(&key) => {
                    lost = Some(key);
                    continue;
                }
                done => done?,
            };
            let (command, value) = match done {
                Done::Elsewhere => return Ok(None),
                Done::Noted(answer) => return Ok(Some(Ok(answer))),
                Done::Answer(value) => return Ok(Some(Ok(self.note(Answer::Value(value))))),
                Done::Change(command, value) => (command, value),
                Done::Write(files, value) => (self.keep(&known.state, files).await?, value),
            };
            let contents = command.contents();
            let events = known.state.decide(command)?;
            if events.is_empty() {
                return Ok(Some(Ok(self.note(Answer::Value(value)))));
            }
            if let Some(answer) = self.change_drive(&known, &events, value).await? {
                return Ok(Some(Ok(answer)));
            }
            // Somebody else's change came first.
            self.shared.forget_unnamed(&known.state, contents).await;
        }
        Err(CommandError::Contended.into())
    }

    async fn done(
        &mut self,
        request: &Request,
        drive: &Drive,
        fetched: Option<&content::Fetched>,
    ) -> Handled<Done> {
        match request.word {
            "READ" => self.read(request, drive).await,
            "GET" => self.get_file(request, drive).await,
            "LIST" => read::list(request, drive),
            "IMPORT" => self.import(request, drive).await,
            "WRITE" | "CREATE FILE" | "EXPORT" => self.write(request, drive).await,
            "COPY" | "MOVE" => self.moved(request),
            "DELETE FILE" => self.delete(&path::file(request.argument(0))?),
            "DELETE" if !path::has_condition(request) => self.delete(&path::file(request.argument(0))?),
            "UPLOAD" => self.upload(request, drive, fetched).await,
            "DOWNLOAD" => self.download(request, drive, fetched).await,
            "COMPRESS" => self.compress(request, drive).await,
            "EXTRACT" => self.extract(request, drive).await,
            "GENERATE PDF" => self.generate(request, drive).await,
            "MERGE PDF" => self.merge_pdf(request, drive).await,
            "FILL FILE" => self.fill(request, drive).await,
            "SEND FILE" => self.send_file(request, drive).await,
            _ => self.file_table(request, drive).await,
        }
    }

    /// Commits a change of the drive with the record of what the run was answered; None where somebody else's change came
    /// first.
    async fn change_drive(
        &mut self,
        known: &crate::Versioned<Drive>,
        events: &[domain::drive::DriveEvent],
        value: Value,
    ) -> Result<Option<Answer>, CommandError> {
        let id = self.start.bot_id.to_string();
        let opened = self
            .shared
            .tables
            .open(self.context.tenant, self.start.bot_id)
            .await?;
        let mut transaction = opened.transaction;
        let append = append_command::<Drive>(
            &self.context,
            &id,
            Some(known.version),
            id.clone(),
            events,
            serde_json::Value::Null,
        )?;
        let log = self.shared.executor.log();
        let Outcome::Stored(stored) = log.append_in(&mut transaction, append).await? else {
            return Ok(None);
        };
        let answer = Answer::Value(value);
        self.unrecorded.push(answer.clone());
        let recording = self.recording(None).await?;
        let append = self.append(&recording)?;
        let outcome = log.append_in(&mut transaction, append).await?;
        if !matches!(outcome, Outcome::Stored(_)) {
            return Err(CommandError::Contended);
        }
        event_log::crash_point("before-data-commit");
        transaction.commit().await.map_err(CommandError::unexpected)?;
        event_log::crash_point("after-data-commit");
        log.wake().notify_one();
        self.recorded(&outcome)?;
        self.shared
            .executor
            .update_memory::<Drive>(self.context.tenant, &id, events, stored.last_sequence);
        let mut after = known.state.clone();
        events.iter().for_each(|event| after.apply(event));
        let replaced = content::replaced(&known.state, events);
        self.shared.forget_unnamed(&after, replaced).await;
        Ok(Some(answer))
    }

    /// Does what takes a while where nobody waits for it, and not too much of it at once.
    async fn worked_on<T: Send + 'static>(
        &self,
        room: &Room,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Handled<T> {
        // Whoever waits may go away; what was begun goes on, and takes its room until it ends.
        let room = room.clone();
        let work = move || {
            let done = work();
            drop(room);
            done
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Refusal::new("document_unreadable", "the file cannot be worked on").into()),
        }
    }
}
