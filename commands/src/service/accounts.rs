//! Organisations, and the people who have an account in one.

use domain::organisation::Organisation;
use domain::user::User;
use domain::{Permission, UserId};
use serde_json::Value;

use super::{Commands, Done};
use crate::context::CommandId;
use crate::{CommandError, Context, OrganisationCommand, UserCommand, UserError};

/// Somebody who has got an account.
#[derive(Debug, Clone)]
pub struct RegisteredUser {
    pub user_id: UserId,
    pub done: Done,
}

/// What an account is made of.
#[derive(Clone)]
pub struct NewAccount {
    /// Unique in its organisation, whatever its case.
    pub login: String,
    pub name: String,
}

impl Commands {
    /// Creates the organisation unless it exists.
    pub async fn found_organisation(&self, context: &Context, name: &str) -> Result<Done, CommandError> {
        let known = self
            .executor
            .load_fresh::<Organisation>(context.tenant, context.tenant)
            .await?;
        if known.version > 0 {
            return Ok(Done {
                token: None,
                repeated: true,
            });
        }
        let command = OrganisationCommand::Create {
            name: name.to_owned(),
        };
        self.run::<Organisation>(context, context.tenant.0, command, Value::Null)
            .await
    }

    /// Gives the caller's organisation another name.
    pub async fn rename_organisation(&self, context: &Context, name: String) -> Result<Done, CommandError> {
        context.actor.require(Permission::OrganisationRename)?;
        let command = OrganisationCommand::Rename { name };
        self.run::<Organisation>(context, context.tenant.0, command, Value::Null)
            .await
    }

    /// Gives an account to somebody new.
    pub async fn register_user(
        &self,
        context: &Context,
        account: NewAccount,
    ) -> Result<RegisteredUser, CommandError> {
        let user_id = UserId(context.derived_id("user"));
        let done = self.register(context, user_id, account).await?;
        Ok(RegisteredUser { user_id, done })
    }

    /// Gives an account to a visitor, who keeps what they said.
    pub async fn register_visitor(
        &self,
        context: &Context,
        user: UserId,
        account: NewAccount,
    ) -> Result<Done, CommandError> {
        context.actor.require(Permission::UserRegister)?;
        let known = self.executor.load_fresh::<User>(context.tenant, user).await?;
        if known.version == 0 {
            return Err(UserError::NotFound.into());
        }
        self.register(context, user, account).await
    }

    async fn register(
        &self,
        context: &Context,
        user: UserId,
        account: NewAccount,
    ) -> Result<Done, CommandError> {
        context.actor.require(Permission::UserRegister)?;
        let command = UserCommand::Register {
            user,
            login: account.login,
            name: account.name,
        };
        self.run::<User>(&self.keyed(context), user.0, command, Value::Null)
            .await
    }

    pub async fn rename_user(
        &self,
        context: &Context,
        user: UserId,
        name: String,
    ) -> Result<Done, CommandError> {
        context.actor.require(Permission::UserRename)?;
        let command = UserCommand::Rename { user, name };
        self.run::<User>(&self.keyed(context), user.0, command, Value::Null)
            .await
    }

    /// Switches an account off; its login stays taken.
    pub async fn deactivate_user(&self, context: &Context, user: UserId) -> Result<Done, CommandError> {
        context.actor.require(Permission::UserDeactivate)?;
        self.run::<User>(context, user.0, UserCommand::Deactivate, Value::Null)
            .await
    }

    /// Switches an account on again.
    pub async fn reactivate_user(&self, context: &Context, user: UserId) -> Result<Done, CommandError> {
        context.actor.require(Permission::UserDeactivate)?;
        self.run::<User>(context, user.0, UserCommand::Reactivate, Value::Null)
            .await
    }

    /// The same context for a command that says something personal: the digest in its receipt tells nobody what.
    fn keyed(&self, context: &Context) -> Context {
        let keyring = self.executor.log().keyring();
        let keyed = |command: CommandId| CommandId {
            digest: keyring.hash(context.tenant.0, "command", &hex::encode(command.digest)),
            ..command
        };
        Context {
            command: context.command.map(keyed),
            ..context.clone()
        }
    }
}
