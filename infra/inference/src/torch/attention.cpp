// Attention of texts that lie one after the other, without padding: on the CPU by a kernel of our own, on a GPU by
// libtorch's fused ones. libtorch has none for the CPU that takes texts of unequal length at once.
//
// Every function gives 0 and sets `out`, or gives 1 and sets `error` to a text that the caller frees.

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_efficient_attention_forward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "border.h"
#include "tile.h"

using at::Tensor;

namespace {

// Queries of one task: enough that laying out the keys for them does not count.
constexpr int64_t QUERIES = 192;

// What all tasks of a call share. Distances in values, not bytes.
struct Texts {
  int64_t heads;
  int64_t head_size;
  // From a token's queries to the next token's; keys are `keys` behind the queries, values as far behind the keys.
  int64_t step;
  int64_t keys;
  // From a row of the result to the next.
  int64_t out_step;
  float scale;
  // For each head what is added for a key so far behind a query, from -(longest - 1) to longest - 1; or nothing.
  const float* bias;
  int64_t longest;
};

// A part of a text's queries, for one head.
struct Task {
  int64_t first_row;
  int64_t length;
  int64_t head;
  int64_t first_query;
  int64_t queries;
  int64_t out_row;
};

// Floats of its own that a thread needs for texts of up to `length` tokens.
struct Room {
  int64_t columns, width;
  std::vector<float> all;

  Room(int64_t length, int64_t head_size)
      : columns(rounded_up(length, WIDTH)),
        width(rounded_up(head_size, WIDTH)),
        all(head_size * columns + length * width + ROWS_MAX * (head_size + columns + width)) {}

  float* keys() { return all.data(); }                             // [head_size, columns]
  float* values(const Texts& texts) { return keys() + texts.head_size * columns; }  // [length, width]
  float* queries(const Texts& texts) {                             // [ROWS_MAX, head_size]
    return all.data() + all.size() - ROWS_MAX * (texts.head_size + columns + width);
  }
  float* scores(const Texts& texts) { return queries(texts) + ROWS_MAX * texts.head_size; }  // [ROWS_MAX, columns]
  float* sums(const Texts& texts) { return scores(texts) + ROWS_MAX * columns; }             // [ROWS_MAX, width]
};

// Keys side by side, so that a query sees many at once; some tokens together, as a place in memory is then written once.
template <typename Value>
void lay_out_keys(const Value* __restrict from, int64_t step, int64_t length, int64_t size, float* __restrict to,
                  int64_t columns) {
  constexpr int64_t TOGETHER = 8;
  int64_t token = 0;
  for (; token + TOGETHER <= length; token += TOGETHER) {
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t j = 0; j < TOGETHER; ++j) {
        to[i * columns + token + j] = static_cast<float>(from[(token + j) * step + i]);
      }
    }
  }
  for (; token < length; ++token) {
    for (int64_t i = 0; i < size; ++i) {
      to[i * columns + token] = static_cast<float>(from[token * step + i]);
    }
  }
}

template <typename Value>
void lay_out_values(const Value* __restrict from, int64_t step, int64_t length, int64_t size, float* __restrict to,
                    int64_t width) {
  for (int64_t token = 0; token < length; ++token) {
    for (int64_t i = 0; i < size; ++i) {
      to[token * width + i] = static_cast<float>(from[token * step + i]);
    }
  }
}

template <typename Value>
void attend(const Tile& tile, const Value* qkv, Value* out, const Texts& texts, const Task& task, Room& room) {
  const int64_t size = texts.head_size, length = task.length;
  const Value* head = qkv + task.first_row * texts.step + task.head * size;
  float* keys = room.keys();
  float* values = room.values(texts);
  float* queries = room.queries(texts);
  float* scores = room.scores(texts);
  float* sums = room.sums(texts);
  const int64_t columns = rounded_up(length, WIDTH), width = room.width;
  lay_out_keys(head + texts.keys, texts.step, length, size, keys, columns);
  lay_out_values(head + 2 * texts.keys, texts.step, length, size, values, width);
  for (int64_t done = 0; done < task.queries; done += tile.rows_max) {
    const int64_t first = task.first_query + done;
    const int64_t rows = std::min(tile.rows_max, task.queries - done);
    for (int64_t row = 0; row < rows; ++row) {
      const Value* query = head + (first + row) * texts.step;
      for (int64_t i = 0; i < size; ++i) {
        queries[row * size + i] = static_cast<float>(query[i]) * texts.scale;
      }
    }
    for (int64_t column = 0; column < columns; column += WIDTH) {
      tile.multiply(rows, queries, size, keys + column, columns, size, nullptr, scores + column, columns);
    }
    float whole[ROWS_MAX];
    for (int64_t row = 0; row < rows; ++row) {
      float* of_row = scores + row * columns;
      if (texts.bias != nullptr) {
        const float* bias = texts.bias + task.head * (2 * texts.longest - 1) + texts.longest - 1 - (first + row);
        for (int64_t i = 0; i < length; ++i) {
          of_row[i] += bias[i];
        }
      }
      whole[row] = 1.0f / tile.exponentials(of_row, length);
    }
    for (int64_t column = 0; column < size; column += WIDTH) {
      tile.multiply(rows, scores, columns, values + column, width, length, nullptr, sums + column, width);
    }
    for (int64_t row = 0; row < rows; ++row) {
      Value* to = out + (task.out_row + done + row) * texts.out_step + task.head * size;
      for (int64_t i = 0; i < size; ++i) {
        to[i] = static_cast<Value>(sums[row * width + i] * whole[row]);
      }
    }
  }
}

template <typename Value>
void attend_all(const Tensor& qkv, Tensor& out, const Texts& texts, const std::vector<Task>& tasks) {
  const Tile& chosen = tile();
  const Value* from = qkv.const_data_ptr<Value>();
  Value* to = out.mutable_data_ptr<Value>();
  std::atomic<size_t> next{0};
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), static_cast<int64_t>(tasks.size()));
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    Room room(texts.longest, texts.head_size);
    for (int64_t thread = begin; thread < end; ++thread) {
      for (size_t at = next++; at < tasks.size(); at = next++) {
        attend(chosen, from, to, texts, tasks[at], room);
      }
    }
  });
}

// The last texts first: they are the longest, and none of these should be left over at the end for one thread alone.
std::vector<Task> tasks(const int32_t* offsets, int64_t count, int64_t heads, bool first_only) {
  std::vector<Task> all;
  for (int64_t text = count - 1; text >= 0; --text) {
    const int64_t begin = offsets[text], length = offsets[text + 1] - begin;
    const int64_t looked = first_only ? 1 : length;
    for (int64_t query = 0; query < looked; query += QUERIES) {
      for (int64_t head = 0; head < heads; ++head) {
        all.push_back(Task{begin, length, head, query, std::min(QUERIES, looked - query),
                           (first_only ? text : begin) + query});
      }
    }
  }
  return all;
}

}  // namespace

extern "C" {

// Of `qkv` [rows, 3 x hidden], contiguous float32 or bfloat16: queries, keys and values side by side. Text n has the
// rows from `offsets`[n] to before `offsets`[n + 1]; `offsets` are int32. `bias`, if given, is float32 [heads, 2 x
// longest - 1]. Gives [out_rows, hidden]: a row for each token, or for each text's first one; those beyond are zero.
int inference_attention(Tensor** out, char** error, const Tensor* qkv, const Tensor* offsets, const Tensor* bias,
                        int64_t heads, int64_t out_rows, int first_only) {
  return guarded(error, [&] {
    TORCH_CHECK(qkv->is_cpu() && qkv->is_contiguous() && qkv->dim() == 2, "rows are needed");
    TORCH_CHECK(offsets->is_cpu() && offsets->is_contiguous() && offsets->scalar_type() == at::kInt &&
                    offsets->numel() > 0,
                "offsets are needed");
    const int64_t rows = qkv->size(0), hidden = qkv->size(1) / 3, texts = offsets->numel() - 1;
    TORCH_CHECK(heads > 0 && hidden > 0 && qkv->size(1) == 3 * hidden && hidden % heads == 0,
                "queries, keys and values of each head are needed");
    const int32_t* from = offsets->const_data_ptr<int32_t>();
    int64_t longest = 1;
    TORCH_CHECK(from[0] == 0 && from[texts] <= rows, "texts of these rows are needed");
    for (int64_t text = 0; text < texts; ++text) {
      TORCH_CHECK(from[text] < from[text + 1], "texts that are not empty are needed");
      longest = std::max<int64_t>(longest, from[text + 1] - from[text]);
    }
    TORCH_CHECK(out_rows >= (first_only != 0 ? texts : from[texts]), "a row for each result is needed");
    Texts shared{heads, hidden / heads, 3 * hidden, hidden, hidden,
                 1.0f / std::sqrt(static_cast<float>(hidden / heads)), nullptr, longest};
    if (bias != nullptr) {
      TORCH_CHECK(bias->is_cpu() && bias->is_contiguous() && bias->scalar_type() == at::kFloat && bias->dim() == 2 &&
                      bias->size(0) == heads && bias->size(1) % 2 == 1 && bias->size(1) >= 2 * longest - 1,
                  "a bias for each head and distance is needed");
      shared.bias = bias->const_data_ptr<float>();
      shared.longest = (bias->size(1) + 1) / 2;
    }
    const auto kind = qkv->scalar_type();
    TORCH_CHECK(kind == at::kFloat || kind == at::kBFloat16, "float32 or bfloat16 is needed");
    Tensor result = at::empty({out_rows, hidden}, qkv->options());
    const int64_t filled = first_only != 0 ? texts : from[texts];
    if (filled < out_rows) {
      result.narrow(0, filled, out_rows - filled).zero_();
    }
    const std::vector<Task> all = tasks(from, texts, heads, first_only != 0);
    if (kind == at::kFloat) {
      attend_all<float>(*qkv, result, shared, all);
    } else {
      attend_all<c10::BFloat16>(*qkv, result, shared, all);
    }
    *out = new Tensor(std::move(result));
  });
}

// The same on a GPU, without a bias: in bfloat16 by FlashAttention, in float32 by the memory-efficient kernel, both of
// which take the texts' offsets. `longest` is the tokens of the longest text. `first_rows`, if given, are the rows
// whose queries look, of which the first ones are the texts' first tokens; then they are the result's rows. Rows of no
// text hold anything.
int inference_attention_gpu(Tensor** out, char** error, const Tensor* qkv, const Tensor* offsets,
                            const Tensor* first_rows, int64_t heads, int64_t longest) {
  return guarded(error, [&] {
    const int64_t rows = qkv->size(0), hidden = qkv->size(1) / 3;
    const Tensor parts = qkv->view({rows, 3, heads, hidden / heads});
    Tensor queries = parts.select(1, 0);
    const Tensor keys = parts.select(1, 1), values = parts.select(1, 2);
    Tensor query_offsets = *offsets;
    int64_t longest_queries = longest;
    if (first_rows != nullptr) {
      queries = queries.index_select(0, *first_rows);
      query_offsets = at::arange(offsets->numel(), offsets->options());
      longest_queries = 1;
    }
    const Tensor seen =
        qkv->scalar_type() == at::kFloat
            ? std::get<0>(at::_efficient_attention_forward(queries.unsqueeze(0), keys.unsqueeze(0),
                                                           values.unsqueeze(0), std::nullopt, query_offsets, *offsets,
                                                           longest_queries, longest, 0.0, 0))
                  .squeeze(0)
            : std::get<0>(at::_flash_attention_forward(queries, keys, values, query_offsets, *offsets,
                                                       longest_queries, longest, 0.0, false, false));
    *out = new Tensor(seen.reshape({seen.size(0), hidden}));
  });
}

}  // extern "C"
