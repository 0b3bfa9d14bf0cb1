#pragma once

#include <string>
#include <string_view>

#include "report/model.h"

namespace trainyard::report {

/// A log as bytes, to pass it from one process of this program to another on the same machine.
std::string to_bytes(const RankLog& log);

/// The same log again. core::Error where the bytes end early.
RankLog from_bytes(std::string_view bytes);

}  // namespace trainyard::report
