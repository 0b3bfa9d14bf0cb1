#pragma once

#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1  // the C++ bindings were removed from MPI and warn
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// The only place that calls MPI. Every failure throws core::Error with MPI's own message.
namespace trainyard::comm::mpi {

/// The library's own description of itself, its first line ("Open MPI v4.1.4, ..."). MPI need not be up.
std::string library_version();

/// MPI for the life of this object; one per process.
class Environment {
 public:
  /// @throws core::Error when MPI does not start, was started before or lacks MPI_THREAD_MULTIPLE.
  Environment();
  /// Finalises, which is collective; not while an exception unwinds, when the other ranks may never come.
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  static bool is_up() noexcept;
  /// Ends every rank with exit_code. Returns when MPI is not up.
  static void abort(int exit_code) noexcept;

 private:
  int exceptions_at_start_;
};

/// Non-blocking operations under way. Those still pending when the set dies are abandoned: their buffers must then stay
/// until the process ends.
class Requests {
 public:
  Requests() = default;
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  /// Makes progress; true once all have ended. @throws core::Error when one failed, as a message does that is not of
  /// the size that its receiver expects.
  bool test();

 private:
  friend class Comm;
  static constexpr int kAnySize = -1;
  MPI_Request* add(int expected_bytes = kAnySize);

  std::vector<MPI_Request> requests_;
  std::vector<MPI_Status> statuses_;
  std::vector<int> expected_bytes_;  ///< of each request's message
};

/// A communicator of its own: its messages never meet another's. Sizes are in bytes, of any length.
class Comm {
 public:
  /// All ranks; collective.
  static Comm world();
  ~Comm();
  Comm(Comm&& other) noexcept;
  Comm& operator=(Comm&&) = delete;

  /// The same ranks; collective.
  Comm dup() const;
  /// The ranks of the same color (0 and more), in the order of their keys, then of their ranks; collective.
  Comm split(int color, int key) const;
  /// The ranks that share this one's memory; collective.
  Comm split_shared_memory() const;

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// A message past 1 GiB travels as several requests under one tag.
  void isend(const void* data, std::int64_t bytes, int to, int tag, Requests& requests) const;
  void irecv(void* data, std::int64_t bytes, int from, int tag, Requests& requests) const;
  void ibroadcast(void* data, std::int64_t bytes, int root, Requests& requests) const;
  /// output: size() blocks of `bytes`. At most 1 GiB a block. input may be this rank's own block of output.
  void iall_gather(const void* input, void* output, std::int64_t bytes, Requests& requests) const;
  void ibarrier(Requests& requests) const;

 private:
  explicit Comm(MPI_Comm comm);

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace trainyard::comm::mpi
