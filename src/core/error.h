#pragma once

#include <stdexcept>
#include <string>

namespace trainyard::core {

/// The work failed: exit status 1. The message is one line that names the file, key, rank or host and says the mend.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The request cannot be carried out as written: exit status 2, before any work starts.
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace trainyard::core
