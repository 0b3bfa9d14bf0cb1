#include "core/signals.h"

#include <string>

#include "core/descriptor.h"
#include "core/error.h"

namespace trainyard::core {

SignalBlock::SignalBlock() {
  sigset_t all;
  sigfillset(&all);
  if (const int error = ::pthread_sigmask(SIG_SETMASK, &all, &former_); error != 0) {
    throw Error("cannot block signals: " + system_error_text(error));
  }
}

SignalBlock::~SignalBlock() {
  ::pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

}  // namespace trainyard::core
