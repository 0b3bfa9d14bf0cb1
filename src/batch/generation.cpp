#include "batch/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "batch/quote.h"
#include "batch/sbatch_file.h"
#include "batch/script_parts.h"
#include "batch/study_files.h"
#include "config/parse.h"
#include "config/study.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace trainyard::batch {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = 4 << 20;  // what sbatch takes, as Slurm comes

std::vector<fs::path> files_in(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  if (error) throw core::Error(fmt::format("{}: cannot list the folder: {}", folder.string(), error.message()));
  std::ranges::sort(files);
  return files;
}

/// From the root where the config lies under it, which a job reads on any machine; absolute elsewhere.
fs::path path_for_job(const fs::path& root, const fs::path& config) {
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(config, error);
  if (error) throw core::UsageError(fmt::format("{}: {}", config.string(), error.message()));
  const fs::path relative = absolute.lexically_relative(fs::weakly_canonical(root));
  return relative.empty() || *relative.begin() == ".." ? absolute : relative;
}

fs::path output_folder(const GenerationRequest& request) {
  return request.site == kDefaultSite ? fs::path("slurm") : fs::path("slurm") / request.site;
}

fs::path studies_folder(const GenerationRequest& request) {
  return output_folder(request) / "studies";
}

GeneratedFile generate_one(const GenerationRequest& request, const SiteProfile& site, config::RunConfig config,
                           const std::string& job_path) {
  if (config.slurm) apply_request(request, site, *config.slurm);
  GeneratedFile file;
  file.path = output_folder(request) / (config.name + ".sbatch");
  if (config.slurm) file.account = config.slurm->account;
  SbatchJob job;
  job.config = std::move(config);
  job.site = site;
  job.config_path = job_path;
  job.command = generate_command(request) + " " + bash_word(job_path, "config");
  file.text = sbatch_text(job);
  return file;
}

/// The files of one config or study; none where all are taken and this one has no [slurm] section.
std::vector<GeneratedFile> generate_from(const GenerationRequest& request, const SiteProfile& site,
                                         const fs::path& path) {
  const config::ConfigFile file = config::read_config_file(path);
  const bool may_lack_slurm = request.configs.empty();
  if (may_lack_slurm && std::ranges::find(file.text.sections, "slurm") == file.text.sections.end()) return {};
  const std::string job_path = path_for_job(request.root, path).string();
  if (!config::is_study(file)) return {generate_one(request, site, config::parse_file(path), job_path)};
  return study_files(request, site, config::expand_study(file), job_path, studies_folder(request) / file.name);
}

std::optional<std::string> read_if_there(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error) && !error) return std::nullopt;
  return core::read_file(path, kMaxFileBytes);
}

/// The config that a generated file says it is from, quoted as there; empty for a file that says no such thing.
std::string source_of(const std::string& text) {
  const std::size_t mark = text.find(kGeneratedMark);
  if (mark == std::string::npos) return {};
  const std::size_t begin = mark + std::string_view(kGeneratedMark).size();
  const std::size_t end = std::min(text.find('\n', begin), text.size());
  const std::size_t words = std::min(text.find(" for site ", begin), end);
  return text.substr(begin, words - begin);
}

/// The folders, from the root, where files may lie whose config is gone.
std::vector<fs::path> folders_to_search(const GenerationRequest& request, const std::vector<GeneratedFile>& files) {
  std::set<fs::path> folders;
  const fs::path studies = studies_folder(request);
  if (request.configs.empty()) {
    folders.insert(output_folder(request));
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(request.root / studies, error)) {
      if (entry.is_directory()) folders.insert(studies / entry.path().filename());
    }
  }
  for (const GeneratedFile& file : files) {
    if (!file.study.empty()) folders.insert(file.path.parent_path());
  }
  std::erase_if(folders, [&](const fs::path& folder) { return !fs::is_directory(request.root / folder); });
  return {folders.begin(), folders.end()};
}

}  // namespace

std::string generate_command(const GenerationRequest& request) {
  std::string command = "tools/generate";
  if (request.site != kDefaultSite) command += " --site " + bash_word(request.site, "--site");
  if (!request.account.empty()) command += " --account " + bash_word(request.account, "--account");
  if (!request.constraint.empty()) command += " --constraint " + bash_word(request.constraint, "--constraint");
  return command;
}

std::vector<GeneratedFile> generate(const GenerationRequest& request) {
  const SiteProfile site = find_site(request.root / "slurm" / "sites", request.site);
  if (!site.slurm) {
    throw core::UsageError(fmt::format(
        "site {} has no Slurm and so no sbatch files: tools/launch -n RANKS -- tools/train --config FILE", site.name));
  }
  std::vector<fs::path> configs = request.configs;
  if (configs.empty()) {
    configs = files_in(request.root / "slurm" / "configs", ".cfg");
    const fs::path studies = request.root / "slurm" / "studies";
    if (fs::is_directory(studies)) std::ranges::copy(files_in(studies, ".cfg"), std::back_inserter(configs));
  }
  std::vector<GeneratedFile> files;
  std::map<fs::path, fs::path> config_of;
  for (const fs::path& path : configs) {
    for (GeneratedFile& file : generate_from(request, site, path)) {
      const auto [earlier, is_new] = config_of.emplace(file.path, path);
      if (!is_new) {
        throw core::UsageError(fmt::format("{} and {} would both be written to {}: rename one",
                                           earlier->second.string(), path.string(), file.path.string()));
      }
      files.push_back(std::move(file));
    }
  }
  std::ranges::sort(files, {}, &GeneratedFile::path);
  return files;
}

void apply_request(const GenerationRequest& request, const SiteProfile& site, config::SlurmRequest& slurm) {
  if (!request.account.empty()) slurm.account = request.account;
  if (slurm.account.empty()) slurm.account = site.account;
  if (slurm.gpus_per_node > 0 && slurm.constraint.empty()) slurm.constraint = request.constraint;
}

std::vector<FileState> compare(const GenerationRequest& request, const std::vector<GeneratedFile>& files) {
  std::vector<FileState> states;
  for (const GeneratedFile& file : files) {
    const auto text = read_if_there(request.root / file.path);
    const Drift drift = !text ? Drift::kMissing : *text == file.text ? Drift::kNone : Drift::kDiffers;
    states.push_back({file.path, drift, text.value_or("")});
  }
  std::set<fs::path> wanted;
  for (const GeneratedFile& file : files)
    wanted.insert(file.path);
  for (const fs::path& folder : folders_to_search(request, files)) {
    for (const fs::path& found : files_in(request.root / folder, ".sbatch")) {
      const fs::path path = folder / found.filename();
      if (wanted.contains(path)) continue;
      std::string text = core::read_file(found, kMaxFileBytes);
      if (text.find(kGeneratedMark) != std::string::npos) states.push_back({path, Drift::kOrphan, std::move(text)});
    }
  }
  return states;
}

void write(const GenerationRequest& request, const GeneratedFile& file) {
  refuse_strangers(request, file);
  const fs::path path = request.root / file.path;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    throw core::Error(fmt::format("{}: cannot make the folder: {}", path.parent_path().string(), error.message()));
  core::write_file_atomically(path, file.text, core::Durability::kRepeatable);
}

void refuse_strangers(const GenerationRequest& request, const GeneratedFile& file) {
  const auto text = read_if_there(request.root / file.path);
  if (!text || *text == file.text) return;
  const std::string source = source_of(*text);
  if (source == source_of(file.text)) return;
  throw core::Error(
      source.empty() ? fmt::format("{}: was written by hand: rename the config or remove the file", file.path.string())
                     : fmt::format("{}: was written from {}: rename one of the configs or remove the file",
                                   file.path.string(), core::one_line(source)));
}

std::optional<fs::path> find_root(const fs::path& start) {
  for (fs::path folder = fs::absolute(start);; folder = folder.parent_path()) {
    std::error_code error;
    if (fs::is_directory(folder / "slurm" / "sites", error)) return folder;
    if (folder == folder.parent_path()) return std::nullopt;
  }
}

}  // namespace trainyard::batch
