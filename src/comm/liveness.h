#pragma once

#include <pthread.h>

namespace trainyard::comm {

/// Tells processes on one node whether another is still there: each holds a robust mutex in shared memory for as long
/// as it lives, which the kernel releases when it dies, however that happens. Works across PID namespaces.
class Liveness {
 public:
  /// Once per mutex, before anybody uses it. @throws core::Error when the system has no robust mutexes.
  static void prepare(pthread_mutex_t& mutex);
  /// Whether the process that holds the mutex lives and has not let go.
  static bool is_held(pthread_mutex_t& mutex);

  /// Holds the mutex until destruction, which must be on the same thread.
  explicit Liveness(pthread_mutex_t& mutex);
  ~Liveness();
  Liveness(const Liveness&) = delete;
  Liveness& operator=(const Liveness&) = delete;

 private:
  pthread_mutex_t& mutex_;
};

}  // namespace trainyard::comm
