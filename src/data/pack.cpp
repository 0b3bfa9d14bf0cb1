#include "data/pack.h"

#include "data/datasets.h"
#include "data/packed_file.h"
#include "data/packed_tokens.h"
#include "data/text_datasets.h"

namespace trainyard::data {
namespace {

template <typename Parts, typename Write>
PackedSummary pack_parts(const Parts& parts, const std::filesystem::path& output, const Write& write) {
  PackedWriter writer(output, parts.train->name());
  write(writer);
  writer.publish();
  return {.train = parts.train->size(),
          .validation = parts.validation->size(),
          .bytes = std::filesystem::file_size(output)};
}

}  // namespace

PackedSummary pack(const config::RunConfig& config, PackedForm form, const std::filesystem::path& output) {
  if (config.data == config::Data::kSst2 || config.data == config::Data::kAgNews) {
    const Datasets datasets = open_text(config);
    return pack_parts(datasets, output, [&](PackedWriter& writer) { write_packed_tokens(writer, datasets); });
  }
  const ImageDatasets datasets = open_images(config);
  return pack_parts(datasets, output, [&](PackedWriter& writer) { write_packed_images(writer, datasets, form); });
}

}  // namespace trainyard::data
