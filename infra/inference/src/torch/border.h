// How a function of C++ fails towards its caller.
#pragma once

#include <c10/util/Exception.h>

#include <cstring>
#include <exception>

// 0; or 1, and `error` is a text that the caller frees.
template <typename Compute>
int guarded(char** error, Compute compute) {
  try {
    compute();
    return 0;
  } catch (const c10::Error& failed) {
    *error = strdup(failed.what_without_backtrace());
  } catch (const std::exception& failed) {
    *error = strdup(failed.what());
  } catch (...) {
    *error = strdup("an unknown fault");
  }
  return 1;
}
