// What the encoder asks of libtorch beyond its named functions: matrix products on the CPU with weights that were laid
// out once, in bfloat16 with what follows them. They are operators of libtorch's own dispatcher.
//
// Every function gives 0 and sets `out` where it has one, or gives 1 and sets `error` to a text that the caller frees.

#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <dlfcn.h>

#include <optional>
#include <string_view>

#include "border.h"

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
