// The same few loops for each kind of machine, which is looked at when the program runs.
//
// Each loop is a function of its own: put together, the constants of one would take the registers of another's sums.

#include "tile.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#define INLINED inline __attribute__((always_inline))

namespace {

template <int LANES>
struct Register {
  typedef float Floats __attribute__((vector_size(4 * LANES)));
};

template <int LANES>
using Lanes = typename Register<LANES>::Floats;
static_assert(sizeof(Lanes<16>) == 64 && sizeof(Lanes<4>) == 16);

// Machines with 16 lanes have 32 registers, the others 16.
template <int LANES>
constexpr int rows_max = LANES == 16 ? 12 : 6;
static_assert(rows_max<16> <= ROWS_MAX);

// c [ROWS, 2 x LANES] = start [2 x LANES], if given, plus a [ROWS, depth] by b [depth, 2 x LANES]. Sums are made in the
// order of `depth`, whatever ROWS is.
template <int LANES, int ROWS>
INLINED void multiply_rows(const float* a, int64_t a_step, const float* b, int64_t b_step, int64_t depth,
                           const float* start, float* c, int64_t c_step) {
  Lanes<LANES> low{}, high{}, sums[ROWS][2];
  if (start != nullptr) {
    std::memcpy(&low, start, sizeof low);
    std::memcpy(&high, start + LANES, sizeof high);
  }
#pragma GCC unroll 12
  for (int row = 0; row < ROWS; ++row) {
    sums[row][0] = low;
    sums[row][1] = high;
  }
  // Three rows have one address, from which the machine counts steps: one for each would take more than there are.
  const float* rows[(ROWS + 2) / 3];
#pragma GCC unroll 4
  for (int row = 0; row < ROWS; row += 3) {
    rows[row / 3] = a + row * a_step;
  }
  for (int64_t k = 0; k < depth; ++k) {
    std::memcpy(&low, b, sizeof low);
    std::memcpy(&high, b + LANES, sizeof high);
    // A weight is read once and from memory, faster than the machine expects.
    __builtin_prefetch(b + 32 * b_step);
    __builtin_prefetch(b + 32 * b_step + LANES);
    b += b_step;
#pragma GCC unroll 12
    for (int row = 0; row < ROWS; ++row) {
      const float value = rows[row / 3][row % 3 * a_step];
      sums[row][0] += value * low;
      sums[row][1] += value * high;
    }
#pragma GCC unroll 4
    for (const float*& row : rows) {
      ++row;
    }
  }
#pragma GCC unroll 12
  for (int row = 0; row < ROWS; ++row) {
    std::memcpy(c + row * c_step, &sums[row][0], sizeof low);
    std::memcpy(c + row * c_step + LANES, &sums[row][1], sizeof high);
  }
}

template <int LANES, int ROWS = 1>
INLINED void multiply_rest(int64_t rows, const float* a, int64_t a_step, const float* b, int64_t b_step, int64_t depth,
                           const float* start, float* c, int64_t c_step) {
  if constexpr (ROWS < rows_max<LANES>) {
    if (rows != ROWS) {
      return multiply_rest<LANES, ROWS + 1>(rows, a, a_step, b, b_step, depth, start, c, c_step);
    }
  }
  multiply_rows<LANES, ROWS>(a, a_step, b, b_step, depth, start, c, c_step);
}

template <int LANES>
INLINED void multiply(int64_t rows, const float* a, int64_t a_step, const float* b, int64_t b_step, int64_t depth,
                      const float* start, float* c, int64_t c_step) {
  for (int64_t column = 0; column < WIDTH; column += 2 * LANES) {
    multiply_rest<LANES>(rows, a, a_step, b + column, b_step, depth, start == nullptr ? nullptr : start + column,
                         c + column, c_step);
  }
}

// e^x for x that is not positive: 2^n by the exponent and 2^f by its series up to the sixth power, whose relative error
// is below 2e-7 for f between -1/2 and 1/2. Below -69 it is nothing, but not so little that it takes longer. What is no
// number stays that.
INLINED float exponential(float x) {
  float y = x * 1.44269504f;
  y = y < -100.0f ? -100.0f : y;
  // Rounded to the nearest, since it is not positive.
  const int32_t whole = static_cast<int32_t>(y - 0.5f);
  const float f = y - static_cast<float>(whole);
  float power = 0.00133336f + f * 0.00015404f;
  power = 0.00961813f + f * power;
  power = 0.05550411f + f * power;
  power = 0.24022651f + f * power;
  power = 0.69314718f + f * power;
  power = 1.0f + f * power;
  const int32_t bits = (whole + 127) << 23;
  float exponent;
  std::memcpy(&exponent, &bits, sizeof exponent);
  return power * exponent;
}

// By the error function of Abramowitz and Stegun, 7.1.26, whose absolute error is below 1.5e-7.
INLINED float gelu(float x) {
  const float z = std::fabs(x) * 0.70710678f;
  const float t = 1.0f / (1.0f + 0.3275911f * z);
  const float tail =
      t * (0.25482959f + t * (-0.28449674f + t * (1.42141374f + t * (-1.45315203f + t * 1.06140543f)))) *
      exponential(-z * z);
  const float erf = x < 0.0f ? tail - 1.0f : 1.0f - tail;
  return 0.5f * x * (1.0f + erf);
}

INLINED float all_exponentials(float* scores, int64_t length) {
  // One by one the last ones would take as long as all others.
  const int64_t whole = rounded_up(length, 16);
  std::fill(scores + length, scores + whole, -INFINITY);
  float largest = scores[0];
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < whole; ++i) {
    largest = scores[i] > largest ? scores[i] : largest;
  }
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < whole; ++i) {
    scores[i] = exponential(scores[i] - largest);
    sum += scores[i];
  }
  return sum;
}

INLINED void all_gelu(float* values, int64_t length) {
#pragma omp simd
  for (int64_t i = 0; i < length; ++i) {
    values[i] = gelu(values[i]);
  }
}

// The loops as they are compiled for one kind of machine.
#define LOOPS(LANES, TARGET)                                                                                          \
  TARGET void multiply_##LANES(int64_t rows, const float* a, int64_t a_step, const float* b, int64_t b_step,          \
                               int64_t depth, const float* start, float* c, int64_t c_step) {                         \
    multiply<LANES>(rows, a, a_step, b, b_step, depth, start, c, c_step);                                             \
  }                                                                                                                   \
  TARGET float exponentials_##LANES(float* scores, int64_t length) { return all_exponentials(scores, length); }       \
  TARGET void gelu_##LANES(float* values, int64_t length) { all_gelu(values, length); }                               \
  constexpr Tile tile_##LANES = {LANES, rows_max<LANES>, multiply_##LANES, exponentials_##LANES, gelu_##LANES};

#if defined(__x86_64__)
LOOPS(16, __attribute__((target("arch=x86-64-v4"))))
LOOPS(8, __attribute__((target("arch=x86-64-v3"))))
#endif
LOOPS(4, )

const Tile& widest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) {
    return tile_16;
  }
  if (__builtin_cpu_supports("x86-64-v3")) {
    return tile_8;
  }
#endif
  return tile_4;
}

// Tests want what narrower machines do.
std::atomic<int> limit{16};

}  // namespace

const Tile& tile() {
  static const Tile& found = widest();
  const int most = limit.load(std::memory_order_relaxed);
#if defined(__x86_64__)
  if (found.lanes > most) {
    return most >= 8 ? tile_8 : tile_4;
  }
#endif
  return found;
}

// From now on registers are taken to hold at most so many floats.
extern "C" void inference_limit_lanes(int most) { limit = most; }
