//! libtorch: its devices and memory, and the kernels that `tch` has no name for.

pub mod device;
pub mod kernels;
