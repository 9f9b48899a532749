// How a product is shared out among threads, and put into its place.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "tile.h"

// Where a product goes: [rows, outputs], through gelu if that follows.
struct Output {
  float* values;
  int64_t rows, outputs;
  bool gelu;
};

// A panel of WIDTH outputs, of which the last one has fewer; some rows of it.
struct Part {
  int64_t panel, first_row, rows;

  int64_t first_output() const { return panel * WIDTH; }
  int64_t outputs(const Output& output) const { return std::min(WIDTH, output.outputs - first_output()); }
};

// Calls `compute` for each part of a product.
template <typename Compute>
void for_each_part(const Output& output, const Compute& compute) {
  // Rows of one task: a part of a weight is read once for all of them.
  constexpr int64_t ROWS = 96;
  const int64_t panels = rounded_up(output.outputs, WIDTH) / WIDTH;
  const int64_t row_parts = rounded_up(output.rows, ROWS) / ROWS;
  const int64_t threads = at::get_num_threads();
  // Few rows are shared out by single panels, so that no thread waits long for another.
  const int64_t together = row_parts >= threads ? 4 : 1;
  const int64_t panel_parts = rounded_up(panels, together) / together;
  std::atomic<int64_t> next{0};
  at::parallel_for(0, std::min(threads, row_parts * panel_parts), 1, [&](int64_t begin, int64_t end) {
    for (int64_t thread = begin; thread < end; ++thread) {
      for (int64_t task = next++; task < row_parts * panel_parts; task = next++) {
        const int64_t first_row = task / panel_parts * ROWS;
        const int64_t first = task % panel_parts * together;
        for (int64_t panel = first; panel < std::min(panels, first + together); ++panel) {
          compute(Part{panel, first_row, std::min(ROWS, output.rows - first_row)});
        }
      }
    }
  });
}

// Puts a part into its place: calls `multiply(row, count, c, c_step)` for `rows_max` rows at a time at most, of which
// c [count, WIDTH] becomes the product.
template <typename Multiply>
void fill(const Output& output, const Part& part, int64_t rows_max, const Multiply& multiply) {
  const auto gelu = tile().gelu;
  const int64_t columns = part.outputs(output);
  const bool whole = columns == WIDTH;
  float cut[ROWS_MAX * WIDTH];
  for (int64_t done = 0; done < part.rows; done += rows_max) {
    const int64_t row = part.first_row + done;
    const int64_t count = std::min(rows_max, part.rows - done);
    float* there = output.values + row * output.outputs + part.first_output();
    float* c = whole ? there : cut;
    const int64_t c_step = whole ? output.outputs : WIDTH;
    multiply(row, count, c, c_step);
    for (int64_t i = 0; i < count; ++i) {
      if (output.gelu) {
        gelu(c + i * c_step, WIDTH);
      }
      if (!whole) {
        std::copy_n(c + i * c_step, columns, there + i * output.outputs);
      }
    }
  }
}
