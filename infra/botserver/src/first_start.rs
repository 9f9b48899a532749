//! What happens once: the organisation, the administrator's token, the sample bots.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::Utc;
use commands::{Commands, Context, NewToken};
use domain::{OrganisationId, Permission};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/samples"]
struct Samples;

/// Creates the organisation and, with it, the administrator's token. None when it existed before.
///
/// The token is shown to whoever started the server and kept nowhere; `botserver token issue` makes another.
pub async fn organisation(
    commands: &Commands,
    tenant: OrganisationId,
    name: &str,
) -> anyhow::Result<Option<String>> {
    let context = Context::system(tenant, "bootstrap");
    let founded = commands
        .found_organisation(&context, name)
        .await
        .context("the organisation cannot be created")?;
    if founded.repeated {
        return Ok(None);
    }
    let token = issue_token(commands, tenant, "administrator", Permission::ALL).await?;
    Ok(Some(token))
}

/// Issues a token with the rights of the server itself.
pub async fn issue_token(
    commands: &Commands,
    tenant: OrganisationId,
    name: &str,
    permissions: &[Permission],
) -> anyhow::Result<String> {
    let new = NewToken {
        name: name.to_owned(),
        permissions: permissions.iter().copied().collect(),
        expires_at: None,
    };
    let context = Context::system(tenant, "bootstrap");
    let issued = commands
        .issue_token(&context, new, Utc::now())
        .await
        .context("the token cannot be issued")?;
    issued.text.context("the token was issued before")
}

/// Makes the folder of packages and puts the samples there. A folder that exists is the author's: it stays as it is.
pub fn samples(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    for path in Samples::iter() {
        let target: PathBuf = folder.join(path.as_ref());
        let Some(file) = Samples::get(&path) else { continue };
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::write(&target, file.data).with_context(|| format!("cannot write {}", target.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
