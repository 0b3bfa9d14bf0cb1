#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/error.h"

namespace trainyard::batch::test {

/// The message with which `action` ends in `Error`, or a test failure and "" where it does not.
template <typename Error = core::UsageError, typename Action>
std::string refusal(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  ADD_FAILURE() << "was not refused";
  return "";
}

}  // namespace trainyard::batch::test
