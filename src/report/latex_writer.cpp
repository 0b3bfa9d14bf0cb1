#include "report/latex_writer.h"

#include <fmt/format.h>

#include <string_view>

#include "report/format.h"
#include "report/section.h"
#include "report/utf8.h"

namespace trainyard::report {
namespace {

std::string_view command_for(char32_t c) {
  switch (c) {
    case U'\\':
      return "\\textbackslash{}";
    case U'~':
      return "\\textasciitilde{}";
    case U'^':
      return "\\textasciicircum{}";
    case U'<':
      return "\\textless{}";
    case U'>':
      return "\\textgreater{}";
    case U'"':
      return "\\textquotedbl{}";
    case U'\u00B7':
      return "$\\cdot$";
    case U'\u2013':
      return "--";
    case U'\u2026':
      return "\\ldots{}";
    default:
      return "";
  }
}

std::string escaped(std::string_view text) {
  const std::string clean = clean_text(text, 4096);
  std::string result;
  for (std::string_view rest = clean; !rest.empty();) {
    const CodePoint point = decode_utf8(rest);
    rest.remove_prefix(point.bytes);
    const std::string_view command = command_for(point.value);
    if (!command.empty()) {
      result += command;
    } else if (point.value >= 0x80) {
      result += '?';
    } else {
      const char c = static_cast<char>(point.value);
      if (std::string_view("&%$#_{}").find(c) != std::string_view::npos) result += '\\';
      result += c;
    }
  }
  return result;
}

void add_table(std::string& page, const Section& section, const Table& table, std::size_t number) {
  page += "\n\\begin{table}[htbp]\n\\centering\n";
  page += fmt::format("\\caption{{{}}}\n\\label{{tab:{}-{}}}\n", escaped(table.title), section.id, number);
  page += "\\begin{adjustbox}{max width=\\linewidth}\n\\begin{tabular}{";
  for (const Column& column : table.columns)
    page += is_numeric(column.format) ? 'r' : 'l';
  page += "}\n\\toprule\n";
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    page += (i == 0 ? "" : " & ") + escaped(table.columns[i].title);
  page += " \\\\\n\\midrule\n";
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      page += (i == 0 ? "" : " & ") + escaped(display(row[i], table.columns[i].format));
    page += " \\\\\n";
  }
  page += "\\bottomrule\n\\end{tabular}\n\\end{adjustbox}\n\\end{table}\n";
}

}  // namespace

std::string to_latex(const Report& report) {
  std::string page =
      "% Tables of a trainyard report. In the preamble: \\usepackage[T1]{fontenc} \\usepackage{booktabs,adjustbox}\n";
  for (const Section& section : sections_of(report)) {
    for (std::size_t i = 0; i < section.tables.size(); ++i)
      add_table(page, section, section.tables[i], i + 1);
  }
  return page;
}

}  // namespace trainyard::report
