//! What every script finds set: who talks, where, with which bot, and the parameters of its package.

use basic::Value;
use domain::OrganisationId;
use domain::bot::Bot;
use domain::run::RunStart;
use domain::session::Session;
use domain::user::User;
use serde_json::json;

use super::Shared;
use crate::CommandError;

impl Shared {
    /// The variables of a script of this run that starts now.
    pub(crate) async fn variables(
        &self,
        tenant: OrganisationId,
        start: &RunStart,
    ) -> Result<Vec<(String, Value)>, CommandError> {
        let bot = self.executor.load::<Bot>(tenant, start.bot_id).await?.state;
        // Memory may hold the name of somebody who was erased since.
        let user = self
            .executor
            .load_fresh::<User>(tenant, start.user_id)
            .await?
            .state;
        let session = self
            .executor
            .load::<Session>(tenant, start.session_id)
            .await?
            .state;
        let bot_name = bot.mounted().map(|bot| bot.name.clone()).unwrap_or_default();
        // Empty for a visitor, who has told nobody.
        let user_name = match &user {
            User::Member { name, .. } => name.clear().cloned().unwrap_or_default(),
            User::Absent | User::Visitor | User::Erased => String::new(),
        };
        let channel = match &session {
            Session::Open(open) => open.channel.as_str(),
            Session::Absent | Session::Ended => "web",
        };
        let (session_id, user_id, bot_id) = (
            start.session_id.to_string(),
            start.user_id.to_string(),
            start.bot_id.to_string(),
        );
        let provided = [
            ("user", json!({ "id": &user_id, "name": &user_name })),
            ("session", json!({ "id": &session_id, "channel": channel })),
            ("bot", json!({ "id": bot_id, "name": &bot_name })),
            ("username", json!(user_name)),
            // Who writes, as the channel knows them: on the web by nothing but their id.
            ("from", json!(&user_id)),
            ("mobile", json!("")),
            // Of administrators there is none among those who talk to a bot, as yet.
            ("role", json!("user")),
            ("session_id", json!(session_id)),
            ("user_id", json!(user_id)),
            ("bot_name", json!(bot_name)),
            ("channel", json!(channel)),
        ];
        let mut variables: Vec<(String, Value)> = provided
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from_json(value)))
            .collect();
        // What the platform sets counts more than a setting of the same name.
        let parameters = self.parameters(start.bot_id).into_iter();
        let free: Vec<_> = parameters
            .filter(|(name, _)| variables.iter().all(|(taken, _)| taken != name))
            .collect();
        variables.extend(free);
        // In which the machine speaks by itself: the package chooses it, as nobody says which is theirs.
        if variables.iter().all(|(taken, _)| taken != "language") {
            variables.push(("language".to_owned(), Value::from("en")));
        }
        Ok(variables)
    }
}
