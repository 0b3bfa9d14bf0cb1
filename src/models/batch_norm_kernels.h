#pragma once

#include <cstdint>

namespace trainyard::models::kernels {

/// A dense float32 activation: [images, channels, pixels] in memory, or [images, pixels, channels] where channels_last.
struct Activation {
  std::int64_t images = 0;
  std::int64_t channels = 0;
  std::int64_t pixels = 0;
  bool channels_last = false;

  std::int64_t samples() const { return images * pixels; }  ///< values of one channel
};

/// output = (input - mean) / sqrt(variance + epsilon) * weight + bias, then + residual and max(., 0) where asked for.
/// mean and variance (biased) are each channel's own over the batch. Pointers of one element a channel unless said.
struct BatchNormForward {
  Activation shape;
  const float* input = nullptr;     ///< shape
  const float* residual = nullptr;  ///< shape, or none
  const float* weight = nullptr;
  const float* bias = nullptr;
  double epsilon = 0.0;
  double momentum = 0.0;  ///< of the new value in the running statistics; their variance is the unbiased one
  bool relu = false;
  float* output = nullptr;  ///< shape
  float* mean = nullptr;
  float* inverse_deviation = nullptr;  ///< 1 / sqrt(variance + epsilon)
  float* running_mean = nullptr;       ///< both or none
  float* running_variance = nullptr;
};

/// The gradients of BatchNormForward, of one element a channel unless said. One of the gradients of `shape` may be the
/// memory of output_gradient.
struct BatchNormBackward {
  Activation shape;
  const float* output_gradient = nullptr;  ///< shape
  const float* input = nullptr;            ///< shape
  const float* relu_output = nullptr;      ///< shape: the forward output, whose sign masks; none without ReLU
  const float* weight = nullptr;
  const float* mean = nullptr;
  const float* inverse_deviation = nullptr;
  float* input_gradient = nullptr;     ///< shape
  float* residual_gradient = nullptr;  ///< shape, or none
  float* weight_gradient = nullptr;
  float* bias_gradient = nullptr;
};

/// Both do the channels [begin, end); ranges that do not overlap may run on several threads. Sums are float32 over at
/// most a few hundred values a lane and float64 above that.
void batch_norm_forward(const BatchNormForward& arguments, std::int64_t begin, std::int64_t end);
void batch_norm_backward(const BatchNormBackward& arguments, std::int64_t begin, std::int64_t end);

}  // namespace trainyard::models::kernels
