#include "core/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>

namespace trainyard::core {
namespace {

/// stdout is a terminal of the given width while it lives.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : former_(::dup(STDOUT_FILENO)) {
    winsize size{};
    size.ws_row = 25;
    size.ws_col = columns;
    EXPECT_EQ(::openpty(&master_, &slave_, nullptr, nullptr, &size), 0);
    EXPECT_EQ(::dup2(slave_, STDOUT_FILENO), STDOUT_FILENO);
  }
  ~Terminal() {
    ::dup2(former_, STDOUT_FILENO);
    for (const int fd : {former_, master_, slave_})
      ::close(fd);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

 private:
  int former_;
  int master_ = -1;
  int slave_ = -1;
};

TEST(Terminal, AsksTheTerminalForWidth) {
  const Terminal terminal(132);
  EXPECT_TRUE(is_terminal(Stream::kOut));
  EXPECT_EQ(terminal_width(Stream::kOut), 132);
}

TEST(Terminal, FallsBackToColumns) {
  const Terminal terminal(0);
  ::setenv("COLUMNS", "99", 1);
  EXPECT_EQ(terminal_width(Stream::kOut), 99);
  ::setenv("COLUMNS", "99x", 1);
  EXPECT_EQ(terminal_width(Stream::kOut, 70), 70);
  ::setenv("COLUMNS", "1", 1);
  EXPECT_EQ(terminal_width(Stream::kOut), 20);
  ::unsetenv("COLUMNS");
  EXPECT_EQ(terminal_width(Stream::kOut), 80);
}

TEST(Terminal, ColourFollowsNoColorAndTerm) {
  const Terminal terminal(80);
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  EXPECT_TRUE(colour_allowed(Stream::kOut));
  ::setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(colour_allowed(Stream::kOut));
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(colour_allowed(Stream::kOut));
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(colour_allowed(Stream::kOut));
}

TEST(Terminal, UnicodeFollowsTheLocale) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    ::unsetenv(name);
  EXPECT_FALSE(unicode_allowed());
  ::setenv("LANG", "en_US.utf8", 1);
  EXPECT_TRUE(unicode_allowed());
  ::setenv("LC_ALL", "C", 1);
  EXPECT_FALSE(unicode_allowed());
  ::setenv("LC_ALL", "C.UTF-8", 1);
  EXPECT_TRUE(unicode_allowed());
}

}  // namespace
}  // namespace trainyard::core
