#include "data/pack.h"

#include "data/datasets.h"
#include "data/packed_file.h"

namespace trainyard::data {

PackedSummary pack(const config::RunConfig& config, PackedForm form, const std::filesystem::path& output) {
  const ImageDatasets datasets = open_images(config);
  PackedWriter writer(output, datasets.train->name());
  write_packed_images(writer, datasets, form);
  writer.publish();
  return {.train = datasets.train->size(),
          .validation = datasets.validation->size(),
          .bytes = std::filesystem::file_size(output)};
}

}  // namespace trainyard::data
