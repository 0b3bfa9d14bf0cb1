#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

#include "config/run_config.h"
#include "models/model.h"
#include "parallel/bucket_layout.h"

namespace trainyard::parallel {

/// One bucket's storage. All three tensors are flat, of the bucket's length; padding stays zero.
struct FlatBucket {
  Bucket layout;
  at::Tensor parameters;  ///< the model's parameters are views of it
  at::Tensor gradients;   ///< of the bucket's type
  at::Tensor master;  ///< float32: what the optimizer steps. The same tensor as `parameters` where those are float32
};

/// Moves a model's parameters into flat buckets, of which they become views, and gives each parameter a gradient view.
class FlatParameters {
 public:
  /// The model is on its device and in its precision already.
  FlatParameters(models::Model& model, double bucket_mb, config::MemoryFormat format);

  std::vector<FlatBucket>& buckets() { return buckets_; }
  const std::vector<FlatBucket>& buckets() const { return buckets_; }
  /// The view of a parameter's gradient, with the parameter's strides.
  const at::Tensor& gradient(std::size_t parameter) const { return gradient_views_[parameter]; }
  std::size_t bucket_of(std::size_t parameter) const { return bucket_of_[parameter]; }

  /// Copies the masters of one bucket, rounded, into its parameters. Nothing where they are the same tensor.
  void publish(FlatBucket& bucket) const;

 private:
  std::vector<FlatBucket> buckets_;
  std::vector<at::Tensor> gradient_views_;
  std::vector<std::size_t> bucket_of_;
};

}  // namespace trainyard::parallel
