//! `inference-worker key`: a new key, shown this once.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};

use crate::settings::{NAMES, is_name};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Names the client in the configuration and in logs
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// Whether the key may load and unload models
    #[arg(long)]
    admin: bool,
}

/// As the configuration takes it.
fn name(text: &str) -> Result<String, String> {
    if !is_name(text) {
        return Err(format!("expected {NAMES}"));
    }
    Ok(text.to_owned())
}

impl Arguments {
    pub fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let mut random = [0; 32];
        OsRng.try_fill_bytes(&mut random)?;
        let key = format!("iw-{}", URL_SAFE_NO_PAD.encode(random));
        let digest = hex::encode(Sha256::digest(&key));
        writeln!(
            out,
            "The key, for the client, as Authorization: Bearer …; it is shown this once:\n"
        )?;
        writeln!(out, "  {key}\n")?;
        writeln!(out, "For the configuration file; then send the worker SIGHUP:\n")?;
        writeln!(out, "[[keys]]\nname = \"{}\"\nsha256 = \"{digest}\"", self.name)?;
        if self.admin {
            writeln!(out, "admin = true")?;
        }
        Ok(())
    }
}
