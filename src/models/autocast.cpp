#include "models/autocast.h"

#include <ATen/autocast_mode.h>

namespace trainyard::models {

Autocast::Autocast(at::DeviceType device, at::ScalarType lower)
    : device_(device),
      enabled_before_(at::autocast::is_autocast_enabled(device)),
      cached_before_(at::autocast::is_autocast_cache_enabled()),
      lower_before_(at::autocast::get_autocast_dtype(device)) {
  at::autocast::set_autocast_enabled(device, true);
  at::autocast::set_autocast_cache_enabled(false);
  at::autocast::set_autocast_dtype(device, lower);
}

Autocast::~Autocast() {
  at::autocast::set_autocast_enabled(device_, enabled_before_);
  at::autocast::set_autocast_cache_enabled(cached_before_);
  at::autocast::set_autocast_dtype(device_, lower_before_);
}

}  // namespace trainyard::models
