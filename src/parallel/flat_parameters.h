#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

#include "config/run_config.h"
#include "models/model.h"
#include "parallel/bucket_layout.h"

namespace trainyard::parallel {

/// Which part of each bucket this rank owns and steps, and what it keeps of the rest (Rajbhandari et al. 2020, ZeRO,
/// arXiv:1910.02054: stage 1 shards the optimizer's state, 2 the gradients too, 3 the parameters too).
struct Sharding {
  int rank = 0;
  int ranks = 1;
  bool gradients = false;   ///< of gradients, only the own shard has memory between backwards
  bool parameters = false;  ///< of parameters, only the own shard has memory except while a stage is in use
};

struct FlatOptions {
  double bucket_mb = 25.0;  ///< MiB; not asked where parameters are sharded: then buckets are stages'
  config::MemoryFormat format = config::MemoryFormat::kContiguous;
  Sharding sharding = {};
};

/// One bucket's storage. All tensors are flat; those of the shard have 1/ranks of the bucket's length, and are the
/// whole where nothing is sharded. Padding stays zero.
struct FlatBucket {
  Bucket layout;
  at::Tensor parameters;       ///< the model's parameters are views of it
  at::Tensor gradients;        ///< of the bucket's type
  at::Tensor parameter_shard;  ///< a view of `parameters`, but of its own where parameters are sharded
  at::Tensor gradient_shard;   ///< likewise
  at::Tensor master;  ///< float32: what the optimizer steps. The same tensor as parameter_shard where that is float32
};

/// Moves a model's parameters into flat buckets, of which they become views, and gives each parameter a gradient view.
class FlatParameters {
 public:
  /// The model is on its device and in its precision already. Parameters keep their memory until drop_parameters().
  FlatParameters(models::Model& model, const FlatOptions& options);

  const Sharding& sharding() const { return sharding_; }
  std::vector<FlatBucket>& buckets() { return buckets_; }
  const std::vector<FlatBucket>& buckets() const { return buckets_; }
  /// The view of a parameter's gradient, with the parameter's strides.
  const at::Tensor& gradient(std::size_t parameter) const { return gradient_views_[parameter]; }
  std::size_t bucket_of(std::size_t parameter) const { return bucket_of_[parameter]; }

  /// Gives a bucket's gradients memory where they have none; padding is zero then, the rest undefined.
  void give_gradients(std::size_t bucket);
  /// Takes it away where gradients are sharded.
  void drop_gradients(std::size_t bucket);
  /// Takes a bucket's parameters' memory away where parameters are sharded; the shard stays.
  void drop_parameters(std::size_t bucket);

  /// After a bucket's parameters were written from outside (a broadcast): shard and master follow.
  void adopt(FlatBucket& bucket) const;
  /// Copies the master of one bucket, rounded, into its shard. Nothing where they are the same tensor.
  void publish(FlatBucket& bucket) const;
  /// This rank's part of a flat tensor as long as a bucket.
  at::Tensor shard_of(const at::Tensor& flat) const;

 private:
  Sharding sharding_;
  std::vector<FlatBucket> buckets_;
  std::vector<at::Tensor> gradient_views_;
  std::vector<std::size_t> bucket_of_;
};

}  // namespace trainyard::parallel
