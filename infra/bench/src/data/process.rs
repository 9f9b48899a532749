//! A process that runs scripts, with a log, and a clock that scripts ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_trait::async_trait;
use basic::{Refusal, Request, Value};
use blobs::Files;
use commands::{
    Asking, BotCommand, Commands, Context, Credential, Denials, DialogueOptions, Dialogues, DriveOptions,
    Executor, Extent, NewTurn, NoDesk, PackageFiles, Plan, Programs, Recovery, Runners, Services, Tables,
    VisitorSession, assemble,
};
use domain::bot::{Bot, Package};
use domain::{BotId, OrganisationId};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

use super::in_milliseconds;
use crate::stage::Stage;

/// Longer than any statement may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(120);

pub struct Process {
    pub owner: PgPool,
    /// As the application role, as the product has it.
    pub app: PgPool,
    tenant: OrganisationId,
    bot: BotId,
    commands: Commands,
    visitor: VisitorSession,
    /// When the script asked for the time.
    asked: Mutex<mpsc::UnboundedReceiver<Instant>>,
    stage: Stage,
    _blobs: tempfile::TempDir,
}

impl Process {
    /// A bot that is this script, and somebody to whom it talks.
    pub async fn start(script: &str) -> anyhow::Result<Process> {
        let stage = Stage::empty().await?;
        let app = PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(stage.cluster.connect_options("botserver_app"));
        let lease_epoch = Recovery::take_lease(&stage.pool("botserver_projector", 2)).await?;
        let (clock, asked) = mpsc::unbounded_channel();
        let executor = Executor::new(stage.log.clone());
        let blobs = tempfile::tempdir()?;
        let programs = Programs::new(app.clone());
        let dialogues = Dialogues::new(
            executor.clone(),
            programs.clone(),
            Tables::new(app.clone()),
            Arc::new(Files::open(blobs.path())?),
            DialogueOptions {
                idle: chrono::TimeDelta::hours(8),
                message_bytes_max: 1024,
                script: basic::Limits::default(),
                script_time_max: ANSWERED_WITHIN,
                runners: Runners::alone(lease_epoch),
                services: Arc::new(Clock(clock)),
                desk: Arc::new(NoDesk),
                drive: DriveOptions {
                    bytes_max: 0,
                    pdf: None,
                },
            },
        );
        let tenant = OrganisationId(Uuid::now_v7());
        let context = Context::system(tenant, "bench");
        let commands = Commands::new(executor.clone(), dialogues, Arc::new(Denials::default()));
        let bot = commands.create_bot(&context, "measured").await?.bot_id;
        let files = PackageFiles {
            scripts: BTreeMap::from([("start".to_owned(), script.as_bytes().to_vec())]),
            ..PackageFiles::default()
        };
        let assembled = assemble("measured", &Package::default(), &files);
        let findings = &assembled.package.scripts["start"].findings;
        anyhow::ensure!(findings.is_empty(), "{findings:?}");
        let declared: Vec<basic::Table> = assembled
            .programs
            .iter()
            .flat_map(|(program, _)| program.declared().tables.clone())
            .collect();
        let load = BotCommand::LoadPackage(Box::new(assembled.package));
        executor
            .execute::<Bot>(&context, bot, load, serde_json::Value::Null)
            .await?;
        commands
            .dialogues()
            .tables()
            .declare(tenant, bot, &declared, Extent::Additive)
            .await?;
        programs.store(tenant, assembled.programs).await?;
        let started = commands.admit_visitor(tenant, bot, chrono::Utc::now()).await?;
        let credential: Credential = started.credential.context("a new visitor")?.parse()?;
        let visitor = commands.authenticate_session(tenant, &credential).await?;
        Ok(Process {
            owner: stage.owner.clone(),
            app,
            tenant,
            bot,
            commands,
            visitor,
            asked: Mutex::new(asked),
            stage,
            _blobs: blobs,
        })
    }

    pub fn tenant(&self) -> String {
        self.tenant.to_string()
    }

    /// A table of the bot, as SQL names it.
    pub fn path(&self, table: &str) -> String {
        format!("bot_{}.{table}", self.bot.0.simple())
    }

    /// One connection that says once whose rows it sees.
    pub async fn bare(&self) -> anyhow::Result<PgPool> {
        let options = self.stage.cluster.connect_options("botserver_app");
        let options = options.options([("app.tenant", self.tenant())]);
        Ok(PgPoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .connect_with(options)
            .await?)
    }

    /// Says something, and tells how many milliseconds passed between the script's two looks at the clock.
    pub async fn time(&self, text: &str) -> anyhow::Result<f64> {
        let mut asked = self.asked.lock().await;
        let turn = NewTurn {
            content: text.to_owned(),
            files: Vec::new(),
            invokes: None,
            message_id: None,
        };
        self.commands
            .receive_turn(&self.visitor, turn, chrono::Utc::now())
            .await?;
        let mut next = async || {
            let at = tokio::time::timeout(ANSWERED_WITHIN, asked.recv()).await?;
            at.context("the script has ended")
        };
        let begun = next().await?;
        let ended = next().await?;
        Ok(in_milliseconds(ended - begun))
    }
}

/// Answers every question by looking at the clock.
#[derive(Debug)]
struct Clock(mpsc::UnboundedSender<Instant>);

#[async_trait]
impl Services for Clock {
    fn plan(&self, _: &Request) -> Plan {
        Plan::Reads
    }

    async fn ask(&self, _: &Asking, _: &Request) -> Result<Value, Refusal> {
        // Nobody listens any more when the run ends.
        let _ = self.0.send(Instant::now());
        Ok(Value::Null)
    }
}
