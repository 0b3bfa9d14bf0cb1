#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"

namespace trainyard::parallel {

/// Cuts consecutive stages into `parts` non-empty parts so that the dearest part costs least (a dynamic programme over
/// prefixes; of equal cuts the one whose last parts are shortest).
/// costs: of each stage, 0 or more.
/// @throws core::UsageError where there are fewer stages than parts.
std::vector<models::Range> balanced_cut(std::span<const double> costs, std::size_t parts);

/// The cut that `cut` asks for: the first stage of each part but the first, in the model's order: "layer2.0,layer3.0".
/// @throws core::UsageError for an unknown name (with the nearest), a wrong order, or another number of parts.
std::vector<models::Range> named_cut(const std::string& cut, std::span<const std::string> stages, std::size_t parts);

}  // namespace trainyard::parallel
