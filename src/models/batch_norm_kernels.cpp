#include "models/batch_norm_kernels.h"

#include <algorithm>
#include <cmath>
#include <vector>

// Compiled for several instruction sets, of which the loader takes the best that the machine has. The loops are left to
// the vectoriser; `omp simd` (no threads) permits it to reorder their sums.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define TRAINYARD_EVERY_ISA [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define TRAINYARD_EVERY_ISA
#endif
#define TRAINYARD_INLINE [[gnu::always_inline]] inline

namespace trainyard::models::kernels {
namespace {

/// Values summed in float32 before the sum is added to a float64.
constexpr std::int64_t kBlock = 4096;
/// Floats of a block of rows, channels last: what a core's first cache holds of two operands.
constexpr std::int64_t kRowBlock = 4096;

/// Calls body(offset, count) for each run of values of one channel that lie side by side, planes cut into blocks.
template <typename Body>
TRAINYARD_INLINE void for_each_run(const Activation& shape, std::int64_t channel, const Body& body) {
  for (std::int64_t image = 0; image < shape.images; ++image) {
    const std::int64_t plane = (image * shape.channels + channel) * shape.pixels;
    for (std::int64_t done = 0; done < shape.pixels; done += kBlock)
      body(plane + done, std::min(kBlock, shape.pixels - done));
  }
}

/// Calls body(first row, rows) for blocks of rows that are read twice while they are in the cache.
template <typename Body>
TRAINYARD_INLINE void for_each_row_block(const Activation& shape, std::int64_t channels, const Body& body) {
  const std::int64_t block = std::max<std::int64_t>(1, kRowBlock / channels);
  for (std::int64_t row = 0; row < shape.samples(); row += block)
    body(row, std::min(block, shape.samples() - row));
}

/// Saves a channel's statistics from its mean and sum of squared deviations.
TRAINYARD_INLINE void finish_statistics(const BatchNormForward& a, std::int64_t channel, double mean, double squares) {
  const auto samples = static_cast<double>(a.shape.samples());
  a.mean[channel] = static_cast<float>(mean);
  a.inverse_deviation[channel] = static_cast<float>(1.0 / std::sqrt(squares / samples + a.epsilon));
  if (a.running_mean == nullptr) return;
  const auto update = [&](float& running, double value) {
    running = static_cast<float>((1.0 - a.momentum) * static_cast<double>(running) + a.momentum * value);
  };
  update(a.running_mean[channel], mean);
  update(a.running_variance[channel], squares / (samples - 1.0));
}

TRAINYARD_INLINE float rectified(float value) {
  return value < 0.0F ? 0.0F : value;  // lets NaN through
}

/// One row of values: output = input * scale + shift, scale and shift one value or, channels last, one a channel.
template <typename Scale, typename Shift>
TRAINYARD_INLINE void normalise(const BatchNormForward& a, std::int64_t offset, std::int64_t count, const Scale& scale,
                                const Shift& shift) {
  const float* __restrict input = a.input + offset;
  float* __restrict output = a.output + offset;
  if (a.residual != nullptr) {
    const float* __restrict residual = a.residual + offset;
    if (a.relu) {
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i)
        output[i] = rectified(input[i] * scale(i) + shift(i) + residual[i]);
    } else {
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i)
        output[i] = input[i] * scale(i) + shift(i) + residual[i];
    }
  } else if (a.relu) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i)
      output[i] = rectified(input[i] * scale(i) + shift(i));
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i)
      output[i] = input[i] * scale(i) + shift(i);
  }
}

TRAINYARD_EVERY_ISA void forward_planes(const BatchNormForward& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t channel = begin; channel < end; ++channel) {
    double sum = 0.0;
    for_each_run(a.shape, channel, [&](std::int64_t offset, std::int64_t count) {
      const float* __restrict input = a.input + offset;
      float part = 0.0F;
#pragma omp simd reduction(+ : part)
      for (std::int64_t i = 0; i < count; ++i)
        part += input[i];
      sum += static_cast<double>(part);
    });
    const double mean = sum / static_cast<double>(a.shape.samples());
    const auto centre = static_cast<float>(mean);
    double squares = 0.0;
    for_each_run(a.shape, channel, [&](std::int64_t offset, std::int64_t count) {
      const float* __restrict input = a.input + offset;
      float part = 0.0F;
#pragma omp simd reduction(+ : part)
      for (std::int64_t i = 0; i < count; ++i)
        part += (input[i] - centre) * (input[i] - centre);
      squares += static_cast<double>(part);
    });
    finish_statistics(a, channel, mean, squares);
    const float scale = a.weight[channel] * a.inverse_deviation[channel];
    const float shift = a.bias[channel] - centre * scale;
    for_each_run(a.shape, channel, [&](std::int64_t offset, std::int64_t count) {
      normalise(
          a, offset, count, [scale](std::int64_t) { return scale; }, [shift](std::int64_t) { return shift; });
    });
  }
}

TRAINYARD_EVERY_ISA void forward_rows(const BatchNormForward& a, std::int64_t begin, std::int64_t end) {
  const std::int64_t channels = end - begin;
  std::vector<double> mean(channels);
  std::vector<double> squares(channels);
  std::vector<float> part(channels);
  std::vector<float> centre(channels);
  float* __restrict parts = part.data();
  float* __restrict centres = centre.data();
  for_each_row_block(a.shape, channels, [&](std::int64_t first, std::int64_t rows) {
    // The block's own mean and squared deviations, merged with those of the rows before (Chan, Golub, LeVeque 1979).
    const auto row = [&](std::int64_t index) { return a.input + (first + index) * a.shape.channels + begin; };
    std::fill(part.begin(), part.end(), 0.0F);
    for (std::int64_t index = 0; index < rows; ++index) {
      const float* __restrict input = row(index);
#pragma omp simd
      for (std::int64_t i = 0; i < channels; ++i)
        parts[i] += input[i];
    }
    const auto count = static_cast<double>(rows);
    const double total = static_cast<double>(first) + count;
    for (std::int64_t i = 0; i < channels; ++i) {
      const double block_mean = static_cast<double>(parts[i]) / count;
      const double delta = block_mean - mean[i];
      mean[i] += delta * count / total;
      squares[i] += delta * delta * static_cast<double>(first) * count / total;
      centres[i] = static_cast<float>(block_mean);
      parts[i] = 0.0F;
    }
    for (std::int64_t index = 0; index < rows; ++index) {
      const float* __restrict input = row(index);
#pragma omp simd
      for (std::int64_t i = 0; i < channels; ++i)
        parts[i] += (input[i] - centres[i]) * (input[i] - centres[i]);
    }
    for (std::int64_t i = 0; i < channels; ++i)
      squares[i] += static_cast<double>(parts[i]);
  });
  for (std::int64_t i = 0; i < channels; ++i) {
    finish_statistics(a, begin + i, mean[i], squares[i]);
    parts[i] = a.weight[begin + i] * a.inverse_deviation[begin + i];
    centres[i] = a.bias[begin + i] - a.mean[begin + i] * parts[i];
  }
  for (std::int64_t row = 0; row < a.shape.samples(); ++row) {
    normalise(
        a, row * a.shape.channels + begin, channels, [parts](std::int64_t i) { return parts[i]; },
        [centres](std::int64_t i) { return centres[i]; });
  }
}

/// The output's gradient as it was before ReLU.
template <bool kRelu>
TRAINYARD_INLINE float masked(float gradient, const float* __restrict relu_output, std::int64_t i) {
  if constexpr (kRelu) return relu_output[i] > 0.0F ? gradient : 0.0F;
  return gradient;
}

/// A channel's gradients: input gradient = slope * gradient + tilt * input + offset.
struct Line {
  float slope;
  float tilt;
  float offset;
};

/// sum: of the masked gradients; product: of the masked gradients times (input - mean).
TRAINYARD_INLINE Line finish_gradients(const BatchNormBackward& a, std::int64_t channel, double sum, double product) {
  const auto samples = static_cast<double>(a.shape.samples());
  const auto inverse_deviation = static_cast<double>(a.inverse_deviation[channel]);
  a.bias_gradient[channel] = static_cast<float>(sum);
  a.weight_gradient[channel] = static_cast<float>(product * inverse_deviation);
  const double slope = static_cast<double>(a.weight[channel]) * inverse_deviation;
  const double tilt = -slope * inverse_deviation * inverse_deviation * product / samples;
  const double offset = -slope * sum / samples - tilt * static_cast<double>(a.mean[channel]);
  return {static_cast<float>(slope), static_cast<float>(tilt), static_cast<float>(offset)};
}

/// One row of values; line(i) is the channel's.
template <bool kRelu, typename LineOf>
TRAINYARD_INLINE void write_gradients(const BatchNormBackward& a, std::int64_t offset, std::int64_t count,
                                      const LineOf& line) {
  // One of the results may be written over the gradient, so these three are not restricted.
  const float* gradient = a.output_gradient + offset;
  const float* __restrict input = a.input + offset;
  const float* __restrict relu_output = kRelu ? a.relu_output + offset : nullptr;
  float* input_gradient = a.input_gradient + offset;
  if (a.residual_gradient != nullptr) {
    float* residual_gradient = a.residual_gradient + offset;
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
      const float value = masked<kRelu>(gradient[i], relu_output, i);
      residual_gradient[i] = value;
      input_gradient[i] = line(i).slope * value + (line(i).tilt * input[i] + line(i).offset);
    }
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
      const float value = masked<kRelu>(gradient[i], relu_output, i);
      input_gradient[i] = line(i).slope * value + (line(i).tilt * input[i] + line(i).offset);
    }
  }
}

template <bool kRelu>
TRAINYARD_INLINE void backward_planes_masked(const BatchNormBackward& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t channel = begin; channel < end; ++channel) {
    const float mean = a.mean[channel];
    double sum = 0.0;
    double product = 0.0;
    for_each_run(a.shape, channel, [&](std::int64_t offset, std::int64_t count) {
      const float* __restrict gradient = a.output_gradient + offset;
      const float* __restrict input = a.input + offset;
      const float* __restrict relu_output = kRelu ? a.relu_output + offset : nullptr;
      float sum_part = 0.0F;
      float product_part = 0.0F;
#pragma omp simd reduction(+ : sum_part, product_part)
      for (std::int64_t i = 0; i < count; ++i) {
        const float value = masked<kRelu>(gradient[i], relu_output, i);
        sum_part += value;
        product_part += value * (input[i] - mean);
      }
      sum += static_cast<double>(sum_part);
      product += static_cast<double>(product_part);
    });
    const Line line = finish_gradients(a, channel, sum, product);
    for_each_run(a.shape, channel, [&](std::int64_t offset, std::int64_t count) {
      write_gradients<kRelu>(a, offset, count, [line](std::int64_t) { return line; });
    });
  }
}

template <bool kRelu>
TRAINYARD_INLINE void backward_rows_masked(const BatchNormBackward& a, std::int64_t begin, std::int64_t end) {
  const std::int64_t channels = end - begin;
  std::vector<double> sum(channels);
  std::vector<double> product(channels);
  std::vector<float> sum_part(channels);
  std::vector<float> product_part(channels);
  std::vector<float> third(channels);
  float* __restrict sums = sum_part.data();
  float* __restrict products = product_part.data();
  const float* __restrict mean = a.mean + begin;
  for_each_row_block(a.shape, channels, [&](std::int64_t first, std::int64_t rows) {
    std::fill(sum_part.begin(), sum_part.end(), 0.0F);
    std::fill(product_part.begin(), product_part.end(), 0.0F);
    for (std::int64_t row = first; row < first + rows; ++row) {
      const std::int64_t offset = row * a.shape.channels + begin;
      const float* __restrict gradient = a.output_gradient + offset;
      const float* __restrict input = a.input + offset;
      const float* __restrict relu_output = kRelu ? a.relu_output + offset : nullptr;
#pragma omp simd
      for (std::int64_t i = 0; i < channels; ++i) {
        const float value = masked<kRelu>(gradient[i], relu_output, i);
        sums[i] += value;
        products[i] += value * (input[i] - mean[i]);
      }
    }
    for (std::int64_t i = 0; i < channels; ++i) {
      sum[i] += static_cast<double>(sums[i]);
      product[i] += static_cast<double>(products[i]);
    }
  });
  // The sums are done: their rows now hold the lines.
  float* __restrict offsets = third.data();
  for (std::int64_t i = 0; i < channels; ++i) {
    const Line line = finish_gradients(a, begin + i, sum[i], product[i]);
    sums[i] = line.slope;
    products[i] = line.tilt;
    offsets[i] = line.offset;
  }
  for (std::int64_t row = 0; row < a.shape.samples(); ++row) {
    write_gradients<kRelu>(a, row * a.shape.channels + begin, channels, [sums, products, offsets](std::int64_t i) {
      return Line{sums[i], products[i], offsets[i]};
    });
  }
}

TRAINYARD_EVERY_ISA void backward_planes(const BatchNormBackward& a, std::int64_t begin, std::int64_t end) {
  if (a.relu_output != nullptr) {
    backward_planes_masked<true>(a, begin, end);
  } else {
    backward_planes_masked<false>(a, begin, end);
  }
}

TRAINYARD_EVERY_ISA void backward_rows(const BatchNormBackward& a, std::int64_t begin, std::int64_t end) {
  if (a.relu_output != nullptr) {
    backward_rows_masked<true>(a, begin, end);
  } else {
    backward_rows_masked<false>(a, begin, end);
  }
}

}  // namespace

void batch_norm_forward(const BatchNormForward& arguments, std::int64_t begin, std::int64_t end) {
  if (arguments.shape.channels_last) {
    forward_rows(arguments, begin, end);
  } else {
    forward_planes(arguments, begin, end);
  }
}

void batch_norm_backward(const BatchNormBackward& arguments, std::int64_t begin, std::int64_t end) {
  if (arguments.shape.channels_last) {
    backward_rows(arguments, begin, end);
  } else {
    backward_planes(arguments, begin, end);
  }
}

}  // namespace trainyard::models::kernels
