#include "report/text_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/terminal.h"
#include "report/format.h"
#include "report/section.h"

namespace trainyard::report {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kShortestLabel = 16;
constexpr std::size_t kLongestBar = 80;

// 256-colour codes, near those of the HTML report; black text reads on all of them.
constexpr std::array<int, kPhaseCount> kPhaseColours{110, 80, 68, 104, 209, 179, 114, 250};

class Writer {
 public:
  explicit Writer(const TextStyle& style) : style_(style) {}

  void line(std::string_view text = {}) { text_.append(text).append(1, '\n'); }

  void heading(const std::string& title) {
    line();
    line(paint(title, "1"));
  }

  /// Wraps at words, later lines set in.
  void paragraph(const std::string& text, std::string_view mark = "") {
    const std::size_t width = style_.width == 0 ? 120 : style_.width;
    const std::string indent(mark.size(), ' ');
    std::string current(mark);
    bool fresh = true;
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      const std::string word = text.substr(at, end - at);
      if (!fresh && display_width(current) + 1 + display_width(word) > width) {
        line(current);
        current = indent;
        fresh = true;
      }
      if (!fresh) current += ' ';
      current += word;
      fresh = false;
      at = end + 1;
    }
    line(current);
  }

  void table(const Table& table);
  void bars(const Report& report);
  std::string take() { return std::move(text_); }

  std::string paint(const std::string& text, const std::string& code) const {
    return style_.colour ? "\x1b[" + code + "m" + text + "\x1b[0m" : text;
  }

 private:
  std::size_t label_width() const { return style_.width == 0 ? 200 : std::max(kShortestLabel, style_.width / 4); }

  std::size_t cell_width() const {
    if (style_.width == 0) return 200;
    const std::size_t beside_label = style_.width - std::min(style_.width, label_width() + kGap);
    return std::max<std::size_t>(8, std::min(beside_label, std::max<std::size_t>(24, label_width())));
  }

  void table_part(const Table& table, const std::vector<std::vector<std::string>>& shown,
                  const std::vector<std::size_t>& widths, std::size_t begin, std::size_t end);

  TextStyle style_;
  std::string text_;
};

std::string pad(const std::string& text, std::size_t width, bool flush_right) {
  const std::string blanks(width - std::min(width, display_width(text)), ' ');
  return flush_right ? blanks + text : text + blanks;
}

void Writer::table_part(const Table& table, const std::vector<std::vector<std::string>>& shown,
                        const std::vector<std::size_t>& widths, std::size_t begin, std::size_t end) {
  std::vector<std::size_t> columns{0};
  for (std::size_t column = begin; column < end; ++column)
    columns.push_back(column);
  const auto row_line = [&](auto text_of) {
    std::string row;
    for (const std::size_t column : columns) {
      if (column != 0) row.append(kGap, ' ');
      row += pad(text_of(column), widths[column], is_numeric(table.columns[column].format));
    }
    row.erase(row.find_last_not_of(' ') + 1);
    return row;
  };
  line(paint(row_line([&](std::size_t column) { return table.columns[column].title; }), "2"));
  for (const auto& row : shown)
    line(row_line([&](std::size_t column) { return row[column]; }));
}

void Writer::table(const Table& table) {
  std::vector<std::vector<std::string>> shown;
  std::vector<std::size_t> widths;
  for (const Column& column : table.columns)
    widths.push_back(display_width(column.title));
  for (const auto& row : table.rows) {
    auto& texts = shown.emplace_back();
    for (std::size_t column = 0; column < row.size(); ++column) {
      std::string text = display(row[column], table.columns[column].format, style_.unicode);
      text = elide_middle(text, column == 0 ? label_width() : cell_width(), style_.unicode);
      widths[column] = std::max(widths[column], display_width(text));
      texts.push_back(std::move(text));
    }
  }
  std::size_t begin = 1;
  while (begin < table.columns.size()) {
    std::size_t used = widths[0];
    std::size_t end = begin;
    while (end < table.columns.size() &&
           (end == begin || style_.width == 0 || used + kGap + widths[end] <= style_.width)) {
      used += kGap + widths[end++];
    }
    if (begin > 1) line();
    table_part(table, shown, widths, begin, end);
    begin = end;
  }
}

/// Letters per phase that add up to `length`, by largest remainder.
std::array<std::size_t, kPhaseCount> split_bar(const RunSummary& run, std::size_t length) {
  std::array<std::size_t, kPhaseCount> cells{};
  std::array<double, kPhaseCount> remainder{};
  const double whole = std::accumulate(run.phase_ns.begin(), run.phase_ns.end(), 0.0);
  std::size_t used = 0;
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    const double exact = run.phase_ns[phase] / whole * static_cast<double>(length);
    cells[phase] = static_cast<std::size_t>(std::floor(exact));
    remainder[phase] = exact - std::floor(exact);
    used += cells[phase];
  }
  for (; used < length; ++used) {
    const auto most = std::max_element(remainder.begin(), remainder.end()) - remainder.begin();
    ++cells[static_cast<std::size_t>(most)];
    remainder[static_cast<std::size_t>(most)] = -1;
  }
  return cells;
}

void Writer::bars(const Report& report) {
  std::size_t label = 0;
  for (const RunSummary& run : report.runs)
    label = std::max(label, display_width(run.label));
  label = std::min(label, label_width());
  const std::size_t width = style_.width == 0 ? 120 : style_.width;
  const std::size_t length = std::clamp<std::size_t>(width > label + kGap ? width - label - kGap : 0, 10, kLongestBar);
  for (const RunSummary& run : report.runs) {
    if (std::accumulate(run.phase_ns.begin(), run.phase_ns.end(), 0.0) <= 0) continue;
    const auto cells = split_bar(run, length);
    std::string bar;
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
      if (cells[phase] == 0) continue;
      bar += paint(std::string(cells[phase], kPhases[phase].letter), fmt::format("30;48;5;{}", kPhaseColours[phase]));
    }
    line(pad(elide_middle(run.label, label, style_.unicode), label + kGap, false) + bar);
  }
  std::string key;
  for (const PhaseName& phase : kPhases)
    key += fmt::format("{}{} {}", key.empty() ? "" : "  ", phase.letter, phase.title);
  paragraph(key);
}

void write_notes(Writer& writer, const Report& report) {
  const bool any =
      std::any_of(report.runs.begin(), report.runs.end(), [](const auto& run) { return !run.notes.empty(); });
  if (!any) return;
  writer.heading("Notes");
  for (const RunSummary& run : report.runs) {
    for (const std::string& note : run.notes)
      writer.paragraph(run.label + ": " + note, "- ");
  }
}

void write_problems(Writer& writer, const Report& report) {
  if (report.problems.empty()) return;
  writer.heading("Problems");
  for (const Problem& problem : report.problems) {
    writer.paragraph(clean_text(problem.path.string()) + ": " + clean_text(problem.what), "- ");
  }
}

void write_section(Writer& writer, const Section& section, const Report& report) {
  writer.heading(section.title);
  if (section.tables.empty() && !section.lede.empty()) writer.paragraph(section.lede);
  for (const std::string& point : section.points)
    writer.paragraph(point, "- ");
  if (section.id == "phases") writer.bars(report);
  for (const Table& table : section.tables) {
    const bool first = &table == &section.tables.front();
    if (!first || !section.points.empty() || section.id == "phases") writer.line();
    if (section.tables.size() > 1) writer.line(table.title + ":");
    writer.table(table);
  }
}

}  // namespace

TextStyle style_of_stdout() {
  TextStyle style;
  if (core::is_terminal(core::Stream::kOut)) {
    style.width = static_cast<std::size_t>(core::terminal_width(core::Stream::kOut));
  }
  style.colour = core::colour_allowed(core::Stream::kOut);
  style.unicode = core::unicode_allowed();
  return style;
}

std::string to_text(const Table& table, const TextStyle& style) {
  Writer writer(style);
  writer.table(table);
  return writer.take();
}

std::string to_text(const Report& report, const TextStyle& style) {
  Writer writer(style);
  const std::size_t runs = report.runs.size() + report.inference.size();
  writer.line(writer.paint(fmt::format("{} run{} from {} timing log{}", runs, runs == 1 ? "" : "s", report.log_files,
                                       report.log_files == 1 ? "" : "s"),
                           "1"));
  const std::vector<Section> sections = sections_of(report);
  for (const Section& section : sections)
    write_section(writer, section, report);
  write_notes(writer, report);
  write_problems(writer, report);
  writer.heading("How to read this");
  for (const Section& section : sections) {
    for (const std::string& note : section.notes)
      writer.paragraph(note, "- ");
  }
  return writer.take();
}

}  // namespace trainyard::report
