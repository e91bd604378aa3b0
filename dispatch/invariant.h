#pragma once

// INVARIANT(condition, "text"): our always-on assertion, for "we are wrong". On in release too: a
// queue that no longer knows its own state must not go on acknowledging. Prints file, line,
// condition and text to stderr, then aborts. (doctest owns CHECK and REQUIRE.)

namespace dispatch {

[[noreturn]] void invariant_failed(const char* file, int line, const char* condition,
                                   const char* text) noexcept;

}  // namespace dispatch

#define INVARIANT(condition, text)                                        \
  do {                                                                    \
    if (!(condition)) [[unlikely]]                                        \
      ::dispatch::invariant_failed(__FILE__, __LINE__, #condition, text); \
  } while (false)
