//! The border to what is in C++: products of float32 (`products.cpp`) and bytes (`bytes.cpp`) and attention of texts
//! without padding (`attention.cpp`), which are ours, and products that libtorch has, but gives no name (`kernels.cpp`).
#![expect(unsafe_code, reason = "functions of C++ are called")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use tch::{TchError, Tensor};
use torch_sys::C_tensor;

/// What is done to the result of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    Nothing,
    Gelu,
    /// By tanh, as some models were trained with.
    GeluTanh,
    Relu,
    Tanh,
}

impl Follows {
    fn names(self) -> (&'static CStr, &'static CStr) {
        match self {
            Follows::Nothing => (c"none", c"none"),
            Follows::Gelu => (c"gelu", c"none"),
            Follows::GeluTanh => (c"gelu", c"tanh"),
            Follows::Relu => (c"relu", c"none"),
            Follows::Tanh => (c"tanh", c"none"),
        }
    }

    /// By a named function, where it cannot be fused.
    pub fn apply(self, input: Tensor) -> Result<Tensor, TchError> {
        match self {
            Follows::Nothing => Ok(input),
            Follows::Gelu => input.f_gelu("none"),
            Follows::GeluTanh => input.f_gelu("tanh"),
            Follows::Relu => input.f_relu(),
            Follows::Tanh => input.f_tanh(),
        }
    }
}

type Out = *mut *mut C_tensor;
type Fault = *mut *mut c_char;
type In = *const C_tensor;

unsafe extern "C" {
    fn inference_pack_panels(out: Out, fault: Fault, weight: In) -> c_int;
    fn inference_product(
        out: Out,
        fault: Fault,
        input: In,
        weight: In,
        bias: In,
        outputs: i64,
        gelu: c_int,
    ) -> c_int;
    fn inference_pack(out: Out, fault: Fault, weight: In) -> c_int;
    fn inference_linear(
        out: Out,
        fault: Fault,
        input: In,
        weight: In,
        bias: In,
        follows: *const c_char,
        variant: *const c_char,
    ) -> c_int;
    fn inference_pack_bytes(out: Out, fault: Fault, weight: In) -> c_int;
    fn inference_product_bytes(
        out: Out,
        fault: Fault,
        input: In,
        weight: In,
        worth: In,
        bias: In,
        gelu: c_int,
    ) -> c_int;
    fn inference_attention(
        out: Out,
        fault: Fault,
        qkv: In,
        offsets: In,
        bias: In,
        heads: i64,
        out_rows: i64,
        first_only: c_int,
    ) -> c_int;
    fn inference_attention_gpu(
        out: Out,
        fault: Fault,
        qkv: In,
        offsets: In,
        first_rows: In,
        heads: i64,
        longest: i64,
    ) -> c_int;
    #[cfg(test)]
    fn inference_limit_lanes(most: c_int);
    #[cfg(test)]
    fn inference_largest_byte() -> c_int;
    fn inference_gpu_memory(device: c_int, all: *mut u64, free: *mut u64) -> c_int;
    fn free(memory: *mut c_char);
}

/// Lets our kernels do as a machine does whose registers hold so many floats, until what it gives is dropped. The last
/// digits of results differ between machines, so whoever compares these must hold one.
#[cfg(test)]
pub fn limit_lanes(most: i32) -> LanesLimit {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let alone = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: any number will do; whoever computes meanwhile gets the same by another way.
    unsafe { inference_limit_lanes(most) }
    LanesLimit { _alone: alone }
}

/// What the bytes of an input reach in [`product_bytes`].
#[cfg(test)]
pub fn largest_byte() -> i32 {
    // SAFETY: it takes nothing.
    unsafe { inference_largest_byte() }
}

#[cfg(test)]
pub struct LanesLimit {
    _alone: std::sync::MutexGuard<'static, ()>,
}

#[cfg(test)]
impl Drop for LanesLimit {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { inference_limit_lanes(16) }
    }
}

/// Bytes of a GPU's memory: all, and free. None where that cannot be said.
pub fn gpu_memory(device: usize) -> Option<(u64, u64)> {
    let device = c_int::try_from(device).ok()?;
    let (mut all, mut free) = (0, 0);
    // SAFETY: both are written while they are ours.
    match unsafe { inference_gpu_memory(device, &raw mut all, &raw mut free) } {
        0 => Some((all, free)),
        _ => None,
    }
}

/// Lays out a weight [outputs, inputs] in float32 for [`product`].
pub fn pack_panels(weight: &Tensor) -> Result<Tensor, TchError> {
    // SAFETY: the tensor lives through the call, as in all functions here.
    taken(|out, fault| unsafe { inference_pack_panels(out, fault, weight.as_ptr()) })
}

/// `input` [rows, inputs] in float32 by a weight of [`pack_panels`] with so many outputs.
pub fn product(
    input: &Tensor,
    panels: &Tensor,
    outputs: i64,
    bias: Option<&Tensor>,
    follows: Follows,
) -> Result<Tensor, TchError> {
    let bias = bias.map_or(ptr::null(), Tensor::as_ptr);
    // SAFETY: as above.
    with_gelu(follows, |out, fault, gelu| unsafe {
        inference_product(out, fault, input.as_ptr(), panels.as_ptr(), bias, outputs, gelu)
    })
}

/// Lays out a weight [outputs, inputs] in bfloat16 for [`linear`].
pub fn pack(weight: &Tensor) -> Result<Tensor, TchError> {
    // SAFETY: as above.
    taken(|out, fault| unsafe { inference_pack(out, fault, weight.as_ptr()) })
}

/// `input` [rows, inputs] by a packed weight.
pub fn linear(
    input: &Tensor,
    packed: &Tensor,
    bias: Option<&Tensor>,
    follows: Follows,
) -> Result<Tensor, TchError> {
    let (follows, variant) = follows.names();
    let bias = bias.map_or(ptr::null(), Tensor::as_ptr);
    // SAFETY: the names are texts that live for ever.
    taken(|out, fault| unsafe {
        inference_linear(
            out,
            fault,
            input.as_ptr(),
            packed.as_ptr(),
            bias,
            follows.as_ptr(),
            variant.as_ptr(),
        )
    })
}

/// Lays out a weight [outputs, inputs] of signed bytes for [`product_bytes`].
pub fn pack_bytes(weight: &Tensor) -> Result<Tensor, TchError> {
    // SAFETY: as above.
    taken(|out, fault| unsafe { inference_pack_bytes(out, fault, weight.as_ptr()) })
}

/// `input` [rows, inputs] in float32, each row as bytes of a worth of its own, by a weight of [`pack_bytes`] whose
/// bytes are worth `worth` [outputs].
pub fn product_bytes(
    input: &Tensor,
    packed: &Tensor,
    worth: &Tensor,
    bias: Option<&Tensor>,
    follows: Follows,
) -> Result<Tensor, TchError> {
    let bias = bias.map_or(ptr::null(), Tensor::as_ptr);
    // SAFETY: as above.
    with_gelu(follows, |out, fault, gelu| unsafe {
        inference_product_bytes(
            out,
            fault,
            input.as_ptr(),
            packed.as_ptr(),
            worth.as_ptr(),
            bias,
            gelu,
        )
    })
}

/// A product that can do gelu by itself, and nothing else of what follows.
fn with_gelu(follows: Follows, call: impl FnOnce(Out, Fault, c_int) -> c_int) -> Result<Tensor, TchError> {
    let gelu = follows == Follows::Gelu;
    let product = taken(|out, fault| call(out, fault, c_int::from(gelu)))?;
    match gelu {
        true => Ok(product),
        false => follows.apply(product),
    }
}

/// Attention on the CPU: `qkv` [rows, 3 × hidden] in float32 or bfloat16 holds queries, keys and values side by side,
/// and text n has the rows from `offsets`\[n\] to before `offsets`\[n + 1\] (int32).
///
/// `bias` [heads, 2 × longest - 1] in float32 is added by how far a key stands behind a query. Gives [out_rows, hidden]: a
/// row for each token, or with `first_only` for each text's first one; those beyond are zero.
pub fn attention(
    qkv: &Tensor,
    offsets: &Tensor,
    bias: Option<&Tensor>,
    heads: i64,
    out_rows: i64,
    first_only: bool,
) -> Result<Tensor, TchError> {
    let bias = bias.map_or(ptr::null(), Tensor::as_ptr);
    let first_only = c_int::from(first_only);
    // SAFETY: as above.
    taken(|out, fault| unsafe {
        inference_attention(
            out,
            fault,
            qkv.as_ptr(),
            offsets.as_ptr(),
            bias,
            heads,
            out_rows,
            first_only,
        )
    })
}

/// The same on a GPU by libtorch's fused kernels, which know no such bias. `longest` is the tokens of the longest text.
///
/// With `first_rows` only those rows look, of which the first ones are the texts' first tokens. Rows of no text hold
/// anything.
pub fn attention_gpu(
    qkv: &Tensor,
    offsets: &Tensor,
    first_rows: Option<&Tensor>,
    heads: i64,
    longest: i64,
) -> Result<Tensor, TchError> {
    let first_rows = first_rows.map_or(ptr::null(), Tensor::as_ptr);
    // SAFETY: as above.
    taken(|out, fault| unsafe {
        inference_attention_gpu(
            out,
            fault,
            qkv.as_ptr(),
            offsets.as_ptr(),
            first_rows,
            heads,
            longest,
        )
    })
}

fn taken(call: impl FnOnce(Out, Fault) -> c_int) -> Result<Tensor, TchError> {
    let mut out: *mut C_tensor = ptr::null_mut();
    let mut fault: *mut c_char = ptr::null_mut();
    if call(&raw mut out, &raw mut fault) == 0 {
        // SAFETY: a tensor that nobody else has.
        return Ok(unsafe { Tensor::from_ptr(out) });
    }
    Err(told(fault))
}

/// The text of a failed call.
fn told(fault: *mut c_char) -> TchError {
    // SAFETY: the text is ours since the call failed, and is freed once.
    let text = unsafe {
        let text = CString::from(CStr::from_ptr(fault));
        free(fault);
        text
    };
    TchError::Torch(text.to_string_lossy().into_owned())
}
