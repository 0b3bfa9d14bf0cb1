#include "report/guarded_read.h"

#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <exception>
#include <fstream>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "core/descriptor.h"
#include "core/error.h"
#include "report/shared_memory.h"
#include "report/wire.h"

namespace trainyard::report {
namespace {

/// What a child sends for each file: a log too large for the socket lies in the shared memory; the bytes of another
/// one, or the error's text, follow.
struct Header {
  enum class Kind : std::uint64_t { kError, kLog, kSharedLog };
  Kind kind = Kind::kError;
  std::uint64_t size = 0;
};

/// Logs from this size on go through the shared memory.
constexpr std::size_t kSharedBytes = std::size_t{64} << 10;

/// Files that a child is given ahead, so that it need not wait for the parent between two of them.
constexpr std::size_t kAhead = 2;

/// Memory for reading one log: some ten million steps.
constexpr std::uint64_t kReadingBytes = std::uint64_t{4} << 30;

/// Where in the shared memory the n-th log of a child lies: in turn in as many places as logs can wait for the parent.
std::uint64_t place_of(std::size_t n) {
  return n % kAhead * kReadingBytes;
}

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* call) {
  throw core::Error(std::string("cannot read logs: ") + call + ": " + core::system_error_text(errno));
}

/// Both ends of a connection between parent and child.
class Sockets {
 public:
  enum End { kParent, kChild };

  Sockets() {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()) != 0) fail("socketpair");
  }
  ~Sockets() {
    close(kParent);
    close(kChild);
  }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  int descriptor(End end) const { return ends_[end]; }
  void close(End end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }
  /// False where the other end is gone.
  bool send(End end, const void* data, std::size_t size) const {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t sent = ::send(ends_[end], at, size, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return false;
      at += sent;
      size -= static_cast<std::size_t>(sent);
    }
    return true;
  }
  bool receive(End end, void* data, std::size_t size) const {
    char* at = static_cast<char*>(data);
    while (size > 0) {
      const ssize_t got = ::recv(ends_[end], at, size, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

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

/// Keeps what was allocated for one log for the next one, instead of giving it back and asking for it again.
void keep_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

/// What all children share: the files, and how one is read.
struct Job {
  const std::vector<LogFile>& files;
  const std::function<RankLog(const LogFile&)>& read;
};

/// The child's life: reads the files whose numbers it is sent, until nobody sends more.
[[noreturn]] void read_and_send(const Job& job, const Sockets& sockets, const SharedMemory& memory) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // later children hold this one's connection open too
  ::signal(SIGXFSZ, SIG_IGN);          // a limit on files holds for shared memory too: what exceeds it is sent instead
  limit_memory();
  keep_memory();
  std::size_t file = 0;
  std::size_t shared = 0;
  while (sockets.receive(Sockets::kChild, &file, sizeof file)) {
    std::string bytes;
    Header header;
    try {
      bytes = to_bytes(job.read(job.files[file]));
      header.kind = Header::Kind::kLog;
    } catch (const std::bad_alloc&) {
      bytes = fmt::format("damaged: reading it takes more than {} GiB of memory", kReadingBytes >> 30);
    } catch (const std::exception& error) {
      bytes = error.what();
    }
    header.size = bytes.size();
    if (header.kind == Header::Kind::kLog && bytes.size() >= kSharedBytes && memory.write(place_of(shared), bytes)) {
      header.kind = Header::Kind::kSharedLog;
      ++shared;
      bytes.clear();
    }
    if (!sockets.send(Sockets::kChild, &header, sizeof header) ||
        !sockets.send(Sockets::kChild, bytes.data(), bytes.size()))
      break;
  }
  ::_exit(0);  // not exit: what the parent has buffered is the parent's to write
}

/// What became of one file.
struct Outcome {
  std::size_t file = 0;
  ReadResult result;
};

/// A child process and the files that it was given and has not answered for.
class Worker {
 public:
  Worker(const Job& job, Blocks& blocks) : job_(job), blocks_(blocks) {}
  ~Worker() { end(true); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  std::size_t assigned() const { return assigned_.size(); }
  int descriptor() const { return sockets_->descriptor(Sockets::kParent); }
  Clock::time_point last_progress() const { return last_progress_; }

  void assign(std::size_t file) {
    if (assigned_.empty()) last_progress_ = Clock::now();
    assigned_.push_back(file);
    if (process_ < 0) {
      start();
    } else {
      hand_over(file);
    }
  }

  /// Takes what the child has sent. A child that has ended over a file is followed by another.
  std::optional<Outcome> receive() {
    const bool in_header = got_ < sizeof header_;
    char* to = in_header ? reinterpret_cast<char*>(&header_) + got_ : bytes_.data() + (got_ - sizeof header_);
    const std::size_t wanted = (in_header ? sizeof header_ : sizeof header_ + bytes_.size()) - got_;
    const ssize_t got = ::recv(descriptor(), to, wanted, 0);
    if (got < 0 && errno == EINTR) return std::nullopt;
    if (got <= 0) {
      const int status = end(false);
      return give_up(WIFSIGNALED(status)
                         ? fmt::format("damaged: the HDF5 library crashed on it (signal {})", WTERMSIG(status))
                         : "reading it ended early");
    }
    got_ += static_cast<std::size_t>(got);
    last_progress_ = Clock::now();
    if (in_header && got_ == sizeof header_ && header_.kind != Header::Kind::kSharedLog) bytes_.resize(header_.size);
    if (got_ < sizeof header_ || got_ < sizeof header_ + bytes_.size()) return std::nullopt;
    return settle(result());
  }

  /// For a child that has stood still over a file.
  Outcome abandon(std::chrono::milliseconds patience) {
    end(true);
    return give_up(
        fmt::format("damaged: reading it did not end within {:g} s", static_cast<double>(patience.count()) / 1e3));
  }

 private:
  void start() {
    sockets_.emplace();
    shared_ = 0;
    process_ = ::fork();
    if (process_ < 0) fail("fork");
    if (process_ == 0) {
      sockets_->close(Sockets::kParent);
      read_and_send(job_, *sockets_, memory_);
    }
    sockets_->close(Sockets::kChild);
    last_progress_ = Clock::now();
    for (const std::size_t file : assigned_)
      hand_over(file);
  }

  /// A child that is gone shows when its answer is read.
  void hand_over(std::size_t file) { static_cast<void>(sockets_->send(Sockets::kParent, &file, sizeof file)); }

  ReadResult result() {
    if (header_.kind == Header::Kind::kError) return bytes_;
    if (header_.kind == Header::Kind::kLog) return from_bytes(bytes_);
    const std::shared_ptr<char> bytes = blocks_.take(header_.size);
    memory_.read(place_of(shared_++), bytes.get(), header_.size);
    return from_bytes({bytes.get(), header_.size}, bytes);
  }

  Outcome settle(ReadResult result) {
    Outcome outcome{assigned_.front(), std::move(result)};
    assigned_.pop_front();
    got_ = 0;
    bytes_.clear();
    return outcome;
  }

  Outcome give_up(std::string why) {
    Outcome outcome = settle(std::move(why));
    if (!assigned_.empty()) start();
    return outcome;
  }

  /// Waits for the child, killed first where its results are not wanted any more; its exit status.
  int end(bool kill) {
    int status = 0;
    if (process_ <= 0) return status;
    if (kill) ::kill(process_, SIGKILL);
    sockets_->close(Sockets::kParent);
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR)
      continue;
    process_ = -1;
    return status;
  }

  Job job_;
  Blocks& blocks_;
  std::deque<std::size_t> assigned_;
  SharedMemory memory_;
  std::size_t shared_ = 0;  ///< logs that came through the memory from this child
  std::optional<Sockets> sockets_;
  pid_t process_ = -1;
  Header header_;
  std::string bytes_;
  std::size_t got_ = 0;  ///< of header and bytes
  Clock::time_point last_progress_;
};

/// As many children as there are cores, but none for less than a few files.
std::size_t worker_count(std::size_t files) {
  constexpr std::size_t kFewestFiles = 4;
  constexpr std::size_t kMostWorkers = 16;
  const std::size_t cores = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostWorkers);
  return std::clamp<std::size_t>(files / kFewestFiles, 1, cores);
}

}  // namespace

std::vector<ReadResult> read_guarded(const std::vector<LogFile>& files,
                                     const std::function<RankLog(const LogFile&)>& read,
                                     std::chrono::milliseconds patience) {
  std::vector<ReadResult> results(files.size());
  Blocks blocks;
  std::vector<std::unique_ptr<Worker>> workers;
  std::size_t given = 0;
  const auto give = [&](Worker& worker) {
    while (given < files.size() && worker.assigned() < kAhead)
      worker.assign(given++);
  };
  const auto keep = [&](Worker& worker, Outcome outcome) {
    results[outcome.file] = std::move(outcome.result);
    give(worker);
  };
  for (std::size_t w = 0; w < std::min(worker_count(files.size()), files.size()); ++w) {
    workers.push_back(std::make_unique<Worker>(Job{files, read}, blocks));
    give(*workers.back());
  }
  while (!workers.empty()) {
    std::vector<pollfd> ready;
    Clock::time_point oldest = Clock::time_point::max();
    for (const auto& worker : workers) {
      ready.push_back({worker->descriptor(), POLLIN, 0});
      oldest = std::min(oldest, worker->last_progress());
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(oldest + patience - Clock::now());
    const int wait_ms = static_cast<int>(std::max<std::int64_t>(0, left.count() + 1));
    if (::poll(ready.data(), ready.size(), wait_ms) < 0 && errno != EINTR) fail("poll");
    for (std::size_t w = 0; w < workers.size(); ++w) {
      Worker& worker = *workers[w];
      if (ready[w].revents != 0) {
        if (std::optional<Outcome> outcome = worker.receive()) keep(worker, std::move(*outcome));
      } else if (Clock::now() - worker.last_progress() > patience) {
        keep(worker, worker.abandon(patience));
      }
    }
    std::erase_if(workers, [](const auto& worker) { return worker->assigned() == 0; });
  }
  return results;
}

}  // namespace trainyard::report
