#include "batch/script_parts.h"

#include <fmt/format.h>

#include "batch/quote.h"

namespace trainyard::batch {
namespace {

/// Before `set`, which many module systems do not survive.
std::string module_lines(const SiteProfile& site) {
  std::string text;
  for (const std::string& folder : site.module_paths)
    text += fmt::format("module use {}\n", bash_word(folder, "module-paths"));
  for (const std::string& module : site.modules)
    text += fmt::format("module load {}\n", bash_word(module, "modules"));
  return text.empty() ? text : text + "\n";
}

std::string data_folder(const SiteProfile& site) {
  if (site.scratch_variable.empty()) return {};
  return fmt::format(
      "if [ -n \"${{{0}:-}}\" ]; then export TRAINYARD_DATA=\"${{TRAINYARD_DATA:-${0}/trainyard-data}}\"; fi\n",
      site.scratch_variable);
}

}  // namespace

std::string script_head(const Provenance& provenance, const Directives& directives) {
  std::string text = "#!/bin/bash\n";
  text += fmt::format("{}{} for site {}: change the config, not this file.\n", kGeneratedMark,
                      bash_word(provenance.source, "config"), provenance.site);
  text += fmt::format("# Config digest {}. Again: {}\n", provenance.digest, provenance.command);
  for (const std::string& line : directive_lines(directives))
    text += fmt::format("#SBATCH {}\n", line);
  return text;
}

std::string account_note(const SiteProfile& site, const std::string& account) {
  if (!site.account_required || !account.empty()) return {};
  const std::string form = site.account_form.empty() ? "NAME" : site.account_form;
  return fmt::format("# This site wants an account: sbatch --account={} ..., or export SBATCH_ACCOUNT.\n", form);
}

std::string script_setup(const SiteProfile& site) {
  std::string text = "\n" + module_lines(site);
  text += "set -euo pipefail\n";
  // Slurm runs a copy of this file from its spool folder.
  text += "cd -- \"${SLURM_SUBMIT_DIR:?is not set: submit this file with sbatch}\"\n";
  text +=
      "[ -x tools/launch ] || { echo \"$PWD: no tools/launch here: submit from the checkout's root\" >&2; exit 2; }\n";
  return text + data_folder(site);
}

std::string container_setup(const SiteProfile& site, bool with_gpus) {
  const ContainerProfile& container = site.container;
  if (container.image.empty()) return {};
  std::vector<std::string> words{container.command, "exec"};
  if (with_gpus) words.emplace_back("--nv");
  // Read-only: a writable overlay can be used by one process alone.
  if (!container.overlay.empty()) words.insert(words.end(), {"--overlay", container.overlay + ":ro"});
  for (const std::string& folder : container.binds)
    words.insert(words.end(), {"--bind", folder});
  std::string text = fmt::format("container=({})\n", bash_words(words).substr(1));
  text += "if [ -n \"${TRAINYARD_DATA:-}\" ]; then container+=(--bind \"$TRAINYARD_DATA\"); fi\n";
  return text + fmt::format("container+=({})\n", bash_word(container.image, "container"));
}

std::string container_prefix(const SiteProfile& site) {
  return site.container.image.empty() ? std::string() : "\"${container[@]}\" ";
}

std::string bash_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += " " + bash_word(word, "argument");
  return text;
}

}  // namespace trainyard::batch
