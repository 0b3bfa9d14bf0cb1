#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "data/dataset.h"
#include "data/loader.h"

namespace trainyard::data {

/// The two disjoint parts of a data set; same info, apart from their sizes.
struct Datasets {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> validation;
};

/// Those of a set of images.
struct ImageDatasets {
  std::shared_ptr<const ImageDataset> train;
  std::shared_ptr<const ImageDataset> validation;
};

/// The packed file that data-dir names, or for a data set of files else TRAINYARD_DATA; none where that is no file.
std::optional<std::string> packed_file(const config::RunConfig& config);

/// Opens what `data`, `data-dir`, `image-size`, `samples` and `seed` say; as text_datasets.h says where the model reads
/// text.
/// @throws core::UsageError when the data is not where the configuration says, or has no images of that size;
///         core::Error when a file is there but damaged, naming it.
Datasets open(const config::RunConfig& config);
/// The same of data that are images, whatever the model.
ImageDatasets open_images(const config::RunConfig& config);

/// How a configuration's batches are loaded, not augmented. pin_memory: for a run on CUDA.
LoaderOptions loader_options(const config::RunConfig& config, bool pin_memory);

/// What `normalisation` puts in the place of the data set's own; none where it keeps that.
std::optional<Normalisation> normalisation_instead(const config::RunConfig& config);

/// Validation samples of data that are made up: a tenth of `samples`.
std::int64_t validation_samples(const config::RunConfig& config);

/// Tokens of each sample, for a sampler; null where the samples are images.
std::shared_ptr<const std::vector<std::int32_t>> lengths_of(const Dataset& dataset);

}  // namespace trainyard::data
