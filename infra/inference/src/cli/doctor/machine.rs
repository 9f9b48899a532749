//! The machine: libtorch, processor, GPUs, file descriptors.

use std::fs;

use nix::sys::resource::{Resource, getrlimit};
use tch::{Cuda, Device};

use super::{Fail, Finding, Warn, bad, ok};
use crate::cli::models::mib;
use crate::config::Config;
use crate::settings::DeviceChoice;
use crate::torch::kernels::gpu_memory;

/// Descriptors beside those of connections: files, pipes, timers, libraries.
const DESCRIPTORS_ASIDE: u64 = 128;

pub(super) fn libtorch() -> Finding {
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

/// What the processor says of itself.
fn cpuinfo(name: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

/// The instructions that the processor has, by the names of Linux.
pub(super) fn instructions() -> Vec<String> {
    let flags = cpuinfo("flags").unwrap_or_default();
    flags.split_whitespace().map(str::to_owned).collect()
}

pub(super) fn processor() -> Finding {
    const CHECK: &str = "processor";
    let model = cpuinfo("model name").unwrap_or_else(|| "of no known name".to_owned());
    let mut has = instructions();
    let wanted = ["avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"];
    has.retain(|flag| wanted.contains(&flag.as_str()));
    let text = format!("{model}; {}", has.join(" "));
    match cfg!(target_arch = "x86_64") && !has.iter().any(|flag| flag == "avx2") {
        true => bad(
            CHECK,
            Warn,
            text,
            "without AVX2 it is several times slower; take another machine",
        ),
        false => ok(CHECK, text),
    }
}

pub(super) fn threads(config: &Config) -> Finding {
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

pub(super) fn devices(config: &Config) -> Finding {
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

pub(super) fn gpus() -> Vec<Finding> {
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

pub(super) fn descriptors(config: &Config) -> Finding {
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
