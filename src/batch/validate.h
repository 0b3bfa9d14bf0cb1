#pragma once

#include <string>
#include <string_view>

#include "batch/site.h"
#include "config/run_config.h"

namespace trainyard::batch {

/// Refuses a request that cannot run, or that the site is known not to grant: ranks against the strategy and the GPUs,
/// and the site's account form, features, kinds of nodes and limits. `origin` names the config in the core::UsageError.
void validate_request(const config::RunConfig& config, const SiteProfile& site, std::string_view origin);

/// Refuses an account that cannot be one of the site; an empty one is none and is not judged.
void validate_account(const std::string& account, const SiteProfile& site, std::string_view origin);

}  // namespace trainyard::batch
