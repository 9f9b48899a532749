//! Devices: which there are, and how much memory they have.

use std::fs;

use tch::{Cuda, Device};

use super::kernels;
use crate::settings::DeviceChoice;

/// The devices of a choice, at least one.
pub fn devices(choice: DeviceChoice) -> anyhow::Result<Vec<Device>> {
    let gpus = match choice {
        DeviceChoice::Cpu => 0,
        DeviceChoice::Auto | DeviceChoice::Cuda => usize::try_from(Cuda::device_count()).unwrap_or(0),
    };
    if gpus > 0 {
        return Ok((0..gpus).map(Device::Cuda).collect());
    }
    anyhow::ensure!(
        choice != DeviceChoice::Cuda,
        "no GPU was found (device = \"cuda\"): it needs a driver, and libtorch with CUDA"
    );
    Ok(vec![Device::Cpu])
}

/// Bytes that the weights of all models may take on each of the devices, where nothing is set: half of the machine's
/// memory, or four fifths of the smallest GPU's.
pub fn memory(devices: &[Device]) -> u64 {
    let of = |device: &Device| match device {
        Device::Cuda(at) => kernels::gpu_memory(*at).map_or(0, |(all, _)| all / 5 * 4),
        _ => machine_memory() / 2,
    };
    devices.iter().map(of).min().unwrap_or(0)
}

/// Bytes of the machine's memory, or of the container's where that has less.
pub fn machine_memory() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    });
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse().ok());
    machine.unwrap_or(u64::MAX).min(container.unwrap_or(u64::MAX))
}
