#include "report/guarded_read.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
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
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <thread>
#include <utility>

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

using Clock = std::chrono::steady_clock;

class Pipe {
 public:
  Pipe() {
    if (::pipe(ends_) != 0) throw core::Error(std::string("cannot read logs: pipe: ") + std::strerror(errno));
    static_cast<void>(::fcntl(ends_[0], F_SETPIPE_SZ, 1 << 20));  // fewer turns; it works without, too
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

/// Keeps what was allocated for one log for the next one, instead of giving it back and asking for it again.
void keep_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

/// The child's life: reads files until the last, or until nobody listens.
[[noreturn]] void read_and_send(std::span<const LogFile> files, const std::function<RankLog(const LogFile&)>& read,
                                int descriptor) {
  limit_memory();
  keep_memory();
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

/// A child process and the files that it reads, of which the first `done_` have their results.
class Worker {
 public:
  Worker(std::vector<LogFile> files, std::vector<std::size_t> places,
         const std::function<RankLog(const LogFile&)>& read)
      : files_(std::move(files)), places_(std::move(places)), read_(read) {
    start();
  }
  ~Worker() { end(true); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  bool finished() const { return done_ == files_.size(); }
  int descriptor() const { return pipe_->reading(); }
  Clock::time_point last_progress() const { return last_progress_; }

  /// Takes what the child has sent. A child that has ended over a file is followed by another.
  void receive(std::vector<ReadResult>& results) {
    const bool in_header = got_ < sizeof header_;
    char* to = in_header ? reinterpret_cast<char*>(&header_) + got_ : bytes_.data() + (got_ - sizeof header_);
    const std::size_t wanted = (in_header ? sizeof header_ : sizeof header_ + bytes_.size()) - got_;
    const ssize_t got = ::read(pipe_->reading(), to, wanted);
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
      const int status = end(false);
      give_up(WIFSIGNALED(status) ? fmt::format("damaged: the HDF5 library crashed on it (signal {})", WTERMSIG(status))
                                  : "reading it ended early",
              results);
      return;
    }
    got_ += static_cast<std::size_t>(got);
    last_progress_ = Clock::now();
    if (in_header && got_ == sizeof header_) bytes_.resize(header_.size);
    if (got_ < sizeof header_ || got_ < sizeof header_ + bytes_.size()) return;
    results[places_[done_]] = header_.is_log == 0 ? ReadResult(bytes_) : ReadResult(from_bytes(bytes_));
    advance();
  }

  /// For a child that has stood still over a file.
  void abandon(std::chrono::milliseconds patience, std::vector<ReadResult>& results) {
    end(true);
    give_up(fmt::format("damaged: reading it did not end within {:g} s", static_cast<double>(patience.count()) / 1e3),
            results);
  }

 private:
  void start() {
    pipe_.emplace();
    process_ = ::fork();
    if (process_ < 0) throw core::Error(std::string("cannot read logs: fork: ") + std::strerror(errno));
    if (process_ == 0) {
      pipe_->close(0);
      read_and_send(std::span<const LogFile>(files_).subspan(done_), read_, pipe_->writing());
    }
    pipe_->close(1);
    last_progress_ = Clock::now();
  }

  void give_up(std::string why, std::vector<ReadResult>& results) {
    results[places_[done_]] = std::move(why);
    advance();
    if (!finished()) start();
  }

  void advance() {
    ++done_;
    got_ = 0;
    bytes_.clear();
  }

  /// Waits for the child, killed first where its results are not wanted any more; its exit status.
  int end(bool kill) {
    int status = 0;
    if (process_ <= 0) return status;
    if (kill) ::kill(process_, SIGKILL);
    pipe_->close(0);
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR)
      continue;
    process_ = -1;
    return status;
  }

  std::vector<LogFile> files_;
  std::vector<std::size_t> places_;  ///< of the results
  const std::function<RankLog(const LogFile&)>& read_;
  std::size_t done_ = 0;
  std::optional<Pipe> pipe_;
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
  std::vector<std::unique_ptr<Worker>> workers;
  const std::size_t count = worker_count(files.size());
  for (std::size_t w = 0; w < std::min(count, files.size()); ++w) {
    std::vector<LogFile> share;
    std::vector<std::size_t> places;
    for (std::size_t i = w; i < files.size(); i += count) {
      share.push_back(files[i]);
      places.push_back(i);
    }
    workers.push_back(std::make_unique<Worker>(std::move(share), std::move(places), read));
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
    if (::poll(ready.data(), ready.size(), wait_ms) < 0 && errno != EINTR)
      throw core::Error(std::string("cannot read logs: poll: ") + std::strerror(errno));
    for (std::size_t w = 0; w < workers.size(); ++w) {
      if (ready[w].revents != 0) {
        workers[w]->receive(results);
      } else if (Clock::now() - workers[w]->last_progress() > patience) {
        workers[w]->abandon(patience, results);
      }
    }
    std::erase_if(workers, [](const auto& worker) { return worker->finished(); });
  }
  return results;
}

}  // namespace trainyard::report
