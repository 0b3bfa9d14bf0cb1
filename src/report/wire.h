#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "report/model.h"

namespace trainyard::report {

/// A log as bytes, to pass it from one process of this program to another on the same machine.
std::string to_bytes(const RankLog& log);

/// The same log again. core::Error where the bytes end early. With an owner, which keeps the bytes where they are, at
/// an address that divides by 8, the columns of its steps are not copied.
RankLog from_bytes(std::string_view bytes, const std::shared_ptr<const void>& owner = nullptr);

}  // namespace trainyard::report
