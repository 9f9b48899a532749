// Products of rows with weights in float32 on the CPU.
//
// As fast as those of libtorch where rows are many, and much faster where they are few: then all that counts is how fast
// a weight comes from memory, which is three times as fast here. Any count of rows is computed by the same code;
// libtorch makes and keeps some for each.
//
// Every function gives 0 and sets `out`, or gives 1 and sets `error` to a text that the caller frees.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "border.h"
#include "panels.h"
#include "tile.h"

using at::Tensor;

namespace {

bool is_plain(const Tensor& tensor) {
  return tensor.is_cpu() && tensor.is_contiguous() && tensor.scalar_type() == at::kFloat;
}

}  // namespace

extern "C" {

// Lays out the weight [outputs, inputs] of a product: [panels, inputs, WIDTH], each panel with the weights of WIDTH
// outputs side by side; those beyond the last output are zero.
int inference_pack_panels(Tensor** out, char** error, const Tensor* weight) {
  return guarded(error, [&] {
    TORCH_CHECK(is_plain(*weight) && weight->dim() == 2, "a matrix of float32 is needed");
    const int64_t outputs = weight->size(0), inputs = weight->size(1);
    const int64_t panels = rounded_up(outputs, WIDTH) / WIDTH;
    Tensor packed = at::zeros({panels, inputs, WIDTH}, weight->options());
    const float* from = weight->const_data_ptr<float>();
    float* to = packed.mutable_data_ptr<float>();
    at::parallel_for(0, panels, 1, [&](int64_t begin, int64_t end) {
      for (int64_t output = begin * WIDTH; output < std::min(end * WIDTH, outputs); ++output) {
        float* column = to + output / WIDTH * inputs * WIDTH + output % WIDTH;
        for (int64_t input = 0; input < inputs; ++input) {
          column[input * WIDTH] = from[output * inputs + input];
        }
      }
    });
    *out = new Tensor(std::move(packed));
  });
}

// `input` [rows, inputs] by a weight of `inference_pack_panels`, plus `bias` [outputs] if given, through gelu if that
// follows. Gives [rows, outputs].
int inference_product(Tensor** out, char** error, const Tensor* input, const Tensor* weight, const Tensor* bias,
                      int64_t outputs, int gelu) {
  return guarded(error, [&] {
    TORCH_CHECK(is_plain(*input) && input->dim() == 2, "rows of float32 are needed");
    TORCH_CHECK(is_plain(*weight) && weight->dim() == 3 && weight->size(2) == WIDTH, "a packed weight is needed");
    const int64_t rows = input->size(0), inputs = input->size(1);
    TORCH_CHECK(weight->size(1) == inputs && outputs > 0 && rounded_up(outputs, WIDTH) == weight->size(0) * WIDTH,
                "a weight for these inputs and outputs is needed");
    TORCH_CHECK(bias == nullptr || (is_plain(*bias) && bias->numel() == outputs), "a bias for each output is needed");
    Tensor result = at::empty({rows, outputs}, input->options());
    const float* from = input->const_data_ptr<float>();
    const float* weights = weight->const_data_ptr<float>();
    const float* biases = bias == nullptr ? nullptr : bias->const_data_ptr<float>();
    const Output output{result.mutable_data_ptr<float>(), rows, outputs, gelu != 0};
    const Tile& chosen = tile();
    for_each_part(output, [&](const Part& part) {
      const float* panel = weights + part.first_output() * inputs;
      float start[WIDTH] = {};
      if (biases != nullptr) {
        std::copy_n(biases + part.first_output(), part.outputs(output), start);
      }
      fill(output, part, chosen.rows_max, [&](int64_t row, int64_t count, float* c, int64_t c_step) {
        chosen.multiply(count, from + row * inputs, inputs, panel, WIDTH, inputs, start, c, c_step);
      });
    });
    *out = new Tensor(std::move(result));
  });
}

}  // extern "C"
