#include "report/html_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "core/text.h"
#include "report/config_text.h"
#include "report/format.h"
#include "report/html_style.h"
#include "report/plots.h"
#include "report/section.h"

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
    figures.push_back({"Highest throughput", format_significant(*run->images_per_second, 3), "samples/s", run->label});
  }
  const auto fastest = std::max_element(report.scaling.begin(), report.scaling.end(),
                                        [](const Scaling& a, const Scaling& b) { return a.speedup < b.speedup; });
  if (fastest != report.scaling.end()) {
    const RunSummary& run = report.runs[fastest->run];
    figures.push_back({"Highest speedup", format_significant(fastest->speedup, 3) + "x",
                       fmt::format("on {} devices", run.devices),
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

/// The plots of a section.
void add_plots(Page& page, const std::string& section, const Report& report) {
  if (section == "runs") add_plot(page, throughput_plot(report));
  if (section == "speedup") add_plot(page, speedup_plot(report));
  if (section == "phases") add_plot(page, phases_plot(report));
  if (section == "communication") add_plot(page, communication_plot(report));
  if (section == "memory") add_plot(page, memory_plot(report));
  if (section == "training") add_pair(page, loss_plot(report), accuracy_plot(report));
}

void add_points(Page& page, const std::vector<std::string>& points) {
  if (points.empty()) return;
  page.add("<ul class=\"plain\">");
  for (const std::string& point : points)
    page.add("<li>{}</li>", escape_html(point));
  page.add("</ul>\n");
}

void begin_section(Page& page, const Section& section) {
  page.add("<section class=\"card\" id=\"{}\">\n<h2>{}</h2>\n", section.id, escape_html(section.title));
  if (!section.lede.empty()) page.add("<p class=\"lede\">{}</p>\n", escape_html(section.lede));
}

void add_section(Page& page, const Section& section, const Report& report) {
  begin_section(page, section);
  add_points(page, section.points);
  add_plots(page, section.id, report);
  for (std::size_t i = 0; i < section.tables.size(); ++i) {
    const Table& table = section.tables[i];
    if (section.tables.size() > 1) page.add("<h3>{}</h3>\n", escape_html(table.title));
    add_plot(page, table_plot(table, fmt::format("{}-{}", section.id, i)));
    add_table(page, table);
  }
  for (const std::string& note : section.notes)
    page.add("<p class=\"note\">{}</p>\n", escape_html(note));
  page.add("</section>\n");
}

void add_fact(Page& page, const char* name, const std::string& value) {
  if (!value.empty()) page.add("<dt>{}</dt><dd>{}</dd>", name, escape_html(value));
}

void add_details(Page& page, const RunSummary& run, std::size_t number) {
  const log::RunAttributes& id = run.attributes;
  page.add("<details><summary>{}</summary>\n", escape_html(run.label));
  add_points(page, run.notes);
  if (const Plot timeline = timeline_plot(run, fmt::format("timeline-{}", number)); !timeline.empty()) {
    page.add("<p class=\"where\">Timeline</p>\n");
    add_plot(page, timeline);
    add_table(page, timeline_table(run));
  }
  if (const Plot memory = memory_step_plot(run, fmt::format("memory-step-{}", number)); !memory.empty()) {
    page.add("<p class=\"where\">Memory over a step, of the rank that held most</p>\n");
    add_plot(page, memory);
    add_table(page, memory_step_table(run));
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
    if (value.empty()) continue;
    config += fmt::format("{}<dt>{}</dt><dd>{}</dd>", config.empty() ? "" : "\n", escape_html(key), escape_html(value));
  }
  page.add("</dl>\n");
  if (!config.empty()) page.add("<p class=\"where\">Configuration</p>\n<dl class=\"facts config\">{}</dl>\n", config);
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

const Section kDetails{
    "details", "Runs in detail", "What each log says of its run: hardware, versions, configuration, notes.", {}, {},
    {}};
const Section kProblems{
    "problems", "Problems", "These files were left out or are missing; everything else is reported.", {}, {}, {}};

void add_all_details(Page& page, const Report& report) {
  begin_section(page, kDetails);
  for (std::size_t i = 0; i < report.runs.size(); ++i)
    add_details(page, report.runs[i], i);
  page.add("</section>\n");
}

void add_problems(Page& page, const Report& report) {
  begin_section(page, kProblems);
  page.add("<ul class=\"plain\">");
  for (const Problem& problem : report.problems) {
    page.add("<li><span class=\"where\">{}</span>: {}</li>", escape_html(folder_and_name(problem.path)),
             escape_html(problem.what));
  }
  page.add("</ul>\n</section>\n");
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
  const std::vector<Section> sections = sections_of(report);
  add_header(page, report);
  page.add("<nav aria-label=\"Sections\">");
  const auto add_link = [&page](std::string_view id, const std::string& title) {
    page.add("<a href=\"#{}\">{}</a>", id, escape_html(title));
  };
  for (const Section& section : sections)
    add_link(section.id, section.title);
  if (!report.runs.empty()) add_link(kDetails.id, kDetails.title);
  if (!report.problems.empty()) add_link(kProblems.id, kProblems.title);
  page.add("</nav>\n</header>\n<main>\n");
  if (const auto figures = key_figures(report); !figures.empty()) {
    page.add("<dl class=\"figures\">");
    for (const KeyFigure& figure : figures) {
      page.add("<div><dt>{}</dt><dd class=\"big\">{} <small>{}</small></dd><dd class=\"of\">{}</dd></div>", figure.name,
               escape_html(figure.value), escape_html(figure.unit), escape_html(figure.of));
    }
    page.add("</dl>\n");
  }
  for (const Section& section : sections)
    add_section(page, section, report);
  if (!report.runs.empty()) add_all_details(page, report);
  if (!report.problems.empty()) add_problems(page, report);
  const bool starred = std::any_of(report.runs.begin(), report.runs.end(),
                                   [](const RunSummary& run) { return !run.attributes.precision_note.empty(); });
  if (starred)
    page.add("<footer><p>An asterisk at a precision: see the run's note on how it was carried out.</p></footer>\n");
  page.add("</main>\n</body>\n</html>\n");
  return page.take();
}

}  // namespace trainyard::report
