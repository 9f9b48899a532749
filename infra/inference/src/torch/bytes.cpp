// Products of rows with weights in 8 bits on the CPU, in whole numbers that never overflow. Machines with AVX-512 VNNI
// add up four products of bytes at once; those with AVX2 add up two in 16 bits, where inputs have to do with 7 bits.
//
// A byte of an input is signed, a byte of a weight is not: it stands around 128, since the machine multiplies bytes of
// the one kind by bytes of the other. What the 128 add to a sum is the same for all outputs of a row, and is taken off
// where the sum starts.
//
// Every function gives 0 and sets `out`, or gives 1 and sets `error` to a text that the caller frees.

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "border.h"
#include "panels.h"
#include "tile.h"

using at::Tensor;

namespace {

// Bytes that the machine adds up at once.
constexpr int64_t QUAD = 4;
// With more a sum may not fit into 32 bits.
constexpr int64_t INPUTS_MAX = 1 << 16;
static_assert(INPUTS_MAX * 255 * 127 <= INT32_MAX);

// Rows of bytes, and what of a product is the same for a whole row.
struct Rows {
  // [count, step]
  const int8_t* bytes;
  int64_t step;
  // What a byte is worth, and where sums start.
  const float* worth;
  const int32_t* starts;

  Rows from(int64_t row) const { return Rows{bytes + row * step, step, worth + row, starts + row}; }
};

// A panel: [quads, WIDTH, QUAD] bytes around 128, and for each output what a byte is worth, and the bias.
struct Panel {
  const uint8_t* bytes;
  int64_t quads;
  const float* worth;
  const float* bias;
};

// What one kind of machine does.
struct Kernel {
  // Of an input's byte; at most 127.
  int32_t largest;
  // c [count, WIDTH] = rows by the panel, for at most ROWS_MAX rows.
  void (*multiply)(const Rows& rows, int64_t count, const Panel& panel, float* c, int64_t c_step);
};

void multiply_plain(const Rows& rows, int64_t count, const Panel& panel, float* c, int64_t c_step) {
  for (int64_t row = 0; row < count; ++row) {
    int32_t sums[WIDTH];
    std::fill_n(sums, WIDTH, rows.starts[row]);
    const int8_t* a = rows.bytes + row * rows.step;
    const uint8_t* b = panel.bytes;
    for (int64_t quad = 0; quad < panel.quads; ++quad, a += QUAD, b += WIDTH * QUAD) {
      for (int64_t column = 0; column < WIDTH; ++column) {
        for (int64_t k = 0; k < QUAD; ++k) {
          sums[column] += static_cast<int32_t>(b[column * QUAD + k]) * static_cast<int32_t>(a[k]);
        }
      }
    }
    for (int64_t column = 0; column < WIDTH; ++column) {
      c[row * c_step + column] =
          static_cast<float>(sums[column]) * (rows.worth[row] * panel.worth[column]) + panel.bias[column];
    }
  }
}

#if defined(__x86_64__)
#define VNNI __attribute__((target("arch=x86-64-v4,avx512vnni")))

// As vectors of their elements: sums of the type that the machine's functions take would be kept in memory.
typedef int32_t Ints __attribute__((vector_size(64)));

VNNI inline void add_quads(Ints& sums, __m512i weights, __m512i input) {
  sums = reinterpret_cast<Ints>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sums), weights, input));
}

template <int ROWS>
VNNI inline void multiply_vnni_rows(const Rows& rows, const Panel& panel, float* c, int64_t c_step) {
  Ints sums[ROWS][2];
#pragma GCC unroll 12
  for (int row = 0; row < ROWS; ++row) {
    sums[row][0] = Ints{} + rows.starts[row];
    sums[row][1] = sums[row][0];
  }
  // Three rows have one address, from which the machine counts steps: one for each would take more than there are.
  const int8_t* a[(ROWS + 2) / 3];
#pragma GCC unroll 4
  for (int row = 0; row < ROWS; row += 3) {
    a[row / 3] = rows.bytes + row * rows.step;
  }
  const uint8_t* b = panel.bytes;
  for (int64_t quad = 0; quad < panel.quads; ++quad, b += WIDTH * QUAD) {
    const __m512i low = _mm512_loadu_si512(b), high = _mm512_loadu_si512(b + 64);
    // As in `multiply_rows`.
    __builtin_prefetch(b + 32 * WIDTH * QUAD);
    __builtin_prefetch(b + 32 * WIDTH * QUAD + 64);
#pragma GCC unroll 12
    for (int row = 0; row < ROWS; ++row) {
      int32_t four;
      std::memcpy(&four, a[row / 3] + row % 3 * rows.step, sizeof four);
      const __m512i all = _mm512_set1_epi32(four);
      add_quads(sums[row][0], low, all);
      add_quads(sums[row][1], high, all);
    }
#pragma GCC unroll 4
    for (const int8_t*& row : a) {
      row += QUAD;
    }
  }
  const __m512 low_worth = _mm512_loadu_ps(panel.worth), high_worth = _mm512_loadu_ps(panel.worth + 16);
  const __m512 low_bias = _mm512_loadu_ps(panel.bias), high_bias = _mm512_loadu_ps(panel.bias + 16);
#pragma GCC unroll 12
  for (int row = 0; row < ROWS; ++row) {
    const __m512 worth = _mm512_set1_ps(rows.worth[row]);
    const __m512 low = _mm512_cvtepi32_ps(reinterpret_cast<__m512i>(sums[row][0]));
    const __m512 high = _mm512_cvtepi32_ps(reinterpret_cast<__m512i>(sums[row][1]));
    _mm512_storeu_ps(c + row * c_step, _mm512_fmadd_ps(low, _mm512_mul_ps(worth, low_worth), low_bias));
    _mm512_storeu_ps(c + row * c_step + 16, _mm512_fmadd_ps(high, _mm512_mul_ps(worth, high_worth), high_bias));
  }
}

template <int ROWS = 1>
VNNI inline void multiply_vnni_rest(const Rows& rows, int64_t count, const Panel& panel, float* c, int64_t c_step) {
  if constexpr (ROWS < ROWS_MAX) {
    if (count != ROWS) {
      return multiply_vnni_rest<ROWS + 1>(rows, count, panel, c, c_step);
    }
  }
  multiply_vnni_rows<ROWS>(rows, panel, c, c_step);
}

VNNI void multiply_vnni(const Rows& rows, int64_t count, const Panel& panel, float* c, int64_t c_step) {
  multiply_vnni_rest(rows, count, panel, c, c_step);
}

#define AVX2 __attribute__((target("arch=x86-64-v3")))

// Two registers of outputs, from the `column`-th on.
template <int ROWS>
AVX2 inline void multiply_avx2_rows(const Rows& rows, const Panel& panel, int64_t column, float* c, int64_t c_step) {
  typedef int32_t Ints __attribute__((vector_size(32)));
  Ints sums[ROWS][2];
#pragma GCC unroll 4
  for (int row = 0; row < ROWS; ++row) {
    sums[row][0] = Ints{} + rows.starts[row];
    sums[row][1] = sums[row][0];
  }
  const __m256i ones = _mm256_set1_epi16(1);
  const int8_t* a = rows.bytes;
  const uint8_t* b = panel.bytes + column * QUAD;
  for (int64_t quad = 0; quad < panel.quads; ++quad, a += QUAD, b += WIDTH * QUAD) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + 32));
#pragma GCC unroll 4
    for (int row = 0; row < ROWS; ++row) {
      int32_t four;
      std::memcpy(&four, a + row * rows.step, sizeof four);
      const __m256i all = _mm256_set1_epi32(four);
      sums[row][0] += reinterpret_cast<Ints>(_mm256_madd_epi16(_mm256_maddubs_epi16(low, all), ones));
      sums[row][1] += reinterpret_cast<Ints>(_mm256_madd_epi16(_mm256_maddubs_epi16(high, all), ones));
    }
  }
  const __m256 low_worth = _mm256_loadu_ps(panel.worth + column), high_worth = _mm256_loadu_ps(panel.worth + column + 8);
  const __m256 low_bias = _mm256_loadu_ps(panel.bias + column), high_bias = _mm256_loadu_ps(panel.bias + column + 8);
  c += column;
#pragma GCC unroll 4
  for (int row = 0; row < ROWS; ++row) {
    const __m256 worth = _mm256_set1_ps(rows.worth[row]);
    const __m256 low = _mm256_cvtepi32_ps(reinterpret_cast<__m256i>(sums[row][0]));
    const __m256 high = _mm256_cvtepi32_ps(reinterpret_cast<__m256i>(sums[row][1]));
    _mm256_storeu_ps(c + row * c_step, _mm256_fmadd_ps(low, _mm256_mul_ps(worth, low_worth), low_bias));
    _mm256_storeu_ps(c + row * c_step + 8, _mm256_fmadd_ps(high, _mm256_mul_ps(worth, high_worth), high_bias));
  }
}

AVX2 void multiply_avx2(const Rows& rows, int64_t count, const Panel& panel, float* c, int64_t c_step) {
  for (int64_t row = 0; row < count;) {
    const Rows rest = rows.from(row);
    const int64_t some = count - row >= 4 ? 4 : 1;
    for (int64_t column = 0; column < WIDTH; column += 16) {
      if (some == 4) {
        multiply_avx2_rows<4>(rest, panel, column, c + row * c_step, c_step);
      } else {
        multiply_avx2_rows<1>(rest, panel, column, c + row * c_step, c_step);
      }
    }
    row += some;
  }
}
#endif

const Kernel& kernel() {
#if defined(__x86_64__)
  static constexpr Kernel vnni{127, multiply_vnni};
  // Two products of these with bytes up to 255 are a number of 16 bits.
  static constexpr Kernel avx2{64, multiply_avx2};
  static_assert(2 * 64 * 255 <= INT16_MAX);
  if (tile().lanes == 16 && __builtin_cpu_supports("avx512vnni")) {
    return vnni;
  }
  if (tile().lanes >= 8) {
    return avx2;
  }
#endif
  static constexpr Kernel plain{127, multiply_plain};
  return plain;
}

#if defined(__x86_64__)
#define FOR_EACH_MACHINE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_MACHINE
#endif

// A row as bytes from -`most` to `most`; `worth` is what one is worth, `start` takes off what weights around 128 add.
FOR_EACH_MACHINE
void quantize_row(const float* row, int64_t length, int32_t most, int8_t* to, float* worth, int32_t* start) {
  float largest = 0.0f;
  // Stays nothing, unless there is what is no number.
  float nothing = 0.0f;
#pragma omp simd reduction(max : largest) reduction(+ : nothing)
  for (int64_t i = 0; i < length; ++i) {
    largest = std::fabs(row[i]) > largest ? std::fabs(row[i]) : largest;
    nothing += row[i] * 0.0f;
  }
  // A row of zeros stays one.
  const float step = largest > 1e-30f ? largest / static_cast<float>(most) : 1.0f;
  const float inverse = 1.0f / step;
  int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < length; ++i) {
    const float around_128 = row[i] * inverse + 128.5f;
    const int32_t value = static_cast<int32_t>(around_128 > 0.0f ? around_128 : 0.0f) - 128;
    to[i] = static_cast<int8_t>(value);
    sum += value;
  }
  *worth = step + nothing;
  *start = -128 * sum;
}

// The bytes of a product's input, and who holds them.
struct Quantized {
  Tensor bytes, worth, starts;
  Rows rows;
};

// `input` [rows, inputs], each row with zeros up to `step`.
Quantized quantized(const Tensor& input, int64_t step, int32_t most) {
  const int64_t rows = input.size(0), inputs = input.size(1);
  Tensor all_bytes = at::empty({rows, step}, input.options().dtype(at::kChar));
  Tensor all_worth = at::empty({rows}, input.options());
  Tensor all_starts = at::empty({rows}, input.options().dtype(at::kInt));
  const float* from = input.const_data_ptr<float>();
  int8_t* to = all_bytes.mutable_data_ptr<int8_t>();
  float* worth = all_worth.mutable_data_ptr<float>();
  int32_t* starts = all_starts.mutable_data_ptr<int32_t>();
  // Waking a thread takes some microseconds.
  const int64_t at_least = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, inputs));
  at::parallel_for(0, rows, at_least, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      std::fill(to + row * step + inputs, to + (row + 1) * step, 0);
      quantize_row(from + row * inputs, inputs, most, to + row * step, worth + row, starts + row);
    }
  });
  return Quantized{all_bytes, all_worth, all_starts, Rows{to, step, worth, starts}};
}

bool is_plain(const Tensor& tensor, at::ScalarType kind) {
  return tensor.is_cpu() && tensor.is_contiguous() && tensor.scalar_type() == kind;
}

}  // namespace

extern "C" {

// Lays out the weight [outputs, inputs] of signed bytes: [panels, quads, WIDTH, QUAD] around 128.
int inference_pack_bytes(Tensor** out, char** error, const Tensor* weight) {
  return guarded(error, [&] {
    TORCH_CHECK(is_plain(*weight, at::kChar) && weight->dim() == 2, "a matrix of signed bytes is needed");
    const int64_t outputs = weight->size(0), inputs = weight->size(1);
    TORCH_CHECK(inputs <= INPUTS_MAX, "a product in 8 bits has at most ", INPUTS_MAX, " inputs");
    const int64_t panels = rounded_up(outputs, WIDTH) / WIDTH, quads = rounded_up(inputs, QUAD) / QUAD;
    Tensor packed = at::full({panels, quads, WIDTH, QUAD}, 128, weight->options().dtype(at::kByte));
    const int8_t* from = weight->const_data_ptr<int8_t>();
    uint8_t* to = packed.mutable_data_ptr<uint8_t>();
    at::parallel_for(0, panels, 1, [&](int64_t begin, int64_t end) {
      for (int64_t output = begin * WIDTH; output < std::min(end * WIDTH, outputs); ++output) {
        uint8_t* column = to + (output / WIDTH * quads * WIDTH + output % WIDTH) * QUAD;
        for (int64_t input = 0; input < inputs; ++input) {
          column[input / QUAD * WIDTH * QUAD + input % QUAD] =
              static_cast<uint8_t>(from[output * inputs + input] + 128);
        }
      }
    });
    *out = new Tensor(std::move(packed));
  });
}

// `input` [rows, inputs] in float32, each row as bytes, by a weight of `inference_pack_bytes` whose bytes are worth
// `worth` [outputs], plus `bias` [outputs] if given, through gelu if that follows. Gives [rows, outputs] in float32.
int inference_product_bytes(Tensor** out, char** error, const Tensor* input, const Tensor* weight, const Tensor* worth,
                            const Tensor* bias, int gelu) {
  return guarded(error, [&] {
    TORCH_CHECK(is_plain(*input, at::kFloat) && input->dim() == 2, "rows of float32 are needed");
    TORCH_CHECK(is_plain(*weight, at::kByte) && weight->dim() == 4 && weight->size(2) == WIDTH &&
                    weight->size(3) == QUAD,
                "a packed weight is needed");
    TORCH_CHECK(is_plain(*worth, at::kFloat), "what the bytes of each output are worth is needed");
    const int64_t rows = input->size(0), inputs = input->size(1), outputs = worth->numel(), quads = weight->size(1);
    TORCH_CHECK(quads * QUAD == rounded_up(inputs, QUAD) && outputs > 0 &&
                    rounded_up(outputs, WIDTH) == weight->size(0) * WIDTH,
                "a weight for these inputs and outputs is needed");
    TORCH_CHECK(bias == nullptr || (is_plain(*bias, at::kFloat) && bias->numel() == outputs),
                "a bias for each output is needed");

    const Kernel& chosen = kernel();
    const Quantized bytes = quantized(*input, quads * QUAD, chosen.largest);
    Tensor result = at::empty({rows, outputs}, input->options());
    const uint8_t* weights = weight->const_data_ptr<uint8_t>();
    const float* worths = worth->const_data_ptr<float>();
    const float* biases = bias == nullptr ? nullptr : bias->const_data_ptr<float>();
    const Output output{result.mutable_data_ptr<float>(), rows, outputs, gelu != 0};
    for_each_part(output, [&](const Part& part) {
      const int64_t first = part.first_output();
      float panel_worth[WIDTH] = {}, panel_bias[WIDTH] = {};
      std::copy_n(worths + first, part.outputs(output), panel_worth);
      if (biases != nullptr) {
        std::copy_n(biases + first, part.outputs(output), panel_bias);
      }
      const Panel panel{weights + first * quads * QUAD, quads, panel_worth, panel_bias};
      fill(output, part, ROWS_MAX, [&](int64_t row, int64_t count, float* c, int64_t c_step) {
        chosen.multiply(bytes.rows.from(row), count, panel, c, c_step);
      });
    });
    *out = new Tensor(std::move(result));
  });
}

// What an input's bytes reach on this machine.
int inference_largest_byte() { return kernel().largest; }

}  // extern "C"
