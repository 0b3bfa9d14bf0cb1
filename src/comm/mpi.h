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

  /// Makes progress; true once all have ended.
  bool test();

 private:
  friend class Comm;
  MPI_Request* add();
  std::vector<MPI_Request> requests_;
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
  /// The ranks that share this one's memory; collective.
  Comm split_shared_memory() const;

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// A message past 1 GiB travels as several requests under one tag.
  void isend(const void* data, std::int64_t bytes, int to, int tag, Requests& requests) const;
  void irecv(void* data, std::int64_t bytes, int from, int tag, Requests& requests) const;
  void ibroadcast(void* data, std::int64_t bytes, int root, Requests& requests) const;
  /// output: size() blocks of `bytes`. At most 1 GiB a block.
  void iall_gather(const void* input, void* output, std::int64_t bytes, Requests& requests) const;
  void ibarrier(Requests& requests) const;

 private:
  explicit Comm(MPI_Comm comm);

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace trainyard::comm::mpi
