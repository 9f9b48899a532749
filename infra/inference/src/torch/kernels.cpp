// What the encoder asks of libtorch's CPU beyond its named functions: matrix products with weights that were laid out
// once, in bfloat16 with what follows them, and in 8 bits. They are operators of libtorch's own dispatcher.
//
// Every function gives 0 and sets `out` where it has one, or gives 1 and sets `error` to a text that the caller frees.

#include <ATen/Parallel.h>
#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>

#include "border.h"
#include "tile.h"

using at::Tensor;
using Scalars = c10::List<std::optional<at::Scalar>>;

namespace {

std::optional<Tensor> given(const Tensor* tensor) {
  return tensor == nullptr ? std::nullopt : std::optional<Tensor>(*tensor);
}

template <typename Signature>
auto operation(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

// Chosen when the program starts: the same source for whatever the machine can do.
#if defined(__x86_64__)
#define FOR_EACH_MACHINE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_MACHINE
#endif

FOR_EACH_MACHINE
void quantize_row(const float* row, int64_t length, uint8_t* to, float* scale) {
  float largest = 0.0f;
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < length; ++i) {
    largest = std::fabs(row[i]) > largest ? std::fabs(row[i]) : largest;
  }
  // A row of zeros stays one.
  const float step = largest > 0.0f ? largest / 127.0f : 1.0f;
  const float inverse = 1.0f / step;
#pragma omp simd
  for (int64_t i = 0; i < length; ++i) {
    to[i] = static_cast<uint8_t>(static_cast<int32_t>(row[i] * inverse + 128.5f));
  }
  *scale = step;
}

FOR_EACH_MACHINE
void finish_row(float* row, const float* bias, float step, int64_t length) {
#pragma omp simd
  for (int64_t i = 0; i < length; ++i) {
    row[i] = row[i] * step + bias[i];
  }
}

// Rows that a thread takes at least, as waking one takes some microseconds.
int64_t rows_at_least(int64_t length) {
  return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, length));
}

bool is_plain(const Tensor* tensor, at::ScalarType kind) {
  return tensor->is_cpu() && tensor->is_contiguous() && tensor->scalar_type() == kind;
}

}  // namespace

extern "C" {

// Lays out the weight [outputs, inputs] of a product as the machine reads it fastest.
int inference_pack(Tensor** out, char** error, const Tensor* weight) {
  return guarded(error, [&] {
    static auto reorder =
        operation<Tensor(const Tensor&, std::optional<int64_t>)>("mkldnn::_reorder_linear_weight");
    *out = new Tensor(reorder.call(*weight, std::nullopt));
  });
}

// input [rows, inputs] by a packed weight, with what follows: "none", "gelu", "relu", "tanh"; `variant` is gelu's.
int inference_linear(Tensor** out, char** error, const Tensor* input, const Tensor* weight, const Tensor* bias,
                     const char* follows, const char* variant) {
  return guarded(error, [&] {
    static auto linear =
        operation<Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view, Scalars,
                         std::optional<std::string_view>)>("mkldnn::_linear_pointwise");
    *out = new Tensor(
        linear.call(*input, *weight, given(bias), follows, Scalars(), std::string_view(variant)));
  });
}

// The same for a weight of signed bytes.
int inference_pack_int8(Tensor** out, char** error, const Tensor* weight) {
  return guarded(error, [&] {
    static auto pack =
        operation<Tensor(Tensor, std::optional<c10::List<int64_t>>)>("onednn::qlinear_prepack");
    *out = new Tensor(pack.call(*weight, std::nullopt));
  });
}

// Products of bytes: `input` around 128, with steps that the caller multiplies in; `steps` and `zeros` are the
// weight's, one for each output. Gives float32.
int inference_linear_int8(Tensor** out, char** error, const Tensor* input, const Tensor* weight, const Tensor* steps,
                          const Tensor* zeros) {
  return guarded(error, [&] {
    static auto linear =
        operation<Tensor(Tensor, double, int64_t, Tensor, Tensor, Tensor, std::optional<Tensor>, double, int64_t,
                         std::optional<at::ScalarType>, std::string_view, Scalars, std::string_view)>(
            "onednn::qlinear_pointwise");
    *out = new Tensor(linear.call(*input, 1.0, 128, *weight, *steps, *zeros, std::nullopt, 1.0, 0, at::kFloat,
                                  "none", Scalars(), "none"));
  });
}

// Each row of `input` [rows, length], contiguous float32, to `bytes` around 128; `steps` [rows, 1] takes what a byte
// of each row is worth.
int inference_quantize(const Tensor* bytes, const Tensor* steps, char** error, const Tensor* input) {
  return guarded(error, [&] {
    TORCH_CHECK(is_plain(input, at::kFloat) && input->dim() == 2, "rows of float32 are needed");
    TORCH_CHECK(is_plain(bytes, at::kByte) && bytes->sizes() == input->sizes(), "a byte for each value is needed");
    const int64_t rows = input->size(0), length = input->size(1);
    TORCH_CHECK(is_plain(steps, at::kFloat) && steps->numel() == rows, "a step for each row is needed");
    const float* from = input->const_data_ptr<float>();
    uint8_t* to = bytes->mutable_data_ptr<uint8_t>();
    float* step = steps->mutable_data_ptr<float>();
    at::parallel_for(0, rows, rows_at_least(length), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        quantize_row(from + row * length, length, to + row * length, step + row);
      }
    });
  });
}

// What a product of bytes lacks: `product` [rows, length] times the step of each row, and the bias; then gelu where
// that follows. In place.
int inference_finish(const Tensor* product, char** error, const Tensor* steps, const Tensor* bias, int gelu) {
  return guarded(error, [&] {
    TORCH_CHECK(is_plain(product, at::kFloat) && product->dim() == 2, "rows of float32 are needed");
    const int64_t rows = product->size(0), length = product->size(1);
    TORCH_CHECK(is_plain(steps, at::kFloat) && steps->numel() == rows, "a step for each row is needed");
    TORCH_CHECK(is_plain(bias, at::kFloat) && bias->numel() == length, "a bias for each output is needed");
    float* values = product->mutable_data_ptr<float>();
    const float* step = steps->const_data_ptr<float>();
    const float* added = bias->const_data_ptr<float>();
    const Tile& chosen = tile();
    at::parallel_for(0, rows, rows_at_least(length), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        finish_row(values + row * length, added, step[row], length);
        if (gelu != 0) {
          chosen.gelu(values + row * length, length);
        }
      }
    });
  });
}

// Bytes of a GPU's memory, all and free. 1 where that cannot be said: the runtime is asked for only where there is one.
int inference_gpu_memory(int device, uint64_t* all, uint64_t* free) {
  using Choose = int (*)(int);
  using Tell = int (*)(size_t*, size_t*);
  const auto choose = reinterpret_cast<Choose>(dlsym(RTLD_DEFAULT, "cudaSetDevice"));
  const auto tell = reinterpret_cast<Tell>(dlsym(RTLD_DEFAULT, "cudaMemGetInfo"));
  size_t free_bytes = 0, all_bytes = 0;
  if (choose == nullptr || tell == nullptr || choose(device) != 0 || tell(&free_bytes, &all_bytes) != 0) {
    return 1;
  }
  *all = all_bytes;
  *free = free_bytes;
  return 0;
}

}  // extern "C"
