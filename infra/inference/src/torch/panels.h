// How a product is shared out among threads.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "tile.h"

// Calls `compute(first_row, rows, panel)` for each panel of WIDTH outputs and each part of the rows.
template <typename Compute>
void for_each_panel(int64_t rows, int64_t outputs, const Compute& compute) {
  // Rows of one task: a part of a weight is read once for all of them.
  constexpr int64_t ROWS = 96;
  const int64_t panels = rounded_up(outputs, WIDTH) / WIDTH;
  const int64_t row_parts = rounded_up(rows, ROWS) / ROWS;
  const int64_t threads = at::get_num_threads();
  // Few rows are shared out by single panels, so that no thread waits long for another.
  const int64_t together = row_parts >= threads ? 4 : 1;
  const int64_t panel_parts = rounded_up(panels, together) / together;
  std::atomic<int64_t> next{0};
  at::parallel_for(0, std::min(threads, row_parts * panel_parts), 1, [&](int64_t begin, int64_t end) {
    for (int64_t thread = begin; thread < end; ++thread) {
      for (int64_t part = next++; part < row_parts * panel_parts; part = next++) {
        const int64_t first_row = part / panel_parts * ROWS;
        const int64_t first = part % panel_parts * together;
        for (int64_t panel = first; panel < std::min(panels, first + together); ++panel) {
          compute(first_row, std::min(ROWS, rows - first_row), panel);
        }
      }
    }
  });
}
