#include "report/html_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <set>

#include "core/text.h"
#include "report/format.h"
#include "report/html_style.h"
#include "report/plots.h"
#include "report/statistics.h"

namespace trainyard::report {
namespace {

class Page {
 public:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(markup_), format, std::forward<Args>(args)...);
  }
  std::string take() { return std::move(markup_); }

 private:
  std::string markup_;
};

/// Lets a long name break behind its separators. `escaped` holds no markup, and entities hold none of these.
std::string breakable(const std::string& escaped) {
  std::string text;
  for (const char c : escaped) {
    text += c;
    if (c == '_' || c == '-' || c == '/' || c == '.') text += "<wbr/>";
  }
  return text;
}

void add_table(Page& page, const Table& table) {
  page.add("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Table: {}\"><table>\n<thead><tr>",
           escape_html(table.title));
  for (const Column& column : table.columns) {
    page.add("<th scope=\"col\"{}>{}</th>", is_numeric(column.format) ? " class=\"n\"" : "", escape_html(column.title));
  }
  page.add("</tr></thead>\n<tbody>\n");
  for (const auto& row : table.rows) {
    page.add("<tr>");
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Column& column = table.columns[i];
      const std::string text = escape_html(display(row[i], column.format));
      if (i == 0) {
        page.add("<th scope=\"row\"><span>{}</span></th>", breakable(text));
      } else if (column.id == "status") {
        page.add("<td><span class=\"{}\">{}</span></td>", text == "complete" ? "good" : "bad", text);
      } else {
        page.add("<td{}>{}</td>", is_numeric(column.format) ? " class=\"n\"" : "", text);
      }
    }
    page.add("</tr>\n");
  }
  page.add("</tbody></table></div>\n");
}

void add_legend(Page& page, const std::vector<LegendEntry>& legend) {
  if (legend.empty()) return;
  const bool lines = legend.front().css_class.find(' ') != std::string::npos;
  page.add("<ul class=\"legend\">");
  for (const LegendEntry& entry : legend) {
    page.add("<li><svg viewBox=\"0 0 22 12\" aria-hidden=\"true\">");
    if (lines) {
      page.add("<polyline class=\"curve {}\" points=\"1,6 21,6\"/>", entry.css_class);
    } else {
      page.add("<rect class=\"{}\" x=\"3\" width=\"16\" height=\"12\" rx=\"2\"/>", entry.css_class);
    }
    page.add("</svg><span>{}</span></li>", escape_html(entry.name));
  }
  page.add("</ul>\n");
}

void add_picture(Page& page, const Plot& plot) {
  page.add("<div class=\"plot wide\">{}</div>\n<div class=\"plot narrow\">{}</div>\n", plot.wide, plot.narrow);
}

void add_plot(Page& page, const Plot& plot) {
  if (plot.empty()) return;
  add_picture(page, plot);
  add_legend(page, plot.legend);
}

/// Two plots whose series are runs, side by side where there is room, under one legend.
void add_pair(Page& page, const Plot& left, const Plot& right) {
  std::vector<LegendEntry> legend = left.legend;
  for (const LegendEntry& entry : right.legend) {
    const bool known = std::any_of(legend.begin(), legend.end(), [&](const LegendEntry& other) {
      return other.css_class == entry.css_class && other.name == entry.name;
    });
    if (!known) legend.push_back(entry);
  }
  page.add("<div class=\"pair\">\n");
  for (const Plot* plot : {&left, &right}) {
    if (plot->empty()) continue;
    page.add("<div>");
    add_picture(page, *plot);
    page.add("</div>\n");
  }
  page.add("</div>\n");
  add_legend(page, legend);
}

struct KeyFigure {
  std::string name;
  std::string value;
  std::string unit;
  std::string of;
};

std::vector<KeyFigure> key_figures(const Report& report) {
  std::vector<KeyFigure> figures;
  const auto best_run = [&report](auto value_of) -> const RunSummary* {
    const RunSummary* best = nullptr;
    for (const RunSummary& run : report.runs) {
      if (value_of(run) > (best == nullptr ? 0.0 : value_of(*best))) best = &run;
    }
    return best;
  };
  if (const auto* run = best_run([](const RunSummary& r) { return r.images_per_second.value_or(0); })) {
    figures.push_back({"Highest throughput", format_significant(*run->images_per_second, 3), "images/s", run->label});
  }
  const auto fastest = std::max_element(report.scaling.begin(), report.scaling.end(),
                                        [](const Scaling& a, const Scaling& b) { return a.speedup < b.speedup; });
  if (fastest != report.scaling.end()) {
    const RunSummary& run = report.runs[fastest->run];
    figures.push_back({"Highest speedup", format_significant(fastest->speedup, 3) + "x",
                       fmt::format("on {} ranks", run.ranks),
                       fmt::format("{}, efficiency {}", run.label, format_percent(fastest->efficiency))});
  }
  if (const auto* run = best_run([](const RunSummary& r) { return r.best_val_accuracy.value_or(0); })) {
    figures.push_back({"Best validation accuracy", format_percent(*run->best_val_accuracy), "", run->label});
  }
  if (const auto* run = best_run([](const RunSummary& r) { return r.share(Phase::kExposedComm); })) {
    figures.push_back(
        {"Most exposed communication", format_percent(run->share(Phase::kExposedComm)), "of a step", run->label});
  }
  return figures;
}

void add_header(Page& page, const Report& report) {
  const auto words = [](std::size_t count, const char* noun) {
    return fmt::format("{} {}{}", format_count(static_cast<std::int64_t>(count)), noun, count == 1 ? "" : "s");
  };
  std::set<std::string> models;
  std::set<std::string> data;
  for (const RunSummary& run : report.runs)
    models.insert(run.attributes.model), data.insert(run.attributes.data);
  std::string title = report.runs.size() == 1 ? report.runs.front().label : words(report.runs.size(), "training run");
  if (report.runs.empty()) title = words(report.inference.size(), "inference run");
  if (models.size() == 1 && data.size() == 1 && !models.begin()->empty()) {
    title += fmt::format(": {} on {}", *models.begin(), *data.begin());
  }
  page.add("<header class=\"top\">\n<div class=\"brand\">trainyard report</div>\n<h1>{}</h1>\n", escape_html(title));
  page.add("<p class=\"lede\">From {}{}.</p>\n", words(report.log_files, "timing log"),
           report.problems.empty()
               ? std::string()
               : fmt::format("; <a href=\"#problems\">{}</a>", words(report.problems.size(), "problem")));
}

/// Sections are gathered first, since the head of the page links to those that exist.
struct Section {
  std::string id;
  std::string title;
  std::string lede;
  std::function<void(Page&)> body;
};

void add_training_sections(const Report& report, std::vector<Section>& sections) {
  const auto with_plot = [](Plot plot, Table table) {
    return [plot = std::move(plot), table = std::move(table)](Page& page) {
      add_plot(page, plot);
      if (!table.rows.empty()) add_table(page, table);
    };
  };
  sections.push_back({"runs", "Runs",
                      "Throughput is over all ranks of a run; speedup is against its single-rank baseline.",
                      with_plot(throughput_plot(report), runs_table(report))});
  if (report.scaling.empty()) {
    sections.push_back({"speedup", "Speedup and efficiency", "", [](Page& page) {
                          page.add("<p>No run on several ranks has a single-rank baseline here. {}</p>\n",
                                   escape_html(kBaselineRule));
                        }});
  } else {
    sections.push_back(
        {"speedup", "Speedup and efficiency", "Weak scaling keeps the batch per rank, strong scaling the global batch.",
         [plot = speedup_plot(report), table = scaling_table(report), notes = scaling_notes(report)](Page& page) {
           add_plot(page, plot);
           add_table(page, table);
           for (const std::string& note : notes)
             page.add("<p class=\"note\">{}</p>\n", escape_html(note));
           page.add("<p class=\"note\">{}</p>\n", escape_html(kBaselineRule));
         }});
  }
  sections.push_back({"phases", "Where a step goes", "Mean share of each phase over all ranks and measured steps.",
                      with_plot(phases_plot(report), phases_table(report))});
  if (Plot plot = communication_plot(report); !plot.empty()) {
    sections.push_back({"communication", "Communication",
                        "Hidden communication runs while the ranks compute and costs nothing; for exposed "
                        "communication computing waits.",
                        with_plot(std::move(plot), communication_table(report))});
  }
  if (Table table = memory_table(report); !table.rows.empty()) {
    sections.push_back(
        {"memory", "Memory", "What each rank held at most, and what it was.", [table = std::move(table)](Page& page) {
           add_table(page, table);
           page.add("<p class=\"note\">{}</p>\n", escape_html(kMemoryRule));
         }});
  }
  Plot loss = loss_plot(report);
  Plot accuracy = accuracy_plot(report);
  sections.push_back(
      {"training", "Training", "Loss over the samples seen, validation accuracy after each epoch.",
       [loss = std::move(loss), accuracy = std::move(accuracy), table = training_table(report)](Page& page) {
         add_pair(page, loss, accuracy);
         add_table(page, table);
         page.add("<p class=\"note\">{}</p>\n", escape_html(kEpochRule));
       }});
}

std::vector<Section> figure_sections(const Report& report) {
  std::vector<Section> sections;
  if (!report.runs.empty()) add_training_sections(report, sections);
  if (!report.inference.empty()) {
    sections.push_back({"inference", "Inference", "Time of a batch by its size, one batch at a time.",
                        [table = inference_table(report)](Page& page) {
                          add_table(page, table);
                          page.add("<p class=\"note\">{}</p>\n", escape_html(kInferenceRule));
                        }});
  }
  if (!report.preflights.empty()) {
    sections.push_back({"preflight", "Preflight", "What tools/doctor found before the runs.",
                        [table = preflight_table(report)](Page& page) { add_table(page, table); }});
  }
  return sections;
}

void add_fact(Page& page, const char* name, const std::string& value) {
  if (!value.empty()) page.add("<dt>{}</dt><dd>{}</dd>", name, escape_html(value));
}

void add_details(Page& page, const RunSummary& run) {
  const log::RunAttributes& id = run.attributes;
  page.add("<details><summary>{}</summary>\n", escape_html(run.label));
  if (!run.notes.empty()) {
    page.add("<ul class=\"plain\">");
    for (const std::string& note : run.notes)
      page.add("<li>{}</li>", escape_html(note));
    page.add("</ul>\n");
  }
  page.add("<dl class=\"facts\">");
  add_fact(page, "Folder", run.folder);
  add_fact(page, "Job", id.job_id);
  add_fact(page, "Ranks", fmt::format("{} on nodes: {}", run.ranks, describe_nodes(run)));
  add_fact(page, "Device", id.device_name.empty() ? id.device : id.device + ", " + id.device_name);
  add_fact(page, "Processor", id.cpu_name);
  add_fact(page, "Threads a rank", id.threads > 0 ? std::to_string(id.threads) : "");
  add_fact(page, "Measured",
           fmt::format("{} of {} steps, {}", format_count(run.measured_steps), format_count(run.steps),
                       core::format_duration_ns(static_cast<std::int64_t>(run.measured_ns))));
  add_fact(page, "trainyard", id.version);
  add_fact(page, "LibTorch", id.libtorch_version);
  add_fact(page, "MPI", id.mpi_version);
  add_fact(page, "NCCL", id.nccl_version);
  add_fact(page, "CUDA", id.cuda_version);
  add_fact(page, "Driver", id.driver_version);
  std::string config;
  for (const auto& [key, value] : parse_config_text(id.config)) {
    config += fmt::format("{}<dt>{}</dt><dd>{}</dd>", config.empty() ? "" : "\n", escape_html(key), escape_html(value));
  }
  page.add("</dl>\n");
  if (!config.empty()) page.add("<p class=\"where\">Configuration</p>\n<dl class=\"facts\">{}</dl>\n", config);
  page.add("</details>\n");
}

std::string folder_and_name(const std::filesystem::path& path) {
  const std::string folder = path.parent_path().filename().string();
  const std::string above = path.parent_path().parent_path().filename().string();
  std::string text = path.filename().string();
  if (!folder.empty()) text.insert(0, folder + "/");
  if (!folder.empty() && !above.empty()) text.insert(0, above + "/");
  return text;
}

}  // namespace

std::string to_html(const Report& report) {
  Page page;
  page.add(
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>trainyard report</title>\n"
      "<style>{}</style>\n</head>\n<body>\n",
      kStyleSheet);
  std::vector<Section> sections = figure_sections(report);
  if (!report.runs.empty()) {
    sections.push_back({"details", "Runs in detail",
                        "What each log says of its run: hardware, versions, configuration, notes.", [&report](Page& p) {
                          for (const RunSummary& run : report.runs)
                            add_details(p, run);
                        }});
  }
  if (!report.problems.empty()) {
    sections.push_back({"problems", "Problems",
                        "These files were left out or are missing; everything else is reported.", [&report](Page& p) {
                          p.add("<ul class=\"plain\">");
                          for (const Problem& problem : report.problems) {
                            p.add("<li><span class=\"where\">{}</span>: {}</li>",
                                  escape_html(folder_and_name(problem.path)), escape_html(problem.what));
                          }
                          p.add("</ul>\n");
                        }});
  }
  add_header(page, report);
  page.add("<nav aria-label=\"Sections\">");
  for (const Section& section : sections)
    page.add("<a href=\"#{}\">{}</a>", section.id, section.title);
  page.add("</nav>\n</header>\n<main>\n");
  if (const auto figures = key_figures(report); !figures.empty()) {
    page.add("<dl class=\"figures\">");
    for (const KeyFigure& figure : figures) {
      page.add("<div><dt>{}</dt><dd class=\"big\">{} <small>{}</small></dd><dd class=\"of\">{}</dd></div>", figure.name,
               escape_html(figure.value), escape_html(figure.unit), escape_html(figure.of));
    }
    page.add("</dl>\n");
  }
  for (const Section& section : sections) {
    page.add("<section class=\"card\" id=\"{}\">\n<h2>{}</h2>\n", section.id, section.title);
    if (!section.lede.empty()) page.add("<p class=\"lede\">{}</p>\n", escape_html(section.lede));
    section.body(page);
    page.add("</section>\n");
  }
  const bool starred = std::any_of(report.runs.begin(), report.runs.end(),
                                   [](const RunSummary& run) { return !run.attributes.precision_note.empty(); });
  page.add("<footer><p>{}</p>{}</footer>\n", report.runs.empty() ? "" : escape_html(kWarmupRule),
           starred ? "<p>An asterisk at a precision: see the run's note on how it was carried out.</p>" : "");
  page.add("</main>\n</body>\n</html>\n");
  return page.take();
}

}  // namespace trainyard::report
