#include "comm/liveness.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "core/error.h"

namespace trainyard::comm {
namespace {

void check(int code, const char* call) {
  if (code != 0) throw core::Error(std::string(call) + " failed: " + std::strerror(code));
}

}  // namespace

void Liveness::prepare(pthread_mutex_t& mutex) {
  pthread_mutexattr_t attributes;
  check(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
  int code = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (code == 0) code = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (code == 0) code = pthread_mutex_init(&mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  check(code, "a robust mutex in shared memory");
}

bool Liveness::is_held(pthread_mutex_t& mutex) {
  const int code = pthread_mutex_trylock(&mutex);
  if (code == EBUSY) return true;
  if (code == EOWNERDEAD) pthread_mutex_consistent(&mutex);
  if (code == 0 || code == EOWNERDEAD) pthread_mutex_unlock(&mutex);  // for the next one who asks
  return false;
}

Liveness::Liveness(pthread_mutex_t& mutex) : mutex_(mutex) {
  check(pthread_mutex_lock(&mutex_), "pthread_mutex_lock");
}

Liveness::~Liveness() {
  pthread_mutex_unlock(&mutex_);
}

}  // namespace trainyard::comm
