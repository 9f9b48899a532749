//! What is configured: models and their memory, the port, keys, TLS.

use std::fs;
use std::net::{IpAddr, TcpListener, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tch::Cuda;

use super::{Fail, Finding, Warn, bad, ok};
use crate::cli::models::{memory, mib};
use crate::config::Config;
use crate::http::tls::Certificate;
use crate::model::Model;
use crate::settings::Precision;
use crate::torch::device::machine_memory;

pub(super) fn folders(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "model";
    if config.models.is_empty() {
        let mend = "name folders under [[models]]; `inference-worker config` shows how";
        return vec![bad(CHECK, Warn, "there are no models", mend)];
    }
    let mut findings = Vec::new();
    let mut bytes = 0;
    for settings in &config.models {
        let name = &settings.name;
        match Model::open(settings) {
            Ok(_) if settings.precision == Precision::Int8 && Cuda::is_available() => findings.push(bad(
                CHECK,
                Fail,
                format!("{name}: int8 is computed on the CPU only"),
                "set its precision to bfloat16, or engine.device = \"cpu\"",
            )),
            Ok(opened) => {
                let card = opened.model.card();
                bytes += card.bytes;
                findings.push(ok(
                    CHECK,
                    format!("{name}: {} for {}", card.architecture, mib(card.bytes)),
                ));
            }
            Err(error) => findings.push(bad(
                CHECK,
                Fail,
                format!("{name}: {error}"),
                format!(
                    "look into {}: docs/inference.md says what a folder must hold",
                    settings.folder.display()
                ),
            )),
        }
    }
    findings.push(weights(config, bytes));
    findings
}

fn weights(config: &Config, bytes: u64) -> Finding {
    const CHECK: &str = "memory";
    let budget = match memory(config) {
        Ok(budget) => budget,
        Err(error) => return bad(CHECK, Fail, error.to_string(), "see device above"),
    };
    let text = format!(
        "{} of weights, {} for them, {} in all",
        mib(bytes),
        mib(budget),
        mib(machine_memory())
    );
    if bytes > budget {
        bad(
            CHECK,
            Warn,
            text,
            "set engine.memory_mib higher, or load = \"demand\" for models that may take turns",
        )
    } else {
        ok(CHECK, text)
    }
}

pub(super) fn port(config: &Config) -> Finding {
    const CHECK: &str = "port";
    let (host, port) = (config.server.host.as_str(), config.server.port);
    let place = format!("port {port} of {host}");
    let mend = "stop what listens there, or set server.host and server.port";
    let address = match (host, port).to_socket_addrs().map(|mut found| found.next()) {
        Ok(Some(address)) => address,
        _ => {
            return bad(
                CHECK,
                Fail,
                format!("{host} is no address and no known name"),
                mend,
            );
        }
    };
    if let Err(error) = config.allow_address(address.ip()) {
        return bad(CHECK, Fail, error.to_string(), "see keys");
    }
    match TcpListener::bind(address) {
        Ok(_) => ok(CHECK, format!("{place} is free")),
        Err(error) => bad(
            CHECK,
            Fail,
            format!("{place} cannot be listened on ({error})"),
            mend,
        ),
    }
}

pub(super) fn keys(config: &Config) -> Finding {
    const CHECK: &str = "keys";
    let admins = config.keys.iter().filter(|key| key.admin).count();
    match config.keys.len() {
        0 if config.server.open => bad(
            CHECK,
            Warn,
            "everyone who reaches the port may do everything",
            "make keys by `inference-worker key`, unless the network keeps others out",
        ),
        0 => ok(CHECK, "none: only this machine may ask"),
        count => ok(
            CHECK,
            format!("{count}, of which {admins} may load and unload models"),
        ),
    }
}

pub(super) fn certificate(config: &Config) -> Option<Finding> {
    const CHECK: &str = "tls";
    let Some((chain, key)) = config.tls.files() else {
        let exposed = !config.keys.is_empty() && !is_local(&config.server.host);
        let mend = "set tls.certificate and tls.key, or let a proxy speak TLS";
        return exposed.then(|| bad(CHECK, Warn, "keys travel unencrypted", mend));
    };
    if let Err(error) = Certificate::load(chain, key) {
        return Some(bad(
            CHECK,
            Fail,
            format!("{error:#}"),
            "set tls.certificate and tls.key to a pair in PEM",
        ));
    }
    Some(match readable_by_all(key) {
        true => bad(
            CHECK,
            Warn,
            format!("{} is readable by everyone", key.display()),
            format!("chmod o-r {}", key.display()),
        ),
        false => ok(CHECK, format!("{} and its key are a pair", chain.display())),
    })
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn readable_by_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}
