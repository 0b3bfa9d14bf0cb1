#include "batch/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>

#include "batch/quote.h"
#include "batch/sbatch_file.h"
#include "batch/site.h"
#include "config/parse.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace trainyard::batch {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = 1 << 20;

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

GeneratedFile generate_one(const GenerationRequest& request, const SiteProfile& site, config::RunConfig config,
                           const fs::path& path) {
  const fs::path job_path = path_for_job(request.root, path);
  if (config.slurm && !request.account.empty()) config.slurm->account = request.account;
  GeneratedFile file;
  file.path = output_folder(request) / (config.name + ".sbatch");
  file.text = sbatch_text({std::move(config), site, job_path.string(),
                           generate_command(request) + " " + bash_word(job_path.string(), "config")});
  return file;
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

}  // namespace

std::string generate_command(const GenerationRequest& request) {
  std::string command = "tools/generate";
  if (request.site != kDefaultSite) command += " --site " + bash_word(request.site, "--site");
  if (!request.account.empty()) command += " --account " + bash_word(request.account, "--account");
  return command;
}

std::vector<GeneratedFile> generate(const GenerationRequest& request) {
  const SiteProfile site = find_site(request.root / "slurm" / "sites", request.site);
  if (!site.slurm) {
    throw core::UsageError(fmt::format(
        "site {} has no Slurm and so no sbatch files: tools/launch -n RANKS -- tools/train --config FILE", site.name));
  }
  const bool takes_all = request.configs.empty();
  const std::vector<fs::path> configs =
      takes_all ? files_in(request.root / "slurm" / "configs", ".cfg") : request.configs;
  std::vector<GeneratedFile> files;
  std::map<fs::path, fs::path> config_of;
  for (const fs::path& path : configs) {
    config::RunConfig config = config::parse_file(path);
    if (takes_all && !config.slurm) continue;
    GeneratedFile file = generate_one(request, site, std::move(config), path);
    const auto [earlier, is_new] = config_of.emplace(file.path, path);
    if (!is_new) {
      throw core::UsageError(fmt::format("{} and {} would both be written to {}: rename one", earlier->second.string(),
                                         path.string(), file.path.string()));
    }
    files.push_back(std::move(file));
  }
  std::ranges::sort(files, {}, &GeneratedFile::path);
  return files;
}

std::vector<FileState> compare(const GenerationRequest& request, const std::vector<GeneratedFile>& files) {
  std::vector<FileState> states;
  for (const GeneratedFile& file : files) {
    const auto text = read_if_there(request.root / file.path);
    const Drift drift = !text ? Drift::kMissing : *text == file.text ? Drift::kNone : Drift::kDiffers;
    states.push_back({file.path, drift, text.value_or("")});
  }
  const fs::path folder = output_folder(request);
  if (!request.configs.empty() || !fs::is_directory(request.root / folder)) return states;
  for (const fs::path& found : files_in(request.root / folder, ".sbatch")) {
    const fs::path path = folder / found.filename();
    if (std::ranges::find(files, path, &GeneratedFile::path) != files.end()) continue;
    std::string text = core::read_file(found, kMaxFileBytes);
    if (text.find(kGeneratedMark) != std::string::npos) states.push_back({path, Drift::kOrphan, std::move(text)});
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
  core::write_file_atomically(path, file.text);
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
