//! Devices: which there are, and how much memory they have.

use tch::{Cuda, Device};

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
        "no GPU was found (device = \"cuda\"); it needs a driver, and libtorch with CUDA: CUDA=1 make libtorch"
    );
    Ok(vec![Device::Cpu])
}
