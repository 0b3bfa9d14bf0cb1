#include "report/table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace trainyard::report {
namespace {

TEST(Display, ShowsEachFormat) {
  EXPECT_EQ(display(Cell(1.934), Format::kFactor), "1.93x");
  EXPECT_EQ(display(Cell(0.5), Format::kShare), "50.0 %");
  EXPECT_EQ(display(Cell(12'300'000.0), Format::kDuration), "12.3 ms");
  EXPECT_EQ(display(Cell(std::int64_t{1'500}), Format::kCount), "1,500");
  EXPECT_EQ(display(Cell(), Format::kReal), "\xE2\x80\x93");
  EXPECT_EQ(display(Cell(std::nan("")), Format::kReal, false), "-");
  EXPECT_EQ(display(Cell(std::string("a\x1b"
                                     "b")),
                    Format::kText),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(Csv, QuotesAndDisarms) {
  const Table table{"t",
                    {{"name", ""}, {"value", "", Format::kReal}},
                    {{Cell(std::string("plain")), Cell(0.1)},
                     {Cell(std::string("a,\"b\"")), Cell()},
                     {Cell(std::string("=SUM(A1)")), Cell(INFINITY)},
                     {Cell(std::string("two\nlines")), Cell(std::int64_t{1'000'000})}}};
  EXPECT_EQ(to_csv(table), "name,value\nplain,0.1\n\"a,\"\"b\"\"\",\n'=SUM(A1),\ntwo lines,1000000\n");
}

}  // namespace
}  // namespace trainyard::report
