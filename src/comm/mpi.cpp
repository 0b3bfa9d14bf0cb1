#include "comm/mpi.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/error.h"

namespace trainyard::comm::mpi {
namespace {

constexpr std::int64_t kLargestMessage = std::int64_t{1} << 30;  // counts are int

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  throw core::Error(std::string(call) + " failed: " +
                    (length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::to_string(code)));
}

}  // namespace

std::string library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  check(MPI_Get_library_version(text, &length), "MPI_Get_library_version");
  const std::string version(text, static_cast<std::size_t>(length));
  return version.substr(0, version.find_first_of(",\n"));
}

Environment::Environment() : exceptions_at_start_(std::uncaught_exceptions()) {
  int initialised = 0;
  check(MPI_Initialized(&initialised), "MPI_Initialized");
  if (initialised) throw core::Error("MPI was started twice in this process; call comm::bootstrap() once");
  int provided = MPI_THREAD_SINGLE;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  if (provided < MPI_THREAD_MULTIPLE)
    throw core::Error("this MPI library does not support MPI_THREAD_MULTIPLE; load a build of it that does");
}

Environment::~Environment() {
  if (std::uncaught_exceptions() > exceptions_at_start_ || !is_up()) return;
  MPI_Finalize();  // nobody is left to tell when it fails
}

bool Environment::is_up() noexcept {
  int initialised = 0;
  int finalised = 0;
  return MPI_Initialized(&initialised) == MPI_SUCCESS && initialised && MPI_Finalized(&finalised) == MPI_SUCCESS &&
         !finalised;
}

void Environment::abort(int exit_code) noexcept {
  if (is_up()) MPI_Abort(MPI_COMM_WORLD, exit_code);
}

bool Requests::test() {
  if (requests_.empty()) return true;
  statuses_.resize(requests_.size());
  int all = 0;
  const int code = MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &all, statuses_.data());
  if (code == MPI_ERR_IN_STATUS)
    for (const MPI_Status& status : statuses_)
      if (status.MPI_ERROR != MPI_ERR_PENDING) check(status.MPI_ERROR, "a message");
  check(code, "MPI_Testall");
  if (!all) return false;
  for (std::size_t i = 0; i < statuses_.size(); ++i) {
    if (expected_bytes_[i] == kAnySize) continue;
    int bytes = 0;
    check(MPI_Get_count(&statuses_[i], MPI_BYTE, &bytes), "MPI_Get_count");
    if (bytes != expected_bytes_[i])
      throw core::Error("a message of " + std::to_string(bytes) + " bytes came from rank " +
                        std::to_string(statuses_[i].MPI_SOURCE) + ", where " + std::to_string(expected_bytes_[i]) +
                        " were expected");
  }
  requests_.clear();
  expected_bytes_.clear();
  return true;
}

MPI_Request* Requests::add(int expected_bytes) {
  expected_bytes_.push_back(expected_bytes);
  requests_.push_back(MPI_REQUEST_NULL);
  return &requests_.back();
}

Comm::Comm(MPI_Comm comm) : comm_(comm) {
  check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

Comm::Comm(Comm&& other) noexcept
    : comm_(std::exchange(other.comm_, MPI_COMM_NULL)), rank_(other.rank_), size_(other.size_) {}

Comm::~Comm() {
  // Freeing may wait for the other ranks, which may never come when an exception unwinds this one.
  if (comm_ != MPI_COMM_NULL && std::uncaught_exceptions() == 0 && Environment::is_up()) MPI_Comm_free(&comm_);
}

Comm Comm::world() {
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(MPI_COMM_WORLD, &copy), "MPI_Comm_dup");
  return Comm(copy);
}

Comm Comm::dup() const {
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(comm_, &copy), "MPI_Comm_dup");
  return Comm(copy);
}

Comm Comm::split(int color, int key) const {
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split(comm_, color, key, &part), "MPI_Comm_split");
  return Comm(part);
}

Comm Comm::split_shared_memory() const {
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  return Comm(node);
}

void Comm::isend(const void* data, std::int64_t bytes, int to, int tag, Requests& requests) const {
  const auto* from = static_cast<const std::byte*>(data);
  for (std::int64_t begin = 0; begin < bytes; begin += kLargestMessage) {
    const int count = static_cast<int>(std::min(kLargestMessage, bytes - begin));
    check(MPI_Isend(from + begin, count, MPI_BYTE, to, tag, comm_, requests.add()), "MPI_Isend");
  }
}

void Comm::irecv(void* data, std::int64_t bytes, int from, int tag, Requests& requests) const {
  auto* to = static_cast<std::byte*>(data);
  for (std::int64_t begin = 0; begin < bytes; begin += kLargestMessage) {
    const int count = static_cast<int>(std::min(kLargestMessage, bytes - begin));
    check(MPI_Irecv(to + begin, count, MPI_BYTE, from, tag, comm_, requests.add(count)), "MPI_Irecv");
  }
}

void Comm::ibroadcast(void* data, std::int64_t bytes, int root, Requests& requests) const {
  auto* buffer = static_cast<std::byte*>(data);
  for (std::int64_t begin = 0; begin < bytes; begin += kLargestMessage) {
    const int count = static_cast<int>(std::min(kLargestMessage, bytes - begin));
    check(MPI_Ibcast(buffer + begin, count, MPI_BYTE, root, comm_, requests.add()), "MPI_Ibcast");
  }
}

void Comm::iall_gather(const void* input, void* output, std::int64_t bytes, Requests& requests) const {
  if (bytes == 0) return;
  if (bytes > kLargestMessage) throw core::Error("all_gather of more than 1 GiB a rank: gather it in parts");
  const int count = static_cast<int>(bytes);
  if (input == static_cast<const std::byte*>(output) + rank_ * bytes) input = MPI_IN_PLACE;
  check(MPI_Iallgather(input, count, MPI_BYTE, output, count, MPI_BYTE, comm_, requests.add()), "MPI_Iallgather");
}

void Comm::ibarrier(Requests& requests) const {
  check(MPI_Ibarrier(comm_, requests.add()), "MPI_Ibarrier");
}

}  // namespace trainyard::comm::mpi
