#pragma once

#include "config/run_config.h"
#include "data/datasets.h"

namespace trainyard::data {

/// Opens the text that `data` names, as tokens: `data-dir`, `tokenizer`, `max-length`; for synthetic text `samples` and
/// `seed`. Without a `tokenizer`, its files are looked for in the folder of `weights`, in the data's, and in
/// `roberta-tokenizer` and `text/roberta-tokenizer` there.
/// Throws as data::open().
Datasets open_text(const config::RunConfig& config);

}  // namespace trainyard::data
