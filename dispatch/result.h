#pragma once

#include <string>
#include <utility>

#include <boost/system/result.hpp>

// A value or the reason why there is none, in words for the person who asked.

namespace dispatch {

enum class ErrorKind {
  invalid,      // the argument is wrong: HTTP 400, CLI exit 2 at start
  exists,       // already there: HTTP 409
  not_found,    // no such queue, option, group: HTTP 404
  unfit,        // a message that the queue can't take as it is: MQTT 0x99
  full,         // no room, or paused: MQTT 0x97, HTTP 409
  unavailable,  // the world failed (journal, disk): HTTP 503
};

// `text` is one line that names the thing and the mend, without a final full stop.
struct Error {
  ErrorKind kind = ErrorKind::invalid;
  std::string text;
};

template <class T>
using Result = boost::system::result<T, Error>;

inline Error invalid(std::string text) { return {ErrorKind::invalid, std::move(text)}; }

// Found by argument-dependent lookup from result::value() on an error: a bug of ours.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& at);

}  // namespace dispatch
