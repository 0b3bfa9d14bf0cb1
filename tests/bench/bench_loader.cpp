// How many augmented images a second the loader prepares: one line "images_per_second N" for each measurement.
// A step down from `train`: no model runs. loader_vs_torchvision.py runs it beside torchvision.

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

#include "config/options.h"
#include "data/datasets.h"
#include "data/loader.h"

namespace {

using namespace trainyard;

double images_per_second(data::Loader& loader, std::int64_t epoch, std::int64_t epochs) {
  std::int64_t images = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t last = epoch + epochs; epoch < last; ++epoch) {
    loader.start_epoch(epoch);
    while (const auto batch = loader.next())
      images += batch->labels.numel();
  }
  return static_cast<double>(images) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 7) {
    fmt::print(stderr, "usage: {} DATA DATA_DIR WORKERS BATCH_SIZE EPOCHS MEASUREMENTS\n", argv[0]);
    return 2;
  }
  config::RunConfig config;
  config::find_option("data")->set(config, argv[1]);
  config.data_dir = argv[2];
  const data::Datasets datasets = data::open(config);
  data::Loader loader(datasets.train,
                      data::Sampler::training({.samples = datasets.train->size(), .batch_size = std::stoll(argv[4])}),
                      {.workers = std::stoi(argv[3]), .augment = true});
  const std::int64_t epochs = std::stoll(argv[5]);
  images_per_second(loader, 0, 1);  // page cache, buffers
  for (std::int64_t i = 0; i < std::stoll(argv[6]); ++i) {
    fmt::print("images_per_second {:.0f}\n", images_per_second(loader, i * epochs, epochs));
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_loader: {}\n", error.what());
  return 1;
}
