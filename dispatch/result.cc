#include "dispatch/result.h"

#include "dispatch/invariant.h"

namespace dispatch {

void throw_exception_from_error(const Error& error, const boost::source_location& at) {
  invariant_failed(at.file_name(), static_cast<int>(at.line()), "result.has_value()",
                   error.text.c_str());
}

}  // namespace dispatch
