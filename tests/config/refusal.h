#pragma once

#include <gmock/gmock.h>

#include <string>
#include <utility>

#include "core/error.h"

namespace trainyard::config::test {

/// The message with which `action` refuses, or a test failure and "" where it does not.
template <typename Action>
std::string refusal(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n")));
    return error.what();
  }
  ADD_FAILURE() << "was not refused";
  return "";
}

}  // namespace trainyard::config::test
