#include "report/markdown_writer.h"

#include <fmt/format.h>

#include <string_view>

#include "report/format.h"
#include "report/section.h"

namespace trainyard::report {
namespace {

/// Text that Markdown, and the HTML in it, takes as it is.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : clean_text(text, 4096)) {
    if (c == '<') {
      result += "&lt;";
    } else if (c == '&') {
      result += "&amp;";
    } else {
      if (std::string_view("\\`*_[]|#~>").find(c) != std::string_view::npos) result += '\\';
      result += c;
    }
  }
  return result;
}

void add_table(std::string& page, const Table& table) {
  page += '|';
  for (const Column& column : table.columns)
    page += fmt::format(" {} |", escaped(column.title));
  page += "\n|";
  for (const Column& column : table.columns)
    page += is_numeric(column.format) ? " ---: |" : " --- |";
  page += '\n';
  for (const auto& row : table.rows) {
    page += '|';
    for (std::size_t i = 0; i < row.size(); ++i)
      page += fmt::format(" {} |", escaped(display(row[i], table.columns[i].format)));
    page += '\n';
  }
  page += '\n';
}

void add_list(std::string& page, const std::vector<std::string>& points) {
  for (const std::string& point : points)
    page += fmt::format("- {}\n", escaped(point));
  if (!points.empty()) page += '\n';
}

}  // namespace

std::string to_markdown(const Report& report) {
  std::string page = fmt::format("# trainyard report\n\n{} runs from {} timing logs.\n\n",
                                 report.runs.size() + report.inference.size(), report.log_files);
  for (const Section& section : sections_of(report)) {
    page += fmt::format("## {}\n\n", escaped(section.title));
    if (!section.lede.empty()) page += escaped(section.lede) + "\n\n";
    add_list(page, section.points);
    for (const Table& table : section.tables) {
      if (section.tables.size() > 1) page += fmt::format("### {}\n\n", escaped(table.title));
      add_table(page, table);
    }
    for (const std::string& note : section.notes)
      page += escaped(note) + "\n\n";
  }
  std::vector<std::string> notes;
  for (const RunSummary& run : report.runs) {
    for (const std::string& note : run.notes)
      notes.push_back(run.label + ": " + note);
  }
  if (!notes.empty()) page += "## Notes\n\n";
  add_list(page, notes);
  std::vector<std::string> problems;
  for (const Problem& problem : report.problems)
    problems.push_back(clean_text(problem.path.string()) + ": " + problem.what);
  if (!problems.empty()) page += "## Problems\n\n";
  add_list(page, problems);
  return page;
}

}  // namespace trainyard::report
