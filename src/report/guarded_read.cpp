#include "report/guarded_read.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <fstream>
#include <new>
#include <optional>
#include <span>

#include "core/error.h"
#include "report/wire.h"

namespace trainyard::report {
namespace {

/// What a child sends for each file, in front of the log's bytes or the error's text.
struct Header {
  std::uint64_t size = 0;
  std::uint64_t is_log = 0;
};

/// Memory for reading one log: some ten million steps.
constexpr std::uint64_t kReadingBytes = std::uint64_t{4} << 30;

class Pipe {
 public:
  Pipe() {
    if (::pipe(ends_) != 0) throw core::Error(std::string("cannot read logs: pipe: ") + std::strerror(errno));
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void close(int end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

bool write_whole(int descriptor, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
void limit_memory() {}  // a sanitizer maps terabytes
#else
/// Lets this process map kReadingBytes beyond what it has: what a damaged log may cost.
void limit_memory() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const std::uint64_t bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + kReadingBytes;
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur <= bytes) return;
  limit.rlim_cur = bytes;
  static_cast<void>(::setrlimit(RLIMIT_AS, &limit));  // lowering it cannot fail, and without it the read works too
}
#endif

/// The child's life: reads files until the last, or until nobody listens.
[[noreturn]] void read_and_send(std::span<const LogFile> files, const std::function<RankLog(const LogFile&)>& read,
                                int descriptor) {
  limit_memory();
  for (const LogFile& file : files) {
    std::string bytes;
    Header header;
    try {
      bytes = to_bytes(read(file));
      header.is_log = 1;
    } catch (const std::bad_alloc&) {
      bytes = fmt::format("damaged: reading it takes more than {} GiB of memory", kReadingBytes >> 30);
    } catch (const std::exception& error) {
      bytes = error.what();
    }
    header.size = bytes.size();
    if (!write_whole(descriptor, &header, sizeof header) || !write_whole(descriptor, bytes.data(), bytes.size())) break;
  }
  ::_exit(0);  // not exit: what the parent has buffered is the parent's to write
}

class Child {
 public:
  Child(std::span<const LogFile> files, const std::function<RankLog(const LogFile&)>& read,
        std::chrono::milliseconds patience)
      : patience_(patience), process_(::fork()) {
    if (process_ < 0) throw core::Error(std::string("cannot read logs: fork: ") + std::strerror(errno));
    if (process_ == 0) {
      pipe_.close(0);
      read_and_send(files, read, pipe_.writing());
    }
    pipe_.close(1);
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The next file's result; none where the child died or stood still over it, and then `why` says so.
  std::optional<ReadResult> next(std::string& why) {
    Header header;
    std::string bytes;
    if (!receive(reinterpret_cast<char*>(&header), sizeof header)) return give_up(why);
    bytes.resize(header.size);
    if (!receive(bytes.data(), bytes.size())) return give_up(why);
    if (header.is_log == 0) return ReadResult(std::move(bytes));
    return ReadResult(from_bytes(bytes));
  }

 private:
  bool receive(char* at, std::size_t size) {
    while (size > 0) {
      pollfd ready{pipe_.reading(), POLLIN, 0};
      const int events = ::poll(&ready, 1, static_cast<int>(patience_.count()));
      if (events < 0 && errno == EINTR) continue;
      timed_out_ = events == 0;
      if (events <= 0) return false;
      const ssize_t got = ::read(pipe_.reading(), at, size);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

  std::optional<ReadResult> give_up(std::string& why) {
    const int status = end();
    if (timed_out_) {
      why = fmt::format("damaged: reading it did not end within {:g} s", static_cast<double>(patience_.count()) / 1e3);
    } else if (WIFSIGNALED(status)) {
      why = fmt::format("damaged: the HDF5 library crashed on it (signal {})", WTERMSIG(status));
    } else {
      why = "reading it ended early";
    }
    return std::nullopt;
  }

  /// Kills the child if it still runs; its exit status.
  int end() {
    int status = 0;
    if (process_ <= 0) return status;
    // one that died keeps its own status; one that stands still, or whose results are not wanted, is killed
    if (timed_out_ || std::uncaught_exceptions() > 0) ::kill(process_, SIGKILL);
    pipe_.close(0);
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR)
      continue;
    process_ = -1;
    return status;
  }

  Pipe pipe_;
  std::chrono::milliseconds patience_;
  bool timed_out_ = false;
  pid_t process_;
};

}  // namespace

std::vector<ReadResult> read_guarded(const std::vector<LogFile>& files,
                                     const std::function<RankLog(const LogFile&)>& read,
                                     std::chrono::milliseconds patience) {
  std::vector<ReadResult> results;
  results.reserve(files.size());
  while (results.size() < files.size()) {
    const std::span<const LogFile> rest(files.data() + results.size(), files.size() - results.size());
    Child child(rest, read, patience);
    std::string why;
    while (results.size() < files.size()) {
      std::optional<ReadResult> result = child.next(why);
      if (!result) {
        results.emplace_back(std::move(why));
        break;
      }
      results.push_back(std::move(*result));
    }
  }
  return results;
}

}  // namespace trainyard::report
