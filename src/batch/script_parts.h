#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "batch/directives.h"
#include "batch/site.h"

namespace trainyard::batch {

/// How every file that tools/generate writes begins its second line; others in slurm/ are written by hand.
inline constexpr const char* kGeneratedMark = "# Written by tools/generate from ";

/// Where a file comes from, for its first lines.
struct Provenance {
  std::string source;   ///< the config or study, as a job finds it from the checkout's root
  std::string site;     ///< its name
  std::string digest;   ///< of what the file runs
  std::string command;  ///< the line that writes the file again
};

/// The parts that generated files are put together from, each of whole lines.

/// The interpreter, where the file comes from, and its directives.
std::string script_head(const Provenance& provenance, const Directives& directives);

/// A comment that says how to give an account, where the site wants one and `account` is empty.
std::string account_note(const SiteProfile& site, const std::string& account);

/// Modules, bash's options, the folder that the job was submitted from, and where data sets lie.
std::string script_setup(const SiteProfile& site);

/// Sets the bash array `container` to the command within which programs run; empty where the site has no container.
std::string container_setup(const SiteProfile& site, bool with_gpus);

/// What stands before a program that is to run in the site's container.
std::string container_prefix(const SiteProfile& site);

/// Each as one word of bash, with a space before it. Throws core::UsageError for what cannot be one (quote.h).
std::string bash_words(const std::vector<std::string>& words);

}  // namespace trainyard::batch
