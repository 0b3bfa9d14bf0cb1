#include "log/schema.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <set>

#include "core/file.h"
#include "core/text.h"

namespace trainyard::log {
namespace {

using ::testing::HasSubstr;

/// docs/timing-log.md, whose tables are for those who write such files by other means.
const std::string& documentation() {
  static const std::string text = [] {
    const char* source = std::getenv("TRAINYARD_SOURCE_DIR");
    return core::read_file(std::filesystem::path(source == nullptr ? "." : source) / "docs/timing-log.md");
  }();
  return text;
}

/// The part of the documentation between "### `name`" and the next heading.
std::string section(const std::string& name) {
  const std::size_t start = documentation().find("### `" + name + "`");
  if (start == std::string::npos) return "";
  return documentation().substr(start, documentation().find("\n#", start + 1) - start);
}

/// The names in the first cells of a section's table rows "| `name` | ... |".
std::vector<std::string> documented_names(const std::string& text) {
  std::vector<std::string> names;
  for (const std::string_view line : core::split(text, '\n')) {
    if (line.starts_with("| `")) names.emplace_back(line.substr(3, line.find('`', 3) - 3));
  }
  return names;
}

TEST(Schema, EveryColumnIsDocumentedWithTypeUnitAndNeed) {
  for_each_table([]<class Row>(std::type_identity<Row>) {
    const Table<Row>& description = table<Row>();
    const std::string text = section("/" + std::string(description.name));
    std::vector<std::string> names;
    for (const Field<Row>& field : description.fields) {
      constexpr const char* kTypes[] = {"int64", "float64", "text", "enum"};
      names.emplace_back(field.name);
      std::string type = kTypes[field.member.index()];
      if (field.text_width > 0) type += " (" + std::to_string(field.text_width) + ")";
      EXPECT_THAT(text, HasSubstr("| `" + names.back() + "` | " + type + " | " + std::string(field.unit) + " | " +
                                  (field.need == Need::kRequired ? "yes" : "no") + " | "));
    }
    EXPECT_EQ(documented_names(text), names) << description.name;
  });
}

TEST(Schema, EveryAttributeIsDocumented) {
  const std::string text = section("/");
  std::vector<std::string> names{"schema"};
  for (const AttributeField& field : attribute_fields()) {
    names.emplace_back(field.name);
    EXPECT_THAT(text, HasSubstr("| `" + names.back() + "` | " + (field.member.index() == 0 ? "int64" : "text") + " | " +
                                (field.need == Need::kRequired ? "yes" : "no") + " | "));
  }
  names.emplace_back("complete");
  EXPECT_EQ(documented_names(text), names);
}

TEST(Schema, NamesAreUniqueAndUnitsAgreeWithThem) {
  for_each_table([]<class Row>(std::type_identity<Row>) {
    std::set<std::string_view> names;
    for (const Field<Row>& field : table<Row>().fields) {
      EXPECT_TRUE(names.insert(field.name).second) << field.name;
      EXPECT_EQ(field.name.ends_with("_ns"), field.unit == "ns") << field.name;
      EXPECT_EQ(field.name == "bytes" || field.name.ends_with("_bytes"), field.unit == "bytes") << field.name;
    }
  });
}

TEST(CollectiveOps, NamesAndOpsAgree) {
  for (const CollectiveOp op : collective_ops()) {
    EXPECT_EQ(collective_op_from_name(collective_op_name(op)), op);
    EXPECT_THAT(section("/collectives"), HasSubstr("`" + std::string(collective_op_name(op)) + "`"));
  }
  EXPECT_EQ(collective_op_from_name("nonsense"), CollectiveOp::kOther);
}

}  // namespace
}  // namespace trainyard::log
