//! `inference-worker doctor`: what stands in the way of the worker, and how to mend it. It changes nothing.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};
use tch::{Cuda, Device};

use super::models::{memory, mib};
use crate::config::{Config, Sources};
use crate::http::tls::Certificate;
use crate::model::Model;
use crate::settings::{DeviceChoice, Precision};
use crate::torch::device::machine_memory;
use crate::torch::kernels::gpu_memory;

/// Descriptors beside those of connections: files, pipes, timers, libraries.
const DESCRIPTORS_ASIDE: u64 = 128;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    /// The worker works, but not as well as it could.
    Warn,
    /// The worker does not start, or does not do what is configured.
    Fail,
}

/// What one check found, in a line.
struct Finding {
    check: &'static str,
    state: State,
    text: String,
    /// What to do about it.
    mend: Option<String>,
}

fn ok(check: &'static str, text: impl Into<String>) -> Finding {
    Finding {
        check,
        state: State::Ok,
        text: text.into(),
        mend: None,
    }
}

fn bad(check: &'static str, state: State, text: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding {
        check,
        state,
        text: text.into(),
        mend: Some(mend.into()),
    }
}

use State::{Fail, Warn};

/// Makes every check; whether there is no problem.
pub fn run(sources: &Sources, out: &mut impl Write) -> anyhow::Result<bool> {
    let mut findings = vec![libtorch(), processor()];
    match Config::load(sources) {
        Ok(config) => findings.extend(of_config(&config, sources)),
        Err(error) => {
            let mend = "see `inference-worker config` for every setting";
            findings.extend(
                error
                    .0
                    .into_iter()
                    .map(|line| bad("configuration", Fail, line, mend)),
            );
        }
    }
    for finding in &findings {
        let state = match finding.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        };
        writeln!(out, "{state:4}  {:14}  {}", finding.check, finding.text)?;
        if let Some(mend) = &finding.mend {
            writeln!(out, "{:4}  {:14}  → {mend}", "", "")?;
        }
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let (problems, warnings) = (count(Fail), count(Warn));
    writeln!(out, "\n{problems} problems, {warnings} warnings")?;
    Ok(problems == 0)
}

fn of_config(config: &Config, sources: &Sources) -> Vec<Finding> {
    let mut findings = vec![
        match sources.path() {
            Some(path) => ok(
                "configuration",
                format!("nothing is wrong with {}", path.display()),
            ),
            None => bad(
                "configuration",
                Warn,
                "there is no file",
                "inference-worker config > inference.toml",
            ),
        },
        threads(config),
        devices(config),
    ];
    findings.extend(gpus());
    findings.extend(folders(config));
    findings.extend([port(config), descriptors(config), keys(config)]);
    findings.extend(certificate(config));
    findings
}

fn libtorch() -> Finding {
    let with = [
        ("oneDNN", tch::utils::has_mkldnn()),
        ("MKL", tch::utils::has_mkl()),
        ("OpenMP", tch::utils::has_openmp()),
        ("CUDA", tch::utils::has_cuda()),
    ];
    let names: Vec<&str> = with
        .iter()
        .filter_map(|(name, has)| has.then_some(*name))
        .collect();
    let place = loaded("libtorch_cpu.so").map_or_else(String::new, |path| format!(", {path}"));
    let text = format!("libtorch 2.11 with {}{place}", names.join(", "));
    if tch::utils::has_mkldnn() && tch::utils::has_openmp() {
        ok("libtorch", text)
    } else {
        bad(
            "libtorch",
            Warn,
            text,
            "use a build with oneDNN and OpenMP (`make libtorch`): others are slow",
        )
    }
}

/// The path of a library that this process runs with.
fn loaded(name: &str) -> Option<String> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with(name))?;
    line.find('/').map(|at| line[at..].to_owned())
}

fn processor() -> Finding {
    const CHECK: &str = "processor";
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim())
    };
    let model = field("model name").unwrap_or("of no known name");
    let flags: Vec<&str> = field("flags").unwrap_or_default().split(' ').collect();
    let wanted = [
        "avx2",
        "fma",
        "avx512f",
        "avx512_vnni",
        "avx512_bf16",
        "amx_bf16",
        "amx_int8",
    ];
    let has: Vec<&str> = wanted.into_iter().filter(|flag| flags.contains(flag)).collect();
    let text = format!("{model}; {}", has.join(" "));
    match cfg!(target_arch = "x86_64") && !has.contains(&"avx2") {
        true => bad(
            CHECK,
            Warn,
            text,
            "without AVX2 it is several times slower; take another machine",
        ),
        false => ok(CHECK, text),
    }
}

fn threads(config: &Config) -> Finding {
    const CHECK: &str = "threads";
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let Some(threads) = config.engine.threads else {
        return ok(CHECK, format!("one for each of {cores} cores"));
    };
    let text = format!("{threads} for {cores} cores");
    if threads.get() as usize > cores {
        bad(
            CHECK,
            Warn,
            text,
            "set engine.threads to the number of cores or less: more wait for each other",
        )
    } else {
        ok(CHECK, text)
    }
}

fn devices(config: &Config) -> Finding {
    const CHECK: &str = "device";
    let gpus = Cuda::device_count().max(0);
    match (config.engine.device, gpus) {
        (DeviceChoice::Cuda, 0) => bad(
            CHECK,
            Fail,
            "engine.device is \"cuda\" and there is no GPU",
            "look at `nvidia-smi`; take a libtorch with CUDA (`make libtorch CUDA=1`), or set engine.device = \"auto\"",
        ),
        (DeviceChoice::Cpu, 1..) => bad(
            CHECK,
            Warn,
            format!("computes on the CPU beside {gpus} GPUs"),
            "set engine.device = \"auto\" to use them",
        ),
        (_, 0) => ok(CHECK, "computes on the CPU: there is no GPU"),
        (_, gpus) => ok(CHECK, format!("computes on {gpus} GPUs")),
    }
}

fn gpus() -> Vec<Finding> {
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    let found = (0..count).map(|at| {
        let name = format!("{:?}", Device::Cuda(at));
        match gpu_memory(at) {
            Some((all, free)) if free < all / 4 => bad(
                "gpu",
                Warn,
                format!("{name}: {} of {} are free", mib(free), mib(all)),
                "see by `nvidia-smi` which program has the rest",
            ),
            Some((all, free)) => ok("gpu", format!("{name}: {} of {} are free", mib(free), mib(all))),
            None => bad(
                "gpu",
                Fail,
                format!("{name} does not say its memory"),
                "look at `nvidia-smi`",
            ),
        }
    });
    found.collect()
}

fn folders(config: &Config) -> Vec<Finding> {
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

fn port(config: &Config) -> Finding {
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

fn descriptors(config: &Config) -> Finding {
    const CHECK: &str = "descriptors";
    let needed = u64::from(config.server.connections_max) + DESCRIPTORS_ASIDE;
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((allowed, _)) if allowed >= needed => ok(CHECK, format!("{allowed} allowed, {needed} needed")),
        Ok((allowed, _)) => bad(
            CHECK,
            Warn,
            format!("{allowed} allowed, {needed} needed at server.connections_max"),
            format!("allow more (`ulimit -n {needed}`, in a unit LimitNOFILE={needed}), or set it lower"),
        ),
        Err(error) => bad(
            CHECK,
            Warn,
            format!("their limit cannot be seen ({error})"),
            "look at `ulimit -n`",
        ),
    }
}

fn keys(config: &Config) -> Finding {
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

fn certificate(config: &Config) -> Option<Finding> {
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
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn readable_by_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}
