//! What is configured: models and their memory, the port, keys, TLS.

use std::fs;
use std::net::{IpAddr, TcpListener, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tch::Cuda;

use super::machine::instructions;
use super::{Fail, Finding, State, Warn, bad, ok};
use crate::cli::models::{memory, mib};
use crate::config::Config;
use crate::http::tls::{Certificate, Validity};
use crate::model::Model;
use crate::settings::{DeviceChoice, Precision};
use crate::torch::device::machine_memory;

pub(super) fn folders(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "model";
    if config.models.is_empty() {
        let mend = "name folders under [[models]]; `inference-worker config` shows how";
        return vec![bad(CHECK, Warn, "there are no models", mend)];
    }
    let on_gpu = config.engine.device != DeviceChoice::Cpu && Cuda::is_available();
    let instructions = instructions();
    let mut findings = Vec::new();
    let mut bytes = 0;
    for settings in &config.models {
        let name = &settings.name;
        match Model::open(settings) {
            Ok(opened) => {
                let card = opened.model.card();
                bytes += card.bytes;
                findings.push(match unfit(settings.precision, on_gpu, &instructions) {
                    Some((state, why, mend)) => bad(CHECK, state, format!("{name}: {why}"), mend),
                    None => ok(
                        CHECK,
                        format!("{name}: {} for {}", card.architecture, mib(card.bytes)),
                    ),
                });
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

/// Why a precision is none for the devices, and what to do about it.
fn unfit(
    precision: Precision,
    on_gpu: bool,
    instructions: &[String],
) -> Option<(State, &'static str, &'static str)> {
    let has = |any: &[&str]| instructions.iter().any(|one| any.contains(&one.as_str()));
    match precision {
        Precision::Int8 if on_gpu => Some((
            Fail,
            "int8 is computed on the CPU only",
            "set its precision to bfloat16, or engine.device = \"cpu\"",
        )),
        Precision::Bfloat16 if on_gpu || cfg!(not(target_arch = "x86_64")) => None,
        // As libtorch has it.
        Precision::Bfloat16 if !has(&["avx512bw", "avx_ne_convert"]) => Some((
            Fail,
            "this processor does not compute in bfloat16",
            "set its precision to float32 or int8",
        )),
        Precision::Bfloat16 if !has(&["avx512_bf16", "amx_bf16", "avx_ne_convert"]) => Some((
            Warn,
            "this processor has no products in bfloat16, and float32 is faster",
            "set its precision to float32 or int8",
        )),
        Precision::Float32 | Precision::Bfloat16 | Precision::Int8 => None,
    }
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
    let pair = match Certificate::load(chain, key) {
        Ok(pair) => pair,
        Err(error) => {
            return Some(bad(
                CHECK,
                Fail,
                format!("{error:#}"),
                "set tls.certificate and tls.key to a pair in PEM",
            ));
        }
    };
    if readable_by_all(key) {
        return Some(bad(
            CHECK,
            Warn,
            format!("{} is readable by everyone", key.display()),
            format!("chmod o-r {}", key.display()),
        ));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    Some(time_left(chain, pair.validity(), now))
}

/// `now` in seconds since 1970.
fn time_left(chain: &Path, validity: Validity, now: i64) -> Finding {
    const CHECK: &str = "tls";
    const DAY: i64 = 24 * 3600;
    /// Whoever renews by itself does so long before.
    const DAYS_LEFT: i64 = 14;
    let chain = chain.display();
    let mend = "renew it; the worker takes over the new one by itself";
    if now < validity.begins {
        let text = format!("{chain} is not valid yet");
        return bad(CHECK, Fail, text, "look at this machine's clock");
    }
    let days = (validity.ends - now).div_euclid(DAY);
    match days {
        ..0 => bad(CHECK, Fail, format!("{chain} ended {} days ago", -days), mend),
        0..DAYS_LEFT => bad(CHECK, Warn, format!("{chain} ends in {days} days"), mend),
        _ => ok(
            CHECK,
            format!("{chain} and its key are a pair, for {days} days more"),
        ),
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn readable_by_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_by_the_days_that_it_has_left() {
        const DAY: i64 = 24 * 3600;
        let told = |now| {
            let validity = Validity {
                begins: 100 * DAY,
                ends: 190 * DAY,
            };
            let finding = time_left(Path::new("chain.pem"), validity, now);
            (finding.state, finding.text)
        };
        assert_eq!(
            told(100 * DAY - 1),
            (State::Fail, "chain.pem is not valid yet".to_owned())
        );
        let text = "chain.pem and its key are a pair, for 90 days more";
        assert_eq!(told(100 * DAY), (State::Ok, text.to_owned()));
        assert_eq!(
            told(177 * DAY),
            (State::Warn, "chain.pem ends in 13 days".to_owned())
        );
        assert_eq!(
            told(190 * DAY),
            (State::Warn, "chain.pem ends in 0 days".to_owned())
        );
        assert_eq!(
            told(190 * DAY + 1),
            (State::Fail, "chain.pem ended 1 days ago".to_owned())
        );
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_precision_that_is_none_for_the_devices_is_told() {
        let state = |precision, on_gpu, instructions: &str| {
            let instructions: Vec<String> = instructions.split(' ').map(str::to_owned).collect();
            unfit(precision, on_gpu, &instructions).map(|(state, ..)| state)
        };
        let (narrow, wide) = ("avx2 fma", "avx2 fma avx512f avx512bw");
        assert_eq!(state(Precision::Float32, false, narrow), None);
        assert_eq!(state(Precision::Int8, false, narrow), None);
        assert_eq!(state(Precision::Int8, true, wide), Some(Fail));
        assert_eq!(state(Precision::Bfloat16, false, narrow), Some(Fail));
        assert_eq!(state(Precision::Bfloat16, false, wide), Some(Warn));
        assert_eq!(state(Precision::Bfloat16, true, narrow), None);
        let full = "avx2 fma avx512f avx512bw avx512_bf16";
        assert_eq!(state(Precision::Bfloat16, false, full), None);
    }
}
