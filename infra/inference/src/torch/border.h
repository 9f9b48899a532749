// What the files beside it share: how a function of C++ fails towards its caller, and for which machines it is compiled.
#pragma once

#include <c10/util/Exception.h>

#include <cstring>
#include <exception>

// Chosen when the program starts: the same source for whatever the machine can do.
#define FOR_EACH_MACHINE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

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
