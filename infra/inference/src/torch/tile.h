// What our kernels of the CPU are made of, for the machine that the program runs on.
#pragma once

#include <cstdint>

// Columns that are computed together, a multiple of two registers of any machine.
constexpr int64_t WIDTH = 32;

// Rows that are computed together at most, on any machine.
constexpr int64_t ROWS_MAX = 12;

struct Tile {
  // Floats in a register.
  int lanes;
  // Rows whose sums stay in registers.
  int64_t rows_max;
  // c [rows, WIDTH] = start [WIDTH], if given, plus a [rows, depth] by b [depth, WIDTH], for at most `rows_max` rows.
  // Sums are made in the order of `depth`, whatever `rows` is.
  void (*multiply)(int64_t rows, const float* a, int64_t a_step, const float* b, int64_t b_step, int64_t depth,
                   const float* start, float* c, int64_t c_step);
  // Each of the scores as e to the power of how far it is below the largest; gives their sum. What is no number stays
  // that, and makes the sum that. Up to the next multiple of 16 there is room behind them, which is written to.
  float (*exponentials)(float* scores, int64_t length);
  void (*gelu)(float* values, int64_t length);
};

// The widest of which the machine is capable.
const Tile& tile();

inline int64_t rounded_up(int64_t count, int64_t step) { return (count + step - 1) / step * step; }
